"""What shows of the choroid: tessellation, and atrophy around the disc and elsewhere."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.findings import finding_mask, objects_of, objects_table
from retina_tools.biomarkers.margins import disc_margin, ray_points
from retina_tools.biomarkers.objects import Objects
from retina_tools.biomarkers.registry import DIMENSIONS, Status, Unmeasurable, biomarker

_PATHOLOGICAL: Final = "Ohno-Matsui K et al. Am J Ophthalmol 2015;159:877-83 (META-PM)"
_TESSELLATION: Final = "Yan YN et al. Acta Ophthalmol 2015;93:e524-5; own definition"
_PPA_SOURCE: Final = "Jonas JB et al. Surv Ophthalmol 1999;43:293-320"
# Streaks of choroid below this diameter are specks of the drawing.
_LEAST_STREAK_DD: Final = 0.05


@biomarker(
    "peripapillary_atrophy_area",
    quantity="ratio",
    needs=("disc", "atrophy"),
    label="Peripapillary atrophy area",
    definition=(
        "Area of peripapillary (arc) atrophy outside the disc / area of the disc; 0 when looked for and not there."
    ),
    source=_PPA_SOURCE,
)
def peripapillary_atrophy_area(anatomy: Anatomy) -> float:
    """Atrophy area over disc area."""
    return float(np.count_nonzero(_beside_disc(anatomy)) / anatomy.disc.area_px2)


@biomarker(
    "peripapillary_atrophy_extent",
    quantity="angle",
    needs=("disc", "atrophy"),
    label="Peripapillary atrophy extent",
    definition="Angle at the disc centre over which rays meet peripapillary (arc) atrophy outside the disc.",
    source=_PPA_SOURCE,
)
def peripapillary_atrophy_extent(anatomy: Anatomy) -> float:
    """Degrees of the disc's circumference with atrophy beyond it."""
    atrophy = _beside_disc(anatomy)
    if not atrophy.any():
        return 0.0
    margin = disc_margin(anatomy)
    rows, columns = np.nonzero(atrophy)
    centre = np.array(anatomy.disc.centre_yx)
    reach = float(np.hypot(rows - centre[0], columns - centre[1]).max())
    # From just outside the disc outwards, every half pixel.
    beyond = np.arange(0.5, max(reach - margin.min(), 0.0) + 1.0, 0.5)
    y, x = ray_points(centre, margin[:, None] + beyond)
    row, column = np.rint(y).astype(int), np.rint(x).astype(int)
    inside = (row >= 0) & (column >= 0) & (row < atrophy.shape[0]) & (column < atrophy.shape[1])
    met = atrophy[np.where(inside, row, 0), np.where(inside, column, 0)] & inside
    return float(np.count_nonzero(met.any(axis=1)))


def _beside_disc(anatomy: Anatomy) -> NDArray[np.bool_]:
    """Visible peripapillary atrophy outside the disc."""
    disc = anatomy.disc
    atrophy = finding_mask(anatomy, "arc_atrophy").copy()
    top, left = disc.corner_yx
    atrophy[top : top + disc.mask.shape[0], left : left + disc.mask.shape[1]] &= ~disc.mask
    return atrophy


@biomarker(
    "atrophy_count",
    quantity="count",
    dims=("atrophy",),
    needs=("atrophy",),
    label="Patches of atrophy",
    definition="Number of 8-connected patches in the field of view; 0 when looked for and not there.",
    source=_PATHOLOGICAL,
)
def atrophy_count(anatomy: Anatomy, *, atrophy: str) -> float:
    """Number of patches."""
    return float(_patches(anatomy, atrophy).count)


@biomarker(
    "atrophy_area",
    quantity="area",
    dims=("atrophy",),
    needs=("atrophy",),
    label="Area of atrophy",
    definition="Area of arc, diffuse or patchy atrophy in the field of view.",
    source=_PATHOLOGICAL,
)
def atrophy_area(anatomy: Anatomy, *, atrophy: str) -> float:
    """Area in px2."""
    return float(len(_patches(anatomy, atrophy).pixels))


@biomarker(
    "atrophy_coverage",
    quantity="ratio",
    dims=("atrophy",),
    needs=("atrophy",),
    label="Coverage by atrophy",
    definition="Area of arc, diffuse or patchy atrophy / visible retinal area.",
    source=_PATHOLOGICAL,
)
def atrophy_coverage(anatomy: Anatomy, *, atrophy: str) -> float:
    """Share of the visible retina."""
    return len(_patches(anatomy, atrophy).pixels) / anatomy.region_area_px2("image")


