"""Arms of a bifurcation prolonged towards each other, and the point where they meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled
from retina_tools.biomarkers.medians import median_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled
def _parabola(points: Floats, first: int, n: int, step: int, stiffness: float, out: Floats, place: int) -> None:
    """Fill start, direction outwards and half curvature of one arm."""
    # Least squares over -1..1, where the terms 1, t and t^2 - mean are orthogonal on even steps.
    half = max((n - 1) / 2.0, 0.5)
    s2 = s4 = 0.0
    for k in range(n):
        t = k / half - 1.0
        s2 += t * t
        s4 += t * t * t * t
    mean2 = s2 / n
    # A parabola is held back unless the points are many enough to tell it from their scatter.
    q2 = s4 - n * mean2 * mean2 + stiffness / half**4
    for axis in range(2):
        c0 = c1 = c2 = 0.0
        for k in range(n):
            t = k / half - 1.0
            value = points[2 * (first + step * k) + axis]
            c0 += value
            c1 += value * t
            c2 += value * (t * t - mean2)
        c0 /= n
        c1 = c1 / s2 if s2 > 0.0 else 0.0
        c2 = c2 / q2 if n > 3 else 0.0
        out[place + axis] = c0 - c1 + c2 * (1.0 - mean2)
        out[place + 2 + axis] = (c1 - 2.0 * c2) / half
        out[place + 4 + axis] = c2 / half**2


@compiled
def _fit(points: Floats, first: Ints, count: Ints, step: Ints, stiffness: float, out: Floats) -> None:
    for arm in range(len(first)):
        _parabola(points, first[arm], count[arm], step[arm], stiffness, out, 6 * arm)


def fit_rays(
    points_yx: Floats, first: Ints, count: Ints, step: Ints, stiffness: float
) -> tuple[Floats, Floats, Floats]:
    """Prolong arms beyond their first point.

    Parameters
    ----------
    points_yx : ndarray of float, shape (n, 2)
        Points about one pixel apart.
    first, count, step : ndarray of int, shape (arms,)
        An arm is ``count`` points from ``first`` on, in steps of 1 or -1, outwards from its node.
    stiffness : float
        How much scatter of the points is held against their curvature, in px4.

    Returns
    -------
    start : ndarray of float, shape (arms, 2)
        Where the parabola through an arm begins.
    inwards : ndarray of float, shape (arms, 2)
        Its unit tangent there, towards the node.
    bend : ndarray of float, shape (arms, 2)
        Half its curvature: the prolonged arm is ``start + s * inwards + s**2 * bend``.
    """
    out = np.empty((len(first), 6))
    flat = np.ascontiguousarray(points_yx, dtype=float).reshape(-1)
    _fit(flat, first, count, step, stiffness, out.reshape(-1))
    start, outwards, bend = out[:, :2], out[:, 2:4], out[:, 4:]
    speed = np.maximum(np.hypot(outwards[:, 0], outwards[:, 1]), 1e-9)[:, None]
    inwards, bend = -outwards / speed, bend / speed**2
    return start, inwards, bend - (bend * inwards).sum(axis=1)[:, None] * inwards


@compiled
def _meet(rays: Floats, arms: Ints, bounds: Ints, middle: Floats, farthest: Floats, pull: float, out: Floats) -> None:
    for node in range(len(farthest)):
        y0, x0 = middle[2 * node], middle[2 * node + 1]
        y, x = y0, x0
        for _ in range(3):
            a, b, d = pull, 0.0, pull
            p, q = pull * y0, pull * x0
            for k in range(bounds[node], bounds[node + 1]):
                at = 6 * arms[k]
                ahead = (y - rays[at]) * rays[at + 2] + (x - rays[at + 1]) * rays[at + 3]
                ahead = min(max(ahead, 0.0), farthest[node])
                here_y = rays[at] + ahead * (rays[at + 2] + ahead * rays[at + 4])
                here_x = rays[at + 1] + ahead * (rays[at + 3] + ahead * rays[at + 5])
                dy, dx = rays[at + 2] + 2.0 * ahead * rays[at + 4], rays[at + 3] + 2.0 * ahead * rays[at + 5]
                norm = np.hypot(dy, dx)
                dy, dx = dy / norm, dx / norm
                a += 1.0 - dy * dy
                b -= dy * dx
                d += 1.0 - dx * dx
                p += (1.0 - dy * dy) * here_y - dy * dx * here_x
                q += -dy * dx * here_y + (1.0 - dx * dx) * here_x
            determinant = a * d - b * b
            shift_y, shift_x = (d * p - b * q) / determinant - y0, (a * q - b * p) / determinant - x0
            shrink = min(1.0, farthest[node] / max(np.hypot(shift_y, shift_x), 1e-9))
            y, x = y0 + shrink * shift_y, x0 + shrink * shift_x
        out[2 * node], out[2 * node + 1] = y, x


def meeting_points(
    rays: tuple[Floats, Floats, Floats], arms: list[list[int]], middle_yx: Floats, farthest_px: Floats, pull: float
) -> Floats:
    """Points nearest to the prolonged arms of each of several nodes.

    Parameters
    ----------
    rays : tuple of ndarray
        As :func:`fit_rays` gives them.
    arms : list of list of int
        For each node the rays that lead to it.
    middle_yx : ndarray of float, shape (nodes, 2)
        First guesses.
    farthest_px : ndarray of float, shape (nodes,)
        How far from its first guess a node may lie.
    pull : float
        Weight of the first guess, where a ray has 1.

    Returns
    -------
    ndarray of float, shape (nodes, 2)
    """
    out = np.empty((len(arms), 2))
    flat = np.ascontiguousarray(np.concatenate(rays, axis=1)).reshape(-1)
    bounds = np.cumsum([0, *(len(own) for own in arms)]).astype(np.int64)
    every = np.array([arm for own in arms for arm in own], np.int64)
    middle = np.ascontiguousarray(middle_yx).reshape(-1)
    _meet(flat, every, bounds, middle, np.ascontiguousarray(farthest_px), pull, out.reshape(-1))
    return out


@compiled
def measure_arms(
    y: Floats, x: Floats, along: Floats, width: Floats, first: Ints, last: Ints, reach: Floats, out: Floats
) -> None:
    """Calibre next to the node, and unit chord away from it, of arms of bifurcations.

    Parameters
    ----------
    y, x, along, width : ndarray of float, shape (n,)
        Points, running length and calibre of a network.
    first, last : ndarray of int, shape (arms,)
        First point of each arm, at its node, and its last.
    reach : ndarray of float, shape (3,)
        Length of the chord, and from where to where the calibre is taken, in px.
    out : ndarray of float, shape (3 * arms,)
        Filled with calibre, chord y and chord x. An arm without a calibre there is measured wherever it has one.
    """
    values = np.empty(len(y))
    for arm in range(len(first)):
        begin, step = first[arm], 1 if last[arm] >= first[arm] else -1
        count, far = 0, begin
        for everywhere in (False, True):
            k = begin
            while True:
                length = abs(along[k] - along[begin])
                if not everywhere and (far == begin or abs(along[far] - along[begin]) < reach[0]):
                    far = k
                if width[k] == width[k] and (everywhere or reach[1] <= length <= reach[2]):
                    values[count] = width[k]
                    count += 1
                if k == last[arm] or (not everywhere and length > max(reach[0], reach[2])):
                    break
                k += step
            if count:
                break
        dy, dx = y[far] - y[begin], x[far] - x[begin]
        norm = max(np.hypot(dy, dx), 1e-9)
        out[3 * arm] = median_of(values, count)
        out[3 * arm + 1], out[3 * arm + 2] = dy / norm, dx / norm
