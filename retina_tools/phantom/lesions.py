"""Lesions as star-shaped outlines: where they lie, how large they are, and their exact areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.painting import Plane, View, window_around
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats


@dataclass(frozen=True)
class Lesion:
    """One lesion, its outline ``r(angle) = r0 (1 + sum a_k cos(k angle + phase_k))``.

    Attributes
    ----------
    kind : str
    centre_um : ndarray, shape (2,)
        (y, x) with the fovea at the origin, as in a right eye.
    radius_um : float
        r0, the mean radius.
    waves : ndarray, shape (n, 2)
        a_k and phase_k for k = 2, 3, ...
    """

    kind: str
    centre_um: Floats
    radius_um: float
    waves: Floats

    @property
    def area_um2(self) -> float:
        """Area inside the outline, in closed form."""
        return float(np.pi * self.radius_um**2 * (1.0 + 0.5 * (self.waves[:, 0] ** 2).sum()))

    @property
    def reach_um(self) -> float:
        """No point of the outline is further from the centre."""
        return float(self.radius_um * (1.0 + np.abs(self.waves[:, 0]).sum()))


@dataclass(frozen=True)
class _Habit:
    """How a kind of lesion looks and where it is found."""

    diameter_um: tuple[float, float]
    roughness: float
    clustered: bool
    from_fovea_um: tuple[float, float]


_HABITS: Final[dict[str, _Habit]] = {
    "cotton_wool_spot": _Habit((380.0, 750.0), 0.12, False, (1500.0, 5200.0)),
    "haemorrhage": _Habit((160.0, 480.0), 0.18, False, (700.0, 6000.0)),
    "hard_exudate": _Habit((60.0, 300.0), 0.16, True, (500.0, 3300.0)),
    "drusen": _Habit((60.0, 160.0), 0.05, False, (300.0, 2800.0)),
    "microaneurysm": _Habit((55.0, 105.0), 0.03, False, (450.0, 5500.0)),
}


LESION_ORDER: Final = tuple(sorted(_HABITS))


def scatter(frame: Frame, seed: int) -> list[Lesion]:
    """Place the lesions the parameters ask for: off the disc, in the field of view, none touching another.

    Each kind has its own stream of chance, so that more of one kind leaves the others where they are.
    """
    placed: list[Lesion] = []
    for stream, (kind, habit) in enumerate(_HABITS.items()):
        rng = np.random.default_rng([seed, 30 + stream])
        centres: list[Floats] = []
        for _ in range(frame.parameters.lesions.get(kind, 0)):
            lesion = _place(frame, kind, habit, rng, placed, centres)
            if lesion is not None:
                placed.append(lesion)
    return placed


def _place(
    frame: Frame, kind: str, habit: _Habit, rng: np.random.Generator, placed: list[Lesion], centres: list[Floats]
) -> Lesion | None:
    low, high = habit.diameter_um
    radius = 0.5 * frame.parameters.lesion_scale * low * (high / low) ** (rng.uniform() ** 1.8)
    order = np.arange(2, 8)
    amplitude = habit.roughness * rng.standard_normal(len(order)) / (order - 1) ** 1.3
    waves = np.column_stack([np.clip(amplitude, -0.3, 0.3), rng.uniform(0.0, 2 * np.pi, len(order))])
    for _ in range(200):
        lesion = Lesion(kind, _somewhere(habit, rng, centres), radius, waves)
        if _fits(frame, lesion, placed):
            if habit.clustered and (not centres or rng.uniform() < 0.12):
                centres.append(lesion.centre_um)
            return lesion
    return None


def _somewhere(habit: _Habit, rng: np.random.Generator, centres: list[Floats]) -> Floats:
    if habit.clustered and centres and rng.uniform() < 0.85:
        near: Floats = centres[rng.integers(len(centres))] + rng.normal(0.0, 380.0, 2)
        return near
    inner, outer = habit.from_fovea_um
    distance = np.sqrt(rng.uniform(inner**2, outer**2))
    angle = rng.uniform(0.0, 2 * np.pi)
    point: Floats = distance * np.array([np.sin(angle), np.cos(angle)])
    return point


def _fits(frame: Frame, lesion: Lesion, placed: list[Lesion]) -> bool:
    p, reach = frame.parameters, lesion.reach_um
    view_centre = p.view_centre * frame.disc_yx
    if np.hypot(*(lesion.centre_um - view_centre)) + reach > p.field_um / 2 - 250.0:
        return False
    if np.hypot(*(lesion.centre_um - frame.disc_yx)) < 1.3 * frame.radius_um + reach:
        return False
    if np.hypot(*lesion.centre_um) < _HABITS[lesion.kind].from_fovea_um[0] * 0.5 + reach:
        return False
    # A gap of three pixels at the coarsest usual sampling keeps neighbours apart, so that counts are exact.
    return all(np.hypot(*(lesion.centre_um - other.centre_um)) > reach + other.reach_um + 70.0 for other in placed)


def level(lesion: Lesion, view: View, margin: float = 1.6) -> tuple[tuple[slice, slice], Plane] | None:
    """Distance from the centre as a fraction of the outline's radius, in a window around the lesion."""
    window = window_around(view, lesion.centre_um, margin * lesion.reach_um)
    if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
        return None
    centre = view.to_px(lesion.centre_um)
    y, x = np.mgrid[window]
    dy, dx = y - centre[0], x - centre[1]
    angle = np.arctan2(dy, dx)
    orders = np.arange(2, 2 + len(lesion.waves))[:, None, None]
    ripple = (lesion.waves[:, 0, None, None] * np.cos(orders * angle + lesion.waves[:, 1, None, None])).sum(axis=0)
    outline = np.maximum(lesion.radius_um * (1.0 + ripple), 1.0)
    return window, (np.hypot(dy, dx) * view.um_per_pixel / outline).astype(np.float32)


def lesion_mask(lesions: Sequence[Lesion], kind: str, view: View) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a lesion of this kind."""
    mask = np.zeros((view.size, view.size), bool)
    for lesion in lesions:
        if lesion.kind == kind and (found := level(lesion, view)) is not None:
            window, inside = found
            mask[window] |= inside <= 1.0
    return mask
