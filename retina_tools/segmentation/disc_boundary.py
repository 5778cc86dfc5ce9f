"""The margins of the optic disc and its cup, as smooth closed curves in polar coordinates.

Around a centre the photograph is unwrapped into angle and radius, vessels left out. The margin is the closed path with
the largest fall of light from inside to outside, found exactly by dynamic programming, then smoothed to an ellipse-like
curve of few harmonics. Sampling is symmetrical about both axes, so a mirrored eye gives the mirrored margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.segmentation.landmark_evidence import Float, smooth_inside

__all__ = ["Margin", "fill_margin", "fit_circle", "trace_cup", "trace_disc"]

ANGLES: Final = 96
_RADII: Final = np.arange(0.30, 2.06, 0.025)
_CUP_RADII: Final = np.arange(0.10, 0.96, 0.02)
# Cup radius over disc radius in healthy eyes; a weak pull, for cups have no sharp margin.
_USUAL_CUP: Final = 0.45
# Both in units of a clear margin's fall of light: what it costs to bend by one radius step between two angles, and to
# differ from the first guess of the size, per squared natural logarithm.
_CIRCLE_STEP: Final = 0.022
_FULL_FALL: Final = 0.06
_UNUSUAL_COST: Final = 0.25
_BEND_COST: Final = 0.1
_SIZE_PULL: Final = 3.0


@dataclass(frozen=True, eq=False)
class Margin:
    """A closed margin around a centre.

    Attributes
    ----------
    centre_yx : tuple of float
        In frame pixels.
    radii_px : ndarray of float, shape (angle,)
        Radius at equally spaced angles, the first towards image right, the next downwards.
    contrast : float
        Mean natural logarithm of light just inside over light just outside.
    support : float
        Share of the angles, of those inside the field of view, where the inside is clearly the lighter side.
    """

    centre_yx: tuple[float, float]
    radii_px: NDArray[np.float64]
    contrast: float
    support: float

    @property
    def mean_radius_px(self) -> float:
        """Radius of the circle of the same area."""
        return float(np.sqrt(np.mean(self.radii_px**2)))

    @property
    def axis_ratio(self) -> float:
        """Largest over smallest width through the centre."""
        widths = self.radii_px + np.roll(self.radii_px, ANGLES // 2)
        return float(widths.max() / max(widths.min(), 1e-6))


def trace_disc(
    image: Float,
    fov: NDArray[np.bool_],
    vessel_probability: Float,
    centre_yx: tuple[float, float],
    radius_px: float,
    passes: int = 2,
) -> Margin:
    """Trace the disc's margin from a rough centre and radius.

    Parameters
    ----------
    image : ndarray of float32, shape (y, x, 3)
        In [0, 1].
    fov : ndarray of bool, shape (y, x)
    vessel_probability : ndarray of float32, shape (y, x)
    centre_yx : tuple of float
    radius_px : float
    passes : int
        How often to trace; each pass starts from the centroid and size of the one before.

    Returns
    -------
    Margin
    """
    start_yx, start_radius_px = centre_yx, radius_px
    planes, corner_yx = _local_light(image, fov, vessel_probability, centre_yx, 3.2 * radius_px, radius_px)
    margin = Margin(centre_yx, np.full(ANGLES, radius_px), 0.0, 0.0)
    for _ in range(passes):
        local_yx = (centre_yx[0] - corner_yx[0], centre_yx[1] - corner_yx[1])
        light, inside = _unwrap(planes, local_yx, radius_px * _RADII)
        fall = _fall_of_light(light, _RADII)
        reward = fall - _SIZE_PULL * np.log(_RADII * radius_px / start_radius_px) ** 2
        path = _best_closed_path(reward, _BEND_COST)
        strength = np.maximum(np.take_along_axis(fall, path[:, None], 1)[:, 0], 0.02)
        smooth = _few_harmonics(_RADII[path] * radius_px, strength, order=3)
        contrast, support = _sides(light, inside, smooth / radius_px)
        margin = Margin(centre_yx, smooth, contrast, support)
        centre_yx, radius_px = _recentred(margin, start_yx, start_radius_px)
    return margin


def trace_cup(image: Float, fov: NDArray[np.bool_], vessel_probability: Float, disc: Margin) -> Margin:
    """Trace the pale cup inside a disc: a baseline that follows brightness, not depth.

    Parameters
    ----------
    image, fov, vessel_probability
        As for :func:`trace_disc`.
    disc : Margin

    Returns
    -------
    Margin
        Around the disc's centre, everywhere inside the disc.
    """
    size = disc.mean_radius_px
    planes, corner_yx = _local_light(image, fov, vessel_probability, disc.centre_yx, 1.6 * size, size)
    local_yx = (disc.centre_yx[0] - corner_yx[0], disc.centre_yx[1] - corner_yx[1])
    # Pallor shows in green; red is often saturated on the disc.
    light, inside = _unwrap(planes[1:], local_yx, disc.radii_px[:, None] * _CUP_RADII)
    fall = _fall_of_light(light, _CUP_RADII)
    reward = fall - 3.0 * (_CUP_RADII - _USUAL_CUP) ** 2
    path = _best_closed_path(reward, _BEND_COST)
    strength = np.maximum(np.take_along_axis(fall, path[:, None], 1)[:, 0], 0.05)
    share = np.clip(_few_harmonics(_CUP_RADII[path], strength, order=2), 0.1, 0.95)
    contrast, support = _sides(light, inside, share, _CUP_RADII)
    return Margin(disc.centre_yx, share * disc.radii_px, contrast, support)


def fit_circle(
    image: Float,
    fov: NDArray[np.bool_],
    vessel_probability: Float,
    centre_yx: tuple[float, float],
    usual_radius: float = 0.078,
) -> tuple[tuple[float, float], float]:
    """Move a rough guess to the circle near it with the best-supported fall of light all around.

    The fall is measured as the logarithm of light across each margin and counts up to 0.06 only, so that half a margin
    of great contrast (a temporal crescent, a bright cup) is worth less than a whole one of little.

    Returns
    -------
    tuple
        Centre (y, x) and radius in pixels.
    """
    from scipy import ndimage

    size = max(fov.shape)
    planes, corner_yx = _local_light(image, fov, vessel_probability, centre_yx, 0.3 * size, 0.07 * size)
    radii_px = size * np.exp(np.arange(math.log(0.028), math.log(0.2), 0.05))
    grid = np.arange(-3, 4) * _CIRCLE_STEP * size
    shifts = [(dy, dx) for dy in grid for dx in grid if math.hypot(dy, dx) < 3.2 * _CIRCLE_STEP * size]
    local = np.array(shifts) + np.subtract(centre_yx, corner_yx)
    light, _ = _unwrap(planes, (local[:, :1, None], local[:, 1:, None]), radii_px, angles=32)
    support = np.zeros((len(shifts), len(radii_px)))
    for plane in light:
        # Six is the height of a step over the peak of its derivative at this smoothing: falls are in logarithms.
        fall = -6 * ndimage.gaussian_filter1d(plane, 2.4, axis=-1, order=1, mode="nearest")
        support += np.clip(fall, -_FULL_FALL / 2, _FULL_FALL).mean(axis=1)
    unusual = (np.log(radii_px / (usual_radius * size)) / 0.55) ** 2
    far = (np.hypot(*np.array(shifts).T) / (0.06 * size)) ** 2
    score = support / max(float(support.max()), 1e-3) - _UNUSUAL_COST * unusual - 0.1 * far[:, None]
    score[:, (radii_px < 0.042 * size) | (radii_px > 0.135 * size)] = -np.inf
    shift, radius = np.unravel_index(int(score.argmax()), score.shape)
    return (centre_yx[0] + shifts[shift][0], centre_yx[1] + shifts[shift][1]), float(radii_px[radius])


def fill_margin(margin: Margin, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of what a margin encloses, shape (y, x): pixels whose centre lies inside."""
    y = np.arange(shape[0])[:, None] - margin.centre_yx[0]
    x = np.arange(shape[1])[None, :] - margin.centre_yx[1]
    reach = float(margin.radii_px.max()) + 1
    rows = np.flatnonzero(np.abs(y[:, 0]) <= reach)
    columns = np.flatnonzero(np.abs(x[0]) <= reach)
    mask = np.zeros(shape, bool)
    if len(rows) == 0 or len(columns) == 0:
        return mask
    window = np.ix_(rows, columns)
    near_y, near_x = y[rows], x[:, columns]
    angle = np.arctan2(near_y, near_x) % (2 * math.pi) * ANGLES / (2 * math.pi)
    wrapped = np.append(margin.radii_px, margin.radii_px[0])
    mask[window] = np.hypot(near_y, near_x) <= np.interp(angle, np.arange(ANGLES + 1), wrapped)
    return mask


