"""One eye under the definitions of several tools, ours beside theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import REGISTER, Status, Unmeasurable


@dataclass(frozen=True)
class _Variant:
    """A biomarker as one other tool defines it."""

    biomarker: str
    region: str
    units: str
    tool: str
    function: str
    why: str


_VARIANTS: Final = (
    _Variant(
        "calibre_equivalent", "zone_b", "px", "PVBM 3.0", "pvbm_equivalent",
        "whole pixels marched from the middle, which is not counted itself: about a pixel too narrow, less than six "
        "vessels accepted, pieces of a branching vessel counted apart",
    ),
    _Variant(
        "calibre_equivalent", "zone_b", "px", "VascX 2.1", "vascx_equivalent",
        "six vessels on each of five circles and the median of circles; a segment's width is its median over its whole "
        "length, also beyond the zone",
    ),
    _Variant(
        "calibre_equivalent", "zone_b", "px", "AutoMorph", "automorph_equivalent",
        "width is twice the distance to the nearest wall pixel, mean per segment; both segments of a vessel that "
        "branches in the zone may be among the six; the zone is set by the disc's longer side",
    ),
    _Variant(
        "tortuosity_arc_chord", "image", "1", "PVBM 3.0", "pvbm_tortuosity",
        "arcs are pixel chains, 1.07 on a straight line at most angles; sum over sum instead of a mean of ratios",
    ),
    _Variant(
        "tortuosity_arc_chord", "image", "1", "VascX 2.1", "vascx_tortuosity",
        "segments above 1.5 are dropped, and segments from 25 px on count, shorter than a quarter disc diameter",
    ),
    _Variant(
        "tortuosity_arc_chord", "image", "1", "AutoMorph", "automorph_tortuosity",
        "pixels are taken in the order a search meets them, to both sides of a start in turn: paths zigzag",
    ),
    _Variant(
        "area_density", "image", "1", "AutoMorph", "frame_density",
        "over the whole square frame, black corners included, instead of the visible retina",
    ),
    _Variant(
        "area_density", "image", "1", "PVBM 3.0", "pvbm_area",
        "over a circle of a fixed number of pixels around the disc, without the disc; PVBM itself gives the "
        "pixels only",
    ),
    _Variant(
        "area_density", "image", "1", "VascX 2.1", "",
        "vessel pixels over visible pixels, the same definition",
    ),
    _Variant(
        "fractal_dimension_box", "image", "1", "AutoMorph", "corner_dimension",
        "the grid starts at the frame's corner, full boxes are left out, and scales reach up to the whole frame, where "
        "every box holds vessels",
    ),
    _Variant(
        "fractal_dimension_box", "image", "1", "PVBM 3.0", "pvbm_dimension",
        "box sides up to 0.6 of the frame, boxes less than 1 % full left out, and the largest of 24 turns of the "
        "picture",
    ),
)  # fmt: skip
_COLUMNS: Final = (
    "biomarker", "vessel", "region", "units", "ours", "ours_status", "tool", "theirs", "ratio", "why",
)  # fmt: skip


def compare_definitions(eye: xr.Dataset) -> pd.DataFrame:
    """Measure an eye as other tools would, on the same vessels.

    For studies of agreement: it shows what of a difference between two publications is definition alone. The variants
    follow the described behaviour of the tools, also where it is an error; they are no biomarkers of this package.

    Parameters
    ----------
    eye : xarray.Dataset
        With arteries, veins and an optic disc.

    Returns
    -------
    pandas.DataFrame
        One row per biomarker, vessel and tool: ``biomarker``, ``vessel``, ``region``, ``units`` (equivalents in px, as
        those tools give them), ``ours`` with ``ours_status``, ``tool``, ``theirs`` (NaN where the tool gives nothing),
        ``ratio`` of theirs to ours, and ``why`` they differ.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> table = compare_definitions(shapes.radial_vessels(size=512))
    >>> row = table[(table.biomarker == "tortuosity_arc_chord") & (table.tool == "PVBM 3.0")].iloc[0]
    >>> bool(row.ours < 1.003), bool(row.theirs > 1.03)
    (True, True)
    """
    anatomy = Anatomy(eye)
    rows = []
    for variant in _VARIANTS:
        for vessel in ("artery", "vein"):
            function = REGISTER[variant.biomarker].function
            ours, status = _value(lambda: function(anatomy, vessel=vessel, region=variant.region))  # noqa: B023
            theirs = _theirs(anatomy, variant, vessel) if variant.function else ours
            ratio = theirs / ours if ours else np.nan
            rows.append(
                (
                    variant.biomarker, vessel, variant.region, variant.units, ours, status.word, variant.tool, theirs,
                    ratio, variant.why,
                )
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _theirs(anatomy: Anatomy, variant: _Variant, vessel: str) -> float:
    from retina_tools.biomarkers import peer_definitions

    function: Callable[[Anatomy, str], float] = getattr(peer_definitions, variant.function)
    return _value(lambda: function(anatomy, vessel))[0]


def _value(work_out: Callable[[], float]) -> tuple[float, Status]:
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(work_out()), Status.OK
    except Unmeasurable as reason:
        return float("nan"), reason.status
