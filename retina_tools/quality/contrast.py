"""Contrast features: how clearly vessels and other detail stand out from their surroundings."""

from __future__ import annotations

import math

import numpy as np

from retina_tools.quality.frame import Frame
from retina_tools.quality.noise import line_of_noise
from retina_tools.quality.registry import feature
from retina_tools.quality.resampling import Plane


@feature(
    "rms_contrast",
    family="contrast",
    label="Local contrast",
    definition="Standard deviation of green relative to its background, inside the field of view.",
    source="Peli 1990",
)
def rms_contrast(frame: Frame) -> float:
    """Root mean square of the detail."""
    return float(frame.detail[frame.inside].std())


@feature(
    "dynamic_range",
    family="contrast",
    units="grey level",
    label="Range of green",
    definition="99th less 1st percentile of green inside the field of view.",
    source="This package",
)
def dynamic_range(frame: Frame) -> float:
    """How many grey levels of green are used."""
    low, high = np.percentile(frame.pixels[1], (1, 99))
    return float(high - low)


@feature(
    "vessel_contrast",
    family="contrast",
    label="Contrast of the main vessels",
    definition=(
        "95th percentile of the strength of dark lines about 2 % of the field's width wide, of green relative to its "
        "background, less what noise of the level measured gives."
    ),
    source="This package; lines after Lindeberg 1998",
)
def vessel_contrast(frame: Frame) -> float:
    """Strength of the dark lines of the main vessels."""
    return _line_contrast(frame, frame.lines.dark, 3.0)


@feature(
    "fine_vessel_contrast",
    family="contrast",
    label="Contrast of the finer vessels",
    definition="As the contrast of the main vessels, for dark lines about 1 % of the field's width wide.",
    source="This package; lines after Lindeberg 1998",
)
def fine_vessel_contrast(frame: Frame) -> float:
    """Strength of the dark lines of finer vessels."""
    return _line_contrast(frame, frame.fine_lines.dark, 1.5)


def _line_contrast(frame: Frame, dark: Plane, sigma: float) -> float:
    strength = float(np.percentile(dark[frame.inside], 95))
    grain = frame.relative_noise * frame.zoom * line_of_noise(round(frame.zoom, 2), sigma)
    return math.sqrt(max(strength**2 - grain**2, 0.0))
