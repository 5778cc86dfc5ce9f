"""Pixels counted by their probability: ranking and calibration of a picture, and exactly the same of a whole set.

Probabilities are stored as float16, of which there are 15,361 from 0 to 1. Counting true and false pixels at each of
them loses nothing, and counts add up, so a set's curves are those of all its pixels together however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retina_tools.schema import EyeError

__all__ = ["Calibration", "Curve", "Tally"]

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
_CODES = int(np.array([1.0], np.float16).view(np.uint16)[0]) + 1


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision over recall.

    Attributes
    ----------
    recall, precision : ndarray of float
        One per threshold, recall falling.
    threshold : ndarray of float
        A pixel counts as drawn from this probability on; infinite at the last point, where nothing is drawn.
    """

    recall: Floats
    precision: Floats
    threshold: Floats


@dataclass(frozen=True, eq=False)
class Calibration:
    """What share of the pixels given a probability are true.

    Attributes
    ----------
    claimed, observed : ndarray of float, one per bin that holds pixels
        Mean probability, and share of true pixels.
    pixels : ndarray of int
        In each of these bins.
    """

    claimed: Floats
    observed: Floats
    pixels: Counts


@dataclass(frozen=True, eq=False)
class Tally:
    """True and false pixels at each probability.

    Parameters
    ----------
    probability : ndarray of float, shape (n,)
        Those that occur, rising.
    true, false : ndarray of int, shape (n,)
        Pixels that are the structure, and that are not, in the reference.

    Examples
    --------
    >>> tally = Tally.of([0.9, 0.9, 0.2, 0.2], [True, True, False, True])
    >>> tally.probability.round(2).tolist(), tally.true.tolist(), tally.false.tolist()
    ([0.2, 0.9], [1, 2], [1, 0])
    >>> round(tally.area_under_curve(), 3), (tally + tally).pixels
    (0.833, 8)
    """

    probability: Floats
    true: Counts
    false: Counts

    @classmethod
    def of(cls, probability: ArrayLike, truth: ArrayLike, fov: ArrayLike | None = None) -> Tally:
        """Count the pixels of a picture.

        Parameters
        ----------
        probability : array_like of float
            In [0, 1]; rounded to float16.
        truth : array_like of bool
            The reference, of the same shape.
        fov : array_like of bool, optional
            Pixels that count; all where none is given.

        Returns
        -------
        Tally

        Raises
        ------
        EyeError
            The shapes differ, or a probability is not in [0, 1].
        """
        given, reference = np.asarray(probability, np.float16), np.asarray(truth, bool)
        counted = np.ones(given.shape, bool) if fov is None else np.asarray(fov, bool)
        if not given.shape == reference.shape == counted.shape:
            raise EyeError(
                f"The probability is {given.shape}, the reference {reference.shape}, the fov {counted.shape}; give the "
                "same size."
            )
        given, reference = given[counted], reference[counted]
        if not ((given >= 0) & (given <= 1)).all():
            raise EyeError(
                "A probability is missing or outside 0 to 1; pass a sigmoid's or softmax's output, not logits."
            )
        codes = np.abs(given).view(np.uint16)  # rising with the value; the absolute value rids zero of its sign
        true = np.bincount(codes[reference], minlength=_CODES)
        false = np.bincount(codes[~reference], minlength=_CODES)
        occurring = np.flatnonzero(true + false)
        values = occurring.astype(np.uint16).view(np.float16).astype(float)
        return cls(values, true[occurring].astype(np.int64), false[occurring].astype(np.int64))

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """The pixels of many pictures together; none at all where there are no pictures."""
        parts = [(one.probability, one.true, one.false) for one in tallies]
        if not parts:
            return cls(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
        every, true, false = (np.concatenate(column) for column in zip(*parts, strict=True))
        values, place = np.unique(every, return_inverse=True)
        summed = (np.bincount(place, weights=counts, minlength=len(values)) for counts in (true, false))
        return cls(values, *(counts.astype(np.int64) for counts in summed))

    def __add__(self, other: Tally) -> Tally:
        return Tally.total((self, other))

    @property
    def pixels(self) -> int:
        """How many were counted."""
        return int(self.true.sum() + self.false.sum())

    def area_under_curve(self) -> float:
        """Area under the receiver operating characteristic; NaN where all pixels are of one class."""
        if not self.true.sum() or not self.false.sum():
            return math.nan
        from sklearn.metrics import roc_auc_score

        truth, score, weight = self._weighted()
        return float(roc_auc_score(truth, score, sample_weight=weight))

    def average_precision(self) -> float:
        """Area under precision over recall (AUPR), the sum of precision times step in recall; NaN without true pixels.

        References
        ----------
        Porwal P et al. IDRiD: diabetic retinopathy - segmentation and grading challenge. Med Image Anal
        2020;59:101561, where the curve is that of all pixels of the test set together.
        """
        if not self.true.sum():
            return math.nan
        from sklearn.metrics import average_precision_score

        truth, score, weight = self._weighted()
        return float(average_precision_score(truth, score, sample_weight=weight))

    def precision_recall(self) -> Curve:
        """The curve whose area :meth:`average_precision` is.

        Raises
        ------
        EyeError
            No pixel is true.
        """
        if not self.true.sum():
            raise EyeError(
                "No pixel of the reference is true, so there is no recall; choose pictures with the structure."
            )
        from sklearn.metrics import precision_recall_curve

        truth, score, weight = self._weighted()
        precision, recall, threshold = precision_recall_curve(truth, score, sample_weight=weight)
        return Curve(recall, precision, np.append(threshold, np.inf))

    def calibration(self, bins: int = 15) -> Calibration:
        """Claimed and observed share of true pixels, in bins of equal width from 0 to 1.

        Parameters
        ----------
        bins : int
            A probability on a border belongs to the upper bin.

        Returns
        -------
        Calibration
        """
        place = np.minimum((self.probability * bins).astype(int), bins - 1)
        both = self.true + self.false
        pixels = np.bincount(place, weights=both, minlength=bins)
        claimed = np.bincount(place, weights=both * self.probability, minlength=bins)
        observed = np.bincount(place, weights=self.true, minlength=bins)
        held = pixels > 0
        return Calibration(claimed[held] / pixels[held], observed[held] / pixels[held], pixels[held].astype(np.int64))

    def calibration_error(self, bins: int = 15) -> float:
        """Expected calibration error: mean distance of claimed from observed share, bins weighted by their pixels.

        Most of a retina is no lesion and no vessel and says so with certainty, which makes this number small; compare
        it only between segmenters on the same pictures.

        Parameters
        ----------
        bins : int

        Returns
        -------
        float
            NaN where nothing was counted.

        References
        ----------
        Guo C et al. On calibration of modern neural networks. ICML 2017;70:1321-30.

        Examples
        --------
        >>> round(Tally.of([0.75] * 4, [True, True, False, False]).calibration_error(), 3)
        0.25
        """
        if not self.pixels:
            return math.nan
        found = self.calibration(bins)
        return float(np.abs(found.claimed - found.observed) @ found.pixels / self.pixels)

    def _weighted(self) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Class, score and number of every kind of pixel, as scikit-learn takes them."""
        weight = np.concatenate([self.true, self.false]).astype(float)
        truth = np.repeat([True, False], len(self.probability))
        kept = weight > 0
        return truth[kept], np.tile(self.probability, 2)[kept], weight[kept]
