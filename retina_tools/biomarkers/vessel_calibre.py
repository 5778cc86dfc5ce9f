"""Calibre of the vessels: central equivalents around the disc, their ratio, and the mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import DIMENSIONS, HEMIFIELDS, QUADRANTS, REGIONS, Status, Unmeasurable, biomarker

_KNUDTSON: Final = {"artery": 0.88, "vein": 0.95}
_VESSELS_COMBINED: Final = 6


def combine_widths(widths: Sequence[float], pair: Callable[[float, float], float]) -> float:
    """Reduce vessel widths to one: largest with smallest, the odd one carried on, until one is left.

    Parameters
    ----------
    widths : sequence of float
        In any order; at least one.
    pair : callable
        ``pair(smaller, larger)`` gives the trunk's width.

    Returns
    -------
    float

    Examples
    --------
    >>> combine_widths([3.0, 5.0, 4.0], lambda small, large: small + large)
    12.0
    """
    left = sorted(widths)
    while len(left) > 1:
        half = len(left) // 2
        trunks = [pair(left[k], left[-1 - k]) for k in range(half)]
        left = sorted(trunks + left[half : len(left) - half])
    return left[0]


def knudtson_equivalent(widths: Sequence[float], vessel: str) -> float:
    """Central retinal equivalent of Knudtson: ``c * sqrt(w1^2 + w2^2)``, c = 0.88 for arteries and 0.95 for veins.

    Parameters
    ----------
    widths : sequence of float
        In any unit of length.
    vessel : {'artery', 'vein'}

    Returns
    -------
    float
        In the unit given.

    Examples
    --------
    >>> round(knudtson_equivalent([10.0, 10.0], "artery"), 3)
    12.445
    """
    branching = _KNUDTSON[vessel]
    return combine_widths(widths, lambda small, large: branching * math.hypot(small, large))


def hubbard_equivalent(widths_um: Sequence[float], vessel: str) -> float:
    """Central retinal equivalent of Parr and Hubbard; the constants are in squared micrometres.

    Parameters
    ----------
    widths_um : sequence of float
    vessel : {'artery', 'vein'}

    Returns
    -------
    float
        In um.
    """

    def artery(small: float, large: float) -> float:
        return math.sqrt(max(0.87 * small**2 + 1.01 * large**2 - 0.22 * small * large - 10.76, 0.0))

    def vein(small: float, large: float) -> float:
        return math.sqrt(0.72 * small**2 + 0.91 * large**2 + 450.05)

    return combine_widths(widths_um, artery if vessel == "artery" else vein)


def _six_largest_px(anatomy: Anatomy, vessel: str, region: str) -> list[float]:
    from retina_tools.biomarkers.zone_runs import crossing_widths

    anatomy.region(region)
    widths = anatomy.once(("crossing_widths", vessel, region), lambda: crossing_widths(anatomy, vessel, region))
    if len(widths) < _VESSELS_COMBINED:
        raise Unmeasurable(Status.TOO_FEW_VESSELS)
    return [float(width) for width in widths[:_VESSELS_COMBINED]]


@biomarker(
    "calibre_equivalent",
    quantity="length",
    dims={"vessel": ("artery", "vein"), "region": ("zone_b", "zone_c")},
    needs=("vessels", "disc"),
    label="Central retinal equivalent (CRAE, CRVE)",
    definition=(
        "Knudtson's revised equivalent of the six largest vessels crossing zone B (2 to 3 disc radii) or zone C (2 to "
        "5 disc radii). Each vessel is followed once through the zone, along the wider arm where it branches, and its "
        "width is the median sub-pixel width of that run; fewer than six give no value."
    ),
    source="Knudtson MD et al. Curr Eye Res 2003;27:143-9",
    peers=("PVBM: craek, crvek", "VascX: CREKnudtson", "AutoMorph: CRAE_Knudtson, CRVE_Knudtson"),
)
def calibre_equivalent(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """CRAE for arteries, CRVE for veins, in px."""
    return knudtson_equivalent(_six_largest_px(anatomy, vessel, region), vessel)


@biomarker(
    "calibre_equivalent_hubbard",
    quantity="length",
    units=("um",),
    dims={"vessel": ("artery", "vein"), "region": ("zone_b", "zone_c")},
    needs=("vessels", "disc", "scale"),
    label="Central retinal equivalent after Parr and Hubbard",
    definition=(
        "As calibre_equivalent, with Parr's and Hubbard's trunk formulas, whose constants are in um2: arteries "
        "sqrt(0.87 w1^2 + 1.01 w2^2 - 0.22 w1 w2 - 10.76), veins sqrt(0.72 w1^2 + 0.91 w2^2 + 450.05), w1 < w2. "
        "Without a scale it has no meaning and no value."
    ),
    source="Hubbard LD et al. Ophthalmology 1999;106:2269-80; Parr JC, Spears GF. Am J Ophthalmol 1974;77:472-7",
    peers=("PVBM: craeh, crveh", "AutoMorph: CRAE_Hubbard, CRVE_Hubbard"),
)
def calibre_equivalent_hubbard(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """CRAE and CRVE with the older formulas; computed in um, handed back in px."""
    scale = anatomy.um_per_pixel
    if not math.isfinite(scale):
        raise Unmeasurable(Status.NO_SCALE)
    widths_um = [width * scale for width in _six_largest_px(anatomy, vessel, region)]
    return hubbard_equivalent(widths_um, vessel) / scale


@biomarker(
    "arteriole_venule_ratio",
    quantity="ratio",
    dims={"region": ("zone_b", "zone_c")},
    needs=("vessels", "disc"),
    label="Arteriole-to-venule ratio (AVR)",
    definition="CRAE / CRVE, both as calibre_equivalent; no value when either has none.",
    source="Knudtson MD et al. Curr Eye Res 2003;27:143-9",
    peers=("AutoMorph: AVR_Knudtson", "AutoMorphalyzer: AVR_B"),
)
def arteriole_venule_ratio(anatomy: Anatomy, *, region: str) -> float:
    """CRAE over CRVE."""
    artery, vein = (calibre_equivalent(anatomy, vessel=vessel, region=region) for vessel in ("artery", "vein"))
    return artery / vein


@biomarker(
    "calibre_mean",
    quantity="length",
    dims={"vessel": DIMENSIONS["vessel"], "region": (*REGIONS, *HEMIFIELDS, *QUADRANTS)},
    needs=("vessels",),
    label="Mean vessel calibre",
    definition=(
        "Mean over vessel segments, weighted by their length in the region, of the median width measured along the "
        "normals of the smoothed centreline to the sub-pixel wall; branchings and crossings are left out."
    ),
    source="Own definition; cf. Quiros-Gonzalez J et al. Invest Ophthalmol Vis Sci 2024 (VascX)",
    peers=("VascX: caliber mean", "AutoMorphalyzer: average_local_calibre"),
)
def calibre_mean(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Length-weighted mean calibre in px."""
    widths, lengths = _piece_widths(anatomy, vessel, region)
    return float(np.average(widths, weights=lengths))


@biomarker(
    "calibre_sd",
    quantity="length",
    dims={"vessel": DIMENSIONS["vessel"], "region": REGIONS},
    needs=("vessels",),
    label="Standard deviation of vessel calibre",
    definition=(
        "Standard deviation over vessel segments, weighted by their length in the region, of the widths that "
        "calibre_mean is the mean of."
    ),
    source="Own definition; cf. Quiros-Gonzalez J et al. Invest Ophthalmol Vis Sci 2024 (VascX)",
    peers=("VascX: caliber std",),
)
def calibre_sd(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Length-weighted standard deviation of the segments' calibres in px."""
    widths, lengths = _piece_widths(anatomy, vessel, region)
    mean = np.average(widths, weights=lengths)
    return math.sqrt(float(np.average((widths - mean) ** 2, weights=lengths)))


def _piece_widths(anatomy: Anatomy, vessel: str, region: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width and length of every piece that has a width."""
    pieces = anatomy.pieces(vessel, region)
    known = np.isfinite(pieces.width_px)
    if not known.any():
        raise Unmeasurable(Status.TOO_FEW_VESSELS)
    return pieces.width_px[known], pieces.length_px[known]
