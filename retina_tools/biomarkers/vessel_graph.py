"""The vessel network of a mask: segments between branchings as smooth curves with a calibre at every point.

Steps: canonical orientation, thinning, tracing, simplification; then every segment is smoothed, moved to the middle
between its walls, and measured along its normals. Nothing here knows of discs or micrometres: all is in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.edges import clearance, find_walls
from retina_tools.biomarkers.network import Network
from retina_tools.biomarkers.orientation import Turn, canonical_turn
from retina_tools.biomarkers.skeleton import thin, trace
from retina_tools.biomarkers.smoothing import line_medians, line_tangents, resample_lines, smooth_lines

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NodeKind = Literal["tip", "bifurcation", "crossing", "junction", "none"]

# Below this wavelength the steps of the pixel grid are seen rather than the vessel.
_SHORTEST_SMOOTHING_PX: Final = 8.0
# Two lines continue each other through a crossing when neither turns by more than this.
_STRAIGHT_DEG: Final = 40.0


@dataclass(frozen=True, eq=False)
class VesselGraph:
    """Segments and nodes of one vessel mask, in pixels of the picture.

    Attributes
    ----------
    points_yx : ndarray of float, shape (n, 2)
        Centrelines, segment after segment, about one pixel apart.
    bounds : ndarray of int, shape (segments + 1,)
        Segment ``i`` is ``points_yx[bounds[i]:bounds[i + 1]]``.
    width_px : ndarray of float, shape (n,)
        Calibre at each point; NaN near branchings and wherever there are not two walls.
    ends : ndarray of int, shape (segments, 2)
        Nodes at the two ends.
    node_yx : ndarray of float, shape (nodes, 2)
    node_radius_px : ndarray of float, shape (nodes,)
        Distance from the node to the wall.
    partners : dict
        For a crossing, which segment end continues which: ``{(node, segment): segment}``.
    """

    points_yx: Floats
    bounds: Ints
    width_px: Floats
    ends: Ints
    node_yx: Floats
    node_radius_px: Floats
    partners: dict[tuple[int, int], int]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def path(self, segment: int) -> Floats:
        """Centreline of one segment, shape (n, 2)."""
        return self.points_yx[self.bounds[segment] : self.bounds[segment + 1]]

    @cached_property
    def segment_of(self) -> Ints:
        """Segment of every point, shape (n,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    @cached_property
    def along_px(self) -> Floats:
        """Running length at every point; differences within one segment are arc lengths. Shape (n,)."""
        steps = np.zeros(len(self.points_yx))
        steps[1:] = np.hypot(*np.diff(self.points_yx, axis=0).T)
        steps[self.bounds[:-1][np.diff(self.bounds) > 0]] = 0.0
        return np.cumsum(steps)

    @cached_property
    def length_px(self) -> Floats:
        """Arc length of every segment, shape (segments,)."""
        return self.along_px[self.bounds[1:] - 1] - self.along_px[self.bounds[:-1]]

    @cached_property
    def segments_at(self) -> list[list[int]]:
        """Segments that end at each node; a loop is listed twice."""
        at: list[list[int]] = [[] for _ in self.node_yx]
        for segment, (first, last) in enumerate(self.ends):
            at[first].append(segment)
            at[last].append(segment)
        return at

    @cached_property
    def degree(self) -> Ints:
        """How many segment ends meet at each node, shape (nodes,)."""
        return np.bincount(self.ends.ravel(), minlength=len(self.node_yx)).astype(np.int64)

    def node_kind(self, node: int) -> NodeKind:
        """What a node is: a free end, a bifurcation, a resolved crossing, another junction, or nothing any more."""
        degree = int(self.degree[node])
        if degree == 4 and (node, self.segments_at[node][0]) in self.partners:
            return "crossing"
        kinds: dict[int, NodeKind] = {0: "none", 1: "tip", 2: "none", 3: "bifurcation"}
        return kinds.get(degree, "junction")

    def smoothed(self, cutoff_px: float) -> Floats:
        """The points smoothed further, to a longer wavelength, for measures of curvature. Shape (n, 2)."""
        return smooth_lines(self.points_yx, self.bounds, cutoff_px)


def build_vessel_graph(mask: NDArray[np.bool_], smoothing_px: float = 14.0) -> VesselGraph:
    """Trace the vessels of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Vessels; an empty mask gives an empty graph.
    smoothing_px : float
        Wavelength that the smoothing of centrelines halves; a tenth of a disc diameter suits a retina.

    Returns
    -------
    VesselGraph
        The same, up to mirroring, for the mirrored or quarter-turned mask.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:120, :120]
    >>> graph = build_vessel_graph((abs(y - 0.37 * x - 20) < 3 * np.hypot(1, 0.37)) & (x > 10) & (x < 110))
    >>> len(graph), round(float(np.nanmedian(graph.width_px)), 1)
    (1, 6.0)
    """
    turn = canonical_turn(mask)
    turned = turn.apply(mask)
    traces = trace(thin(turned))
    network = Network(traces, clearance(turned, traces.node_yx)).simplify()
    return _measure_network(turned, network, max(smoothing_px, _SHORTEST_SMOOTHING_PX), turn)


def _measure_network(mask: NDArray[np.bool_], network: Network, cutoff_px: float, turn: Turn) -> VesselGraph:
    order = sorted(network.chains)
    ends = np.array([network.ends[line] for line in order], np.int64).reshape(-1, 2)
    radius, node_yx = np.array(network.radius), np.array(network.node_yx).reshape(-1, 2)
    is_tip = np.array([network.degree(node) == 1 for node in range(len(network.at))], bool)

    chains = [network.chains[line] for line in order]
    half_width = _half_widths(mask, chains)
    points, bounds = resample_lines(_cut_back(chains, is_tip[ends], half_width))
    points = smooth_lines(points, bounds, cutoff_px)
    points, bounds = _extend_tips(mask, points, bounds, is_tip[ends], half_width)
    # A free end has two walls nearly to its last pixel, but tapers or is rounded there.
    clear = _clear_of_nodes(bounds, np.where(is_tip[ends], 1.0, radius[ends]))
    clear_for_width = _clear_of_nodes(bounds, np.where(is_tip[ends], half_width[:, None] / 2, radius[ends]))
    reach = np.repeat(2.5 * half_width + 4, np.diff(bounds))
    for _ in range(2):
        tangents = line_tangents(points, bounds)
        left, right, width = find_walls(mask, points, tangents, reach)
        shift = (right - left) / 2
        trusted = (clear > 1.0) & (np.abs(shift) < 0.25 * width + 1)
        normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
        moved = points + np.where(trusted, shift, 0.0)[:, None] * normals
        points = smooth_lines(moved, bounds, cutoff_px, np.where(trusted, 1.0, 0.1))
    width = _settle_widths(width, trusted & (clear_for_width > 1.5), bounds, cutoff_px)
    return VesselGraph(
        points_yx=turn.undo(points),
        bounds=bounds,
        width_px=width,
        ends=ends,
        node_yx=turn.undo(node_yx),
        node_radius_px=radius,
        partners=_resolve_crossings(points, bounds, ends, radius),
    )


def _half_widths(mask: NDArray[np.bool_], chains: list[Floats]) -> Floats:
    """Typical distance from each chain to the wall, from every fourth of its points."""
    if not chains:
        return np.empty(0)
    samples = [chain[len(chain) % 4 // 2 :: 4] for chain in chains]
    distance = clearance(mask, np.concatenate(samples))
    bounds = np.concatenate([[0], np.cumsum([len(sample) for sample in samples])])
    return np.maximum(line_medians(distance, bounds), 0.5)


def _cut_back(chains: list[Floats], is_tip: NDArray[np.bool_], half_width: Floats) -> list[Floats]:
    """Take three quarters of a calibre off every free end, where a thinned line turns into a corner."""
    lines = []
    for chain, (first, last), radius in zip(chains, is_tip, half_width, strict=True):
        off = int(1.5 * radius) + 2 if len(chain) > 6 * radius + 6 else 0
        lines.append(chain[off * first : len(chain) - off * last])
    return lines


def _extend_tips(
    mask: NDArray[np.bool_], points: Floats, bounds: Ints, is_tip: NDArray[np.bool_], half_width: Floats
) -> tuple[Floats, Ints]:
    """Lengthen free ends straight on to the middle of the last disc that fits into the vessel.

    That is where the centreline of a vessel with a round end stops: half a calibre before the wall.
    """
    if not len(bounds) - 1:
        return points, bounds
    lines = [points[bounds[k] : bounds[k + 1]] for k in range(len(bounds) - 1)]
    # The direction is taken over several pixels: a single step would follow the pixel grid.
    back = np.minimum(np.diff(bounds) - 1, half_width.astype(np.int64) + 6)
    for side in (0, 1):
        last = bounds[:-1] if side == 0 else bounds[1:] - 1
        outward = points[last] - points[last + (back if side == 0 else -back)]
        outward /= np.maximum(np.hypot(*outward.T), 1e-9)[:, None]
        across = np.stack([-outward[:, 1], outward[:, 0]], axis=1)
        _, ahead, _ = find_walls(mask, points[last], across, 4 * half_width + 4)
        ahead -= half_width
        for k in np.flatnonzero(is_tip[:, side] & (ahead > 0.5)):
            new = (points[last[k]] + ahead[k] * outward[k])[None]
            lines[k] = np.concatenate([new, lines[k]] if side == 0 else [lines[k], new])
    return resample_lines(lines)


def _clear_of_nodes(bounds: Ints, radius: Floats) -> Floats:
    """How far each point is from either end of its segment, in radii of the node there."""
    counts = np.diff(bounds)
    index = np.arange(bounds[-1]) - np.repeat(bounds[:-1], counts)
    reverse = np.repeat(counts - 1, counts) - index
    nodes = np.maximum(radius, 1.0)
    clear: Floats = np.minimum(index / np.repeat(nodes[:, 0], counts), reverse / np.repeat(nodes[:, 1], counts))
    return clear


def _settle_widths(width: Floats, trusted: NDArray[np.bool_], bounds: Ints, cutoff_px: float) -> Floats:
    """Average the calibre along each segment, past the steps of the pixel grid, and leave out what is not a vessel."""
    settled = np.full(len(width), np.nan)
    if not len(width):
        return settled
    typical = line_medians(np.where(trusted, width, np.nan), bounds)
    expected = np.repeat(typical, np.diff(bounds))
    good = trusted & (width < 1.8 * expected) & (width > 0.4 * expected)
    values = np.where(good, width, np.where(np.isfinite(expected), expected, 0.0))
    window = np.maximum(2 * cutoff_px, 4 * np.nan_to_num(typical))
    smooth = smooth_lines(values, bounds, window, np.where(good, 1.0, 0.01))
    settled[good] = smooth[good]
    return settled


def _resolve_crossings(points: Floats, bounds: Ints, ends: Ints, radius: Floats) -> dict[tuple[int, int], int]:
    """Pair the four segment ends at a node where two vessels pass straight over each other."""
    at: dict[int, list[tuple[int, int]]] = {}
    for segment, pair in enumerate(ends.tolist()):
        for side, node in enumerate(pair):
            at.setdefault(node, []).append((segment, side))
    partners: dict[tuple[int, int], int] = {}
    for node, arms in at.items():
        if len(arms) != 4 or len({segment for segment, _ in arms}) != 4:
            continue
        away = [_direction(points[bounds[s] : bounds[s + 1]], side, radius[node]) for s, side in arms]
        turns = {
            (i, j): float(np.degrees(np.arccos(np.clip(-away[i] @ away[j], -1, 1))))
            for i in range(4)
            for j in range(i + 1, 4)
        }
        best = min(
            (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))), key=lambda pairs: turns[pairs[0]] + turns[pairs[1]]
        )
        if max(turns[pair] for pair in best) < _STRAIGHT_DEG:
            for i, j in best:
                partners[node, arms[i][0]] = arms[j][0]
                partners[node, arms[j][0]] = arms[i][0]
    return partners


def _direction(path: Floats, side: int, radius: float) -> Floats:
    """Unit vector in which a segment leaves its node, past the width of the other vessel."""
    outward = path if side == 0 else path[::-1]
    far, near = min(len(path) - 1, int(4 * radius) + 6), min(len(path) // 2, int(radius))
    arrow = outward[far] - outward[near]
    unit: Floats = arrow / max(float(np.hypot(*arrow)), 1e-9)
    return unit
