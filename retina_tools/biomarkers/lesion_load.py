"""How many lesions there are, how large and round, where they lie from the fovea, and how much of each zone is seen."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.findings import (
    field_of,
    fovea_distance_px,
    objects_of,
    objects_table,
    quadrant_of,
    some_objects_of,
)
from retina_tools.biomarkers.frame import ZONES
from retina_tools.biomarkers.registry import (
    DIMENSIONS,
    ETDRS,
    FOVEA_QUADRANTS,
    QUADRANTS,
    Status,
    Unmeasurable,
    biomarker,
)
from retina_tools.schema import ASSUMED_DISC_DIAMETER_UM
from retina_tools.taxonomy import EyeError, names, term

_SOURCE: Final = "Porwal P et al. Data 2018;3:25 (IDRiD); own definition"
_SIZE_SOURCE: Final = (
    "AREDS Research Group. Arch Ophthalmol 2001;119:1417-36 (drusen); ETDRS Research Group. Ophthalmology "
    "1991;98:786-806 (haemorrhages)"
)
#: Diameters in um at which a class ends, by kind of lesion; the last class has no end.
SIZE_LIMITS_UM: Final = {
    "microaneurysm": {"small": 125.0, "large": math.inf},
    "haemorrhage": {"small": 125.0, "large": math.inf},
    "drusen": {"small": 63.0, "medium": 125.0, "large": math.inf},
}


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
    return float(objects_of(anatomy, lesion).count)


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
    return float(len(objects_of(anatomy, lesion).pixels))


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
    return len(objects_of(anatomy, lesion).pixels) / anatomy.region_area_px2("image")


@biomarker(
    "lesion_mean_area",
    quantity="area",
    dims=("lesion",),
    needs=("lesions",),
    label="Mean lesion area",
    definition="Area of the lesion's mask / number of its connected parts.",
    source=_SOURCE,
)
def lesion_mean_area(anatomy: Anatomy, *, lesion: str) -> float:
    """Mean area in px2."""
    return float(some_objects_of(anatomy, lesion).area_px2.mean())


@biomarker(
    "lesion_mean_diameter",
    quantity="length",
    dims=("lesion",),
    needs=("lesions",),
    label="Mean lesion diameter",
    definition="Mean over the connected parts of the diameter of the circle of the same area.",
    source=_SOURCE,
)
def lesion_mean_diameter(anatomy: Anatomy, *, lesion: str) -> float:
    """Mean equivalent diameter in px."""
    return float(some_objects_of(anatomy, lesion).diameter_px.mean())


@biomarker(
    "lesion_count_size",
    quantity="count",
    dims={"lesion": tuple(SIZE_LIMITS_UM), "size": DIMENSIONS["size"]},
    needs=("lesions", "disc"),
    label="Lesions by size",
    definition=(
        "Number of connected parts by equivalent diameter: drusen small below 63 um, medium below 125 um, large from "
        "125 um; microaneurysms and haemorrhages small below 125 um and large from there. Without a scale the limits "
        f"are taken as shares of a disc of {ASSUMED_DISC_DIAMETER_UM:g} um (63 um = 0.035 DD, 125 um = 0.069 DD)."
    ),
    source=_SIZE_SOURCE,
)
def lesion_count_size(anatomy: Anatomy, *, lesion: str, size: str) -> float:
    """Number of lesions in a class of size."""
    limits = SIZE_LIMITS_UM[lesion]
    if size not in limits:
        raise Unmeasurable(Status.NOT_APPLICABLE)
    diameter = objects_of(anatomy, lesion).diameter_px * micrometres_per_pixel(anatomy)
    classes = np.searchsorted(list(limits.values())[:-1], diameter, side="right")
    return float(np.count_nonzero(classes == list(limits).index(size)))


def micrometres_per_pixel(anatomy: Anatomy) -> float:
    """The eye's scale, or where it has none that of a disc of the usual size."""
    if math.isfinite(anatomy.um_per_pixel):
        return anatomy.um_per_pixel
    return ASSUMED_DISC_DIAMETER_UM / anatomy.frame.diameter_px


@biomarker(
    "lesion_circularity",
    quantity="ratio",
    dims=("lesion",),
    needs=("lesions",),
    label="Lesion circularity",
    definition=(
        "Mean over the connected parts of at least 12 pixels of 4 pi area / perimeter^2, holes filled, with a "
        "perimeter that pixels do not bias: 1 for a circle."
    ),
    source="Cox EP. J Paleontol 1927;1:179-83",
)
def lesion_circularity(anatomy: Anatomy, *, lesion: str) -> float:
    """Mean circularity."""
    return _mean_shape(anatomy, lesion, "circularity")


@biomarker(
    "lesion_aspect_ratio",
    quantity="ratio",
    dims=("lesion",),
    needs=("lesions",),
    label="Lesion aspect ratio",
    definition=(
        "Mean over the connected parts of at least 12 pixels of major / minor axis of the ellipse with the same second "
        "moments."
    ),
    source=_SOURCE,
)
def lesion_aspect_ratio(anatomy: Anatomy, *, lesion: str) -> float:
    """Mean major over minor axis."""
    return _mean_shape(anatomy, lesion, "aspect_ratio")


