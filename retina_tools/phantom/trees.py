"""From a grown tree to its segments: bent, with radii of the calibre wanted, and no two of them touching."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from retina_tools.phantom.calibres import calibre_equivalent
from retina_tools.phantom.clearance import GAP_UM, touching
from retina_tools.phantom.growth import grow
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Course, Floats, Segment, Vessel, tapered_radii, to_segments, without
from retina_tools.phantom.waves import Waves
from retina_tools.schema import EyeError

# Room is made for vessels of this calibre even where they are narrower, so that calibre alone moves no vessel as long
# as it stays below.
_ROOMY_UM: Final[dict[Vessel, float]] = {"artery": 175.0, "vein": 255.0}
_ATTEMPTS: Final = 10
_ROOMY_ATTEMPTS: Final = 4
_KEPT: Final = ("superotemporal", "inferotemporal", "superonasal", "inferonasal")


def vessel_tree(frame: Frame, vessel: Vessel, seed: int, first: int, others_um: Floats | None) -> list[Segment]:
    """Grow one tree and cut off whatever touches another of its branches.

    Parameters
    ----------
    frame : Frame
    vessel : {'artery', 'vein'}
    seed : int
    first : int
        Index of the tree's first segment among all segments of the eye.
    others_um : ndarray, shape (n, 2), optional
        Points of the other tree, which this one interleaves with.

    Returns
    -------
    list of Segment

    Raises
    ------
    EyeError
        No tree with six vessels in zone B was found.
    """
    p = frame.parameters
    stream = 1 if vessel == "artery" else 2
    calibre_um = p.arteriole_calibre_um if vessel == "artery" else p.venule_calibre_um
    for attempt in range(_ATTEMPTS):
        more = [attempt] if attempt else []
        amplitude = p.tortuosity * (p.venous_tortuosity if vessel == "vein" else 1.0)
        waves = Waves(frame, amplitude, np.random.default_rng([seed, stream + 2, *more]))
        courses = grow(frame, vessel, np.random.default_rng([seed, stream, *more]), waves, others_um)
        # What does not succeed with room to spare may with none, and with fewer trunks.
        roomy_um = max(calibre_um, _ROOMY_UM[vessel]) if attempt < _ROOMY_ATTEMPTS else calibre_um
        segments = _cleared(courses, frame, vessel, (calibre_um, roomy_um), first)
        if segments:
            return segments
    raise EyeError(
        f"No tree of the {vessel} with six vessels in zone B was found; take a disc and vessels of usual size, less "
        "tortuosity or another seed."
    )


def _cleared(
    courses: list[Course], frame: Frame, vessel: Vessel, calibres_um: tuple[float, float], first: int
) -> list[Segment]:
    """Segments of the first calibre, not touching even with the second; none where too few vessels would be left."""
    p = frame.parameters
    calibre_um, roomy_um = calibres_um
    kept = _KEPT if roomy_um > calibre_um else _KEPT[:2]
    while True:
        segments = to_segments(courses, tapered_radii(courses, p.murray_exponent, p.taper_per_mm), vessel, first)
        calibre = calibre_equivalent(segments, frame, vessel, first)
        if not np.isfinite(calibre):
            return []
        pairs = touching(segments, GAP_UM if roomy_um > calibre_um else 1.0, first, roomy_um / calibre)
        if not pairs:
            return _scaled(segments, calibre_um / calibre)
        gone = _losers(courses, [(segments[a].course, segments[b].course) for a, b in pairs])
        if any(courses[index].name in kept for index in gone):
            return []
        courses = without(courses, gone)


def _scaled(segments: list[Segment], factor: float) -> list[Segment]:
    return [replace(segment, radius_um=segment.radius_um * factor) for segment in segments]


def _losers(courses: list[Course], pairs: list[tuple[int, int]]) -> set[int]:
    """Of each pair of courses the lesser one: the branch rather than what it comes from, else the shorter subtree."""
    length = np.array([float(len(course.points_um)) for course in courses])
    for index in range(len(courses) - 1, 0, -1):
        if courses[index].parent >= 0:
            length[courses[index].parent] += length[index]
    gone: set[int] = set()
    # The most disturbing one goes first; what touched only that one may stay.
    counts = np.bincount(np.array(pairs).ravel(), minlength=len(courses))
    for one, other in sorted(pairs, key=lambda pair: -int(counts[list(pair)].max())):
        if one not in gone and other not in gone:
            gone.add(min((one, other), key=lambda c: (courses[c].name in _KEPT, length[c], -c)))
    return gone
