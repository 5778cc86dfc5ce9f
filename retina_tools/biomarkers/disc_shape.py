"""The optic disc, its cup, and where the fovea lies from it."""

from __future__ import annotations

from typing import Final

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

_CUP_SOURCE: Final = "Armaly MF, Sayegh RE. Arch Ophthalmol 1969;82:191-6"
_DISC_SOURCE: Final = "Jonas JB et al. Surv Ophthalmol 1999;43:293-320"


@biomarker(
    "cup_disc_ratio_vertical",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Vertical cup-to-disc ratio",
    definition="Extent of the cup / extent of the disc along the eye's vertical, both outlines filled.",
    source=_CUP_SOURCE,
    peers=("AutoMorph: CDR_vertical", "REFUGE: vCDR (largest column sums)"),
)
def cup_disc_ratio_vertical(anatomy: Anatomy) -> float:
    """Cup height over disc height."""
    return anatomy.cup.height_px / anatomy.disc.height_px


@biomarker(
    "cup_disc_ratio_horizontal",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Horizontal cup-to-disc ratio",
    definition="Extent of the cup / extent of the disc along the eye's horizontal, both outlines filled.",
    source=_CUP_SOURCE,
    peers=("AutoMorph: CDR_horizontal",),
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
    "disc_fovea_distance",
    quantity="length",
    needs=("disc", "fovea"),
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
