"""The vessels that cross a zone around the disc, each counted once and followed through it.

Pieces of the network inside the zone are strung together at branchings: from the inner circle outward, along the wider
arm, straight on through crossings and over small gaps. What branches off on the way is not a second vessel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy, Pieces
from retina_tools.biomarkers.vessel_graph import VesselGraph

Floats = NDArray[np.float64]

# A vessel crosses a zone when it spans half of its width; this leaves out tips, and the halves of a broken vessel.
_LEAST_SPAN: Final = 0.5
# Where another vessel passes over, the mask may be cut. The run goes on when the other side lies within four calibres,
# no more than a calibre off its course, turned by less than 45 degrees, and is of similar width.
_GAP_CALIBRES: Final = 4.0
_GAP_OFFSET_CALIBRES: Final = 1.0
_GAP_DEG: Final = 45.0
_GAP_WIDTH_RATIO: Final = 0.5


@dataclass(frozen=True)
class _Piece:
    """A piece of the zone: its segment, its points and its width."""

    segment: int
    start: int
    stop: int
    width: float


@dataclass(frozen=True)
class _Arm:
    """A piece with the direction it is walked in."""

    piece: _Piece
    forward: bool

    @property
    def head(self) -> int:
        """First point of the walk."""
        return self.piece.start if self.forward else self.piece.stop - 1

    @property
    def tail(self) -> int:
        """Last point of the walk."""
        return self.piece.stop - 1 if self.forward else self.piece.start


def crossing_widths(anatomy: Anatomy, vessel: str, zone: str) -> Floats:
    """Calibre in px of every vessel that crosses a zone, largest first.

    Parameters
    ----------
    anatomy : Anatomy
    vessel : {'artery', 'vein', 'all'}
    zone : {'zone_b', 'zone_c'}

    Returns
    -------
    ndarray of float, shape (vessels,)
        For each the median along its run through the zone.
    """
    graph, pieces = anatomy.graph(vessel), anatomy.pieces(vessel, zone)
    inner, outer = anatomy.frame.zone_limits_px(zone)
    distance = np.hypot(*(graph.points_yx - anatomy.frame.centre_yx).T)
    walker = _Walker(graph, pieces, distance)
    widths = []
    for run in walker.runs():
        points = np.concatenate([np.arange(arm.piece.start, arm.piece.stop) for arm in run])
        known = graph.width_px[points]
        known = known[np.isfinite(known)]
        if np.ptp(distance[points]) >= _LEAST_SPAN * (outer - inner) and len(known):
            widths.append(float(np.median(known)))
    return np.sort(np.array(widths))[::-1]


class _Walker:
    """Strings the pieces of a zone together, using each once."""

    def __init__(self, graph: VesselGraph, pieces: Pieces, distance: Floats) -> None:
        self.graph, self.distance = graph, distance
        columns = (pieces.segment, pieces.start, pieces.stop, np.nan_to_num(pieces.width_px))
        self.pieces = [_Piece(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]
        self.unused = set(self.pieces)
        self.at: dict[int, list[_Arm]] = {}
        for piece in self.pieces:
            for forward in (True, False):
                arm = _Arm(piece, forward)
                if (node := self._node(arm.head)) is not None:
                    self.at.setdefault(node, []).append(arm)

        self.tips = [arm for arms in self.at.values() for arm in arms if self._is_tip(arm.head)]
        self.tip_yx = graph.points_yx[[arm.head for arm in self.tips]]

    def runs(self) -> list[list[_Arm]]:
        """Runs from the inner circle outward, wide ones first; then those that begin inside the zone."""
        arms = [_Arm(piece, forward) for piece in self.pieces for forward in (True, False)]
        entering = [arm for arm in arms if self._node(arm.head) is None and self._leads_outward(arm)]
        inner = [arm for arm in entering if self.distance[arm.head] <= self.distance[arm.tail]]
        loose = sorted(
            (arm for arm in arms if self._is_tip(arm.head) and self._leads_outward(arm)),
            key=lambda arm: -arm.piece.width,
        )
        runs = [self._walk(arm) for arm in sorted(inner, key=lambda arm: -arm.piece.width)]
        runs += [self._walk(arm) for arm in loose]
        return [run for run in runs if run]

    def _walk(self, arm: _Arm | None) -> list[_Arm]:
        run: list[_Arm] = []
        while arm is not None and arm.piece in self.unused:
            self.unused.discard(arm.piece)
            run.append(arm)
            arm = self._next(arm)
        return run

    def _next(self, arm: _Arm) -> _Arm | None:
        node = self._node(arm.tail)
        if node is None:
            return None
        if self._is_tip(arm.tail):
            return self._over_gap(arm)
        onward = [other for other in self.at.get(node, []) if other.piece in self.unused]
        return max(onward, key=self._prominence, default=None)

    def _prominence(self, arm: _Arm) -> float:
        """Width, less for a stump too short to be the vessel's continuation."""
        length = self.graph.along_px[arm.piece.stop - 1] - self.graph.along_px[arm.piece.start]
        return arm.piece.width * min(1.0, float(length) / max(3 * arm.piece.width, 1.0))

    def _over_gap(self, arm: _Arm) -> _Arm | None:
        """The piece whose free end faces this one's a short way ahead."""
        calibre = max(arm.piece.width, 2.0)
        here, course = self.graph.points_yx[arm.tail], self._course(arm, 2 * calibre, ahead=True)
        best: _Arm | None = None
        nearest = _GAP_CALIBRES * calibre
        for place in np.flatnonzero(np.hypot(*(self.tip_yx - here).T) < nearest):
            other = self.tips[place]
            if other.piece not in self.unused:
                continue
            leap = self.graph.points_yx[other.head] - here
            length, ahead = float(np.hypot(*leap)), float(leap @ course)
            offset = math.sqrt(max(length**2 - ahead**2, 0.0))
            turn = self._course(other, 2 * calibre, ahead=False) @ course
            ratio = min(other.piece.width, calibre) / max(other.piece.width, calibre)
            fits = ahead > 0 and offset < _GAP_OFFSET_CALIBRES * calibre and turn > math.cos(math.radians(_GAP_DEG))
            if length < nearest and fits and ratio > _GAP_WIDTH_RATIO:
                best, nearest = other, length
        return best

    def _course(self, arm: _Arm, length: float, *, ahead: bool) -> Floats:
        """Unit vector of the walk over the last (or first) part of a piece."""
        back = min(arm.piece.stop - arm.piece.start - 1, int(length)) * (1 if arm.forward else -1)
        points = self.graph.points_yx
        arrow = points[arm.tail] - points[arm.tail - back] if ahead else points[arm.head + back] - points[arm.head]
        unit: Floats = arrow / max(float(np.hypot(*arrow)), 1e-9)
        return unit

    def _leads_outward(self, arm: _Arm) -> bool:
        return bool(self.distance[arm.tail] >= self.distance[arm.head])

    def _node(self, point: int) -> int | None:
        """The node a piece ends at, None where it is clipped by the zone."""
        segment = int(self.graph.segment_of[point])
        if point == self.graph.bounds[segment]:
            return int(self.graph.ends[segment, 0])
        if point == self.graph.bounds[segment + 1] - 1:
            return int(self.graph.ends[segment, 1])
        return None

    def _is_tip(self, point: int) -> bool:
        node = self._node(point)
        return node is not None and len(self.graph.segments_at[node]) == 1
