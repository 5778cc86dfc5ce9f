"""Centrelines as dense curves: resampling along splines, smoothing, and how they turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solveh_banded

from retina_tools.phantom.vessels import Floats, Segment

STEP_UM: Final = 8.0
_LEAST_BEND: Final = np.radians(5.0)


def dense(segment: Segment) -> tuple[Floats, Floats]:
    """Points every 8 um on the cubic spline through a segment's points, and the radius there."""
    steps = np.hypot(*np.diff(segment.points_um, axis=0).T)
    knots = np.append(0.0, np.cumsum(steps))
    even = np.linspace(0.0, knots[-1], max(4, round(knots[-1] / STEP_UM) + 1))
    if len(knots) < 4:
        points = np.stack([np.interp(even, knots, axis) for axis in segment.points_um.T], axis=1)
    else:
        points = CubicSpline(knots, segment.points_um)(even)
    return points, np.interp(even, knots, segment.radius_um)


def arc_lengths(points: Floats) -> Floats:
    """Length along a curve up to each of its points."""
    return np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))


def smoothed(points: Floats, wavelength_um: float) -> Floats:
    """A curve without waves shorter than a wavelength: that one is halved, one twice as long keeps 98 %.

    Minimises ``sum (z - y)**2 + l * sum (third difference of z)**2`` (Whittaker 1922), whose gain for a wave of length
    L is ``1 / (1 + (wavelength / L)**6)``.
    """
    count = len(points)
    if count < 8:
        return points
    step = arc_lengths(points)[-1] / (count - 1)
    penalty = (wavelength_um / (2 * np.pi * step)) ** 6
    difference = np.array([-1.0, 3.0, -3.0, 1.0])
    banded = np.zeros((4, count))
    for first in range(4):
        for second in range(first, 4):
            banded[second - first, first : first + count - 3] += penalty * difference[first] * difference[second]
    banded[0] += 1.0
    found: Any = solveh_banded(banded, points, lower=True, check_finite=False)
    return np.asarray(found, float)


@dataclass(frozen=True)
class Turning:
    """How a stretch of a smoothed curve turns; lengths in um.

    Attributes
    ----------
    length, absolute, squared : float
        Arc length, and the integrals of the absolute and of the squared curvature over it.
    inflections : int
        Changes of the curvature's sign between curves that each bend by 5 degrees or more.
    excess : float
        Sum of arc / chord - 1 over the turn curves between them.
    """

    length: float
    absolute: float
    squared: float
    inflections: int
    excess: float


def turning(points: Floats) -> Turning:
    """Turning of a curve given by its points."""
    steps = np.diff(points, axis=0)
    size = np.hypot(*steps.T)
    angle = np.arctan2(
        steps[:-1, 1] * steps[1:, 0] - steps[:-1, 0] * steps[1:, 1], (steps[:-1] * steps[1:]).sum(axis=1)
    )
    between = (size[:-1] + size[1:]) / 2
    cuts = inflection_points(np.append(0.0, np.cumsum(angle)))
    arc = np.append(0.0, np.cumsum(size))
    ends = np.array([0, *cuts, len(points) - 1])
    chords = np.hypot(*(points[ends[1:]] - points[ends[:-1]]).T)
    return Turning(
        float(between.sum()),
        float(np.abs(angle).sum()),
        float((angle**2 / between).sum()),
        len(cuts),
        float((np.diff(arc[ends]) / chords - 1.0).sum()),
    )


def inflection_points(heading: Floats) -> list[int]:
    """Where a heading turns back by 5 degrees or more after having turned by as much, as indices of it."""
    found: list[int] = []
    trend, low, high = 0, 0, 0
    for k in range(1, len(heading)):
        if heading[k] > heading[high]:
            high = k
        if heading[k] < heading[low]:
            low = k
        if trend >= 0 and heading[high] - heading[k] >= _LEAST_BEND:
            if trend > 0:
                found.append(high)
            trend, low = -1, k
            high = k
        elif trend <= 0 and heading[k] - heading[low] >= _LEAST_BEND:
            if trend < 0:
                found.append(low)
            trend, high = 1, k
            low = k
    return found
