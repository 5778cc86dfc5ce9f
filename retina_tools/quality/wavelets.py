"""Wavelet features: how the contrast is shared among scales, by the undecimated B3-spline transform."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import feature
from retina_tools.quality.resampling import Plane

LEVELS: Final = 5


def energies(frame: Frame) -> list[float]:
    """Mean squared wavelet coefficient of each level, finest first.

    The a trous algorithm: at level ``j`` the B3 spline is spread to steps of ``2**(j - 1)`` pixels, and the level holds
    what this smoothing takes away (Starck and Murtagh 2006).
    """
    plane, found = frame.detail, []
    for level in range(LEVELS):
        smooth = _smoothed(_smoothed(plane, 2**level).T, 2**level).T
        found.append(float(((plane - smooth) ** 2)[frame.inside].mean()))
        plane = smooth
    return found


def _smoothed(plane: Plane, step: int) -> Plane:
    """The B3 spline along columns, spread to steps; the picture is mirrored at its ends."""
    rows = len(plane)
    padded = np.pad(plane, ((2 * step, 2 * step), (0, 0)), mode="symmetric")
    parts = [padded[shift * step : shift * step + rows] for shift in range(5)]
    smooth: Plane = (parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / np.float32(16)
    return smooth


def _share(frame: Frame, *, level: int) -> float:
    found: list[float] = frame.remember("wavelet energies", energies)
    total = sum(found)
    return found[level] / total if total > 1e-9 else float("nan")


for _level in range(LEVELS):
    feature(
        f"wavelet_share_{_level + 1}",
        family="wavelet",
        label=f"Wavelet energy of level {_level + 1}",
        definition=(
            f"Share of level {_level + 1} in the energy of {LEVELS} levels of the undecimated B3-spline wavelet "
            f"transform of green relative to its background: structures about {2**_level}/512 of the field's width."
        ),
        source="Starck and Murtagh 2006; Nirmala 2011",
    )(partial(_share, level=_level))
