"""Thinning of a mask to lines one pixel wide, and the tracing of these lines from node to node.

The thinning deletes border pixels direction by direction as long as the 8-connected topology stays (simple points by
Yokoi's number) and ends stay ends. Like every sequential thinning it depends on scan order by up to a pixel, which is
why :mod:`retina_tools.biomarkers.vessel_graph` turns a mask to a canonical orientation first and moves the lines to the
middle of the vessel afterwards.

References
----------
Yokoi S, Toriwaki J, Fukumura T. An analysis of topological properties of digitized binary pictures using local
features. Comput Graph Image Process 1975;4:63-73.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.compiled import compiled

# The eight neighbours counter-clockwise from the right, as (dy, dx); even places share an edge with the pixel. The
# loops below use flat indices into an array with an empty margin: one-dimensional code compiles far faster.
_DY = np.array([0, -1, -1, -1, 0, 1, 1, 1])
_DX = np.array([1, 1, 0, -1, -1, -1, 0, 1])


def _deletable_codes() -> NDArray[np.bool_]:
    """For each of the 256 neighbourhoods, whether the centre can go: a simple point that is not an end."""
    table = np.zeros(256, bool)
    for code in range(256):
        full = [(code >> place) & 1 for place in range(8)]
        empty = [1 - value for value in full]
        yokoi = sum(empty[k] - empty[k] * empty[(k + 1) % 8] * empty[(k + 2) % 8] for k in (0, 2, 4, 6))
        table[code] = yokoi == 1 and sum(full) >= 2
    return table


_DELETABLE = _deletable_codes()


@compiled
def _code(pixels: NDArray[np.uint8], here: int, steps: NDArray[np.int64]) -> int:
    code = 0
    for place in range(8):
        if pixels[here + steps[place]]:
            code |= 1 << place
    return code


@compiled
def _thin(
    pixels: NDArray[np.uint8], where: NDArray[np.int64], steps: NDArray[np.int64], deletable: NDArray[np.bool_]
) -> None:
    """Thin in place; ``where`` lists the set pixels in scan order."""
    alive = len(where)
    candidates = np.empty(alive, np.int64)
    changed = True
    while changed:
        changed = False
        for quarter in range(4):
            side = steps[(2, 6, 0, 4)[quarter]]
            count = 0
            for k in range(alive):
                here = where[k]
                if not pixels[here + side] and deletable[_code(pixels, here, steps)]:
                    candidates[count] = here
                    count += 1
            for k in range(count):
                if deletable[_code(pixels, candidates[k], steps)]:
                    pixels[candidates[k]] = 0
                    changed = True
        kept = 0
        for k in range(alive):
            if pixels[where[k]]:
                where[kept] = where[k]
                kept += 1
        alive = kept


def _steps(width: int) -> NDArray[np.int64]:
    steps: NDArray[np.int64] = (_DY * width + _DX).astype(np.int64)
    return steps


def thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeleton of a mask: lines one pixel wide with the topology of the mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    ndarray of bool, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((5, 12), bool); bar[1:4, 1:11] = True
    >>> int(thin(bar).any(axis=1).sum())
    1
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    _thin(padded.reshape(-1), np.flatnonzero(padded), _steps(padded.shape[1]), _DELETABLE)
    skeleton: NDArray[np.bool_] = padded[1:-1, 1:-1].astype(bool)
    return skeleton


@dataclass(frozen=True)
class Traces:
    """Lines of a skeleton, cut at its nodes.

    Attributes
    ----------
    chains : list of ndarray of int, shape (n, 2)
        Pixels (y, x) of each line from its first node to its last.
    ends : ndarray of int, shape (lines, 2)
        Node at either end of each line; a closed loop has the same node twice.
    node_yx : ndarray of float, shape (nodes, 2)
        Centre of each node: an end pixel, or the centroid of touching branching pixels.
    """

    chains: list[NDArray[np.int64]]
    ends: NDArray[np.int64]
    node_yx: NDArray[np.float64]


@compiled
def _label_nodes(pixels: NDArray[np.uint8], where: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number from 1 the ends and the groups of touching branching pixels; 0 along the lines."""
    nodes = np.zeros(len(pixels), np.int64)
    degree = np.zeros(len(pixels), np.uint8)
    for here in where:
        for place in range(8):
            degree[here] += pixels[here + steps[place]]
    stack = np.empty(len(where) + 1, np.int64)
    count = 0
    for start in where:
        if degree[start] == 2 or nodes[start]:
            continue
        count += 1
        nodes[start] = count
        stack[0] = start
        depth = 1 if degree[start] > 2 else 0
        while depth:
            depth -= 1
            here = stack[depth]
            for place in range(8):
                there = here + steps[place]
                if pixels[there] and degree[there] > 2 and not nodes[there]:
                    nodes[there] = count
                    stack[depth] = there
                    depth += 1
    return nodes


