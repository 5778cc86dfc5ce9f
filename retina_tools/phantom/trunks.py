"""The frame of an eye, disc and fovea, and the trunks of its vessels around the disc."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from retina_tools.phantom.parameters import Parameters
from retina_tools.phantom.vessels import Floats, Vessel

# Enough for a 45 degree view; eyes seen in a smaller or equal field share one anatomy.
_DOMAIN_UM: Final = 7100.0


@dataclass
class Frame:
    """Where disc and fovea are, and polar coordinates around the disc."""

    parameters: Parameters
    disc_yx: Floats = field(init=False)
    radius_um: float = field(init=False)
    domain_yx: Floats = field(init=False)
    domain_um: float = field(init=False)

    def __post_init__(self) -> None:
        p = self.parameters
        angle = np.radians(p.disc_fovea_angle_deg)
        self.disc_yx = p.disc_fovea_distance_um * np.array([-np.sin(angle), np.cos(angle)])
        self.radius_um = p.disc_diameter_um / 2
        self.domain_yx = 0.35 * self.disc_yx
        shift_um = abs(p.view_centre - 0.35) * p.disc_fovea_distance_um
        self.domain_um = max(_DOMAIN_UM, p.field_um / 2 + shift_um + 600.0)
        self._temporal = -self.disc_yx / np.hypot(*self.disc_yx)
        self._superior = np.array([self._temporal[1], -self._temporal[0]])

    @property
    def disc_semi_axes_um(self) -> tuple[float, float]:
        """Long and short semi-axis of the disc; their product is the squared radius."""
        long = self.radius_um / float(np.sqrt(self.parameters.disc_ovality))
        return long, long * self.parameters.disc_ovality

    def polar(self, distance_um: Floats, angle_deg: Floats) -> Floats:
        """Points (y, x) at a distance from the disc's centre and an angle from temporal over superior."""
        theta = np.radians(angle_deg)
        along = distance_um * np.cos(theta), distance_um * np.sin(theta)
        points: Floats = self.disc_yx + along[0][:, None] * self._temporal + along[1][:, None] * self._superior
        return points

    def from_disc(self, points_um: Floats) -> Floats:
        """Distances from the centre of the disc."""
        distance: Floats = np.hypot(*(points_um - self.disc_yx).T)
        return distance


@dataclass(frozen=True)
class Trunk:
    """Course of a trunk around the disc: distances from its centre, and angles from temporal (0) over superior (90).

    The first two distances are in disc radii, the others in micrometres. Angles are for the superior half and change
    sign for the inferior one. A trunk with a stem leaves it ``leaves_at`` disc radii from where that one begins.
    """

    name: str
    angles_deg: tuple[float, ...]
    side: int
    stem: str = ""
    leaves_at: float = 0.0
    short: bool = False


_DISTANCES_UM: Final = (2300.0, 3300.0, 4700.0, 6300.0, 8200.0, 10500.0)
_ARCADE: Final = (97.0, 84.0, 68.0, 56.0, 43.0, 33.0, 26.0, 22.0)
_NASAL: Final = (110.0, 118.0, 127.0, 132.0, 136.0, 139.0, 142.0, 143.0)
_VERTICAL: Final = (108.0, 105.0, 97.0, 96.0, 94.0, 92.0, 90.0, 88.0)
_MACULAR: Final = (66.0, 42.0, 27.0, 19.0, 14.0, 12.0, 12.0, 12.0)
_STRAIGHT: Final = (148.0, 165.0, 172.0, 174.0, 175.0, 176.0, 176.0, 176.0)

TRUNKS: Final = (
    Trunk("superotemporal", _ARCADE, 1),
    Trunk("inferotemporal", _ARCADE, -1),
    Trunk("superonasal", _NASAL, 1, "superotemporal", 0.68),
    Trunk("inferonasal", _NASAL, -1, "inferotemporal", 0.7),
    Trunk("superior", _VERTICAL, 1, "superotemporal", 1.3),
    Trunk("inferior", _VERTICAL, -1, "inferotemporal", 1.3),
    Trunk("nasal", _STRAIGHT, 1, "superonasal", 0.4),
    Trunk("superior macular", _MACULAR, 1, "superotemporal", 0.34, short=True),
    Trunk("inferior macular", _MACULAR, -1, "inferotemporal", 0.36, short=True),
)


class Trunks:
    """The trunks of one tree, whose waypoints are drawn one after the other.

    Parameters
    ----------
    frame : Frame
    vessel : {'artery', 'vein'}
    rng : numpy.random.Generator
    """

    def __init__(self, frame: Frame, vessel: Vessel, rng: np.random.Generator) -> None:
        self.frame, self.rng = frame, rng
        # The artery enters nasal to the vein, and both turn away from each other on the disc.
        self._apart = 1.0 if vessel == "artery" else -1.0
        angle = 180.0 - 90.0 * (self._apart < 0) + rng.normal(0, 25.0)
        self.root = frame.polar(np.array([0.22 * frame.radius_um]), np.array([angle]))
        self._lean, self._width = rng.normal(0.0, 4.0, 2), rng.normal(1.0, 0.08, 2)

    def waypoints(self, trunk: Trunk) -> Floats:
        """Where a trunk passes, from the root for the two that begin there."""
        frame, rng, half = self.frame, self.rng, 0 if trunk.side > 0 else 1
        distances = np.array([0.5 * frame.radius_um, frame.radius_um, *_DISTANCES_UM])
        spread = 3.0 if trunk.name.endswith("temporal") else 6.0
        drift = rng.normal(0.0, spread) + self._lean[half] + 3.0 * self._apart
        angles = np.array(trunk.angles_deg) * self._width[half] + drift + rng.normal(0.0, 2.0, len(distances))
        angles[0] += 14.0 * self._apart
        if trunk.short:
            # It ends before the fovea, but beyond zone B.
            end = max(0.78 * frame.parameters.disc_fovea_distance_um, 3.2 * frame.radius_um)
            distances = np.append(distances[distances < end - 400.0], end)
        waypoints = frame.polar(distances, trunk.side * angles[: len(distances)])
        return waypoints if trunk.stem else np.concatenate([self.root, waypoints])
