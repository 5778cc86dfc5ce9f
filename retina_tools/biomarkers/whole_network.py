"""The network of all vessels: those of arteries and veins laid over each other, and what is neither.

Where arteries and veins are drawn apart, tracing their union would take every crossing for branchings and every pair of
vessels that touch for one. So the two networks are kept as they are, their crossings are found where centrelines cut
each other, and only stretches of undecided vessels are added from a network of the union.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from retina_tools.biomarkers.vessel_graph import Floats, Ints, VesselGraph


def lay_over(graphs: Sequence[VesselGraph]) -> VesselGraph:
    """One network of several that share no node; segments keep their order and know which they come from.

    Parameters
    ----------
    graphs : sequence of VesselGraph
        At least one.

    Returns
    -------
    VesselGraph
        With ``part`` numbering the networks, and all crossings between any two of them.
    """
    segments = np.cumsum([0, *(len(graph) for graph in graphs)])
    nodes = np.cumsum([0, *(len(graph.node_yx) for graph in graphs)])
    points = np.cumsum([0, *(len(graph.points_yx) for graph in graphs)])
    bounds = [graph.bounds[:-1] + offset for graph, offset in zip(graphs, points[:-1], strict=True)]
    found = [_crossings(a, b) for k, a in enumerate(graphs) for b in graphs[k + 1 :]]
    offsets = [(segments[k], segments[j]) for k in range(len(graphs)) for j in range(k + 1, len(graphs))]
    own = [graph.crossing_segments + offset for graph, offset in zip(graphs, segments[:-1], strict=True)]
    return VesselGraph(
        points_yx=np.concatenate([graph.points_yx for graph in graphs]),
        bounds=np.concatenate([*bounds, points[-1:]]).astype(np.int64),
        width_px=np.concatenate([graph.width_px for graph in graphs]),
        local_width_px=np.concatenate([graph.local_width_px for graph in graphs]),
        ends=np.concatenate([graph.ends + offset for graph, offset in zip(graphs, nodes[:-1], strict=True)]),
        node_yx=np.concatenate([graph.node_yx for graph in graphs]),
        node_radius_px=np.concatenate([graph.node_radius_px for graph in graphs]),
        cut_nodes=np.concatenate([graph.cut_nodes + offset for graph, offset in zip(graphs, nodes[:-1], strict=True)]),
        crossing_yx=np.concatenate([*(graph.crossing_yx for graph in graphs), *(yx for yx, _ in found)]),
        crossing_segments=np.concatenate(
            [*own, *(pairs + np.array(offset) for (_, pairs), offset in zip(found, offsets, strict=True))]
        ).astype(np.int64),
        part=np.repeat(np.arange(len(graphs)), np.diff(segments)),
    )


def _crossings(one: VesselGraph, two: VesselGraph) -> tuple[Floats, Ints]:
    """Where segments of two networks cut each other: the places, and the segment of either."""
    if not len(one) or not len(two):
        return np.empty((0, 2)), np.empty((0, 2), np.int64)
    middle_one, middle_two = (_steps(graph) for graph in (one, two))
    near = cKDTree(middle_one[0]).query_ball_point(middle_two[0], 1.6)
    pairs = np.array([(i, k) for k, found in enumerate(near) for i in found], np.int64).reshape(-1, 2)
    (_, start_one, step_one, segment_one), (_, start_two, step_two, segment_two) = middle_one, middle_two
    p, r = start_one[pairs[:, 0]], step_one[pairs[:, 0]]
    q, s = start_two[pairs[:, 1]], step_two[pairs[:, 1]]
    across = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    gap = q - p
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (gap[:, 0] * s[:, 1] - gap[:, 1] * s[:, 0]) / across
        u = (gap[:, 0] * r[:, 1] - gap[:, 1] * r[:, 0]) / across
    hit = (t >= 0) & (t < 1) & (u >= 0) & (u < 1)
    places = p[hit] + t[hit, None] * r[hit]
    segments = np.stack([segment_one[pairs[hit, 0]], segment_two[pairs[hit, 1]]], axis=1)
    return places, segments


def _steps(graph: VesselGraph) -> tuple[Floats, Floats, Floats, Ints]:
    """Middle, start and vector of every step along the segments of a network, and its segment."""
    step = np.diff(graph.points_yx, axis=0)
    inside = np.flatnonzero(np.diff(graph.segment_of) == 0)
    start, vector = graph.points_yx[inside], step[inside]
    return start + vector / 2, start, vector, graph.segment_of[inside]


def undecided_stretches(union: VesselGraph, decided: NDArray[np.bool_]) -> VesselGraph:
    """The stretches of a network that lie outside a mask, each a segment of its own.

    Parameters
    ----------
    union : VesselGraph
        Network of all vessels.
    decided : ndarray of bool, shape (y, x)
        Arteries and veins.

    Returns
    -------
    VesselGraph
        Stretches shorter than two calibres are left out: they are crossings that nobody decided on.
    """
    y, x = np.clip(np.rint(union.points_yx).astype(int), 0, np.array(decided.shape) - 1).T
    outside = ~decided[y, x]
    change = np.ones(len(outside) + 1, bool)
    change[1:-1] = (outside[1:] != outside[:-1]) | (np.diff(union.segment_of) != 0)
    cuts = np.flatnonzero(change)
    runs = []
    for start, stop in itertools.pairwise(cuts.tolist()):
        if outside[start] and stop - start >= 4:
            width = union.width_px[start:stop]
            calibre = float(np.median(width[np.isfinite(width)])) if np.isfinite(width).any() else 4.0
            if stop - start > 2 * calibre + 2:
                runs.append((start, stop))
    return _stretches(union, runs)


def _stretches(union: VesselGraph, runs: list[tuple[int, int]]) -> VesselGraph:
    take = np.concatenate([np.arange(*run) for run in runs]) if runs else np.empty(0, np.int64)
    nodes: dict[int, int] = {}
    node_yx: list[Floats] = []
    radius: list[float] = []
    cut: list[int] = []
    ends: list[list[int]] = []
    for start, stop in runs:
        segment = int(union.segment_of[start])
        pair = []
        for side, point, at_end in (
            (0, start, start == union.bounds[segment]),
            (1, stop - 1, stop == union.bounds[segment + 1]),
        ):
            node = int(union.ends[segment, side])
            if at_end and node in nodes:
                pair.append(nodes[node])
                continue
            if at_end:
                nodes[node] = len(node_yx)
            if not at_end or union.degree[node] > 1:
                cut.append(len(node_yx))
            pair.append(len(node_yx))
            node_yx.append(union.node_yx[node] if at_end else union.points_yx[point])
            radius.append(union.node_radius_px[node])
        ends.append(pair)
    return VesselGraph(
        points_yx=union.points_yx[take],
        bounds=np.cumsum([0, *(stop - start for start, stop in runs)]).astype(np.int64),
        width_px=union.width_px[take],
        local_width_px=union.local_width_px[take],
        ends=np.array(ends, np.int64).reshape(-1, 2),
        node_yx=np.array(node_yx).reshape(-1, 2),
        node_radius_px=np.array(radius, float),
        cut_nodes=np.array(cut, np.int64),
        crossing_yx=np.empty((0, 2)),
        crossing_segments=np.empty((0, 2), np.int64),
        part=np.zeros(len(runs), np.int64),
    )
