"""Branching of the vessels: how many bifurcations, at what angles, and how calibres are shared out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import REGIONS, Status, Unmeasurable, biomarker

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DIMS: Final = {"vessel": ("artery", "vein", "all"), "region": REGIONS}
_MURRAY: Final = "Murray CD. J Gen Physiol 1926;9:835-41"
_LEAST_BRANCH_DD: Final = 0.05
_AT: Final = "Median over the bifurcations that bifurcation_count counts of"
_CALIBRES: Final = (
    "calibres are medians over 0.1 to 0.3 DD of each arm from the node on; the parent is the arm on the disc's side"
)
# Free ends this near to the edge of the field are vessels that leave it, not tips.
_EDGE_DD: Final = 0.05
# Up to this many disc radii from its centre, ends are where vessels dive into the nerve.
_DISC_RADII: Final = 1.2


def counted(anatomy: Anatomy, vessel: str, region: str) -> Mask:
    """Which bifurcations of a network count in a region, shape (bifurcations,)."""
    found = anatomy.bifurcations(vessel)
    least = anatomy.dd_px(_LEAST_BRANCH_DD)
    chosen: Mask = (found.shortest_px >= least) & anatomy.in_region(found.yx, region)
    return chosen


@biomarker(
    "bifurcation_count",
    quantity="count",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Bifurcations",
    definition=(
        "Nodes where exactly three vessel segments meet, each longer than 0.05 DD; where vessels cross each other, "
        "nothing is counted."
    ),
    source="Own definition; cf. Martinez-Perez ME et al. IEEE Trans Biomed Eng 2002;49:912-7",
    peers=("PVBM: interp", "VascX: BifurcationCount"),
)
def bifurcation_count(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Number of bifurcations in the region."""
    return float(np.count_nonzero(counted(anatomy, vessel, region)))


@biomarker(
    "bifurcation_density",
    quantity="inverse_area",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Bifurcation density",
    definition="bifurcation_count / visible retinal area of the region.",
    source="Own definition",
)
def bifurcation_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Bifurcations per px2."""
    return bifurcation_count(anatomy, vessel=vessel, region=region) / anatomy.region_area_px2(region)


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    if not len(known):
        raise Unmeasurable(Status.TOO_FEW_VESSELS)
    return float(np.median(known))


@biomarker(
    "branching_angle",
    quantity="angle",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Branching angle",
    definition=(
        f"{_AT} the angle between the two daughters' chords, each from the point where the axes meet to the point 0.1 "
        "DD along the daughter."
    ),
    source="Zamir M et al. J Gen Physiol 1979;73:543-8; own definition of the arms",
    peers=("PVBM: medianba", "VascX: bifangle"),
)
def branching_angle(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Median angle in degrees."""
    return _median(anatomy.bifurcations(vessel).angle_deg[counted(anatomy, vessel, region)])


@biomarker(
    "branching_asymmetry",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Branching asymmetry",
    definition=f"{_AT} d2^2 / d1^2, d1 the wider daughter; {_CALIBRES}.",
    source="Zamir M. J Theor Biol 1978;73:743-56",
    peers=("FVT: assymetry_ratio",),
)
def branching_asymmetry(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Median ratio of the daughters' cross-sections."""
    return _median(anatomy.bifurcations(vessel).asymmetry[counted(anatomy, vessel, region)])


@biomarker(
    "branching_coefficient",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Branching coefficient",
    definition=f"{_AT} (d1^2 + d2^2) / d0^2; {_CALIBRES}. 1.26 for equal daughters under Murray's law.",
    source=_MURRAY,
    peers=("FVT: branching_coefficient (the square of the sum instead)",),
)
def branching_coefficient(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Median ratio of cross-sections after and before."""
    return _median(anatomy.bifurcations(vessel).coefficient[counted(anatomy, vessel, region)])


@biomarker(
    "junctional_exponent_deviation",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Deviation of the junctional exponent",
    definition=(
        f"{_AT} x - 3 where d0^x = d1^x + d2^x; {_CALIBRES}. Bifurcations without a solution, a daughter as wide as "
        "its parent, are left out."
    ),
    source=_MURRAY,
    peers=("FVT: junctional_exponent_dev",),
)
def junctional_exponent_deviation(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Median deviation from Murray's exponent."""
    return _median(anatomy.bifurcations(vessel).exponent[counted(anatomy, vessel, region)] - 3)


@biomarker(
    "tip_count",
    quantity="count",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Vessel tips",
    definition=(
        "Free ends of vessels, but those within 0.05 DD of the edge of the field, where vessels leave it, and those "
        "within 1.2 disc radii of the disc centre, where they enter the nerve."
    ),
    source="Own definition",
    peers=("PVBM: endp",),
)
def tip_count(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Number of free ends."""
    graph = anatomy.graph(vessel)
    is_tip = graph.degree == 1
    is_tip[graph.cut_nodes] = False
    tips = graph.node_yx[is_tip]
    away = np.hypot(*(tips - anatomy.frame.centre_yx).T) > _DISC_RADII * anatomy.frame.radius_px
    tips = tips[away & ~_near_edge(tips, anatomy.frame.fov, anatomy.dd_px(_EDGE_DD))]
    return float(np.count_nonzero(anatomy.in_region(tips, region)))


def _near_edge(points_yx: Floats, fov: Mask, reach: float) -> Mask:
    """Whether a circle around each point leaves the field of view."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = points_yx[:, None] + reach * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    y, x = np.moveaxis(np.rint(ring).astype(np.int64), -1, 0)
    height, width = fov.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    seen: Mask = inside & fov[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(~seen.all(axis=1))


@biomarker(
    "length_diameter_ratio",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Length-to-diameter ratio",
    definition=(
        "Median over the segments between two bifurcations whose middle lies in the region of length / median calibre."
    ),
    source="King LA et al. J Hypertens 1996;14:1395-400; Witt N et al. Hypertension 2006;47:975-81",
    peers=("FVT: length_diameter_ratio",),
)
def length_diameter_ratio(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Median length over width."""
    graph, pieces = anatomy.graph(vessel), anatomy.pieces(vessel, "image")
    between = (graph.degree[graph.ends[pieces.segment]] >= 3).all(axis=1)
    middle = graph.points_yx[(pieces.start + pieces.stop) // 2]
    chosen = between & anatomy.in_region(middle, region)
    return _median(pieces.length_px[chosen] / pieces.width_px[chosen])