def _mean_shape(anatomy: Anatomy, lesion: str, which: str) -> float:
    found = some_objects_of(anatomy, lesion)
    if not found.has_shape.any():
        raise Unmeasurable(Status.TOO_SMALL)
    return float(np.nanmean(getattr(found, which)))


@biomarker(
    "lesion_count_quadrant",
    quantity="count",
    dims=("lesion", "quadrant"),
    needs=("lesions", "fovea", "laterality"),
    label="Lesions by quadrant",
    definition=(
        "Number of connected parts whose centroid lies in a quadrant around the fovea, split along the vertical and "
        "horizontal of the picture; nasal and temporal are those of the eye."
    ),
    source="Wilkinson CP et al. Ophthalmology 2003;110:1677-82 (ICDR)",
)
def lesion_count_quadrant(anatomy: Anatomy, *, lesion: str, quadrant: str) -> float:
    """Number of lesions in a quadrant."""
    return float(np.count_nonzero(quadrant_of(anatomy, lesion) == FOVEA_QUADRANTS.index(quadrant)))


@biomarker(
    "lesion_count_field",
    quantity="count",
    dims={"lesion": DIMENSIONS["lesion"], "region": ETDRS},
    needs=("lesions", "fovea", "laterality", "scale"),
    label="Lesions by ETDRS field",
    definition=(
        "Number of connected parts whose centroid lies in a field of the ETDRS grid, of which at least 70 % have to be "
        "in view."
    ),
    source="ETDRS Research Group. Arch Ophthalmol 1985;103:1796-806",
)
def lesion_count_field(anatomy: Anatomy, *, lesion: str, region: str) -> float:
    """Number of lesions in a field."""
    fields = field_of(anatomy, lesion)
    anatomy.region(region)
    return float(np.count_nonzero(fields == ETDRS.index(region)))


@biomarker(
    "lesion_fovea_distance_min",
    quantity="length",
    dims=("lesion",),
    needs=("lesions", "fovea"),
    label="Distance of the nearest lesion from the fovea",
    definition="Least distance of a connected part's centroid from the fovea.",
    source="Porwal P et al. Data 2018;3:25 (IDRiD); ETDRS Research Group. Arch Ophthalmol 1985;103:1796-806",
)
def lesion_fovea_distance_min(anatomy: Anatomy, *, lesion: str) -> float:
    """Distance of the nearest centroid in px."""
    some_objects_of(anatomy, lesion)
    return float(fovea_distance_px(anatomy, lesion).min())


@biomarker(
    "lesion_fovea_distance_median",
    quantity="length",
    dims=("lesion",),
    needs=("lesions", "fovea"),
    label="Median distance of lesions from the fovea",
    definition="Median over connected parts of the distance of the centroid from the fovea.",
    source=_SOURCE,
)
def lesion_fovea_distance_median(anatomy: Anatomy, *, lesion: str) -> float:
    """Median distance of centroids in px."""
    some_objects_of(anatomy, lesion)
    return float(np.median(fovea_distance_px(anatomy, lesion)))


@biomarker(
    "visible_fraction",
    quantity="ratio",
    dims={"region": (*ZONES, *QUADRANTS, *ETDRS)},
    needs=("disc",),
    structure="field of view",
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


def lesions_table(eye: xr.Dataset, lesion: str | None = None) -> pd.DataFrame:
    """One row per lesion.

    Parameters
    ----------
    eye : xarray.Dataset
    lesion : str, optional
        Kind to list; all that the eye has masks of by default.

    Returns
    -------
    pandas.DataFrame
        Columns ``lesion`` (number), ``kind``, ``area`` (px2, DD2, mm2), equivalent ``diameter`` (px, DD, um), centroid
        ``y`` and ``x``, ``major_px``, ``minor_px`` and ``direction_deg`` (of the major axis, counter-clockwise from
        image right), ``aspect_ratio``, ``perimeter_px`` and ``circularity`` (NaN below 12 pixels), ``fovea_distance``
        of the centroid (px, DD, um), ``fovea_nearest_dd`` of the nearest pixel, ``disc_distance_dd``, ``quadrant``
        around the fovea, ``etdrs_field``, the box ``top, left, bottom, right`` and ``cut`` (reaches the edge of the
        view). What is not known is NaN or empty; an eye without lesions gives no rows.

    Raises
    ------
    EyeError
        No such kind of lesion.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> mask = np.zeros((60, 60), bool); mask[5:10, 5:10] = mask[30:40, 30:40] = True
    >>> lesions_table(new_eye(masks={"drusen": mask}))[["kind", "area_px2", "y"]].values.tolist()
    [['drusen', 25.0, 7.0], ['drusen', 100.0, 34.5]]
    """
    if lesion is not None and term(lesion).kind != "lesion":
        raise EyeError(f"{lesion!r} is a {term(lesion).kind}, wanted a lesion such as 'haemorrhage'.")
    return objects_table(eye, names("lesion") if lesion is None else [lesion])
