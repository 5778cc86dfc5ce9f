"""Colour features: which colour the picture has and how much it varies."""

from __future__ import annotations

import math

import numpy as np

from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import feature

_FLOOR = 8.0  # grey levels added to each channel, so that black noise has no hue


def red_share_map(frame: Frame) -> np.ndarray:
    """Red over the sum of the channels, shape (n,), of the pixels inside the field of view."""
    inside = frame.pixels + np.float32(_FLOOR)
    share: np.ndarray = inside[0] / inside.sum(0)
    return share


@feature(
    "red_share",
    family="colour",
    label="Share of red",
    definition="Median of red over the sum of the channels (8 grey levels added to each); 1/3 is grey.",
    source="This package",
)
def red_share(frame: Frame) -> float:
    """How red the picture is."""
    return float(np.median(frame.remember("red share", red_share_map)))


@feature(
    "red_share_sd",
    family="colour",
    label="Spread of the share of red",
    definition="Standard deviation of red over the sum of the channels inside the field of view.",
    source="This package",
)
def red_share_sd(frame: Frame) -> float:
    """How much the colour varies."""
    return float(frame.remember("red share", red_share_map).std())


@feature(
    "red_first_share",
    family="colour",
    label="Part where red is strongest",
    definition="Share of the field of view where no channel exceeds red by more than 2 grey levels.",
    source="This package",
)
def red_first_share(frame: Frame) -> float:
    """How much of the picture is red before all, or grey."""
    red, green, blue = frame.pixels
    return float((red + 2 >= np.maximum(green, blue)).mean())


@feature(
    "green_red_ratio",
    family="colour",
    label="Green over red",
    definition="Mean of green over mean of red inside the field of view: low where red prevails.",
    source="This package",
)
def green_red_ratio(frame: Frame) -> float:
    """Colour cast between green and red."""
    return _ratio(frame, 1)


@feature(
    "blue_red_ratio",
    family="colour",
    label="Blue over red",
    definition="Mean of blue over mean of red inside the field of view: high in hazy pictures and blue reflexes.",
    source="This package",
)
def blue_red_ratio(frame: Frame) -> float:
    """Colour cast between blue and red."""
    return _ratio(frame, 2)


def _ratio(frame: Frame, channel: int) -> float:
    means = frame.pixels.mean(1, dtype=np.float64)
    return float(means[channel] / means[0]) if means[0] > 1 else math.nan
