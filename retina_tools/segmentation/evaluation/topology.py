"""Is a drawn vessel tree connected as the true one: centreline Dice, and paths along it.

A break of one pixel costs no Dice but every measure that follows a vessel; these measures see it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retina_tools.schema import EyeError

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Paths", "Trees", "centreline", "centreline_dice", "compare_paths"]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_PER_SOURCE: Final = 5


@dataclass(frozen=True, eq=False)
class Trees:
    """Two vessel trees, drawn and true, with their centrelines; see :meth:`of`."""

    drawn: Mask
    truth: Mask
    drawn_line: Mask
    true_line: Mask
    field_px: float

    @classmethod
    def of(cls, mask: ArrayLike, truth: ArrayLike, fov: ArrayLike | None = None) -> Trees:
        """Thin both masks to their centrelines inside the field of view.

        Thinning depends on scan order by a pixel, so both are turned the way the true tree's centre of gravity says
        first: a mirrored or turned eye gives the same numbers.

        Parameters
        ----------
        mask, truth : array_like of bool, shape (y, x)
        fov : array_like of bool, shape (y, x), optional
            Pixels that count; all where none is given.

        Returns
        -------
        Trees

        Raises
        ------
        EyeError
            The shapes differ.
        """
        drawn, reference = np.asarray(mask, bool), np.asarray(truth, bool)
        counted = np.ones(drawn.shape, bool) if fov is None else np.asarray(fov, bool)
        if not drawn.shape == reference.shape == counted.shape:
            raise EyeError(
                f"The mask is {drawn.shape}, the reference {reference.shape}, the fov {counted.shape}; "
                "give the same size."
            )
        reference, drawn = reference & counted, drawn & counted
        turn = _Turn.of(reference if reference.any() else drawn)
        reference, drawn = turn(reference), turn(drawn)
        field_px = math.sqrt(4 * int(counted.sum()) / math.pi)
        return cls(drawn, reference, _thinned(drawn), _thinned(reference), field_px)

    def centreline_dice(self) -> float:
        """See :func:`centreline_dice`."""
        if not self.truth.any():
            return math.nan
        if not self.drawn.any():
            return 0.0
        precision = float(self.truth[self.drawn_line].mean())
        sensitivity = float(self.drawn[self.true_line].mean())
        both = precision + sensitivity
        return 2 * precision * sensitivity / both if both else 0.0

    def paths(
        self, *, pairs: int = 100, tolerance: float = 0.005, shortest: float = 0.05, seed: int = 0
    ) -> Paths | None:
        """See :func:`compare_paths`."""
        true_graph = _Graph.of(self.true_line)
        if not len(true_graph.points_yx):
            return None
        sample = _sample_paths(true_graph, pairs, shortest * self.field_px, seed)
        if not sample:
            return None
        reach = max(2.0, tolerance * self.field_px)
        drawn_graph = _Graph.of(self.drawn_line)
        points = true_graph.points_yx
        found = np.concatenate([drawn_graph.lengths(points[start], points[ends], reach) for start, ends, _ in sample])
        wanted = np.concatenate([length for *_, length in sample])
        return Paths(wanted, found)


@dataclass(frozen=True, eq=False)
class Paths:
    """Lengths of the same paths along two trees.

    Attributes
    ----------
    true_px : ndarray of float
        Along the true tree.
    drawn_px : ndarray of float
        Along the drawn one, infinite where there is no way.
    """

    true_px: Floats
    drawn_px: Floats

    @property
    def infeasible(self) -> float:
        """Share of paths that cannot be followed on the drawn tree (INF)."""
        return float(np.isinf(self.drawn_px).mean())

    @property
    def correct(self) -> float:
        """Share of paths whose length is right to 10 % (COR)."""
        return float((np.abs(self.drawn_px - self.true_px) <= 0.1 * self.true_px).mean())


def centreline_dice(mask: ArrayLike, truth: ArrayLike, fov: ArrayLike | None = None) -> float:
    """Centreline Dice (clDice): harmonic mean of two shares of centreline.

    One is the share of the drawn centreline that lies in the true vessels, the other that of the true centreline that
    lies in the drawn ones.

    Parameters
    ----------
    mask, truth : array_like of bool, shape (y, x)
    fov : array_like of bool, shape (y, x), optional
        Pixels that count; all where none is given.

    Returns
    -------
    float
        0 to 1; NaN where there is no true vessel.

    References
    ----------
    Shit S et al. clDice - a novel topology-preserving loss function for tubular structure segmentation. CVPR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.zeros((9, 40), bool); line[4] = True
    >>> half = line.copy(); half[:, 20:] = False
    >>> round(centreline_dice(half, line), 3)          # precision 1, sensitivity 1/2
    0.667
    """
    return Trees.of(mask, truth, fov).centreline_dice()


def compare_paths(
    mask: ArrayLike,
    truth: ArrayLike,
    fov: ArrayLike | None = None,
    *,
    pairs: int = 100,
    tolerance: float = 0.005,
    shortest: float = 0.05,
    seed: int = 0,
) -> Paths | None:
    """Follow random paths of the true tree on the drawn one.

    Two points of one connected piece of the true centreline are drawn at random, and joined by the shortest way along
    it. Each is then taken to the nearest drawn centreline, and the shortest way along that is measured; there is none
    where no centreline is near or where the two are not connected.

    Parameters
    ----------
    mask, truth : array_like of bool, shape (y, x)
    fov : array_like of bool, shape (y, x), optional
        Pixels that count; all where none is given.
    pairs : int
        How many paths to draw, at most.
    tolerance : float
        How far the drawn centreline may be, as a share of the field's diameter (that of a disc of its area); at least
        two pixels.
    shortest : float
        Paths are at least this long, as a share of the field's diameter.
    seed : int
        Of the random points.

    Returns
    -------
    Paths or None
        None where the true tree has no path so long.

    References
    ----------
    Araújo RJ, Cardoso JS, Oliveira HP. A deep learning design for improving topology coherence in blood vessel
    segmentation. MICCAI 2019; Morano J et al. RRWNet. Expert Syst Appl 2024;256:124970. Both draw the points of their
    paths in their own way, so shares compare between segmenters here, not with theirs.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.zeros((9, 90), bool); line[4] = True
    >>> compare_paths(line, line).correct, compare_paths(line & False, line).infeasible
    (1.0, 1.0)
    """
    return Trees.of(mask, truth, fov).paths(pairs=pairs, tolerance=tolerance, shortest=shortest, seed=seed)


def centreline(tree: ArrayLike) -> Mask:
    """Centreline of a mask, one pixel wide; that of a mirrored or turned mask is this one mirrored or turned."""
    mask = np.asarray(tree, bool)
    turn = _Turn.of(mask)
    return turn.back(_thinned(turn(mask)))


def _thinned(tree: Mask) -> Mask:
    from skimage.morphology import skeletonize

    line: Mask = skeletonize(tree)  # type: ignore[no-untyped-call]
    return line


class _Turn(NamedTuple):
    """The mirroring and transposing that bring a mask's centre of gravity to the right and, less so, the bottom."""

    down: bool
    right: bool
    transposed: bool

    @classmethod
    def of(cls, mask: Mask) -> _Turn:
        y, x = np.nonzero(mask)
        down, right = _lean(y, mask.shape[0]), _lean(x, mask.shape[1])
        return cls(down < (0, 0), right < (0, 0), tuple(map(abs, down)) > tuple(map(abs, right)))

    def __call__(self, mask: Mask) -> Mask:
        turned = mask[:: -1 if self.down else 1, :: -1 if self.right else 1]
        return np.ascontiguousarray(turned.T if self.transposed else turned)

    def back(self, mask: Mask) -> Mask:
        turned = mask.T if self.transposed else mask
        return np.ascontiguousarray(turned[:: -1 if self.down else 1, :: -1 if self.right else 1])


