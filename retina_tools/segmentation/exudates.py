"""Hard exudates by a classical baseline: bright spots with sharp edges, told from reflexes by six properties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.background import local_contrast
from retina_tools.segmentation.frame import Frame

__all__ = ["ExudateWeights", "fit_exudate_weights", "segment_exudates"]

Floats = NDArray[np.float64]

_FRAME_PX: Final = 900
_BACKGROUND_PX: Final = 35.0
_BLUR_PX: Final = 1.0
# A spot is this much brighter than its surroundings (as a logarithm), and more than the retina's own texture.
_LEAST_CONTRAST: Final = 0.10
_LEAST_NOISES: Final = 2.5
# The margin of the field is bright and dark by turns, and the disc is bright altogether.
_EDGE_PX: Final = 12
_DISC_MARGIN_PX: Final = 8
_DISC_SHARE: Final = 0.3
# A spot counts as an exudate in fitting where so much of it is drawn as one.
_DRAWN_SHARE: Final = 0.3
_PROPERTIES: Final = ("edge", "contrast", "area", "yellow", "surroundings", "texture")


@dataclass(frozen=True)
class ExudateWeights:
    """Logistic regression on the properties of a bright spot.

    Attributes
    ----------
    weight : tuple of float
        Per unit of: logarithm of the mean slope of its edge, of its highest contrast, of its area, of green over blue;
        mean contrast of its surroundings; logarithm of the texture of the retina.
    bias : float
    """

    weight: tuple[float, ...]
    bias: float

    def probability(self, properties: Floats) -> Floats:
        """Probability of each spot, shape (n,), from its properties, shape (n, 6)."""
        return np.asarray(1 / (1 + np.exp(-(properties @ np.array(self.weight) + self.bias))))


#: Fitted to the 2690 spots of 14 photographs of part A of IDRiD; left out one by one, they are told apart with an area
#: under the curve of 0.87.
FITTED: Final = ExudateWeights((2.354, 5.519, -1.183, 0.755, 15.385, -10.458), -11.308)
# Chosen on half of the graded photographs of IDRiD, whose healthy ones show reflexes that part A has none of.
_LEAST_PROBABILITY: Final = 0.95


@dataclass(frozen=True, eq=False)
class _Spots:
    """Bright spots of a frame: their labels from 1, shape (y, x), and their properties, shape (n, 6)."""

    labels: NDArray[np.int32]
    properties: Floats


def segment_exudates(
    eye: xr.Dataset, *, least_probability: float = _LEAST_PROBABILITY, weights: ExudateWeights = FITTED
) -> xr.Dataset:
    """Draw the hard exudates of an eye. A baseline: it misses pale ones and takes some reflexes and drusen for them.

    Parameters
    ----------
    eye : xarray.Dataset
        With an image, and a mask of the optic disc (``segment(eye, "optic_disc")``), which is as bright as exudates.
    least_probability : float
        From 0 to 1; higher finds fewer and surer ones. That of the default suits questions about the eye (is there any,
        how near to the fovea); 0.5 draws more of what is there, and more reflexes.
    weights : ExudateWeights
        Those shipped were fitted to IDRiD; :func:`fit_exudate_weights` makes others.

    Returns
    -------
    xarray.Dataset
        A new eye with the mask ``hard_exudate``; empty where none was found.

    Raises
    ------
    EyeError
        The eye has no image or no mask of the disc, or the probability is none.

    Examples
    --------
    >>> from retina_tools import phantom, schema
    >>> eye = phantom.eye("6 macular hard exudates", seed=1, size=512)
    >>> disc = schema.get_mask(eye, "optic_disc")
    >>> found = segment_exudates(schema.with_parts(schema.without_masks(eye), masks={"optic_disc": disc}))
    >>> bool(schema.get_mask(found, "hard_exudate").any())
    True
    """
    schema.validate(eye)
    if not 0 <= least_probability <= 1:
        raise schema.EyeError(f"least_probability is {least_probability!r}, wanted a number from 0 to 1.")
    frame = Frame.of(eye, diameter_px=_FRAME_PX)
    spots = _find_spots(frame, _disc_of(eye))
    chosen = np.append(False, weights.probability(spots.properties) >= least_probability)
    mask = frame.to_native(chosen[spots.labels]) & eye["fov"].values
    step = f"hard exudates by a classical baseline (least probability {least_probability:g})"
    return schema.with_parts(eye, masks={"hard_exudate": mask}, step=step)


def fit_exudate_weights(eyes: Iterable[xr.Dataset], *, ridge: float = 1.0) -> ExudateWeights:
    """Fit the weights to eyes whose exudates and discs are drawn.

    Parameters
    ----------
    eyes : iterable of xarray.Dataset
        With an image and the masks ``hard_exudate`` and ``optic_disc``.
    ridge : float
        Penalty on the squared weights of standardised properties.

    Returns
    -------
    ExudateWeights

    Raises
    ------
    EyeError
        An eye lacks a part, or there are no spots of both kinds.
    """
    from scipy import ndimage

    properties: list[Floats] = []
    drawn: list[Floats] = []
    for eye in eyes:
        exudates = schema.get_mask(eye, "hard_exudate")
        if exudates is None:
            raise schema.EyeError("Fitting needs drawn exudates; an eye has no mask 'hard_exudate'.")
        frame = Frame.of(eye, diameter_px=_FRAME_PX)
        spots = _find_spots(frame, _disc_of(eye))
        inside = frame.from_native(exudates.astype(np.float32)) >= 0.4
        share = ndimage.mean(inside, spots.labels, np.arange(1, len(spots.properties) + 1))
        properties.append(spots.properties)
        drawn.append((np.asarray(share) > _DRAWN_SHARE).astype(np.float64))
    x, y = np.concatenate([np.empty((0, len(_PROPERTIES))), *properties]), np.concatenate([np.empty(0), *drawn])
    if not 0 < y.sum() < len(y):
        raise schema.EyeError(f"Fitting needs spots that are exudates and such that are not, got {len(y)} spots.")
    mean, spread = x.mean(axis=0), x.std(axis=0)
    weight = _logistic(np.column_stack([(x - mean) / spread, np.ones(len(x))]), y, ridge)
    scaled = weight[:-1] / spread
    return ExudateWeights(tuple(scaled.tolist()), float(weight[-1] - scaled @ mean))


def _disc_of(eye: xr.Dataset) -> NDArray[np.bool_]:
    disc = schema.get_mask(eye, "optic_disc")
    if disc is None:
        raise schema.EyeError(
            "The disc is as bright as exudates and has to be known; "
            'draw it first, for example by segment(eye, "optic_disc").'
        )
    return disc


def _find_spots(frame: Frame, disc: NDArray[np.bool_]) -> _Spots:
    """The places brighter than their surroundings, and what tells exudates from the others."""
    from scipy import ndimage

    green = frame.image[..., 1]
    contrast = ndimage.gaussian_filter(local_contrast(green, frame.fov, sigma_px=_BACKGROUND_PX), _BLUR_PX)
    inner = ndimage.binary_erosion(np.pad(frame.fov, 1), iterations=_EDGE_PX)[1:-1, 1:-1]
    seen = contrast[inner]
    texture = 1.4826 * float(np.median(np.abs(seen - np.median(seen)))) if seen.size else 0.0
    bright = (contrast > max(_LEAST_CONTRAST, _LEAST_NOISES * texture)) & inner
    bright &= ~_on_disc(bright, frame.from_native(disc.astype(np.float32)) > 0.5)
    labels, count = ndimage.label(bright, np.ones((3, 3)))
    if not count:
        return _Spots(labels, np.empty((0, len(_PROPERTIES))))
    which = np.arange(1, count + 1)
    rim = np.where(bright & ~ndimage.binary_erosion(bright), labels, 0)
    slope = np.hypot(ndimage.sobel(contrast, 0), ndimage.sobel(contrast, 1)) / 8
    colour = [np.asarray(ndimage.mean(frame.image[..., channel], labels, which)) for channel in (1, 2)]
    around = ndimage.gaussian_filter(contrast * inner, 12 * _BLUR_PX)
    properties = np.column_stack(
        [
            np.log(np.asarray(ndimage.mean(slope, rim, which)) + 0.002),
            np.log(np.asarray(ndimage.maximum(contrast, labels, which)) + 0.01),
            np.log(np.bincount(labels.ravel(), minlength=count + 1)[1:]),
            np.log((colour[0] + 0.01) / (colour[1] + 0.01)),
            np.asarray(ndimage.mean(around, labels, which)),
            np.full(count, np.log(texture + 1e-4)),
        ]
    )
    return _Spots(labels, properties)


def _on_disc(bright: NDArray[np.bool_], disc: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The whole of those spots that are the disc's, or its halo's: what the disc cut in two would leave looks sharp."""
    from scipy import ndimage

    labels, _ = ndimage.label(bright, np.ones((3, 3)))
    around = ndimage.binary_dilation(disc, iterations=_DISC_MARGIN_PX)
    pixels = np.bincount(labels.ravel())
    share = np.bincount(labels[around], minlength=len(pixels)) / np.maximum(pixels, 1)
    share[0] = 0.0
    found: NDArray[np.bool_] = (share >= _DISC_SHARE)[labels] | (bright & disc)
    return found


def _logistic(x: Floats, y: Floats, ridge: float) -> Floats:
    """Weights of a ridge logistic regression by Newton's method; the last column, the bias, is not penalised."""
    weight: Floats = np.zeros(x.shape[1])
    penalty = np.append(np.full(x.shape[1] - 1, ridge), 0.0)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ weight)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.asarray(np.linalg.solve(curvature, x.T @ (y - p) - penalty * weight), np.float64)
        weight = np.asarray(weight + step, np.float64)
        if np.abs(step).max() < 1e-9:
            break
    return weight
