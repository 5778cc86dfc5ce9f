"""Widths of the vessels that cross a zone around the disc, and the central equivalents made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats, Segment, Vessel

KNUDTSON: Final[dict[str, float]] = {"artery": 0.88, "vein": 0.95}
ZONES: Final[dict[str, tuple[float, float]]] = {"zone_b": (2.0, 3.0), "zone_c": (2.0, 5.0)}


def zone_widths(
    segments: Sequence[Segment], frame: Frame, vessel: Vessel, zone: str = "zone_b", first: int = 0
) -> Floats:
    """Widths in um, the widest first, of the vessels that cross a zone.

    Parameters
    ----------
    segments : sequence of Segment
    frame : Frame
    vessel : {'artery', 'vein'}
    zone : {'zone_b', 'zone_c'}
        Rings of 2 to 3 and 2 to 5 disc radii around the disc's centre.
    first : int
        Index of the first segment given, to which parents and children refer.

    Returns
    -------
    ndarray of float, shape (vessels,)
        For each vessel that enters at the inner circle and spans half of the zone, the median width over its run in the
        zone; where it branches, the run follows the wider branch.
    """
    widths = []
    inner, outer = (circle * frame.radius_um for circle in ZONES[zone])
    ends = np.cumsum([len(segment.points_um) for segment in segments])
    distances = np.split(frame.from_disc(np.concatenate([segment.points_um for segment in segments])), ends[:-1])
    for start, segment in enumerate(segments):
        if segment.vessel != vessel or not distances[start][0] < inner <= distances[start].max():
            continue
        run, index, furthest = [], start, inner
        while True:
            distance, radius = distances[index], segments[index].radius_um
            run.append(radius[(distance >= inner) & (distance <= outer)])
            furthest = max(furthest, float(distance.max()))
            if furthest > outer or not segments[index].children:
                break
            index = max((child - first for child in segments[index].children), key=lambda c: segments[c].radius_um[0])
        if furthest - inner >= 0.5 * (outer - inner):
            widths.append(2.0 * float(np.median(np.concatenate(run))))
    return np.sort(np.array(widths))[::-1]


def combined(widths: Floats, pair: Callable[[float, float], float]) -> float:
    """One width of six: the widest taken with the narrowest, again and again; NaN where there are fewer than six."""
    left = sorted(float(width) for width in widths[:6])
    if len(left) < 6:
        return float("nan")
    while len(left) > 1:
        half = len(left) // 2
        pairs = [pair(left[k], left[-1 - k]) for k in range(half)]
        left = sorted([*pairs, *left[half : len(left) - half]])
    return left[0]


def knudtson(widths: Floats, vessel: str) -> float:
    """CRAE or CRVE after Knudtson (2003) of widths in descending order."""
    factor = KNUDTSON[vessel]
    return combined(widths, lambda narrow, wide: factor * float(np.hypot(narrow, wide)))


def hubbard(widths_um: Floats, vessel: str) -> float:
    """CRAE or CRVE after Hubbard (1999) and Parr (1974) of widths in um in descending order."""
    if vessel == "artery":
        return combined(widths_um, lambda a, b: float(np.sqrt(0.87 * a * a + 1.01 * b * b - 0.22 * a * b - 10.76)))
    return combined(widths_um, lambda a, b: float(np.sqrt(0.72 * a * a + 0.91 * b * b + 450.05)))


def calibre_equivalent(segments: Sequence[Segment], frame: Frame, vessel: Vessel, first: int = 0) -> float:
    """CRAE or CRVE in um of zone B; NaN where fewer than six vessels cross it.

    Parameters
    ----------
    segments : sequence of Segment
    frame : Frame
    vessel : {'artery', 'vein'}
    first : int
        Index of the first segment given, to which parents and children refer.
    """
    return knudtson(zone_widths(segments, frame, vessel, "zone_b", first), vessel)
