"""The vessel segments of an eye as a table and as curves, for looking at and choosing from."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import DIMENSIONS, UNITS, Unmeasurable
from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.taxonomy import EyeError

Vessel = Literal["artery", "vein", "all"]

_COLUMNS = (
    "segment", "vessel", "length_px", "length_dd", "length_um", "calibre_px", "calibre_dd", "calibre_um", "arc_chord",
    "distance_dd", "start_y", "start_x", "middle_y", "middle_x", "end_y", "end_x",
)  # fmt: skip


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
        Columns ``segment`` (number, the key of :func:`segment_paths`), ``vessel``, ``length`` and ``calibre`` in px, DD
        and um, ``arc_chord``, ``distance_dd`` (of the middle from the disc centre), and the start, middle and end.
        What cannot be measured is NaN; an eye without such vessels gives no rows.

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
    _check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        graph = anatomy.graph(vessel)
    except Unmeasurable:
        return pd.DataFrame({column: pd.Series(dtype=object if column == "vessel" else float) for column in _COLUMNS})
    first, last = graph.bounds[:-1], graph.bounds[1:] - 1
    start, end, middle = graph.points_yx[first], graph.points_yx[last], graph.points_yx[(first + last) // 2]
    chord = np.hypot(*(end - start).T)
    calibre = line_medians(graph.width_px, graph.bounds)
    dd, um = (_factor(anatomy, unit) for unit in ("dd", "um"))
    try:
        distance = np.hypot(*(middle - anatomy.frame.centre_yx).T) * dd
    except Unmeasurable:
        distance = np.full(len(graph), np.nan)
    values = (
        np.arange(len(graph)), vessel, graph.length_px, graph.length_px * dd, graph.length_px * um,
        calibre, calibre * dd, calibre * um,
        np.where(chord > 0.1 * graph.length_px, graph.length_px / np.maximum(chord, 1e-9), np.nan), distance,
        start[:, 0], start[:, 1], middle[:, 0], middle[:, 1], end[:, 0], end[:, 1],
    )  # fmt: skip
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))


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
    _check_vessel(vessel)
    try:
        graph = Anatomy(eye).graph(vessel)
    except Unmeasurable:
        return []
    return [graph.path(segment) for segment in range(len(graph))]


def _check_vessel(vessel: str) -> None:
    if vessel not in DIMENSIONS["vessel"]:
        raise EyeError(f"vessel is {vessel!r}, wanted one of {', '.join(DIMENSIONS['vessel'])}.")


def _factor(anatomy: Anatomy, unit: str) -> float:
    try:
        return anatomy.per_pixel(UNITS[unit])
    except Unmeasurable:
        return math.nan
