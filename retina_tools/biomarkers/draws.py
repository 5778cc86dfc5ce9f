"""Uncertainty: whole masks drawn from what a segmenter was sure of, or from the play of a drawn outline.

Noise that differs from pixel to pixel would roughen every wall and change nothing else; what makes biomarkers uncertain
is that an outline lies too far out, or a thin vessel is missed, over a whole stretch. So one smooth field of noise is
drawn per structure and draw. With probabilities, a pixel belongs to the draw where its probability exceeds the field,
whose values are uniform from 0 to 1: every pixel is set as often as its probability says, and neighbours together.
Without, the field moves the outline to and fro by a stated error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr, ndtri

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.schema import EyeError, get_probability, with_parts

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

# Both walls of a vessel go out or in together by 3.6 um, a quarter of a pixel of a 45-degree photograph of 1024 pixels,
# which makes central equivalents uncertain by some 4 %, as much as careful readers differ.
BOUNDARY_ERROR_DD: Final = 0.002
# Outlines are misjudged over stretches of vessel, not over single pixels and not over the whole eye.
CORRELATION_DD: Final = 0.25
_WIDTH_ERRORS: Final = 3.0


def smooth_field(shape: tuple[int, int], correlation_px: float, rng: np.random.Generator) -> Plane:
    """A random field of mean 0 and variance 1 whose values agree over a given distance.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    correlation_px : float
        Standard deviation of the Gaussian that white noise is smoothed with; at that distance the correlation of two
        points is 0.78, at three times it 0.1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> field = smooth_field((400, 400), 8.0, np.random.default_rng(0))
    >>> bool(abs(field.std() - 1) < 0.1)
    True
    """
    # Drawn on a coarse grid of four points per correlation length, with a margin so that edges are like the middle.
    step = max(correlation_px / 4, 1.0)
    margin = 4 * correlation_px / step
    coarse = [math.ceil(size / step + 2 * margin) + 4 for size in shape]
    sigma = correlation_px / step
    field = ndimage.gaussian_filter(rng.standard_normal(coarse), sigma, mode="wrap", truncate=5.0)
    # Variance that is left of white noise after smoothing, of this very filter.
    impulse = np.zeros(2 * int(5 * sigma + 1) + 1)
    impulse[len(impulse) // 2] = 1.0
    left = float((ndimage.gaussian_filter1d(impulse, sigma, truncate=5.0) ** 2).sum())
    rows, columns = (np.arange(size) / step + margin for size in shape)
    return _interpolated(field / left, rows, columns)


def _interpolated(field: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Plane:
    """Values between the points of a coarse grid by cubic splines, along one axis after the other."""
    smooth = ndimage.spline_filter(field)

    def along(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
        first = np.floor(places).astype(int)
        t = places - first
        weights = (
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        )
        return np.asarray(sum(w[:, None] * values[first + k - 1] for k, w in enumerate(weights)))

    plane: Plane = along(along(smooth, rows).T, columns).T.astype(np.float32)
    return plane


def signed_distance(mask: Mask) -> Plane:
    """Distance in px of every pixel to the outline of a mask, positive inside.

    Half a pixel beside a straight outline, so that an outline moved by a normal error of a third of a pixel or more
    moves by whole pixels just as often as gives the right mean and spread.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    ndarray of float32, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((9, 9), bool); bar[3:6] = True
    >>> signed_distance(bar)[:5, 4].tolist()
    [-2.5, -1.5, -0.5, 0.5, 1.5]
    """
    from retina_tools.biomarkers.distance import distance_to

    if not mask.any() or mask.all():
        return np.full(mask.shape, math.inf if mask.any() else -math.inf, np.float32)
    half = np.float32(0.5)
    return np.asarray(np.where(mask, distance_to(~mask) - half, half - distance_to(mask)))


def outline_level(mask: Mask, error_px: float) -> Plane:
    """How many standard deviations of the outline's place every pixel is inside of it.

    The error is no more than a third of the half width of the vessel at hand: an outline that is a little off does not
    make a vessel vanish. Whether there is one is another question, which only probabilities answer.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    error_px : float
        Standard deviation of the place of the outline.

    Returns
    -------
    ndarray of float32, shape (y, x)
    """
    distance = signed_distance(mask)
    reach = math.ceil(_WIDTH_ERRORS * error_px) + 1
    half_width = ndimage.maximum_filter(distance, 2 * reach + 1)
    error = np.clip(half_width / _WIDTH_ERRORS, 1e-6, max(error_px, 1e-6))
    with np.errstate(invalid="ignore"):
        level = distance / error
    if 0 < error_px < 0.5:
        # Whole pixels cannot move by less than one; they do so the more seldom, so that the spread stays right.
        seldom = float(ndtri(1 - error_px**2 / 2))
        first = (np.abs(distance) < 1) & ~((distance > 0) & (half_width < 1))
        level = np.where(first, np.clip(level, -seldom, seldom), level)
    return np.asarray(level, np.float32)


def draw_masks(
    eye: xr.Dataset,
    draws: int,
    seed: int = 0,
    *,
    boundary_error_dd: float = BOUNDARY_ERROR_DD,
    correlation_dd: float = CORRELATION_DD,
) -> Iterator[xr.Dataset]:
    """Draw eyes whose masks are all those that might be true.

    Parameters
    ----------
    eye : xarray.Dataset
        Structures with a probability are drawn from it, the others by moving their outlines.
    draws : int
        How many.
    seed : int
    boundary_error_dd : float
        Standard deviation of the outlines' place in disc diameters, where there are no probabilities.
    correlation_dd : float
        Distance in disc diameters over which errors go together.

    Yields
    ------
    xarray.Dataset
        The eye with other masks, and without probabilities.

    Raises
    ------
    EyeError
        The number of draws or an error is not one.
    """
    if isinstance(draws, bool) or int(draws) != draws or draws < 1:
        raise EyeError(f"draws is {draws!r}, wanted a whole number from 1; 50 give a fair interval.")
    for name, value in (("boundary_error_dd", boundary_error_dd), ("correlation_dd", correlation_dd)):
        if not 0 <= value <= 5:
            raise EyeError(f"{name} is {value!r}, wanted a length in disc diameters from 0 to 5.")
    diameter = 10 * Anatomy(eye).smoothing_px
    levels = {str(name): _level(eye, str(name), boundary_error_dd * diameter) for name in eye["structure"].values}
    for number in range(int(draws)):
        masks = {}
        for place, (name, level) in enumerate(levels.items()):
            rng = np.random.default_rng([seed, number, place])
            field = smooth_field(level.shape, max(correlation_dd * diameter, 1.0), rng)
            masks[name] = level > field
        yield with_parts(eye, masks=masks)


def _level(eye: xr.Dataset, name: str, error_px: float) -> Plane:
    """What the field of noise is compared with: how many standard deviations a pixel is inside."""
    probability = get_probability(eye, name)
    if probability is not None:
        # The field's own distribution function turns it into one that is uniform from 0 to 1.
        return _quantiles(np.nan_to_num(probability))
    return outline_level(eye["mask"].sel(structure=name).values, error_px)


def _quantiles(probability: Plane) -> Plane:
    """Standard normal quantiles of probabilities, from a table: they are half floats."""
    grid = np.linspace(-6.0, 6.0, 4801)
    quantile = np.interp(probability.ravel(), ndtr(grid), grid)
    quantile[probability.ravel() <= 0] = -np.inf
    quantile[probability.ravel() >= 1] = np.inf
    return quantile.reshape(probability.shape).astype(np.float32)
