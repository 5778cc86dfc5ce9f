"""The vessel graph as a picture shows it: dense centrelines cut at the edge of the field of view, and their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.curves import arc_lengths, dense, smoothed
from retina_tools.phantom.regions import Regions
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats, Segment

_CURVATURE_SCALE_DD: Final = 0.25
_LEAST_ARM_DD: Final = 0.05
_ANGLE_DD: Final = 0.1
_WIDTH_DD: Final = (0.1, 0.3)


@dataclass(frozen=True, eq=False)
class Piece:
    """A visible stretch of a segment.

    Attributes
    ----------
    segment : int
        Its segment among all those of the eye.
    points, smooth : ndarray of float, shape (n, 2)
        Centreline every 8 um from the disc outwards, in um, and the same without waves under 0.25 DD.
    radius : ndarray of float, shape (n,)
    from_start, to_end : bool
        Whether it begins, or ends, where the segment does.
    """

    segment: int
    points: Floats
    smooth: Floats
    radius: Floats
    from_start: bool
    to_end: bool

    @cached_property
    def arc(self) -> Floats:
        """Length up to each point."""
        return arc_lengths(self.points)

    @property
    def length(self) -> float:
        """Arc length in um."""
        return float(self.arc[-1])


@dataclass(frozen=True, eq=False)
class Stretch:
    """The part of a piece that lies in a region."""

    piece: Piece
    start: int
    stop: int

    @cached_property
    def length(self) -> float:
        """Arc length in um."""
        return float(self.piece.arc[self.stop - 1] - self.piece.arc[self.start])

    @property
    def chord(self) -> float:
        """Distance between its ends in um."""
        return float(np.hypot(*(self.piece.points[self.stop - 1] - self.piece.points[self.start])))

    @cached_property
    def width(self) -> float:
        """Median width in um."""
        return 2.0 * float(np.median(self.piece.radius[self.start : self.stop]))


@dataclass(frozen=True, eq=False)
class Arm:
    """What a bifurcation has on one side: points and radius from the node on."""

    points: Floats
    radius: Floats

    @cached_property
    def arc(self) -> Floats:
        """Distance from the node along the arm."""
        return arc_lengths(self.points)

    def width(self, disc_um: float, node_radius: float) -> float:
        """Median width over 0.1 to 0.3 DD from the node, or over what there is beyond the node's own blob."""
        near, far = (distance * disc_um for distance in _WIDTH_DD)
        near = min(near, max(node_radius, 0.5 * float(self.arc[-1])))
        return 2.0 * float(np.median(self.radius[(self.arc >= near) & (self.arc <= far)]))

    def direction(self, disc_um: float) -> Floats:
        """Chord from the node to the point 0.1 DD along the arm, or to its end."""
        at = min(_ANGLE_DD * disc_um, float(self.arc[-1]))
        chord = np.array([np.interp(at, self.arc, axis) for axis in self.points.T]) - self.points[0]
        return np.asarray(chord, float)


@dataclass(frozen=True, eq=False)
class Bifurcation:
    """A node with a parent and two daughters, the wider one first; widths in um."""

    segment: int
    vessel: str
    point: Floats
    parent_um: float
    daughters_um: tuple[float, float]
    angle_deg: float

    @property
    def asymmetry(self) -> float:
        """d2^2 / d1^2."""
        return (self.daughters_um[1] / self.daughters_um[0]) ** 2

    @property
    def coefficient(self) -> float:
        """(d1^2 + d2^2) / d0^2."""
        return (self.daughters_um[0] ** 2 + self.daughters_um[1] ** 2) / self.parent_um**2

    @property
    def exponent(self) -> float:
        """X of d0^x = d1^x + d2^x; NaN where a daughter is as wide as the parent."""
        from scipy.optimize import brentq

        wide, narrow = (daughter / self.parent_um for daughter in self.daughters_um)
        if wide >= 1.0:
            return float("nan")
        return float(brentq(lambda x: wide**x + narrow**x - 1.0, 1e-3, 1e4))


