"""The geometry of an eye: its disc, fovea and side, and from them distances, angles and zones.

Angles are in degrees with 0 towards the temporal side and 90 towards superior, so that right and left eyes agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.biomarkers.registry import Status, Unmeasurable
from retina_tools.schema import get_landmark, get_mask, has_mask

# Inner and outer circle of each zone, in disc radii from the disc centre.
ZONES: Final = {"zone_b": (2.0, 3.0), "zone_c": (2.0, 5.0)}

_EIGHT: Final = np.ones((3, 3), bool)
_LEAST_DISC_PX: Final = 20
# Of two blobs drawn as disc, the smaller is a speck below this share of the area, and a contradiction above it.
_SPECK_SHARE: Final = 0.1
# A disc that runs along the edge of the field for more than this share of its outline is cut off there.
_CUT_SHARE: Final = 0.05
# Rows near the vertex of an outline that are looked at for where it ends, and beyond how many it has no vertex.
_MOST_VERTEX_ROWS: Final = 8
_STRAIGHT: Final = 2.0
# The fovea lies within this angle of the temporal horizontal in any upright photograph.
_STEEPEST_DEG: Final = 45.0


@dataclass(frozen=True, eq=False)
class Blob:
    """A filled region on the retina.

    Attributes
    ----------
    mask : ndarray of bool, shape (y, x)
        Region without holes, cropped to its bounding box.
    corner_yx : tuple of int
        Where the crop starts.
    """

    mask: NDArray[np.bool_]
    corner_yx: tuple[int, int]

    @cached_property
    def area_px2(self) -> float:
        """Area in squared pixels."""
        return float(self.mask.sum())

    @cached_property
    def centre_yx(self) -> tuple[float, float]:
        """Centroid."""
        y, x = np.nonzero(self.mask)
        return float(y.mean() + self.corner_yx[0]), float(x.mean() + self.corner_yx[1])

    @cached_property
    def height_px(self) -> float:
        """Extent along the eye's vertical, finer than a pixel where the outline is round there."""
        return _extent(self.mask.sum(axis=1))

    @cached_property
    def width_px(self) -> float:
        """Extent along the eye's horizontal."""
        return _extent(self.mask.sum(axis=0))

    @cached_property
    def _moments(self) -> NDArray[np.float64]:
        points = np.argwhere(self.mask).astype(float)
        # A pixel is a square, whose own second moment is 1/12 along each axis.
        return np.cov(points.T, bias=True) + np.eye(2) / 12 if len(points) > 1 else np.eye(2) / 12

    @cached_property
    def axes_px(self) -> tuple[float, float]:
        """Major and minor axis of the ellipse with the same second moments."""
        minor, major = np.sqrt(np.linalg.eigvalsh(self._moments))
        return 4 * float(major), 4 * float(minor)

    @cached_property
    def lean_deg(self) -> float:
        """Angle of the major axis to the vertical in (-90, 90], positive where its upper end leans to image left."""
        (yy, yx), (_, xx) = self._moments
        lean = math.degrees(0.5 * math.atan2(2 * yx, yy - xx))
        return 90.0 if lean == -90.0 else lean


def _extent(chords: NDArray[np.int64]) -> float:
    """Extent of a region from the lengths of its chords, one per row from the first row to the last."""
    return len(chords) - 1 + _overhang(chords) + _overhang(chords[::-1])


