"""Fractal dimensions, multifractal spectrum and lacunarity of the vessels.

Boxes are counted at every position of the grid, so that nothing moves with the frame: D0 takes the position with the
smallest cover, which is free of the half-empty boxes at the ends, D1 and D2 the mean over all positions. The spectrum is
taken from boxes around vessel pixels instead (sandbox method), because for negative orders a grid's barely touched
boxes outweigh everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.boxes import BoxCounts, boxes_inside, count_boxes, masses_around, summed_area
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_SCALES_DD: Final = (0.04, 0.4)
_SCALES: Final = 10
_LEAST_BOX_PX: Final = 2
_ORDERS: Final = np.arange(-10, 11)
# The spectrum needs no more boxes than this; they are taken evenly over the vessel pixels.
_MOST_SANDBOXES: Final = 20_000
_DIMS: Final = {"vessel": ("artery", "vein", "all"), "region": ("image",)}
_STOSIC: Final = "Stosic T, Stosic BD. IEEE Trans Med Imaging 2006;25:1101-7"
_SOURCE: Final = f"Liew G et al. Ophthalmology 2008;115:1951-6; {_STOSIC}"
_RANGE: Final = "at ten box sides from 0.04 to 0.4 DD"


def smallest_cover(mask: Mask, side: int) -> int:
    """Fewest boxes of a regular grid that cover a mask, over all positions of the grid.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    side : int
        Side of a box in px.

    Returns
    -------
    int

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((10, 10), bool); mask[3:6, 2:8] = True
    >>> smallest_cover(mask, 3), smallest_cover(mask, 6)
    (2, 1)
    """
    summed = summed_area(mask[_bounding_box(mask)])
    return int(count_boxes(summed, summed, side).occupied.min())


def _bounding_box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True)
class BoxDimensions:
    """Capacity, information and correlation dimension, each with the r2 of the line fitted."""

    box: tuple[float, float]
    information: tuple[float, float]
    correlation: tuple[float, float]


def box_dimensions(counts: Sequence[BoxCounts]) -> BoxDimensions:
    """D0, D1 and D2 from boxes of several sizes.

    Parameters
    ----------
    counts : sequence of BoxCounts
        At least two sizes.

    Returns
    -------
    BoxDimensions
    """
    log_side = np.log([found.side for found in counts])
    cover, entropy, coincidence = [], [], []
    for found in counts:
        mass = np.flatnonzero(found.masses)
        # Every pixel is in one box of each position of the grid.
        positions = found.side**2
        number = found.masses[mass] / positions
        share = mass / float(number @ mass)
        cover.append(np.log(found.occupied.min()))
        entropy.append(float(number @ (share * np.log(share))))
        coincidence.append(np.log(number @ share**2))
    return BoxDimensions(
        box=_slope(-log_side, np.array(cover)),
        information=_slope(log_side, np.array(entropy)),
        correlation=_slope(log_side, np.array(coincidence)),
    )


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of the least-squares line and its r2."""
    slope, intercept = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - slope * x - intercept) ** 2).sum())
    return float(slope), 1 - left / spread if spread > 0 else 1.0


def box_sides(smallest_px: float, largest_px: float) -> NDArray[np.int64]:
    """Ten box sides between two scales, rounded to whole pixels and each once.

    Parameters
    ----------
    smallest_px, largest_px : float
    """
    return np.unique(np.rint(np.geomspace(smallest_px, largest_px, _SCALES)).astype(np.int64))


def box_dimension(mask: Mask, smallest_px: float, largest_px: float) -> tuple[float, float]:
    """Box-counting dimension between two scales, and the r2 of the line fitted.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float
        Box sides to go between; they are rounded to whole pixels.

    Returns
    -------
    dimension, r2 : float

    Examples
    --------
    >>> import numpy as np
    >>> dimension, r2 = box_dimension(np.ones((400, 400), bool), 5, 40)
    >>> round(dimension, 1)
    2.0
    """
    return measure_dimensions(mask, smallest_px, largest_px).box


