"""Growing a vessel tree: trunks from the optic disc, then branches into whatever is still empty.

Every branch goes to the emptiest spot of the retina from the nearest vessel that can serve it, the idea of constrained
constructive optimisation (Schreiner and Buxbaum 1993), here with smooth courses and without crossing its own kind.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt

from retina_tools.phantom.trunks import TRUNKS, Frame, Trunks
from retina_tools.phantom.vessels import Course, Floats, Vessel
from retina_tools.phantom.waves import Waves

STEP_UM: Final = 40.0
_CELL_UM: Final = 40.0
# Room on either side of a trunk and of a branch for itself, its neighbour and a gap: 160 and 100 um.
_TRUNK_ROOM_UM: Final = 165.0
_BRANCH_ROOM_UM: Final = 100.0
_WIDEST: Final = 5
# A branch leaves a trunk, or another branch, at no less than this angle and is out of its way after so many steps.
_LEAST_ANGLE: Final = np.radians(40.0)
_LEAVING_STEPS: Final = {True: 8, False: 6}
# The next branch of a trunk, or of a branch, leaves so far from the last one.
_JOINTS_APART_UM: Final = {True: 290.0, False: 200.0}
_COARSE_UM: Final = 120.0
_EMPTIEST_UM: Final = 2200.0
_SPACING_UM: Final = 550.0
_TRUNK_DRAWS: Final = 8
# Two trunks side by side need their calibre, and a gap; they have split after so many steps.
_TRUNK_GAP_UM: Final = 200.0
_SPLIT_STEPS: Final = 14


def smooth_course(waypoints: Floats) -> Floats:
    """Natural cubic spline through waypoints, resampled every 40 um."""
    knots = np.append(0.0, np.cumsum(np.hypot(*np.diff(waypoints, axis=0).T)))
    spline = CubicSpline(knots, waypoints, bc_type="natural")
    return _resampled(spline(np.linspace(0.0, knots[-1], max(8, int(knots[-1] / 15.0)))))


@cache
def _bernstein(count: int) -> Floats:
    t = np.linspace(0.0, 1.0, count)
    return np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)


def _resampled(dense: Floats) -> Floats:
    step = np.diff(dense, axis=0)
    arc = np.append(0.0, np.cumsum(np.hypot(step[:, 0], step[:, 1])))
    even = np.linspace(0.0, arc[-1], max(3, round(arc[-1] / STEP_UM) + 1))
    return np.stack([np.interp(even, arc, dense[:, 0]), np.interp(even, arc, dense[:, 1])], axis=1)


class Occupancy:
    """Which cells of the retina already carry a vessel of this kind, and whose they are."""

    def __init__(self, frame: Frame) -> None:
        self.origin = frame.domain_yx - frame.domain_um - 700.0
        cells = int(2 * (frame.domain_um + 700.0) / _CELL_UM) + 1
        self.owner: NDArray[np.int32] = np.full((cells, cells), -1, np.int32)

    def _cells(self, points_um: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        index = np.rint((points_um - self.origin) / _CELL_UM).astype(np.intp)
        index = np.minimum(np.maximum(index, _WIDEST), len(self.owner) - 1 - _WIDEST)
        return index[:, 0], index[:, 1]

    def mark(self, points_um: Floats, owner: int, reach_um: float) -> None:
        """Take the cells within reach of a course."""
        y, x = self._cells(points_um)
        around_y, around_x = _disc(reach_um / _CELL_UM)
        self.owner[y[:, None] + around_y, x[:, None] + around_x] = owner

    def free(self, points_um: Floats, parent: int, leaving: int) -> bool:
        """Whether a course may lie here: in no cell of another one, and in those of its parent only where it leaves."""
        taken = self.owner[self._cells(points_um)]
        taken[:2] = -1
        first = taken[:leaving]
        first[first == parent] = -1
        return bool((taken < 0).all())


@cache
def _disc(radius: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Offsets of the cells within a radius."""
    whole = np.arange(-_WIDEST, _WIDEST + 1)
    y, x = np.meshgrid(whole, whole, indexing="ij")
    inside = y**2 + x**2 <= radius**2
    return y[inside], x[inside]


