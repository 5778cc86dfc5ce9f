"""How well a drawn mask agrees with a reference."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retina_tools import schema

__all__ = ["agreement", "area_under_curve", "dice"]


def dice(mask: ArrayLike, truth: ArrayLike, fov: ArrayLike | None = None) -> float:
    """Dice coefficient, 2 |A and B| / (|A| + |B|), inside the field of view.

    Parameters
    ----------
    mask, truth : array_like of bool, shape (y, x)
    fov : array_like of bool, shape (y, x), optional
        Pixels that count; all where none is given.

    Returns
    -------
    float
        0 to 1; NaN where both are empty, because then there was nothing to agree on.

    Raises
    ------
    EyeError
        The shapes differ.

    References
    ----------
    Dice, Ecology 1945;26:297-302, doi:10.2307/1932409.

    Examples
    --------
    >>> dice([[1, 1, 0, 0]], [[0, 1, 1, 0]])
    0.5
    """
    return agreement(mask, truth, fov)["dice"]


def agreement(
    mask: ArrayLike, truth: ArrayLike, fov: ArrayLike | None = None, *, probability: ArrayLike | None = None
) -> dict[str, float]:
    """Pixel-wise agreement of a mask with a reference inside the field of view.

    Parameters
    ----------
    mask, truth : array_like of bool, shape (y, x)
    fov : array_like of bool, shape (y, x), optional
        Pixels that count; all where none is given.
    probability : array_like of float, shape (y, x), optional
        Adds ``auc``, the area under the receiver operating characteristic.

    Returns
    -------
    dict of str to float
        ``dice``; ``sensitivity`` TP / (TP + FN); ``specificity`` TN / (TN + FP); ``precision`` TP / (TP + FP);
        ``accuracy``; ``auc`` where a probability is given. NaN where the denominator is zero.

    Raises
    ------
    EyeError
        The shapes differ.

    Examples
    --------
    >>> found = agreement([[1, 1, 0, 0]], [[1, 0, 0, 0]], probability=[[0.9, 0.6, 0.2, 0.1]])
    >>> found["sensitivity"], round(found["specificity"], 3), found["auc"]
    (1.0, 0.667, 1.0)
    """
    drawn, reference = np.asarray(mask, bool), np.asarray(truth, bool)
    counted = np.ones(drawn.shape, bool) if fov is None else np.asarray(fov, bool)
    if not drawn.shape == reference.shape == counted.shape:
        raise schema.EyeError(
            f"The mask is {drawn.shape}, the reference {reference.shape}, the fov {counted.shape}; give the same size."
        )
    drawn, reference = drawn[counted], reference[counted]
    both, either = int((drawn & reference).sum()), int(drawn.sum() + reference.sum())
    true_negative = int((~drawn & ~reference).sum())
    result = {
        "dice": _ratio(2 * both, either),
        "sensitivity": _ratio(both, int(reference.sum())),
        "specificity": _ratio(true_negative, int((~reference).sum())),
        "precision": _ratio(both, int(drawn.sum())),
        "accuracy": _ratio(both + true_negative, drawn.size),
    }
    if probability is not None:
        result["auc"] = area_under_curve(np.asarray(probability, float)[counted], reference)
    return result


def area_under_curve(score: ArrayLike, truth: ArrayLike) -> float:
    """Area under the receiver operating characteristic: the chance that a true pixel scores above a false one.

    Ties count one half (the Mann-Whitney statistic). NaN where one of the two classes is missing.

    Examples
    --------
    >>> area_under_curve([0.1, 0.4, 0.4, 0.8], [False, False, True, True])
    0.875
    """
    values, positive = np.asarray(score, float).ravel(), np.asarray(truth, bool).ravel()
    total = int(positive.sum())
    if total in (0, positive.size):
        return math.nan
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper: NDArray[np.float64] = np.cumsum(counts).astype(float)
    rank = (upper - (counts - 1) / 2)[inverse]
    return float((rank[positive].sum() - total * (total + 1) / 2) / (total * (positive.size - total)))


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
