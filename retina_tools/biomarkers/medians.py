"""Medians of many short lists at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def _smallest(values: Floats, count: int, place: int) -> float:
    """The value that would be at a place if the first values were sorted; they are moved about (quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@compiled
def median_of(values: Floats, count: int) -> float:
    """Median of the first ``count`` values, which are moved about; NaN of none."""
    if count == 0:
        return np.nan
    upper = _smallest(values, count, count // 2)
    if count % 2:
        return upper
    # What is left of the middle is not greater than it.
    below = values[0]
    for k in range(1, count // 2):
        below = max(below, values[k])
    return float(below + upper) / 2.0


@compiled
def fill_medians(values: Floats, bounds: NDArray[np.int64], out: Floats) -> None:
    """Median of the numbers of each line, NaN left out.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    bounds : ndarray of int, shape (lines + 1,)
    out : ndarray of float, shape (lines,)
        Filled.
    """
    kept = np.empty(len(values))
    for line in range(len(out)):
        count = 0
        for k in range(bounds[line], bounds[line + 1]):
            if np.isfinite(values[k]):
                kept[count] = values[k]
                count += 1
        out[line] = median_of(kept, count)
