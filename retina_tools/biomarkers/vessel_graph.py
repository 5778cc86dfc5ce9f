"""The vessel network of a mask: segments between branchings as smooth curves with a calibre at every point.

Steps: canonical orientation, thinning, tracing, simplification with the crossings resolved; then every segment is
smoothed, moved to the middle between its walls, measured along its normals, and led to the nodes where its axis meets
the others. Nothing here knows of discs or micrometres: all is in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.edges import clearance, find_walls
from retina_tools.biomarkers.holes import fill_pinholes
from retina_tools.biomarkers.joints import TRIM_RADII, Joints
from retina_tools.biomarkers.network import Network
from retina_tools.biomarkers.orientation import Turn, canonical_turn
from retina_tools.biomarkers.skeleton import thin, trace
from retina_tools.biomarkers.smoothing import line_medians, line_tangents, resample_lines, smooth_lines

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NodeKind = Literal["tip", "bifurcation", "junction", "none"]

# Below this wavelength the steps of the pixel grid are seen rather than the vessel.
_SHORTEST_SMOOTHING_PX: Final = 8.0
# Gaps and lone pieces shorter than this share of the smoothing, 0.05 disc diameters, are flaws of the drawing.
_SHORT: Final = 0.5
# Narrowings are looked for in widths averaged over this wavelength.
_NARROWING_PX: Final = 8.0


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
    local_width_px : ndarray of float, shape (n,)
        The same averaged over a few pixels only, for narrowings.
    ends : ndarray of int, shape (segments, 2)
        Nodes at the two ends.
    node_yx : ndarray of float, shape (nodes, 2)
        Free ends, and the points where the axes of the vessels of a bifurcation meet.
    node_radius_px : ndarray of float, shape (nodes,)
        Distance from the node to the wall.
    crossing_yx : ndarray of float, shape (crossings, 2)
        Where two segments of this network pass over each other; neither ends there.
    crossing_segments : ndarray of int, shape (crossings, 2)
    cut_nodes : ndarray of int, shape (k,)
        Nodes that are ends only because the rest of the vessel is not in this network.
    part : ndarray of int, shape (segments,)
        In a network made of several, which of them a segment belongs to; 0 otherwise.
    """

    points_yx: Floats
    bounds: Ints
    width_px: Floats
    local_width_px: Floats
    ends: Ints
    node_yx: Floats
    node_radius_px: Floats
    crossing_yx: Floats
    crossing_segments: Ints
    cut_nodes: Ints
    part: Ints

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
        """What a node is: a free end, a bifurcation, another junction, or nothing any more."""
        kinds: dict[int, NodeKind] = {0: "none", 1: "tip", 2: "none", 3: "bifurcation"}
        return kinds.get(int(self.degree[node]), "junction")

    def smoothed(self, cutoff_px: float) -> Floats:
        """The points smoothed further, to a longer wavelength, for measures of curvature. Shape (n, 2)."""
        return smooth_lines(self.points_yx, self.bounds, cutoff_px)


