"""Growing a vessel tree: trunks from the optic disc, then branches into whatever is still empty.

Every branch goes to the emptiest spot of the retina from the nearest vessel that can serve it, the idea of constrained
constructive optimisation (Schreiner and Buxbaum 1993), here with smooth courses and without crossing its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt

from retina_tools.phantom.parameters import Parameters
from retina_tools.phantom.vessels import Course, Floats, Vessel

STEP_UM: Final = 40.0
_CELL_UM: Final = 60.0
_COARSE_UM: Final = 120.0
_EMPTIEST_UM: Final = 2200.0
_SPACING_UM: Final = 550.0
# Enough for a 45 degree view; eyes seen in a smaller or equal field share one anatomy.
_DOMAIN_UM: Final = 7100.0


@dataclass(frozen=True)
class Trunk:
    """Course of a trunk around the disc: distances from its centre, and angles from temporal (0) over superior (90).

    The first three distances are in disc radii, the others in micrometres. Angles are for the superior half and change
    sign for the inferior one.
    """

    name: str
    angles_deg: tuple[float, ...]
    side: int
    stem: str = ""
    short: bool = False


_DISTANCES_UM: Final = (2300.0, 3300.0, 4700.0, 6300.0, 8200.0, 10500.0)
_ARCADE: Final = (92.0, 84.0, 68.0, 56.0, 43.0, 33.0, 26.0, 22.0)
_NASAL: Final = (104.0, 113.0, 125.0, 131.0, 136.0, 139.0, 142.0, 143.0)
_VERTICAL: Final = (93.0, 95.0, 97.0, 96.0, 94.0, 92.0, 90.0, 88.0)
_MACULAR: Final = (70.0, 42.0, 27.0, 19.0, 14.0, 12.0, 12.0, 12.0)
_STRAIGHT: Final = (150.0, 168.0, 172.0, 174.0, 175.0, 176.0, 176.0, 176.0)

TRUNKS: Final = (
    Trunk("superotemporal", _ARCADE, 1),
    Trunk("inferotemporal", _ARCADE, -1),
    Trunk("superonasal", _NASAL, 1, "superotemporal"),
    Trunk("inferonasal", _NASAL, -1, "inferotemporal"),
    Trunk("superior", _VERTICAL, 1, "superotemporal"),
    Trunk("inferior", _VERTICAL, -1, "inferotemporal"),
    Trunk("nasal", _STRAIGHT, 1),
    Trunk("superior macular", _MACULAR, 1, "superotemporal", True),
    Trunk("inferior macular", _MACULAR, -1, "inferotemporal", True),
)


@dataclass
class Frame:
    """Where disc and fovea are, and polar coordinates around the disc."""

    parameters: Parameters
    disc_yx: Floats = field(init=False)
    radius_um: float = field(init=False)
    domain_yx: Floats = field(init=False)
    domain_um: float = field(init=False)

    def __post_init__(self) -> None:
        p = self.parameters
        angle = np.radians(p.disc_fovea_angle_deg)
        self.disc_yx = p.disc_fovea_distance_um * np.array([-np.sin(angle), np.cos(angle)])
        self.radius_um = p.disc_diameter_um / 2
        self.domain_yx = 0.35 * self.disc_yx
        shift_um = abs(p.view_centre - 0.35) * p.disc_fovea_distance_um
        self.domain_um = max(_DOMAIN_UM, p.field_um / 2 + shift_um + 600.0)
        self._temporal = -self.disc_yx / np.hypot(*self.disc_yx)
        self._superior = np.array([self._temporal[1], -self._temporal[0]])

    @property
    def disc_semi_axes_um(self) -> tuple[float, float]:
        """Long and short semi-axis of the disc; their product is the squared radius."""
        long = self.radius_um / float(np.sqrt(self.parameters.disc_ovality))
        return long, long * self.parameters.disc_ovality

    def polar(self, distance_um: Floats, angle_deg: Floats) -> Floats:
        """Points (y, x) at a distance from the disc's centre and an angle from temporal over superior."""
        theta = np.radians(angle_deg)
        along = distance_um * np.cos(theta), distance_um * np.sin(theta)
        points: Floats = self.disc_yx + along[0][:, None] * self._temporal + along[1][:, None] * self._superior
        return points

    def from_disc(self, points_um: Floats) -> Floats:
        """Distances from the centre of the disc."""
        distance: Floats = np.hypot(*(points_um - self.disc_yx).T)
        return distance


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


