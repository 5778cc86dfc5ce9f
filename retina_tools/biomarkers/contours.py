"""Outlines of the objects of a mask as smooth polygons, for lengths that pixels do not bias.

Counting boundary pixels makes a circle look like 0.7 to 0.8 of one. Here the outline runs through the middles of the
pixels' outer edges and is smoothed along itself, which leaves circles within 2 % and straight edges straight.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rounds of smoothing. Fewer leave stairs in a small outline (with four a circle reads 0.98), more round off ellipses.
# Long outlines bear more, and need them where a mask was enlarged and its stairs with it.
_LEAST_ROUNDS: Final = 6
_MOST_ROUNDS: Final = 24
_EDGES_PER_ROUND: Final = 12
# Right, down, left, up: the outer edges of a pixel above it, right of it, below and left of it, with the object on the
# right hand. For each the neighbour beyond it, the corner it starts from, and its middle.
_SIDES: Final = (
    ((-1, 0), (0, 0), (-0.5, 0.0)),
    ((0, 1), (0, 1), (0.0, 0.5)),
    ((1, 0), (1, 1), (0.5, 0.0)),
    ((0, -1), (1, 0), (0.0, -0.5)),
)


def outer_contours(
    pixels: Ints, owner: Ints, shape: tuple[int, ...], count: int, *, smooth: bool = True
) -> tuple[Floats, Floats]:
    """Length and enclosed area of the outer outline of every object; outlines of holes are left out.

    Parameters
    ----------
    pixels : ndarray of int, shape (n,)
        Flat indices of the pixels of all objects, ascending.
    owner : ndarray of int, shape (n,)
        Object of each pixel, 0 to ``count - 1``; objects are 8-connected and none touches another.
    shape : tuple of int
        Of the mask.
    count : int
    smooth : bool
        Whether the stairs of the pixels are smoothed away.

    Returns
    -------
    length, area : ndarray, shape (count,)
        In px and px2, both of the same outline.
    """
    if not count:
        return np.empty(0), np.empty(0)
    points, follower, edge_owner = _edges(pixels, owner, shape)
    links = coo_matrix((np.ones(len(points), np.int8), (np.arange(len(points)), follower)), shape=(len(points),) * 2)
    loops, loop = connected_components(links, directed=False)
    if smooth:
        points = _smoothed(points, follower, np.bincount(loop, minlength=loops)[loop])
    ahead = points[follower]
    length = np.bincount(loop, np.hypot(*(ahead - points).T), minlength=loops)
    twice = points[:, 1] * ahead[:, 0] - points[:, 0] * ahead[:, 1]
    area = np.bincount(loop, twice, minlength=loops) / 2
    # Around holes the outline runs the other way and its area is negative.
    owner_of = np.zeros(loops, np.int64)
    owner_of[loop] = edge_owner
    outer = area > 0
    lengths, areas = np.zeros(count), np.zeros(count)
    lengths[owner_of[outer]], areas[owner_of[outer]] = length[outer], area[outer]
    return lengths, areas


def edge_middles(pixels: Ints, shape: tuple[int, ...]) -> Floats:
    """Middles of the outer edges of the pixels with these flat indices: points of their outline. Shape (n, 2)."""
    return _edges(pixels, np.zeros(len(pixels), np.int64), shape)[0]


def _smoothed(points: Floats, follower: Ints, size: Ints) -> Floats:
    """Outlines averaged along themselves with the weights 1, 2, 1, long ones more often than short ones."""
    leader = np.empty_like(follower)
    leader[follower] = np.arange(len(follower))
    rounds = np.clip(size // _EDGES_PER_ROUND, _LEAST_ROUNDS, _MOST_ROUNDS)
    # As complex numbers, since gathering one long array is twice as fast as gathering pairs.
    along = points[:, 0] + 1j * points[:, 1]
    for done in range(int(rounds.max(initial=0))):
        if done < _LEAST_ROUNDS:
            along = 0.5 * along + 0.25 * (along[leader] + along[follower])
            continue
        # Whole outlines go on or are finished, so that the neighbours of those that go on do so too.
        going = np.flatnonzero(rounds > done)
        along[going] = 0.5 * along[going] + 0.25 * (along[leader[going]] + along[follower[going]])
    return np.stack([along.real, along.imag], axis=1)


def _edges(pixels: Ints, owner: Ints, shape: tuple[int, ...]) -> tuple[Floats, Ints, Ints]:
    """Middles of all outer edges, the edge that follows each, and the object each belongs to."""
    y, x = np.divmod(pixels, shape[1])
    stride = shape[1] + 2
    place = (y + 1) * stride + x + 1
    filled = np.zeros((shape[0] + 2) * stride, bool)
    filled[place] = True
    keys, middles, owners = [], [], []
    for side, ((dy, dx), (corner_y, corner_x), (middle_y, middle_x)) in enumerate(_SIDES):
        open_ = ~filled[place + dy * stride + dx]
        keys.append(((y[open_] + corner_y) * stride + x[open_] + corner_x) * 4 + side)
        middles.append(np.stack([y[open_] + middle_y, x[open_] + middle_x], axis=1))
        owners.append(owner[open_])
    key = np.concatenate(keys)
    # Four ascending runs one after the other, which a stable sort only has to merge.
    order = np.argsort(key, kind="stable")
    key = key[order]
    corner, side_of = np.divmod(key, 4)
    end = corner + np.array([1, stride, -1, -stride])[side_of]
    follower = np.zeros(len(key), np.int64)
    # The last that fits counts: a turn to the left, where two pixels meet at a corner and are one object.
    for turn in (1, 0, 3):
        wanted = end * 4 + (side_of + turn) % 4
        found = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        fits = key[found] == wanted
        follower[fits] = found[fits]
    return np.concatenate(middles)[order], follower, np.concatenate(owners)[order]
