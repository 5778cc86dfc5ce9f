"""The separate objects of a mask: lesions, patches of atrophy, streaks of choroid, and how large and round each is.

Lesions are sparse, so objects are found from the runs of pixels along rows rather than from the whole picture.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from retina_tools.biomarkers.contours import outer_contours

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Of fewer pixels no shape can be told: they read as round whatever they are.
LEAST_SHAPE_PX: Final = 12


class Objects:
    """The 8-connected parts of a mask, as columns of a table in the order of their first pixel.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Examples
    --------
    >>> mask = np.zeros((40, 40), bool); mask[3:5, 3:9] = True; mask[5, 9] = True; mask[20:31, 20:31] = True
    >>> found = Objects(mask)
    >>> found.area_px2.tolist(), found.centre_yx[1].tolist()
    ([13.0, 121.0], [25.0, 25.0])
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.shape = mask.shape
        width = mask.shape[1]
        self.pixels: Ints = np.flatnonzero(mask)
        first = np.ones(len(self.pixels), bool)
        first[1:] = (np.diff(self.pixels) != 1) | (self.pixels[1:] % width == 0)
        begin = np.flatnonzero(first)
        self._run_length: Ints = np.diff(np.append(begin, len(self.pixels)))
        self._row, self._left = np.divmod(self.pixels[begin], width)
        self._right = self._left + self._run_length - 1
        self._run_object = _join_runs(self._row, self._left, self._right, width + 2)
        self.count = int(self._run_object.max()) + 1 if len(begin) else 0

    def _sum(self, of_runs: NDArray[np.float64] | Ints) -> Floats:
        total: Floats = np.bincount(self._run_object, of_runs, minlength=self.count).astype(np.float64, copy=False)
        return total

    @cached_property
    def owner(self) -> Ints:
        """Which object each of ``pixels`` (flat indices into the mask) belongs to."""
        return np.repeat(self._run_object, self._run_length)

    @cached_property
    def area_px2(self) -> Floats:
        """Number of pixels. Shape (count,)."""
        return self._sum(self._run_length)

    @cached_property
    def centre_yx(self) -> Floats:
        """Centroids. Shape (count, 2)."""
        n = self._run_length
        sums = (self._sum(n * self._row), self._sum(n * (self._left + self._right) / 2))
        return np.stack(sums, axis=1) / self.area_px2[:, None]

    @cached_property
    def box(self) -> Ints:
        """Top, left, bottom and right pixel of each. Shape (count, 4)."""
        size = max(self.shape)
        least, most = np.full((2, self.count), size), np.full((2, self.count), -1)
        for axis, (low, high) in enumerate(((self._row, self._row), (self._left, self._right))):
            np.minimum.at(least[axis], self._run_object, low)
            np.maximum.at(most[axis], self._run_object, high)
        return np.stack([*least, *most], axis=1)

    @cached_property
    def _axes(self) -> tuple[Floats, Floats, Floats]:
        """Major and minor axis, and direction of the major one, of the ellipses with the same second moments."""
        # About each object's own centre, so that nothing is lost where the picture is large.
        centre = self.centre_yx[self._run_object]
        n, y = self._run_length, self._row - centre[:, 0]
        x = (self._left + self._right) / 2 - centre[:, 1]
        # A run of n pixels adds (n^2 - 1) / 12 along it, and a pixel, being a square, 1/12 along both axes.
        yy = self._sum(n * y * y) / self.area_px2 + 1 / 12
        xx = self._sum(n * (x * x + (n * n - 1) / 12)) / self.area_px2 + 1 / 12
        xy = self._sum(n * x * y) / self.area_px2
        middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
        direction = np.degrees(0.5 * np.arctan2(-2 * xy, xx - yy))
        return 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, 0.0)), direction

    @property
    def major_px(self) -> Floats:
        """Major axis of the ellipse with the same second moments."""
        return self._axes[0]

    @property
    def minor_px(self) -> Floats:
        """Its minor axis."""
        return self._axes[1]

    @property
    def direction_deg(self) -> Floats:
        """Direction of the major axis, counter-clockwise from image right, in (-90, 90]."""
        return self._axes[2]

    @property
    def diameter_px(self) -> Floats:
        """Diameter of the circle of the same area."""
        diameter: Floats = 2 * np.sqrt(self.area_px2 / math.pi)
        return diameter

    @cached_property
    def aspect_ratio(self) -> Floats:
        """Major over minor axis; NaN below 12 pixels."""
        return np.where(self.has_shape, self.major_px / self.minor_px, np.nan)

    @property
    def has_shape(self) -> NDArray[np.bool_]:
        """Whether an object has pixels enough for a shape."""
        enough: NDArray[np.bool_] = self.area_px2 >= LEAST_SHAPE_PX
        return enough

    @cached_property
    def _contours(self) -> tuple[Floats, Floats]:
        return outer_contours(self.pixels, self.owner, self.shape, self.count)

    @cached_property
    def circularity(self) -> Floats:
        """``4 pi area / perimeter**2`` of the filled outline, 1 for a circle; NaN below 12 pixels."""
        length, area = self._contours
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(self.has_shape, 4 * math.pi * area / length**2, np.nan)
        return found

    @cached_property
    def perimeter_px(self) -> Floats:
        """Length of the outline, holes left out."""
        length, area = self._contours
        # Smoothing shrinks an outline a little; the area inside the pixels' own says by how much.
        filled = self.area_px2 + self._holes_px2
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(self.has_shape, length * np.sqrt(filled / area), np.nan)
        return found

    @cached_property
    def _holes_px2(self) -> Floats:
        _, area = outer_contours(self.pixels, self.owner, self.shape, self.count, smooth=False)
        # Lines through the middles of the pixels' edges cut half a quarter pixel off every convex corner: 1/2 in all.
        holes: Floats = np.rint(area + 0.5) - self.area_px2
        return holes

    def nearest_px(self, point_yx: tuple[float, float]) -> Floats:
        """Distance of each object's nearest pixel from a point. Shape (count,)."""
        y, x = np.divmod(self.pixels, self.shape[1])
        nearest = np.full(self.count, np.inf)
        np.minimum.at(nearest, self.owner, np.hypot(y - point_yx[0], x - point_yx[1]))
        return nearest

    def touches(self, fov: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which objects reach the edge of the field of view or the frame, where part of them may be cut off."""
        inside = np.pad(fov, 1)
        y, x = np.divmod(self.pixels, self.shape[1])
        cut = ~(inside[y, x + 1] & inside[y + 2, x + 1] & inside[y + 1, x] & inside[y + 1, x + 2])
        touching = np.zeros(self.count, bool)
        touching[self.owner[cut]] = True
        return touching


def _join_runs(row: Ints, left: Ints, right: Ints, stride: int) -> Ints:
    """Number of the object of each run, counted in the order of their first runs."""
    if not len(row):
        return np.empty(0, np.int64)
    # Places on a line on which rows lie two pixels apart, so that no run meets one across the frame's edge.
    begin, end = row * stride + left, row * stride + right
    low = np.searchsorted(end, begin + stride - 1)
    met = np.maximum(np.searchsorted(begin, end + stride + 1, side="right") - low, 0)
    above = np.repeat(np.arange(len(row)), met)
    below = np.arange(len(above)) - np.repeat(np.cumsum(met) - met, met) + np.repeat(low, met)
    links = coo_matrix((np.ones(len(above), np.int8), (above, below)), shape=(len(row), len(row)))
    _, labels = connected_components(links, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    numbered: Ints = order[inverse]
    return numbered
