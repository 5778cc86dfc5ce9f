"""Fractal dimensions and multifractal spectrum of a mask.

Boxes are counted at every position of the grid, so that nothing moves with the frame: D0 takes the position with the
smallest cover, which is free of the half-empty boxes at the ends, D1 and D2 the mean over all positions. The spectrum
is taken from boxes around vessel pixels instead (sandbox method), because for negative orders a grid's barely touched
boxes outweigh everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.biomarkers.boxes import BoxCounts, count_boxes, masses_around, summed_area

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_SCALES: Final = 10
_ORDERS: Final = np.arange(-10, 11)


def smallest_cover(mask: Mask, side: int) -> int:
    """Fewest boxes of a regular grid that cover a mask, over all positions of the grid.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    side : int
        Side of a box in px.

    Returns
    -------
    int

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((10, 10), bool); mask[3:6, 2:8] = True
    >>> smallest_cover(mask, 3), smallest_cover(mask, 6)
    (2, 1)
    """
    summed = summed_area(mask[bounding_box(mask)])
    return int(count_boxes(summed, summed, side).occupied.min())


def bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True)
class BoxDimensions:
    """Capacity, information and correlation dimension, each with the r2 of the line fitted."""

    box: tuple[float, float]
    information: tuple[float, float]
    correlation: tuple[float, float]


def box_dimensions(counts: Sequence[BoxCounts]) -> BoxDimensions:
    """D0, D1 and D2 from boxes of several sizes.

    Parameters
    ----------
    counts : sequence of BoxCounts
        At least two sizes.

    Returns
    -------
    BoxDimensions
    """
    log_side = np.log([found.side for found in counts])
    cover, entropy, coincidence = [], [], []
    for found in counts:
        # Every pixel is in one box of each position of the grid.
        positions, total = found.side**2, found.total
        cover.append(np.log(found.occupied.min()))
        entropy.append(found.entropy / (positions * total) - np.log(total))
        coincidence.append(np.log(found.squares / (positions * total**2)))
    return BoxDimensions(
        box=_slope(-log_side, np.array(cover)),
        information=_slope(log_side, np.array(entropy)),
        correlation=_slope(log_side, np.array(coincidence)),
    )


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of the least-squares line and its r2."""
    slope, intercept = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - slope * x - intercept) ** 2).sum())
    return float(slope), 1 - left / spread if spread > 0 else 1.0


def box_sides(smallest_px: float, largest_px: float) -> NDArray[np.int64]:
    """Ten box sides between two scales, rounded to whole pixels and each once.

    Parameters
    ----------
    smallest_px, largest_px : float
    """
    return np.unique(np.rint(np.geomspace(smallest_px, largest_px, _SCALES)).astype(np.int64))


def box_dimension(mask: Mask, smallest_px: float, largest_px: float) -> tuple[float, float]:
    """Box-counting dimension between two scales, and the r2 of the line fitted.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float
        Box sides to go between; they are rounded to whole pixels.

    Returns
    -------
    dimension, r2 : float

    Examples
    --------
    >>> import numpy as np
    >>> dimension, r2 = box_dimension(np.ones((400, 400), bool), 5, 40)
    >>> round(dimension, 1)
    2.0
    """
    return measure_dimensions(mask, smallest_px, largest_px).box


def measure_dimensions(mask: Mask, smallest_px: float, largest_px: float) -> BoxDimensions:
    """D0, D1 and D2 of a mask between two scales.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float

    Returns
    -------
    BoxDimensions
    """
    summed = summed_area(mask[bounding_box(mask)])
    return box_dimensions([count_boxes(summed, summed, int(side)) for side in box_sides(smallest_px, largest_px)])


def _without_fragments(mask: Mask, least_px: float) -> Mask:
    """Parts that reach farther than a length; all of the mask where there are none.

    A fragment smaller than the boxes has one mass at every scale, and would be all that negative orders see.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3), int))
    reach = [
        max(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in ndimage.find_objects(labels)
    ]
    long = np.zeros(count + 1, bool)
    long[1:] = np.array(reach) >= least_px
    return np.asarray(long[labels]) if long.any() else mask


def singularity_span(mask: Mask, smallest_px: float, largest_px: float) -> float:
    """Length of the multifractal spectrum between the orders -10 and 10, by boxes around vessel pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float
        Box sides to go between.

    Returns
    -------
    float
        Greatest minus smallest Hoelder exponent; 0 for a uniform figure. Fragments smaller than the largest box are no
        centres of boxes.
    """
    crop = mask[bounding_box(mask)]
    summed = summed_area(crop)
    points = np.argwhere(_without_fragments(crop, largest_px))
    reach = np.unique(box_sides(smallest_px, largest_px) // 2)
    moments = np.empty((len(reach), len(_ORDERS)))
    for row, half in zip(moments, reach, strict=True):
        masses = masses_around(summed, points, int(half))
        mass = np.flatnonzero(masses)
        share, log_mass = masses[mass] / len(points), np.log(mass / summed[-1, -1])
        # log of the mean of mass^(q - 1); the order 1 has a mean of logarithms for its limit, which tau does not need.
        row[:] = [np.log(share @ np.exp((order - 1) * log_mass)) for order in _ORDERS]
    x = np.log(2 * reach + 1.0)
    x = x - x.mean()
    tau = x @ (moments - moments.mean(axis=0)) / float(x @ x)
    exponents = np.gradient(tau, _ORDERS)
    return float(exponents.max() - exponents.min())