def _overhang(chords: NDArray[np.int64]) -> float:
    """How far a region reaches beyond the middle of its outermost row, 0 to 1.

    The squared chord of an ellipse at a depth below its vertex goes with the depth and with what is left to the other
    end. Divided by the latter it is a straight line, which meets zero at the vertex.
    """
    rows = min(len(chords) // 8, _MOST_VERTEX_ROWS)
    if rows < 2:
        return 0.5
    depth = np.arange(rows)
    squared = chords[:rows].astype(float) ** 2 / (1 - (depth + 0.5) / len(chords))
    slope = float(((depth - depth.mean()) * squared).sum() / ((depth - depth.mean()) ** 2).sum())
    start = float(squared.mean()) - slope * float(depth.mean())
    # A straight edge has no vertex; it lies half-way between the pixels in and out.
    if start > _STRAIGHT * slope:
        return 0.5
    return min(max(start / slope, 0.0), 1.0)


def fill_largest(mask: NDArray[np.bool_]) -> tuple[Blob, float]:
    """The largest 8-connected part of a mask with its holes filled, and the share of the mask's area it holds.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    labels, count = ndimage.label(mask[top : rows[-1] + 1, left : columns[-1] + 1], _EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    largest = int(sizes.argmax()) + 1
    box_y, box_x = ndimage.find_objects(labels, max_label=largest)[largest - 1]
    part = ndimage.binary_fill_holes(labels[box_y, box_x] == largest)
    return Blob(part, (top + box_y.start, left + box_x.start)), float(sizes.max() / sizes.sum())


class Frame:
    """Disc, fovea and side of one eye. What the eye does not have raises :class:`Unmeasurable` with the reason.

    Parameters
    ----------
    eye : xarray.Dataset

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> y, x = np.mgrid[:200, :200]
    >>> disc = np.hypot(y - 100, x - 130) < 15
    >>> frame = Frame(new_eye(masks={"optic_disc": disc}, landmarks={"fovea": (105, 60)}))
    >>> round(frame.diameter_px, 1), frame.laterality, round(frame.fovea_angle_deg, 1)
    (29.8, 'OD', -4.1)
    """

    def __init__(self, eye: xr.Dataset) -> None:
        self.eye = eye
        self.shape = (eye.sizes["y"], eye.sizes["x"])
        self.fov: NDArray[np.bool_] = eye["fov"].values if "fov" in eye else np.ones(self.shape, bool)

    @cached_property
    def _disc(self) -> Blob | Status:
        mask = get_mask(self.eye, "optic_disc")
        if mask is None or not mask.any():
            return Status.NO_DISC
        disc, share = fill_largest(mask)
        if share < 1 - _SPECK_SHARE or disc.area_px2 < _LEAST_DISC_PX or disc.area_px2 > 0.5 * self.fov.size:
            return Status.OUT_OF_VIEW if self._is_cut(disc) else Status.IMPLAUSIBLE
        return Status.OUT_OF_VIEW if self._is_cut(disc) else disc

    def _is_cut(self, disc: Blob) -> bool:
        padded = np.pad(disc.mask, 1)
        outline = disc.mask & ~ndimage.binary_erosion(padded, _EIGHT)[1:-1, 1:-1]
        beyond = ~np.pad(self.fov, 1)
        top, left = disc.corner_yx
        height, width = disc.mask.shape
        near = ndimage.binary_dilation(beyond[top : top + height + 2, left : left + width + 2], _EIGHT)[1:-1, 1:-1]
        return float((outline & near).sum()) > _CUT_SHARE * float(outline.sum())

    @property
    def disc(self) -> Blob:
        """The filled disc; no_disc, out_of_view (cut by the edge) or implausible (two discs) otherwise."""
        if isinstance(self._disc, Status):
            raise Unmeasurable(self._disc)
        return self._disc

    @property
    def disc_mask_status(self) -> Status:
        """Whether a disc was looked for and found, for measures of the disc itself."""
        if not has_mask(self.eye, "optic_disc"):
            return Status.NO_MASK
        return self._disc if isinstance(self._disc, Status) else Status.OK

    @cached_property
    def centre_yx(self) -> tuple[float, float]:
        """Centroid of the disc, or its landmark where no disc is drawn."""
        if isinstance(self._disc, Blob):
            return self._disc.centre_yx
        point = get_landmark(self.eye, "optic_disc")
        if self._disc is not Status.NO_DISC or point is None:
            raise Unmeasurable(self._disc)
        return point

    @property
    def radius_px(self) -> float:
        """Radius of the circle with the disc's area."""
        return math.sqrt(self.disc.area_px2 / math.pi)

    @property
    def diameter_px(self) -> float:
        """Disc diameter, DD."""
        return 2 * self.radius_px

    @cached_property
    def fovea_yx(self) -> tuple[float, float]:
        """The fovea's landmark, or the centroid of the macula drawn."""
        point = get_landmark(self.eye, "fovea")
        if point is None:
            macula = get_mask(self.eye, "macula")
            if macula is None or not macula.any():
                raise Unmeasurable(Status.NO_FOVEA)
            point = fill_largest(macula)[0].centre_yx
        return point

    @property
    def fovea_distance_px(self) -> float:
        """Disc-fovea distance, DFD; implausible when the fovea lies within one diameter of the disc centre."""
        (y, x), (fovea_y, fovea_x) = self.centre_yx, self.fovea_yx
        distance = math.hypot(fovea_y - y, fovea_x - x)
        least = self.diameter_px if isinstance(self._disc, Blob) else 1.0
        if distance < least:
            raise Unmeasurable(Status.IMPLAUSIBLE)
        return distance

    @cached_property
    def laterality(self) -> str:
        """'OD' or 'OS': as stated, else by the side of the disc the fovea is on; no_laterality otherwise."""
        stated = str(self.eye["laterality"].item()) if "laterality" in self.eye.coords else ""
        if stated:
            return stated
        try:
            (y, x), (fovea_y, fovea_x) = self.centre_yx, self.fovea_yx
        except Unmeasurable as reason:
            raise Unmeasurable(Status.NO_LATERALITY) from reason
        if abs(fovea_x - x) <= abs(fovea_y - y):
            raise Unmeasurable(Status.NO_LATERALITY)
        return "OD" if fovea_x < x else "OS"

    def angle_deg(self, y: float, x: float) -> float:
        """Direction of a point from the disc centre, in (-180, 180]: 0 temporal, 90 superior, 180 nasal.

        Raises
        ------
        Unmeasurable
            no_disc, no_laterality, or implausible: the fovea is not on the temporal side of the stated eye.
        """
        self.check_side()
        return self._angle_deg(y, x)

    def _angle_deg(self, y: float, x: float) -> float:
        centre_y, centre_x = self.centre_yx
        temporal = x - centre_x if self.laterality == "OS" else centre_x - x
        angle = math.degrees(math.atan2(centre_y - y, temporal))
        return 180.0 if angle == -180.0 else angle

    def check_side(self) -> None:
        """Refuse to tell temporal from nasal: no_laterality, or implausible when the fovea is not temporal."""
        if self.laterality not in ("OD", "OS"):
            raise Unmeasurable(Status.NO_LATERALITY)
        try:
            angle = self._angle_deg(*self.fovea_yx)
        except Unmeasurable:  # without disc or fovea there is nothing to contradict what is stated
            return
        if abs(angle) > _STEEPEST_DEG:
            raise Unmeasurable(Status.IMPLAUSIBLE)

    @property
    def fovea_angle_deg(self) -> float:
        """Direction of the fovea from the disc centre; negative below it."""
        return self.angle_deg(*self.fovea_yx)

    @cached_property
    def distance_px(self) -> NDArray[np.float32]:
        """Distance of every pixel from the disc centre, shape (y, x)."""
        y, x = self.centre_yx
        rows = np.arange(self.shape[0], dtype=np.float32)[:, None] - np.float32(y)
        columns = np.arange(self.shape[1], dtype=np.float32)[None] - np.float32(x)
        distance: NDArray[np.float32] = np.sqrt(rows * rows + columns * columns)
        return distance

    def zone_limits_px(self, zone: str) -> tuple[float, float]:
        """Inner and outer radius of a zone."""
        inner, outer = ZONES[zone]
        return inner * self.radius_px, outer * self.radius_px

    def zone_mask(self, zone: str) -> NDArray[np.bool_]:
        """The visible part of a zone, shape (y, x)."""
        inner, outer = self.zone_limits_px(zone)
        visible: NDArray[np.bool_] = (self.distance_px >= inner) & (self.distance_px < outer) & self.fov
        return visible

    def zone_visible_fraction(self, zone: str) -> float:
        """Share of a zone inside the field of view; what lies beyond the frame counts as unseen."""
        inner, outer = self.zone_limits_px(zone)
        return min(float(self.zone_mask(zone).sum()) / (math.pi * (outer**2 - inner**2)), 1.0)
