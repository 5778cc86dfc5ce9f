"""Local contrast of a fundus photograph: what is left when the uneven light of the eye is taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["local_contrast"]

# Half the least step of an eight-bit picture: below it a logarithm says nothing.
_DARKEST = 2 / 255


def local_contrast(plane: NDArray[np.floating], fov: NDArray[np.bool_], *, sigma_px: float) -> NDArray[np.float32]:
    """Logarithm of a plane over its local background.

    Vessels, haemorrhages and pigment are negative, the disc, exudates and reflexes positive; one unit is a factor e in
    brightness, and a vessel's optical density does not depend on how brightly its surroundings are lit. The background
    is a robust local plane (Gaussian-weighted least squares, reweighted so that vessels and lesions do not pull
    it): a local mean would be too bright beside the edge of the field, where the light falls off, and draw a ring.

    Parameters
    ----------
    plane : ndarray of float, shape (y, x)
        One channel in [0, 1].
    fov : ndarray of bool, shape (y, x)
        Where the plane is valid.
    sigma_px : float
        Standard deviation of the background's window in pixels; a few times the widest vessel.

    Returns
    -------
    ndarray of float32, shape (y, x)
        Zero outside the field of view, which is how the retina is continued there: without contrast.

    Examples
    --------
    >>> import numpy as np
    >>> lit = np.linspace(0.2, 0.8, 64)[None, :] * np.ones((64, 1))
    >>> lit[:, 30:33] *= 0.8
    >>> contrast = local_contrast(lit, np.ones((64, 64), bool), sigma_px=8)
    >>> round(float(contrast[32, 31]), 1), round(float(abs(contrast[32, 10])), 1)
    (-0.2, 0.0)
    """
    logarithm = np.log(np.maximum(plane, _DARKEST)).astype(np.float32)
    # A power of two divides the frames' sides, which keeps blocks, and so mirrored eyes, symmetric.
    step = 2 ** int(np.clip(np.log2(max(sigma_px, 1) / 2.9), 0, 3))
    weight = _binned(fov.astype(np.float32), step)
    low = _binned(np.where(fov, logarithm, 0).astype(np.float32), step) / np.maximum(weight, 1e-6)
    background = _robust_plane(np.where(weight > 0, low, 0), weight, sigma_px / step)
    contrast = logarithm - _enlarged(background.astype(np.float32), step, fov.shape)
    return np.where(fov, contrast, 0).astype(np.float32)


def _binned(plane: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % step), (0, -width % step)))
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    binned: NDArray[np.float32] = blocks.mean((1, 3))
    return binned


def _enlarged(plane: NDArray[np.float32], step: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Linear interpolation of block means back to pixels, pixel centres in register."""
    for axis in (0, 1):
        position = np.clip((np.arange(shape[axis]) + 0.5) / step - 0.5, 0, plane.shape[axis] - 1)
        lower = np.minimum(position.astype(int), max(plane.shape[axis] - 2, 0))
        upper = np.minimum(lower + 1, plane.shape[axis] - 1)
        fraction = (position - lower).astype(np.float32)
        fraction = fraction[:, None] if axis == 0 else fraction[None, :]
        plane = plane.take(lower, axis) * (1 - fraction) + plane.take(upper, axis) * fraction
    return plane


def _robust_plane(
    values: NDArray[np.floating], weight: NDArray[np.floating], sigma: float, rounds: int = 3
) -> NDArray[np.float64]:
    """At every pixel the value of a plane fitted to its surroundings, outliers weighted down from round to round."""
    from scipy import ndimage

    def blur(plane: NDArray[np.floating]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = ndimage.gaussian_filter(plane.astype(float), sigma, mode="constant", truncate=3)
        return blurred

    rows, columns = values.shape
    y = np.broadcast_to(((np.arange(rows) - (rows - 1) / 2) / sigma)[:, None], values.shape)
    x = np.broadcast_to(((np.arange(columns) - (columns - 1) / 2) / sigma)[None, :], values.shape)
    current, fitted = weight.astype(float), np.zeros(values.shape)
    for _ in range(rounds):
        total = blur(current) + 1e-6
        mean_y, mean_x = blur(current * y) / total, blur(current * x) / total
        mean = blur(current * values) / total
        # A little of the window's own variance keeps the slope tame where few pixels are left, at the field's edge.
        var_y = blur(current * y * y) / total - mean_y**2 + 0.03
        var_x = blur(current * x * x) / total - mean_x**2 + 0.03
        cov = blur(current * y * x) / total - mean_y * mean_x
        with_y = blur(current * y * values) / total - mean_y * mean
        with_x = blur(current * x * values) / total - mean_x * mean
        determinant = var_y * var_x - cov**2
        slope_y, slope_x = (with_y * var_x - with_x * cov) / determinant, (with_x * var_y - with_y * cov) / determinant
        fitted = mean + slope_y * (y - mean_y) + slope_x * (x - mean_x)
        residual = np.abs(values - fitted)
        seen = residual[weight > 0.5]
        spread = 2 * 1.4826 * (float(np.median(seen)) if seen.size else 0.0) + 1e-4
        current = weight / (1 + (residual / spread) ** 2)
    return fitted
