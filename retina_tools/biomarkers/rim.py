"""The neuroretinal rim: its width around the clock, where it is narrowest or gone, and the rules drawn from it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.margins import Margins, in_sector, margins_of
from retina_tools.biomarkers.registry import DIMENSIONS, Status, Unmeasurable, biomarker
from retina_tools.schema import EyeError

_DISC_SOURCE: Final = "Jonas JB et al. Surv Ophthalmol 1999;43:293-320"
_ISNT_SOURCE: Final = "Harizman N et al. Arch Ophthalmol 2006;124:1579-83"
_DDLS_SOURCE: Final = (
    "Spaeth GL et al. Trans Am Ophthalmol Soc 2002;100:181-6; Henderer JD. Br J Ophthalmol 2006;90:395-6"
)
# Sectors closer than this share of a disc diameter count as equal: no outline is drawn to a quarter of a percent.
EQUAL_DD: Final = 0.0025
# A rim below this share of the diameter counts as gone; on a usual photograph that is two pixels.
ABSENT_RATIO: Final = 0.015
# The disc damage likelihood scale: least rim/disc ratios of its first stages, then greatest extents in degrees over
# which the rim is gone, for discs below 1.5 mm, up to 2 mm and above.
DDLS_RATIOS: Final = (0.5, 0.4, 0.3, 0.2, 0.1)
DDLS_EXTENTS_DEG: Final = (45.0, 90.0, 180.0, 270.0)
DDLS_SIZES_MM: Final = (1.5, 2.0)


@biomarker(
    "rim_area",
    quantity="area",
    units=("dfd2", "mm2"),
    needs=("disc", "cup", "fovea"),
    label="Rim area",
    definition="Area of the filled disc less the filled cup, in the units of disc_area.",
    source=_DISC_SOURCE,
    measured_scale=True,
)
def rim_area(anatomy: Anatomy) -> float:
    """Rim area in px2."""
    return anatomy.disc.area_px2 - anatomy.cup.area_px2


@biomarker(
    "rim_width",
    quantity="length",
    dims={"sector": DIMENSIONS["sector"]},
    needs=("disc", "cup", "laterality"),
    label="Rim width",
    definition=(
        "Mean over the sector's directions of the distance between cup and disc margin along the ray from the disc "
        "centre; a ray that misses the cup counts whole. Quarters are centred on the axes, clock hours are those of a "
        "right eye (9 temporal, left eyes mirrored), Garway-Heath's sectors run from 310, 40, 80, 120, 230 and 270 "
        "degrees (0 temporal, 90 superior)."
    ),
    source=f"{_DISC_SOURCE}; Garway-Heath DF et al. Ophthalmology 2000;107:1809-15",
)
def rim_width(anatomy: Anatomy, *, sector: str) -> float:
    """Mean rim width of a sector in px."""
    rim = margins_of(anatomy).rim_px
    return float(rim[in_sector(anatomy, sector)].mean())


@biomarker(
    "rim_disc_ratio_min",
    quantity="ratio",
    needs=("disc", "cup"),
    label="Narrowest rim-to-disc ratio",
    definition=(
        "Least ratio, over all directions, of the rim's width along the ray from the disc centre to the diameter of "
        "the disc along the same line."
    ),
    source=_DDLS_SOURCE,
)
def rim_disc_ratio_min(anatomy: Anatomy) -> float:
    """Least rim/disc ratio."""
    return float(margins_of(anatomy).rim_disc_ratio.min())


@biomarker(
    "rim_absence_extent",
    quantity="angle",
    needs=("disc", "cup"),
    label="Extent of absent rim",
    definition=f"Angle at the disc centre over which the rim-to-disc ratio is below {ABSENT_RATIO:g}.",
    source=_DDLS_SOURCE,
)
def rim_absence_extent(anatomy: Anatomy) -> float:
    """Degrees without rim."""
    return absent_deg(margins_of(anatomy))


def absent_deg(margins: Margins) -> float:
    """Angle over which the rim is gone, in degrees."""
    return float(np.count_nonzero(margins.rim_disc_ratio < ABSENT_RATIO))


@biomarker(
    "disc_damage_stage",
    quantity="count",
    needs=("disc", "cup", "scale"),
    label="Disc damage likelihood stage",
    definition=(
        "DDLS stage 1 to 10 from the narrowest rim-to-disc ratio, or where the rim is gone "
        f"(below {ABSENT_RATIO:g}) the angle over which it is, for the size of the disc: below 1.5, up to 2.0 and "
        "above 2.0 mm across. Needs a measured scale, since one taken from the disc would assume the answer."
    ),
    source=_DDLS_SOURCE,
)
def disc_damage_stage(anatomy: Anatomy) -> float:
    """DDLS stage."""
    margins = margins_of(anatomy)
    if not math.isfinite(anatomy.um_per_pixel) or anatomy.scale_source == "disc_diameter":
        raise Unmeasurable(Status.NO_SCALE)
    diameter_mm = anatomy.frame.diameter_px * anatomy.um_per_pixel / 1000
    return float(ddls_stage(float(margins.rim_disc_ratio.min()), absent_deg(margins), diameter_mm))


def ddls_stage(ratio: float, absent_over_deg: float, diameter_mm: float) -> int:
    """Stage of the disc damage likelihood scale, 1 to 10.

    Parameters
    ----------
    ratio : float
        Narrowest rim-to-disc ratio.
    absent_over_deg : float
        Angle over which the rim is gone.
    diameter_mm : float
        Of the disc.

    Examples
    --------
    >>> ddls_stage(0.31, 0, 1.8), ddls_stage(0.31, 0, 1.4), ddls_stage(0.05, 0, 2.2), ddls_stage(0, 100, 1.8)
    (2, 3, 4, 8)
    """
    small, large = DDLS_SIZES_MM
    # Each step in size moves the scale by one stage.
    shift = 1 if diameter_mm < small else -1 if diameter_mm > large else 0
    if absent_over_deg > 0:
        stage = 6 + sum(absent_over_deg > extent for extent in DDLS_EXTENTS_DEG)
    else:
        stage = sum(ratio < least for least in DDLS_RATIOS)
    return max(1, min(stage + shift, 10))


@biomarker(
    "isnt_rule",
    quantity="ratio",
    needs=("disc", "cup", "laterality"),
    label="ISNT rule holds",
    definition=(
        "1 where the rim is widest inferiorly, then superiorly, nasally and temporally (I >= S >= N >= T, mean widths "
        f"of 90-degree sectors, differences below {EQUAL_DD:g} DD counting as equal), else 0."
    ),
    source=_ISNT_SOURCE,
)
def isnt_rule(anatomy: Anatomy) -> float:
    """1 where I >= S >= N >= T."""
    return float(_descending(anatomy, ("inferior", "superior", "nasal", "temporal")))


@biomarker(
    "ist_rule",
    quantity="ratio",
    needs=("disc", "cup", "laterality"),
    label="IST rule holds",
    definition="The ISNT rule without the nasal rim, which vessels hide: 1 where I >= S >= T, else 0.",
    source="Poon LY et al. Am J Ophthalmol 2017;184:19-27",
)
def ist_rule(anatomy: Anatomy) -> float:
    """1 where I >= S >= T."""
    return float(_descending(anatomy, ("inferior", "superior", "temporal")))


def _descending(anatomy: Anatomy, sectors: tuple[str, ...]) -> bool:
    widths = np.array([rim_width(anatomy, sector=sector) for sector in sectors])
    return bool((np.diff(widths) <= anatomy.dd_px(EQUAL_DD)).all())


def rim_table(eye: xr.Dataset) -> pd.DataFrame:
    """One row per sector of the rim.

    Parameters
    ----------
    eye : xarray.Dataset

    Returns
    -------
    pandas.DataFrame
        Columns ``division`` (quarter, clock_hour or garway_heath), ``sector``, ``from_deg`` and ``to_deg`` (0 temporal
        over 90 superior), mean ``width`` in px, DD and um, ``narrowest_px``, the narrowest ``rim_disc_ratio`` and
        ``status``, which says why values are NaN.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> table = rim_table(shapes.radial_vessels(size=256)).set_index("sector")
    >>> round(float(table.width_dd["temporal"]), 2)
    0.25
    """
    from retina_tools.biomarkers.margins import SECTORS_DEG
    from retina_tools.biomarkers.segments import factor

    anatomy = Anatomy(eye)
    dd, um = factor(anatomy, "dd"), factor(anatomy, "um")
    rows = []
    for sector, (first, last) in SECTORS_DEG.items():
        division = {"clock": "clock_hour", "garway": "garway_heath"}.get(sector.split("_")[0], "quarter")
        width = narrowest = ratio = math.nan
        status = Status.OK
        try:
            inside, margins = in_sector(anatomy, sector), margins_of(anatomy)
            width, narrowest = float(margins.rim_px[inside].mean()), float(margins.rim_px[inside].min())
            ratio = float(margins.rim_disc_ratio[inside].min())
        except Unmeasurable as reason:
            status = reason.status
        rows.append(
            {
                "division": division,
                "sector": sector,
                "from_deg": first % 360,
                "to_deg": last % 360,
                "width_px": width,
                "width_dd": width * dd,
                "width_um": width * um,
                "narrowest_px": narrowest,
                "rim_disc_ratio": ratio,
                "status": status.word,
            }
        )
    return pd.DataFrame(rows)


def rim_profile(eye: xr.Dataset) -> pd.DataFrame:
    """The rim in each direction from the disc centre, one row per degree: what sectors are means of.

    Parameters
    ----------
    eye : xarray.Dataset
        With a disc and its cup.

    Returns
    -------
    pandas.DataFrame
        Columns ``angle_deg`` (0 temporal over 90 superior, NaN where the side is unknown), ``direction_deg`` (the same
        in the picture of a right eye: 0 towards image left over 90 up), ``disc_px`` and ``cup_px`` (distance of the
        margins from the disc centre), ``width`` of the rim (px, DD, um), ``rim_disc_ratio``, and the margins' points
        ``disc_y, disc_x, cup_y, cup_x``.

    Raises
    ------
    EyeError
        There is no whole disc, or no cup inside it.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> profile = rim_profile(shapes.radial_vessels(size=256))
    >>> len(profile), round(float(profile["rim_disc_ratio"].mean()), 2)
    (360, 0.25)
    """
    from retina_tools.biomarkers.margins import DIRECTIONS_DEG, eye_angles_deg
    from retina_tools.biomarkers.segments import factor

    anatomy = Anatomy(eye)
    try:
        margins = margins_of(anatomy)
    except Unmeasurable as reason:
        raise EyeError(
            f"The rim cannot be seen ({reason.status.word}); draw a whole optic disc and the cup inside it first."
        ) from None
    try:
        angle = eye_angles_deg(anatomy)
    except Unmeasurable:
        angle = np.full(len(DIRECTIONS_DEG), math.nan)
    (y, x), theta = anatomy.disc.centre_yx, np.radians(DIRECTIONS_DEG)
    return pd.DataFrame(
        {
            "angle_deg": angle,
            "direction_deg": DIRECTIONS_DEG,
            "disc_px": margins.disc_px,
            "cup_px": margins.cup_px,
            "width_px": margins.rim_px,
            "width_dd": margins.rim_px * factor(anatomy, "dd"),
            "width_um": margins.rim_px * factor(anatomy, "um"),
            "rim_disc_ratio": margins.rim_disc_ratio,
            "disc_y": y - margins.disc_px * np.sin(theta),
            "disc_x": x - margins.disc_px * np.cos(theta),
            "cup_y": y - margins.cup_px * np.sin(theta),
            "cup_x": x - margins.cup_px * np.cos(theta),
        }
    )
