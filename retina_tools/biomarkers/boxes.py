"""Counting the occupied boxes of a grid at every position of the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled


@compiled
def occupied_boxes(summed: NDArray[np.int32], height: int, width: int, side: int) -> NDArray[np.int64]:
    """Occupied boxes for each of the ``side * side`` positions of the grid, from a summed-area table, flattened."""
    counts = np.zeros(side * side, np.int64)
    for top in range(1 - side, height - 1):
        above = max(top, 0) * width
        below = min(top + side, height - 1) * width
        place = first = (top + side) % side * side
        for left in range(1 - side, width - 1):
            # Counting on is quicker than dividing: place runs over the grid's positions in x.
            place += 1
            if place == first + side:
                place = first
            before, after = max(left, 0), min(left + side, width - 1)
            if summed[below + after] - summed[below + before] != summed[above + after] - summed[above + before]:
                counts[place] += 1
    return counts