def _lean(place: NDArray[np.intp], length: int) -> tuple[int, int]:
    """First and third moment about the middle, in whole numbers so that a mirrored mask gives exactly the negative."""
    offset = 2 * place.astype(np.int64) - (length - 1)
    return int(offset.sum()), int((offset**3).sum())


@dataclass(frozen=True, eq=False)
class _Graph:
    """Pixels of a centreline, joined to their eight neighbours."""

    points_yx: Floats
    edges: scipy.sparse.csr_array
    component: NDArray[np.int32]

    @classmethod
    def of(cls, line: Mask) -> _Graph:
        import scipy.sparse
        from scipy.sparse.csgraph import connected_components

        number = np.full(np.add(line.shape, 2), -1, np.int64)
        y, x = np.nonzero(line)
        number[y + 1, x + 1] = np.arange(len(y))
        rows, columns, lengths = [], [], []
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            other = number[y + 1 + dy, x + 1 + dx]
            near = np.flatnonzero(other >= 0)
            rows.append(near)
            columns.append(other[near])
            lengths.append(np.full(len(near), math.hypot(dy, dx)))
        triplets = (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns)))
        edges = scipy.sparse.csr_array(triplets, shape=(len(y), len(y)))
        component = connected_components(edges, directed=False)[1] if len(y) else np.zeros(0, np.int32)
        return cls(np.column_stack([y, x]).astype(float), edges, component)

    def distances(self, source: int) -> Floats:
        """Length of the shortest way from one pixel to each, infinite where there is none."""
        from scipy.sparse.csgraph import dijkstra

        lengths: Floats = dijkstra(self.edges, directed=False, indices=source)
        return lengths

    def lengths(self, start_yx: Floats, ends_yx: Floats, reach: float) -> Floats:
        """Length of the way from near one point to near each of others, infinite where there is none."""
        starts = self._nearby(start_yx, reach)
        ways = {component: self.distances(node) for component, (node, _) in starts.items()}
        found = np.full(len(ends_yx), np.inf)
        for place, end_yx in enumerate(ends_yx):
            ends = self._nearby(end_yx, reach)
            if shared := [(starts[one][1] + ends[one][1], one) for one in ends if one in starts]:
                nearest = min(shared)[1]
                found[place] = ways[nearest][ends[nearest][0]]
        return found

    def _nearby(self, point_yx: Floats, reach: float) -> dict[int, tuple[int, float]]:
        """The nearest pixel within reach of each connected piece, and how far it is."""
        distance = np.hypot(*(self.points_yx - point_yx).T)
        nearby: dict[int, tuple[int, float]] = {}
        close = np.flatnonzero(distance <= reach)
        for node in close[np.argsort(distance[close], kind="stable")]:
            nearby.setdefault(int(self.component[node]), (int(node), float(distance[node])))
        return nearby


def _sample_paths(
    graph: _Graph, pairs: int, shortest_px: float, seed: int
) -> list[tuple[int, NDArray[np.int64], Floats]]:
    """Starts, ends and lengths of random paths; a few ends share a start, for one search gives all their lengths."""
    random = np.random.default_rng(seed)
    sample, left = [], pairs
    # Some starts lie in pieces too short for any path, so more are tried than needed.
    for source in random.integers(len(graph.points_yx), size=3 * math.ceil(pairs / _PER_SOURCE)):
        away = graph.distances(int(source))
        targets = np.flatnonzero(np.isfinite(away) & (away >= shortest_px))
        if not len(targets):
            continue
        chosen = random.choice(targets, size=min(_PER_SOURCE, left, len(targets)), replace=False).astype(np.int64)
        sample.append((int(source), chosen, away[chosen]))
        left -= len(chosen)
        if left <= 0:
            break
    return sample
