"""Bifurcations and crossings of an eye as tables, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable
from retina_tools.biomarkers.segments import Vessel, check_vessel, factor
from retina_tools.schema import has_mask

if TYPE_CHECKING:
    from retina_tools.biomarkers.vessel_graph import VesselGraph

_BIFURCATION_COLUMNS = (
    "bifurcation", "vessel", "y", "x", "distance_dd", "parent", "daughter_1", "daughter_2", "counted", "angle_deg",
    "parent_calibre_px", "daughter_1_calibre_px", "daughter_2_calibre_px", "asymmetry", "coefficient", "exponent",
    "exponent_status",
)  # fmt: skip
_CROSSING_COLUMNS = (
    "crossing", "y", "x", "distance_dd", "angle_deg", "segment_1", "segment_2", "kind_1", "kind_2",
    "calibre_1_px", "calibre_2_px", "nicking_ratio", "nicking_status",
)  # fmt: skip
# A vein's width near a crossing is sought within this many artery calibres of the artery's wall, its width away from it
# in the same again beyond.
_NEAR_CALIBRES: Final = 1.0
_AWAY_CALIBRES: Final = 3.0


def bifurcations_table(eye: xr.Dataset, vessel: Vessel = "all") -> pd.DataFrame:
    """One row per node where three vessel segments meet.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    pandas.DataFrame
        Columns ``bifurcation``, ``vessel``, place ``y, x`` in px and ``distance_dd`` from the disc centre, the segments
        ``parent``, ``daughter_1`` (the wider) and ``daughter_2`` (numbers of :func:`segments_table`), ``counted``
        (whether all three are long enough to count), ``angle_deg`` between the daughters, the three calibres,
        ``asymmetry``, ``coefficient`` and ``exponent``, NaN with the ``exponent_status`` ``implausible`` where a
        daughter is as wide as its parent and ``too_short`` where a calibre is missing.

    Raises
    ------
    EyeError
        No such network.
    """
    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        found = anatomy.bifurcations(vessel)
    except Unmeasurable:
        return _empty(_BIFURCATION_COLUMNS, ("vessel", "exponent_status"))
    dd = factor(anatomy, "dd")
    known = np.isfinite(found.width_px).all(axis=1)
    exponent = found.exponent
    status = np.where(np.isfinite(exponent), Status.OK.word, Status.IMPLAUSIBLE.word)
    status = np.where(known, status, Status.TOO_SHORT.word)
    # Without a disc the yardstick is a share of the field of view, as for the smoothing.
    counted = found.shortest_px >= 0.5 * anatomy.smoothing_px
    values = (
        np.arange(len(found)), vessel, found.yx[:, 0], found.yx[:, 1], _distance(anatomy, found.yx) * dd,
        *found.segments.T, counted, found.angle_deg, *found.width_px.T,
        found.asymmetry, found.coefficient, exponent, status,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(_BIFURCATION_COLUMNS, values, strict=True)))


def crossings_table(eye: xr.Dataset, vessel: Vessel = "all") -> pd.DataFrame:
    """One row per place where two vessels pass over each other.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}
        ``'all'`` has the crossings of arteries and veins.

    Returns
    -------
    pandas.DataFrame
        Columns ``crossing``, place ``y, x`` in px and ``distance_dd`` from the disc centre, ``angle_deg`` (0 to 90)
        between the two, ``segment_1`` and ``segment_2`` (numbers of :func:`segments_table`) with their ``kind`` and
        calibre, and ``nicking_ratio``: the narrowest width of the vein within one artery calibre of the artery's wall,
        over its median width between one and three of them away, both sides together; below 1 where the artery presses
        on the vein. It is NaN with a ``nicking_status`` where the two are not an artery and a vein (``not_applicable``)
        or the vein is not seen on both stretches (``too_short``).

    Raises
    ------
    EyeError
        No such network.
    """
    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        graph = anatomy.graph(vessel)
    except Unmeasurable:
        return _empty(_CROSSING_COLUMNS, ("kind_1", "kind_2", "nicking_status"))
    if vessel == "all" and has_mask(eye, "artery") and has_mask(eye, "vein"):
        names = np.array(["artery", "vein", "vessel"])
    else:
        names = np.array(["vessel" if vessel == "all" else vessel])
    rows = [
        _crossing(graph, names, yx, pair) for yx, pair in zip(graph.crossing_yx, graph.crossing_segments, strict=True)
    ]
    table = (
        pd.DataFrame(rows, columns=list(_CROSSING_COLUMNS))
        if rows
        else _empty(_CROSSING_COLUMNS, ("kind_1", "kind_2", "nicking_status"))
    )
    table["crossing"] = np.arange(len(table))
    table["distance_dd"] = _distance(anatomy, graph.crossing_yx) * factor(anatomy, "dd")
    return table


def _empty(columns: tuple[str, ...], text: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object if column in text else float) for column in columns})


def _distance(anatomy: Anatomy, points_yx: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.hypot(*(points_yx - anatomy.frame.centre_yx).T))
    except Unmeasurable:
        return np.full(len(points_yx), np.nan)


def _crossing(
    graph: VesselGraph, names: NDArray[np.str_], yx: NDArray[np.float64], pair: NDArray[np.int64]
) -> dict[str, object]:
    arms = [_Arm(graph, int(segment), yx) for segment in pair]
    kinds = [str(names[graph.part[arm.segment]]) for arm in arms]
    cosine = abs(float(arms[0].course @ arms[1].course))
    row: dict[str, object] = {"y": yx[0], "x": yx[1], "angle_deg": float(np.degrees(np.arccos(min(cosine, 1.0))))}
    for number, arm, kind in zip((1, 2), arms, kinds, strict=True):
        row |= {f"segment_{number}": arm.segment, f"kind_{number}": kind, f"calibre_{number}_px": arm.calibre}
    if sorted(kinds) != ["artery", "vein"]:
        return row | {"nicking_ratio": np.nan, "nicking_status": Status.NOT_APPLICABLE.word}
    artery, vein = sorted(arms, key=lambda arm: kinds[arms.index(arm)])
    ratio = vein.narrowing(artery.calibre / max(float(np.sqrt(1 - cosine**2)), 0.2))
    status = Status.OK if np.isfinite(ratio) else Status.TOO_SHORT
    return row | {"nicking_ratio": ratio, "nicking_status": status.word}


class _Arm:
    """A segment as seen from a crossing it runs through."""

    def __init__(self, graph: VesselGraph, segment: int, yx: NDArray[np.float64]) -> None:
        own = slice(int(graph.bounds[segment]), int(graph.bounds[segment + 1]))
        points, self.width, self.local = graph.points_yx[own], graph.width_px[own], graph.local_width_px[own]
        here = int(np.hypot(*(points - yx).T).argmin())
        self.along = np.abs(graph.along_px[own] - graph.along_px[own.start + here])
        self.segment = segment
        known = self.width[np.isfinite(self.width)]
        self.calibre = float(np.median(known)) if len(known) else np.nan
        reach = max(round(float(np.nan_to_num(self.calibre, nan=4.0))), 3)
        arrow = points[min(here + reach, len(points) - 1)] - points[max(here - reach, 0)]
        self.course = arrow / max(float(np.hypot(*arrow)), 1e-9)

    def narrowing(self, other_px: float) -> float:
        """Narrowest width beside a vessel of a given extent along this one / width farther away."""
        edge, step = other_px / 2, other_px
        near = (self.along <= edge + _NEAR_CALIBRES * step) & np.isfinite(self.local)
        away = (self.along > edge + _NEAR_CALIBRES * step) & (self.along <= edge + _AWAY_CALIBRES * step)
        away &= np.isfinite(self.width)
        if near.sum() < 2 or away.sum() < 2:
            return float("nan")
        return float(self.local[near].min() / np.median(self.width[away]))
