"""How much of the retina the vessels take, and how far the retina is from them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import DIMENSIONS, REGIONS, biomarker

_VESSELS: Final = ("artery", "vein", "all")
_DIMS: Final = {"vessel": _VESSELS, "region": DIMENSIONS["region"]}
_SPARSITY_DIMS: Final = {"vessel": _VESSELS, "region": REGIONS}
_SPARSITY_SOURCE: Final = "Own definition; cf. Quiros-Gonzalez J et al. 2024 (VascX)"


@biomarker(
    "area_density",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels",),
    label="Vessel area density",
    definition="Vessel area / visible retinal area of the region; black corners and unseen parts are in neither.",
    source="Own definition; denominators as in Quiros-Gonzalez J et al. 2024 (VascX)",
    peers=("VascX: vd", "AutoMorph: Vessel_density (over the whole frame)", "PVBM: area"),
)
def area_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Share of the visible retina that is vessel."""
    area = anatomy.region_area_px2(region)
    return float(np.count_nonzero(anatomy.vessel_mask(vessel) & anatomy.region(region))) / area


@biomarker(
    "length_density",
    quantity="inverse_length",
    dims=_DIMS,
    needs=("vessels",),
    label="Vessel length density",
    definition=(
        "Length of smoothed centrelines / visible retinal area of the region; a branch counts from the axis of the "
        "vessel it leaves."
    ),
    source="Own definition; cf. skeleton density in OCT angiography, Reif R et al. Int J Biomed Imaging 2012:509783",
    peers=("PVBM: ovlen (length only)",),
)
def length_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Centreline length over area, in 1/px."""
    area = anatomy.region_area_px2(region)
    return float(anatomy.pieces(vessel, region).length_px.sum()) / area


def _distances(anatomy: Anatomy, vessel: str) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest vessel pixel."""
    from retina_tools.biomarkers.distance import distance_to

    return anatomy.once(("sparsity", vessel), lambda: distance_to(anatomy.vessel_mask(vessel)))


@biomarker(
    "sparsity_mean",
    quantity="length",
    units=("dfd",),
    dims=_SPARSITY_DIMS,
    needs=("vessels", "disc", "fovea"),
    label="Mean sparsity",
    definition="Mean distance of the visible retina of the region to the nearest vessel / disc-fovea distance.",
    source=_SPARSITY_SOURCE,
    peers=("VascX: mean sparsity (from the skeleton, fovea left out)",),
)
def sparsity_mean(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Mean distance to a vessel in px."""
    return float(_distances(anatomy, vessel)[anatomy.region(region)].mean(dtype=float))


@biomarker(
    "sparsity_max",
    quantity="length",
    units=("dfd",),
    dims=_SPARSITY_DIMS,
    needs=("vessels", "disc", "fovea"),
    label="Greatest sparsity",
    definition="Greatest distance of the visible retina of the region to the nearest vessel / disc-fovea distance.",
    source=_SPARSITY_SOURCE,
    peers=("VascX: max sparsity",),
)
def sparsity_max(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Greatest distance to a vessel in px."""
    return float(_distances(anatomy, vessel)[anatomy.region(region)].max())
