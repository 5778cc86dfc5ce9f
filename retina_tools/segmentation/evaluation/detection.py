"""Lesions found one by one: which drawn object is which true one, free-response curves, precision of objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retina_tools.schema import EyeError

__all__ = ["FALSE_PER_IMAGE", "Detections", "FreeResponse", "free_response", "match_objects", "object_precision"]

Floats = NDArray[np.float64]
#: False objects per image at which sensitivities are averaged.
FALSE_PER_IMAGE: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_EIGHT: Final = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class Detections:
    """The drawn objects of one picture, and how many true ones there are.

    Attributes
    ----------
    score : ndarray of float
        One per drawn object: the largest probability in it, 1 where no probability was given.
    hit : ndarray of bool
        Whether the object is a true one.
    lesions : int
        True objects.
    """

    score: Floats
    hit: NDArray[np.bool_]
    lesions: int


@dataclass(frozen=True, eq=False)
class FreeResponse:
    """Sensitivity over false objects per image (FROC).

    Attributes
    ----------
    false_per_image, sensitivity : ndarray of float
        One per threshold, rising; the first is (0, 0), where nothing counts as found.
    threshold : ndarray of float
        Score from which an object counts.
    """

    false_per_image: Floats
    sensitivity: Floats
    threshold: Floats

    def at(self, false_per_image: float) -> float:
        """Sensitivity with at most so many false objects per image."""
        within = self.false_per_image <= false_per_image
        return float(self.sensitivity[within].max())

    @property
    def score(self) -> float:
        """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false objects per image.

        References
        ----------
        Setio AAA et al. (LUNA16). Med Image Anal 2017;42:1-13.
        """
        return float(np.mean([self.at(rate) for rate in FALSE_PER_IMAGE]))


def match_objects(
    mask: ArrayLike,
    truth: ArrayLike,
    *,
    probability: ArrayLike | None = None,
    fov: ArrayLike | None = None,
    least_iou: float = 0.1,
) -> Detections:
    """Pair drawn objects with true ones, each at most once.

    Objects are 8-connected components. Pairs that overlap enough are taken in the order of the drawn object's score,
    those of equal score by their overlap.

    Parameters
    ----------
    mask, truth : array_like of bool, shape (y, x)
    probability : array_like of float, shape (y, x), optional
        Gives the objects their scores.
    fov : array_like of bool, shape (y, x), optional
        Pixels that count; all where none is given.
    least_iou : float
        Area shared / area of both together, from which two objects are the same. Small lesions are a few pixels, so a
        tenth is much for them; boxes of large objects are usually held to one half.

    Returns
    -------
    Detections

    Raises
    ------
    EyeError
        The shapes differ, or ``least_iou`` is not in (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.zeros((20, 20), bool); truth[2:6, 2:6] = truth[12:16, 12:16] = True
    >>> drawn = np.zeros((20, 20), bool); drawn[2:6, 3:7] = drawn[2:6, 12:16] = True
    >>> found = match_objects(drawn, truth)
    >>> found.hit.tolist(), found.lesions
    ([True, False], 2)
    """
    from scipy.ndimage import label, maximum

    drawn, reference = np.asarray(mask, bool), np.asarray(truth, bool)
    counted = np.ones(drawn.shape, bool) if fov is None else np.asarray(fov, bool)
    scores = np.ones(drawn.shape) if probability is None else np.asarray(probability, float)
    if not drawn.shape == reference.shape == counted.shape == scores.shape:
        raise EyeError(
            f"The mask is {drawn.shape}, the reference {reference.shape}, the fov {counted.shape}, the probability "
            f"{scores.shape}; give the same size."
        )
    if not 0 < least_iou <= 1:
        raise EyeError(f"least_iou is {least_iou!r}, wanted more than 0 and at most 1, for example 0.1.")
    found, n_found = label(drawn & counted, _EIGHT)
    true, n_true = label(reference & counted, _EIGHT)
    score = np.asarray(maximum(scores, found, np.arange(1, n_found + 1)), float) if n_found else np.zeros(0)
    hit = np.zeros(n_found, bool)
    taken = np.zeros(n_true, bool)
    area, true_area = np.bincount(found.ravel()), np.bincount(true.ravel())
    both = (found > 0) & (true > 0)
    pairs, shared = np.unique(np.column_stack([found[both], true[both]]), axis=0, return_counts=True)
    iou = shared / (area[pairs[:, 0]] + true_area[pairs[:, 1]] - shared)
    for place in np.lexsort((-iou, -score[pairs[:, 0] - 1])):
        one, other = pairs[place] - 1
        if iou[place] >= least_iou and not hit[one] and not taken[other]:
            hit[one] = taken[other] = True
    return Detections(score, hit, int(n_true))


def free_response(detections: Sequence[Detections]) -> FreeResponse:
    """The free-response curve of a set of pictures.

    Parameters
    ----------
    detections : sequence of Detections
        One per picture, those without a lesion too: what is drawn on them is false.

    Returns
    -------
    FreeResponse

    Raises
    ------
    EyeError
        There is no picture, or no lesion on any.

    References
    ----------
    Bunch PC et al. A free-response approach to the measurement and characterization of radiographic-observer
    performance. J Appl Photogr Eng 1978;4:166-71.

    Examples
    --------
    >>> import numpy as np
    >>> one = Detections(np.array([0.9, 0.8, 0.3]), np.array([True, False, True]), lesions=2)
    >>> curve = free_response([one])
    >>> curve.false_per_image.tolist(), curve.sensitivity.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0])
    """
    threshold, hits, false, lesions = _counted(detections)
    if not lesions:
        raise EyeError("No lesion is on any of these pictures, so there is no sensitivity; choose pictures with some.")
    start = np.zeros(1)
    return FreeResponse(
        np.concatenate([start, false / len(detections)]),
        np.concatenate([start, hits / lesions]),
        np.concatenate([[np.inf], threshold]),
    )


def object_precision(detections: Sequence[Detections]) -> float:
    """Average precision of the drawn objects of a set: sum of precision times step in sensitivity.

    Lesions that no drawn object is paired with are never found, so the last sensitivity may be below one.

    Parameters
    ----------
    detections : sequence of Detections
        One per picture.

    Returns
    -------
    float
        NaN where there is no lesion.
    """
    _, hits, false, lesions = _counted(detections)
    if not lesions:
        return math.nan
    if not len(hits):
        return 0.0
    step = np.diff(hits, prepend=0) / lesions
    return float(step @ (hits / (hits + false)))


def _counted(detections: Sequence[Detections]) -> tuple[Floats, Floats, Floats, int]:
    """Falling thresholds, true and false objects at each, and how many lesions there are."""
    score = np.concatenate([one.score for one in detections] or [np.zeros(0)])
    hit = np.concatenate([one.hit for one in detections] or [np.zeros(0, bool)])
    rising, place = np.unique(score, return_inverse=True)
    hits = np.bincount(place, weights=hit, minlength=len(rising))[::-1].cumsum()
    false = np.bincount(place, weights=~hit, minlength=len(rising))[::-1].cumsum()
    return rising[::-1], hits, false, sum(one.lesions for one in detections)
