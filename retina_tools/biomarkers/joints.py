"""Where the vessels of a bifurcation meet, and how their centrelines are led there.

The skeleton's own node is the middle of the largest disc that fits into the fork, which lies downstream of where the
axes meet, the more so the more acute the fork. Here every arm is trimmed to where it has two walls of its own and is
prolonged with its curvature; the node is the point nearest to all of them, and the arms are led to it on smooth arcs.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.network import Network

Floats = NDArray[np.float64]

# An arm counts as clear of its node beyond this many radii of the node.
TRIM_RADII: Final = 1.2
# The node may lie this many radii from the skeleton's, and is drawn to it a little where the rays leave it open.
_FARTHEST_RADII: Final = 4.0
_PULL: Final = 0.005
# Fewer points than this say nothing about the curvature of an arm.
_LEAST_CURVED: Final = 8


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
    course_px : float
        Length over which the direction of an arm is taken.
    """

    def __init__(
        self, network: Network, lines: list[Floats], widths: list[Floats], clear: NDArray[np.bool_], course_px: float
    ) -> None:
        self.network, self.lines, self.widths, self.clear = network, lines, widths, clear
        self.course = max(round(course_px), 4)
        self.node_yx = np.array(network.node_yx).reshape(-1, 2)
        self.place = {line: k for k, line in enumerate(sorted(network.chains))}
        # For either side of a line: how many points go, and which are put in their place, the node's first.
        self.cut = {(k, side): 0 for k in range(len(lines)) for side in (0, 1)}
        self.lead: dict[tuple[int, int], list[Floats]] = {}

    def meet(self) -> tuple[list[Floats], list[Floats], Floats]:
        """Lines from node to node, their calibres (NaN on what was added), and the nodes."""
        arms_at = {
            node: [(self.place[line], side) for line, side in arms] for node, arms in self.network.arms()
        }
        for node, arms in arms_at.items():
            self.node_yx[node] = self._meeting_point(node, [arm for arm in arms if self.clear[arm[0]]])
        for node, arms in arms_at.items():
            self._lead_to(node, [arm for arm in arms if self.clear[arm[0]]])
        joined = [self._assemble(k, line) for k, line in enumerate(sorted(self.network.chains))]
        return [points for points, _ in joined], [width for _, width in joined], self.node_yx

    def _ray(self, arm: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """First point of an arm, the unit vector towards its node, and half its curvature as a vector."""
        points = self._outward(arm)
        points = points[: min(self.course, len(points))]
        along = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
        start = points[0]
        if len(points) < _LEAST_CURVED:
            bend, arrow = np.zeros(2), start - points[-1]
        else:
            # Least squares of a parabola through the first point, by its two normal equations.
            offset = points - start
            s2, s3, s4 = (float((along**power).sum()) for power in (2, 3, 4))
            p1, p2 = along @ offset, along**2 @ offset
            scale = 1.0 / (s2 * s4 - s3 * s3)
            arrow, bend = -(s4 * p1 - s3 * p2) * scale, (s2 * p2 - s3 * p1) * scale
        towards = arrow / max(float(np.hypot(*arrow)), 1e-9)
        return start, towards, bend - (bend @ towards) * towards

    def _outward(self, arm: tuple[int, int]) -> Floats:
        line, side = arm
        return self.lines[line] if side == 0 else self.lines[line][::-1]

    def _meeting_point(self, node: int, arms: list[tuple[int, int]]) -> Floats:
        """Point nearest to all prolonged arms, found by following each to where it passes the last guess."""
        middle, radius = self.node_yx[node], self.network.radius[node]
        farthest = _FARTHEST_RADII * radius + 2
        rays = [self._ray(arm) for arm in arms]
        meeting = middle
        for _ in range(3):
            matrix, right = _PULL * np.eye(2), _PULL * middle
            for start, towards, bend in rays:
                ahead = min(max(float((meeting - start) @ towards), 0.0), farthest)
                here = start + ahead * towards + ahead**2 * bend
                course = towards + 2 * ahead * bend
                course = course / float(np.hypot(*course))
                across = np.eye(2) - np.outer(course, course)
                matrix = matrix + across
                right = right + across @ here
            shift: Floats = np.linalg.solve(matrix, right) - middle
            meeting = middle + shift * min(1.0, farthest / max(float(np.hypot(*shift)), 1e-9))
        return meeting

    def _lead_to(self, node: int, arms: list[tuple[int, int]]) -> None:
        """Where the node lies on an arm, what is beyond it belongs to the arm that goes straight on."""
        meeting, rays = self.node_yx[node], {arm: self._ray(arm) for arm in arms}
        reach = int(6 * self.network.radius[node]) + 8
        for arm, (start, towards, _) in rays.items():
            if (meeting - start) @ towards >= 0 or len(arms) < 2:
                continue
            points = self._outward(arm)
            window = points[: max(min(reach, len(points) // 2), 1)]
            cut = int(np.hypot(*(window - meeting).T).argmin())
            if cut:
                self.cut[arm] = cut
                others = [other for other in arms if other != arm]
                onward = min(others, key=lambda other: float(towards @ rays[other][1]))
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

    def _with_lead(
        self, arm: tuple[int, int], node_yx: Floats, points: Floats, width: Floats
    ) -> tuple[Floats, Floats]:
        way = max(self.lead.get(arm, []), key=len, default=points[:0])
        if len(way):
            added = np.concatenate([_straight(node_yx, way[0])[:-1], way, _straight(way[-1], points[0])[1:-1]])
        else:
            back = min(self.course // 2, len(points) - 1)
            added = _arc(node_yx, points[0], points[back] - points[0])[:-1]
        return np.concatenate([added, points]), np.concatenate([np.full((len(added), *width.shape[1:]), np.nan), width])


def _arc(start: Floats, stop: Floats, onward: Floats) -> Floats:
    """Points about one pixel apart on the parabola between two points that arrives in a given direction."""
    length = float(np.hypot(*(stop - start)))
    back = -onward / max(float(np.hypot(*onward)), 1e-9) * length
    u = np.linspace(1.0, 0.0, max(round(length), 1) + 1)[:, None]
    arc: Floats = stop + u * back + u**2 * (start - stop - back)
    return arc


def _straight(start: Floats, stop: Floats) -> Floats:
    """Points about one pixel apart from one point to another, both included."""
    steps = max(round(float(np.hypot(*(stop - start)))), 1)
    line: Floats = start + np.linspace(0.0, 1.0, steps + 1)[:, None] * (stop - start)
    return line
