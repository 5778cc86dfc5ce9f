"""The truth of a synthetic eye object by object: segments, bifurcations, and where arteries and veins cross."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from retina_tools.phantom.clearance import crossings
from retina_tools.phantom.geometry import Anatomy
from retina_tools.phantom.placing import quadrant
from retina_tools.phantom.truth_row import graph_of
from retina_tools.phantom.vessels import Floats, Segment
from retina_tools.phantom.visible import Piece, VisibleGraph
from retina_tools.schema import EyeError

# How far from a crossing the vein is looked at for nicking, and where its usual width is taken, in its widths there.
_NICK: Final = 1.5
_AWAY: Final = (2.5, 6.0)


def truth_tables(eye: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Every vessel segment, bifurcation and crossing in view, with its exact measures.

    Parameters
    ----------
    eye : xarray.Dataset
        Made by `retina_tools.phantom.eye` or a cohort, as it was made: not cropped, resized or turned.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``segments``: stretches between two of root, bifurcation, tip and edge of the view, with ``vessel``, ``trunk``,
        ``length``, ``calibre`` (median), ``arc_chord``, the kind of both ends, and start, middle and end.
        ``bifurcations``: ``vessel``, point, calibre of ``parent`` and the wider and narrower daughter, ``angle_deg``,
        ``asymmetry``, ``coefficient`` and ``exponent``. ``crossings`` of arteries over veins: point, ``angle_deg``,
        both calibres, and ``nicking_ratio``, the vein's least width near the crossing over its width away from it.
        ``lesions``: ``kind``, centre, ``area_px`` and ``area_um2``, ``diameter`` of the circle of that area,
        ``fovea_distance`` in um and DD, ``quadrant`` around the fovea.
        Points are ``_y`` and ``_x`` in px of this eye; lengths in px and um; distances from the disc in DD.

    Raises
    ------
    EyeError
        The eye is not a synthetic one, or no longer of the size it was made at.
    """
    geometry, graph = graph_of(eye)
    place = _Place(eye, geometry)
    return {
        "segments": _segments(graph, place),
        "bifurcations": _bifurcations(graph, place),
        "crossings": _crossings(graph, place),
        "lesions": _lesions(geometry, place),
    }


class _Place:
    """Turns micrometres of the anatomy into pixels of the eye."""

    def __init__(self, eye: xr.Dataset, geometry: Anatomy) -> None:
        size = int(json.loads(eye.attrs["phantom"])["size"])
        if (eye.sizes["y"], eye.sizes["x"]) != (size, size):
            raise EyeError(
                f"This eye is {eye.sizes['y']} x {eye.sizes['x']} pixels but was made at {size}; tables of points need "
                "the eye as phantom.eye made it."
            )
        self.frame, self.view = geometry.frame, geometry.view(size)
        self.mirrored = eye["laterality"].item() == "OS"
        self.um_per_pixel = self.view.um_per_pixel

    def point(self, name: str, points_um: Floats) -> dict[str, Floats]:
        """Columns of points, shape (n, 2), in px."""
        y, x = self.view.to_px(points_um.reshape(-1, 2)).T
        return {f"{name}y": y, f"{name}x": self.view.size - 1 - x if self.mirrored else x}

    def length(self, name: str, value_um: Any) -> dict[str, Floats]:
        """Columns of a length in px and in um."""
        um = np.asarray(value_um, float)
        return {f"{name}_px": um / self.um_per_pixel, f"{name}_um": um}

    def distance(self, points_um: Floats) -> dict[str, Floats]:
        """Column of the distance from the disc's centre in DD."""
        return {"distance_dd": self.frame.from_disc(points_um.reshape(-1, 2)) / (2 * self.frame.radius_um)}


def _segments(graph: VisibleGraph, place: _Place) -> pd.DataFrame:
    pieces = graph.pieces
    start, middle, end = (
        np.array([piece.points[int(share * (len(piece.points) - 1))] for piece in pieces]).reshape(-1, 2)
        for share in (0.0, 0.5, 1.0)
    )
    length = np.array([piece.length for piece in pieces])
    chord = np.hypot(*(end - start).T)
    return pd.DataFrame(
        {
            "segment": [piece.segment for piece in pieces],
            "vessel": [graph.segments[piece.segment].vessel for piece in pieces],
            "trunk": [graph.segments[piece.segment].trunk for piece in pieces],
            **place.length("length", length),
            **place.length("calibre", [2 * float(np.median(piece.radius)) for piece in pieces]),
            "arc_chord": length / chord,
            "start": [_start_kind(graph, piece) for piece in pieces],
            "end": [_end_kind(graph, piece) for piece in pieces],
            **place.distance(middle),
            **place.point("start_", start),
            **place.point("middle_", middle),
            **place.point("end_", end),
        }
    )