def build_vessel_graph(
    mask: NDArray[np.bool_], smoothing_px: float = 14.0, cover: NDArray[np.bool_] | None = None
) -> VesselGraph:
    """Trace the vessels of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Vessels; an empty mask gives an empty graph.
    smoothing_px : float
        Wavelength that the smoothing of centrelines halves; a tenth of a disc diameter suits a retina.
    cover : ndarray of bool, shape (y, x), optional
        Other vessels, which may hide pieces of these; a vessel goes on across such a gap.

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
    turned = fill_pinholes(turn.apply(mask))
    traces = trace(thin(turned))
    network = Network(traces, clearance(turned, traces.node_yx)).simplify()
    lines = sorted(network.chains)
    half_width = _half_widths(turned, [network.chains[line] for line in lines])
    short = _SHORT * smoothing_px
    others = None if cover is None else turn.apply(cover) | turned
    widths = dict(zip(lines, half_width.tolist(), strict=True))
    network.bridge_gaps(widths, short, others)
    if others is not None:
        network.attach_tips(widths, turned, others)
    network.drop_specks(short)
    return _measure_network(turned, network, max(smoothing_px, _SHORTEST_SMOOTHING_PX), turn)


def _measure_network(mask: NDArray[np.bool_], network: Network, cutoff_px: float, turn: Turn) -> VesselGraph:
    order = sorted(network.chains)
    ends = np.array([network.ends[line] for line in order], np.int64).reshape(-1, 2)
    radius = np.array(network.radius)
    degree = np.array([network.degree(node) for node in range(len(network.at))], np.int64)
    is_tip = (degree == 1)[ends]

    chains = [network.chains[line] for line in order]
    half_width = _half_widths(mask, chains)
    trim = np.where((degree >= 3)[ends], (TRIM_RADII * radius).astype(np.int64)[ends] + 1, 0)
    trimmed, clear = _trim(chains, is_tip, half_width, trim)
    points, bounds = resample_lines(trimmed)
    points = smooth_lines(points, bounds, cutoff_px)
    points, bounds = _extend_tips(mask, points, bounds, is_tip, half_width)
    # Where the walls are another vessel's, or the round end's.
    doubtful = _near_crossings(network, order, points, bounds) | ~_beyond(bounds, np.where(is_tip, 1.5, 0.0))
    points, width, trusted = _centre(mask, points, bounds, half_width, doubtful, cutoff_px)
    if len(bounds) > 1:
        # A free end has two walls nearly to its last pixel, but tapers or is rounded there.
        margin = np.where(is_tip, 0.75 * half_width[:, None], np.where(trim > 0, 0.3 * radius[ends], 0.0))
        settled = _settle_widths(width, trusted & _beyond(bounds, margin), bounds, cutoff_px)
        lines, widths = np.split(points, bounds[1:-1]), np.split(settled, bounds[1:-1])
        lines, widths, node_yx = Joints(network, lines, widths, clear, cutoff_px).meet()
        points, settled = np.concatenate(lines), np.concatenate(widths)
        bounds = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    else:
        node_yx, settled = np.array(network.node_yx).reshape(-1, 2), np.empty((0, 2))
    place = {line: k for k, line in enumerate(order)}
    crossings = [c for c in network.crossings if all(line in place for line in c.lines)]
    return VesselGraph(
        points_yx=turn.undo(points),
        bounds=bounds,
        width_px=settled[:, 0],
        local_width_px=settled[:, 1],
        ends=ends,
        node_yx=turn.undo(node_yx),
        node_radius_px=radius,
        crossing_yx=turn.undo(np.array([c.centre_yx for c in crossings]).reshape(-1, 2)),
        crossing_segments=np.array([[place[line] for line in c.lines] for c in crossings], np.int64).reshape(-1, 2),
        cut_nodes=np.empty(0, np.int64),
        part=np.zeros(len(order), np.int64),
    )


def _half_widths(mask: NDArray[np.bool_], chains: list[Floats]) -> Floats:
    """Typical distance from each chain to the wall, from every fourth of its points."""
    if not chains:
        return np.empty(0)
    samples = [chain[len(chain) % 4 // 2 :: 4] for chain in chains]
    distance = clearance(mask, np.concatenate(samples))
    bounds = np.concatenate([[0], np.cumsum([len(sample) for sample in samples])])
    return np.maximum(line_medians(distance, bounds), 0.5)


def _trim(
    chains: list[Floats], is_tip: NDArray[np.bool_], half_width: Floats, trim: Ints
) -> tuple[list[Floats], NDArray[np.bool_]]:
    """Take off every line what lies in the fork it leaves, and which lines have something left.

    At free ends three quarters of a calibre go, where a thinned line turns into a corner.
    """
    lines, clear = [], np.zeros(len(chains), bool)
    for k, (chain, tips, radius, off) in enumerate(zip(chains, is_tip, half_width, trim, strict=True)):
        ends = off + np.where(tips, int(1.5 * radius) + 2 if len(chain) > 6 * radius + 6 else 0, 0)
        clear[k] = len(chain) - ends.sum() >= max(4.0, radius)
        lines.append(chain[ends[0] : len(chain) - ends[1]] if clear[k] else chain)
    return lines, clear


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


def _near_crossings(network: Network, order: list[int], points: Floats, bounds: Ints) -> NDArray[np.bool_]:
    """Points of lines that lie in the common part of a crossing, where neither has walls of its own."""
    near = np.zeros(len(points), bool)
    place = {line: k for k, line in enumerate(order)}
    for crossing in network.crossings:
        for line in crossing.lines:
            if line in place:
                own = slice(bounds[place[line]], bounds[place[line] + 1])
                near[own] |= np.hypot(*(points[own] - crossing.centre_yx).T) < 1.3 * crossing.radius + 1
    return near


def _centre(
    mask: NDArray[np.bool_],
    points: Floats,
    bounds: Ints,
    half_width: Floats,
    doubtful: NDArray[np.bool_],
    cutoff_px: float,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Move lines to the middle between the walls; the points, the widths there, and which of them have two walls."""
    reach = np.repeat(2.5 * half_width + 4, np.diff(bounds))
    width, trusted = np.empty(len(points)), np.zeros(len(points), bool)
    for _ in range(2):
        tangents = line_tangents(points, bounds)
        left, right, width = find_walls(mask, points, tangents, reach)
        shift = (right - left) / 2
        trusted = ~doubtful & (left + right > 0) & (np.abs(shift) < 0.25 * width + 1)
        normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
        moved = points + np.where(trusted, shift, 0.0)[:, None] * normals
        points = smooth_lines(moved, bounds, cutoff_px, np.where(trusted, 1.0, 0.1))
    return points, width, trusted


def _beyond(bounds: Ints, margin: Floats) -> NDArray[np.bool_]:
    """Points that are farther than a margin from either end of their line."""
    counts = np.diff(bounds)
    index = np.arange(bounds[-1]) - np.repeat(bounds[:-1], counts)
    reverse = np.repeat(counts - 1, counts) - index
    far: NDArray[np.bool_] = (index >= np.repeat(margin[:, 0], counts)) & (reverse >= np.repeat(margin[:, 1], counts))
    return far


def _settle_widths(width: Floats, trusted: NDArray[np.bool_], bounds: Ints, cutoff_px: float) -> Floats:
    """Average the calibre along each segment, past the steps of the pixel grid, and leave out what is not a vessel.

    Two columns: averaged far enough for a calibre, and just over a few pixels.
    """
    typical = line_medians(np.where(trusted, width, np.nan), bounds)
    expected = np.repeat(typical, np.diff(bounds))
    good = trusted & (width < 1.8 * expected) & (width > 0.4 * expected)
    values = np.where(good, width, np.where(np.isfinite(expected), expected, 0.0))
    weights = np.where(good, 1.0, 0.01)
    far = np.maximum(2 * cutoff_px, 4 * np.nan_to_num(typical))
    smooth = [smooth_lines(values, bounds, window, weights) for window in (far, _NARROWING_PX)]
    return np.where(good[:, None], np.stack(smooth, axis=1), np.nan)