@compiled
def _walk(
    pixels: NDArray[np.uint8],
    nodes: NDArray[np.int64],
    where: NDArray[np.int64],
    steps: NDArray[np.int64],
    path: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> int:
    """Walk every line once, first those that leave a node, then the loops that have none; the number of lines."""
    lines = 0
    filled = 0
    visited = np.zeros(len(pixels), np.uint8)
    for loops in range(2):
        for start in where:
            if (nodes[start] == 0) == (loops == 0) or visited[start]:
                continue
            for place in range(8):
                before, here = start, start + steps[place]
                if not pixels[here] or visited[here] or (nodes[here] and nodes[here] <= nodes[start]):
                    continue
                bounds[lines] = filled
                path[filled] = start
                filled += 1
                while not nodes[here] and here != start:
                    visited[here] = 1
                    path[filled] = here
                    filled += 1
                    for turn in range(8):
                        there = here + steps[turn]
                        if pixels[there] and there != before:
                            before, here = here, there
                            break
                path[filled] = here
                filled += 1
                lines += 1
                if loops:
                    visited[start] = 1
                    break
    bounds[lines] = filled
    return lines


def trace(skeleton: NDArray[np.bool_]) -> Traces:
    """Cut a skeleton at its ends and branchings and list the pixels of every line in order.

    Parameters
    ----------
    skeleton : ndarray of bool, shape (y, x)
        One pixel wide, as :func:`thin` gives it.

    Returns
    -------
    Traces

    Examples
    --------
    >>> import numpy as np
    >>> plus = np.zeros((7, 7), bool); plus[3, 1:6] = plus[1:6, 3] = True
    >>> traces = trace(plus)
    >>> len(traces.chains), len(traces.node_yx)
    (4, 5)
    """
    padded = np.pad(skeleton, 1).astype(np.uint8)
    width = padded.shape[1]
    pixels, where, steps = padded.reshape(-1), np.flatnonzero(padded), _steps(width)
    if not len(where):
        return Traces([], np.empty((0, 2), np.int64), np.empty((0, 2)))
    nodes = _label_nodes(pixels, where, steps)
    path, bounds = np.empty(4 * len(where) + 8, np.int64), np.empty(2 * len(where) + 8, np.int64)
    lines = _walk(pixels, nodes, where, steps, path, bounds)
    cuts = bounds[: lines + 1]
    ends = np.stack([nodes[path[cuts[:-1]]], nodes[path[cuts[1:] - 1]]], axis=1) - 1
    path_yx = np.stack(np.divmod(path[: cuts[-1]], width), axis=1) - 1
    chains = np.split(path_yx, cuts[1:-1]) if lines else []

    member = nodes[where]
    size = np.maximum(np.bincount(member)[1:], 1)
    node_yx = np.stack([np.bincount(member, weights=axis - 1.0)[1:] / size for axis in np.divmod(where, width)], axis=1)
    for loop in np.flatnonzero(ends[:, 0] < 0):
        ends[loop] = len(node_yx)
        node_yx = np.vstack([node_yx, chains[loop][:1]])
    return Traces(chains, ends, node_yx)
