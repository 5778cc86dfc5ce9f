"""Counting what falls into the boxes of a grid, at every position of the grid, and into boxes around pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Ints = NDArray[np.int64]
Table = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class BoxCounts:
    """Boxes of one size over all positions of the grid.

    Attributes
    ----------
    side : int
        In px.
    occupied : ndarray of int, shape (side * side,)
        Boxes with at least one pixel, for each position of the grid.
    masses : ndarray of int, shape (side * side + 1,)
        How many boxes hold how many pixels, all positions together; empty boxes are left out.
    inside : tuple of int
        Sum of the masses, and of their squares, over the boxes that lie wholly in the field of view.
    """

    side: int
    occupied: Ints
    masses: Ints
    inside: tuple[int, int]


@compiled
def _count(
    summed: Table, field: Table, height: int, width: int, side: int, occupied: Ints, masses: Ints, inside: Ints
) -> None:
    full = side * side
    for top in range(1 - side, height - 1):
        above = max(top, 0) * width
        below = min(top + side, height - 1) * width
        whole_rows = top >= 0 and top + side <= height - 1
        place = first = (top + side) % side * side
        for left in range(1 - side, width - 1):
            # Counting on is quicker than dividing: place runs over the grid's positions in x.
            place += 1
            if place == first + side:
                place = first
            before, after = max(left, 0), min(left + side, width - 1)
            mass = summed[below + after] - summed[below + before] - summed[above + after] + summed[above + before]
            if mass:
                occupied[place] += 1
                masses[mass] += 1
                if whole_rows and left >= 0 and left + side <= width - 1:
                    seen = field[below + after] - field[below + before] - field[above + after] + field[above + before]
                    if seen == full:
                        inside[0] += mass
                        inside[1] += np.int64(mass) * mass


def count_boxes(summed: Table, field: Table, side: int) -> BoxCounts:
    """Count the boxes of one size.

    Parameters
    ----------
    summed, field : ndarray of int32, shape (y + 1, x + 1)
        Summed-area tables of the vessels and of the field of view, over the same frame.
    side : int
        Side of a box in px.

    Returns
    -------
    BoxCounts
    """
    occupied, masses, inside = np.zeros(side * side, np.int64), np.zeros(side * side + 1, np.int64), np.zeros(2, np.int64)
    _count(summed.reshape(-1), field.reshape(-1), *summed.shape, side, occupied, masses, inside)
    return BoxCounts(side, occupied, masses, (int(inside[0]), int(inside[1])))


@compiled
def _masses_around(summed: Table, height: int, width: int, ys: Ints, xs: Ints, reach: int, masses: Ints) -> None:
    for k in range(len(ys)):
        above, below = max(ys[k] - reach, 0) * width, min(ys[k] + reach + 1, height - 1) * width
        before, after = max(xs[k] - reach, 0), min(xs[k] + reach + 1, width - 1)
        masses[summed[below + after] - summed[below + before] - summed[above + after] + summed[above + before]] += 1


def masses_around(summed: Table, points_yx: Ints, reach: int) -> Ints:
    """How many of the boxes centred on given pixels hold how many set pixels.

    Parameters
    ----------
    summed : ndarray of int32, shape (y + 1, x + 1)
    points_yx : ndarray of int, shape (n, 2)
    reach : int
        The boxes have a side of ``2 * reach + 1``.

    Returns
    -------
    ndarray of int, shape ((2 * reach + 1)**2 + 1,)
    """
    masses = np.zeros((2 * reach + 1) ** 2 + 1, np.int64)
    y, x = (np.ascontiguousarray(axis) for axis in points_yx.T)
    _masses_around(summed.reshape(-1), *summed.shape, y, x, reach, masses)
    return masses


def boxes_inside(field: Table, side: int) -> int:
    """How many boxes of one size lie wholly in the field of view.

    Parameters
    ----------
    field : ndarray of int32, shape (y + 1, x + 1)
        Its summed-area table.
    side : int
    """
    if min(field.shape) <= side:
        return 0
    seen = field[side:, side:] - field[:-side, side:] - field[side:, :-side] + field[:-side, :-side]
    return int(np.count_nonzero(seen == side * side))


def summed_area(mask: NDArray[np.bool_]) -> Table:
    """Number of set pixels above and left of each corner of the pixels, shape (y + 1, x + 1).

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    """
    summed = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=0, out=summed[1:, 1:], dtype=np.int32)
    np.cumsum(summed, axis=1, out=summed)
    return summed
