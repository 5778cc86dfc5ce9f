"""Where a vessel ends to either side of its centreline, to a fraction of a pixel.

The mask is read between pixels by bilinear interpolation, and a wall is where it falls below one half. For a straight
wall this places the wall without bias, whatever its angle; what a single reading errs by (up to half a pixel, because
the mask itself was drawn on pixels) averages out along the vessel. Vessels thinner than two and a half pixels leave
no proper plateau, and are measured by the area under the profile instead.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Floats = NDArray[np.float64]

_STEP: Final = 0.25
_THIN: Final = 2.5


@compiled
def _read(pixels: NDArray[np.uint8], height: int, width: int, y: float, x: float) -> float:
    """The mask at a point between pixels; empty outside the frame."""
    row, column = int(np.floor(y)), int(np.floor(x))
    if row < 0 or column < 0 or row >= height - 1 or column >= width - 1:
        inside = -0.5 <= y < height - 0.5 and -0.5 <= x < width - 0.5
        return float(pixels[int(np.rint(y)) * width + int(np.rint(x))]) if inside else 0.0
    v, u = y - row, x - column
    here = row * width + column
    top = pixels[here] * (1.0 - u) + pixels[here + 1] * u
    bottom = pixels[here + width] * (1.0 - u) + pixels[here + width + 1] * u
    value: float = top * (1.0 - v) + bottom * v
    return value


@compiled
def _wall(
    pixels: NDArray[np.uint8], height: int, width: int, y: float, x: float, dy: float, dx: float, reach: float
) -> float:
    """Distance from a point inside to the wall in one direction; NaN where there is none within reach."""
    before = _read(pixels, height, width, y, x)
    if before < 0.5:
        return 0.0
    distance = 0.0
    while distance < reach:
        distance += _STEP
        value = _read(pixels, height, width, y + distance * dy, x + distance * dx)
        if value < 0.5:
            return distance - _STEP * (0.5 - value) / (before - value)
        before = value
    return np.nan


@compiled
def _walls(
    pixels: NDArray[np.uint8],
    height: int,
    width: int,
    points: Floats,
    normals: Floats,
    reach: Floats,
    left: Floats,
    right: Floats,
    across: Floats,
) -> None:
    """Fill the distances to both walls, and the area under the profile of thin vessels."""
    for k in range(len(reach)):
        y, x = points[2 * k], points[2 * k + 1]
        dy, dx = normals[2 * k], normals[2 * k + 1]
        left[k] = _wall(pixels, height, width, y, x, -dy, -dx, reach[k])
        right[k] = _wall(pixels, height, width, y, x, dy, dx, reach[k])
        across[k] = left[k] + right[k]
        if across[k] < _THIN:
            total = 0.0
            for sample in range(-12, 13):
                offset = sample * _STEP
                total += _read(pixels, height, width, y + offset * dy, x + offset * dx)
            across[k] = total * _STEP


def find_walls(
    mask: NDArray[np.bool_], points_yx: Floats, tangents_yx: Floats, reach_px: Floats
) -> tuple[Floats, Floats, Floats]:
    """Distances from points of a centreline to the vessel's two walls along the normal.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    points_yx, tangents_yx : ndarray of float, shape (n, 2)
        Points on the centreline and the unit tangents there.
    reach_px : ndarray of float, shape (n,)
        How far to look.

    Returns
    -------
    left, right : ndarray of float, shape (n,)
        Distances in px against and along the normal ``(tangent_x, -tangent_y)`` in (y, x); NaN where no wall was met.
    width : ndarray of float, shape (n,)
        Calibre in px, NaN where a wall is missing.

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((20, 20), bool); bar[6:11] = True
    >>> left, right, width = find_walls(bar, np.array([[8.0, 9.0]]), np.array([[0.0, 1.0]]), np.array([9.0]))
    >>> left.tolist(), right.tolist(), width.tolist()
    ([2.5], [2.5], [5.0])
    """
    normals = np.stack([tangents_yx[:, 1], -tangents_yx[:, 0]], axis=1)
    left, right, width = (np.empty(len(points_yx)) for _ in range(3))
    pixels = np.ascontiguousarray(mask).view(np.uint8).reshape(-1)
    points = np.ascontiguousarray(points_yx, dtype=float).reshape(-1)
    _walls(
        pixels,
        mask.shape[0],
        mask.shape[1],
        points,
        normals.reshape(-1),
        np.asarray(reach_px, float),
        left,
        right,
        width,
    )
    return left, right, width


@compiled
def _clearance(
    pixels: NDArray[np.uint8], height: int, width: int, ys: NDArray[np.int64], xs: NDArray[np.int64], out: Floats
) -> None:
    """Distance from each pixel to the nearest empty one, searched ring by ring; the frame's outside counts as empty."""
    for k in range(len(ys)):
        best = 1e18
        ring = 0
        while ring * ring < best:
            for offset in range(-ring, ring + 1):
                for side in range(4):
                    dy = (-ring, ring, offset, offset)[side]
                    dx = (offset, offset, -ring, ring)[side]
                    y, x = ys[k] + dy, xs[k] + dx
                    outside = y < 0 or x < 0 or y >= height or x >= width
                    if outside or not pixels[y * width + x]:
                        best = min(best, float(dy * dy + dx * dx))
            ring += 1
        out[k] = np.sqrt(best)


def clearance(mask: NDArray[np.bool_], points_yx: Floats) -> Floats:
    """Distance in px from points to the vessel wall: the radius of the largest disc inside the mask around each.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    points_yx : ndarray of float, shape (n, 2)

    Returns
    -------
    ndarray of float, shape (n,)
        0 for a point outside the mask.

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((20, 20), bool); bar[6:11] = True
    >>> clearance(bar, np.array([[8.0, 9.0], [2.0, 2.0]])).tolist()
    [2.5, 0.0]
    """
    whole = np.rint(points_yx).astype(np.int64)
    out = np.empty(len(whole))
    pixels = np.ascontiguousarray(mask).view(np.uint8).reshape(-1)
    _clearance(
        pixels, mask.shape[0], mask.shape[1], np.ascontiguousarray(whole[:, 0]), np.ascontiguousarray(whole[:, 1]), out
    )
    radius: Floats = np.maximum(out - 0.5, 0.0)
    return radius
