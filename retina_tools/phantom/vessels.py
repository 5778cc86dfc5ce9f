"""The vessel graph: smooth centrelines with a radius along them, joined at bifurcations.

Points are (y, x) in micrometres with the fovea at the origin, y down and x nasal, as in a photograph of a right eye.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vessel = Literal["artery", "vein"]


@dataclass(frozen=True)
class Segment:
    """A stretch of vessel between two nodes (root, bifurcation or tip).

    Attributes
    ----------
    vessel : {'artery', 'vein'}
    points_um : ndarray of float, shape (n, 2)
        Centreline (y, x), about 40 um apart, from the disc outwards.
    radius_um : ndarray of float, shape (n,)
    parent : int
        Index of the segment this one continues, -1 at a root.
    children : tuple of int
        Indices of the segments that continue this one: none at a tip, two at a bifurcation.
    """

    vessel: Vessel
    points_um: Floats
    radius_um: Floats
    parent: int
    children: tuple[int, ...]
    course: int = -1
    """Number of the course it is a stretch of: a trunk or branch from its parent to its tip."""
    trunk: str = ""
    """Name of the trunk, for example ``'superotemporal'``; empty for a branch."""

    @property
    def length_um(self) -> float:
        """Length along the centreline."""
        return float(np.hypot(*np.diff(self.points_um, axis=0).T).sum())


@dataclass
class Course:
    """A vessel from where it leaves its parent to its tip, while the tree is grown."""

    points_um: Floats
    parent: int = -1
    joint: int = 0
    """Index of the parent's point from which this course leaves."""
    leaf: float = 1.0
    """Relative radius of the tip."""
    order: int = 0
    """How many branchings lie between it and its trunk."""
    name: str = ""
    """Name of a trunk."""


def without(courses: list[Course], gone: set[int]) -> list[Course]:
    """The courses that are left when some are cut off with all that they bear."""
    lost: set[int] = set()
    place: dict[int, int] = {}
    left: list[Course] = []
    for index, course in enumerate(courses):
        if index in gone or course.parent in lost:
            lost.add(index)
        else:
            place[index] = len(left)
            left.append(replace(course, parent=place.get(course.parent, -1)))
    return left


def tapered_radii(courses: list[Course], exponent: float, taper_per_mm: float) -> list[tuple[Floats, Floats]]:
    """Radii upstream and downstream of every point, from the tips back to the roots.

    At a joint the radius before it is ``(r1**x + r2**x)**(1/x)`` of the two after it, so that Murray's law holds
    exactly; between joints it grows towards the root as small unseen branches leave.

    Parameters
    ----------
    courses : list of Course
        Parents before their children.
    exponent : float
    taper_per_mm : float

    Returns
    -------
    list of (before, after)
        Two arrays per course that differ only at its joints.
    """
    radii: list[tuple[Floats, Floats]] = [(np.empty(0), np.empty(0))] * len(courses)
    offshoots: list[list[int]] = [[] for _ in courses]
    for index, course in enumerate(courses):
        if course.parent >= 0:
            offshoots[course.parent].append(index)
    # A course is always listed after its parent, so that going backwards every child is done before its parent.
    for index in range(len(courses) - 1, -1, -1):
        course = courses[index]
        step_mm = np.hypot(*np.diff(course.points_um, axis=0).T) / 1000.0
        to_tip = np.append(np.cumsum(step_mm[::-1])[::-1], 0.0)
        after = course.leaf * np.exp(taper_per_mm * to_tip)
        before = after.copy()
        for child in sorted(offshoots[index], key=lambda c: -courses[c].joint):
            joint = courses[child].joint
            joined = (after[joint] ** exponent + radii[child][1][0] ** exponent) ** (1.0 / exponent)
            factor = joined / after[joint]
            before[: joint + 1] *= factor
            after[:joint] *= factor
        radii[index] = (before, after)
    return radii


def to_segments(courses: list[Course], radii: list[tuple[Floats, Floats]], vessel: Vessel, first: int) -> list[Segment]:
    """Cut courses at their joints; segment indices start at ``first``.

    Parameters
    ----------
    courses : list of Course
    radii : list of (before, after)
        From `tapered_radii`.
    vessel : {'artery', 'vein'}
    first : int
        Index of the first segment among all of the eye.
    """
    joints: list[list[int]] = [[] for _ in courses]
    for course in courses:
        if course.parent >= 0:
            joints[course.parent].append(course.joint)
    cuts = [[0, *sorted(own), len(course.points_um) - 1] for own, course in zip(joints, courses, strict=True)]
    offset = np.cumsum([first] + [len(cut) - 1 for cut in cuts])
    children: dict[int, list[int]] = {}
    parents: dict[int, int] = {}
    for index, course in enumerate(courses):
        for piece in range(len(cuts[index]) - 2):
            _link(parents, children, int(offset[index]) + piece, int(offset[index]) + piece + 1)
        if course.parent >= 0:
            before = int(offset[course.parent]) + cuts[course.parent].index(course.joint) - 1
            _link(parents, children, before, int(offset[index]))
    segments: list[Segment] = []
    for index, course in enumerate(courses):
        before_r, after_r = radii[index]
        for piece, (start, stop) in enumerate(zip(cuts[index][:-1], cuts[index][1:], strict=True)):
            radius = before_r[start : stop + 1].copy()
            radius[0] = after_r[start]
            own = int(offset[index]) + piece
            points = course.points_um[start : stop + 1]
            kin = parents.get(own, -1), tuple(children.get(own, ()))
            segments.append(Segment(vessel, points, radius, *kin, index, course.name))
    return segments


def _link(parents: dict[int, int], children: dict[int, list[int]], parent: int, child: int) -> None:
    parents[child] = parent
    children.setdefault(parent, []).append(child)
