"""Field and illumination features: how much retina is seen, how bright it is and how evenly it is lit."""

from __future__ import annotations

import math

import numpy as np

from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import feature

_BLACK, _WHITE = 8.0, 250.0
_DIM = 0.4


@feature(
    "fov_width",
    family="field",
    units="pixel",
    label="Width of the field of view",
    definition="Largest extent of the field of view in any direction, in pixels of the photograph.",
    source="This package",
)
def fov_width(frame: Frame) -> float:
    """Width in pixels of the photograph: the one feature that says how large it is."""
    return frame.width_px


@feature(
    "fov_coverage",
    family="field",
    label="Visible part of the field",
    definition="Area of the field of view over the area of the circle on its width; 0.64 for a full square frame.",
    source="This package",
)
def fov_coverage(frame: Frame) -> float:
    """How much of its circle the field of view shows."""
    return min(1.0, float(frame.image_fov.sum()) / (math.pi / 4 * frame.width_px**2))


@feature(
    "brightness",
    family="illumination",
    units="grey level",
    label="Brightness",
    definition="Median luminance (ITU-R BT.601) inside the field of view.",
    source="This package",
)
def brightness(frame: Frame) -> float:
    """Median luminance."""
    return float(np.median(frame.brightness[frame.inside]))


@feature(
    "dark_share",
    family="illumination",
    label="Black part",
    definition="Share of the field of view where all channels are at most 8 grey levels.",
    source="This package",
)
def dark_share(frame: Frame) -> float:
    """Share without light."""
    return float((frame.pixels.max(0) <= _BLACK).mean())


@feature(
    "bright_share",
    family="illumination",
    label="Over-exposed part",
    definition="Share of the field of view where green is at least 250: nothing can be seen there.",
    source="This package",
)
def bright_share(frame: Frame) -> float:
    """Share with clipped green."""
    return float((frame.pixels[1] >= _WHITE).mean())


@feature(
    "red_clipped_share",
    family="illumination",
    label="Part with clipped red",
    definition="Share of the field of view where red is at least 250; usual in bright photographs of blond fundi.",
    source="This package",
)
def red_clipped_share(frame: Frame) -> float:
    """Share with clipped red."""
    return float((frame.pixels[0] >= _WHITE).mean())


@feature(
    "evenness",
    family="illumination",
    label="Evenness of illumination",
    definition=(
        "10th over 95th percentile of the luminance, averaged over 1/20 of the field's width, inside the field of view."
    ),
    source="This package; after Foracchia 2005",
)
def evenness(frame: Frame) -> float:
    """1 for an even picture."""
    low, high = np.percentile(frame.light[frame.inside], (10, 95))
    return float(low / high) if high > 1 else math.nan


@feature(
    "dim_share",
    family="illumination",
    label="Dim part",
    definition="Share of the field of view where the averaged luminance is below 0.4 of its 95th percentile.",
    source="This package",
)
def dim_share(frame: Frame) -> float:
    """Share that the light does not reach."""
    light = frame.light[frame.inside]
    return float((light < _DIM * np.percentile(light, 95)).mean())
