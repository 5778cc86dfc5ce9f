"""Callipers: lengths, angles and areas that a person takes on the picture, in every known unit and with their error.

The error is a standard deviation to first order. Points and outlines are taken to be off by ``error_px``, half a pixel
unless said otherwise: points in each direction on their own, an outline as a whole to one side of where it should be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.contours import edge_middles
from retina_tools.biomarkers.objects import Objects
from retina_tools.biomarkers.registry import Unmeasurable
from retina_tools.schema import EyeError, get_mask
from retina_tools.taxonomy import term

Floats = NDArray[np.float64]
Point = tuple[float, float]

ERROR_PX: Final = 0.5
# Discs differ by a tenth from eye to eye, and with them every scale that assumes one.
_DISC_SPREAD: Final = 0.1


@dataclass(frozen=True)
class Reading:
    """One measurement in all units that are known.

    Attributes
    ----------
    name : str
    value, error : mapping of str to float
        By unit: px, DD and um of lengths; px2, DD2 and mm2 of areas; degree of angles. DD needs a whole disc, um a
        scale.

    Examples
    --------
    >>> print(Reading("Distance", {"px": 20.0, "um": 144.2}, {"px": 0.7, "um": 5.1}))
    Distance: 20.0 ± 0.7 px, 144 ± 5 um
    """

    name: str
    value: Mapping[str, float]
    error: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(_written(self.value[unit], self.error[unit], unit) for unit in self.value)}"

    def table(self) -> pd.DataFrame:
        """One row per unit: name, value, error, units."""
        rows = [(self.name, self.value[unit], self.error[unit], unit) for unit in self.value]
        return pd.DataFrame(rows, columns=["name", "value", "error", "units"])


@dataclass(frozen=True)
class Feret:
    """Longest and shortest calliper diameter of a region.

    Attributes
    ----------
    longest, shortest : Reading
    ends_yx : tuple of two points
        Of the longest.
    direction_deg : float
        Of the longest, counter-clockwise from image right in (-90, 90].
    """

    longest: Reading
    shortest: Reading
    ends_yx: tuple[Point, Point]
    direction_deg: float


@dataclass(frozen=True)
class Box:
    """The upright rectangle around a region: its first and last row and column, and its sides."""

    top: int
    left: int
    bottom: int
    right: int
    height: Reading
    width: Reading


def distance(eye: xr.Dataset, one_yx: Point, other_yx: Point, *, error_px: float = ERROR_PX) -> Reading:
    """Distance between two points.

    Parameters
    ----------
    eye : xarray.Dataset
    one_yx, other_yx : tuple of float
        Points (y, x) in px.
    error_px : float
        Standard deviation of each point in each direction.

    Returns
    -------
    Reading

    Raises
    ------
    EyeError
        A point or the error is not finite.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> eye = shapes.radial_vessels(size=300)
    >>> print(distance(eye, (10, 10), (40, 50)))
    Distance: 50.0 ± 0.7 px, 1.00 ± 0.02 DD, 1800 ± 25 um
    """
    one, other = _point(one_yx), _point(other_yx)
    return _length("Distance", float(np.hypot(*(other - one))), math.sqrt(2) * _error(error_px), eye, error_px)


def angle(eye: xr.Dataset, one_yx: Point, vertex_yx: Point, other_yx: Point, *, error_px: float = ERROR_PX) -> Reading:
    """Angle at a point between the directions to two others, 0 to 180 degrees.

    Parameters
    ----------
    eye : xarray.Dataset
        Not looked at: angles need no scale.
    one_yx, vertex_yx, other_yx : tuple of float
        Points (y, x) in px, the vertex in the middle.
    error_px : float
        Standard deviation of each point in each direction.

    Returns
    -------
    Reading

    Raises
    ------
    EyeError
        A point or the error is not finite, or a side has no length.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> print(angle(shapes.radial_vessels(size=300), (0, 100), (0, 0), (100, 0)))
    Angle: 90.0 ± 0.6 degree
    """
    vertex, error = _point(vertex_yx), _error(error_px)
    arms = np.stack([_point(one_yx) - vertex, _point(other_yx) - vertex])
    length = np.hypot(arms[:, 0], arms[:, 1])
    if not (length > 0).all():
        raise EyeError("An angle needs three different points, got one on the vertex; move it away.")
    along = arms / length[:, None]
    found = math.atan2(abs(float(along[0, 0] * along[1, 1] - along[0, 1] * along[1, 0])), float(along[0] @ along[1]))
    # How the angle moves with each end, across its arm, and with the vertex, which moves both arms.
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
    variance = (1 / length**2).sum() + ((across[0] - across[1]) ** 2).sum()
    return Reading("Angle", {"degree": math.degrees(found)}, {"degree": math.degrees(error * math.sqrt(variance))})


def area(eye: xr.Dataset, region: str | ArrayLike, *, error_px: float = ERROR_PX) -> Reading:
    """Area of a mask.

    Parameters
    ----------
    eye : xarray.Dataset
    region : str or array_like of bool, shape (y, x)
        Name of a structure that is drawn, or a mask.
    error_px : float
        How far the outline is off, as a whole.

    Returns
    -------
    Reading
        Its error is that of the outline's length times ``error_px``.

    Raises
    ------
    EyeError
        No such structure, nothing drawn, or a mask of another shape.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> print(area(shapes.radial_vessels(size=300), "optic_disc"))
    Area: 1976 ± 79 px2, 0.785 ± 0.000 DD2, 2.56 ± 0.10 mm2
    """
    mask, error = _mask(eye, region), _error(error_px)
    found = Objects(mask)
    pixels = float(found.area_px2.sum())
    # Specks have no outline to speak of; that of a circle will do.
    outline = np.where(found.has_shape, found.perimeter_px, np.pi * found.diameter_px)
    spread = float(outline.sum()) * error
    value, errors = {"px2": pixels}, {"px2": spread}
    anatomy = Anatomy(eye)
    if (diameter := _diameter_px(anatomy)) is not None:
        value["DD2"] = pixels / diameter**2
        # The disc in its own units is certain.
        of_disc = isinstance(region, str) and region == "optic_disc"
        errors["DD2"] = 0.0 if of_disc else _product(spread / pixels, 2 * error / diameter) * value["DD2"]
    if (scale := _scale(anatomy)) is not None:
        value["mm2"] = pixels * (scale[0] / 1000) ** 2
        errors["mm2"] = _product(spread / pixels, 2 * scale[1]) * value["mm2"]
    return Reading("Area", value, errors)


def feret(eye: xr.Dataset, region: str | ArrayLike, *, error_px: float = ERROR_PX) -> Feret:
    """Longest and shortest distance between parallels that hold a mask between them, all its parts together.

    Parameters
    ----------
    eye : xarray.Dataset
    region : str or array_like of bool, shape (y, x)
        Name of a structure that is drawn, or a mask.
    error_px : float
        How far each side of the outline is off.

    Returns
    -------
    Feret

    Raises
    ------
    EyeError
        No such structure, nothing drawn, or a mask of another shape.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> found = feret(shapes.radial_vessels(size=300), shapes.ellipse(120, 60, 30, size=300))
    >>> round(found.longest.value["px"]), round(found.shortest.value["px"]), round(found.direction_deg)
    (121, 60, -60)
    """
    from scipy.spatial import ConvexHull

    mask, spread = _mask(eye, region), math.sqrt(2) * _error(error_px)
    points = edge_middles(np.flatnonzero(mask), mask.shape)
    corners = points[ConvexHull(points).vertices]
    apart = corners[:, None] - corners[None]
    first, second = np.unravel_index(int((apart**2).sum(axis=2).argmax()), apart.shape[:2])
    side = np.roll(corners, -1, axis=0) - corners
    across = np.stack([-side[:, 1], side[:, 0]], axis=1) / np.hypot(side[:, 0], side[:, 1])[:, None]
    # The shortest diameter stands on a side of the hull.
    shortest = float(np.abs(np.einsum("ijk,jk->ij", apart, across)).max(axis=0).min())
    dy, dx = corners[second] - corners[first]
    direction = math.degrees(math.atan2(-dy, dx))
    direction = direction - 180 if direction > 90 else direction + 180 if direction <= -90 else direction
    ends = sorted((float(y), float(x)) for y, x in corners[[first, second]])
    return Feret(
        _length("Longest diameter", float(math.hypot(dy, dx)), spread, eye, error_px),
        _length("Shortest diameter", shortest, spread, eye, error_px),
        (ends[0], ends[1]),
        direction,
    )


def bounding_box(eye: xr.Dataset, region: str | ArrayLike, *, error_px: float = ERROR_PX) -> Box:
    """The upright rectangle around a mask, all its parts together.

    Parameters
    ----------
    eye : xarray.Dataset
    region : str or array_like of bool, shape (y, x)
        Name of a structure that is drawn, or a mask.
    error_px : float
        How far each side is off.

    Returns
    -------
    Box

    Raises
    ------
    EyeError
        No such structure, nothing drawn, or a mask of another shape.
    """
    mask, spread = _mask(eye, region), math.sqrt(2) * _error(error_px)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    height = _length("Height", bottom - top + 1.0, spread, eye, error_px)
    width = _length("Width", right - left + 1.0, spread, eye, error_px)
    return Box(top, left, bottom, right, height, width)


def _length(name: str, pixels: float, spread: float, eye: xr.Dataset, error_px: float) -> Reading:
    value, errors = {"px": pixels}, {"px": spread}
    anatomy = Anatomy(eye)
    if (diameter := _diameter_px(anatomy)) is not None:
        value["DD"] = pixels / diameter
        errors["DD"] = math.hypot(spread, value["DD"] * error_px) / diameter
    if (scale := _scale(anatomy)) is not None:
        value["um"] = pixels * scale[0]
        errors["um"] = math.hypot(spread, pixels * scale[1]) * scale[0]
    return Reading(name, value, errors)


def _diameter_px(anatomy: Anatomy) -> float | None:
    try:
        return anatomy.frame.diameter_px
    except Unmeasurable:
        return None


def _scale(anatomy: Anatomy) -> tuple[float, float] | None:
    """Micrometres per pixel and their relative error; a stated scale counts as exact."""
    if not math.isfinite(anatomy.um_per_pixel):
        return None
    return anatomy.um_per_pixel, _DISC_SPREAD if anatomy.scale_source == "disc_diameter" else 0.0


def _product(one: float, other: float) -> float:
    """Relative error of a product."""
    return math.hypot(one, other)


def _point(yx: Point) -> Floats:
    point = np.asarray(yx, float)
    if point.shape != (2,) or not np.isfinite(point).all():
        raise EyeError(f"A point is {yx!r}, wanted two finite numbers (y, x) in pixels.")
    return point


def _error(error_px: float) -> float:
    if not (math.isfinite(error_px) and error_px >= 0):
        raise EyeError(f"error_px is {error_px!r}, wanted a number of pixels from 0 up.")
    return float(error_px)


def _mask(eye: xr.Dataset, region: str | ArrayLike) -> NDArray[np.bool_]:
    if isinstance(region, str):
        found = get_mask(eye, term(region).name)
        if found is None:
            raise EyeError(f"The eye has no mask of {region!r}; draw or segment it first.")
        mask = found
    else:
        mask = np.asarray(region, bool)
        if mask.shape != (eye.sizes["y"], eye.sizes["x"]):
            wanted = (eye.sizes["y"], eye.sizes["x"])
            raise EyeError(f"The mask has the shape {mask.shape}, wanted that of the eye, {wanted}.")
    if not mask.any():
        raise EyeError("The mask is empty, so there is nothing to measure; draw something first.")
    return mask


def _written(value: float, error: float, unit: str) -> str:
    """A value with as many places as its error has a meaning for."""
    places = 0 if error >= 2 else 1 if error >= 0.2 else 2 if error >= 0.005 else 3
    return f"{value:.{places}f} ± {error:.{places}f} {unit}"
