"""What speaks for the disc and the fovea, on a small grid: light, vessels, and where the vessels point.

The disc is looked for where a disc-sized patch is lighter than its ring after the illumination is taken out, and where
the vessels' directions meet; the fovea where a patch is darker than its ring and free of vessels. All of it is linear
filtering on a grid of about 120 px, done with Fourier transforms, so it costs milliseconds and mirrors exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "Float", "RingFilter", "gather_evidence", "resample", "smooth_inside"]

Float = NDArray[np.float32]

GRID_PX = 120
# The farthest any filter reaches on the grid; the transforms are padded by it, so nothing wraps around.
_REACH_PX = 42


@dataclass(frozen=True, eq=False)
class Evidence:
    """Planes of one photograph on the small grid.

    Attributes
    ----------
    step : float
        Frame pixels per grid pixel.
    fov : ndarray of bool, shape (y, x)
        Field of view.
    depth : ndarray of float32, shape (y, x)
        Distance to the field's edge in shares of the field's diameter.
    light : ndarray of float32, shape (y, x)
        Illumination-corrected, vessel-free light of red and green in units of its own spread, clipped.
    green, red : ndarray of float32, shape (y, x)
        Natural logarithm of each channel over its illumination.
    vessel : ndarray of float32, shape (y, x)
        Vessel probability, averaged.
    filters : RingFilter
        Filters for this field of view.
    """

    step: float
    fov: NDArray[np.bool_]
    depth: Float
    light: Float
    green: Float
    red: Float
    vessel: Float
    filters: RingFilter

    def to_frame(self, point_yx: tuple[float, float]) -> tuple[float, float]:
        """A grid point in pixels of the frame."""
        return (point_yx[0] + 0.5) * self.step - 0.5, (point_yx[1] + 0.5) * self.step - 0.5

    def from_frame(self, point_yx: tuple[float, float]) -> tuple[float, float]:
        """A point of the frame on the grid."""
        return (point_yx[0] + 0.5) / self.step - 0.5, (point_yx[1] + 0.5) / self.step - 0.5


class RingFilter:
    """Means over discs and rings around every pixel, counting only pixels inside the field of view."""

    def __init__(self, fov: NDArray[np.bool_]) -> None:
        from scipy.fft import next_fast_len

        self.shape = fov.shape
        self.padded = (
            int(next_fast_len(fov.shape[0] + _REACH_PX, real=True)),
            int(next_fast_len(fov.shape[1] + _REACH_PX, real=True)),
        )
        self._fov = self.transform(fov.astype(np.float32))
        self._weights: dict[tuple[float, float], Float] = {}

    def transform(self, plane: Float) -> NDArray[np.complex64]:
        """Fourier transform of a plane (zero outside the field) to be filtered several times."""
        from scipy.fft import rfft2

        result: NDArray[np.complex64] = rfft2(plane.astype(np.float32), self.padded)
        return result

    def apply(self, transformed: NDArray[np.complex64], kernel: NDArray[np.complex64]) -> Float:
        """Correlate with a kernel of this padded size."""
        from scipy.fft import irfft2

        result: Float = irfft2(transformed * kernel, self.padded)[: self.shape[0], : self.shape[1]]
        return result

    def mean(self, transformed: NDArray[np.complex64], inner_px: float, outer_px: float) -> Float:
        """Mean of the plane between two radii around each pixel (inner radius 0 for a full disc)."""
        kernel = _ring_kernel(self.padded, inner_px, outer_px)
        key = (inner_px, outer_px)
        if key not in self._weights:
            self._weights[key] = np.maximum(self.apply(self._fov, kernel), 1)
        return self.apply(transformed, kernel) / self._weights[key]

    def pointing(
        self, cosine: NDArray[np.complex64], sine: NDArray[np.complex64], inner_px: float, outer_px: float
    ) -> Float:
        """How much line strength between two radii points at each pixel rather than across it.

        ``cosine`` and ``sine`` are transforms of the line strength times the cosine and sine of twice its direction.
        """
        return self.apply(cosine, _radial_kernel(self.padded, inner_px, outer_px, "cosine")) + self.apply(
            sine, _radial_kernel(self.padded, inner_px, outer_px, "sine")
        )

    def shares(self, transformed: NDArray[np.complex64], inner_px: float, outer_px: float) -> Float:
        """Sum over the ring with each radius counted alike, the total that :meth:`pointing` can reach at most."""
        return self.apply(transformed, _radial_kernel(self.padded, inner_px, outer_px, "all"))


def gather_evidence(image: Float, fov: NDArray[np.bool_], vessel_probability: Float) -> Evidence:
    """Bring a photograph of the normalised frame to the small grid and take illumination and vessels out.

    Parameters
    ----------
    image : ndarray of float32, shape (y, x, 3)
        Red, green, blue in [0, 1].
    fov : ndarray of bool, shape (y, x)
    vessel_probability : ndarray of float32, shape (y, x)

    Returns
    -------
    Evidence
    """
    from scipy import ndimage

    step = max(max(fov.shape) / GRID_PX, 1.0)
    shape = (max(round(fov.shape[0] / step), 8), max(round(fov.shape[1] / step), 8))
    share = resample(fov.astype(np.float32), shape)
    small_fov = share > 0.5
    weight = small_fov.astype(np.float32)
    vessel = resample(np.where(fov, vessel_probability, 0).astype(np.float32), shape) * weight
    # Vessels are dark on the disc and would split it; they are left out of every average.
    clear = (weight * np.clip(1 - 2.2 * vessel, 0.02, 1)).astype(np.float32)
    planes = []
    for channel in (0, 1):
        plane = resample(np.where(fov, image[..., channel], 0), shape) / np.maximum(share, 0.2)
        planes.append(_over_illumination(plane.astype(np.float32), clear, small_fov))
    spreads = [float(np.median(np.abs(plane[small_fov]))) + 0.01 if small_fov.any() else 1.0 for plane in planes]
    light = sum(np.clip(plane / spread, -4, 6) for plane, spread in zip(planes, spreads, strict=True)) * weight / 2
    depth = ndimage.distance_transform_edt(np.pad(small_fov, 1))[1:-1, 1:-1] / max(shape)
    return Evidence(
        step=fov.shape[0] / shape[0],
        fov=small_fov,
        depth=depth.astype(np.float32),
        light=light.astype(np.float32),
        green=planes[1],
        red=planes[0],
        vessel=vessel,
        filters=RingFilter(small_fov),
    )


def resample(plane: Float, shape: tuple[int, int]) -> Float:
    """Bring a plane to another size, antialiased; the grid is placed symmetrically, so it mirrors exactly."""
    from scipy import ndimage

    factor = plane.shape[0] / shape[0]
    soft = ndimage.uniform_filter(plane.astype(np.float32), _odd(factor), mode="nearest") if factor > 1.5 else plane
    zoom = (shape[0] / plane.shape[0], shape[1] / plane.shape[1])
    result: Float = ndimage.zoom(soft, zoom, order=1, mode="nearest", grid_mode=True)
    return result


def smooth_inside(plane: Float, weight: Float, sigma_px: float) -> Float:
    """Gaussian average of the weighted pixels only."""
    from scipy import ndimage

    total = ndimage.gaussian_filter(weight, sigma_px, mode="constant")
    result: Float = ndimage.gaussian_filter(plane * weight, sigma_px, mode="constant") / np.maximum(total, 1e-3)
    return result


def _odd(width: float) -> int:
    return 2 * math.floor(width / 2) + 1


def _over_illumination(plane: Float, clear: Float, fov: NDArray[np.bool_]) -> Float:
    """Logarithm of a channel over its smooth background; bright patches do not count as background."""
    from scipy import ndimage

    size = max(fov.shape)
    trust = np.clip(ndimage.gaussian_filter(clear, size * 0.005) / 0.3, 0, 1)
    near, far = smooth_inside(plane, clear, size * 0.005), smooth_inside(plane, clear, size * 0.0175)
    log = np.log(np.maximum(trust * near + (1 - trust) * far, 0) + np.float32(0.02))
    weight = fov.astype(np.float32)
    background = smooth_inside(log, weight, size * 0.16)
    for _ in range(2):
        excess = log - background
        spread = float(np.median(np.abs(excess[fov]))) + 1e-3 if fov.any() else 1.0
        doubt = (np.maximum(excess, 0) / (2.5 * spread)) ** 2
        background = smooth_inside(log, (weight / (1 + doubt)).astype(np.float32), size * 0.16)
    result: Float = np.where(fov, log - background, 0).astype(np.float32)
    return result


def _kernel(padded: tuple[int, int], weights: Callable[[Float, Float], Float]) -> NDArray[np.complex64]:
    """Transform of a kernel given as a function of (y, x) offsets, ready to correlate with."""
    from scipy.fft import rfft2

    y, x = (np.where(np.arange(n) <= n // 2, np.arange(n), np.arange(n) - n).astype(np.float32) for n in padded)
    result: NDArray[np.complex64] = np.conj(rfft2(weights(y[:, None], x[None, :]).astype(np.float32)))
    return result


@lru_cache(maxsize=64)
def _ring_kernel(padded: tuple[int, int], inner_px: float, outer_px: float) -> NDArray[np.complex64]:
    def weights(y: Float, x: Float) -> Float:
        radius = np.hypot(y, x)
        inside: Float = np.clip(outer_px - radius + 0.5, 0, 1)
        return inside * np.clip(radius - inner_px + 0.5, 0, 1) if inner_px > 0 else inside

    return _kernel(padded, weights)


@lru_cache(maxsize=64)
def _radial_kernel(padded: tuple[int, int], inner_px: float, outer_px: float, part: str) -> NDArray[np.complex64]:
    def weights(y: Float, x: Float) -> Float:
        radius = np.maximum(np.hypot(y, x), 1e-3)
        ring = np.clip(radius - inner_px + 0.5, 0, 1) * np.clip(outer_px - radius + 0.5, 0, 1) / radius
        if part == "cosine":
            ring = ring * (x * x - y * y) / radius**2
        elif part == "sine":
            ring = ring * 2 * x * y / radius**2
        result: Float = ring.astype(np.float32)
        return result

    return _kernel(padded, weights)
