"""The fovea: the dark place without vessels that lies where the disc says it should."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.segmentation.landmark_evidence import Evidence, Float

__all__ = ["FEATURES", "FOVEA_WEIGHTS", "FoveaFinding", "find_fovea", "fit_fovea_weights"]

FEATURES: Final = (
    "green_small",
    "green_large",
    "red_large",
    "vessel_small",
    "vessel_large",
    "distance",
    "distance_squared",
    "below",
    "below_squared",
)
# Log odds per unit of each feature, fitted by fit_fovea_weights to the even-numbered IDRiD training photographs
# (CC BY 4.0, Porwal et al. 2018), discs as segment_disc finds them.
FOVEA_WEIGHTS: Final[tuple[float, ...]] = (-18.5, -4.5, -4.4, 4.5, -0.5, -0.86, -4.0, 2.06, -1.41)

# Where the fovea usually lies: 2.5 disc diameters from the disc, and how far below its centre (Jonas RA et al. 2015).
_USUAL_DISTANCE_DD: Final = 2.5
_DISTANCE_RANGE_DD: Final = (1.6, 3.8)
_STEEPEST_DEG: Final = 40.0
# Radii, in disc diameters, of the patches compared with the ring around them.
_SMALL_DD: Final = (0.15, 0.35, 0.6)
_LARGE_DD: Final = (0.4, 0.75, 1.2)
_LEAST_DEPTH: Final = 0.02
# Patches of a fovea are a few tenths of a disc wide; a point is the mean of what lies this near to the best place.
_PEAK_DD: Final = 0.25
# A photograph without a fovea has no single dark place; with less of the likelihood near the best, none is named.
_LEAST_SHARE: Final = 0.15


@dataclass(frozen=True)
class FoveaFinding:
    """The fovea in the normalised frame, or why there is none.

    Attributes
    ----------
    found : bool
    reason : str
        Why it was not found, in words; empty when it was.
    centre_yx : tuple of float
        In frame pixels, (nan, nan) when not found.
    confidence : float
        Share of the likelihood within a quarter of a disc diameter of the place, 0 to 1.
    """

    found: bool
    reason: str
    centre_yx: tuple[float, float]
    confidence: float


def find_fovea(
    evidence: Evidence,
    disc_yx: tuple[float, float],
    disc_radius_px: float,
    *,
    laterality: str = "",
    weights: tuple[float, ...] = FOVEA_WEIGHTS,
) -> FoveaFinding:
    """Find the fovea of a photograph whose disc is known.

    Every place 1.6 to 3.8 disc diameters to the temporal side of the disc is weighed by how much darker it is than its
    surroundings, how free of vessels, and how usual its distance and height are (a conditional logit).

    Parameters
    ----------
    evidence : Evidence
    disc_yx : tuple of float
        Centre of the disc in frame pixels.
    disc_radius_px : float
        Its radius in frame pixels.
    laterality : {'OD', 'OS', ''}
        Side of the fovea, left of the disc for OD; both sides are searched where it is unknown.
    weights : tuple of float
        One per entry of :data:`FEATURES`.

    Returns
    -------
    FoveaFinding

    References
    ----------
    Sinthanayothin C et al. Br J Ophthalmol 1999;83:902-10 (a dark place 2.5 disc diameters from the disc). Jonas RA et
    al. PLoS ONE 2015;10:e0131108 and e0141771 (distance and angle). McFadden D. In: Zarembka P (ed). Frontiers in
    Econometrics, 1974:105-42 (conditional logit).
    """
    features, allowed = _features(evidence, disc_yx, disc_radius_px, laterality)
    if not allowed.any():
        return FoveaFinding(False, "its usual place is outside the picture", (math.nan, math.nan), 0.0)
    score = np.where(allowed, np.tensordot(np.asarray(weights, np.float32), features, axes=1), -np.inf)
    likelihood = np.exp(score - score.max())
    y, x = np.unravel_index(int(score.argmax()), score.shape)
    rows, columns = np.ogrid[: score.shape[0], : score.shape[1]]
    diameter = 2 * disc_radius_px / evidence.step
    near = np.hypot(rows - y, columns - x) <= max(_PEAK_DD * diameter, 1.0)
    share = float(likelihood[near].sum() / likelihood.sum())
    if share < _LEAST_SHARE:
        return FoveaFinding(False, "no single dark place without vessels", (math.nan, math.nan), share)
    centre = tuple(float((likelihood * near * axis).sum() / (likelihood * near).sum()) for axis in (rows, columns))
    return FoveaFinding(True, "", evidence.to_frame((centre[0], centre[1])), share)


def _features(
    evidence: Evidence, disc_yx: tuple[float, float], disc_radius_px: float, laterality: str
) -> tuple[Float, NDArray[np.bool_]]:
    """Features of every place of the grid, shape (9, y, x), and where a fovea may be."""
    diameter = 2 * disc_radius_px / evidence.step
    centre_y, centre_x = evidence.from_frame(disc_yx)
    rows, columns = np.ogrid[: evidence.fov.shape[0], : evidence.fov.shape[1]]
    dy, dx = (rows - centre_y) / diameter, (columns - centre_x) / diameter
    distance = np.maximum(np.hypot(dy, dx), 1e-3)
    below = np.degrees(np.arctan2(dy, np.abs(dx)))
    allowed = (
        (distance >= _DISTANCE_RANGE_DD[0])
        & (distance <= _DISTANCE_RANGE_DD[1])
        & (np.abs(below) <= _STEEPEST_DEG)
        & (evidence.depth > _LEAST_DEPTH)
    )
    if laterality:
        allowed &= (dx < 0) if laterality == "OD" else (dx > 0)
    filters, inside = evidence.filters, evidence.fov.astype(np.float32)
    vessel = filters.transform(evidence.vessel)
    green = filters.transform(np.clip(evidence.green, -0.8, 0.4) * inside)
    red = filters.transform(np.clip(evidence.red, -0.8, 0.4) * inside)

    def darkness(plane: NDArray[np.complex64], radii_dd: tuple[float, float, float]) -> Float:
        # Rounded to half pixels, so that the kernels of one photograph serve the next.
        core, inner, outer = (max(round(2 * radius * diameter) / 2, 1.0) for radius in radii_dd)
        return filters.mean(plane, 0, core) - filters.mean(plane, inner, outer)

    longer = np.log(distance / _USUAL_DISTANCE_DD)
    planes = [
        darkness(green, _SMALL_DD),
        darkness(green, _LARGE_DD),
        darkness(red, _LARGE_DD),
        filters.mean(vessel, 0, max(round(0.4 * diameter) / 2, 1.0)),
        filters.mean(vessel, 0, max(round(1.0 * diameter) / 2, 1.0)),
        longer,
        longer**2,
        below / 10,
        (below / 10) ** 2,
    ]
    return np.stack([np.broadcast_to(plane, evidence.fov.shape) for plane in planes]).astype(np.float32), allowed


def fit_fovea_weights(
    samples: Iterable[tuple[Evidence, tuple[float, float], float, tuple[float, float]]], *, penalty: float = 1e-3
) -> tuple[float, ...]:
    """Fit the weights to photographs whose fovea a person has marked.

    Parameters
    ----------
    samples : iterable of (Evidence, disc_yx, disc_radius_px, fovea_yx)
        Points in frame pixels.
    penalty : float
        Ridge penalty.

    Returns
    -------
    tuple of float
        One per entry of :data:`FEATURES`, of the largest conditional likelihood of the marked places.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    designs, marked = [], []
    for evidence, disc_yx, radius_px, fovea_yx in samples:
        features, allowed = _features(evidence, disc_yx, radius_px, "")
        y, x = (round(value) for value in evidence.from_frame(fovea_yx))
        if allowed[y, x]:
            designs.append(features[:, allowed].T.astype(float))
            marked.append(features[:, y, x].astype(float))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = penalty * float(weights @ weights), 2 * penalty * weights
        for design, chosen in zip(designs, marked, strict=True):
            score = design @ weights
            total = logsumexp(score)
            value += float(total - chosen @ weights) / len(designs)
            slope = slope + (np.exp(score - total) @ design - chosen) / len(designs)
        return value, slope

    return tuple(float(w) for w in minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x)