def _recentred(
    margin: Margin, start_yx: tuple[float, float], start_radius_px: float
) -> tuple[tuple[float, float], float]:
    """Centroid and size of a margin, kept within reach of where the search began."""
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    radii = margin.radii_px
    area = float(np.mean(radii**2)) / 2
    shift_y = float(np.mean(radii**3 * np.sin(angle))) / 3 / area
    shift_x = float(np.mean(radii**3 * np.cos(angle))) / 3 / area
    y, x = margin.centre_yx[0] + shift_y - start_yx[0], margin.centre_yx[1] + shift_x - start_yx[1]
    pull = min(1.0, 0.7 * start_radius_px / max(math.hypot(y, x), 1e-9))
    radius = float(np.clip(margin.mean_radius_px, 0.6 * start_radius_px, 1.6 * start_radius_px))
    return (start_yx[0] + pull * y, start_yx[1] + pull * x), radius


def _local_light(
    image: Float,
    fov: NDArray[np.bool_],
    vessel_probability: Float,
    centre_yx: tuple[float, float],
    reach_px: float,
    radius_px: float,
) -> tuple[list[Float], tuple[int, int]]:
    """Logarithm of red and green around a centre with vessels filled in, and the window's corner (y, x).

    The share of each pixel that is known (inside the field of view) is the last plane.
    """
    from scipy import ndimage

    top, left = (math.floor(c - reach_px) for c in centre_yx)
    bottom, right = (math.ceil(c + reach_px) + 1 for c in centre_yx)
    pad = ((max(-top, 0), max(bottom - fov.shape[0], 0)), (max(-left, 0), max(right - fov.shape[1], 0)))
    window = (
        slice(max(top, 0), min(bottom, fov.shape[0])),
        slice(max(left, 0), min(right, fov.shape[1])),
    )
    field = np.pad(fov[window], pad).astype(np.float32)
    clear = field * np.clip(1 - 2 * np.pad(vessel_probability[window], pad), 0.01, 1).astype(np.float32)
    trust = np.clip(ndimage.gaussian_filter(clear, 0.05 * radius_px) / 0.5, 0, 1)
    planes = []
    for channel in (0, 1):
        plane = np.pad(image[window][..., channel], pad)
        near, far = smooth_inside(plane, clear, 0.05 * radius_px), smooth_inside(plane, clear, 0.2 * radius_px)
        planes.append(np.log(trust * near + (1 - trust) * far + np.float32(0.02)))
    return [*planes, field], (top, left)