def measure_dimensions(mask: Mask, smallest_px: float, largest_px: float) -> BoxDimensions:
    """D0, D1 and D2 of a mask between two scales.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float

    Returns
    -------
    BoxDimensions
    """
    summed = summed_area(mask[_bounding_box(mask)])
    return box_dimensions([count_boxes(summed, summed, int(side)) for side in box_sides(smallest_px, largest_px)])


def singularity_span(mask: Mask, smallest_px: float, largest_px: float) -> float:
    """Length of the multifractal spectrum between the orders -10 and 10, by boxes around vessel pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    smallest_px, largest_px : float
        Box sides to go between.

    Returns
    -------
    float
        Greatest minus smallest Hoelder exponent; 0 for a uniform figure.
    """
    summed = summed_area(mask[_bounding_box(mask)])
    points = np.argwhere(mask[_bounding_box(mask)])
    points = points[:: max(1, len(points) // _MOST_SANDBOXES)]
    reach = np.unique(box_sides(smallest_px, largest_px) // 2)
    moments = np.empty((len(reach), len(_ORDERS)))
    for row, half in zip(moments, reach, strict=True):
        masses = masses_around(summed, points, int(half))
        mass = np.flatnonzero(masses)
        share, log_mass = masses[mass] / len(points), np.log(mass / summed[-1, -1])
        # log of the mean of mass^(q - 1); the order 1 has a mean of logarithms for its limit, which tau does not need.
        row[:] = [np.log(share @ np.exp((order - 1) * log_mass)) for order in _ORDERS]
    x = np.log(2 * reach + 1.0)
    x = x - x.mean()
    tau = x @ (moments - moments.mean(axis=0)) / float(x @ x)
    exponents = np.gradient(tau, _ORDERS)
    return float(exponents.max() - exponents.min())


def _sides(anatomy: Anatomy) -> NDArray[np.int64]:
    smallest, largest = (anatomy.dd_px(scale) for scale in _SCALES_DD)
    if smallest < _LEAST_BOX_PX:
        raise Unmeasurable(Status.TOO_SHORT)
    return box_sides(smallest, largest)


def _counts(anatomy: Anatomy, vessel: str) -> list[BoxCounts]:
    return anatomy.once(("box_counts", vessel), lambda: _count_all(anatomy, vessel))


def _count_all(anatomy: Anatomy, vessel: str) -> list[BoxCounts]:
    sides, mask = _sides(anatomy), anatomy.vessel_mask(vessel)
    rows, columns = _bounding_box(mask)
    field = _field(anatomy)[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    summed = summed_area(mask[rows, columns])
    return [count_boxes(summed, np.ascontiguousarray(field), int(side)) for side in sides]


def _field(anatomy: Anatomy) -> NDArray[np.int32]:
    return anatomy.once("field_summed", lambda: summed_area(anatomy.frame.fov))


def _dimensions(anatomy: Anatomy, vessel: str) -> BoxDimensions:
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
        label=f"Fractal dimension ({kind} counting, {order})" if kind == "box" else f"Fractal dimension ({kind}, {order})",
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
    f"Slope of log N against -log box side by least squares, {_RANGE}; N is the smallest number of boxes that covers the "
    "vessels over all positions of the grid, so it does not move with the frame.",
    ("PVBM: D0", "AutoMorph: Fractal_dimension", "AutoMorphalyzer: fractal_dimension"),
)
_register_dimension(
    "information",
    "D1",
    f"Slope of the sum of p log p against log box side by least squares, {_RANGE}; p is the share of the vessel pixels in "
    "a box, the sum is averaged over all positions of the grid.",
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
        "Greatest minus smallest Hoelder exponent d tau / d q of the orders q from -10 to 10; tau is the slope of the log "
        f"of the mean of m^(q - 1) against log box side, {_RANGE}, m the share of the vessel pixels in a box around a "
        "vessel pixel (sandbox method)."
    ),
    source=f"{_STOSIC}; Tel T et al. Physica A 1989;159:155-66",
    peers=("PVBM: SL (from a grid)",),
)
def singularity_length(anatomy: Anatomy, *, vessel: str, region: str) -> float:
    """Span of the multifractal spectrum."""
    sides = _sides(anatomy)
    return singularity_span(anatomy.vessel_mask(vessel), float(sides[0]), float(sides[-1]))


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
