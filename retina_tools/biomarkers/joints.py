"""Where the vessels of a bifurcation meet, and how their centrelines are led there.

The skeleton's own node is the middle of the largest disc that fits into the fork, which lies downstream of where the
axes meet, the more so the more acute the fork. Here every arm is trimmed to where it has two walls of its own and is
prolonged with its curvature; the node is the point nearest to all of them, and the arms are led to it on smooth arcs.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.network import Network
from retina_tools.biomarkers.rays import fit_rays, meeting_points

Floats = NDArray[np.float64]

# An arm counts as clear of its node beyond this many radii of the node.
TRIM_RADII: Final = 1.4
# The node may lie this many radii from the skeleton's, and is drawn to it a little where the rays leave it open.
_FARTHEST_RADII: Final = 4.0
_PULL: Final = 0.005
# The course of an arm is taken over so many smoothing wavelengths.
_COURSE_CUTOFFS: Final = 2.2
# Its curvature is held back by the scatter of its points, 0.1 px over half a wavelength, against a prior of 5 per disc
# diameter.
_SCATTER: Final = 0.1


class Joints:
    """Leads centrelines to the nodes they leave.

    Parameters
    ----------
    network : Network
    lines : list of ndarray of float, shape (n, 2)
        Trimmed centreline of every line, in the order of ``sorted(network.chains)``.
    widths : list of ndarray of float, shape (n, k)
        Calibres at these points.
    clear : ndarray of bool, shape (lines,)
        Whether a line has points clear of its nodes; the others become straight bridges.
    cutoff_px : float
        Wavelength the lines are smoothed over.
    """

    def __init__(
        self, network: Network, lines: list[Floats], widths: list[Floats], clear: NDArray[np.bool_], cutoff_px: float
    ) -> None:
        self.network, self.lines, self.widths, self.clear = network, lines, widths, clear
        self.course = max(round(_COURSE_CUTOFFS * cutoff_px), 4)
        self.stiffness = _SCATTER * cutoff_px**3
        self.node_yx = np.array(network.node_yx).reshape(-1, 2)
        place = {line: k for k, line in enumerate(sorted(network.chains))}
        arms = {node: [(place[line], side) for line, side in found] for node, found in network.arms()}
        self.arms_at = {node: [arm for arm in found if clear[arm[0]]] for node, found in arms.items()}
        # For either side of a line: how many points go, and which are put in their place, the node's first.
        self.cut = {(k, side): 0 for k in range(len(lines)) for side in (0, 1)}
        self.lead: dict[tuple[int, int], list[Floats]] = {}

    def meet(self) -> tuple[list[Floats], list[Floats], Floats]:
        """Lines from node to node, their calibres (NaN on what was added), and the nodes."""
        arms = [arm for found in self.arms_at.values() for arm in found]
        if arms:
            self._move_nodes(arms)
        joined = [self._assemble(k, line) for k, line in enumerate(sorted(self.network.chains))]
        return [points for points, _ in joined], [width for _, width in joined], self.node_yx

    def _move_nodes(self, arms: list[tuple[int, int]]) -> None:
        bounds = np.cumsum([0, *(len(line) for line in self.lines)])
        first = np.array([bounds[line] if side == 0 else bounds[line + 1] - 1 for line, side in arms], np.int64)
        length = np.diff(bounds)[[line for line, _ in arms]]
        count = np.minimum(length, self.course).astype(np.int64)
        step = np.array([1 - 2 * side for _, side in arms], np.int64)
        rays = fit_rays(np.concatenate(self.lines), first, count, step, self.stiffness)
        nodes, number = list(self.arms_at), {arm: k for k, arm in enumerate(arms)}
        radius = np.array(self.network.radius)[nodes]
        self.node_yx[nodes] = meeting_points(
            rays,
            [[number[arm] for arm in self.arms_at[node]] for node in nodes],
            self.node_yx[nodes],
            _FARTHEST_RADII * radius + 2,
            _PULL,
        )
        starts, inwards, _ = rays
        for node in nodes:
            self._lead_to(node, {arm: (starts[number[arm]], inwards[number[arm]]) for arm in self.arms_at[node]})

    def _lead_to(self, node: int, rays: dict[tuple[int, int], tuple[Floats, Floats]]) -> None:
        """Where the node lies on an arm, what is beyond it belongs to the arm that goes straight on."""
        meeting = self.node_yx[node]
        reach = int(6 * self.network.radius[node]) + 8
        for arm, (start, inwards) in rays.items():
            if len(rays) < 2 or (meeting - start) @ inwards >= 0:
                continue
            points = self.lines[arm[0]] if arm[1] == 0 else self.lines[arm[0]][::-1]
            window = points[: max(min(reach, len(points) // 2), 1)]
            cut = int(np.hypot(*(window - meeting).T).argmin())
            if cut:
                self.cut[arm] = cut
                others = [other for other in rays if other != arm]
                onward = min(others, key=lambda other: float(inwards @ rays[other][1]))
                self.lead.setdefault(onward, []).append(points[:cut][::-1])

    def _assemble(self, k: int, line: int) -> tuple[Floats, Floats]:
        first, last = self.network.ends[line]
        branches = [self.network.degree(node) >= 3 for node in (first, last)]
        if not self.clear[k]:
            ends = [
                self.node_yx[node] if branch else self.lines[k][place]
                for node, branch, place in zip((first, last), branches, (0, -1), strict=True)
            ]
            points = _straight(ends[0], ends[1])
            return points, np.full((len(points), *self.widths[k].shape[1:]), np.nan)
        stop = len(self.lines[k]) - self.cut[k, 1]
        points, width = self.lines[k][self.cut[k, 0] : stop], self.widths[k][self.cut[k, 0] : stop]
        if branches[0]:
            points, width = self._with_lead((k, 0), self.node_yx[first], points, width)
        if branches[1]:
            points, width = self._with_lead((k, 1), self.node_yx[last], points[::-1], width[::-1])
            points, width = points[::-1], width[::-1]
        return points, width

    def _with_lead(self, arm: tuple[int, int], node_yx: Floats, points: Floats, width: Floats) -> tuple[Floats, Floats]:
        way = max(self.lead.get(arm, []), key=len, default=points[:0])
        if len(way):
            added = np.concatenate([_straight(node_yx, way[0])[:-1], way, _straight(way[-1], points[0])[1:-1]])
        else:
            back = min(self.course // 2, len(points) - 1)
            added = _arc(node_yx, points[0], points[back] - points[0])[:-1]
        return np.concatenate([added, points]), np.concatenate([np.full((len(added), *width.shape[1:]), np.nan), width])


def _arc(start: Floats, stop: Floats, onward: Floats) -> Floats:
    """Points about one pixel apart on the parabola between two points that arrives in a given direction."""
    (y0, x0), (y1, x1), (dy, dx) = start.tolist(), stop.tolist(), onward.tolist()
    length = math.hypot(y1 - y0, x1 - x0)
    scale = -length / max(math.hypot(dy, dx), 1e-9)
    back_y, back_x = dy * scale, dx * scale
    steps = max(round(length), 1)
    u = np.arange(steps, -1, -1) / steps
    arc = np.empty((steps + 1, 2))
    arc[:, 0] = y1 + u * back_y + u * u * (y0 - y1 - back_y)
    arc[:, 1] = x1 + u * back_x + u * u * (x0 - x1 - back_x)
    return arc


def _straight(start: Floats, stop: Floats) -> Floats:
    """Points about one pixel apart from one point to another, both included."""
    steps = max(round(float(np.hypot(*(stop - start)))), 1)
    line: Floats = start + np.linspace(0.0, 1.0, steps + 1)[:, None] * (stop - start)
    return line
