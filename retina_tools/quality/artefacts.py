"""Artefact features: what sensor and file format added to the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import feature

_BLOCK = 8  # pixels: the blocks of JPEG
_STEP = 20  # grey levels: a larger step is an edge of the picture, not of a block


@feature(
    "noise",
    family="artefact",
    units="grey level",
    label="Noise",
    definition=(
        "Standard deviation of the noise of green, averaged over an area of (1/512 of the field's width) squared: the "
        "noise of the photograph's pixels, over their number in that area to the power of 1/2."
    ),
    source="Immerkaer 1996, with a median for the mean",
)
def noise(frame: Frame) -> float:
    """Noise of green in grey levels."""
    return frame.noise


@feature(
    "relative_noise",
    family="artefact",
    label="Noise relative to the brightness",
    definition="Noise of green over its median (8 grey levels added) inside the field of view.",
    source="Immerkaer 1996, with a median for the mean",
)
def relative_noise(frame: Frame) -> float:
    """Noise over signal."""
    return frame.relative_noise


@feature(
    "blockiness",
    family="artefact",
    label="Visibility of JPEG blocks",
    definition=(
        "How much larger the mean luminance step is between columns (rows) 8 apart at one position than at the others, "
        "over the step at the others, both axes taken together. Measured on the photograph's own pixels; a photograph "
        "that was resized after compression shows no blocks."
    ),
    source="This package; after Wang 2002",
)
def blockiness(frame: Frame) -> float:
    """Excess of the steps between blocks over those within."""
    weights = np.array([77, 150, 29], np.int32)  # luminance in 1/256, exact and fast
    luminance = (frame.image @ weights >> 8).astype(np.int16)
    excess, usual = 0.0, 0.0
    for plane, fov in ((luminance, frame.image_fov), (luminance.T, frame.image_fov.T)):
        steps = _steps(plane, fov)
        if steps is None:
            return float("nan")
        at = int(steps.argmax())
        rest = float(np.median(np.delete(steps, at)))
        excess, usual = excess + float(steps[at]) - rest, usual + rest
    # A third of a grey level keeps a noiseless drawing from dividing by nothing.
    return excess / (usual + 0.6)


def _steps(plane: NDArray[np.int16], fov: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Mean step between neighbouring columns at each of the eight positions; None in a picture too narrow."""
    if plane.shape[1] < 4 * _BLOCK:
        return None
    step = np.minimum(np.abs(np.diff(plane, axis=1)), _STEP)
    both = fov[:, 1:] & fov[:, :-1]
    total = np.where(both, step, 0).sum(0, dtype=np.int64)
    count = both.sum(0, dtype=np.int64)
    return np.array([total[i::_BLOCK].sum() / max(count[i::_BLOCK].sum(), 1) for i in range(_BLOCK)])
