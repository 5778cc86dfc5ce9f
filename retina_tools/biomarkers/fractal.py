"""Fractal dimensions, multifractal spectrum and lacunarity of the vessels.

Compiled code is loaded with the first measure rather than with this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

if TYPE_CHECKING:
    from retina_tools.biomarkers.boxes import BoxCounts
    from retina_tools.biomarkers.multifractal import BoxDimensions

_SCALES_DD: Final = (0.04, 0.4)
_LEAST_BOX_PX: Final = 2
_DIMS: Final = {"vessel": ("artery", "vein", "all"), "region": ("image",)}
_STOSIC: Final = "Stosic T, Stosic BD. IEEE Trans Med Imaging 2006;25:1101-7"
_SOURCE: Final = f"Liew G et al. Ophthalmology 2008;115:1951-6; {_STOSIC}"
_RANGE: Final = "at ten box sides from 0.04 to 0.4 DD"


def _sides(anatomy: Anatomy) -> NDArray[np.int64]:
    from retina_tools.biomarkers.multifractal import box_sides

    smallest, largest = (anatomy.dd_px(scale) for scale in _SCALES_DD)
    if smallest < _LEAST_BOX_PX:
        raise Unmeasurable(Status.TOO_SHORT)
    return box_sides(smallest, largest)


def _counts(anatomy: Anatomy, vessel: str) -> list[BoxCounts]:
    return anatomy.once(("box_counts", vessel), lambda: _count_all(anatomy, vessel))


def _count_all(anatomy: Anatomy, vessel: str) -> list[BoxCounts]:
    from retina_tools.biomarkers.boxes import count_boxes, summed_area
    from retina_tools.biomarkers.multifractal import bounding_box

    mask = anatomy.vessel_mask(vessel)
    sides = _sides(anatomy)
    rows, columns = bounding_box(mask)
    field = _field(anatomy)[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    summed = summed_area(mask[rows, columns])
    return [count_boxes(summed, np.ascontiguousarray(field), int(side)) for side in sides]


def _field(anatomy: Anatomy) -> NDArray[np.int32]:
    from retina_tools.biomarkers.boxes import summed_area

    return anatomy.once("field_summed", lambda: summed_area(anatomy.frame.fov))


def _dimensions(anatomy: Anatomy, vessel: str) -> BoxDimensions:
    from retina_tools.biomarkers.multifractal import box_dimensions

    return anatomy.once(("box_dimensions", vessel), lambda: box_dimensions(_counts(anatomy, vessel)))


def _register_dimension(kind: str, order: str, formula: str, peers: tuple[str, ...]) -> None:
    """Register one of the three dimensions and its r2."""

    def dimension(anatomy: Anatomy, *, vessel: str, region: str) -> float:
        found: tuple[float, float] = getattr(_dimensions(anatomy, vessel), kind)
        return found[0]

    def fit(anatomy: Anatomy, *, vessel: str, region: str) -> float:
        found: tuple[float, float] = getattr(_dimensions(anatomy, vessel), kind)
        return found[1]

    name = f"fractal_dimension_{kind}"
    biomarker(
        name,
        quantity="ratio",
        dims=_DIMS,
        needs=("vessels", "disc"),
        label=f"Fractal dimension ({kind} counting, {order})"
        if kind == "box"
        else f"Fractal dimension ({kind}, {order})",
        definition=formula,
        source=_SOURCE,
        peers=peers,
    )(dimension)
    biomarker(
        f"{name}_r2",
        quantity="ratio",
        dims=_DIMS,
        needs=("vessels", "disc"),
        label="Fit of the fractal dimension (r2)" if kind == "box" else f"Fit of the {kind} dimension (r2)",
        definition=f"Coefficient of determination of the line that gives {name}.",
        source=_SOURCE,
    )(fit)


_register_dimension(
    "box",
    "D0",
    f"Slope of log N against -log box side by least squares, {_RANGE}; N is the smallest number of boxes that covers "
    "the vessels over all positions of the grid, so it does not move with the frame.",
    ("PVBM: D0", "AutoMorph: Fractal_dimension", "AutoMorphalyzer: fractal_dimension"),
)
_register_dimension(
    "information",
    "D1",
    f"Slope of the sum of p log p against log box side by least squares, {_RANGE}; p is the share of the vessel pixels "
    "in a box, the sum is averaged over all positions of the grid.",
    ("PVBM: D1",),
)
_register_dimension(
    "correlation",
    "D2",
    f"Slope of the log of the sum of p^2 against log box side by least squares, {_RANGE}; p is the share of the vessel "
    "pixels in a box, the sum is averaged over all positions of the grid.",
    ("PVBM: D2",),
)


@biomarker(
    "singularity_length",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Singularity length",
    definition=(
        "Greatest minus smallest Hoelder exponent d tau / d q of the orders q from -10 to 10; tau is the slope of the "
        f"log of the mean of m^(q - 1) against log box side, {_RANGE}, m the share of the vessel pixels in a box "
        "around a pixel of a vessel longer than 0.4 DD (sandbox method)."
    ),
    source=f"{_STOSIC}; Tel T et al. Physica A 1989;159:155-66",
    peers=("PVBM: SL (from a grid)",),
)
def singularity_length(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Span of the multifractal spectrum."""
    from retina_tools.biomarkers.multifractal import singularity_span

    mask = anatomy.vessel_mask(vessel)
    sides = _sides(anatomy)
    return singularity_span(mask, float(sides[0]), float(sides[-1]))


@biomarker(
    "lacunarity",
    quantity="ratio",
    dims=_DIMS,
    needs=("vessels", "disc"),
    label="Lacunarity",
    definition=(
        "Mean of the squared mass / squared mean mass of boxes glided over the field of view, all those wholly inside; "
        f"mean over scales, {_RANGE}."
    ),
    source="Allain C, Cloitre M. Phys Rev A 1991;44:3552-8",
)
def lacunarity(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Gliding-box lacunarity, mean over scales."""
    from retina_tools.biomarkers.boxes import boxes_inside

    values = []
    for found in _counts(anatomy, vessel):
        side = found.side
        number = anatomy.once(("boxes_inside", side), lambda side=side: boxes_inside(_field(anatomy), side))  # type: ignore[misc]
        total, squares = found.inside
        if total:
            values.append(number * squares / total**2)
    if not values:
        raise Unmeasurable(Status.TOO_SHORT)
    return float(np.mean(values))
