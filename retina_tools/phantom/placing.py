"""Where lesions lie: each kind in its part of the retina, in view, and none touching another."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.habits import HABITS, Habit
from retina_tools.phantom.lesions import Lesion
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats

# A gap of three pixels at the coarsest usual sampling keeps neighbours apart, so that counts are exact.
_GAP_UM: Final = 70.0
_MACULA_UM: Final = 1800.0
_DRAWS: Final = 150
QUADRANTS: Final = ("superotemporal", "superonasal", "inferotemporal", "inferonasal")


def quadrant(point_um: Floats) -> str:
    """The quadrant around the fovea of a point (y, x) of a right eye; upright, as graders draw them."""
    return ("supero" if point_um[0] < 0 else "infero") + ("temporal" if point_um[1] < 0 else "nasal")


def is_in(place: str, point_um: Floats, frame: Frame, order: int = 0) -> bool:
    """Whether a point lies in a place of `retina_tools.phantom.habits.PLACES`; '' is anywhere.

    Parameters
    ----------
    place : str
    point_um : ndarray, shape (2,)
    frame : Frame
    order : int
        Number of the lesion among its kind, for those that take turns in the quadrants.
    """
    if place == "macular":
        return bool(np.hypot(*point_um) < _MACULA_UM)
    if place == "peripapillary":
        return bool(np.hypot(*(point_um - frame.disc_yx)) < 3.0 * frame.radius_um)
    if place == "quadrants":
        return quadrant(point_um) == QUADRANTS[order % 4]
    side = quadrant(point_um)
    if place in ("superior", "inferior"):
        return side.startswith(place[:5])
    return side.endswith(place)


def fibre_direction(point_um: Floats, frame: Frame) -> float:
    """Direction ``atan2(y, x)`` of the nerve fibres: away from the disc, and in arcs around the fovea."""
    from_disc = point_um - frame.disc_yx
    radial = from_disc / max(float(np.hypot(*from_disc)), 1.0)
    around = np.array([-point_um[1], point_um[0]]) / max(float(np.hypot(*point_um)), 1.0)
    if around @ radial < 0:
        around = -around
    along = radial + 0.9 * around
    return float(np.arctan2(along[0], along[1]))


class Placing:
    """Draws the blobs that the parameters ask for, kind after kind.

    Each kind has its own stream of chance, so that more of one kind leaves those of it already there where they are.

    Parameters
    ----------
    frame : Frame
    seed : int
    """

    def __init__(self, frame: Frame, seed: int) -> None:
        self.frame, self.seed = frame, seed
        self.lesions: list[Lesion] = []
        self._centres = np.empty((0, 2))
        self._reach = np.empty(0)

    def all(self) -> list[Lesion]:
        """Every lesion there is room for."""
        for stream, (kind, habit) in enumerate(HABITS.items()):
            rng = np.random.default_rng([self.seed, 30 + stream])
            clusters: list[Floats] = []
            for order in range(self.frame.parameters.lesions.get(kind, 0)):
                lesion = self._place(kind, habit, rng, clusters, order)
                if lesion is not None:
                    self.lesions.append(lesion)
                    self._centres = np.vstack([self._centres, lesion.centre_um])
                    self._reach = np.append(self._reach, lesion.reach_um)
                    if habit.clustered and (not clusters or rng.uniform() < 0.12):
                        clusters.append(lesion.centre_um)
        return self.lesions

    def _place(
        self, kind: str, habit: Habit, rng: np.random.Generator, clusters: list[Floats], order: int
    ) -> Lesion | None:
        p = self.frame.parameters
        low, high = habit.diameter_um
        factor = p.lesion_scale * p.lesion_sizes.get(kind, 1.0)
        radius = 0.5 * factor * low * (high / low) ** (rng.uniform() ** 1.8)
        orders = np.arange(2, 8)
        amplitude = np.clip(habit.roughness * rng.standard_normal(len(orders)) / (orders - 1) ** 1.3, -0.3, 0.3)
        waves = np.column_stack([amplitude, rng.uniform(0.0, 2 * np.pi, len(orders))])
        length = habit.length[0] + (habit.length[1] - habit.length[0]) * rng.uniform() ** 1.5
        others = self._others(kind, habit)
        # A crowded retina holds small ones only: half of the size, if there is no room for the whole.
        for shrunk in (1.0, 0.7, 0.5):
            for _ in range(_DRAWS):
                centre = self._somewhere(habit, rng, clusters)
                if not is_in(p.lesion_places.get(kind, ""), centre, self.frame, order):
                    continue
                if length > 0:
                    waves[0] = length, -2.0 * fibre_direction(centre, self.frame)
                lesion = Lesion(kind, centre, shrunk * radius, waves.copy())
                if self._fits(lesion, habit, others):
                    return lesion
        return None

    def _others(self, kind: str, habit: Habit) -> NDArray[np.bool_]:
        """Which of those placed it must not touch: its own kind, and what is no backdrop."""
        apart = [lesion.kind == kind or not (habit.backdrop or HABITS[lesion.kind].backdrop) for lesion in self.lesions]
        return np.array(apart, bool)

    def _somewhere(self, habit: Habit, rng: np.random.Generator, clusters: list[Floats]) -> Floats:
        if habit.clustered and clusters and rng.uniform() < 0.85:
            near: Floats = clusters[rng.integers(len(clusters))] + rng.normal(0.0, 380.0, 2)
            return near
        middle, (inner, outer) = np.zeros(2), habit.from_fovea_um
        if habit.from_disc is not None:
            middle = self.frame.disc_yx
            inner, outer = (distance * self.frame.radius_um for distance in habit.from_disc)
        distance = np.sqrt(rng.uniform(inner**2, outer**2))
        angle = rng.uniform(0.0, 2 * np.pi)
        if habit.from_disc is not None:
            # Above or below the disc, where the fibres are thick.
            angle = (np.pi / 2) * (1 if angle < np.pi else -1) + 0.9 * (angle % np.pi - np.pi / 2)
        point: Floats = middle + distance * np.array([np.sin(angle), np.cos(angle)])
        return point

    def _fits(self, lesion: Lesion, habit: Habit, others: NDArray[np.bool_]) -> bool:
        p, reach = self.frame.parameters, lesion.reach_um
        view_centre = p.view_centre * self.frame.disc_yx
        if np.hypot(*(lesion.centre_um - view_centre)) + reach > p.field_um / 2 - 250.0:
            return False
        to_disc = np.hypot(*(lesion.centre_um - self.frame.disc_yx))
        if habit.from_disc is None and to_disc < 1.3 * self.frame.radius_um + reach:
            return False
        # What is found at a distance from the fovea does not reach into it.
        nearest = habit.from_fovea_um[0] * (0.1 if habit.backdrop else 0.5) + reach
        if habit.from_fovea_um[0] > 0 and np.hypot(*lesion.centre_um) < nearest:
            return False
        if not others.any():
            return True
        gaps = np.hypot(*(self._centres[others] - lesion.centre_um).T) - self._reach[others] - reach
        return bool(gaps.min() > _GAP_UM)
