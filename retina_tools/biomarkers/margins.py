"""The margins of disc and cup as seen from the disc centre: one distance per direction, finer than a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.frame import Blob
from retina_tools.biomarkers.registry import CLOCK_HOURS, GARWAY_HEATH, RIM_QUARTERS

Floats = NDArray[np.float64]

#: One degree apart and off the axes, so that mirroring and quarter turns only change their order.
DIRECTIONS_DEG: Final[Floats] = np.arange(360, dtype=np.float64) + 0.5
_STEP_PX: Final = 0.5
# Limits of each sector, from the first angle counter-clockwise to the second in a right eye: 0 temporal, 90 superior.
_QUARTERS_DEG: Final = {"inferior": 270.0, "superior": 90.0, "nasal": 180.0, "temporal": 0.0}
_GARWAY_HEATH_DEG: Final = ((310, 40), (40, 80), (80, 120), (120, 230), (230, 270), (270, 310))
SECTORS_DEG: Final[dict[str, tuple[float, float]]] = {
    **{name: (_QUARTERS_DEG[name] - 45, _QUARTERS_DEG[name] + 45) for name in RIM_QUARTERS},
    # Hour 12 is superior, 3 nasal.
    **{name: (90.0 + 30 * hour - 15, 90.0 + 30 * hour + 15) for hour, name in enumerate(CLOCK_HOURS, start=1)},
    **dict(zip(GARWAY_HEATH, _GARWAY_HEATH_DEG, strict=True)),
}
# These look the same in a mirror, so that they need no laterality.
_UPRIGHT: Final = ("inferior", "superior", "clock_6", "clock_12")


@dataclass(frozen=True, eq=False)
class Margins:
    """Margins of disc and cup in the directions ``DIRECTIONS_DEG``, 0 towards image left over 90 up.

    Attributes
    ----------
    disc_px, cup_px : ndarray, shape (360,)
        Distance of each margin from the disc centre; the cup's is 0 where a ray does not meet it.
    """

    disc_px: Floats
    cup_px: Floats

    @cached_property
    def rim_px(self) -> Floats:
        """Width of the rim in each direction."""
        return np.maximum(self.disc_px - self.cup_px, 0.0)

    @cached_property
    def rim_disc_ratio(self) -> Floats:
        """Width of the rim over the diameter of the disc along the same line."""
        ratio: Floats = self.rim_px / (self.disc_px + np.roll(self.disc_px, 180))
        return ratio


def margins_of(anatomy: Anatomy) -> Margins:
    """The margins of an eye's disc and cup; Unmeasurable where it lacks one of them."""
    return anatomy.once("margins", lambda: _margins(anatomy))


def _margins(anatomy: Anatomy) -> Margins:
    centre = anatomy.disc.centre_yx
    return Margins(disc_margin(anatomy), _outermost(anatomy.cup, centre))


def disc_margin(anatomy: Anatomy) -> Floats:
    """Distance of the disc's margin from its centre in each direction, in px. Shape (360,)."""
    return anatomy.once("disc_margin", lambda: _outermost(anatomy.disc, anatomy.disc.centre_yx))


def _outermost(blob: Blob, centre_yx: tuple[float, float]) -> Floats:
    """Where rays from a point leave a region for the last time, half-way between the pixels in and out of it."""
    padded = np.pad(blob.mask, 2).astype(np.float32)
    start = np.array(centre_yx) - np.array(blob.corner_yx) + 2
    reach = float(np.hypot(*np.maximum(start, np.array(padded.shape) - 1 - start)))
    along = np.arange(0.0, reach + 2 * _STEP_PX, _STEP_PX)
    y, x = ray_points(start, along)
    level = ndimage.map_coordinates(padded, [y, x], order=1, mode="constant", prefilter=False)
    inside = level >= 0.5
    last = level.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    rays = np.arange(len(level))
    here, beyond = level[rays, last], level[rays, np.minimum(last + 1, level.shape[1] - 1)]
    found = along[last] + _STEP_PX * (here - 0.5) / np.maximum(here - beyond, 1e-6)
    return np.where(inside.any(axis=1), found, 0.0)


def ray_points(start_yx: Floats, along_px: Floats) -> tuple[Floats, Floats]:
    """Points (y, x) at distances along each direction, shape (360, n); distances of shape (n,) or (360, n)."""
    theta = np.radians(DIRECTIONS_DEG)[:, None]
    return start_yx[0] - along_px * np.sin(theta), start_yx[1] - along_px * np.cos(theta)


def eye_angles_deg(anatomy: Anatomy) -> Floats:
    """The directions as angles in the eye, 0 temporal over 90 superior, in [0, 360). Shape (360,).

    Raises
    ------
    Unmeasurable
        no_laterality, or implausible when the fovea is not on the temporal side.
    """
    anatomy.frame.check_side()
    return DIRECTIONS_DEG if anatomy.frame.laterality == "OD" else (180.0 - DIRECTIONS_DEG) % 360


def in_sector(anatomy: Anatomy, sector: str) -> NDArray[np.bool_]:
    """Which directions belong to a sector of the rim. Shape (360,)."""
    angle = DIRECTIONS_DEG if sector in _UPRIGHT else eye_angles_deg(anatomy)
    first, last = SECTORS_DEG[sector]
    inside: NDArray[np.bool_] = (angle - first) % 360 < (last - first) % 360
    return inside
