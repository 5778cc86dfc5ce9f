"""Biomarkers as other tools define them, for studies of agreement only.

Each follows the described behaviour of a tool, with the flaws that make its numbers what they are, on the vessels of
this package: what differs is the definition, not the segmentation. Lengths are in pixels, as these tools give them.

References
----------
Fhima J et al. PVBM. ECCV Workshops 2022. Quiros-Gonzalez J et al. VascX. Invest Ophthalmol Vis Sci 2024. Zhou Y et al.
AutoMorph. Transl Vis Sci Technol 2022;11(7):12.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.edges import clearance
from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.biomarkers.vessel_calibre import knudtson_equivalent

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SIX: Final = 6
# Pixel constants of the tools are meant for frames of about this width.
_FRAME_PX: Final = 1024


def pvbm_equivalent(anatomy: Anatomy, vessel: str) -> float:
    """PVBM's CRE: at most six pieces of 50 px in 2 to 3 radii, whole pixels marched to either side of the middle."""
    mask, graph = anatomy.vessel_mask(vessel), anatomy.graph(vessel)
    pieces = anatomy.pieces(vessel, "zone_b")
    inner = 2 * anatomy.frame.radius_px
    means = []
    for start, stop in zip(pieces.start, pieces.stop, strict=True):
        points = graph.points_yx[start:stop]
        near = float(np.hypot(*(points - anatomy.frame.centre_yx).T).min())
        if len(points) < 50 or near > inner + 20:
            continue
        widths = _marched(mask, points)
        if len(widths):
            means.append(float(widths.mean()))
    largest = sorted(means)[-_SIX:]
    return knudtson_equivalent(largest, vessel) if largest else math.nan


def _marched(mask: Mask, points: Floats) -> NDArray[np.int64]:
    """Whole steps to the wall on both sides, the middle not counted; sides that differ by more than one are refused."""
    course = points[6:] - points[:-6]
    course = course / np.maximum(np.hypot(*course.T), 1e-9)[:, None]
    normal = np.stack([course[:, 1], -course[:, 0]], axis=1)
    sides = np.zeros((len(course), 2), np.int64)
    for place, sign in enumerate((1, -1)):
        inside = np.ones(len(course), bool)
        for step in range(1, 40):
            y, x = np.clip((points[6:] + sign * step * normal).astype(int), 0, np.array(mask.shape) - 1).T
            inside &= mask[y, x]
            sides[inside, place] = step
    even = np.abs(sides[:, 0] - sides[:, 1]) <= 1
    return np.asarray(sides[even].sum(axis=1))


def vascx_equivalent(anatomy: Anatomy, vessel: str) -> float:
    """VascX's CRE: six largest segments on each of five circles of 1 to 1.5 DD, median over circles."""
    graph = anatomy.graph(vessel)
    width = line_medians(graph.width_px, graph.bounds)
    distance = np.hypot(*(graph.points_yx - anatomy.frame.centre_yx).T)
    same = np.diff(graph.segment_of) == 0
    found = []
    for circle in np.linspace(1.0, 1.5, 5) * anatomy.frame.diameter_px:
        cut = np.flatnonzero(same & ((distance[1:] >= circle) != (distance[:-1] >= circle)))
        crossing = width[np.unique(graph.segment_of[cut])]
        crossing = np.sort(crossing[np.isfinite(crossing)])[-_SIX:]
        if len(crossing) == _SIX:
            found.append(knudtson_equivalent(crossing.tolist(), vessel))
    return float(np.median(found)) if len(found) >= 2 else math.nan


def automorph_equivalent(anatomy: Anatomy, vessel: str) -> float:
    """AutoMorph's CRE: twice the radius of the largest disc in the mask, mean per segment in zone B, six largest."""
    mask, graph, disc = anatomy.vessel_mask(vessel), anatomy.graph(vessel), anatomy.frame.disc
    radius = max(disc.mask.shape) / 2
    distance = np.hypot(*(graph.points_yx - anatomy.frame.centre_yx).T)
    inside = (distance >= 2 * radius) & (distance < 3 * radius)
    width = 2 * clearance(mask, graph.points_yx)
    means = [
        float(width[inside & (graph.segment_of == segment)].mean()) for segment in np.unique(graph.segment_of[inside])
    ]
    largest = sorted(means)[-_SIX:]
    return knudtson_equivalent(largest, vessel) if len(largest) == _SIX else math.nan


def _pixel_chains(anatomy: Anatomy, vessel: str, least: int) -> list[NDArray[np.int64]]:
    """Pixels that the segments pass through, in order, for segments of a least number of them."""
    graph = anatomy.graph(vessel)
    chains = []
    for segment in range(len(graph)):
        pixels = np.rint(graph.path(segment)).astype(np.int64)
        pixels = pixels[np.append(True, (np.diff(pixels, axis=0) != 0).any(axis=1))]
        if len(pixels) >= least:
            chains.append(pixels)
    return chains


