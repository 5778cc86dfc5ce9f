"""Where the optic disc may be: places and sizes, each with a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from retina_tools.segmentation.landmark_evidence import Evidence, Float

__all__ = ["DiscHypothesis", "propose_discs"]

# Radii tried, in shares of the field's diameter; a disc is 0.10 to 0.25 of it across, from wide to narrow cameras.
RADII: Final = (0.052, 0.062, 0.074, 0.088, 0.105, 0.125)
# Rings (in shares of the field's diameter) in which vessels are asked whether they point at the place.
RINGS: Final = {"near": (0.06, 0.16), "middle": (0.16, 0.32)}
# Log odds per unit of each feature. All but "height" are from a ridge logistic regression on the even-numbered IDRiD
# training photographs (places on the disc against places off it, and photographs with the disc cut away). Two are set
# by hand, weak, so that other fields and cameras have a chance: "height", the distance from the field's middle row,
# and "size", the squared logarithm of the radius over the usual one.
WEIGHTS: Final = {
    "light": 1.84,
    "uneven": -1.82,
    "green": 8.35,
    "red": 9.26,
    "aligned_near": 1.64,
    "aligned_middle": 2.94,
    "pointing_middle": 5.26,
    "height": -4.0,
    "size": -12.0,
}
BIAS: Final = -8.38
_PEAK_DISTANCE: Final = 0.04
_EDGE: Final = 0.02


@dataclass(frozen=True)
class DiscHypothesis:
    """A place that may be the disc.

    Attributes
    ----------
    centre_yx : tuple of float
        On the evidence grid.
    radius : float
        In shares of the field's diameter.
    score : float
        Log odds that it is the disc.
    """

    centre_yx: tuple[float, float]
    radius: float
    score: float


def propose_discs(evidence: Evidence, usual_radius: float = 0.08, count: int = 3) -> list[DiscHypothesis]:
    """The most likely places of the disc, best first, no two of them closer than a small disc's diameter.

    Parameters
    ----------
    evidence : Evidence
    usual_radius : float
        Radius of a usual disc in shares of the field's diameter.
    count : int
        How many at most.

    Returns
    -------
    list of DiscHypothesis
    """
    from scipy import ndimage

    size = max(evidence.fov.shape)
    by_radius, anywhere = _feature_planes(evidence, usual_radius)
    common = sum(WEIGHTS[name] * plane for name, plane in anywhere.items()) + BIAS
    scores = np.stack([sum(WEIGHTS[name] * plane for name, plane in planes.items()) for planes in by_radius]) + common
    # The very edge of the field is where cameras glare; half a disc may still lie on it.
    scores[:, evidence.depth <= _EDGE] = -np.inf
    best = scores.max(axis=0)
    window = 2 * round(_PEAK_DISTANCE * size) + 1
    rows, columns = np.nonzero((best == ndimage.maximum_filter(best, size=window)) & np.isfinite(best))
    found: list[DiscHypothesis] = []
    for index in np.argsort(-best[rows, columns], kind="stable"):
        y, x = int(rows[index]), int(columns[index])
        if all(np.hypot(y - other.centre_yx[0], x - other.centre_yx[1]) > 0.1 * size for other in found):
            radius = RADII[int(scores[:, y, x].argmax())]
            found.append(DiscHypothesis((float(y), float(x)), radius, float(best[y, x])))
        if len(found) == count:
            break
    return found


def _feature_planes(evidence: Evidence, usual_radius: float) -> tuple[list[dict[str, Float]], dict[str, Float]]:
    """Features of every place: one set per radius, and those that need none."""
    size = max(evidence.fov.shape)
    anywhere = _vessel_planes(evidence)
    y = np.arange(evidence.fov.shape[0]) - (evidence.fov.shape[0] - 1) / 2
    height = np.minimum(np.abs(y) / size, 0.3).astype(np.float32)
    anywhere["height"] = np.broadcast_to(height[:, None], evidence.fov.shape)
    return _light_planes(evidence, usual_radius), anywhere


def _light_planes(evidence: Evidence, usual_radius: float) -> list[dict[str, Float]]:
    """How much lighter a disc is than its ring, and how uneven it is, for each radius."""
    filters, size = evidence.filters, max(evidence.fov.shape)
    inside = evidence.fov.astype(np.float32)
    light = filters.transform(evidence.light)
    squared = filters.transform(evidence.light**2)
    green = filters.transform(np.clip(evidence.green, -0.5, 0.6) * inside)
    red = filters.transform(np.clip(evidence.red, -0.5, 0.4) * inside)
    planes = []
    for radius in RADII:
        inner, outer = 1.25 * radius * size, 1.9 * radius * size
        core, green_core, red_core = (filters.mean(plane, 0, radius * size) for plane in (light, green, red))
        step = {
            "light": core - filters.mean(light, inner, outer),
            "uneven": np.sqrt(np.maximum(filters.mean(squared, 0, radius * size) - core**2, 0)),
            "green": np.clip(green_core - filters.mean(green, inner, outer), -0.3, 0.6),
            "red": np.clip(red_core - filters.mean(red, inner, outer), -0.3, 0.5),
            "size": np.full(evidence.fov.shape, np.log(radius / usual_radius) ** 2, np.float32),
        }
        planes.append(step)
    return planes


def _vessel_planes(evidence: Evidence) -> dict[str, Float]:
    """How far the vessels around each place point at it."""
    from scipy import ndimage

    filters, size = evidence.filters, max(evidence.fov.shape)
    across, along = (ndimage.gaussian_filter(evidence.vessel, 0.9, order=order) for order in ((0, 1), (1, 0)))
    # Gradients stand across a vessel: minus the doubled angle's vector is the vessel's own direction.
    cosine = -ndimage.gaussian_filter(across**2 - along**2, 1.0)
    sine = -ndimage.gaussian_filter(2 * across * along, 1.0)
    root = np.sqrt(np.hypot(cosine, sine) + 1e-9)
    clear_of_edge = evidence.depth > 0.015
    strength_t = filters.transform(root * clear_of_edge)
    cosine_t, sine_t = (filters.transform(part / root * clear_of_edge) for part in (cosine, sine))
    planes: dict[str, Float] = {}
    for name, (inner, outer) in RINGS.items():
        towards = filters.pointing(cosine_t, sine_t, inner * size, outer * size)
        total = filters.shares(strength_t, inner * size, outer * size)
        usual = max(float(np.median(total[evidence.fov])), 1e-3) if evidence.fov.any() else 1.0
        planes[f"aligned_{name}"] = (towards / np.maximum(total, 0.3 * usual)).astype(np.float32)
        if name == "middle":
            # The outer ring also counts by strength: the arcades are the widest vessels there are.
            planes["pointing_middle"] = np.clip(towards / usual, -0.5, 1.2).astype(np.float32)
    return planes
