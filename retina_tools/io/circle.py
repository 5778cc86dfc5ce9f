"""Circles through points of which many do not belong to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_TRIALS = 300


class Circle(NamedTuple):
    """A circle in pixels, (y, x) order."""

    y: float
    x: float
    radius: float

    def distance(self, points_yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of points from the circle in pixels, positive outside."""
        distance: NDArray[np.float64] = np.hypot(points_yx[:, 0] - self.y, points_yx[:, 1] - self.x) - self.radius
        return distance

    def scaled(self, factor: float) -> Circle:
        """The circle on a grid whose pixels are ``factor`` times smaller (pixel centres on whole numbers)."""
        shift = (factor - 1) / 2
        return Circle(self.y * factor + shift, self.x * factor + shift, self.radius * factor)

    def drawn(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The filled circle on a grid, shape (y, x)."""
        rows, columns = np.arange(shape[0]) - self.y, np.arange(shape[1]) - self.x
        # Compared row by row, so that no array of floats as large as the picture is made.
        inside: NDArray[np.bool_] = columns[None, :] ** 2 <= (self.radius**2 - rows**2)[:, None]
        return inside


def find_circle(
    points_yx: NDArray[np.float64], radii: tuple[float, float], tolerance: float, seed: int = 0
) -> tuple[Circle, NDArray[np.bool_]] | None:
    """The circle most of the points lie on.

    Parameters
    ----------
    points_yx : ndarray of float, shape (n, 2)
    radii : (float, float)
        Smallest and largest radius considered, in pixels.
    tolerance : float
        A point nearer than this to the circle counts as lying on it, in pixels.
    seed : int
        Of the random choice of point triples; the same points always give the same circle.

    Returns
    -------
    (Circle, ndarray of bool, shape (n,)) or None
        The circle and which points lie on it; None where no three points make a circle within ``radii``.
    """
    if len(points_yx) < 8:
        return None
    random = np.random.default_rng(seed)
    sample = points_yx[random.choice(len(points_yx), min(len(points_yx), 400), replace=False)]
    candidates = _through_triples(sample[random.integers(0, len(sample), (_TRIALS, 3))])
    candidates = candidates[(candidates[:, 2] >= radii[0]) & (candidates[:, 2] <= radii[1])]
    if not len(candidates):
        return None
    away = np.hypot(sample[:, 0, None] - candidates[:, 0], sample[:, 1, None] - candidates[:, 1]) - candidates[:, 2]
    best = Circle(*candidates[(np.abs(away) <= tolerance).sum(0).argmax()])
    for _ in range(4):
        on_it = np.abs(best.distance(points_yx)) <= tolerance
        if on_it.sum() < 8 or (refined := fit_circle(points_yx[on_it])) is None:
            return None
        best = refined
    return best, np.abs(best.distance(points_yx)) <= tolerance


def fit_circle(points_yx: NDArray[np.float64]) -> Circle | None:
    """Least-squares circle (algebraic, Kasa 1976); None for points on a line.

    Examples
    --------
    >>> angle = np.linspace(0, 3, 20)
    >>> circle = fit_circle(np.column_stack([5 + 2 * np.sin(angle), 7 + 2 * np.cos(angle)]))
    >>> [round(value, 6) for value in circle]
    [5.0, 7.0, 2.0]
    """
    middle = points_yx.mean(0)
    centred = points_yx - middle
    design = np.column_stack([centred, np.ones(len(centred))])
    solution, _, rank, _ = np.linalg.lstsq(design, (centred**2).sum(1), rcond=None)
    if rank < 3:
        return None
    centre = solution[:2] / 2
    radius = float(np.sqrt(max(solution[2] + (centre**2).sum(), 0.0)))
    return Circle(float(middle[0] + centre[0]), float(middle[1] + centre[1]), radius)


def _through_triples(triples_yx: NDArray[np.float64]) -> NDArray[np.float64]:
    """Circles (y, x, radius) through triples of points, shape (n, 3, 2); triples on a line are left out."""
    first = triples_yx[:, 0]
    b, c = triples_yx[:, 1] - first, triples_yx[:, 2] - first
    twice_area = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    proper = np.abs(twice_area) > 1e-6
    first, b, c, twice_area = first[proper], b[proper], c[proper], twice_area[proper]
    b_squared, c_squared = (b**2).sum(1), (c**2).sum(1)
    y = (c[:, 1] * b_squared - b[:, 1] * c_squared) / twice_area
    x = (b[:, 0] * c_squared - c[:, 0] * b_squared) / twice_area
    circles: NDArray[np.float64] = np.column_stack([first[:, 0] + y, first[:, 1] + x, np.hypot(y, x)])
    return circles
