"""The bifurcations of a network: their three arms, the angle between the daughters, and the calibres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.rays import measure_arms
from retina_tools.biomarkers.trees import Forest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ANGLE_DD: Final = 0.1
_CALIBRE_DD: Final = (0.1, 0.3)
# Exponents beyond this say only that a daughter is as wide as its parent.
_GREATEST_EXPONENT: Final = 60.0


@dataclass(frozen=True, eq=False)
class Bifurcations:
    """One entry per node where three segments meet.

    Attributes
    ----------
    node : ndarray of int, shape (n,)
    yx : ndarray of float, shape (n, 2)
    segments : ndarray of int, shape (n, 3)
        Parent, wider and narrower daughter.
    width_px : ndarray of float, shape (n, 3)
        Their calibres next to the node.
    shortest_px : ndarray of float, shape (n,)
        Length of the shortest of the three.
    angle_deg : ndarray of float, shape (n,)
        Between the two daughters.
    """

    node: Ints
    yx: Floats
    segments: Ints
    width_px: Floats
    shortest_px: Floats
    angle_deg: Floats

    def __len__(self) -> int:
        return len(self.node)

    @property
    def asymmetry(self) -> Floats:
        """d2^2 / d1^2, shape (n,)."""
        _, large, small = self.width_px.T
        return np.asarray(small**2 / large**2)

    @property
    def coefficient(self) -> Floats:
        """(d1^2 + d2^2) / d0^2, shape (n,)."""
        trunk, large, small = self.width_px.T
        return np.asarray((large**2 + small**2) / trunk**2)

    @property
    def exponent(self) -> Floats:
        """Solution x of d0^x = d1^x + d2^x, shape (n,); NaN where there is none."""
        return junctional_exponent(*self.width_px.T)


def junctional_exponent(trunk: Floats, large: Floats, small: Floats) -> Floats:
    """Exponent x with ``trunk**x = large**x + small**x``, by bisection; NaN unless both are narrower than the trunk.

    Parameters
    ----------
    trunk, large, small : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> d1, d2 = np.array([8.0]), np.array([6.0])
    >>> junctional_exponent((d1**3 + d2**3) ** (1 / 3), d1, d2).round(6)
    array([3.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = np.log(large / trunk), np.log(small / trunk)
    low, high = np.zeros(len(one)), np.full(len(one), _GREATEST_EXPONENT)
    for _ in range(50):
        middle = (low + high) / 2
        above = np.exp(middle * one) + np.exp(middle * two) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    solved = (one < 0) & (two < 0) & (high < 0.999 * _GREATEST_EXPONENT)
    return np.where(solved, (low + high) / 2, np.nan)


def find_bifurcations(forest: Forest, diameter_px: float, *, rooted: bool) -> Bifurcations:
    """Measure every node of three arms.

    Parameters
    ----------
    forest : Forest
    diameter_px : float
        Disc diameter.
    rooted : bool
        Whether the roots are known to be at the disc; otherwise the widest arm is taken for the parent.

    Returns
    -------
    Bifurcations
    """
    graph = forest.graph
    nodes = [node for node in np.flatnonzero(graph.degree == 3).tolist() if len(set(graph.segments_at[node])) == 3]
    arms = np.array([graph.segments_at[node] for node in nodes], np.int64).reshape(-1, 3)
    # A segment leaves its node with its first point, or with its last.
    side = (graph.ends[arms, 0] != np.array(nodes, np.int64)[:, None]).astype(np.int64)
    start, stop = graph.bounds[arms], graph.bounds[arms + 1]
    found = np.empty((arms.size, 3))
    y, x = (np.ascontiguousarray(axis) for axis in graph.points_yx.T)
    measure_arms(
        y,
        x,
        graph.along_px,
        graph.width_px,
        np.where(side == 0, start, stop - 1).reshape(-1),
        np.where(side == 0, stop - 1, start).reshape(-1),
        np.array([_ANGLE_DD, *_CALIBRE_DD]) * diameter_px,
        found.reshape(-1),
    )
    width, chord = found[:, 0].reshape(-1, 3), found[:, 1:].reshape(-1, 3, 2)
    known = np.nan_to_num(width)
    towards_root = (forest.root_side[arms] != side) if rooted else np.ones(arms.shape, bool)
    towards_root |= ~towards_root.any(axis=1, keepdims=True)
    parent = np.where(towards_root, known, -1.0).argmax(axis=1)
    rank = np.where(np.arange(3) == parent[:, None], -np.inf, -known)
    order = np.lexsort((arms, rank), axis=1)
    chord = np.take_along_axis(chord, order[:, :, None], axis=1)
    cosine = (chord[:, 1] * chord[:, 2]).sum(axis=1)
    return Bifurcations(
        node=np.array(nodes, np.int64),
        yx=graph.node_yx[nodes].reshape(-1, 2),
        segments=np.take_along_axis(arms, order, axis=1),
        width_px=np.take_along_axis(width, order, axis=1),
        shortest_px=graph.length_px[arms].min(axis=1, initial=np.inf),
        angle_deg=np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))),
    )