def _unwrap(
    planes: list[Float],
    centre_yx: tuple[float | NDArray[np.floating], float | NDArray[np.floating]],
    radii_px: NDArray[np.floating],
    angles: int = ANGLES,
) -> tuple[list[Float], NDArray[np.bool_]]:
    """Sample planes at (angle, radius); the last plane says what is known, and the rest of the samples is told.

    Beyond the field of view the last known sample of each ray is repeated, so that the field's edge is no margin.
    Centres of shape (n, 1, 1) give samples of shape (n, angle, radius).
    """
    from scipy import ndimage

    angle = 2 * np.pi * np.arange(angles)[:, None] / angles
    points = np.stack([centre_yx[0] + radii_px * np.sin(angle), centre_yx[1] + radii_px * np.cos(angle)])
    *light, share = (ndimage.map_coordinates(plane, points, order=1, mode="nearest") for plane in planes)
    known = share > 0.99
    last = np.maximum.accumulate(np.where(known, np.arange(known.shape[-1]), 0), axis=-1)
    return [np.take_along_axis(plane, last, axis=-1) for plane in light], known


def _fall_of_light(light: list[Float], radii: NDArray[np.floating]) -> NDArray[np.float64]:
    """How strongly light falls outwards at each (angle, radius), about 1 at a clear margin, over all planes given.

    The planes share one scale, so that a saturated or empty channel adds little beside a clear one.
    """
    from scipy import ndimage

    step = float(radii[1] - radii[0])
    falls = []
    for plane in light:
        even = ndimage.gaussian_filter1d(plane.astype(float), 1.5, axis=0, mode="wrap")
        sharp = -ndimage.gaussian_filter1d(even, 0.06 / step, axis=1, order=1, mode="nearest") / step * 0.15
        broad = -ndimage.gaussian_filter1d(even, 0.18 / step, axis=1, order=1, mode="nearest") / step * 0.45
        falls.append((sharp + broad) / 2)
    scales = [max(float(np.median(fall.max(axis=1))), 0.01) for fall in falls]
    clipped = [np.clip(fall / scale, -1, 1.25) * scale for fall, scale in zip(falls, scales, strict=True)]
    mean: NDArray[np.float64] = np.sum(clipped, axis=0) / sum(scales)
    return mean


