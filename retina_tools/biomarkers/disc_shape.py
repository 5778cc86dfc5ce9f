"""The optic disc, its cup, and where the fovea lies from it."""

from __future__ import annotations

import math
from typing import Final

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker
from retina_tools.schema import get_mask

_CUP_SOURCE: Final = "Armaly MF, Sayegh RE. Arch Ophthalmol 1969;82:191-6"
_DISC_SOURCE: Final = "Jonas JB et al. Surv Ophthalmol 1999;43:293-320"
_FOVEA_SOURCE: Final = "Jonas RA et al. PLoS ONE 2015;10:e0141771"
# A rounder disc leans wherever its pixels happen to lie.
_ROUND: Final = 0.98


@biomarker(
    "cup_disc_ratio_vertical",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Vertical cup-to-disc ratio",
    definition=(
        "Extent of the cup / extent of the disc along the eye's vertical, both outlines filled and their vertices "
        "found to a fraction of a pixel."
    ),
    source=_CUP_SOURCE,
    peers=("AutoMorph: CDR_vertical", "AutoMorphalyzer: CDR_vertical", "REFUGE: vCDR (largest column sums)"),
)
def cup_disc_ratio_vertical(anatomy: Anatomy) -> float:
    """Cup height over disc height."""
    return anatomy.cup.height_px / anatomy.disc.height_px


@biomarker(
    "cup_disc_ratio_horizontal",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Horizontal cup-to-disc ratio",
    definition=(
        "Extent of the cup / extent of the disc along the eye's horizontal, both outlines filled and their vertices "
        "found to a fraction of a pixel."
    ),
    source=_CUP_SOURCE,
    peers=("AutoMorph: CDR_horizontal", "AutoMorphalyzer: CDR_horizontal"),
)
def cup_disc_ratio_horizontal(anatomy: Anatomy) -> float:
    """Cup width over disc width."""
    return anatomy.cup.width_px / anatomy.disc.width_px


@biomarker(
    "cup_disc_ratio_area",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Cup-to-disc area ratio",
    definition="Area of the filled cup / area of the filled disc.",
    source=_DISC_SOURCE,
)
def cup_disc_ratio_area(anatomy: Anatomy) -> float:
    """Cup area over disc area."""
    return anatomy.cup.area_px2 / anatomy.disc.area_px2


@biomarker(
    "cup_disc_ratio_vertical_refuge",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Vertical cup-to-disc ratio (REFUGE)",
    definition=(
        "Largest number of cup pixels in a column of the picture / largest number of disc pixels in one, outlines as "
        "drawn, as the REFUGE challenge scores it: the longest vertical chords, which for a tilted or broken cup are "
        "less than its extent."
    ),
    source="Orlando JI et al. Med Image Anal 2020;59:101570",
    peers=("REFUGE: vCDR",),
)
def cup_disc_ratio_vertical_refuge(anatomy: Anatomy) -> float:
    """Longest columns of the cup and of the disc."""
    # An eye without a plausible disc and cup has no ratio of any kind.
    least = anatomy.cup.area_px2, anatomy.disc.area_px2
    cup, disc = (get_mask(anatomy.eye, name) for name in ("optic_cup", "optic_disc"))
    if cup is None or disc is None or min(least) <= 0:
        raise Unmeasurable(Status.NO_MASK)
    return float(cup.sum(axis=0).max() / disc.sum(axis=0).max())


@biomarker(
    "disc_area",
    quantity="area",
    units=("dfd2", "mm2"),
    needs=("disc", "fovea"),
    label="Disc area",
    definition=(
        "Area of the filled disc. In squared disc-fovea distances, because in disc diameters it would be a constant; "
        "in mm2 only when the scale is measured, not when it assumes the disc's size."
    ),
    source=_DISC_SOURCE,
    measured_scale=True,
)
def disc_area(anatomy: Anatomy) -> float:
    """Disc area in px2."""
    return anatomy.disc.area_px2


