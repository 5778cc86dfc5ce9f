"""Resampling that treats mirrored and turned pictures alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def smooth_mean(plane: Plane, mask: Mask, sigma: float) -> Plane:
    """Gaussian mean over the pixels of a mask, defined everywhere; computed at an eighth of the size.

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
    mask : ndarray of bool, shape (h, w)
    sigma : float
        Standard deviation in pixels.

    Returns
    -------
    ndarray of float32, shape (h, w)
    """
    shape = (plane.shape[0], plane.shape[1])
    coarse = (max(1, round(shape[0] / 8)), max(1, round(shape[1] / 8)))
    weight = scaled(mask.astype(np.float32), coarse)
    total = scaled(np.where(mask, plane, 0).astype(np.float32), coarse)
    # A broader mean takes over where the narrow one has no weight.
    wide = float(total.sum() / max(float(weight.sum()), 1e-6))
    for spread in (4 * sigma / 8, sigma / 8):
        known = ndimage.gaussian_filter(weight, spread, mode="constant", truncate=3)
        mean = ndimage.gaussian_filter(total, spread, mode="constant", truncate=3) + 1e-3 * np.float32(wide)
        wide = mean / (known + 1e-3)
    return scaled(np.asarray(wide, np.float32), shape, smooth=True)


def resized(plane: NDArray[np.generic], zoom: float) -> Plane:
    """Resample so that ``zoom`` pixels become one, about the centre, by area or by bicubic interpolation."""
    from PIL import Image

    height, width = plane.shape
    # Whole pixels that fit in; what is left over is shared by both ends, which keeps mirror images alike.
    size = max(1, int(height / zoom + 1e-9)), max(1, int(width / zoom + 1e-9))
    top, left = (height - size[0] * zoom) / 2, (width - size[1] * zoom) / 2
    box = (max(left, 0.0), max(top, 0.0), min(width - left, width), min(height - top, height))
    how = Image.Resampling.BOX if zoom > 2 else Image.Resampling.HAMMING if zoom > 1 else Image.Resampling.BICUBIC
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize(size[::-1], how, box=box), np.float32)


def scaled(plane: Plane, shape: tuple[int, int], *, smooth: bool = False) -> Plane:
    """Bring a plane to a shape, by area or bilinearly.

    Parameters
    ----------
    plane : ndarray of float32, shape (h, w)
    shape : (int, int)
        Rows and columns wanted.
    smooth : bool
        Interpolate bilinearly; else average by area.
    """
    from PIL import Image

    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.BOX
    return np.asarray(Image.fromarray(plane).resize(shape[::-1], how), np.float32)
