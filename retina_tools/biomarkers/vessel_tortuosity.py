"""Tortuosity of the vessels: arc over chord, curvature, and turn curves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import REGIONS, Status, Unmeasurable, biomarker

_DIMS: Final = {"vessel": ("artery", "vein", "all"), "region": REGIONS}
_HART: Final = "Hart WE et al. Int J Med Inform 1999;53:239-52"
_GRISAN: Final = "Grisan E et al. IEEE Trans Med Imaging 2008;27:310-9"
_SMOOTHED: Final = (
    "over vessel segments of at least 0.25 DD, weighted by their length, on centrelines whose waves under 0.25 DD are "
    "smoothed out, without the last 0.06 DD at either end"
)
# Shorter segments say more about where a vessel was cut than about its course.
LEAST_SEGMENT_DD: Final = 0.25
# Curvature is that of waves longer than this; the pixel grid's are shorter.
CURVATURE_SCALE_DD: Final = 0.25
# A smoothed line is not held from both sides at its ends, where its curvature is mostly noise.
_END_DD: Final = CURVATURE_SCALE_DD / 4
# A vessel that comes back to where it started has no chord to speak of.
LEAST_CHORD: Final = 0.1


def _long_pieces(anatomy: Anatomy, vessel: str, region: str) -> NDArray[np.int64]:
    """Positions of the pieces of at least a quarter disc diameter."""
    pieces = anatomy.pieces(vessel, region)
    long = np.flatnonzero(pieces.length_px >= anatomy.dd_px(LEAST_SEGMENT_DD))
    if not len(long):
        raise Unmeasurable(Status.TOO_SHORT)
    return long


def curvature_line(anatomy: Anatomy, vessel: str) -> NDArray[np.float64]:
    """Points of a network smoothed for measures of curvature, shape (n, 2)."""
    graph = anatomy.graph(vessel)
    scale = anatomy.dd_px(CURVATURE_SCALE_DD)
    return anatomy.once(("curvature_line", vessel), lambda: graph.smoothed(scale))


def _sums(anatomy: Anatomy, vessel: str, region: str) -> dict[str, float]:
    """Totals of the turning over all long pieces of a region."""
    return anatomy.once(("turning", vessel, region), lambda: _work_out_sums(anatomy, vessel, region))


def _work_out_sums(anatomy: Anatomy, vessel: str, region: str) -> dict[str, float]:
    from retina_tools.biomarkers.turning import turning

    long = _long_pieces(anatomy, vessel, region)
    pieces = anatomy.pieces(vessel, region)
    graph, margin = anatomy.graph(vessel), int(anatomy.dd_px(_END_DD))
    segment = pieces.segment[long]
    start = np.maximum(pieces.start[long], graph.bounds[segment] + margin)
    stop = np.minimum(pieces.stop[long], graph.bounds[segment + 1] - margin)
    found = turning(curvature_line(anatomy, vessel), start, stop)
    return {
        "length": float(found.length.sum()),
        "absolute": float(found.absolute.sum()),
        "squared": float(found.squared.sum()),
        "inflections": float(found.inflections.sum()),
        # A segment's own density is n - 1 times the excess over its length, and has its length for a weight.
        "grisan": float((found.inflections * found.excess).sum()),
    }


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
    open_ended = long[pieces.chord_px[long] > LEAST_CHORD * pieces.length_px[long]]
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
    definition=f"Integral of the absolute curvature / arc length {_SMOOTHED}; 0 when straight, 1 / radius on an arc.",
    source=f"{_HART} (tau 4)",
    peers=("VascX: tort_curv (times the disc-fovea distance)", "AutoMorph: Squared_curvature_tortuosity (unsquared)"),
)
def tortuosity_curvature(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Mean absolute curvature in 1/px."""
    sums = _sums(anatomy, vessel, region)
    return sums["absolute"] / sums["length"]


@biomarker(
    "tortuosity_squared_curvature",
    quantity="inverse_area",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Tortuosity (mean squared curvature)",
    definition=f"Integral of the squared curvature / arc length {_SMOOTHED}; 0 when straight, 1 / radius^2 on an arc.",
    source=f"{_HART} (tau 5)",
    peers=("AutoMorph: Squared_curvature_tortuosity (by name only)",),
)
def tortuosity_squared_curvature(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Mean squared curvature in 1/px2."""
    sums = _sums(anatomy, vessel, region)
    return sums["squared"] / sums["length"]


@biomarker(
    "tortuosity_density",
    quantity="inverse_length",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Tortuosity density",
    definition=(
        "(n - 1) / L times the sum of arc / chord - 1 over the n turn curves between inflections of a segment of "
        f"length L, 0 for a segment of one curve; mean {_SMOOTHED}. A curve that bends by less than 5 degrees is "
        "no curve."
    ),
    source=_GRISAN,
    peers=("FVT: tauGrisan", "AutoMorph: Tortuosity_density (with (n - 1) / n added instead)"),
)
def tortuosity_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Grisan's tortuosity density in 1/px."""
    sums = _sums(anatomy, vessel, region)
    return sums["grisan"] / sums["length"]


@biomarker(
    "inflection_density",
    quantity="inverse_length",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Inflections",
    definition=(
        "Changes of the sign of curvature / arc length, between curves that bend by at least 5 degrees each, "
        f"{_SMOOTHED}."
    ),
    source=f"Own definition; cf. {_GRISAN}",
    peers=("VascX: tort_infl (count per segment)",),
)
def inflection_density(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Inflections per px."""
    sums = _sums(anatomy, vessel, region)
    return sums["inflections"] / sums["length"]
