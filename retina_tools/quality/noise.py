"""White noise of a photograph, and what resampling and filters make of it.

Resampling correlates neighbours, so that noise is neither white any more nor measured right. A patch of known noise,
resampled in the same way, says by how much.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.quality.lines import ridge_lines
from retina_tools.quality.resampling import Mask, Plane, resized

_SIDE: Final = 300  # pixels of the patch
_EDGE: Final = 12  # left out, where filters see no neighbours
_SD: Final = 10.0


def noise_sd(plane: Plane, mask: Mask, zoom: float) -> float:
    """Standard deviation of the noise that a photograph had before it was resampled.

    What a difference of two Laplacians leaves of a picture is mostly noise (Immerkaer 1996); its median counts, so that
    edges do not.

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
        Resampled.
    mask : ndarray of bool, shape (h, w)
        Where to look.
    zoom : float
        Pixels before that became one, along one side.

    Returns
    -------
    float
        NaN where the mask is too narrow.
    """
    return _rough(plane, mask) / _rough_of_noise(round(zoom, 2))


def gradient_energy(plane: Plane, mask: Mask, sigma: float) -> tuple[float, float, float]:
    """Mean products of the Gaussian gradient's components: yy, xx and yx.

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
    mask : ndarray of bool, shape (h, w)
        Where to average.
    sigma : float
        Scale in pixels.
    """
    gy, gx = np.gradient(ndimage.gaussian_filter(plane, sigma, truncate=3.5))
    gy, gx = gy[mask].astype(np.float64), gx[mask].astype(np.float64)
    return float((gy * gy).mean()), float((gx * gx).mean()), float((gy * gx).mean())


@lru_cache(maxsize=256)
def gradient_of_noise(zoom: float, sigma: float) -> float:
    """Gradient energy along one axis that noise of variance 1 leaves after resampling."""
    patch, mask = _patch(zoom)
    yy, xx, _ = gradient_energy(patch, mask, sigma)
    return (yy + xx) / 2 / _SD**2


@lru_cache(maxsize=256)
def line_of_noise(zoom: float, sigma: float) -> float:
    """95th percentile of the strength of dark lines that noise of sd 1 leaves after resampling."""
    patch, mask = _patch(zoom)
    return float(np.percentile(ridge_lines(patch, sigma).dark[mask], 95)) / _SD


@lru_cache(maxsize=256)
def _rough_of_noise(zoom: float) -> float:
    return _rough(*_patch(zoom)) / _SD


@lru_cache(maxsize=4)
def _patch(zoom: float) -> tuple[Plane, Mask]:
    side = math.ceil(_SIDE * zoom)
    noise = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    patch = resized(np.float32(_SD) * noise, zoom)
    mask = np.zeros(patch.shape, bool)
    mask[_EDGE:-_EDGE, _EDGE:-_EDGE] = True
    return patch, mask


def _rough(plane: NDArray[np.float32], mask: Mask) -> float:
    across = plane[:, :-2] - 2 * plane[:, 1:-1] + plane[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    left = np.abs(both[mask[1:-1, 1:-1]])
    return float(np.median(left)) / 0.6745 / 6 if left.size else math.nan