@biomarker(
    "cup_area",
    quantity="area",
    units=("dfd2", "mm2"),
    needs=("disc", "cup", "fovea"),
    label="Cup area",
    definition="Area of the filled cup, in the units of disc_area.",
    source=_DISC_SOURCE,
    measured_scale=True,
)
def cup_area(anatomy: Anatomy) -> float:
    """Cup area in px2."""
    return anatomy.cup.area_px2


@biomarker(
    "disc_ovality",
    quantity="ratio",
    needs=("disc",),
    label="Disc ovality",
    definition="Minor / major axis of the ellipse with the disc's second moments; 1 for a circle.",
    source="Tay E et al. Am J Ophthalmol 2005;139:247-52",
)
def disc_ovality(anatomy: Anatomy) -> float:
    """Minor over major axis."""
    major, minor = anatomy.disc.axes_px
    return minor / major


@biomarker(
    "disc_tilt",
    quantity="angle",
    needs=("disc", "laterality"),
    label="Disc tilt",
    definition=(
        "Angle in (-90, 90] from the vertical to the major axis of the ellipse with the disc's second moments, "
        "positive where its upper end leans temporally. A disc with an ovality above "
        f"{_ROUND:g} has no direction (undefined)."
    ),
    source="Tay E et al. Am J Ophthalmol 2005;139:247-52; How ACS et al. Ophthalmology 2009;116:1703-9",
)
def disc_tilt(anatomy: Anatomy) -> float:
    """Lean of the disc's major axis in degrees."""
    major, minor = anatomy.disc.axes_px
    anatomy.frame.check_side()
    if minor > _ROUND * major:
        raise Unmeasurable(Status.UNDEFINED)
    lean = anatomy.disc.lean_deg
    return lean if anatomy.frame.laterality == "OD" or lean == 90.0 else -lean


@biomarker(
    "disc_fovea_distance",
    quantity="length",
    needs=("disc", "fovea"),
    structure="fovea",
    label="Disc-fovea distance",
    definition="Distance from the disc centre (centroid of the filled disc, else its landmark) to the fovea.",
    source="Jonas RA et al. PLoS ONE 2015;10:e0131108",
    peers=("VascX: disc_fovea_distance",),
)
def disc_fovea_distance(anatomy: Anatomy) -> float:
    """DFD in px."""
    return anatomy.frame.fovea_distance_px


@biomarker(
    "disc_fovea_angle",
    quantity="angle",
    needs=("disc", "fovea", "laterality"),
    structure="fovea",
    label="Disc-fovea angle",
    definition=(
        "Direction from the disc centre to the fovea, 0 towards temporal, positive above and negative below it; "
        "a fovea that is not within 45 degrees of the temporal side gives no value."
    ),
    source="Jonas RA et al. PLoS ONE 2015;10:e0141771",
)
def disc_fovea_angle(anatomy: Anatomy) -> float:
    """Angle of the disc-fovea axis in degrees."""
    if anatomy.frame.fovea_distance_px <= 0:
        raise Unmeasurable(Status.IMPLAUSIBLE)
    return anatomy.frame.fovea_angle_deg


@biomarker(
    "fovea_offset_temporal",
    quantity="length",
    needs=("disc", "fovea", "laterality"),
    structure="fovea",
    label="Fovea temporal of the disc centre",
    definition="How far the fovea lies temporally of the disc centre, along the horizontal of the picture.",
    source=_FOVEA_SOURCE,
)
def fovea_offset_temporal(anatomy: Anatomy) -> float:
    """Horizontal offset in px."""
    return math.cos(math.radians(disc_fovea_angle(anatomy))) * anatomy.frame.fovea_distance_px


@biomarker(
    "fovea_offset_superior",
    quantity="length",
    needs=("disc", "fovea"),
    structure="fovea",
    label="Fovea above the disc centre",
    definition="How far the fovea lies above the disc centre, along the vertical of the picture; usually negative.",
    source=_FOVEA_SOURCE,
)
def fovea_offset_superior(anatomy: Anatomy) -> float:
    """Vertical offset in px."""
    if anatomy.frame.fovea_distance_px <= 0:
        raise Unmeasurable(Status.IMPLAUSIBLE)
    return anatomy.frame.centre_yx[0] - anatomy.frame.fovea_yx[0]