class Tree:
    """A tree of one kind of vessel while it grows."""

    def __init__(self, frame: Frame, vessel: Vessel, rng: np.random.Generator, waves: Waves) -> None:
        self.frame, self.vessel, self.rng, self.waves = frame, vessel, rng, waves
        # Courses before bending; whether they are clear of each other is looked up after it.
        self.courses: list[Course] = []
        self.bent: list[Floats] = []
        self.occupancy = Occupancy(frame)
        self._joints: list[list[int]] = []
        # Places where a branch may leave: y, x, tangent y, tangent x, course, index on the course.
        self._places = np.empty((4096, 6))
        self._n_places = 0

    def add(self, points_um: Floats, bent_um: Floats, parent: int = -1, joint: int = 0, name: str = "") -> int:
        """Add a course, given before and after bending, that leaves ``parent`` at its point number ``joint``."""
        leaf = float(np.exp(self.rng.normal(0.0, 0.07)))
        outside = np.hypot(*(points_um[-1] - self.frame.domain_yx)) > self.frame.domain_um - 600.0
        order = 0 if name else self.courses[parent].order + 1
        leaf *= (1.25 if outside else 1.0) * (1.0 - 0.45 * self.frame.parameters.asymmetry) ** order
        self.courses.append(Course(points_um, parent, joint, leaf, order, name))
        if parent >= 0:
            self._joints[parent].append(joint)
        self._joints.append([])
        self.bent.append(bent_um)
        self.occupancy.mark(bent_um, len(self.bent) - 1, _TRUNK_ROOM_UM if name else _BRANCH_ROOM_UM)
        self._add_places(points_um)
        return len(self.courses) - 1

    def _add_places(self, points_um: Floats) -> None:
        index = np.arange(3, len(points_um) - 3, 2)
        radial = self.frame.from_disc(points_um[index]) / self.frame.radius_um
        # No branches on the disc, and none in zone B (2 to 3 disc radii), where calibre is defined per vessel.
        index = index[(radial > 1.1) & ((radial < 1.8) | (radial > 3.2))]
        tangent = points_um[index + 1] - points_um[index - 1]
        tangent /= np.hypot(tangent[:, 0], tangent[:, 1])[:, None]
        owner = np.full(len(index), len(self.courses) - 1)
        new = np.column_stack([points_um[index], tangent, owner, index])
        while self._n_places + len(new) > len(self._places):
            self._places = np.concatenate([self._places, np.empty_like(self._places)])
        self._places[self._n_places : self._n_places + len(new)] = new
        self._n_places += len(new)

    def joinable(self, parent: int, joint: int) -> bool:
        """Whether a branch may leave here: not at an end, and not too near to the next joint."""
        if not 3 <= joint <= len(self.courses[parent].points_um) - 4:
            return False
        apart = _JOINTS_APART_UM[bool(self.courses[parent].name)] / STEP_UM
        return all(abs(joint - other) >= apart for other in self._joints[parent])

    def branch_towards(self, target: Floats) -> bool:
        """Serve a point from the best place on the tree, if there is a way without crossing the tree."""
        places = self._places[: self._n_places]
        y, x = target[0] - places[:, 0], target[1] - places[:, 1]
        distance = np.sqrt(y * y + x * x) + 1.0
        forward = (y * places[:, 2] + x * places[:, 3]) / distance
        cost = distance * (1.45 - 0.75 * forward) * self._detour(places, target)
        cost[(forward < -0.1) | (distance < 200.0)] = np.inf
        for trial in range(5):
            best = int(np.argmin(cost))
            if not np.isfinite(cost[best]):
                return False
            parent, joint = int(places[best, 4]), int(places[best, 5])
            if self.joinable(parent, joint):
                course = self._course(places[best, :2], places[best, 2:4], target)
                if self._shuns_fovea(course):
                    bent = self.waves.bent(course)
                    if self.occupancy.free(bent, parent, _LEAVING_STEPS[bool(self.courses[parent].name)]):
                        self.add(course, bent, parent, joint)
                        return True
            cost[np.abs(y - y[best]) + np.abs(x - x[best]) < (120.0 + 80.0 * trial)] = np.inf
        return False

    def _detour(self, places: Floats, target: Floats) -> Floats:
        """How much dearer a place is for keeping to the horizontal raphe and leaving the macula to small branches."""
        factor = np.ones(len(places))
        if target[1] < -800.0:
            factor[(np.abs(places[:, 0]) < 2200.0) & (places[:, 1] > -600.0)] = 3.5
        if target[1] < 0.7 * self.frame.disc_yx[1] and abs(target[0]) > 400.0:
            factor[places[:, 0] * np.sign(target[0]) < -200.0] *= 2.0
        return factor

    def _shuns_fovea(self, course: Floats) -> bool:
        nearest = float((course[:, 0] ** 2 + course[:, 1] ** 2).min()) ** 0.5
        return bool(nearest > 0.5 * self.frame.parameters.faz_diameter_um)

    def _course(self, start: Floats, tangent: Floats, target: Floats) -> Floats:
        """A cubic Bezier curve that leaves at about half the angle to the target and bows a little."""
        across = target - start
        length = float(np.hypot(across[0], across[1]))
        turn = self.rng.normal(0.0, 0.22, 4)
        leave = 0.7 * tangent + 0.75 * across / length + 0.65 * turn[2:]
        leave = _turned_away(leave, tangent)
        arrive = across / length + 0.3 * tangent + turn[:2]
        control = np.array([start, start + 0.38 * length * leave, target - 0.36 * length * arrive, target])
        course: Floats = _bernstein(max(8, round(1.05 * length / STEP_UM) + 1)) @ control
        return course