_AROUND: Final = np.arange(-1, 2)


class Occupancy:
    """Which cells of the retina already carry a vessel of this kind."""

    def __init__(self, frame: Frame) -> None:
        self.origin = frame.domain_yx - frame.domain_um - 500.0
        cells = int(2 * (frame.domain_um + 500.0) / _CELL_UM) + 1
        self.taken: NDArray[np.bool_] = np.zeros((cells, cells), bool)

    def _cells(self, points_um: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        index = np.rint((points_um - self.origin) / _CELL_UM).astype(np.intp)
        index = np.minimum(np.maximum(index, 1), len(self.taken) - 2)
        return index[:, 0], index[:, 1]

    def mark(self, points_um: Floats) -> None:
        """Take the cells along a course and those beside it."""
        y, x = self._cells(points_um)
        self.taken[y[:, None, None] + _AROUND[:, None], x[:, None, None] + _AROUND] = True

    def free(self, points_um: Floats) -> bool:
        """Whether no cell along a course is taken."""
        return not self.taken[self._cells(points_um)].any()


class Tree:
    """A tree of one kind of vessel while it grows."""

    def __init__(self, frame: Frame, vessel: Vessel, rng: np.random.Generator) -> None:
        self.frame, self.vessel, self.rng = frame, vessel, rng
        self.courses: list[Course] = []
        self.occupancy = Occupancy(frame)
        self._joints: list[list[int]] = []
        # Places where a branch may leave: y, x, tangent y, tangent x, course, index on the course.
        self._places = np.empty((4096, 6))
        self._n_places = 0

    def add(self, points_um: Floats, parent: int = -1, joint: int = 0) -> int:
        """Add a course that leaves the course ``parent`` at its point number ``joint``."""
        leaf = float(np.exp(self.rng.normal(0.0, 0.07)))
        outside = np.hypot(*(points_um[-1] - self.frame.domain_yx)) > self.frame.domain_um - 600.0
        self.courses.append(Course(points_um, parent, joint, leaf * (1.25 if outside else 1.0)))
        if parent >= 0:
            self._joints[parent].append(joint)
        self._joints.append([])
        self.occupancy.mark(points_um)
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
        """Whether a branch may leave here: not at an end, and 160 um from the next joint."""
        if not 3 <= joint <= len(self.courses[parent].points_um) - 4:
            return False
        return all(abs(joint - other) * STEP_UM > 160.0 for other in self._joints[parent])

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
                if self._is_clear(course):
                    self.add(course, parent, joint)
                    return True
            cost[np.abs(y - y[best]) + np.abs(x - x[best]) < (120.0 + 80.0 * trial)] = np.inf
        return False

    def _detour(self, places: Floats, target: Floats) -> Floats:
        """How much dearer a place is for keeping to the horizontal raphe and leaving the macula to small branches."""
        factor = np.ones(len(places))
        if target[1] < -800.0:
            factor[(np.abs(places[:, 0]) < 2200.0) & (places[:, 1] > -400.0)] = 2.0
        if target[1] < 0.7 * self.frame.disc_yx[1] and abs(target[0]) > 400.0:
            factor[places[:, 0] * np.sign(target[0]) < -200.0] *= 2.0
        return factor

    def _is_clear(self, course: Floats) -> bool:
        nearest = float(np.hypot(course[:, 0], course[:, 1]).min())
        return nearest > 0.5 * self.frame.parameters.faz_diameter_um and self.occupancy.free(course[5:])

    def _course(self, start: Floats, tangent: Floats, target: Floats) -> Floats:
        """A cubic Bezier curve that leaves at about half the angle to the target and bows a little."""
        across = target - start
        length = float(np.hypot(across[0], across[1]))
        turn = self.rng.normal(0.0, 0.22, 4)
        leave = 0.7 * tangent + 0.75 * across / length + 0.65 * turn[2:]
        arrive = across / length + 0.3 * tangent + turn[:2]
        control = np.array([start, start + 0.38 * length * leave, target - 0.36 * length * arrive, target])
        course: Floats = _bernstein(max(8, round(1.05 * length / STEP_UM) + 1)) @ control
        return course


def grow(frame: Frame, vessel: Vessel, rng: np.random.Generator, others_um: Floats | None = None) -> Tree:
    """Grow one tree.

    Parameters
    ----------
    frame : Frame
    vessel : {'artery', 'vein'}
    rng : numpy.random.Generator
        The only source of chance.
    others_um : ndarray, shape (n, 2), optional
        Points of the other tree, which this one interleaves with.
    """
    tree = Tree(frame, vessel, rng)
    _add_trunks(tree)
    density = frame.parameters.vessel_density
    if density > 0:
        _fill(tree, _SPACING_UM / np.sqrt(density), others_um)
    return tree


def _add_trunks(tree: Tree) -> None:
    frame, rng = tree.frame, tree.rng
    # The artery enters nasal to the vein, and both turn away from each other on the disc.
    apart = 1.0 if tree.vessel == "artery" else -1.0
    root = frame.polar(
        np.array([0.13 * frame.radius_um]), np.array([180.0 - 90.0 * (apart < 0) + rng.normal(0, 25.0)])
    )[0]
    lean, width = rng.normal(0.0, 4.0, 2), rng.normal(1.0, 0.08, 2)
    index: dict[str, int] = {}
    for trunk in TRUNKS:
        half = 0 if trunk.side > 0 else 1
        distances = np.array([0.5 * frame.radius_um, frame.radius_um, *_DISTANCES_UM])
        drift = rng.normal(0.0, 3.0 if trunk.name.endswith("temporal") else 6.0) + lean[half] + 3.0 * apart
        angles = np.array(trunk.angles_deg) * width[half] + drift + rng.normal(0.0, 2.0, len(distances))
        angles[0] += 14.0 * apart
        if trunk.short:
            # It ends before the fovea, but beyond zone B.
            end = max(0.78 * frame.parameters.disc_fovea_distance_um, 3.2 * frame.radius_um)
            distances = np.append(distances[distances < end - 400.0], end)
        waypoints = frame.polar(distances, trunk.side * angles[: len(distances)])
        parent, joint, start = -1, 0, root
        if trunk.stem:
            parent = index[trunk.stem]
            joint = _free_joint(tree, parent, 0.55 * frame.radius_um)
            start = tree.courses[parent].points_um[joint]
            waypoints = waypoints[1:] if np.hypot(*(waypoints[0] - start)) < 350.0 else waypoints
        course = smooth_course(np.concatenate([start[None], waypoints]))
        inside = np.hypot(*(course - frame.domain_yx).T) < frame.domain_um
        stop = len(course) if inside.all() else max(8, int(np.argmin(inside)))
        index[trunk.name] = tree.add(course[:stop], parent, joint)


def _free_joint(tree: Tree, parent: int, distance_um: float) -> int:
    """The nearest free place on a trunk to a given distance along it."""
    wanted = round(distance_um * tree.rng.uniform(0.5, 1.3) / STEP_UM)
    order = sorted(range(len(tree.courses[parent].points_um)), key=lambda joint: abs(joint - wanted))
    return next(joint for joint in order if tree.joinable(parent, joint))


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
