"""Lesions of the vessel graph: nicked veins at crossings, beaded veins, sheathed vessels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from retina_tools.phantom.clearance import crossings
from retina_tools.phantom.lesions import Trace
from retina_tools.phantom.placing import QUADRANTS, is_in, quadrant
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats, Segment

# Zone B, where calibre is defined, is left as it is.
_BEYOND_RADII: Final = 3.15
_LEAST_RADIUS_UM: Final = 24.0
_FROM_NODE_UM: Final = 160.0
_FROM_EDGE_UM: Final = 500.0
# Nicking is seen at a crossing with no other one near.
_LONE_UM: Final = 300.0


class Vascular:
    """Changes radii where a vein is nicked or beaded, and marks the stretches.

    Parameters
    ----------
    segments : list of Segment
        All of the eye, arteries first; replaced in place.
    frame : Frame
    seed : int
    """

    def __init__(self, segments: list[Segment], frame: Frame, seed: int) -> None:
        self.segments, self.frame, self.seed = segments, frame, seed
        self.traces: list[Trace] = []

    def all(self) -> list[Trace]:
        """Every trace there is room for; the radii of the segments are changed on the way."""
        wanted = self.frame.parameters.lesions
        if wanted.get("av_nicking"):
            self._nick(wanted["av_nicking"], np.random.default_rng([self.seed, 60]))
        if wanted.get("venous_beading"):
            self._along("venous_beading", wanted["venous_beading"], np.random.default_rng([self.seed, 61]))
        if wanted.get("vascular_sheathing"):
            self._along("vascular_sheathing", wanted["vascular_sheathing"], np.random.default_rng([self.seed, 62]))
        return self.traces

    def _nick(self, count: int, rng: np.random.Generator) -> None:
        """Narrow veins to a waist where an artery crosses them."""
        p = self.frame.parameters
        arteries = [k for k, segment in enumerate(self.segments) if segment.vessel == "artery"]
        veins = [k for k, segment in enumerate(self.segments) if segment.vessel == "vein"]
        found = crossings([self.segments[k] for k in arteries], [self.segments[k] for k in veins])
        points = np.array([point for point, _, _ in found]).reshape(-1, 2)
        for at in rng.permutation(len(found)):
            point, _, vein = found[at]
            if (np.hypot(*(points - point).T) < _LONE_UM).sum() > 1:
                continue
            index = veins[vein]
            segment = self.segments[index]
            arc, here = _place_on(segment, point)
            radius = float(np.interp(here, arc, segment.radius_um))
            if min(here, arc[-1] - here) < _FROM_NODE_UM + 3 * radius or radius < _LEAST_RADIUS_UM:
                continue
            if not self._allowed("av_nicking", point, 4 * radius):
                continue
            size = 1.1 * radius + 25.0
            waist = np.exp(-0.5 * ((arc - here) / size) ** 2)
            self.segments[index] = replace(segment, radius_um=segment.radius_um * (1.0 - p.nicking_depth * waist))
            near = np.linspace(here - 1.7 * size, here + 1.7 * size, 9)
            self.traces.append(Trace("av_nicking", _on(segment, arc, near), radius, index))
            if sum(trace.kind == "av_nicking" for trace in self.traces) == count:
                return

    def _along(self, kind: str, count: int, rng: np.random.Generator) -> None:
        """Mark stretches of vessels of some length; beads take turns in the quadrants."""
        p, done = self.frame.parameters, 0
        beads = kind == "venous_beading"
        for turn in (True, False):
            for index in rng.permutation(len(self.segments)):
                segment = self.segments[index]
                if done == count:
                    return
                if (beads and segment.vessel != "vein") or float(np.median(segment.radius_um)) < _LEAST_RADIUS_UM:
                    continue
                arc = np.append(0.0, np.cumsum(np.hypot(*np.diff(segment.points_um, axis=0).T)))
                length = float(np.clip(arc[-1] - 2 * _FROM_NODE_UM, 0.0, rng.uniform(900.0, 1500.0)))
                first = float(rng.uniform(_FROM_NODE_UM, max(arc[-1] - length - _FROM_NODE_UM, _FROM_NODE_UM + 1.0)))
                middle = _on(segment, arc, np.array([first + length / 2]))[0]
                if length < 600.0 or not self._allowed(kind, middle, length / 2):
                    continue
                if turn and beads and quadrant(middle) != QUADRANTS[done % 4]:
                    continue
                inside = np.linspace(first, first + length, 40)
                half = float(np.interp(inside, arc, segment.radius_um).max())
                if beads:
                    beaded = segment.radius_um * _beads(arc - first, length, 2 * half, p.beading_depth)
                    self.segments[index] = replace(segment, radius_um=beaded)
                self.traces.append(Trace(kind, _on(segment, arc, inside), half + 14.0, int(index)))
                done += 1

    def _allowed(self, kind: str, middle: Floats, reach: float) -> bool:
        """Beyond zone B, in view, in the place asked for, and clear of other traces."""
        p = self.frame.parameters
        if np.hypot(*(middle - self.frame.disc_yx)) - reach < _BEYOND_RADII * self.frame.radius_um:
            return False
        if np.hypot(*(middle - p.view_centre * self.frame.disc_yx)) + reach > p.field_um / 2 - _FROM_EDGE_UM:
            return False
        if not is_in(p.lesion_places.get(kind, "").replace("quadrants", ""), middle, self.frame):
            return False
        return all(np.hypot(*(middle - trace.centre_um)) > reach + trace.reach_um + 150.0 for trace in self.traces)


def _beads(along: Floats, length: float, width: float, depth: float) -> Floats:
    """Factor on the radius: waists between beads about three calibres apart, within a stretch."""
    waves = max(2, round(length / max(3.0 * width, 220.0)))
    inside = (along > 0) & (along < length)
    factor: Floats = np.where(inside, 1.0 - depth * 0.5 * (1.0 - np.cos(2 * np.pi * waves * along / length)), 1.0)
    return factor


def _place_on(segment: Segment, point: Floats) -> tuple[Floats, float]:
    """Arc lengths of a segment's points, and that of the point of its course nearest to a point."""
    steps = np.diff(segment.points_um, axis=0)
    size = np.hypot(*steps.T)
    arc = np.append(0.0, np.cumsum(size))
    along = np.clip(((point - segment.points_um[:-1]) * steps).sum(axis=1) / size**2, 0.0, 1.0)
    foot = segment.points_um[:-1] + along[:, None] * steps
    nearest = int(np.hypot(*(foot - point).T).argmin())
    return arc, float(arc[nearest] + along[nearest] * size[nearest])


def _on(segment: Segment, arc: Floats, at: Floats) -> Floats:
    """Points of a segment's course at arc lengths."""
    return np.column_stack([np.interp(at, arc, axis) for axis in segment.points_um.T])