def _turned_away(leave: Floats, tangent: Floats) -> Floats:
    """A direction turned, to the side it already points to, until it makes a proper angle with the parent's course."""
    size = float(np.hypot(leave[0], leave[1]))
    along, across = leave @ tangent / size, (tangent[0] * leave[1] - tangent[1] * leave[0]) / size
    if along <= np.cos(_LEAST_ANGLE):
        return leave
    normal = np.array([-tangent[1], tangent[0]]) * (1.0 if across >= 0 else -1.0)
    turned: Floats = size * (np.cos(_LEAST_ANGLE) * tangent + np.sin(_LEAST_ANGLE) * normal)
    return turned


def add_trunks(tree: Tree) -> None:
    """Lay the trunks from the disc outwards, a new draw for each that comes too near to those already there."""
    index: dict[str, int] = {}
    trunks = Trunks(tree.frame, tree.vessel, tree.rng)
    for trunk in TRUNKS:
        parent, joint = -1, 0
        for _ in range(_TRUNK_DRAWS):
            waypoints = trunks.waypoints(trunk)
            if trunk.stem:
                parent = index[trunk.stem]
                joint = _free_joint(tree, parent, trunk.leaves_at * tree.frame.radius_um)
                start = tree.courses[parent].points_um[joint]
                beyond = tree.frame.from_disc(waypoints) > tree.frame.from_disc(start[None]) + 250.0
                waypoints = np.concatenate([start[None], waypoints[beyond]])
            course = smooth_course(waypoints)
            inside = np.hypot(*(course - tree.frame.domain_yx).T) < tree.frame.domain_um
            course = course[: len(course) if inside.all() else max(8, int(np.argmin(inside)))]
            bent = tree.waves.bent(course)
            if _has_room(tree, bent):
                break
        index[trunk.name] = tree.add(course, bent, parent, joint, trunk.name)


def _has_room(tree: Tree, bent_um: Floats) -> bool:
    """Whether a trunk, once it has left its stem, keeps clear of the others."""
    if not tree.courses:
        return True
    others = np.concatenate(tree.bent)
    late = bent_um[_SPLIT_STEPS:]
    square = ((late[:, None, 0] - others[None, :, 0]) ** 2) + ((late[:, None, 1] - others[None, :, 1]) ** 2)
    return bool(square.min() > _TRUNK_GAP_UM**2)


