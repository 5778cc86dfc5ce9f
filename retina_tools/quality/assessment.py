"""The judgement of one eye."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from retina_tools.io import find_fov
from retina_tools.quality.aspects import ASPECTS, GRADABLE_SCORE, verdict
from retina_tools.quality.frame import SMALLEST_PX, Frame, field_width
from retina_tools.quality.registry import FEATURES
from retina_tools.schema import EyeError, validate


def assess(eye: xr.Dataset) -> xr.Dataset:
    """Judge whether a photograph is good enough to be graded and measured.

    Parameters
    ----------
    eye : xarray.Dataset
        With an image. Only its field of view is judged; where that is the whole frame, a dark surround is looked for.

    Returns
    -------
    xarray.Dataset
        ``score``, 0 to 1: that of the worst aspect. ``gradable``: whether it is at least 0.5. ``reason``: one sentence
        that says what is wrong, worst first; empty when gradable. ``aspect_score`` (aspect): the score of each, see
        `aspects`. And one variable per feature, see `features`, with ``units``, ``long_name``, ``definition``,
        ``source`` and ``family``; NaN where it is not defined. Nothing changes when the picture is mirrored or turned
        by 90 degrees, and little when it is resized.

    Raises
    ------
    EyeError
        The eye has no image, or is none.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> good = assess(phantom.eye(seed=3, size=512))
    >>> bool(good.gradable), good.reason.item()
    (True, '')
    >>> bad = assess(phantom.eye(seed=3, size=512, blur_um=100))
    >>> bool(bad.gradable), bad.reason.item()[:23]
    (False, 'The picture is blurred;')
    """
    validate(eye)
    if "image" not in eye:
        raise EyeError("This eye has no image, so its quality cannot be judged; add the photograph first.")
    image, fov = eye["image"].values, eye["fov"].values
    if fov.all():
        fov = find_fov(image)
    frame = Frame.of(image, fov, float(eye.attrs["um_per_pixel"]))
    if frame is None:
        reason = _unusable(image, fov)
        return _judged(eye, dict.fromkeys(FEATURES, math.nan), {aspect.name: math.nan for aspect in ASPECTS}, reason)
    values = {name: float(entry.function(frame)) for name, entry in FEATURES.items()}
    scores, reason = verdict(values, frame)
    return _judged(eye, values, scores, reason)


def _unusable(image: np.ndarray, fov: np.ndarray) -> str:
    """Why there is no frame to compute anything from."""
    if not fov.any():
        if image.max() <= 12 or not find_fov(image).any():
            return "The picture is black; nothing can be seen."
        return "The field of view is empty; there is nothing to be judged."
    wide = field_width(fov)
    if min(image.shape[:2]) < SMALLEST_PX or wide < SMALLEST_PX:
        return f"The picture is too small; its field of view is only {wide:.0f} pixels wide."
    return "The field of view is no more than a strip; it is too narrow to be judged."


def _judged(eye: xr.Dataset, values: dict[str, float], scores: dict[str, float], reason: str) -> xr.Dataset:
    known = [score for score in scores.values() if math.isfinite(score)]
    score = min(known) if known else 0.0
    variables: dict[str, Any] = {
        "score": ((), score, {"long_name": "Quality score", "units": "1", "valid_range": [0.0, 1.0]}),
        "gradable": ((), score >= GRADABLE_SCORE, {"long_name": "Whether the photograph is gradable"}),
        "reason": ((), reason, {"long_name": "Why it is not gradable"}),
        "aspect_score": (
            ("aspect",),
            np.array(list(scores.values())),
            {"long_name": "Score of each aspect of quality", "units": "1", "valid_range": [0.0, 1.0]},
        ),
    }
    for name, entry in FEATURES.items():
        about = {"units": entry.units, "long_name": entry.label, "family": entry.family}
        variables[name] = ((), values[name], about | {"definition": entry.definition, "source": entry.source})
    keys = {key: eye.coords[key].item() for key in ("image_id", "patient_id", "laterality")}
    return xr.Dataset(variables, coords={"aspect": list(scores), **keys})
