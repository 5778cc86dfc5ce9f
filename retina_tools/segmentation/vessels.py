"""Vessels by classical filters, without any trained network.

Oriented line filters at three calibres look at the green channel's local contrast in a frame normalised for the
camera (:mod:`~retina_tools.segmentation.vessel_features`); a logistic regression with seven coefficients turns them
into a probability, hysteresis and the removal of specks into a mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.frame import Frame
from retina_tools.segmentation.vessel_features import FEATURES, inner_field, vessel_features, vessel_frame

__all__ = ["VESSEL_WEIGHTS", "VesselFinding", "VesselWeights", "find_vessels", "fit_vessel_weights"]


@dataclass(frozen=True)
class VesselWeights:
    """Coefficients of the logistic regression on :data:`FEATURES`."""

    coefficients: tuple[float, ...]
    intercept: float

    def probability(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of vessel from features, shape (6, ...) to (...)."""
        from scipy.special import expit

        score = np.tensordot(np.asarray(self.coefficients, np.float32), features, axes=1) + np.float32(self.intercept)
        probability: NDArray[np.float32] = expit(score)
        return probability


# Fitted by fit_vessel_weights to the human masks of CHASE_DB1 (CC BY 4.0, Fraz et al. 2012) and HRF (CC BY 4.0, Budai
# et al. 2013), the same number of pixels from every photograph. Fitted to one set and applied to the other they lose
# less than 0.02 in Dice, which a test repeats.
VESSEL_WEIGHTS: Final = VesselWeights((0.403, 0.523, 0.479, -1.138, 0.518, 0.040), -4.638)


# A mask wider than 0.9 of the least length (a large vessel is half of it wide) is a haemorrhage or the macula.
_WIDEST = 0.45
# A short piece that fills more than this share of the square of its extent is a dot, not a stretch of vessel.
_COMPACT = 0.2


@dataclass(frozen=True, eq=False)
class VesselFinding:
    """Vessels of one eye on its own pixels.

    Attributes
    ----------
    mask : ndarray of bool, shape (y, x)
    probability : ndarray of float32, shape (y, x)
        Zero outside the field of view and in its outermost hundredth of a radius.
    frame : Frame
        The frame the filters worked in.
    unit_px : float
        Pixels of that frame per pixel of the frame they were designed in.
    calibre_scale : float
        Width of the large vessels relative to the field, in units of a 60-degree photograph's.
    parameters : dict
        What the result depends on, for the provenance.
    """

    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    frame: Frame
    unit_px: float
    calibre_scale: float
    parameters: dict[str, float] = field(default_factory=dict)


def find_vessels(
    eye: xr.Dataset,
    *,
    low: float = 0.27,
    high: float = 0.6,
    least_length: float = 20.0,
    weights: VesselWeights = VESSEL_WEIGHTS,
) -> VesselFinding:
    """Find the vessels of a fundus photograph.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye with an image.
    low, high : float
        Hysteresis: pixels above ``low`` that connect to one above ``high``. A vessel's edge and its faint stretches are
        as likely background as vessel, so 0.27 agrees better with human masks than 0.5.
    least_length : float
        Pieces shorter than this are dropped; in pixels of the frame the filters were designed for, in which a large
        vessel is about ten wide.
    weights : VesselWeights

    Returns
    -------
    VesselFinding

    Raises
    ------
    EyeError
        The eye has no image, or the thresholds are not 0 < low <= high < 1.

    Notes
    -----
    The probability is calibrated on pixels of two public sets: of the pixels given 0.7 about 7 in 10 are vessel there.
    Elsewhere it is an ordering more than a frequency.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.full((200, 200, 3), 120, np.uint8)
    >>> picture[60:64, 20:180] = 80
    >>> found = find_vessels(schema.new_eye(picture))
    >>> bool(found.mask[62, 100]), bool(found.mask[120, 100])
    (True, False)
    """
    if not 0 < low <= high < 1:
        raise schema.EyeError(f"The thresholds are low={low:g} and high={high:g}, wanted 0 < low <= high < 1.")
    frame, unit_px, scale = vessel_frame(eye)
    probability = weights.probability(vessel_features(frame, unit_px))
    probability[~inner_field(frame)] = 0
    kept = _kept(probability, low, high, least_length * unit_px)
    native = np.clip(frame.to_native(probability), 0, 1) * eye["fov"].values
    # The mask is cut on the eye's own grid, where the probability is smooth; the frame only says which pieces count.
    mask = (native >= low) & _nearby(frame, kept)
    parameters = {"low": low, "high": high, "least_length": least_length, "unit_px": round(unit_px, 3)}
    return VesselFinding(mask, native.astype(np.float32), frame, unit_px, scale, parameters)


