"""Segments resolved into vessels from the disc outwards: parents, generations, orders, and which goes on as which.

Every connected part of a network is rooted at its point nearest to the disc centre; without a disc, at its widest end.
From there each segment is reached by the shortest way along the vessels, which gives it a direction and a parent.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.biomarkers.vessel_graph import VesselGraph

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of a network.

    Attributes
    ----------
    graph : VesselGraph
    parent : ndarray of int, shape (segments,)
        Segment each one continues, -1 at a root.
    root_side : ndarray of int, shape (segments,)
        0 where the first point of the segment is nearer to the root along the tree, 1 where the last is.
    order : ndarray of int, shape (segments,)
        Segments so that parents come before their children.
    """

    graph: VesselGraph
    parent: Ints
    root_side: Ints
    order: Ints

    @cached_property
    def children(self) -> list[list[int]]:
        """Segments that continue each segment."""
        found: list[list[int]] = [[] for _ in self.parent]
        for segment in self.order.tolist():
            if self.parent[segment] >= 0:
                found[self.parent[segment]].append(segment)
        return found

    @cached_property
    def generation(self) -> Ints:
        """1 for the segments at a root, one more after each branching. Shape (segments,)."""
        found = np.ones(len(self.parent), np.int64)
        for segment in self.order.tolist():
            if self.parent[segment] >= 0:
                found[segment] = found[self.parent[segment]] + 1
        return found

    @cached_property
    def strahler(self) -> Ints:
        """Strahler order: 1 at the tips, and one more than its children where two of the highest meet."""
        found = np.ones(len(self.parent), np.int64)
        for segment in self.order[::-1].tolist():
            if below := sorted((int(found[child]) for child in self.children[segment]), reverse=True):
                found[segment] = below[0] + (len(below) > 1 and below[0] == below[1])
        return found

    @cached_property
    def vessel(self) -> Ints:
        """Number of the vessel each segment belongs to: the widest daughter goes on as its parent's vessel."""
        width = np.nan_to_num(line_medians(self.graph.width_px, self.graph.bounds))
        found = np.full(len(self.parent), -1, np.int64)
        count = 0
        for segment in self.order.tolist():
            if found[segment] < 0:
                found[segment] = count
                count += 1
            if self.children[segment]:
                found[max(self.children[segment], key=lambda child: float(width[child]))] = found[segment]
        return found


def grow_forest(graph: VesselGraph, centre_yx: tuple[float, float] | None) -> Forest:
    """Root the parts of a network and direct their segments outwards.

    Parameters
    ----------
    graph : VesselGraph
    centre_yx : tuple of float or None
        Centre of the disc, None where it is not known.

    Returns
    -------
    Forest
    """
    count = len(graph)
    part = _connected_parts(graph)
    distance = np.full(len(graph.node_yx), np.inf)
    queue: list[tuple[float, int, int]] = []
    via = np.full(len(graph.node_yx), -1, np.int64)
    parent, roots = np.full(count, -1, np.int64), _roots(graph, part, centre_yx)
    for segment, point in roots:
        for side, end in enumerate((graph.bounds[segment], graph.bounds[segment + 1] - 1)):
            reach = abs(float(graph.along_px[end] - graph.along_px[point]))
            heapq.heappush(queue, (reach, int(graph.ends[segment, side]), segment))
    while queue:
        reach, node, segment = heapq.heappop(queue)
        if reach >= distance[node]:
            continue
        distance[node], via[node] = reach, segment
        for other in graph.segments_at[node]:
            far = graph.ends[other].sum() - node
            onward = reach + float(graph.length_px[other])
            if other != segment and onward < distance[far]:
                heapq.heappush(queue, (onward, int(far), other))
    start = distance[graph.ends]
    root_side = (start[:, 1] < start[:, 0]).astype(np.int64) if count else np.empty(0, np.int64)
    near = graph.ends[np.arange(count), root_side]
    is_root = np.zeros(count, bool)
    is_root[[segment for segment, _ in roots]] = True
    parent = np.where(is_root | (via[near] == np.arange(count)), -1, via[near])
    order = np.lexsort((np.arange(count), np.where(is_root, -1.0, distance[near]))).astype(np.int64)
    return Forest(graph, parent, root_side, order)


def _connected_parts(graph: VesselGraph) -> Ints:
    """Number of the connected part of every segment: its lowest segment."""
    part = np.full(len(graph), -1, np.int64)
    for first in range(len(graph)):
        if part[first] >= 0:
            continue
        part[first], stack = first, [first]
        while stack:
            for node in graph.ends[stack.pop()].tolist():
                for other in graph.segments_at[node]:
                    if part[other] < 0:
                        part[other] = first
                        stack.append(other)
    return part


def _roots(graph: VesselGraph, part: Ints, centre_yx: tuple[float, float] | None) -> list[tuple[int, int]]:
    """For each connected part the segment and the point where it begins."""
    if not len(graph):
        return []
    point_part = np.repeat(part, np.diff(graph.bounds))
    if centre_yx is not None:
        rank = np.hypot(*(graph.points_yx - centre_yx).T)
    else:
        rank = np.full(len(graph.points_yx), np.inf)
        width = np.nan_to_num(line_medians(graph.width_px, graph.bounds))
        for side, place in ((0, graph.bounds[:-1]), (1, graph.bounds[1:] - 1)):
            # Wide ends first; ends at branchings only where there is no free end at all.
            rank[place] = -width + 1e6 * (graph.degree[graph.ends[:, side]] > 1)
    by_part = np.lexsort((rank, point_part))
    first = by_part[np.append(True, np.diff(point_part[by_part]) > 0)]
    return [(int(graph.segment_of[point]), int(point)) for point in first]
