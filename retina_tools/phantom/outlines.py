"""Star-shaped outlines of the disc, the cup and the atrophy around them: one distance per direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.painting import Plane, View, Window, window_around
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats

# Directions around an outline, 0 temporal over 90 superior; half a degree apart.
_DIRECTIONS: Final = 720
# The cup leaves this share of the way to the disc's margin, even in a complete notch.
_LEAST_RIM: Final = 0.02


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed curve around a centre.

    Attributes
    ----------
    centre_um : ndarray, shape (2,)
    radius_um : ndarray, shape (720,)
        Distance of the curve in each direction, 0 temporal over 90 superior.
    """

    centre_um: Floats
    radius_um: Floats

    @cached_property
    def points_um(self) -> Floats:
        """Points of the curve relative to its centre, shape (720, 2), y down and x nasal."""
        theta = directions()
        points: Floats = -self.radius_um[:, None] * np.column_stack([np.sin(theta), np.cos(theta)])
        return points

    @property
    def area_um2(self) -> float:
        """Area inside; the mean of squared radii is exact for smooth curves."""
        return float(np.pi * (self.radius_um**2).mean())

    @property
    def extents_um(self) -> tuple[float, float]:
        """Vertical and horizontal extent; the parabola through the furthest three points gives the vertex."""
        return _extent(self.points_um[:, 0]), _extent(self.points_um[:, 1])

    def level(self, view: View, window: Window) -> Plane:
        """Distance from the centre as a fraction of the curve's in that direction, below 1 inside."""
        y, x = view.axes_um()
        dy, dx = y[window[0]] - float(self.centre_um[0]), x[:, window[1]] - float(self.centre_um[1])
        place = np.arctan2(-dy, -dx) * np.float32(_DIRECTIONS / (2 * np.pi))
        closed = np.append(self.radius_um, self.radius_um[0]).astype(np.float32)
        curve = np.interp(place % _DIRECTIONS, np.arange(_DIRECTIONS + 1), closed)
        level: Plane = (np.hypot(dy, dx) / np.maximum(curve, 1e-3)).astype(np.float32)
        return level

    def mask(self, view: View) -> NDArray[np.bool_]:
        """Pixels whose centre lies inside."""
        mask = np.zeros((view.size, view.size), bool)
        window = window_around(view, self.centre_um, float(self.radius_um.max()))
        mask[window] = self.level(view, window) <= 1.0
        return mask


def directions() -> Floats:
    """The directions of an outline in radians, 0 temporal over pi / 2 superior."""
    theta: Floats = np.linspace(0.0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    return theta


def disc_outline(frame: Frame) -> Outline:
    """The optic disc, an ellipse."""
    return Outline(frame.disc_yx, _ellipse(frame.disc_semi_axes_um, frame.parameters.disc_tilt_deg))


def cup_outline(frame: Frame) -> Outline:
    """The cup: a smaller ellipse that may lie off the disc's centre and reach out in a notch, but stays in the disc."""
    p = frame.parameters
    long, short = frame.disc_semi_axes_um
    offset = -frame.radius_um * np.array([p.cup_offset_superior, p.cup_offset_temporal])
    cup = _ellipse((long * p.cup_disc_ratio, short * p.cup_disc_ratio * p.cup_ovality), p.disc_tilt_deg)
    margin = (1.0 - _LEAST_RIM) * _to_disc(frame, offset)
    depth = p.notch_depth * _bump(p.notch_angle_deg, p.notch_width_deg)
    return Outline(frame.disc_yx + offset, np.minimum(cup + depth * np.maximum(margin - cup, 0.0), margin))


def arc_outline(frame: Frame) -> Outline | None:
    """The outer margin of peripapillary atrophy, a crescent or ring on the disc; None without any."""
    p = frame.parameters
    if p.arc_atrophy_um <= 0:
        return None
    span = p.arc_atrophy_span_deg
    width = np.ones(_DIRECTIONS) if span >= 360 else np.sqrt(_bump(p.arc_atrophy_angle_deg, span))
    return Outline(frame.disc_yx, disc_outline(frame).radius_um + p.arc_atrophy_um * width)


def _ellipse(semi_axes_um: tuple[float, float], tilt_deg: float) -> Floats:
    """Radius of an ellipse whose first axis is vertical before its upper end is tilted temporally."""
    theta = directions()
    # The long axis lies at 90 degrees less the tilt.
    along, across = np.sin(theta + np.radians(tilt_deg)), np.cos(theta + np.radians(tilt_deg))
    radius: Floats = 1.0 / np.sqrt((along / semi_axes_um[0]) ** 2 + (across / semi_axes_um[1]) ** 2)
    return radius


def _to_disc(frame: Frame, offset_um: Floats) -> Floats:
    """Distance from a point of the disc, given relative to its centre, to the margin in each direction."""
    theta, tilt = directions(), np.radians(frame.parameters.disc_tilt_deg)
    long, short = frame.disc_semi_axes_um
    ray = -np.column_stack([np.sin(theta), np.cos(theta)])
    # In the axes of the ellipse, scaled to a unit circle.
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    scale = np.array([long, short])
    u, start = ray @ turn.T / scale, turn @ offset_um / scale
    a, b, c = (u * u).sum(axis=1), u @ start, float(start @ start) - 1.0
    distance: Floats = (-b + np.sqrt(np.maximum(b * b - a * c, 0.0))) / a
    return distance


def _bump(centre_deg: float, width_deg: float) -> Floats:
    """1 in a direction, falling to 0 at half the width to either side."""
    apart = np.abs((np.degrees(directions()) - centre_deg + 180.0) % 360.0 - 180.0)
    bump: Floats = np.where(apart < width_deg / 2, np.cos(np.pi * np.minimum(apart / width_deg, 0.5)) ** 2, 0.0)
    return bump


def _extent(values: Floats) -> float:
    return _furthest(values) + _furthest(-values)


def _furthest(values: Floats) -> float:
    """Largest value of a closed curve, by the parabola through the largest sample and its neighbours."""
    k = int(values.argmax())
    before, here, after = values[k - 1], values[k], values[(k + 1) % len(values)]
    bend = before - 2 * here + after
    return float(here if bend >= 0 else here - (after - before) ** 2 / (8 * bend))