def _free_joint(tree: Tree, parent: int, distance_um: float) -> int:
    """The nearest free place on a trunk to a given distance along it."""
    wanted = round(distance_um * tree.rng.uniform(0.92, 1.12) / STEP_UM)
    order = sorted(range(len(tree.courses[parent].points_um)), key=lambda joint: abs(joint - wanted))
    return next(joint for joint in order if tree.joinable(parent, joint))


def grow(
    frame: Frame, vessel: Vessel, rng: np.random.Generator, waves: Waves, others_um: Floats | None = None
) -> list[Course]:
    """Grow one tree.

    Parameters
    ----------
    frame : Frame
    vessel : {'artery', 'vein'}
    rng : numpy.random.Generator
        The only source of chance.
    waves : Waves
        The bending that makes vessels tortuous.
    others_um : ndarray, shape (n, 2), optional
        Points of the other tree, which this one interleaves with.
    """
    tree = Tree(frame, vessel, rng, waves)
    add_trunks(tree)
    density = frame.parameters.vessel_density
    if density > 0:
        _fill(tree, _SPACING_UM / np.sqrt(density), others_um)
    return [replace(course, points_um=bent) for course, bent in zip(tree.courses, tree.bent, strict=True)]


def _fill(tree: Tree, spacing_um: float, others_um: Floats | None) -> None:
    frame, rng = tree.frame, tree.rng
    cells = int(2 * frame.domain_um / _COARSE_UM) + 1
    axis = np.arange(cells) * _COARSE_UM - frame.domain_um
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1) + frame.domain_yx
    outside = np.hypot(*np.moveaxis(grid - frame.domain_yx, -1, 0)) > frame.domain_um - 100.0
    outside |= frame.from_disc(grid.reshape(-1, 2)).reshape(outside.shape) < 1.5 * frame.radius_um
    avascular = np.hypot(grid[..., 0], grid[..., 1]) < 0.5 * frame.parameters.faz_diameter_um + 50.0
    uneven = 1.0 + 0.15 * rng.standard_normal(outside.shape)
    other = np.inf if others_um is None else 2.2 * _distance(others_um, frame, cells)
    given_up = np.zeros(outside.shape, bool)
    gap = _EMPTIEST_UM
    while gap > spacing_um * 0.999:
        empty = (
            np.minimum(
                _distance(
                    np.concatenate([course.points_um for course in tree.courses]), frame, cells, avascular | given_up
                ),
                other,
            )
            * uneven
        )
        empty[outside] = 0.0
        for flat in _peaks(empty, gap):
            target = grid.reshape(-1, 2)[flat] + rng.uniform(-40.0, 40.0, 2)
            if not tree.branch_towards(target):
                given_up.flat[flat] = True
        gap *= 0.84


def _distance(points_um: Floats, frame: Frame, cells: int, more: NDArray[np.bool_] | None = None) -> Floats:
    free = np.ones((cells, cells), bool) if more is None else ~more
    index = np.rint((points_um - frame.domain_yx + frame.domain_um) / _COARSE_UM).astype(int)
    index = np.clip(index, 0, cells - 1)
    free[index[:, 0], index[:, 1]] = False
    distance: Floats = distance_transform_edt(free) * _COARSE_UM
    return distance


def _peaks(empty: Floats, gap: float) -> list[int]:
    """Cells emptier than ``gap``, the emptiest first, none within ``gap`` of another."""
    found = np.flatnonzero(empty > gap)
    found = found[np.argsort(-empty.flat[found], kind="stable")]
    yx = np.stack(np.unravel_index(found, empty.shape), axis=1) * _COARSE_UM
    kept: list[int] = []
    alive = np.ones(len(found), bool)
    for index in range(len(found)):
        if alive[index]:
            kept.append(int(found[index]))
            alive &= np.hypot(*(yx - yx[index]).T) > 1.3 * gap
    return kept
