"""The bifurcations of a network: their three arms, the angle between the daughters, and the calibres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    segments, widths, angles = np.zeros((len(nodes), 3), np.int64), np.zeros((len(nodes), 3)), np.zeros(len(nodes))
    for k, node in enumerate(nodes):
        arms = [_Arm(forest, segment, node, diameter_px) for segment in graph.segments_at[node]]
        parent = max(arms, key=lambda arm: arm.width)
        if rooted:
            towards = [arm for arm in arms if not arm.leads_away]
            parent = max(towards, key=lambda arm: arm.width) if towards else parent
        daughters = sorted((arm for arm in arms if arm is not parent), key=lambda arm: (-arm.width, arm.segment))
        three = [parent, *daughters]
        segments[k], widths[k] = [arm.segment for arm in three], [arm.width for arm in three]
        cosine = float(daughters[0].chord @ daughters[1].chord)
        angles[k] = np.degrees(np.arccos(min(max(cosine, -1.0), 1.0)))
    widths[widths <= 0] = np.nan
    return Bifurcations(
        node=np.array(nodes, np.int64),
        yx=graph.node_yx[nodes].reshape(-1, 2),
        segments=segments,
        width_px=widths,
        shortest_px=graph.length_px[segments].min(axis=1) if nodes else np.empty(0),
        angle_deg=angles,
    )


class _Arm:
    """One segment as seen from a node."""

    def __init__(self, forest: Forest, segment: int, node: int, diameter_px: float) -> None:
        graph = forest.graph
        side = 0 if graph.ends[segment, 0] == node else 1
        start, stop = int(graph.bounds[segment]), int(graph.bounds[segment + 1])
        step = 1 if side == 0 else -1
        points, width = graph.points_yx[start:stop][::step], graph.width_px[start:stop][::step]
        along = np.abs(graph.along_px[start:stop][::step] - graph.along_px[start if side == 0 else stop - 1])
        self.segment = segment
        self.leads_away = forest.root_side[segment] == side
        far = min(int(np.searchsorted(along, _ANGLE_DD * diameter_px)), len(points) - 1)
        arrow = points[far] - points[0]
        self.chord = arrow / max(float(np.hypot(*arrow)), 1e-9)
        near = (along >= _CALIBRE_DD[0] * diameter_px) & (along <= _CALIBRE_DD[1] * diameter_px) & np.isfinite(width)
        # A short arm is measured wherever it has two walls.
        known = width[near] if near.any() else width[np.isfinite(width)]
        self.width = float(np.median(known)) if len(known) else 0.0
