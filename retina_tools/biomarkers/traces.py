"""What was measured and where, for looking at: points, walls, arms and boxes as tables and maps.

Nothing is computed here that the measures do not compute; it is handed out in pixels of the picture, for figures and
for whoever doubts a number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Unmeasurable
from retina_tools.biomarkers.segments import Vessel, check_vessel, factor
from retina_tools.biomarkers.vessel_calibre import VESSELS_COMBINED
from retina_tools.schema import get_mask, has_mask
from retina_tools.taxonomy import EyeError

if TYPE_CHECKING:
    from retina_tools.biomarkers.zone_runs import Run

Floats = NDArray[np.float64]

_ARMS: Final = ("parent", "daughter_1", "daughter_2")
_KINDS: Final = ("artery", "vein")
# Walls of a vessel without any calibre are looked for as if it were so wide.
_UNKNOWN_PX: Final = 8.0


def calibre_points(eye: xr.Dataset, vessel: Vessel = "all") -> pd.DataFrame:
    """Every point of the centrelines with the walls found there and the calibre that counts.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    pandas.DataFrame
        Columns ``segment`` (number of :func:`segments_table`), ``y, x`` in px, ``along_px`` from the segment's start,
        the unit normal ``normal_y, normal_x``, the distances ``left_px`` against it and ``right_px`` along it to the
        wall of the mask, NaN where none is near, and ``calibre_px``: the width averaged along the segment, NaN near
        branchings and crossings, where nothing is measured. An eye without such vessels gives no rows.

    Raises
    ------
    EyeError
        No such network.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> vein = np.zeros((100, 100), bool); vein[48:53, 10:90] = True
    >>> points = calibre_points(new_eye(masks={"vein": vein}), "vein")
    >>> [round(float(points[name].median()), 1) for name in ("left_px", "right_px", "calibre_px")]
    [2.5, 2.5, 5.0]
    """
    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        graph = anatomy.graph(vessel)
    except Unmeasurable:
        columns = ("y", "x", "normal_y", "normal_x", "left_px", "right_px", "calibre_px")
        return pd.DataFrame({"segment": pd.Series(dtype=int)} | {name: pd.Series(dtype=float) for name in columns})
    table = point_columns(anatomy, vessel, np.arange(len(graph.points_yx)))
    starts = graph.along_px[graph.bounds[:-1]]
    table.insert(3, "along_px", graph.along_px - starts[graph.segment_of])
    return table


def point_columns(anatomy: Anatomy, vessel: str, points: NDArray[np.int64]) -> pd.DataFrame:
    """Segment, place, normal, walls and calibre of some points of a network.

    Parameters
    ----------
    anatomy : Anatomy
    vessel : {'artery', 'vein', 'all'}
    points : ndarray of int, shape (n,)
        Among those of the graph.

    Returns
    -------
    pandas.DataFrame
        One row per point, without ``along_px``.
    """
    from retina_tools.biomarkers.edges import find_walls
    from retina_tools.biomarkers.smoothing import line_medians, line_tangents

    graph = anatomy.graph(vessel)
    tangents = line_tangents(graph.points_yx, graph.bounds)[points]
    width = graph.width_px[points]
    typical = line_medians(graph.width_px, graph.bounds)[graph.segment_of[points]]
    reach = 1.25 * np.nan_to_num(np.where(np.isfinite(width), width, typical), nan=_UNKNOWN_PX) + 4
    left, right = np.full(len(points), np.nan), np.full(len(points), np.nan)
    for number, mask in enumerate(_masks(anatomy, vessel)):
        own = graph.part[graph.segment_of[points]] == number
        left[own], right[own], _ = find_walls(mask, graph.points_yx[points[own]], tangents[own], reach[own])
    # Where a centreline is led over a gap it has no vessel around it, and no walls.
    outside = left + right == 0
    left[outside], right[outside] = np.nan, np.nan
    y, x = graph.points_yx[points].T
    values = {"normal_y": tangents[:, 1], "normal_x": -tangents[:, 0], "left_px": left, "right_px": right}
    return pd.DataFrame({"segment": graph.segment_of[points], "y": y, "x": x, **values, "calibre_px": width})


def _masks(anatomy: Anatomy, vessel: str) -> list[NDArray[np.bool_]]:
    """The mask that each part of a network was traced in: of all vessels, arteries and veins have their own."""
    parts = [part for part in _KINDS if has_mask(anatomy.eye, part)]
    if vessel != "all" or len(parts) < 2:
        return [anatomy.vessel_mask(vessel)]
    return [get_mask(anatomy.eye, part) & anatomy.frame.fov for part in (*parts, "vessel")]  # type: ignore[operator]


def zone_vessels_table(eye: xr.Dataset, zone: str = "zone_b") -> pd.DataFrame:
    """The arteries and veins that cross a zone around the disc, widest first, and which of them are combined.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc.
    zone : {'zone_b', 'zone_c'}

    Returns
    -------
    pandas.DataFrame
        Columns ``vessel``, ``rank`` (1 is the widest of its kind), ``combined`` (whether it is one of the six that CRAE
        and CRVE are made of), ``calibre_px``, ``calibre_dd`` and ``calibre_um``, and the middle of its run, ``y, x``.
        Its run is the curve of the same place in :func:`zone_vessel_paths`.

    Raises
    ------
    EyeError
        The zone is none, or cannot be placed or seen in this eye.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> table = zone_vessels_table(shapes.radial_vessels())
    >>> table.groupby("vessel")["combined"].sum().to_dict()
    {'artery': 6, 'vein': 6}
    """
    anatomy, runs = _zone_runs(eye, zone)
    dd, um = (factor(anatomy, unit) for unit in ("dd", "um"))
    rows = []
    for vessel, own in runs.items():
        points = anatomy.graph(vessel).points_yx if own else np.empty((0, 2))
        for rank, run in enumerate(own, start=1):
            y, x = points[run.points[len(run.points) // 2]].tolist()
            width = run.width_px
            combined = rank <= VESSELS_COMBINED <= len(own)
            rows.append((vessel, rank, combined, width, width * dd, width * um, y, x))
    columns = ["vessel", "rank", "combined", "calibre_px", "calibre_dd", "calibre_um", "y", "x"]
    return pd.DataFrame(rows, columns=columns)


def zone_vessel_paths(eye: xr.Dataset, zone: str = "zone_b") -> list[Floats]:
    """The way of each vessel of :func:`zone_vessels_table` through the zone, of shape (n, 2) as (y, x) in px.

    Parameters
    ----------
    eye : xarray.Dataset
    zone : {'zone_b', 'zone_c'}
    """
    anatomy, runs = _zone_runs(eye, zone)
    return [anatomy.graph(vessel).points_yx[run.points] for vessel, own in runs.items() for run in own]


def _zone_runs(eye: xr.Dataset, zone: str) -> tuple[Anatomy, dict[str, list[Run]]]:
    from retina_tools.biomarkers.zone_runs import crossing_runs

    if zone not in ("zone_b", "zone_c"):
        raise EyeError(f"zone is {zone!r}, wanted 'zone_b' or 'zone_c'.")
    anatomy, runs = Anatomy(eye), {}
    try:
        anatomy.region(zone)
    except Unmeasurable as reason:
        raise EyeError(
            f"{zone} cannot be looked at ({reason.status.word}); it needs an optic disc well in view."
        ) from None
    for vessel in _KINDS:
        try:
            runs[vessel] = crossing_runs(anatomy, vessel, zone)
        except Unmeasurable:
            runs[vessel] = []
    return anatomy, runs


def bifurcation_arms(eye: xr.Dataset, bifurcation: int, vessel: Vessel = "all") -> pd.DataFrame:
    """The three arms of one bifurcation, point by point from the node outward, and what of them is measured.

    Parameters
    ----------
    eye : xarray.Dataset
    bifurcation : int
        Row of :func:`bifurcations_table` of the same network.
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    pandas.DataFrame
        Columns ``arm`` (parent, daughter_1, the wider, or daughter_2), ``segment``, ``y, x``, ``along_px`` from the
        node, ``normal_y, normal_x``, ``left_px, right_px`` and ``calibre_px`` as :func:`calibre_points` has them,
        ``chord_end`` (true at the one point of each arm where the chord of the branching angle ends) and
        ``in_calibre`` (whether the arm's calibre is the median over this point too). Arms end where their calibre does.

    Raises
    ------
    EyeError
        No such network or bifurcation.
    """
    from retina_tools.biomarkers.bifurcations import ANGLE_DD, CALIBRE_DD

    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        found = anatomy.bifurcations(vessel)
    except Unmeasurable:
        found = None
    if found is None or not 0 <= bifurcation < len(found):
        count = 0 if found is None else len(found)
        raise EyeError(f"bifurcation is {bifurcation}, but bifurcations_table has {count} rows for {vessel!r}.")
    graph, diameter = anatomy.graph(vessel), anatomy.bifurcation_yardstick_px
    parts = []
    for arm, segment in zip(_ARMS, found.segments[bifurcation].tolist(), strict=True):
        own = np.arange(graph.bounds[segment], graph.bounds[segment + 1])
        own = own if graph.ends[segment, 0] == found.node[bifurcation] else own[::-1]
        along = np.abs(graph.along_px[own] - graph.along_px[own[0]])
        chord_end = min(int(np.searchsorted(along, ANGLE_DD * diameter)), len(own) - 1)
        near = (along >= CALIBRE_DD[0] * diameter) & (along <= CALIBRE_DD[1] * diameter)
        known = np.isfinite(graph.width_px[own])
        # An arm without a calibre there is measured wherever it has one.
        measured = near & known if (near & known).any() else known
        last = max(chord_end, int(np.flatnonzero(measured).max(initial=0))) + 1
        table = point_columns(anatomy, vessel, own[:last]).assign(along_px=along[:last], in_calibre=measured[:last])
        table["chord_end"] = np.arange(last) == chord_end
        table.insert(0, "arm", arm)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def box_counts(eye: xr.Dataset, vessel: Vessel = "all") -> pd.DataFrame:
    """The boxes that the box-counting dimension is the slope of, one row per size.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc.
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    pandas.DataFrame
        Columns ``side_px`` and ``side_dd`` of a box, ``boxes``, the smallest number that covers the vessels over all
        positions of the grid, and ``offset_y, offset_x``, the row and column of pixels at which a box of that grid
        begins.

    Raises
    ------
    EyeError
        No such network, or its boxes cannot be counted in this eye.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> table = box_counts(phantom.eye(size=512), "artery")
    >>> bool(table["boxes"].is_monotonic_decreasing)
    True
    """
    from retina_tools.biomarkers.fractal import counted_boxes
    from retina_tools.biomarkers.multifractal import bounding_box

    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        counts = counted_boxes(anatomy, vessel)
        rows, columns = bounding_box(anatomy.vessel_mask(vessel))
    except Unmeasurable as reason:
        raise EyeError(
            f"Boxes cannot be counted ({reason.status.word}); they need vessels and an optic disc."
        ) from None
    dd = factor(anatomy, "dd")
    found = []
    for one in counts:
        # Positions are numbered row by row, and a column later than the box they belong to.
        down, right = divmod(int(one.occupied.argmin()), one.side)
        offset = (rows.start + down) % one.side, (columns.start + right + 1) % one.side
        found.append((one.side, one.side * dd, int(one.occupied.min()), *offset))
    return pd.DataFrame(found, columns=["side_px", "side_dd", "boxes", "offset_y", "offset_x"])


def vessel_distances(eye: xr.Dataset, vessel: Vessel = "all") -> NDArray[np.float32]:
    """How far the retina is from its vessels, the map that sparsity is the mean and the maximum of.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}

    Returns
    -------
    ndarray of float32, shape (y, x)
        In px; NaN outside the field of view.

    Raises
    ------
    EyeError
        No such network, or no such vessels in this eye.
    """
    from retina_tools.biomarkers.distance import distance_to

    check_vessel(vessel)
    anatomy = Anatomy(eye)
    try:
        found = distance_to(anatomy.vessel_mask(vessel))
    except Unmeasurable as reason:
        raise EyeError(
            f"There is nothing to be distant from ({reason.status.word}); segment the vessels first."
        ) from None
    return np.where(anatomy.frame.fov, found, np.float32(math.nan)).astype(np.float32)


def region_fields(eye: xr.Dataset, regions: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    """The visible pixels of parts of the retina, each of shape (y, x); those that cannot be placed are left out.

    Parameters
    ----------
    eye : xarray.Dataset
    regions : tuple of str
        For example ``('superior', 'inferior')``; names of the coordinate ``region`` of :func:`measure`.

    Raises
    ------
    EyeError
        There is no such region.
    """
    anatomy, found = Anatomy(eye), {}
    for region in regions:
        try:
            found[region] = anatomy.regions.mask(region)
        except KeyError:
            raise EyeError(f"{region!r} is not a region; catalogue() lists them.") from None
        except Unmeasurable:
            continue
    return found
