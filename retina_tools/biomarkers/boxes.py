"""Counting what falls into the boxes of a grid, at every position of the grid, and into boxes around pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Ints = NDArray[np.int64]
Table = NDArray[np.int32]

# Steps per unit in sums of m log m, so large that nothing is lost and so small that 20 million boxes do not overflow.
_FINE: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class BoxCounts:
    """Boxes of one size over all positions of the grid.

    Attributes
    ----------
    side : int
        In px.
    occupied : ndarray of int, shape (side * side,)
        Boxes with at least one pixel, for each position of the grid.
    total : int
        Pixels counted; each is in one box of every position.
    entropy : float
        Sum of m log m over all boxes of all positions, m the pixels in a box.
    squares : int
        Sum of m^2 over them.
    inside : tuple of int
        Sum of m, and of m^2, over the boxes that lie wholly in the field of view.
    """

    side: int
    occupied: Ints
    total: int
    entropy: float
    squares: int
    inside: tuple[int, int]


@compiled
def _row_counts(
    summed: Table, field: Table, width: int, side: int, above: int, below: int, columns: Table, seen: Table
) -> None:
    """Vessel and field pixels of a band of rows, up to each column; the margins on both sides hold on."""
    columns[: side - 1] = 0
    seen[: side - 1] = 0
    columns[side - 1 : side - 1 + width] = summed[below : below + width] - summed[above : above + width]
    seen[side - 1 : side - 1 + width] = field[below : below + width] - field[above : above + width]
    columns[side - 1 + width :] = columns[side + width - 2]
    seen[side - 1 + width :] = seen[side + width - 2]


# One short loop over two or three slices of 32-bit numbers each: these the compiler turns into vector instructions.
@compiled
def _mark(columns: Table, ahead: Table, occupied: Table) -> None:
    for k in range(len(occupied)):
        occupied[k] += np.int32(ahead[k] != columns[k])


@compiled
def _squares(columns: Table, ahead: Table, boxes: int) -> np.int64:
    total = np.int64(0)
    for k in range(boxes):
        mass = np.int32(ahead[k] - columns[k])
        total += np.int64(mass) * np.int64(mass)
    return total


@compiled
def _looked_up(columns: Table, ahead: Table, logs: Ints, boxes: int) -> np.int64:
    total = np.int64(0)
    for k in range(boxes):
        # Unsigned, or every look-up would first ask whether it counts from the end.
        total += logs[np.uint32(ahead[k] - columns[k])]
    return total


@compiled
def _inside(columns: Table, ahead: Table, seen: Table, seen_ahead: Table, boxes: int, full: int, sums: Ints) -> None:
    total, squares = np.int64(0), np.int64(0)
    for k in range(boxes):
        mass = np.int32(ahead[k] - columns[k]) * np.int32(seen_ahead[k] - seen[k] == full)
        total += mass
        squares += np.int64(mass) * np.int64(mass)
    sums[2] += total
    sums[3] += squares


@compiled
def _count(
    summed: Table,
    field: Table,
    height: int,
    width: int,
    side: int,
    logs: Ints,
    occupied: Table,
    sums: Ints,
) -> None:
    boxes = width + side - 2
    columns, seen = np.empty(width + 2 * side - 2, np.int32), np.empty(width + 2 * side - 2, np.int32)
    ahead, seen_ahead = columns[side:], seen[side:]
    for top in range(1 - side, height - 1):
        above, below = max(top, 0) * width, min(top + side, height - 1) * width
        _row_counts(summed, field, width, side, above, below, columns, seen)
        row = (top + side) % side * boxes
        _mark(columns, ahead, occupied[row : row + boxes])
        sums[0] += _squares(columns, ahead, boxes)
        sums[1] += _looked_up(columns, ahead, logs, boxes)
        if top >= 0 and top + side <= height - 1:
            _inside(columns, ahead, seen, seen_ahead, boxes, side * side, sums)


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
    height, width = summed.shape
    boxes = width + side - 2
    mass = np.arange(side * side + 1, dtype=float)
    # In whole numbers the sum does not depend on the order, and so not on which way round the eye is.
    logs = np.rint(mass * np.log(np.maximum(mass, 1.0)) * _FINE).astype(np.int64)
    rows, sums = np.zeros((side, boxes), np.int32), np.zeros(4, np.int64)
    _count(summed.reshape(-1), field.reshape(-1), height, width, side, logs, rows.reshape(-1), sums)
    padded = np.zeros((side, -(-boxes // side) * side), np.int64)
    padded[:, :boxes] = rows
    occupied = padded.reshape(side, -1, side).sum(axis=1).reshape(-1)
    return BoxCounts(
        side, occupied, int(summed[-1, -1]), float(sums[1]) / _FINE, int(sums[0]), (int(sums[2]), int(sums[3]))
    )


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
    height, width = summed.shape
    _masses_around(summed.reshape(-1), height, width, y, x, reach, masses)
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