@biomarker(
    "myopic_coverage",
    quantity="ratio",
    needs=("atrophy",),
    label="Coverage by myopic atrophy",
    definition=(
        "Area of arc, diffuse and patchy atrophy together, where they overlap counted once, / visible retinal area. "
        "Of the three kinds those that were looked for count, at least one."
    ),
    source=_PATHOLOGICAL,
)
def myopic_coverage(anatomy: Anatomy) -> float:
    """Share of the visible retina with atrophy of any kind."""
    found = []
    for kind in DIMENSIONS["atrophy"]:
        try:
            found.append(_patches(anatomy, kind).pixels)
        except Unmeasurable as reason:
            if reason.status is not Status.NO_MASK:
                raise
    if not found:
        raise Unmeasurable(Status.NO_MASK)
    together = np.zeros(anatomy.frame.shape, bool)
    for pixels in found:
        together.flat[pixels] = True
    return np.count_nonzero(together) / anatomy.region_area_px2("image")


def _patches(anatomy: Anatomy, kind: str) -> Objects:
    return objects_of(anatomy, f"{kind}_atrophy")


@biomarker(
    "tessellation_coverage",
    quantity="ratio",
    needs=("tessellation",),
    label="Tessellation coverage",
    definition="Area over which choroidal vessels show through / visible retinal area.",
    source=_TESSELLATION,
)
def tessellation_coverage(anatomy: Anatomy) -> float:
    """Share of the visible retina that is tessellated."""
    return len(objects_of(anatomy, "tessellation").pixels) / anatomy.region_area_px2("image")


@biomarker(
    "tessellation_circularity",
    quantity="ratio",
    needs=("tessellation", "disc"),
    label="Tessellation circularity",
    definition=(
        "Mean over the connected streaks of tessellation, specks below 0.05 DD in diameter left out, of "
        "4 pi area / perimeter^2 with a perimeter that pixels do not bias."
    ),
    source=_TESSELLATION,
)
def tessellation_circularity(anatomy: Anatomy) -> float:
    """Mean circularity of streaks."""
    return float(np.mean(objects_of(anatomy, "tessellation").circularity[_streaks(anatomy)]))


@biomarker(
    "tessellation_aspect_ratio",
    quantity="ratio",
    needs=("tessellation", "disc"),
    label="Tessellation aspect ratio",
    definition=(
        "Mean over the connected streaks of tessellation, specks below 0.05 DD in diameter left out, of major / minor "
        "axis of the ellipse with the same second moments."
    ),
    source=_TESSELLATION,
)
def tessellation_aspect_ratio(anatomy: Anatomy) -> float:
    """Mean aspect ratio of streaks."""
    return float(np.mean(objects_of(anatomy, "tessellation").aspect_ratio[_streaks(anatomy)]))


@biomarker(
    "tessellation_centroid_dispersion",
    quantity="length",
    units=("dd",),
    needs=("tessellation", "disc"),
    label="Tessellation centroid dispersion",
    definition=(
        "Root mean square distance of the centroids of the connected streaks of tessellation, specks below 0.05 DD in "
        "diameter left out, from their mean."
    ),
    source=_TESSELLATION,
)
def tessellation_centroid_dispersion(anatomy: Anatomy) -> float:
    """Spread of the streaks in px."""
    centres = objects_of(anatomy, "tessellation").centre_yx[_streaks(anatomy)]
    return math.sqrt(float(((centres - centres.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _streaks(anatomy: Anatomy) -> NDArray[np.bool_]:
    """Which parts of the tessellation are large enough to have a shape."""
    found = objects_of(anatomy, "tessellation")
    if not found.count:
        raise Unmeasurable(Status.EMPTY_MASK)
    chosen: NDArray[np.bool_] = (found.diameter_px >= anatomy.dd_px(_LEAST_STREAK_DD)) & found.has_shape
    if not chosen.any():
        raise Unmeasurable(Status.TOO_SMALL)
    return chosen


def atrophy_table(eye: xr.Dataset) -> pd.DataFrame:
    """One row per patch of arc, diffuse or patchy atrophy.

    Parameters
    ----------
    eye : xarray.Dataset

    Returns
    -------
    pandas.DataFrame
        Columns as those of :func:`lesions_table`; ``kind`` is arc, diffuse or patchy.
    """
    table = objects_table(eye, [f"{kind}_atrophy" for kind in DIMENSIONS["atrophy"]])
    return table.assign(kind=table["kind"].str.removesuffix("_atrophy"))