def _length(points: NDArray[np.int64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def pvbm_tortuosity(anatomy: Anatomy, vessel: str) -> float:
    """PVBM's TI: summed lengths of pixel chains / summed chords, for pieces of ten steps or more."""
    chains = _pixel_chains(anatomy, vessel, 11)
    chords = sum(float(np.hypot(*(chain[-1] - chain[0]))) for chain in chains)
    return sum(map(_length, chains)) / chords if chords else math.nan


def vascx_tortuosity(anatomy: Anatomy, vessel: str) -> float:
    """VascX's tort_dist: spline length / chord, mean weighted by length, above 1.5 dropped, segments from 25 px on."""
    pieces = anatomy.pieces(vessel, "image")
    least = 25 * anatomy.frame.shape[1] / _FRAME_PX
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = pieces.length_px / pieces.chord_px
    kept = (pieces.length_px >= least) & (ratio <= 1.5)
    return float(np.average(ratio[kept], weights=pieces.length_px[kept])) if kept.any() else math.nan


def automorph_tortuosity(anatomy: Anatomy, vessel: str) -> float:
    """AutoMorph's Distance_tortuosity: pixels in the order a search from the topmost one meets them."""
    ratios = []
    for chain in _pixel_chains(anatomy, vessel, 10):
        first = int(np.lexsort((chain[:, 1], chain[:, 0]))[0])
        # The search takes a step to one side and a step to the other in turn.
        met = np.argsort(np.abs(np.arange(len(chain)) - first), kind="stable")
        chord = float(np.hypot(*(chain[met[-1]] - chain[met[0]])))
        if chord > 0:
            ratios.append(_length(chain[met]) / chord)
    return float(np.mean(ratios)) if ratios else math.nan


def frame_density(anatomy: Anatomy, vessel: str) -> float:
    """AutoMorph's Vessel_density: vessel pixels / pixels of the square frame, black corners and all."""
    return float(np.count_nonzero(anatomy.vessel_mask(vessel))) / max(anatomy.frame.shape) ** 2


def pvbm_area(anatomy: Anatomy, vessel: str) -> float:
    """PVBM's area as a share of its region of interest: from the disc's margin to 600 px of a 1024 px frame."""
    distance = anatomy.frame.distance_px
    roi = (distance > anatomy.frame.radius_px) & (distance < 600 * anatomy.frame.shape[1] / _FRAME_PX)
    return float(np.count_nonzero(anatomy.vessel_mask(vessel) & roi) / np.count_nonzero(roi))


def corner_dimension(anatomy: Anatomy, vessel: str) -> float:
    """AutoMorph's Fractal_dimension: dyadic boxes from the corner of the frame, neither empty nor full ones counted."""
    mask = anatomy.vessel_mask(vessel)
    sides = 2 ** np.arange(int(math.log2(min(mask.shape))), 1, -1)
    counts = [int(((held > 0) & (held < side * side)).sum()) for side in sides for held in [_held(mask, int(side))]]
    seen = np.array(counts) > 0
    return float(-np.polyfit(np.log(sides[seen]), np.log(np.array(counts)[seen]), 1)[0])


def pvbm_dimension(anatomy: Anatomy, vessel: str) -> float:
    """PVBM's D0: 20 box sides up to 0.6 of the frame, boxes 1 to 98 % full, the largest of 24 turns with D0>D1>D2."""
    mask = anatomy.vessel_mask(vessel)
    sides = np.unique(np.linspace(5, 0.6 * min(mask.shape), 20).astype(int))
    best = math.nan
    for turn in np.linspace(0, 360, 25)[:-1]:
        turned = ndimage.rotate(mask.astype(np.uint8), turn, order=0, reshape=False) > 0
        dimensions = _three_dimensions(turned, sides)
        if dimensions[0] > dimensions[1] > dimensions[2] and not dimensions[0] <= best:
            best = dimensions[0]
    return best


def _three_dimensions(mask: Mask, sides: NDArray[np.int64]) -> tuple[float, float, float]:
    logs: list[list[float]] = []
    for side in sides.tolist():
        held = _held(mask, side)
        share = held[(held >= 0.01 * side * side) & (held <= 0.98 * side * side)].astype(float)
        if len(share):
            share /= share.sum()
            logs.append([math.log(side), math.log(len(share)), -float(share @ np.log(share)), -math.log(share @ share)])
    if len(logs) < 2:
        return math.nan, math.nan, math.nan
    x, *values = np.array(logs).T
    slopes = [-float(np.polyfit(x, y, 1)[0]) for y in values]
    return slopes[0], slopes[1], slopes[2]


def _held(mask: Mask, side: int) -> NDArray[np.int64]:
    """Pixels in each box of a grid that starts at the corner of the frame."""
    rows = np.add.reduceat(mask.astype(np.int64), np.arange(0, mask.shape[0], side), axis=0)
    return np.asarray(np.add.reduceat(rows, np.arange(0, mask.shape[1], side), axis=1))
