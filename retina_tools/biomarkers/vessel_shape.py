"""Density, tortuosity and branching of the vessels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy, Piece
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

Floats = NDArray[np.float64]

_DIMS: Final = ("vessel", "region")
_HART: Final = "Hart WE et al. Int J Med Inform 1999;53:239-52"
# Shorter segments say more about where a vessel was cut than about its course.
_LEAST_SEGMENT_DD: Final = 0.25
# Curvature is that of waves longer than this; the pixel grid's are shorter.
_CURVATURE_SCALE_DD: Final = 0.25
_LEAST_BRANCH_DD: Final = 0.05


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
    mask, retina = anatomy.vessel_mask(vessel), anatomy.region(region)
    return float(np.count_nonzero(mask & retina) / np.count_nonzero(retina))


@biomarker(
    "length_density",
    quantity="inverse_length",
    dims=_DIMS,
    needs=("vessels",),
    label="Vessel length density",
    definition="Length of smoothed centrelines / visible retinal area of the region.",
    source="Own definition; cf. skeleton density in OCT angiography, Reif R et al. Int J Biomed Imaging 2012:509783",
    peers=("PVBM: ovlen (length only)",),
)
def length_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Centreline length over area, in 1/px."""
    graph = anatomy.graph(vessel)
    retina = anatomy.region(region)
    total = sum(
        graph.along_px[piece.stop - 1] - graph.along_px[piece.start] for piece in anatomy.pieces(vessel, region)
    )
    return float(total / np.count_nonzero(retina))


def _long_pieces(anatomy: Anatomy, vessel: str, region: str) -> list[tuple[Piece, float]]:
    """Pieces of at least a quarter disc diameter, with their lengths in px."""
    graph = anatomy.graph(vessel)
    least = anatomy.dd_px(_LEAST_SEGMENT_DD)
    measured = [
        (piece, float(graph.along_px[piece.stop - 1] - graph.along_px[piece.start]))
        for piece in anatomy.pieces(vessel, region)
    ]
    long = [(piece, length) for piece, length in measured if length >= least]
    if not long:
        raise Unmeasurable(Status.TOO_SHORT)
    return long


@biomarker(
    "tortuosity_arc_chord",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Tortuosity (arc over chord)",
    definition=(
        "Length-weighted mean over vessel segments of at least 0.25 DD of arc length / chord length, the arc along a "
        "smoothing spline through the middle of the vessel (waves under 0.1 DD are smoothed out); 1 when straight."
    ),
    source=_HART,
    peers=("PVBM: TI (on pixel chains)", "VascX: tort_dist", "AutoMorph: Distance_tortuosity (paths out of order)"),
)
def tortuosity_arc_chord(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Mean arc over chord."""
    points = anatomy.graph(vessel).points_yx
    ratios, weights = [], []
    for piece, length in _long_pieces(anatomy, vessel, region):
        chord = float(np.hypot(*(points[piece.stop - 1] - points[piece.start])))
        # A vessel that comes back to where it started has no chord to speak of.
        if chord > 0.1 * length:
            ratios.append(length / chord)
            weights.append(length)
    if not ratios:
        raise Unmeasurable(Status.TOO_SHORT)
    return float(np.average(ratios, weights=weights))


@biomarker(
    "tortuosity_curvature",
    quantity="inverse_length",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Tortuosity (mean absolute curvature)",
    definition=(
        "Integral of the absolute curvature / arc length over vessel segments of at least 0.25 DD, on centrelines "
        "whose waves under 0.25 DD are smoothed out; 0 when straight, 1 / radius on an arc."
    ),
    source=f"{_HART} (tau 4)",
    peers=("VascX: tort_curv (times the disc-fovea distance)", "AutoMorph: Squared_curvature_tortuosity (unsquared)"),
)
def tortuosity_curvature(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Mean absolute curvature in 1/px."""
    graph = anatomy.graph(vessel)
    smooth = graph.smoothed(anatomy.dd_px(_CURVATURE_SCALE_DD))
    bend, length = 0.0, 0.0
    for piece, _ in _long_pieces(anatomy, vessel, region):
        turning, arc = _turning(smooth[piece.start : piece.stop])
        bend, length = bend + turning, length + arc
    return bend / length


def _turning(path: Floats) -> tuple[float, float]:
    """Total absolute turning in radians, and the length it is spread over.

    The turning between successive steps is the integral of the curvature, whatever the spacing of the points.
    """
    steps = np.diff(path, axis=0)
    heading = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    # The first and last half step have no turning of their own.
    return float(np.abs(np.diff(heading)).sum()), float(lengths.sum() - (lengths[0] + lengths[-1]) / 2)


@biomarker(
    "bifurcation_count",
    quantity="count",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Bifurcations",
    definition=(
        "Nodes where exactly three vessel segments meet, each longer than 0.05 DD; crossings, where four meet, are not "
        "counted."
    ),
    source="Own definition; cf. Martinez-Perez ME et al. IEEE Trans Biomed Eng 2002;49:912-7",
    peers=("PVBM: interp", "VascX: BifurcationCount"),
)
def bifurcation_count(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Number of bifurcations in the region."""
    graph = anatomy.graph(vessel)
    retina = anatomy.region(region)
    least = anatomy.dd_px(_LEAST_BRANCH_DD)
    height, width = retina.shape
    count = 0
    for node, segments in enumerate(graph.segments_at):
        if graph.node_kind(node) == "bifurcation" and all(graph.length_px[segments] >= least):
            y, x = np.clip(np.rint(graph.node_yx[node]).astype(int), 0, (height - 1, width - 1))
            count += bool(retina[y, x])
    return float(count)
