"""The angle that the temporal arcades span around the macula."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker
from retina_tools.biomarkers.smoothing import line_medians

Floats = NDArray[np.float64]

_CIRCLES_DFD: Final = np.linspace(0.65, 0.80, 7)
# An arcade lies between these directions from the axis to the fovea; nearer to it run the macular vessels.
_SECTOR_DEG: Final = (15.0, 115.0)
_LEAST_CIRCLES: Final = 3


@biomarker(
    "temporal_arcade_angle",
    quantity="angle",
    dims={"vessel": ("artery", "vein", "all"), "region": ("image",)},
    needs=("vessels", "disc", "fovea"),
    label="Temporal arcade angle",
    definition=(
        "Angle at the disc centre between the widest superior and the widest inferior vessel that cut a circle around "
        "the disc, each 15 to 115 degrees from the direction of the fovea; median over seven circles of 0.65 to 0.80 "
        "disc-fovea distances, of which three must have both."
    ),
    source="Fledelius HC, Goldschmidt E. Acta Ophthalmol 2010;88:521-6; own definition of the circles",
    peers=("VascX: temporal_angle", "retina-phenotypes: mean_angle_taa, mean_angle_tva"),
)
def temporal_arcade_angle(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Angle in degrees."""
    frame, graph = anatomy.frame, anatomy.graph(vessel)
    reach = frame.fovea_distance_px
    (y, x), (fovea_y, fovea_x) = frame.centre_yx, frame.fovea_yx
    axis = np.array([fovea_y - y, fovea_x - x]) / reach
    offset = graph.points_yx - (y, x)
    distance = np.hypot(*offset.T) / reach
    aside = np.degrees(np.arctan2(offset @ (-axis[1], axis[0]), offset @ axis))
    width = np.repeat(line_medians(graph.width_px, graph.bounds), np.diff(graph.bounds))
    same = np.diff(graph.segment_of) == 0
    spans = []
    for circle in _CIRCLES_DFD:
        cut = np.flatnonzero(same & ((distance[1:] >= circle) != (distance[:-1] >= circle)))
        sides = [_widest(aside[cut] * sign, width[cut]) for sign in (1, -1)]
        if all(math.isfinite(side) for side in sides):
            spans.append(sum(sides))
    if len(spans) < _LEAST_CIRCLES:
        raise Unmeasurable(Status.TOO_FEW_VESSELS)
    return float(np.median(spans))


def _widest(angle_deg: Floats, width: Floats) -> float:
    """Direction of the widest vessel of one side; NaN where there is none."""
    low, high = _SECTOR_DEG
    chosen = (angle_deg > low) & (angle_deg < high) & np.isfinite(width)
    return float(angle_deg[chosen][width[chosen].argmax()]) if chosen.any() else math.nan
