"""The optic disc: found by its light and by where the vessels point, then outlined, or honestly not found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.segmentation.disc_boundary import Margin, fill_margin, fit_circle, trace_cup, trace_disc
from retina_tools.segmentation.disc_hypotheses import propose_discs
from retina_tools.segmentation.landmark_evidence import Evidence, Float, gather_evidence

__all__ = ["DiscFinding", "segment_disc", "usual_disc_radius"]

# Log odds below which a photograph with its disc cut away scores as high; such a place is not called a disc.
_LEAST_SCORE: Final = 0.0
_RADIUS_RANGE: Final = (0.042, 0.15)
_LARGEST_AXIS_RATIO: Final = 1.6
_LEAST_CONTRAST: Final = 0.02
_LEAST_SUPPORT: Final = 0.55


@dataclass(frozen=True, eq=False)
class DiscFinding:
    """The optic disc in the normalised frame, or why there is none.

    Attributes
    ----------
    found : bool
    reason : str
        Why it was not found, in words; empty when it was.
    centre_yx : tuple of float
        Centroid of the mask in frame pixels, (nan, nan) when not found.
    radius_px : float
        Radius of the circle of the mask's area, NaN when not found.
    mask, cup_mask : ndarray of bool, shape (y, x)
        Empty when not found. The cup is a baseline that follows brightness: a photograph has no depth.
    confidence : float
        From 0 to 1.
    """

    found: bool
    reason: str
    centre_yx: tuple[float, float]
    radius_px: float
    mask: NDArray[np.bool_]
    cup_mask: NDArray[np.bool_]
    confidence: float


def usual_disc_radius(calibre_scale: float) -> float:
    """Radius of a usual disc in shares of the field's diameter, from the width of the vessels in the same unit.

    Both grow as a camera sees less of the retina. The width is surveyed coarsely, so the radius follows it by the power
    that fits 60-degree (HRF) and 50-degree (IDRiD) photographs: 0.053 and 0.079.

    Parameters
    ----------
    calibre_scale : float
        See :func:`~retina_tools.segmentation.vessel_features.calibre_scale`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(usual_disc_radius(1.0), 4)
    0.0525
    """
    return float(0.0525 * calibre_scale**0.6)


def segment_disc(
    image: Float,
    fov: NDArray[np.bool_],
    vessel_probability: Float,
    *,
    evidence: Evidence | None = None,
    usual_radius: float = 0.078,
) -> DiscFinding:
    """Find and outline the optic disc of a photograph in the normalised frame.

    Places are scored by how much lighter a disc-sized patch is than its ring, how even it is, and how far the vessels
    around point at it. The best few are outlined and gated by size, roundness and contrast of the outline.

    Parameters
    ----------
    image : ndarray of float32, shape (y, x, 3)
        Red, green, blue in [0, 1]; the longer side is the diameter of the field of view.
    fov : ndarray of bool, shape (y, x)
    vessel_probability : ndarray of float32, shape (y, x)
        In [0, 1].
    evidence : Evidence, optional
        From :func:`~retina_tools.segmentation.landmark_evidence.gather_evidence`, when it has been gathered already.
    usual_radius : float
        Radius of a usual disc in shares of the field's diameter, see :func:`usual_disc_radius`.

    Returns
    -------
    DiscFinding

    References
    ----------
    Hoover A, Goldbaum M. IEEE Trans Med Imaging 2003;22:951-8, doi:10.1109/TMI.2003.815900 (vessels converge at the
    disc). Merickel MB et al. Proc SPIE 2007;6512 (closed minimal path in polar coordinates).

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:240, :240]
    >>> fov = np.hypot(y - 119.5, x - 119.5) < 118
    >>> disc = np.hypot(y - 119.5, x - 170) < 18
    >>> image = (np.float32([0.5, 0.3, 0.1]) + 0.3 * disc[..., None] * fov[..., None]).astype(np.float32)
    >>> finding = segment_disc(image, fov, np.zeros((240, 240), np.float32))
    >>> finding.found, tuple(round(c) for c in finding.centre_yx), round(finding.radius_px)
    (True, (120, 170), 18)
    """
    if fov.sum() < 100 or float(np.ptp(image[fov], axis=0).max()) < 0.02:
        return _not_found(fov.shape, "the picture shows nothing: it is all of one brightness")
    if evidence is None:
        evidence = gather_evidence(image, fov, vessel_probability)
    reason = "no disc-sized patch lighter than its surroundings"
    best: tuple[float, Margin] | None = None
    for rank, hypothesis in enumerate(propose_discs(evidence, usual_radius)):
        if hypothesis.score < _LEAST_SCORE:
            if rank == 0:
                reason = "no place is as light, even and met by vessels as an optic disc"
            continue
        margin = _outline(image, fov, vessel_probability, evidence.to_frame(hypothesis.centre_yx), usual_radius)
        if objection := _objection(margin, max(fov.shape)):
            reason = reason if rank else f"the most likely place is not the disc: {objection}"
        elif best is None or hypothesis.score + 2 * margin.support > best[0] + 2 * best[1].support:
            best = hypothesis.score, margin
    if best is None:
        return _not_found(fov.shape, reason)
    score, margin = best
    return _finding(image, fov, vessel_probability, score, margin)


def _outline(
    image: Float,
    fov: NDArray[np.bool_],
    vessel_probability: Float,
    centre_yx: tuple[float, float],
    usual_radius: float,
) -> Margin:
    guess = fit_circle(image, fov, vessel_probability, centre_yx, usual_radius)
    return trace_disc(image, fov, vessel_probability, *guess)


def _objection(margin: Margin, diameter_px: int) -> str:
    """What is wrong with an outline as a disc's, in words; empty if nothing is."""
    size = margin.mean_radius_px / diameter_px
    if not _RADIUS_RANGE[0] <= size <= _RADIUS_RANGE[1]:
        low, high = 2 * _RADIUS_RANGE[0], 2 * _RADIUS_RANGE[1]
        return f"its diameter is {2 * size:.2f} of the field's, wanted {low:.2f} to {high:.2f}"
    if margin.axis_ratio > _LARGEST_AXIS_RATIO:
        return f"it is {margin.axis_ratio:.1f} times as long as wide"
    if margin.contrast < _LEAST_CONTRAST:
        return "it is no lighter than what surrounds it"
    if margin.support < _LEAST_SUPPORT:
        return f"only {margin.support:.0%} of its margin is seen"
    return ""


def _finding(
    image: Float, fov: NDArray[np.bool_], vessel_probability: Float, score: float, margin: Margin
) -> DiscFinding:
    mask = fill_margin(margin, fov.shape) & fov
    if not mask.any():
        return _not_found(fov.shape, "the most likely place is outside the field of view")
    cup = fill_margin(trace_cup(image, fov, vessel_probability, margin), fov.shape) & mask
    rows, columns = np.nonzero(mask)
    return DiscFinding(
        found=True,
        reason="",
        centre_yx=(float(rows.mean()), float(columns.mean())),
        radius_px=math.sqrt(float(mask.sum()) / math.pi),
        mask=mask,
        cup_mask=cup,
        confidence=float(margin.support / (1 + math.exp(-score))),
    )


def _not_found(shape: tuple[int, int], reason: str) -> DiscFinding:
    empty = np.zeros(shape, bool)
    return DiscFinding(False, reason, (math.nan, math.nan), math.nan, empty, empty.copy(), 0.0)