class VisibleGraph:
    """Pieces, bifurcations and tips of the vessels in view.

    Parameters
    ----------
    segments : sequence of Segment
    frame : Frame
    regions : Regions
    """

    def __init__(self, segments: Sequence[Segment], frame: Frame, regions: Regions) -> None:
        self.segments, self.frame, self.regions = segments, frame, regions
        self.disc_um = 2 * frame.radius_um
        self.pieces: list[Piece] = []
        self._stretches: dict[str, list[Stretch]] = {}
        self._first: dict[int, Piece] = {}
        self._last: dict[int, Piece] = {}
        for index, segment in enumerate(segments):
            points, radius = dense(segment)
            inside = regions.contains("image", points[:, 0], points[:, 1])
            for start, stop in runs(inside):
                line = points[start:stop]
                smooth = smoothed(line, _CURVATURE_SCALE_DD * self.disc_um)
                piece = Piece(index, line, smooth, radius[start:stop], start == 0, stop == len(points))
                self.pieces.append(piece)
                if piece.from_start:
                    self._first[index] = piece
                if piece.to_end:
                    self._last[index] = piece

    def stretches(self, region: str, vessel: str) -> list[Stretch]:
        """The parts of the vessels of a kind, or of ``'all'``, in a region."""
        if region not in self._stretches:
            y, x = np.concatenate([piece.points for piece in self.pieces]).T
            ends = np.cumsum([len(piece.points) for piece in self.pieces])
            inside = np.split(self.regions.contains(region, y, x), ends[:-1])
            found = [(piece, run) for piece, where in zip(self.pieces, inside, strict=True) for run in runs(where)]
            self._stretches[region] = [Stretch(piece, *run) for piece, run in found]
        return [one for one in self._stretches[region] if self.is_of(one.piece, vessel)]

    def is_of(self, piece: Piece, vessel: str) -> bool:
        """Whether a piece belongs to a network: artery, vein or all."""
        return vessel in ("all", self.segments[piece.segment].vessel)

    @cached_property
    def bifurcations(self) -> list[Bifurcation]:
        """Nodes in view whose three branches can all be followed for more than 0.05 DD."""
        found = []
        for index, segment in enumerate(self.segments):
            if len(segment.children) == 2 and index in self._last:
                arms = [self._arm(index, outward=False)]
                arms += [self._arm(child, outward=True) for child in segment.children]
                if all(arm is not None and arm.arc[-1] > _LEAST_ARM_DD * self.disc_um for arm in arms):
                    found.append(self._bifurcation(index, [arm for arm in arms if arm is not None]))
        return found

    def _arm(self, segment: int, *, outward: bool) -> Arm | None:
        piece = (self._first if outward else self._last).get(segment)
        if piece is None:
            return None
        return Arm(piece.points, piece.radius) if outward else Arm(piece.points[::-1], piece.radius[::-1])

    def _bifurcation(self, index: int, arms: list[Arm]) -> Bifurcation:
        node_radius = float(arms[0].radius[0])
        widths = [arm.width(self.disc_um, node_radius) for arm in arms]
        one, other = (arm.direction(self.disc_um) for arm in arms[1:])
        cosine = one @ other / (np.hypot(*one) * np.hypot(*other))
        return Bifurcation(
            index,
            self.segments[index].vessel,
            arms[0].points[0],
            widths[0],
            (max(widths[1:]), min(widths[1:])),
            float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
        )

    @cached_property
    def tips(self) -> list[tuple[str, Floats]]:
        """Free ends in view with their kind of vessel, not within 0.05 DD of the edge nor 1.2 r of the disc."""
        edge = self.regions.field_um - _LEAST_ARM_DD * self.disc_um
        found: list[tuple[str, Floats]] = []
        for index, segment in enumerate(self.segments):
            end = segment.points_um[-1]
            if not segment.children and index in self._last:
                off_disc = np.hypot(*(end - self.frame.disc_yx)) > 1.2 * self.frame.radius_um
                if off_disc and np.hypot(*(end - self.regions.view.centre_um)) < edge:
                    found.append((segment.vessel, end))
        return found


def runs(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of the stretches of at least two points that are inside."""
    padded = np.concatenate([[False], inside, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a > 1]
