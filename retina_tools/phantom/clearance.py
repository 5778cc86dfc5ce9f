"""Where vessels of one kind come too near to each other, and which of them have to give way."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from retina_tools.phantom.vessels import Floats, Segment

Ints = NDArray[np.intp]

# A gap that stays open when the masks are drawn on pixels of 13 um, those of a usual photograph of 1024 pixels.
GAP_UM: Final = 15.0
_ONE_JUNCTION_UM: Final = 450.0


@dataclass(frozen=True)
class _Pieces:
    """The straight pieces of all segments, as columns; ``arc`` is the way to either end of the segment."""

    start: Floats
    stop: Floats
    r_start: Floats
    r_stop: Floats
    owner: Ints
    arc: Floats


def touching(
    segments: Sequence[Segment], gap_um: float = 0.0, first: int = 0, widened: float = 1.0
) -> list[tuple[int, int]]:
    """Pairs of segments of one tree that touch where they should not.

    Segments that meet at a node, and a segment with itself, may be as near as they like within 450 um along the vessel;
    all others may nowhere.

    Parameters
    ----------
    segments : sequence of Segment
        One tree.
    gap_um : float
        How far apart the walls have to be.
    first : int
        The index to which parents and children of these segments refer as their first.
    widened : float
        Factor on all radii.

    Returns
    -------
    list of (int, int)
        Positions in ``segments``, the smaller first, without repetition.
    """
    pieces = _pieces(segments, widened)
    i, j = _near(pieces, gap_um)
    way = _way_between(pieces, _nodes(segments, first), i, j)
    distance, along_i, along_j = segment_distance(pieces.start[i], pieces.stop[i], pieces.start[j], pieces.stop[j])
    reach = (1 - along_i) * pieces.r_start[i] + along_i * pieces.r_stop[i]
    reach += (1 - along_j) * pieces.r_start[j] + along_j * pieces.r_stop[j]
    hit = (distance < reach + np.where(np.isfinite(way), 0.0, gap_um)) & (way > _ONE_JUNCTION_UM)
    owners = np.sort(np.column_stack([pieces.owner[i[hit]], pieces.owner[j[hit]]]), axis=1)
    return [(int(a), int(b)) for a, b in np.unique(owners, axis=0)]


def crossings(arteries: Sequence[Segment], veins: Sequence[Segment]) -> list[tuple[Floats, int, int]]:
    """Where centrelines of arteries and veins cross: the point (y, x), and positions in ``arteries`` and ``veins``."""
    a, v = _pieces(arteries), _pieces(veins)
    longest = max(float(np.hypot(*(p.stop - p.start).T).max(initial=0.0)) for p in (a, v))
    near = cKDTree((v.start + v.stop) / 2).query_ball_point((a.start + a.stop) / 2, longest)
    i = np.repeat(np.arange(len(near)), [len(others) for others in near])
    j = np.fromiter(itertools.chain.from_iterable(near), np.intp, len(i))
    u, w, apart = a.stop[i] - a.start[i], v.stop[j] - v.start[j], v.start[j] - a.start[i]
    across = _cross(u, w)
    with np.errstate(divide="ignore", invalid="ignore"):
        s, t = _cross(apart, w) / across, _cross(apart, u) / across
    # Half-open, so that a crossing at a point of the polyline is found once.
    hit = np.flatnonzero((s >= 0) & (s < 1) & (t >= 0) & (t < 1))
    points = a.start[i[hit]] + s[hit, None] * u[hit]
    return [(p, int(a.owner[i[k]]), int(v.owner[j[k]])) for p, k in zip(points, hit, strict=True)]


def _cross(one: Floats, other: Floats) -> Floats:
    product: Floats = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return product


def _pieces(segments: Sequence[Segment], widened: float = 1.0) -> _Pieces:
    points = np.concatenate([segment.points_um for segment in segments])
    radius = widened * np.concatenate([segment.radius_um for segment in segments])
    sizes = np.array([len(segment.points_um) for segment in segments])
    last = np.cumsum(sizes) - 1
    inner = np.ones(len(points), bool)
    inner[last] = False
    index = np.flatnonzero(inner)
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    owner = np.repeat(np.arange(len(segments)), sizes)[index]
    begin, end = along[last - sizes + 1][owner], along[last][owner]
    middle = (along[index] + along[index + 1]) / 2
    arc = np.column_stack([middle - begin, end - middle])
    return _Pieces(points[index], points[index + 1], radius[index], radius[index + 1], owner, arc)


def _near(pieces: _Pieces, gap_um: float) -> tuple[Ints, Ints]:
    """Pairs of straight pieces that may be near enough; wide ones are looked up apart from the many thin ones."""
    middle = (pieces.start + pieces.stop) / 2
    half = np.hypot(*(pieces.stop - pieces.start).T) / 2
    reach = half + np.maximum(pieces.r_start, pieces.r_stop) + gap_um / 2
    wide = reach > np.quantile(reach, 0.8)
    thin, broad = np.flatnonzero(~wide), np.flatnonzero(wide)
    pairs = thin[cKDTree(middle[thin]).query_pairs(2 * float(reach[thin].max(initial=0.0)), output_type="ndarray")]
    near = cKDTree(middle).query_ball_point(middle[broad], reach[broad] + reach.max(), return_sorted=False)
    one = np.repeat(broad, [len(others) for others in near])
    other = np.fromiter(itertools.chain.from_iterable(near), np.intp, len(one))
    once = (other > one) | ~wide[other]
    i, j = np.concatenate([pairs, np.column_stack([one[once], other[once]])]).T
    close = np.hypot(*(middle[i] - middle[j]).T) < reach[i] + reach[j]
    return i[close], j[close]


def segment_distance(a0: Floats, a1: Floats, b0: Floats, b1: Floats) -> tuple[Floats, Floats, Floats]:
    """Least distance between straight pieces, and how far along each (0 to 1) it is taken; arrays of n pieces.

    Parameters
    ----------
    a0, a1, b0, b1 : ndarray of float, shape (n, 2)
        Ends of the pieces a and b.
    """
    u, v, w = a1 - a0, b1 - b0, a0 - b0
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    uw, vw = (u * w).sum(1), (v * w).sum(1)
    det = uu * vv - uv * uv
    s = np.clip(np.where(det > 1e-9, (uv * vw - vv * uw) / np.maximum(det, 1e-9), 0.0), 0.0, 1.0)
    t = np.clip((uv * s + vw) / np.maximum(vv, 1e-12), 0.0, 1.0)
    s = np.clip((uv * t - uw) / np.maximum(uu, 1e-12), 0.0, 1.0)
    return np.hypot(*(w + s[:, None] * u - t[:, None] * v).T), s, t


def _nodes(segments: Sequence[Segment], first: int) -> Ints:
    """Nodes at the start and end of every segment, shape (n, 2)."""
    # A node is named by the segment that ends there; all roots leave the same point of the disc.
    starts = [segment.parent - first if segment.parent >= 0 else -1 for segment in segments]
    return np.column_stack([starts, np.arange(len(segments))]).astype(np.intp)


def _way_between(pieces: _Pieces, nodes: Ints, i: Ints, j: Ints) -> Floats:
    """Length along the vessel between pieces of one segment or of two that share a node; infinite for others."""
    own_i, own_j = pieces.owner[i], pieces.owner[j]
    way = np.where(own_i == own_j, np.abs(pieces.arc[i, 0] - pieces.arc[j, 0]), np.inf)
    for a in (0, 1):
        for b in (0, 1):
            shared = (nodes[own_i, a] == nodes[own_j, b]) & (own_i != own_j)
            way = np.where(shared, np.minimum(way, pieces.arc[i, a] + pieces.arc[j, b]), way)
    return way
