"""Density, tortuosity and branching of the vessels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
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
    retina = anatomy.region(region)
    return float(anatomy.pieces(vessel, region).length_px.sum() / np.count_nonzero(retina))


def _long_pieces(anatomy: Anatomy, vessel: str, region: str) -> NDArray[np.int64]:
    """Positions of the pieces of at least a quarter disc diameter."""
    pieces = anatomy.pieces(vessel, region)
    long = np.flatnonzero(pieces.length_px >= anatomy.dd_px(_LEAST_SEGMENT_DD))
    if not len(long):
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
    pieces = anatomy.pieces(vessel, region)
    long = _long_pieces(anatomy, vessel, region)
    # A vessel that comes back to where it started has no chord to speak of.
    open_ended = long[pieces.chord_px[long] > 0.1 * pieces.length_px[long]]
    if not len(open_ended):
        raise Unmeasurable(Status.TOO_SHORT)
    length, chord = pieces.length_px[open_ended], pieces.chord_px[open_ended]
    return float(np.average(length / chord, weights=length))


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
    pieces = anatomy.pieces(vessel, region)
    long = _long_pieces(anatomy, vessel, region)
    turned, along = anatomy.once(("turning", vessel), lambda: _running_turn(anatomy, vessel))
    start, last = pieces.start[long], pieces.stop[long] - 1
    # The first and last half step of a piece have no turning of their own.
    bend = turned[last - 1] - turned[start]
    length = along[last] + along[last - 1] - along[start + 1] - along[start]
    return float(2 * bend.sum() / length.sum())


def _running_turn(anatomy: Anatomy, vessel: str) -> tuple[Floats, Floats]:
    """Total absolute turning in radians, and length, up to each point of the smoothed centrelines.

    The turning between successive steps is the integral of the curvature, whatever the spacing of the points. Entry k
    is the turning at the points up to k; only differences within one segment have a meaning.
    """
    points = anatomy.graph(vessel).smoothed(anatomy.dd_px(_CURVATURE_SCALE_DD))
    steps = np.diff(points, axis=0)
    before, after = steps[:-1], steps[1:]
    cross = before[:, 1] * after[:, 0] - before[:, 0] * after[:, 1]
    turning = np.abs(np.arctan2(cross, (before * after).sum(axis=1)))
    turned, along = np.zeros(len(points)), np.zeros(len(points))
    turned[1:-1] = np.cumsum(turning)
    turned[-1] = turned[-2]
    along[1:] = np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))
    return turned, along


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
    shortest = np.full(len(graph.node_yx), np.inf)
    np.minimum.at(shortest, graph.ends.ravel(), np.repeat(graph.length_px, 2))
    chosen = np.flatnonzero((graph.degree == 3) & (shortest >= anatomy.dd_px(_LEAST_BRANCH_DD)))
    y, x = np.clip(np.rint(graph.node_yx[chosen]).astype(int), 0, np.array(retina.shape) - 1).T
    return float(np.count_nonzero(retina[y, x]))
