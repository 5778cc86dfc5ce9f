"""Fractal dimension of the vessels by box counting, with the smallest cover over every position of the grid."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

_SCALES_DD: Final = (0.04, 0.4)
_SCALES: Final = 10
_LEAST_BOX_PX: Final = 2
_DEFINITION: Final = (
    "Slope of log N against -log box side by least squares, at ten box sides from 0.04 to 0.4 DD; N is the smallest "
    "number of boxes that covers the vessels over all positions of the grid, so it does not move with the frame."
)
_SOURCE: Final = (
    "Liew G et al. Ophthalmology 2008;115:1951-6; Stosic T, Stosic BD. IEEE Trans Med Imaging 2006;25:1101-7"
)


def smallest_cover(mask: NDArray[np.bool_], side: int) -> int:
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
    return int(_covers(_summed(mask), np.array([side]))[0])


def _summed(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of vessel pixels above and left of each place, for the part of the frame that has any."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((1, 1), np.int32)
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    summed = np.zeros((crop.shape[0] + 1, crop.shape[1] + 1), np.int32)
    np.cumsum(crop, axis=0, out=summed[1:, 1:], dtype=np.int32)
    np.cumsum(summed, axis=1, out=summed)
    return summed


def _covers(summed: NDArray[np.int32], sides: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smallest cover for each box side."""
    from retina_tools.biomarkers.boxes import occupied_boxes

    height, width = summed.shape
    return np.array([occupied_boxes(summed.reshape(-1), height, width, int(side)).min() for side in sides])


def box_dimension(mask: NDArray[np.bool_], smallest_px: float, largest_px: float) -> tuple[float, float]:
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
    sides = np.unique(np.rint(np.geomspace(smallest_px, largest_px, _SCALES)).astype(int))
    counts = _covers(_summed(mask), sides)
    x, y = -np.log(sides), np.log(counts)
    slope, intercept = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - slope * x - intercept) ** 2).sum())
    return float(slope), 1 - left / spread if spread > 0 else 1.0


def _dimension(anatomy: Anatomy, vessel: str) -> tuple[float, float]:
    return anatomy.once(("box_dimension", vessel), lambda: _box_dimension(anatomy, vessel))


def _box_dimension(anatomy: Anatomy, vessel: str) -> tuple[float, float]:
    mask = anatomy.vessel_mask(vessel)
    smallest, largest = (anatomy.dd_px(scale) for scale in _SCALES_DD)
    if smallest < _LEAST_BOX_PX:
        raise Unmeasurable(Status.TOO_SHORT)
    return box_dimension(mask, smallest, largest)


@biomarker(
    "fractal_dimension_box",
    quantity="ratio",
    dims={"vessel": ("artery", "vein", "all"), "region": ("image",)},
    needs=("vessels", "disc"),
    label="Fractal dimension (box counting, D0)",
    definition=_DEFINITION,
    source=_SOURCE,
    peers=("PVBM: D0", "AutoMorph: Fractal_dimension", "AutoMorphalyzer: fractal_dimension"),
)
def fractal_dimension_box(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """D0 of the vessel mask."""
    return _dimension(anatomy, vessel)[0]


@biomarker(
    "fractal_dimension_box_r2",
    quantity="ratio",
    dims={"vessel": ("artery", "vein", "all"), "region": ("image",)},
    needs=("vessels", "disc"),
    label="Fit of the fractal dimension (r2)",
    definition="Coefficient of determination of the line that gives fractal_dimension_box.",
    source=_SOURCE,
)
def fractal_dimension_box_r2(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """How straight the log-log plot is."""
    return _dimension(anatomy, vessel)[1]
