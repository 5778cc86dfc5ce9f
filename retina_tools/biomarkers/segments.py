"""The vessel segments of an eye as a table and as curves, for looking at and choosing from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import DIMENSIONS, UNITS, Unmeasurable
from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.biomarkers.vessel_tortuosity import curvature_line
from retina_tools.schema import has_mask
from retina_tools.taxonomy import EyeError

if TYPE_CHECKING:
    from retina_tools.biomarkers.vessel_graph import VesselGraph

Vessel = Literal["artery", "vein", "all"]

_COLUMNS = (
    "segment", "vessel", "kind", "length_px", "length_dd", "length_um", "calibre_px", "calibre_dd", "calibre_um",
    "arc_chord", "curvature_per_dd", "squared_curvature_per_dd2", "tortuosity_density_per_dd", "inflections",
    "vessel_id", "parent", "generation", "strahler", "zone", "distance_dd",
    "start_y", "start_x", "middle_y", "middle_x", "end_y", "end_x",
)  # fmt: skip
_TEXT = ("vessel", "kind", "zone")


def segments_table(eye: xr.Dataset, vessel: Vessel = "all") -> pd.DataFrame:
    """One row per vessel segment between branchings.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}
        Network to list; ``'all'`` is that of artery, vein and undecided vessels together.

    Returns
    -------
    pandas.DataFrame
        Columns ``segment`` (number, the key of :func:`segment_paths`), ``vessel`` (as asked for), ``kind`` (artery,
        vein or vessel), ``length`` and ``calibre`` in px, DD and um, the tortuosities (on centrelines smoothed over
        0.25 DD; NaN without a disc), ``vessel_id`` (segments that go on as the same vessel share it), ``parent`` (the
        segment before it on the way from the disc, -1 at a root), ``generation`` (1 at the root), ``strahler`` (1 at
        the tips), ``zone`` of the middle (disc, A, B, C or outer; B lies in C as well), ``distance_dd`` of the middle
        from the disc centre, and the start, middle and end. What cannot be measured is NaN; an eye without such
        vessels gives no rows.

    Raises
    ------
    EyeError
        No such network.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> vein = np.zeros((100, 100), bool); vein[48:53, 10:90] = True
    >>> table = segments_table(new_eye(masks={"vein": vein}), "vein")
    >>> len(table), round(float(table.calibre_px[0]), 1)
    (1, 5.0)
    """
    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        graph, forest = anatomy.graph(vessel), anatomy.forest(vessel)
    except Unmeasurable:
        return pd.DataFrame({column: pd.Series(dtype=object if column in _TEXT else float) for column in _COLUMNS})
    first, last = graph.bounds[:-1], graph.bounds[1:] - 1
    start, end, middle = graph.points_yx[first], graph.points_yx[last], graph.points_yx[(first + last) // 2]
    chord = np.hypot(*(end - start).T)
    calibre = line_medians(graph.width_px, graph.bounds)
    dd, um = (factor(anatomy, unit) for unit in ("dd", "um"))
    try:
        distance = np.hypot(*(middle - anatomy.frame.centre_yx).T) * dd
    except Unmeasurable:
        distance = np.full(len(graph), np.nan)
    values = (
        np.arange(len(graph)), vessel, _kinds(anatomy, graph, vessel), graph.length_px, graph.length_px * dd,
        graph.length_px * um, calibre, calibre * dd, calibre * um,
        np.where(chord > 0.1 * graph.length_px, graph.length_px / np.maximum(chord, 1e-9), np.nan),
        *_turning_columns(anatomy, graph, vessel, dd),
        forest.vessel, forest.parent, forest.generation, forest.strahler, _zones(distance), distance,
        start[:, 0], start[:, 1], middle[:, 0], middle[:, 1], end[:, 0], end[:, 1],
    )  # fmt: skip
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))


def _kinds(anatomy: Anatomy, graph: VesselGraph, vessel: str) -> NDArray[np.str_]:
    both = has_mask(anatomy.eye, "artery") and has_mask(anatomy.eye, "vein")
    names = ("artery", "vein", "vessel") if vessel == "all" and both else ("vessel" if vessel == "all" else vessel,)
    return np.array(names)[graph.part]


def _turning_columns(anatomy: Anatomy, graph: VesselGraph, vessel: str, dd: float) -> tuple[NDArray[np.float64], ...]:
    """Curvature, squared curvature, density of tortuosity and inflections of whole segments."""
    if not math.isfinite(dd):
        return tuple(np.full(len(graph), np.nan) for _ in range(4))
    from retina_tools.biomarkers.turning import turning

    found = turning(curvature_line(anatomy, vessel), graph.bounds[:-1], graph.bounds[1:])
    length = np.where(found.length > 0, found.length, np.nan)
    density = found.inflections * found.excess / length
    return found.absolute / length / dd, found.squared / length / dd**2, density / dd, found.inflections


def _zones(distance_dd: NDArray[np.float64]) -> NDArray[np.str_]:
    """Zone by the distance from the disc centre; empty where it is not known."""
    names = np.array(["disc", "A", "B", "C", "outer", ""])
    radii = 2 * distance_dd
    return names[np.where(np.isfinite(radii), np.searchsorted([1.0, 2.0, 3.0, 5.0], radii, side="right"), 5)]


def segment_paths(eye: xr.Dataset, vessel: Vessel = "all") -> list[NDArray[np.float64]]:
    """Centreline of every segment of :func:`segments_table`, each of shape (n, 2) as (y, x) in px.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    list of ndarray
        Empty for an eye without such vessels.
    """
    check_vessel(vessel)
    try:
        graph = Anatomy(eye).graph(vessel)
    except Unmeasurable:
        return []
    return [graph.path(segment) for segment in range(len(graph))]


def check_vessel(vessel: str) -> None:
    """Refuse a network that does not exist."""
    if vessel not in DIMENSIONS["vessel"]:
        raise EyeError(f"vessel is {vessel!r}, wanted one of {', '.join(DIMENSIONS['vessel'])}.")


def factor(anatomy: Anatomy, unit: str) -> float:
    """Factor from pixels to a unit, NaN where it is not known."""
    try:
        return anatomy.per_pixel(UNITS[unit])
    except Unmeasurable:
        return math.nan
