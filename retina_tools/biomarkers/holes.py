"""Filling of the holes in a vessel mask that are smaller than its vessels are wide."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Bytes = NDArray[np.uint8]


@compiled
def _fill(pixels: Bytes, starts: NDArray[np.int64], width: int, most: int) -> int:
    """Fill the 4-connected holes of up to ``most`` pixels that hold a start; marks 2 what belongs to larger ones."""
    steps = (1, -1, width, -width)
    hole = np.empty(most + 1, np.int64)
    filled = 0
    for start in starts:
        if pixels[start]:
            continue
        hole[0] = start
        pixels[start] = 3
        count, done, small = 1, 0, True
        while done < count and small:
            here = hole[done]
            done += 1
            for step in steps:
                there = here + step
                if pixels[there] == 2:
                    small = False
                elif pixels[there] == 0:
                    if count > most - 1:
                        small = False
                        break
                    pixels[there] = 3
                    hole[count] = there
                    count += 1
        for k in range(count):
            pixels[hole[k]] = 1 if small else 2
        if small:
            filled += count
    return filled


def fill_pinholes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes that are smaller than a vessel is wide: the skeleton would run around each.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    ndarray of bool, shape (y, x)
        The very mask given where there is nothing to fill.

    Examples
    --------
    >>> import numpy as np
    >>> ring = np.ones((7, 30), bool); ring[3, 8] = False
    >>> bool(fill_pinholes(ring).all())
    True
    """
    border = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    half_width = 1.2 * float(np.count_nonzero(mask)) / max(int(border), 1)
    # The margin counts as a large hole, and so does whatever touches it.
    pixels = np.full((mask.shape[0] + 2, mask.shape[1] + 2), 2, np.uint8)
    pixels[1:-1, 1:-1] = mask
    flat = pixels.reshape(-1)
    after_vessel = np.flatnonzero((flat[1:] == 0) & (flat[:-1] == 1)) + 1
    if not _fill(flat, after_vessel, pixels.shape[1], max(int(math.pi * half_width**2), 1)):
        return mask
    return np.asarray(pixels[1:-1, 1:-1] == 1)
