"""Tortuosity as a smooth bending of the retina: it moves centrelines without tearing the graph or making crossings."""

from __future__ import annotations

from typing import Final

import numpy as np

from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats

_MODES: Final = 16


class Waves:
    """A random smooth displacement, nought on the disc, that also keeps every vessel out of the avascular zone.

    Parameters
    ----------
    frame : Frame
        With the diameter of the avascular zone.
    tortuosity : float
        Factor on the amplitude.
    rng : numpy.random.Generator
    """

    def __init__(self, frame: Frame, tortuosity: float, rng: np.random.Generator) -> None:
        self.frame = frame
        wavelength = np.append(rng.uniform(1000.0, 2000.0, _MODES), rng.uniform(2400.0, 4800.0, _MODES))
        direction = rng.uniform(0.0, 2 * np.pi, 2 * _MODES)
        number = 2 * np.pi / wavelength
        self._wave = np.stack([number * np.sin(direction), number * np.cos(direction)])
        self._phase = rng.uniform(0.0, 2 * np.pi, 2 * _MODES)
        # Each wave moves points across its own direction (a shear): vessels meander, but are nowhere squeezed to kinks.
        self._across = np.stack([np.cos(direction), -np.sin(direction)], axis=1)
        amplitude = np.append(np.full(_MODES, 75.0), np.full(_MODES, 130.0)) * np.sqrt(2.0 / _MODES)
        self._amplitude = tortuosity * amplitude

    def bent(self, points_um: Floats) -> Floats:
        """Points after bending."""
        displacement = (self._amplitude * np.cos(points_um @ self._wave + self._phase)) @ self._across
        radial = self.frame.from_disc(points_um) / self.frame.radius_um
        window = np.clip((radial - 1.0) / 2.5, 0.0, 1.0)
        window = window**2 * (3.0 - 2.0 * window)
        return self._kept_out(points_um + displacement * window[:, None])

    def _kept_out(self, points_um: Floats) -> Floats:
        """Open a hole at the fovea: distances go from d to (d^8 + h^8)^(1/8)."""
        # Half of the widest vessel that may come near is added to the zone's own radius.
        hole = 0.5 * self.frame.parameters.faz_diameter_um + 25.0
        distance = np.maximum(np.hypot(points_um[:, 0], points_um[:, 1]), 1e-6)
        return points_um * ((1.0 + (hole / distance) ** 8) ** 0.125)[:, None]
