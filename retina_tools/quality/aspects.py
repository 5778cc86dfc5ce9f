"""What the verdict is made of: aspects of a photograph, each with the limits between bad and good, and in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retina_tools.quality.frame import Frame
from retina_tools.quality.likeness import evidence

GRADABLE_SCORE: Final = 0.5
_FWHM: Final = 2 * math.sqrt(2 * math.log(2))

Values = Mapping[str, float]


@dataclass(frozen=True)
class Aspect:
    """One aspect of quality.

    Attributes
    ----------
    name : str
        For example ``'sharpness'``.
    measure : callable
        ``measure(values, frame)``: the number that is judged; mostly a feature.
    knots : (float, float, float)
        The number at which the aspect scores 0, 0.5 (the limit of what is gradable) and 1; linear between.
    sentence : callable
        ``sentence(values, frame)``: what is wrong where the aspect fails, without a full stop.
    adjective : str
        The same in a word or two, after "it is also".
    definition : str
        What is judged.
    undefined : float
        Score where the number is NaN.
    """

    name: str
    measure: Callable[[Values, Frame], float]
    knots: tuple[float, float, float]
    sentence: Callable[[Values, Frame], str]
    adjective: str
    definition: str
    undefined: float = 0.0

    def score(self, values: Values, frame: Frame) -> float:
        """Between 0 and 1; 0.5 and more is gradable."""
        value = self.measure(values, frame)
        if math.isnan(value):
            return self.undefined
        knots, scores = np.array(self.knots), np.array([0.0, GRADABLE_SCORE, 1.0])
        order = np.argsort(knots)
        return float(np.interp(value, knots[order], scores[order]))


def verdict(values: Values, frame: Frame) -> tuple[dict[str, float], str]:
    """Score of every aspect, and the reason why a photograph is not gradable ('' where it is).

    Parameters
    ----------
    values : mapping of str to float
        All features.
    frame : Frame

    Returns
    -------
    (dict of str to float, str)
    """
    scores = {aspect.name: aspect.score(values, frame) for aspect in ASPECTS}
    failed = [aspect for aspect in ASPECTS if scores[aspect.name] < GRADABLE_SCORE]
    failed.sort(key=lambda aspect: scores[aspect.name])
    if not failed:
        return scores, ""
    # What is certainly no fundus needs no other blame, and in a bad picture of one a fundus is hard to recognise. The
    # order of the list decides between equals.
    others = [aspect for aspect in failed if aspect.name != "likeness"]
    if (others and scores["likeness"] > 0) or failed[0] in others:
        failed = others
    elif others:
        failed = failed[:1]
    # What noise hides cannot be called blurred.
    if scores["noise"] < GRADABLE_SCORE:
        failed = [aspect for aspect in failed if aspect.name != "sharpness"]
    also = [aspect.adjective for aspect in failed[1:]]
    return scores, failed[0].sentence(values, frame) + (f"; it is also {_listed(also)}." if also else ".")


def aspects() -> pd.DataFrame:
    """What the verdict is made of, one row per aspect.

    Returns
    -------
    pandas.DataFrame
        Columns ``name, definition, score_0, score_half, score_1``: the values at which the aspect scores 0, 0.5 (the
        limit of what is gradable) and 1. The score of a photograph is that of its worst aspect.

    Examples
    --------
    >>> aspects()["name"].tolist()
    ['exposure', 'brightness', 'likeness', 'contrast', 'sharpness', 'noise', 'compression', 'illumination', 'field',
    'resolution']
    """
    columns = ["name", "definition", "score_0", "score_half", "score_1"]
    return pd.DataFrame([(a.name, a.definition, *a.knots) for a in ASPECTS], columns=columns)


def _feature(name: str) -> Callable[[Values, Frame], float]:
    return lambda values, frame: values[name]


def _overexposed(values: Values, frame: Frame) -> float:
    # Red alone shows little, and is clipped in many a good photograph.
    return values["bright_share"] + values["red_clipped_share"] / 8


def _blur_um(values: Values, frame: Frame) -> float:
    return values["blur_width"] * frame.side_px * frame.um_per_pixel


def _blurred(values: Values, frame: Frame) -> str:
    finest = _FWHM * _blur_um(values, frame)
    if not math.isfinite(finest) or finest > 300:
        return "The picture is blurred; hardly any vessel can be seen"
    assumed = "" if frame.scale_known else f" (if the picture is {frame.field_deg:.0f} degrees wide)"
    directed = values["blur_direction"] > 0.25
    how = "blurred in one direction, as by motion" if directed else "blurred"
    return f"The picture is {how}; vessels finer than {max(10 * round(finest / 10), 10)} um cannot be seen{assumed}"


def _unlike(values: Values, frame: Frame) -> str:
    found = frame.remember("evidence", evidence)
    why = {
        "no dark vessels that run through it are seen": found.vessels,
        "its colour is not that of a fundus": found.colour if not frame.is_grey else math.inf,
        "it is patchy where a fundus is smooth": found.smoothness,
    }
    reasons = sorted((reason for reason in why if why[reason] < -0.4), key=lambda reason: why[reason])
    return f"The picture does not look like a fundus photograph: {_listed(reasons or [min(why, key=lambda r: why[r])])}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


ASPECTS: Final = (
    Aspect(
        "exposure",
        _overexposed,
        (0.60, 0.18, 0.03),
        lambda values, frame: f"The picture is over-exposed; {values['bright_share']:.0%} of it is white",
        "over-exposed",
        "Share of the field of view where green is over-exposed, and an eighth of where red is.",
    ),
    Aspect(
        "brightness",
        _feature("brightness"),
        (4.0, 20.0, 50.0),
        lambda values, frame: f"The picture is dark; its brightness is {values['brightness']:.0f} of 255",
        "dark",
        "Median luminance in grey levels.",
    ),
    Aspect(
        "likeness",
        _feature("fundus_evidence"),
        (-4.0, 0.0, 1.5),
        _unlike,
        "unlike a fundus photograph",
        "Evidence for a fundus photograph.",
    ),
    Aspect(
        "contrast",
        _feature("vessel_contrast"),
        (0.002, 0.0115, 0.04),
        lambda values, frame: "The picture is hazy; vessels hardly stand out from their surroundings",
        "hazy",
        "Contrast of the main vessels.",
    ),
    Aspect(
        "sharpness",
        _blur_um,
        (110.0, 48.0, 15.0),
        _blurred,
        "blurred",
        "Width of the blur (standard deviation) in micrometres; the field of view is taken as 45 degrees wide, or 15 "
        "where no aperture is seen, unless the scale is known.",
    ),
    Aspect(
        "noise",
        _feature("relative_noise"),
        (0.40, 0.15, 0.05),
        lambda values, frame: f"The picture is noisy; the noise is {values['relative_noise']:.0%} of the brightness",
        "noisy",
        "Noise of green over its median.",
    ),
    Aspect(
        "compression",
        _feature("blockiness"),
        (9.0, 4.0, 0.6),
        lambda values, frame: "The picture is compressed too hard; the blocks of JPEG hide detail",
        "compressed too hard",
        "Visibility of JPEG blocks.",
        undefined=1.0,
    ),
    Aspect(
        "illumination",
        _feature("dim_share"),
        (0.80, 0.50, 0.30),
        lambda values, frame: f"The picture is unevenly lit; {values['dim_share']:.0%} of the field of view is dim",
        "unevenly lit",
        "Share of the field of view that is dim.",
    ),
    Aspect(
        "field",
        _feature("fov_coverage"),
        (0.10, 0.30, 0.50),
        lambda values, frame: f"The picture shows only {values['fov_coverage']:.0%} of its round field of view",
        "cut off",
        "Visible part of the round field of view.",
    ),
    Aspect(
        "resolution",
        _feature("fov_width"),
        (30.0, 120.0, 250.0),
        lambda values, frame: f"The picture is too small; its field of view is only {frame.width_px:.0f} pixels wide",
        "too small",
        "Width of the field of view in pixels.",
    ),
)
