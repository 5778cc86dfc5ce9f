"""Likeness features: whether this is a photograph of a fundus at all.

Three things speak for it: a tree of dark lines that run far (vessels), the colour of blood and pigment, and a surface
that is smooth between vessels and large-scale shading. None of them is in every fundus photograph, so that their
evidence is added up.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.quality.colour import red_first_share, red_share
from retina_tools.quality.contrast import vessel_contrast
from retina_tools.quality.frame import SIDE, Frame
from retina_tools.quality.registry import feature
from retina_tools.quality.resampling import smooth_mean

_LONG: Final = 0.15  # of the field's width: letters, hairs and grain are shorter
_LINES: Final = 92  # percentile above which lines are looked at
_ENOUGH_REACH: Final = 0.8  # of the field's width
_GRAIN: Final = 0.008  # line strength of pictures in which lines are no more than grain

# Points for and against a fundus, meant as natural logarithms of likelihood ratios but set by hand, by looking at 200
# photographs of public sets and 60 pictures of other things. Tables hold values of a measure and the points for them.
_OF_VESSELS: Final = 3.0
_OF_COLOUR: Final = ((0.34, 0.40, 0.44, 0.48, 0.54), (-5.0, -2.5, -0.3, 1.5, 2.5))
_OF_GREY: Final = -1.5
_OF_PATCHES: Final = ((0.03, 0.08, 0.13, 0.20, 0.30), (1.5, 0.5, -0.5, -2.5, -4.0))
_OF_APERTURE: Final = 1.0


class LineTree(NamedTuple):
    """How dark lines compare with bright ones, how many of them are long, and how far the longest reaches."""

    asymmetry: float
    long_share: float
    reach: float


class Evidence(NamedTuple):
    """What speaks for a fundus (positive) and against it (negative)."""

    vessels: float
    colour: float
    smoothness: float
    aperture: float


def line_tree(frame: Frame) -> LineTree:
    """Measure the dark lines of a picture, whatever they are."""
    halves, inside = frame.long_lines
    pairs = [(lines, frame.inside) for lines in (frame.fine_lines, frame.lines)] + [(lines, inside) for lines in halves]
    ratios = [_strength(lines.dark, mask) / _strength(lines.bright, mask) for lines, mask in pairs]
    found = [_connected(lines.dark, inside) for lines in halves]
    return LineTree(
        asymmetry=math.exp(sum(map(math.log, ratios)) / len(ratios)),
        long_share=sum(share for share, _ in found) / len(found),
        reach=max(reach for _, reach in found),
    )


def evidence(frame: Frame) -> Evidence:
    """What is known of a picture, for and against a fundus."""
    if frame.is_grey:
        colour = _OF_GREY
    else:
        colour = float(np.interp(red_share(frame), *_OF_COLOUR)) - 5 * max(0.0, 0.9 - red_first_share(frame))
    return Evidence(
        vessels=max(_OF_VESSELS * math.log(max(vessel_tree(frame), 1e-6)), -8.0),
        colour=colour,
        smoothness=float(np.interp(patchiness(frame), *_OF_PATCHES)),
        aperture=0.0 if frame.is_full else _OF_APERTURE,
    )


@feature(
    "line_asymmetry",
    family="likeness",
    label="Dark over bright lines",
    definition=(
        "97th percentile of the strength of dark lines over that of bright ones, geometric mean of four widths: "
        "1 for noise and most scenes, 1.2 to 1.6 for a fundus, whose vessels are dark."
    ),
    source="This package",
)
def line_asymmetry(frame: Frame) -> float:
    """How much stronger dark lines are than bright ones."""
    return frame.remember("line tree", line_tree).asymmetry


@feature(
    "long_line_share",
    family="likeness",
    label="Part of dark lines in long ones",
    definition=(
        "Of the strongest 8 % of the field of view along dark lines, the share in connected pieces that extend over "
        "0.15 of the field's width or more."
    ),
    source="This package",
)
def long_line_share(frame: Frame) -> float:
    """How much of the dark lines belongs to long ones."""
    return frame.remember("line tree", line_tree).long_share


@feature(
    "line_reach",
    family="likeness",
    label="Reach of the longest dark line",
    definition="Diagonal of the box around the largest connected piece of dark lines over the field's width.",
    source="This package",
)
def line_reach(frame: Frame) -> float:
    """How far the longest dark line reaches."""
    return frame.remember("line tree", line_tree).reach


@feature(
    "vessel_tree",
    family="likeness",
    label="Presence of a vessel tree",
    definition=(
        "line_asymmetry**3 * long_line_share * min(line_reach, 0.8) * c / (c + 0.008) with the vessel contrast c: "
        "above 1 for most fundi, below 0.5 for most other pictures."
    ),
    source="This package",
)
def vessel_tree(frame: Frame) -> float:
    """Whether dark lines are there that run on as vessels do."""
    tree = frame.remember("line tree", line_tree)
    contrast = frame.remember("vessel contrast", vessel_contrast)
    strong = contrast / (contrast + _GRAIN)
    return tree.asymmetry**3 * tree.long_share * min(tree.reach, _ENOUGH_REACH) * strong


@feature(
    "patchiness",
    family="likeness",
    label="Patchiness",
    definition=(
        "Robust standard deviation of green between averages over 1/80 and 1/20 of the field's width, relative to the "
        "latter: small for the smooth surface of a fundus, large for scenes with things in them."
    ),
    source="This package",
)
def patchiness(frame: Frame) -> float:
    """How much middle-sized structure there is."""
    return frame.remember("patchiness", _patchiness)


@feature(
    "fundus_evidence",
    family="likeness",
    label="Evidence for a fundus photograph",
    definition=(
        "Sum of the points that vessels, colour, smoothness and a visible aperture give for (positive) or against "
        "(negative) a fundus photograph; set by hand, not a calibrated probability."
    ),
    source="This package",
)
def fundus_evidence(frame: Frame) -> float:
    """All evidence together."""
    return sum(frame.remember("evidence", evidence))


def _patchiness(frame: Frame) -> float:
    middle = smooth_mean(frame.planes[1], frame.fov, SIDE / 80) - frame.background
    relative = (middle / (frame.background + 8))[frame.inside]
    return 1.4826 * float(np.median(np.abs(relative - np.median(relative))))


def _strength(lines: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(np.percentile(lines[mask], 97)) + 1e-4 if mask.any() else 1e-4


def _connected(dark: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the strongest dark lines in long pieces, and the extent of the longest."""
    if not inside.any():
        return 0.0, 0.0
    threshold = max(float(np.percentile(dark[inside], _LINES)), 1e-4)
    labels, count = ndimage.label((dark > threshold) & inside, np.ones((3, 3)))
    if not count:
        return 0.0, 0.0
    boxes = ndimage.find_objects(labels)
    extent = np.array([math.hypot(*(part.stop - part.start for part in box)) for box in boxes]) / (SIDE / 2)
    size = np.bincount(labels.ravel())[1:]
    return float(size[extent > _LONG].sum() / size.sum()), float(extent.max())
