"""How vessels turn: integrals of curvature, inflections and turn curves, over stretches of smoothed centrelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A turn curve that bends by less says more about the pixel grid than about the vessel.
_LEAST_BEND_DEG: Final = 5.0


@dataclass(frozen=True, eq=False)
class Turning:
    """Sums over each of several stretches, all of shape (stretches,).

    Attributes
    ----------
    length : ndarray of float
        Arc length over which the curvature is known: without the first and last half step.
    absolute : ndarray of float
        Integral of the absolute curvature, in radians.
    squared : ndarray of float
        Integral of the squared curvature, in 1/px.
    inflections : ndarray of float
        Changes of the curvature's sign between curves that each bend by at least 5 degrees.
    excess : ndarray of float
        Sum over these curves of arc / chord - 1.
    """

    length: Floats
    absolute: Floats
    squared: Floats
    inflections: Floats
    excess: Floats


@compiled
def _curve_excess(y: Floats, x: Floats, first: int, last: int) -> float:
    arc = 0.0
    for k in range(first, last):
        arc += np.hypot(y[k + 1] - y[k], x[k + 1] - x[k])
    chord = np.hypot(y[last] - y[first], x[last] - x[first])
    return arc / chord - 1.0 if chord > 0.0 else 0.0


@compiled
def _turn(y: Floats, x: Floats, start: Ints, stop: Ints, least: float, out: Floats) -> None:
    """Fill the columns of ``out``, flat with five numbers a stretch."""
    for piece in range(len(start)):
        first, last = start[piece], stop[piece] - 1
        length = absolute = squared = excess = 0.0
        inflections = 0
        # The heading runs up and down as the curvature changes sign; its turning points are the inflections.
        heading = high = low = peak = 0.0
        peak_at = curve_from = first
        trend = 0
        for k in range(first + 1, last):
            ay, ax = y[k] - y[k - 1], x[k] - x[k - 1]
            by, bx = y[k + 1] - y[k], x[k + 1] - x[k]
            turn = np.arctan2(ax * by - ay * bx, ax * bx + ay * by)
            step = (np.hypot(ay, ax) + np.hypot(by, bx)) / 2.0
            length += step
            absolute += abs(turn)
            if step > 0.0:
                squared += turn * turn / step
            heading += turn
            if trend == 0:
                high, low = max(high, heading), min(low, heading)
                if heading - low >= least or high - heading >= least:
                    trend = 1 if heading - low >= least else -1
                    peak, peak_at = heading, k
            elif trend * (heading - peak) > 0.0:
                peak, peak_at = heading, k
            elif trend * (peak - heading) >= least:
                inflections += 1
                excess += _curve_excess(y, x, curve_from, peak_at)
                curve_from = peak_at
                trend = -trend
                peak, peak_at = heading, k
        excess += _curve_excess(y, x, curve_from, last)
        out[5 * piece] = length
        out[5 * piece + 1] = absolute
        out[5 * piece + 2] = squared
        out[5 * piece + 3] = inflections
        out[5 * piece + 4] = excess


def turning(points_yx: Floats, start: Ints, stop: Ints) -> Turning:
    """Sums of the turning of stretches of a curve.

    Parameters
    ----------
    points_yx : ndarray of float, shape (n, 2)
        Smoothed centrelines.
    start, stop : ndarray of int, shape (stretches,)
        Each stretch is ``points_yx[start:stop]``.

    Returns
    -------
    Turning

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.linspace(0, 1, 51)
    >>> arc = 50 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    >>> found = turning(arc, np.array([0]), np.array([51]))
    >>> round(float(found.absolute[0] / found.length[0]), 3), float(found.inflections[0])
    (0.02, 0.0)
    """
    out = np.zeros((len(start), 5))
    y, x = (np.ascontiguousarray(axis) for axis in points_yx.T)
    _turn(y, x, start, stop, np.radians(_LEAST_BEND_DEG), out.reshape(-1))
    return Turning(*out.T)
