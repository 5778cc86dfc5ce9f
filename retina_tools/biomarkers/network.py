"""From the lines of a skeleton to the segments of a vessel network: spurs cut, crossings passed, gaps bridged.

Every length is judged against the calibre of the vessel at hand, so the network of a picture and of the same picture
at another size agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.skeleton import Traces

Floats = NDArray[np.float64]

# Two lines continue each other through a crossing when neither turns by more than this.
_STRAIGHT_DEG: Final = 40.0
# The two branchings into which the skeleton of an oblique crossing falls lie within this many radii of each other.
_CROSSING_RADII: Final = 6.0
# Where another vessel passes over, the mask may be cut. The line goes on when the other side lies within six
# calibres, no more than a calibre off its course, and turned by less than 45 degrees.
_GAP_CALIBRES: Final = 6.0
_BARE_GAP_CALIBRES: Final = 2.5
_GAP_DEG: Final = 45.0
_GAP_COVERED: Final = 0.8
# Turns by 0, 15 and 30 degrees to either side.
_TURNS: Final = [
    np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    for turn in np.radians([0, 15, -15, 30, -30])
]


@dataclass
class Crossing:
    """A place where two lines pass over each other.

    Attributes
    ----------
    centre_yx : ndarray of float, shape (2,)
    radius : float
        Reach of the common part of the two vessels, in px.
    lines : list of int
        The two lines.
    """

    centre_yx: Floats
    radius: float
    lines: list[int] = field(default_factory=list)


class Network:
    """A graph of nodes and chains of points that is simplified step by step.

    Parameters
    ----------
    traces : Traces
        Lines of a skeleton.
    radius : ndarray of float, shape (nodes,)
        Distance from each node to the vessel wall, in px.
    """

    def __init__(self, traces: Traces, radius: Floats) -> None:
        self.chains: dict[int, Floats] = {k: chain.astype(float) for k, chain in enumerate(traces.chains)}
        self.ends: dict[int, list[int]] = {k: [int(a), int(b)] for k, (a, b) in enumerate(traces.ends)}
        self.length = {k: _chain_length(chain) for k, chain in self.chains.items()}
        self.node_yx: list[Floats] = list(traces.node_yx)
        self.radius: list[float] = [float(value) for value in radius]
        self.crossings: list[Crossing] = []
        self.at: list[list[int]] = [[] for _ in self.node_yx]
        for line, (first, last) in self.ends.items():
            self.at[first].append(line)
            self.at[last].append(line)

    def degree(self, node: int) -> int:
        """How many line ends meet at a node; a loop counts twice."""
        return len(self.at[node])

    def simplify(self) -> Network:
        """Cut spurs and join lines until nothing changes, and resolve the crossings."""
        self._tidy()
        if self._pass_crossings():
            self._tidy()
        return self

    def _tidy(self) -> None:
        for _ in range(20):
            changed = self._cut_spurs()
            changed |= self._join_lines()
            if not changed:
                break

    def _cut_spurs(self) -> bool:
        """Remove free ends that show less than a third of a calibre beyond the wall they leave, and tiny loops.

        The shortest goes first, and only while its node still branches, so a forked tip keeps one of its two prongs.
        """
        changed = False
        for line in sorted(self.length, key=lambda k: (self.length[k], k)):
            first, last = self.ends[line]
            if first == last:
                spur = self.degree(first) > 2 and self.length[line] < 4 * self.radius[first] + 4
            else:
                node, tip = (first, last) if self.degree(last) == 1 else (last, first)
                spur = (
                    self.degree(tip) == 1 and self.degree(node) >= 3 and self.length[line] < 1.6 * self.radius[node] + 1
                )
            if spur:
                self._remove(line)
                changed = True
        return changed

    def _join_lines(self) -> bool:
        """Make one line of two that meet at a node where nothing branches."""
        changed = False
        for node in range(len(self.at)):
            if self.degree(node) == 2 and self.at[node][0] != self.at[node][1]:
                self._join((self.at[node][0], node), (self.at[node][1], node))
                changed = True
        return changed

    def _join(self, one: tuple[int, int], two: tuple[int, int]) -> None:
        """Make one line of two, each given with the node it is joined at."""
        (one_line, one_node), (two_line, two_node) = sorted([one, two])
        head, start = self._outward(one_line, one_node)
        tail, stop = self._outward(two_line, two_node)
        self._remove(one_line)
        self._remove(two_line)
        self.chains[one_line] = np.concatenate([head[::-1], tail])
        self.length[one_line] = _chain_length(self.chains[one_line])
        self.ends[one_line] = [start, stop]
        self.at[start].append(one_line)
        self.at[stop].append(one_line)
        for crossing in self.crossings:
            crossing.lines = [one_line if line == two_line else line for line in crossing.lines]

    def _outward(self, line: int, node: int) -> tuple[Floats, int]:
        """Points of a line from a node on, and the node at its other end."""
        first, last = self.ends[line]
        return (self.chains[line], last) if first == node else (self.chains[line][::-1], first)

    def _pass_crossings(self) -> bool:
        """Lead two vessels straight over each other where four ends meet, at one node or at two a short way apart."""
        passed = False
        for node in range(len(self.at)):
            arms = [(line, node) for line in self.at[node]]
            if len(arms) == 4 and (pairs := self._straight_pairs(arms, ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)))):
                self._pass(self.node_yx[node], self.radius[node], pairs)
                passed = True
        for bridge in sorted(self.length, key=lambda k: (self.length[k], k)):
            if bridge not in self.ends:
                continue
            here, there = self.ends[bridge]
            reach = _CROSSING_RADII * max(self.radius[here], self.radius[there], 1.0)
            if here == there or self.length[bridge] > reach or self.degree(here) != 3 or self.degree(there) != 3:
                continue
            arms = [(line, node) for node in (here, there) for line in self.at[node] if line != bridge]
            if pairs := self._straight_pairs(arms, ((0, 2, 1, 3), (0, 3, 1, 2))):
                middle = (self.node_yx[here] + self.node_yx[there]) / 2
                radius = max(self.radius[here], self.radius[there]) + self.length[bridge] / 2
                self._remove(bridge)
                self._pass(middle, radius, pairs)
                passed = True
        return passed

    def _straight_pairs(
        self, arms: list[tuple[int, int]], pairings: tuple[tuple[int, int, int, int], ...]
    ) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """The two pairs of arms that go straight on into each other; none where they do not."""
        if len({line for line, _ in arms}) != 4:
            return []
        leaving = [self._leaving(line, node) for line, node in arms]

        def turn(i: int, j: int) -> float:
            (here, away), (there, on) = leaving[i], leaving[j]
            leap = there - here
            norm = float(np.hypot(*leap))
            turns = [-away @ on] if norm < 1.0 else [-away @ on, -away @ leap / norm, on @ leap / norm]
            return math.degrees(math.acos(min(max(min(float(value) for value in turns), -1.0), 1.0)))

        best = min(pairings, key=lambda p: turn(p[0], p[1]) + turn(p[2], p[3]))
        if max(turn(best[0], best[1]), turn(best[2], best[3])) > _STRAIGHT_DEG:
            return []
        return [(arms[best[0]], arms[best[1]]), (arms[best[2]], arms[best[3]])]

    def _leaving(self, line: int, node: int) -> tuple[Floats, Floats]:
        """Where a line leaves the other vessel at its node, and the unit vector in which it does."""
        outward, _ = self._outward(line, node)
        radius = self.radius[node]
        far, near = min(len(outward) - 1, int(4 * radius) + 6), min(len(outward) // 2, int(radius))
        arrow = outward[far] - outward[near]
        return outward[near], arrow / max(float(np.hypot(*arrow)), 1e-9)

    def _pass(self, centre: Floats, radius: float, pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        crossing = Crossing(centre, radius)
        self.crossings.append(crossing)
        for one, two in pairs:
            crossing.lines.append(min(one[0], two[0]))
            self._join(one, two)

    def bridge_gaps(self, half_width: dict[int, float], short_px: float, cover: NDArray[np.bool_] | None) -> Network:
        """Join lines that face each other across a gap that is short, or that another vessel covers.

        Parameters
        ----------
        half_width : dict of int to float
            Of every line, in px.
        short_px : float
            Gaps up to this length, or up to two and a half calibres, need no cover: thin vessels are often dashed.
        cover : ndarray of bool, shape (y, x), or None
            Where other vessels lie.
        """
        tips = [(line, node) for line, pair in sorted(self.ends.items()) for node in pair if self.degree(node) == 1]
        calibres = np.array([max(2 * half_width[line], 2.0) for line, _ in tips])
        headings = [self._heading(*tip, calibre) for tip, calibre in zip(tips, calibres.tolist(), strict=True)]
        heads, courses = (np.array(part).reshape(-1, 2) for part in (zip(*headings, strict=True) if tips else ([], [])))
        places = np.array([self.node_yx[node] for _, node in tips]).reshape(-1, 2)
        found = []
        for k, (line, _) in enumerate(tips):
            gap = np.hypot(*(places[k + 1 :] - places[k]).T)
            near = np.flatnonzero(gap < max(_GAP_CALIBRES * calibres[k], short_px)) + k + 1
            leap = heads[near] - heads[k]
            ahead = leap @ courses[k]
            aside = np.abs(leap[:, 1] * courses[k, 0] - leap[:, 0] * courses[k, 1])
            faces = (ahead > 0) & (aside <= calibres[k])
            faces &= -(courses[near] @ courses[k]) >= math.cos(math.radians(_GAP_DEG))
            bare = max(_BARE_GAP_CALIBRES * calibres[k], short_px)
            for other in near[faces].tolist():
                if tips[other][0] == line:
                    continue
                if gap[other - k - 1] <= bare or _covered(heads[k], heads[other], cover):
                    found.append((float(gap[other - k - 1]), k, other))
        used: set[int] = set()
        moved: dict[int, int] = {}
        for _, k, other in sorted(found):
            if k in used or other in used:
                continue
            used |= {k, other}
            one, two = (_followed(moved, tips[place][0]) for place in (k, other))
            if one != two:
                for line, place in ((one, k), (two, other)):
                    self._shorten(line, tips[place][1], 2 * half_width[tips[place][0]])
                self._join((one, tips[k][1]), (two, tips[other][1]))
                moved[max(one, two)] = min(one, two)
        return self

    def _shorten(self, line: int, node: int, calibre: float) -> None:
        """Take the corner off a free end that is to be led on."""
        corner = _corner(len(self.chains[line]), calibre)
        self.chains[line] = (
            self.chains[line][corner:] if self.ends[line][0] == node else self.chains[line][: -corner or None]
        )

    def _heading(self, line: int, node: int, calibre: float) -> tuple[Floats, Floats]:
        """A point near the free end of a line, before its corner, and the unit vector towards the end."""
        outward = self._outward(line, node)[0]
        corner = _corner(len(outward), calibre)
        part = outward[corner : corner + int(2 * calibre) + 5]
        arrow = part[0] - part[-1]
        return part[0], arrow / max(float(np.hypot(*arrow)), 1e-9)

    def attach_tips(self, half_width: dict[int, float], mask: NDArray[np.bool_], cover: NDArray[np.bool_]) -> Network:
        """Lead free ends straight on under another vessel to the side of a line beyond, which branches there.

        Parameters
        ----------
        half_width : dict of int to float
            Of every line, in px.
        mask : ndarray of bool, shape (y, x)
            The vessels of this network.
        cover : ndarray of bool, shape (y, x)
            Where other vessels lie.
        """
        tips = [(line, node) for line, pair in sorted(self.ends.items()) for node in pair if self.degree(node) == 1]
        owner = np.full(mask.shape, -1, np.int32)
        for line, chain in self.chains.items():
            _paint(owner, chain, line)
        for line, node in tips:
            if line not in self.ends or node not in self.ends[line]:
                # Its line has been cut in two by another end; either half may hold it now.
                (line,) = self.at[node]
            calibre = max(2 * half_width[line], 2.0)
            landing = self._landing(line, node, calibre, mask, cover)
            if landing is not None and (found := self._nearest(owner, landing, line, 2 * calibre + 3)) is not None:
                self._branch_off(line, node, *found, half_width)
                for changed in (found[0], max(self.chains)):
                    _paint(owner, self.chains[changed], changed)
        return self

    def _landing(
        self, line: int, node: int, calibre: float, mask: NDArray[np.bool_], cover: NDArray[np.bool_]
    ) -> Floats | None:
        """Where a free end that goes on under other vessels comes out in these again, straight ahead or nearly so."""
        head, course = self._heading(line, node, calibre)
        reach = np.arange(1.0, (_GAP_CALIBRES + 1) * calibre + 1)[:, None]
        for turn in _TURNS:
            way = head + reach * (turn @ course)
            places = np.rint(way).astype(int)
            way = way[(places >= 0).all(axis=1) & (places < mask.shape).all(axis=1)]
            y, x = np.rint(way).astype(int).T
            own = mask[y, x]
            # The vessel itself goes on for half a calibre beyond the end of its centreline.
            left = int(own.argmin()) if len(own) else 0
            back = left + int(own[left:].argmax()) if len(own) else 0
            if back > left and cover[y, x][left:back].mean() >= _GAP_COVERED:
                return np.asarray(way[back])
        return None

    def _nearest(self, owner: NDArray[np.int32], place: Floats, line: int, reach: float) -> tuple[int, int] | None:
        """The line nearest to a place, not counting one, and which of its points; None where none is near."""
        top, left = np.maximum(np.rint(place - reach).astype(int), 0)
        window = owner[top : int(place[0] + reach) + 2, left : int(place[1] + reach) + 2]
        y, x = np.nonzero((window >= 0) & (window != line))
        if not len(y):
            return None
        best = int(np.hypot(y + top - place[0], x + left - place[1]).argmin())
        other = int(window[y[best], x[best]])
        offset = self.chains[other] - (y[best] + top, x[best] + left)
        return other, int((offset**2).sum(axis=1).argmin())

    def _branch_off(self, line: int, node: int, other: int, at: int, half_width: dict[int, float]) -> None:
        """Cut a line at one of its points and lead the free end of another there."""
        chain, (first, last) = self.chains[other], self.ends[other]
        if not 2 <= at < len(chain) - 2:
            return
        new, half = len(self.at), max(self.chains) + 1
        self.node_yx.append(chain[at])
        self.radius.append(half_width[other])
        self.at.append([])
        self._remove(other)
        for part, points, ends in ((other, chain[: at + 1], [first, new]), (half, chain[at:], [new, last])):
            self.chains[part], self.ends[part], self.length[part] = points, ends, _chain_length(points)
            half_width[part] = half_width[other]
            for end in ends:
                self.at[end].append(part)
        self._shorten(line, node, 2 * half_width[line])
        outward, far = self._outward(line, node)
        self._remove(line)
        self.chains[line], self.ends[line] = np.concatenate([chain[at][None], outward]), [new, far]
        self.length[line] = _chain_length(self.chains[line])
        self.at[new].append(line)
        self.at[far].append(line)

    def drop_specks(self, short_px: float) -> Network:
        """Remove lone lines no longer than they are wide, or shorter than a length in px: dots, not vessels."""
        for line, (first, last) in list(self.ends.items()):
            alone = self.degree(first) == 1 and self.degree(last) == 1
            least = max(2 * max(self.radius[first], self.radius[last]) + 1, short_px)
            if len(self.chains[line]) < 3 or (alone and self.length[line] <= least):
                self._remove(line)
        return self

    def _remove(self, line: int) -> None:
        for node in self.ends.pop(line):
            self.at[node].remove(line)
        del self.chains[line], self.length[line]

    def arms(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Every node that branches, with its lines and the side (0 or 1) each ends there with."""
        for node, lines in enumerate(self.at):
            if len(lines) >= 3:
                yield (
                    node,
                    [(line, side) for line in dict.fromkeys(lines) for side in (0, 1) if self.ends[line][side] == node],
                )


def _paint(owner: NDArray[np.int32], chain: Floats, line: int) -> None:
    y, x = np.rint(chain).astype(int).T
    owner[y, x] = line


def _covered(start: Floats, stop: Floats, cover: NDArray[np.bool_] | None) -> bool:
    """Whether other vessels lie over most of the straight way between two points."""
    if cover is None:
        return False
    steps = max(int(np.hypot(*(stop - start))), 2)
    y, x = np.rint(start + np.linspace(0, 1, steps + 1)[1:-1, None] * (stop - start)).astype(int).T
    return bool(cover[y, x].mean() >= _GAP_COVERED)


def _corner(count: int, calibre: float) -> int:
    """How many points of a free end may have turned into a corner of the mask: three quarters of a calibre."""
    return int(0.75 * calibre) + 1 if count > 3 * calibre + 6 else 0


def _followed(moved: dict[int, int], line: int) -> int:
    while line in moved:
        line = moved[line]
    return line


def _chain_length(chain: Floats) -> float:
    return float(np.hypot(*np.diff(chain, axis=0).T).sum()) if len(chain) > 1 else 0.0
