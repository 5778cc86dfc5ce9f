"""Discrete smoothing splines along many lines at once.

A line sampled at equal steps is smoothed by minimising ``sum w (z - y)^2 + lambda sum (third difference of z)^2``
(Whittaker-Henderson), the discrete twin of a quintic smoothing spline. Its gain for a wave of length L is
``1 / (1 + (cutoff / L)^6)``: waves twice the cut-off keep 98 % of their amplitude, waves of half of it 1.5 %, and
parabolas pass unchanged, so that arcs are not flattened. All lines are solved in one banded system.

References
----------
Whittaker ET. On a new method of graduation. Proc Edinb Math Soc 1922;41:63-75.
Eilers PHC. A perfect smoother. Anal Chem 2003;75:3631-6.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Floats = NDArray[np.float64]

_DIFFERENCE: Final = np.array([-1.0, 3.0, -3.0, 1.0])
# Beyond this the banded system loses too many digits; it is 200 steps, more than any line here is smoothed by.
_LONGEST_CUTOFF_STEPS: Final = 200.0


def smooth_lines(
    values: Floats, bounds: NDArray[np.int64], cutoff_steps: float | Floats, weights: Floats | None = None
) -> Floats:
    """Smooth every line of a set with its own cut-off wavelength.

    Parameters
    ----------
    values : ndarray of float, shape (n,) or (n, k)
        Samples at equal steps, line after line.
    bounds : ndarray of int, shape (lines + 1,)
        Line ``i`` is ``values[bounds[i]:bounds[i + 1]]``.
    cutoff_steps : float or ndarray of shape (lines,)
        Wavelength, in steps, that is halved.
    weights : ndarray of float, shape (n,), optional
        Zero where a sample is not to be trusted; the line is then bridged there.

    Returns
    -------
    ndarray of float, shape of ``values``

    Examples
    --------
    >>> import numpy as np
    >>> parabola = np.arange(30.0) ** 2
    >>> bool(np.allclose(smooth_lines(parabola, np.array([0, 30]), 10.0), parabola))
    True
    """
    count = len(values)
    if not count:
        return values.astype(float)
    cutoff = np.minimum(np.broadcast_to(np.asarray(cutoff_steps, float), len(bounds) - 1), _LONGEST_CUTOFF_STEPS)
    penalty = np.zeros(count)
    lengths = np.diff(bounds)
    penalty[:] = np.repeat((cutoff / (2 * np.pi)) ** 6, lengths)
    # A difference that would reach over the end of its line is left out, which keeps the lines apart.
    for back in (1, 2, 3):
        last = bounds[1:] - back
        penalty[last[last >= bounds[:-1]]] = 0.0
    # A line of which nothing is trusted would leave the system singular.
    trust = np.ones(count) if weights is None else np.maximum(weights, 1e-6)
    banded = np.zeros((4, count))
    banded[0] = trust
    for first in range(4):
        for second in range(first, 4):
            term = penalty[: count - second] * _DIFFERENCE[first] * _DIFFERENCE[second]
            banded[second - first, first : first + len(term)] += term
    right = values * (trust if values.ndim == 1 else trust[:, None])
    smooth: Any = solveh_banded(banded, right, lower=True, check_finite=False)
    return np.asarray(smooth, float)


def resample_lines(lines: list[Floats], step: float = 1.0) -> tuple[Floats, NDArray[np.int64]]:
    """Points at (nearly) equal steps along each line, ends kept.

    Parameters
    ----------
    lines : list of ndarray, shape (n, 2)
        Polygons; each has at least two points.
    step : float
        Wanted distance between points, in px.

    Returns
    -------
    points : ndarray of float, shape (m, 2)
    bounds : ndarray of int, shape (lines + 1,)

    Examples
    --------
    >>> import numpy as np
    >>> points, bounds = resample_lines([np.array([[0.0, 0.0], [0.0, 4.0]])])
    >>> points[:, 1].tolist(), bounds.tolist()
    ([0.0, 1.0, 2.0, 3.0, 4.0], [0, 5])
    """
    if not lines:
        return np.empty((0, 2)), np.zeros(1, np.int64)
    everything = np.concatenate(lines).astype(float)
    sizes = np.array([len(line) for line in lines])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    steps = np.concatenate([[0.0], np.hypot(*np.diff(everything, axis=0).T)])
    # Lines are laid end to end on one axis with a gap of 1 between them, so that one interpolation serves all.
    steps[starts[1:-1]] = 1.0
    along = np.cumsum(steps)
    begin, end = along[starts[:-1]], along[starts[1:] - 1]
    counts = np.maximum(np.rint((end - begin) / step).astype(np.int64), 1) + 1
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = (np.arange(bounds[-1]) - np.repeat(bounds[:-1], counts)) / np.repeat(counts - 1, counts)
    wanted = np.repeat(begin, counts) + within * np.repeat(end - begin, counts)
    points = np.stack([np.interp(wanted, along, everything[:, axis]) for axis in (0, 1)], axis=1)
    return points, bounds


def line_tangents(points: Floats, bounds: NDArray[np.int64]) -> Floats:
    """Unit tangents (y, x) of each line by central differences, one-sided at its ends."""
    tangents = np.empty_like(points)
    tangents[1:-1] = points[2:] - points[:-2]
    first, last = bounds[:-1], bounds[1:] - 1
    tangents[first] = points[np.minimum(first + 1, len(points) - 1)] - points[first]
    tangents[last] = points[last] - points[np.maximum(last - 1, 0)]
    norm = np.hypot(tangents[:, 0], tangents[:, 1])
    unit: Floats = tangents / np.where(norm > 0, norm, 1.0)[:, None]
    return unit


def line_medians(values: Floats, bounds: NDArray[np.int64]) -> Floats:
    """Median of each line's values, NaN left out; NaN for a line that has none.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    bounds : ndarray of int, shape (lines + 1,)

    Returns
    -------
    ndarray of float, shape (lines,)


    Examples
    --------
    >>> import numpy as np
    >>> line_medians(np.array([3.0, 1.0, 2.0, np.nan, 5.0]), np.array([0, 3, 4, 5])).tolist()
    [2.0, nan, 5.0]
    """
    from retina_tools.biomarkers.medians import fill_medians

    medians = np.empty(len(bounds) - 1)
    fill_medians(np.ascontiguousarray(values, dtype=float), np.asarray(bounds, np.int64), medians)
    return medians
