"""Dark and bright lines of a picture, short ones by the Hessian and long ones by oriented filters."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Plane = NDArray[np.float32]

ORIENTATIONS: Final = 12
_MARGIN: Final = 24  # pixels of zeros around, more than the longest filter reaches


class Lines(NamedTuple):
    """Strength of dark and of bright lines, each of shape (h, w) and not negative."""

    dark: Plane
    bright: Plane


def ridge_lines(plane: Plane, sigma: float) -> Lines:
    """Lines as the Hessian at one scale sees them.

    The strength is ``sigma**2 * (|l1| - |l2|)`` for eigenvalues ``|l1| >= |l2|``: what a line has and a blob has not.
    Positive ``l1`` is a dark line, negative a bright one (Lindeberg 1998).

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
    sigma : float
        Scale in pixels; lines about three times as wide answer best.
    """
    smooth = np.pad(ndimage.gaussian_filter(plane, sigma, truncate=3.5), 1, mode="edge")
    middle = smooth[1:-1, 1:-1]
    yy = smooth[2:, 1:-1] - 2 * middle + smooth[:-2, 1:-1]
    xx = smooth[1:-1, 2:] - 2 * middle + smooth[1:-1, :-2]
    xy = (smooth[2:, 2:] - smooth[2:, :-2] - smooth[:-2, 2:] + smooth[:-2, :-2]) / 4
    # |l1| - |l2| of mean +- root is twice the smaller of |mean| and root.
    mean, root = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    strength = np.float32(2 * sigma**2) * np.minimum(np.abs(mean), root)
    return Lines(np.where(mean > 0, strength, 0), np.where(mean < 0, strength, 0))


def long_lines(plane: Plane, across: float, along: float) -> Lines:
    """The best answer of oriented filters: the second derivative of a Gaussian across, a long Gaussian along.

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
        Zero outside of what counts.
    across, along : float
        Standard deviations in pixels.
    """
    height, width = plane.shape
    shape = fft.next_fast_len(height + 2 * _MARGIN, True), fft.next_fast_len(width + 2 * _MARGIN, True)
    spectrum = fft.rfft2(np.pad(plane, _MARGIN), shape)
    window = slice(_MARGIN, _MARGIN + height), slice(_MARGIN, _MARGIN + width)
    dark, bright = np.zeros(plane.shape, np.float32), np.zeros(plane.shape, np.float32)
    for kernel in _bank(shape, across, along):
        answer = fft.irfft2(spectrum * kernel, shape)[window]
        np.maximum(dark, answer, out=dark)
        np.maximum(bright, -answer, out=bright)
    return Lines(dark, bright)


@lru_cache(maxsize=4)
def _bank(shape: tuple[int, int], across: float, along: float) -> list[Plane]:
    """Transfer functions of the oriented filters."""
    y, x = 2 * np.pi * fft.fftfreq(shape[0])[:, None], 2 * np.pi * fft.rfftfreq(shape[1])[None]
    bank = []
    for angle in np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS:
        u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        square = (across * v) ** 2
        bank.append((-square * np.exp(-(square + (along * u) ** 2) / 2)).astype(np.float32))
    return bank
