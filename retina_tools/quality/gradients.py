"""Gradient features: how sharp the picture is, in the classical measures and as a width of blur."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.quality.frame import Frame
from retina_tools.quality.noise import gradient_energy, gradient_of_noise
from retina_tools.quality.registry import feature

_FINE, _COARSE = 1.0, 2.5  # scales of the two gradients in pixels
# Gradient energy of a step falls as the first power of the blur, of a thin line as the third; of the eye's structures,
# measured on pictures blurred by known amounts, as this power of the ratio of squared scales.
_POWER: Final = 0.65
_DIRECTIONS: Final = np.arange(8) * np.pi / 8


@feature(
    "tenengrad",
    family="gradient",
    label="Tenengrad",
    definition="Mean squared Sobel gradient of green relative to its background, inside the field of view.",
    source="Krotkov 1988; Pertuz 2013",
)
def tenengrad(frame: Frame) -> float:
    """Mean squared Sobel gradient, of detail per pixel of the frame."""
    gradient = [ndimage.sobel(frame.detail, axis) / 8 for axis in (0, 1)]
    return float((gradient[0] ** 2 + gradient[1] ** 2)[frame.inside].mean())


@feature(
    "laplacian_variance",
    family="gradient",
    label="Variance of the Laplacian",
    definition="Variance of the five-point Laplacian of green relative to its background, inside the field of view.",
    source="Pech-Pacheco 2000; Pertuz 2013",
)
def laplacian_variance(frame: Frame) -> float:
    """Variance of the five-point Laplacian of the detail."""
    return float(ndimage.laplace(frame.detail)[frame.inside].var())


@feature(
    "brenner",
    family="gradient",
    label="Brenner's gradient",
    definition="Mean squared difference of pixels two apart, of green relative to its background, over both axes.",
    source="Brenner 1976; Pertuz 2013",
)
def brenner(frame: Frame) -> float:
    """Mean squared difference over two pixels; the axes are averaged, so that a turned picture gives the same."""
    total = 0.0
    for plane, mask in ((frame.detail, frame.inside), (frame.detail.T, frame.inside.T)):
        both = mask[:, 2:] & mask[:, :-2]
        difference = (plane[:, 2:] - plane[:, :-2])[both]
        total += float((difference**2).mean()) / 2 if difference.size else math.nan
    return total


@feature(
    "blur_width",
    family="gradient",
    label="Width of the blur",
    definition=(
        "Standard deviation of the Gaussian blur over the width of the field of view, in the direction it is largest. "
        "From the ratio of gradient energies of green at scales of 1/512 and 2.5/512 of the width, both less what "
        "white noise of the level measured gives; 0 where the picture is sharper than such a frame can show, not "
        "defined where nothing is sharp enough to be measured. Right to about 20 % on photographs; of drawings with "
        "thin sharp lines only it finds too little."
    ),
    source="This package; after the edge-width idea of Elder and Zucker 1998",
)
def blur_width(frame: Frame) -> float:
    """Standard deviation of the blur as a fraction of the field's width."""
    return _blur_px(float(_sharpness(frame).min())) / frame.side_px


@feature(
    "blur_direction",
    family="gradient",
    label="Directedness of the blur",
    definition=(
        "One less the ratio of the smallest to the largest sharpness over 8 directions, sharpness as for the width of "
        "the blur: near 0 where the picture is equally sharp all round, larger where it moved."
    ),
    source="This package",
)
def blur_direction(frame: Frame) -> float:
    """How much less sharp the picture is in one direction than in another."""
    ratio = _sharpness(frame)
    return float(1 - ratio.min() / ratio.max()) if ratio.max() > 0 else math.nan


def _sharpness(frame: Frame) -> NDArray[np.float64]:
    """Ratio of fine to coarse gradient energy in each direction; 0 where there is no gradient to speak of."""
    fine, coarse = (_directional_energy(frame, sigma) for sigma in (_FINE, _COARSE))
    # A thousandth of a grey level a pixel is rounding, not retina.
    return np.where(coarse > 1e-6, np.maximum(fine, 0) / np.maximum(coarse, 1e-6), 0)


def _directional_energy(frame: Frame, sigma: float) -> NDArray[np.float64]:
    yy, xx, yx = gradient_energy(frame.green, frame.inside, sigma)
    white = frame.pixel_noise**2 * gradient_of_noise(round(frame.zoom, 2), sigma)
    cosine, sine = np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)
    return cosine**2 * (yy - white) + sine**2 * (xx - white) + 2 * cosine * sine * yx


def _blur_px(ratio: float) -> float:
    """Blur in pixels of the frame that a ratio of energies means; NaN where it is too large to be told."""
    power = ratio ** (1 / _POWER)
    if power <= 1:
        return math.nan
    return math.sqrt(max(_COARSE**2 - power * _FINE**2, 0.0) / (power - 1))