def _start_kind(graph: VisibleGraph, piece: Piece) -> str:
    if not piece.from_start:
        return "edge"
    return "bifurcation" if graph.segments[piece.segment].parent >= 0 else "root"


def _end_kind(graph: VisibleGraph, piece: Piece) -> str:
    if not piece.to_end:
        return "edge"
    return "bifurcation" if graph.segments[piece.segment].children else "tip"


def _bifurcations(graph: VisibleGraph, place: _Place) -> pd.DataFrame:
    nodes = graph.bifurcations
    points = np.array([node.point for node in nodes]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "segment": [node.segment for node in nodes],
            "vessel": [node.vessel for node in nodes],
            **place.point("", points),
            **place.length("parent", [node.parent_um for node in nodes]),
            **place.length("wider", [node.daughters_um[0] for node in nodes]),
            **place.length("narrower", [node.daughters_um[1] for node in nodes]),
            "angle_deg": [node.angle_deg for node in nodes],
            "asymmetry": [node.asymmetry for node in nodes],
            "coefficient": [node.coefficient for node in nodes],
            "exponent": [node.exponent for node in nodes],
            **place.distance(points),
        }
    )


def _crossings(graph: VisibleGraph, place: _Place) -> pd.DataFrame:
    arteries = [(k, segment) for k, segment in enumerate(graph.segments) if segment.vessel == "artery"]
    veins = [(k, segment) for k, segment in enumerate(graph.segments) if segment.vessel == "vein"]
    found = crossings([segment for _, segment in arteries], [segment for _, segment in veins])
    centre, reach = graph.regions.view.centre_um, graph.regions.field_um
    found = [crossing for crossing in found if np.hypot(*(crossing[0] - centre)) < reach]
    points = np.array([point for point, _, _ in found]).reshape(-1, 2)
    over = [_Run(arteries[i][1], point) for point, i, _ in found]
    under = [_Run(veins[j][1], point) for point, _, j in found]
    cosine = [abs(float(one.tangent @ other.tangent)) for one, other in zip(over, under, strict=True)]
    return pd.DataFrame(
        {
            "artery": [arteries[i][0] for _, i, _ in found],
            "vein": [veins[j][0] for _, _, j in found],
            **place.point("", points),
            "angle_deg": np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))),
            **place.length("artery", [run.width for run in over]),
            **place.length("vein", [run.width for run in under]),
            "nicking_ratio": [run.nicking for run in under],
            **place.distance(points),
        }
    )


def _lesions(geometry: Anatomy, place: _Place) -> pd.DataFrame:
    found = geometry.lesions
    centres = np.array([lesion.centre_um for lesion in found]).reshape(-1, 2)
    area = np.array([lesion.area_um2 for lesion in found])
    to_fovea = np.hypot(*centres.T)
    return pd.DataFrame(
        {
            "kind": [lesion.kind for lesion in found],
            **place.point("", centres),
            "area_px": area / place.um_per_pixel**2,
            "area_um2": area,
            **place.length("diameter", 2.0 * np.sqrt(area / np.pi)),
            "fovea_distance_um": to_fovea,
            "fovea_distance_dd": to_fovea / geometry.parameters.disc_diameter_um,
            "quadrant": [quadrant(centre) for centre in centres],
            **place.distance(centres),
        }
    )


class _Run:
    """A segment seen from a point on it."""

    def __init__(self, segment: Segment, point: Floats) -> None:
        steps = np.diff(segment.points_um, axis=0)
        arc = np.append(0.0, np.cumsum(np.hypot(*steps.T)))
        near = int(np.argmin(np.hypot(*(segment.points_um - point).T)))
        ahead = steps[min(near, len(steps) - 1)]
        self.tangent: Floats = ahead / np.hypot(*ahead)
        self._away = np.abs(arc - arc[near])
        self._radius = segment.radius_um
        usual = 2.0 * float(np.median(segment.radius_um))
        far = (self._away > _AWAY[0] * usual) & (self._away < _AWAY[1] * usual)
        self.width = 2.0 * float(np.median(segment.radius_um[far])) if far.any() else usual

    @property
    def nicking(self) -> float:
        """Least width near the point over the width away from it."""
        return 2.0 * float(self._radius[self._away <= max(_NICK * self.width, 60.0)].min()) / self.width