def _kept(probability: NDArray[np.float32], low: float, high: float, least_px: float) -> NDArray[np.bool_]:
    """Pieces above ``low`` that reach ``high`` somewhere, extend over ``least_px`` and are no blots."""
    from scipy import ndimage

    above = probability >= low
    above &= ~_blots(above, _WIDEST * least_px)
    pieces, count = ndimage.label(above, structure=np.ones((3, 3)))
    if count == 0:
        return above
    peak = np.asarray(ndimage.maximum(probability, pieces, np.arange(count + 1)))
    area = np.bincount(pieces.ravel(), minlength=count + 1)
    extent = np.zeros(count + 1)
    for index, (rows, columns) in enumerate(ndimage.find_objects(pieces), start=1):
        extent[index] = np.hypot(rows.stop - rows.start, columns.stop - columns.start)
    is_blot = (extent < 4 * least_px) & (area > _COMPACT * extent**2)
    keep = (peak >= high) & (extent >= least_px) & ~is_blot
    keep[0] = False
    kept: NDArray[np.bool_] = keep[pieces]
    return kept


def _blots(above: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """Parts too wide for a vessel: where a disc of this radius fits."""
    from scipy import ndimage

    cores = ndimage.distance_transform_edt(np.pad(above, 1))[1:-1, 1:-1] > radius_px
    if not cores.any():
        return np.zeros_like(above)
    wide: NDArray[np.bool_] = ndimage.distance_transform_edt(~cores) <= radius_px + 1
    return wide


def _nearby(frame: Frame, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Native pixels within one frame pixel of a kept piece."""
    from scipy import ndimage

    return frame.to_native(ndimage.binary_dilation(kept, np.ones((3, 3))), order=0)


def fit_vessel_weights(
    eyes: Iterable[xr.Dataset], *, pixels_per_eye: int = 20_000, seed: int = 0, penalty: float = 1e-4
) -> VesselWeights:
    """Fit the coefficients to eyes whose vessels a person has drawn.

    Parameters
    ----------
    eyes : iterable of xarray.Dataset
        Eyes with an image and the mask ``vessel``.
    pixels_per_eye : int
        Pixels drawn at random from each field of view, so that large pictures do not count more.
    seed : int
        Of the random choice.
    penalty : float
        Ridge penalty on the coefficients.

    Returns
    -------
    VesselWeights

    Raises
    ------
    EyeError
        No eyes, or one without a vessel mask.
    """
    from scipy.optimize import minimize

    random = np.random.default_rng(seed)
    samples = [_sample(eye, random, pixels_per_eye) for eye in eyes]
    if not samples:
        raise schema.EyeError("There are no eyes to fit to; give some with an image and a vessel mask.")
    features = np.concatenate([values for values, _ in samples], axis=1).T.astype(float)
    design = np.column_stack([features, np.ones(len(features))])
    truth = np.concatenate([drawn for _, drawn in samples]).astype(float)
    ridge = np.append(np.full(len(FEATURES), penalty), 0.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = design @ weights
        excess = 1 / (1 + np.exp(-score)) - truth
        value = (np.logaddexp(0, score) - truth * score).mean() + ridge @ weights**2
        return float(value), design.T @ excess / len(truth) + 2 * ridge * weights

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    return VesselWeights(tuple(float(value) for value in found[:-1]), float(found[-1]))


def _sample(eye: xr.Dataset, random: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    truth = schema.get_mask(eye, "vessel")
    if truth is None:
        raise schema.EyeError(f"The eye {eye.image_id.item()!r} has no vessel mask to fit to.")
    frame, unit_px, _ = vessel_frame(eye)
    features = vessel_features(frame, unit_px)
    chosen = random.choice(np.flatnonzero(inner_field(frame)), count)
    drawn = frame.from_native(truth.astype(np.float32)) >= 0.5
    return features.reshape(len(features), -1)[:, chosen], drawn.ravel()[chosen]
