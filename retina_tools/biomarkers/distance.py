"""Exact Euclidean distances to a mask, in time linear in the number of pixels.

References
----------
Meijster A, Roerdink JBTM, Hesselink WH. A general algorithm for computing distance transforms in linear time.
Mathematical Morphology and its Applications to Image and Signal Processing, 2000:331-40.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled


@compiled
def _columns(mask: NDArray[np.uint8], height: int, width: int, far: int, out: NDArray[np.int32]) -> None:
    """Distance of each pixel to the nearest set one in its column, at most ``far``."""
    for x in range(width):
        out[x] = 0 if mask[x] else far
    for here in range(width, height * width):
        out[here] = 0 if mask[here] else min(out[here - width] + 1, far)
    for here in range((height - 1) * width - 1, -1, -1):
        if out[here + width] + 1 < out[here]:
            out[here] = out[here + width] + 1


@compiled
def _rows(column: NDArray[np.int32], height: int, width: int, out: NDArray[np.float32]) -> None:
    """Lower envelope of the parabolas that the columns' distances open along each row."""
    apex = np.zeros(width, np.int64)
    begin = np.zeros(width, np.int64)
    for y in range(height):
        row = y * width
        top = 0
        apex[0] = begin[0] = 0
        for x in range(1, width):
            g = np.int64(column[row + x])
            while top >= 0:
                a, t = apex[top], begin[top]
                ga = np.int64(column[row + a])
                if (t - a) * (t - a) + ga * ga > (t - x) * (t - x) + g * g:
                    top -= 1
                else:
                    break
            if top < 0:
                top = 0
                apex[0], begin[0] = x, 0
            else:
                a = apex[top]
                ga = np.int64(column[row + a])
                # In floats: a division of whole numbers takes several times as long.
                cut = 1 + int(np.floor((x * x - a * a + g * g - ga * ga) / (2.0 * (x - a))))
                if cut < width:
                    top += 1
                    apex[top], begin[top] = x, cut
        for x in range(width - 1, -1, -1):
            a = apex[top]
            out[row + x] = np.sqrt(np.float32((x - a) * (x - a)) + np.float32(column[row + a]) ** 2)
            if x == begin[top]:
                top -= 1


def distance_to(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance in px of every pixel to the nearest set one.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.

    Returns
    -------
    ndarray of float32, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((5, 6), bool); mask[1, 1] = True
    >>> distance_to(mask)[4, 5].item()
    5.0
    """
    height, width = mask.shape
    column = np.empty(mask.size, np.int32)
    out = np.empty(mask.size, np.float32)
    _columns(np.ascontiguousarray(mask).view(np.uint8).reshape(-1), height, width, height + width, column)
    _rows(column, height, width, out)
    return out.reshape(mask.shape)
