"""How many lesions there are, how much retina they take, and how much of each zone can be seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.frame import ZONES
from retina_tools.biomarkers.registry import ETDRS, QUADRANTS, Status, Unmeasurable, biomarker
from retina_tools.schema import get_mask

_SOURCE: Final = "Porwal P et al. Data 2018;3:25 (IDRiD); own definition"


def _lesion_mask(anatomy: Anatomy, lesion: str) -> NDArray[np.bool_]:
    mask = get_mask(anatomy.eye, lesion)
    if mask is None:
        raise Unmeasurable(Status.NO_MASK)
    if not anatomy.frame.fov.any():
        raise Unmeasurable(Status.OUT_OF_VIEW)
    return mask & anatomy.frame.fov


@biomarker(
    "lesion_count",
    quantity="count",
    dims=("lesion",),
    needs=("lesions",),
    label="Lesions",
    definition=(
        "Number of 8-connected parts of the lesion's mask in the field of view, each of at least one pixel: what is "
        "drawn is counted, and specks are for the segmenter to remove. 0 when looked for and not found."
    ),
    source=_SOURCE,
)
def lesion_count(anatomy: Anatomy, *, lesion: str) -> float:
    """Number of connected parts."""
    return float(ndimage.label(_lesion_mask(anatomy, lesion), np.ones((3, 3), int))[1])


@biomarker(
    "lesion_area",
    quantity="area",
    dims=("lesion",),
    needs=("lesions",),
    label="Lesion area",
    definition="Area of the lesion's mask in the field of view.",
    source=_SOURCE,
)
def lesion_area(anatomy: Anatomy, *, lesion: str) -> float:
    """Area in px2."""
    return float(np.count_nonzero(_lesion_mask(anatomy, lesion)))


@biomarker(
    "lesion_coverage",
    quantity="ratio",
    dims=("lesion",),
    needs=("lesions",),
    label="Lesion coverage",
    definition="Area of the lesion's mask / visible retinal area.",
    source=_SOURCE,
)
def lesion_coverage(anatomy: Anatomy, *, lesion: str) -> float:
    """Share of the visible retina."""
    return float(np.count_nonzero(_lesion_mask(anatomy, lesion)) / np.count_nonzero(anatomy.frame.fov))


@biomarker(
    "visible_fraction",
    quantity="ratio",
    dims={"region": (*ZONES, *QUADRANTS, *ETDRS)},
    needs=("disc",),
    label="Visible fraction of the region",
    definition=(
        "Share of the region inside the field of view; what lies beyond the frame is unseen. Below 0.7 the other "
        "measures of the region have the status out_of_view."
    ),
    source="Own definition",
    peers=("VascX: grid quality control",),
)
def visible_fraction(anatomy: Anatomy, *, region: str) -> float:
    """Visible share of a zone, quadrant or ETDRS field."""
    return anatomy.regions.visible_fraction(region, anatomy.regions.mask(region))
