"""Lesions and other findings as objects: where each lies around the fovea, how large and how round it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.objects import Objects
from retina_tools.biomarkers.registry import ETDRS, FOVEA_QUADRANTS, Status, Unmeasurable
from retina_tools.schema import get_mask, has_mask

Floats = NDArray[np.float64]

_COLUMNS: Final = (
    "lesion", "kind", "area_px2", "area_dd2", "area_mm2", "diameter_px", "diameter_dd", "diameter_um", "y", "x",
    "major_px", "minor_px", "direction_deg", "aspect_ratio", "perimeter_px", "circularity",
    "fovea_distance_px", "fovea_distance_dd", "fovea_distance_um", "fovea_nearest_dd", "disc_distance_dd",
    "quadrant", "etdrs_field", "top", "left", "bottom", "right", "cut",
)  # fmt: skip
_TEXT: Final = ("kind", "quadrant", "etdrs_field")


def finding_mask(anatomy: Anatomy, name: str) -> NDArray[np.bool_]:
    """The visible part of a mask, shape (y, x), not to be written to.

    Raises
    ------
    Unmeasurable
        no_mask where it was not looked for, out_of_view where nothing is in view.
    """
    return anatomy.once(("finding_mask", name), lambda: _finding_mask(anatomy, name))


def _finding_mask(anatomy: Anatomy, name: str) -> NDArray[np.bool_]:
    if not has_mask(anatomy.eye, name):
        raise Unmeasurable(Status.NO_MASK)
    if not anatomy.frame.fov.any():
        raise Unmeasurable(Status.OUT_OF_VIEW)
    mask = get_mask(anatomy.eye, name)
    if mask is None:
        raise Unmeasurable(Status.NO_MASK)
    mask &= anatomy.frame.fov
    return mask


def objects_of(anatomy: Anatomy, name: str) -> Objects:
    """The connected parts of a mask in the field of view; there may be none."""
    return anatomy.once(("objects", name), lambda: Objects(finding_mask(anatomy, name)))


def some_objects_of(anatomy: Anatomy, name: str) -> Objects:
    """The same; empty_mask where there are none."""
    found = objects_of(anatomy, name)
    if not found.count:
        raise Unmeasurable(Status.EMPTY_MASK)
    return found


def fovea_distance_px(anatomy: Anatomy, name: str) -> Floats:
    """Distance of each object's centroid from the fovea."""
    offsets = objects_of(anatomy, name).centre_yx - np.array(anatomy.frame.fovea_yx)
    distance: Floats = np.hypot(offsets[:, 0], offsets[:, 1])
    return distance


def quadrant_of(anatomy: Anatomy, name: str) -> NDArray[np.int64]:
    """Index into ``FOVEA_QUADRANTS`` of each object's centroid, upright around the fovea.

    Raises
    ------
    Unmeasurable
        no_fovea, no_laterality, or implausible when the fovea is not temporal of the disc.
    """
    anatomy.frame.check_side()
    y, x = (objects_of(anatomy, name).centre_yx - np.array(anatomy.frame.fovea_yx)).T
    nasal = x >= 0 if anatomy.frame.laterality == "OD" else x <= 0
    index: NDArray[np.int64] = 2 * (y >= 0).astype(np.int64) + nasal
    return index


def field_of(anatomy: Anatomy, name: str) -> NDArray[np.int64]:
    """Index into ``ETDRS`` of each object's centroid, -1 outside the grid.

    Raises
    ------
    Unmeasurable
        no_fovea, no_scale, no_laterality, or implausible when the fovea is not temporal of the disc.
    """
    anatomy.frame.check_side()
    if not math.isfinite(anatomy.um_per_pixel):
        raise Unmeasurable(Status.NO_SCALE)
    y, x = (objects_of(anatomy, name).centre_yx - np.array(anatomy.frame.fovea_yx)).T
    nasal = x if anatomy.frame.laterality == "OD" else -x
    ring = np.searchsorted([500.0, 1500.0, 3000.0], np.hypot(y, x) * anatomy.um_per_pixel, side="right")
    # As ETDRS is ordered: superior, nasal, inferior, temporal.
    vertical = np.abs(y) > np.abs(x)
    side = np.where(vertical, np.where(y < 0, 0, 2), np.where(nasal > 0, 1, 3))
    index: NDArray[np.int64] = np.where(ring == 0, 0, np.where(ring == 3, -1, 1 + 4 * (ring - 1) + side))
    return index


def objects_table(eye: xr.Dataset, kinds: Sequence[str]) -> pd.DataFrame:
    """One row per object of some masks, see :func:`lesions_table`."""
    anatomy = Anatomy(eye)
    parts = []
    for kind in kinds:
        try:
            found = some_objects_of(anatomy, kind)
        except Unmeasurable:
            continue
        parts.append(_rows(anatomy, kind, found))
    if not parts:
        return pd.DataFrame({column: pd.Series(dtype=object if column in _TEXT else float) for column in _COLUMNS})
    table = pd.concat(parts, ignore_index=True)
    return table.assign(lesion=np.arange(len(table)))[list(_COLUMNS)]


def _rows(anatomy: Anatomy, kind: str, found: Objects) -> pd.DataFrame:
    from retina_tools.biomarkers.segments import factor

    dd, um = factor(anatomy, "dd"), factor(anatomy, "um")
    unknown = np.full(found.count, math.nan)
    to_fovea, nearest, to_disc = unknown, unknown, unknown
    with suppress(Unmeasurable):
        to_fovea, nearest = fovea_distance_px(anatomy, kind), found.nearest_px(anatomy.frame.fovea_yx)
    with suppress(Unmeasurable):
        to_disc = np.hypot(*(found.centre_yx - np.array(anatomy.frame.centre_yx)).T)
    top, left, bottom, right = found.box.T
    return pd.DataFrame(
        {
            "kind": kind,
            "area_px2": found.area_px2,
            "area_dd2": found.area_px2 * dd**2,
            "area_mm2": found.area_px2 * (um / 1000) ** 2,
            "diameter_px": found.diameter_px,
            "diameter_dd": found.diameter_px * dd,
            "diameter_um": found.diameter_px * um,
            "y": found.centre_yx[:, 0],
            "x": found.centre_yx[:, 1],
            "major_px": found.major_px,
            "minor_px": found.minor_px,
            "direction_deg": found.direction_deg,
            "aspect_ratio": found.aspect_ratio,
            "perimeter_px": found.perimeter_px,
            "circularity": found.circularity,
            "fovea_distance_px": to_fovea,
            "fovea_distance_dd": to_fovea * dd,
            "fovea_distance_um": to_fovea * um,
            "fovea_nearest_dd": nearest * dd,
            "disc_distance_dd": to_disc * dd,
            "quadrant": _named(anatomy, kind, found.count, quadrant=True),
            "etdrs_field": _named(anatomy, kind, found.count, quadrant=False),
            "top": top,
            "left": left,
            "bottom": bottom,
            "right": right,
            "cut": found.touches(anatomy.frame.fov),
        }
    )


def _named(anatomy: Anatomy, kind: str, count: int, *, quadrant: bool) -> NDArray[np.str_]:
    """Quadrant or field of each object, empty where there is none or it cannot be told."""
    names = np.array([*(FOVEA_QUADRANTS if quadrant else ETDRS), ""])
    try:
        return names[quadrant_of(anatomy, kind) if quadrant else field_of(anatomy, kind)]
    except Unmeasurable:
        return np.full(count, "")
