"""The true vessel biomarkers, from the graph: calibre, length, tortuosity and branching in every region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from retina_tools.phantom.calibres import ZONES, hubbard, knudtson, zone_widths
from retina_tools.phantom.curves import turning
from retina_tools.phantom.regions import ETDRS, HEMIFIELDS, MAIN, QUADRANTS
from retina_tools.phantom.vessels import Floats, Vessel
from retina_tools.phantom.visible import Stretch, VisibleGraph

VESSELS: Final = ("artery", "vein", "all")
NAN: Final = float("nan")
_LONG_DD: Final = 0.25
# The main temporal vessels are looked at on circles around the disc, in disc-fovea distances.
_ARCADE_CIRCLES: Final = np.linspace(0.65, 0.8, 7)
_ARCADE_DEG: Final = (15.0, 115.0)
_LEAST_CIRCLES: Final = 3

Row = dict[str, float]


@dataclass(frozen=True)
class Units:
    """Puts values in micrometres into a row under the names with their units."""

    row: Row
    disc_um: float

    def put(self, name: str, at: str, value_um: float, power: int) -> None:
        """A quantity in um to some power, in disc diameters and in metric units."""
        dd = {1: "dd", 2: "dd2", -1: "per_dd", -2: "per_dd2"}[power]
        metric, per = {1: ("um", 1.0), 2: ("mm2", 1e3), -1: ("per_mm", 1e3), -2: ("per_mm2", 1e3)}[power]
        self.row[f"{name}_{dd}.{at}"] = value_um / self.disc_um**power
        self.row[f"{name}_{metric}.{at}"] = value_um / per**power


def vessel_row(graph: VisibleGraph) -> Row:
    """All biomarkers of the graph, by flat name."""
    row: Row = {}
    units = Units(row, graph.disc_um)
    for vessel in VESSELS:
        for region in (*MAIN, *HEMIFIELDS, *QUADRANTS, *ETDRS):
            stretches = graph.stretches(region, vessel) if graph.regions.is_visible(region) else None
            _lengths(graph, units, vessel, region, stretches)
            if region in MAIN:
                _tortuosities(graph, units, f"{vessel}.{region}", stretches)
                _branchings(graph, units, vessel, region)
        row[f"temporal_arcade_angle_deg.{vessel}.image"] = arcade_angle(graph, vessel)
    _equivalents(graph, units)
    return row


def _lengths(graph: VisibleGraph, units: Units, vessel: str, region: str, stretches: list[Stretch] | None) -> None:
    """Length density, and mean and spread of the calibre."""
    at = f"{vessel}.{region}"
    length = np.array([stretch.length for stretch in stretches or ()])
    seen = stretches is not None
    units.put("length_density", at, length.sum() / graph.regions.area_um2(region) if seen else NAN, -1)
    if region in ETDRS:
        return
    width = np.array([stretch.width for stretch in stretches or ()])
    mean = float(np.average(width, weights=length)) if length.sum() > 0 else NAN
    units.put("calibre_mean", at, mean, 1)
    if region in MAIN:
        spread = float(np.average((width - mean) ** 2, weights=length)) ** 0.5 if length.sum() > 0 else NAN
        units.put("calibre_sd", at, spread, 1)


def _tortuosities(graph: VisibleGraph, units: Units, at: str, stretches: list[Stretch] | None) -> None:
    long = [stretch for stretch in stretches or () if stretch.length >= _LONG_DD * graph.disc_um]
    weights = [stretch.length for stretch in long]
    ratios = [stretch.length / stretch.chord for stretch in long]
    units.row[f"tortuosity_arc_chord.{at}"] = float(np.average(ratios, weights=weights)) if long else NAN
    turned = [turning(stretch.piece.smooth[stretch.start : stretch.stop]) for stretch in long]
    total = sum(one.length for one in turned) if turned else NAN
    units.put("tortuosity_curvature", at, sum(one.absolute for one in turned) / total, -1)
    units.put("tortuosity_squared_curvature", at, sum(one.squared for one in turned) / total, -2)
    units.put("tortuosity_density", at, sum(one.inflections * one.excess for one in turned) / total, -1)
    units.put("inflection_density", at, sum(one.inflections for one in turned) / total, -1)


def _branchings(graph: VisibleGraph, units: Units, vessel: str, region: str) -> None:
    at = f"{vessel}.{region}"
    seen = graph.regions.is_visible(region)
    nodes = [
        node
        for node in graph.bifurcations
        if seen and vessel in ("all", node.vessel) and bool(graph.regions.contains(region, *_columns(node.point))[0])
    ]
    count = float(len(nodes)) if seen else NAN
    units.row[f"bifurcation_count.{at}"] = count
    units.put("bifurcation_density", at, count / graph.regions.area_um2(region) if seen else NAN, -2)
    units.row[f"branching_angle_deg.{at}"] = _median([node.angle_deg for node in nodes])
    units.row[f"branching_asymmetry.{at}"] = _median([node.asymmetry for node in nodes])
    units.row[f"branching_coefficient.{at}"] = _median([node.coefficient for node in nodes])
    units.row[f"junctional_exponent_deviation.{at}"] = _median([node.exponent - 3.0 for node in nodes])
    tips = [point for kind, point in graph.tips if vessel in ("all", kind)]
    inside = [bool(graph.regions.contains(region, *_columns(point))[0]) for point in tips]
    units.row[f"tip_count.{at}"] = float(sum(inside)) if seen else NAN
    units.row[f"length_diameter_ratio.{at}"] = _slenderness(graph, vessel, region) if seen else NAN


def _slenderness(graph: VisibleGraph, vessel: str, region: str) -> float:
    """Median length over median width of the segments between two nodes whose middle lies in a region."""
    between = [
        piece
        for piece in graph.pieces
        if graph.is_of(piece, vessel)
        and piece.from_start
        and piece.to_end
        and graph.segments[piece.segment].parent >= 0
        and graph.segments[piece.segment].children
        and bool(graph.regions.contains(region, *_columns(piece.points[len(piece.points) // 2]))[0])
    ]
    return _median([piece.length / (2.0 * float(np.median(piece.radius))) for piece in between])


def _columns(point: Floats) -> tuple[Floats, Floats]:
    return point[:1], point[1:]


def _median(values: list[float]) -> float:
    known = np.array([value for value in values if np.isfinite(value)])
    return float(np.median(known)) if len(known) else NAN


def _equivalents(graph: VisibleGraph, units: Units) -> None:
    for zone in ZONES:
        seen = graph.regions.is_visible(zone)
        pair = {}
        vessel: Vessel
        for vessel in ("artery", "vein"):
            widths = zone_widths(graph.segments, graph.frame, vessel, zone) if seen else np.empty(0)
            pair[vessel] = knudtson(widths, vessel)
            units.put("calibre_equivalent", f"{vessel}.{zone}", pair[vessel], 1)
            units.row[f"calibre_equivalent_hubbard_um.{vessel}.{zone}"] = hubbard(widths, vessel)
        units.row[f"arteriole_venule_ratio.{zone}"] = pair["artery"] / pair["vein"]


def arcade_angle(graph: VisibleGraph, vessel: str) -> float:
    """Angle at the disc between the widest superior and the widest inferior temporal vessel.

    Median over circles of 0.65 to 0.8 disc-fovea distances around the disc, on each of which the vessels are looked for
    15 to 115 degrees from the direction of the fovea; NaN where fewer than three circles have both.
    """
    frame = graph.frame
    reach = float(np.hypot(*frame.disc_yx))
    temporal = -frame.disc_yx / reach
    pieces = [piece for piece in graph.pieces if graph.is_of(piece, vessel)]
    if not pieces:
        return NAN
    points = np.concatenate([piece.points for piece in pieces]) - frame.disc_yx
    sizes = [len(piece.points) for piece in pieces]
    width = np.repeat([float(np.median(piece.radius)) for piece in pieces], sizes)
    inner = np.ones(len(points), bool)
    inner[np.cumsum(sizes) - 1] = False
    distance = np.hypot(*points.T) / reach
    aside = np.degrees(np.arctan2(points[:, 0] * temporal[1] - points[:, 1] * temporal[0], points @ temporal))
    spans = []
    for circle in _ARCADE_CIRCLES:
        cut = np.flatnonzero(inner[:-1] & ((distance[1:] >= circle) != (distance[:-1] >= circle)))
        sides = [_widest(sign * aside[cut], width[cut]) for sign in (1, -1)]
        spans += [sum(sides)] if np.isfinite(sides).all() else []
    return float(np.median(spans)) if len(spans) >= _LEAST_CIRCLES else NAN


def _widest(angle_deg: Floats, width: Floats) -> float:
    """Direction of the widest vessel of one side; NaN where there is none."""
    low, high = _ARCADE_DEG
    chosen = (angle_deg > low) & (angle_deg < high)
    return float(angle_deg[chosen][width[chosen].argmax()]) if chosen.any() else NAN