def _sides(
    light: list[Float],
    inside: NDArray[np.bool_],
    margin: NDArray[np.floating],
    radii: NDArray[np.floating] = _RADII,
) -> tuple[float, float]:
    """Mean contrast across a margin, and the share of angles at which the inside is the lighter side."""
    offset = radii[None, :] - margin[:, None]
    within = ((offset > -0.3) & (offset < -0.05) & inside).astype(float)
    beyond = ((offset > 0.05) & (offset < 0.3) & inside).astype(float)
    seen = (within.sum(1) > 0) & (beyond.sum(1) > 0)
    if not seen.any():
        return 0.0, 0.0
    mean = sum(np.clip(plane, -4, 0) for plane in light) / len(light)
    step = (mean * within).sum(1) / np.maximum(within.sum(1), 1) - (mean * beyond).sum(1) / np.maximum(beyond.sum(1), 1)
    contrast = float(step[seen].mean())
    return contrast, float((step[seen] > max(0.25 * contrast, 0.01)).mean())


def _best_closed_path(reward: NDArray[np.float64], bend_cost: float) -> NDArray[np.intp]:
    """Radius index per angle of the closed path of largest reward that moves at most one step between angles.

    All starting radii are followed at once (last axis), so the closed optimum is exact.
    """
    angles, radii = reward.shape
    padded = np.full((radii + 2, radii), -np.inf, np.float32)
    best = padded[1:-1]
    np.fill_diagonal(best, reward[0])
    stay_is_best = np.empty((angles, radii, radii), bool)
    from_below = np.empty((angles, radii, radii), bool)
    for angle in [*range(1, angles), 0]:
        below, above = padded[:-2], padded[2:]
        np.greater_equal(below, above, out=from_below[angle])
        moved = np.maximum(below, above) - np.float32(bend_cost)
        np.greater_equal(best, moved, out=stay_is_best[angle])
        np.maximum(best, moved, out=best)
        if angle:
            best += reward[angle, :, None].astype(np.float32)
    start = int(np.argmax(np.diagonal(best)))
    path = np.empty(angles, np.intp)
    current = start
    for angle in [0, *range(angles - 1, 0, -1)]:
        if not stay_is_best[angle, current, start]:
            current += -1 if from_below[angle, current, start] else 1
        path[angle - 1] = current
    return path


def _few_harmonics(values: NDArray[np.floating], weight: NDArray[np.floating], order: int) -> NDArray[np.float64]:
    """Weighted least-squares fit of a closed curve of few harmonics, outliers counting less."""
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    waves = [f(k * angle) for k in range(1, order + 1) for f in (np.cos, np.sin)]
    design = np.column_stack([np.ones(ANGLES), *waves])
    # The third and later waves are what no ellipse about its own centre has; they are held back.
    ridge = np.diag([0.0] + [0.0 if k <= 2 else 0.3 * ANGLES for k in range(1, order + 1) for _ in range(2)])
    trust = np.asarray(weight, float).copy()
    fitted = np.full(ANGLES, float(np.average(values, weights=trust)))
    for _ in range(4):
        gram = design.T @ (design * trust[:, None]) + ridge * float(trust.mean())
        fitted = design @ np.linalg.solve(gram, design.T @ (trust * values))
        residual = np.abs(values - fitted)
        trust = weight / (1 + (residual / max(2 * float(np.median(residual)), 1e-3 * float(fitted.mean()))) ** 2)
    return fitted
