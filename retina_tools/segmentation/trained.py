"""Structures drawn by the shipped networks, in the shape the chain and its classical parts speak."""

from __future__ import annotations

import importlib.util
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.segmentation.networks.predict import Prediction, predict
from retina_tools.segmentation.networks.store import load_network, weight_folder
from retina_tools.segmentation.vessel_features import FULL_PX, calibre_scale
from retina_tools.segmentation.vessels import VesselFinding

__all__ = ["MODELS", "artery_share", "has_network", "has_torch", "trained_lesions", "trained_vessels"]

#: The shipped model that draws a structure by default.
MODELS: Final = {
    "vessel": "vessels",
    "artery": "artery_vein",
    "vein": "artery_vein",
    "microaneurysm": "lesions",
    "haemorrhage": "lesions",
    "hard_exudate": "lesions",
    "cotton_wool_spot": "lesions",
}

# A piece of vessel is as long as this share of the field's diameter and is somewhere surer than the threshold.
_LEAST_EXTENT: Final = 0.02
_PEAK: Final = 0.2
# Lesions smaller than this many millionths of the field's area are specks (a microaneurysm has about 10).
_LEAST_LESION: Final = 1.5e-6


def has_torch() -> bool:
    """Whether networks can be asked at all."""
    return importlib.util.find_spec("torch") is not None


def has_network(structure: str) -> bool:
    """Whether a shipped network can draw the structure here: its weights and torch are there."""
    name = MODELS.get(structure)
    if name is None or not has_torch():
        return False
    return (weight_folder() / f"{name}.safetensors").is_file()


def _threshold(structure: str) -> float:
    return load_network(MODELS[structure])[0].thresholds[structure]


def trained_vessels(eye: xr.Dataset, *, views: int, memory_mb: float) -> VesselFinding:
    """Vessels by the shipped network.

    Parameters
    ----------
    eye : xarray.Dataset
    views : int
        See :func:`~retina_tools.segmentation.networks.predict.predict`.
    memory_mb : float

    Returns
    -------
    VesselFinding
        Its frame is the network's.
    """
    prediction = predict(eye, MODELS["vessel"], views=views, memory_mb=memory_mb)
    probability, threshold = prediction.probability["vessel"], _threshold("vessel")
    diameter_px = prediction.frame.circle.diameter_px
    mask = _stretches(probability, threshold, _LEAST_EXTENT * diameter_px)
    parameters = {"threshold": threshold, "views": float(views)}
    scale = calibre_scale(eye)
    unit_px = prediction.frame.diameter_px * scale / FULL_PX
    return VesselFinding(mask, probability, prediction.frame, unit_px, scale, parameters)


def _stretches(probability: NDArray[np.float32], threshold: float, least_px: float) -> NDArray[np.bool_]:
    """Pieces above the threshold that extend far enough and are somewhere surely vessel."""
    from scipy import ndimage

    above = probability >= threshold
    pieces, count = ndimage.label(above, structure=np.ones((3, 3)))
    if count == 0:
        return above
    keep = np.asarray(ndimage.maximum(probability, pieces, np.arange(count + 1))) >= min(threshold + _PEAK, 0.95)
    for index, (rows, columns) in enumerate(ndimage.find_objects(pieces), start=1):
        keep[index] &= np.hypot(rows.stop - rows.start, columns.stop - columns.start) >= least_px
    keep[0] = False
    kept: NDArray[np.bool_] = keep[pieces]
    return kept


def artery_share(eye: xr.Dataset, vessel: NDArray[np.float32], *, views: int, memory_mb: float) -> NDArray[np.float32]:
    """How far a vessel pixel is rather artery (1) than vein (0), on the eye's pixels."""
    prediction = predict(eye, MODELS["artery"], vessel=vessel, views=views, memory_mb=memory_mb)
    artery, vein = (prediction.probability[name] for name in ("artery", "vein"))
    share: NDArray[np.float32] = (artery + 1e-4) / (artery + vein + 2e-4)
    return share


def trained_lesions(
    eye: xr.Dataset, wanted: set[str], *, views: int, memory_mb: float
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.float32]]]:
    """Masks and probabilities of lesions by the shipped network."""
    prediction = predict(eye, MODELS["haemorrhage"], views=views, memory_mb=memory_mb)
    masks = {name: _spots(prediction, name) for name in wanted}
    return masks, {name: prediction.probability[name] for name in wanted}


def _spots(prediction: Prediction, name: str) -> NDArray[np.bool_]:
    from scipy import ndimage

    above = prediction.probability[name] >= _threshold(name)
    pieces, count = ndimage.label(above, structure=np.ones((3, 3)))
    if count == 0:
        return above
    area = np.bincount(pieces.ravel(), minlength=count + 1)
    keep = area >= _LEAST_LESION * np.pi / 4 * prediction.frame.circle.diameter_px**2
    keep[0] = False
    kept: NDArray[np.bool_] = keep[pieces]
    return kept
