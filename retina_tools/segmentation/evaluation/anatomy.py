"""Arteries against veins, the vertical cup-to-disc ratio, and how far off a landmark is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from retina_tools import schema

__all__ = ["ArteryVein", "artery_vein_agreement", "disc_diameter_px", "vertical_extent", "vertical_ratio"]


class ArteryVein(NamedTuple):
    """How well arteries and veins are told apart on pixels that both drawings call one of the two.

    Attributes
    ----------
    accuracy : float
        Share of these pixels with the right name.
    sensitivity, specificity : float
        The same of the true arteries, and of the true veins, among them.
    coverage : float
        Share of the pixels of the reference that are one of the two, that are one of the two in the drawing.
    """

    accuracy: float
    sensitivity: float
    specificity: float
    coverage: float


def artery_vein_agreement(
    artery: ArrayLike,
    vein: ArrayLike,
    true_artery: ArrayLike,
    true_vein: ArrayLike,
    where: ArrayLike | None = None,
) -> ArteryVein:
    """Compare the names of vessel pixels, whatever the vessels' outlines.

    Pixels that are both, crossings, count in neither drawing: there is no one right name. A segmenter can raise the
    accuracy by drawing only what is plain, so the coverage belongs to it.

    Parameters
    ----------
    artery, vein : array_like of bool, shape (y, x)
        As drawn.
    true_artery, true_vein : array_like of bool, shape (y, x)
        The reference.
    where : array_like of bool, shape (y, x), optional
        Pixels that count: the field of view, or the centreline in it.

    Returns
    -------
    ArteryVein
        NaN where there is no pixel to judge.

    Raises
    ------
    EyeError
        The shapes differ.

    References
    ----------
    Hemelings R et al. Artery-vein segmentation in fundus images using a fully convolutional network. Comput Med
    Imaging Graph 2019;76:101636.

    Examples
    --------
    >>> found = artery_vein_agreement([1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [1, 0, 0, 0, 1], [0, 1, 1, 1, 0])
    >>> found.accuracy, found.sensitivity, round(found.specificity, 3), found.coverage
    (0.75, 1.0, 0.667, 0.8)
    """
    masks = [np.asarray(mask, bool) for mask in (artery, vein, true_artery, true_vein)]
    counted = np.ones(masks[0].shape, bool) if where is None else np.asarray(where, bool)
    if len({mask.shape for mask in (*masks, counted)}) > 1:
        raise schema.EyeError(
            f"The masks are {', '.join(str(mask.shape) for mask in (*masks, counted))}; give all at the same size."
        )
    drawn_artery, drawn_vein, reference_artery, reference_vein = masks
    named = (reference_artery ^ reference_vein) & counted
    judged = named & (drawn_artery ^ drawn_vein)
    right = drawn_artery == reference_artery
    return ArteryVein(
        _share(right, judged),
        _share(right, judged & reference_artery),
        _share(right, judged & reference_vein),
        _share(judged, named),
    )


def vertical_extent(mask: ArrayLike) -> int:
    """Rows from the uppermost to the lowest pixel of a mask, both included; 0 where it is empty.

    Examples
    --------
    >>> vertical_extent([[0, 0], [1, 0], [0, 0], [0, 1]])
    3
    """
    rows = np.flatnonzero(np.asarray(mask, bool).any(axis=1))
    return int(rows[-1] - rows[0] + 1) if len(rows) else 0


def vertical_ratio(cup: ArrayLike, disc: ArrayLike, *, as_refuge: bool = False) -> float:
    """Vertical cup-to-disc ratio of two masks.

    Parameters
    ----------
    cup, disc : array_like of bool, shape (y, x)
        The disc with or without its cup; the cup is counted to it.
    as_refuge : bool
        Take the largest number of pixels in a column, as the REFUGE challenge does, for the extent; otherwise the rows
        from the uppermost to the lowest pixel.

    Returns
    -------
    float
        0 for a disc without a cup; NaN without a disc.

    References
    ----------
    Orlando JI et al. REFUGE challenge. Med Image Anal 2020;59:101570.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:100, :100] - 50
    >>> vertical_ratio(np.hypot(y, x) <= 20, np.hypot(y, x) <= 40).__round__(2)
    0.51
    """
    inner, outer = np.asarray(cup, bool), np.asarray(disc, bool)
    if inner.shape != outer.shape:
        raise schema.EyeError(f"The cup is {inner.shape}, the disc {outer.shape}; give the same size.")
    if not outer.any():
        return math.nan
    outer = outer | inner
    if as_refuge:
        return float(inner.sum(axis=0).max() / outer.sum(axis=0).max())
    return vertical_extent(inner) / vertical_extent(outer)


def disc_diameter_px(eye: xr.Dataset) -> float:
    """Disc diameter of an eye in pixels, the unit that errors of landmarks are given in.

    Parameters
    ----------
    eye : xarray.Dataset

    Returns
    -------
    float
        Of the circle with the area of the disc's mask; else 1800 micrometres by the eye's scale; else NaN.
    """
    mask: NDArray[np.bool_] | None = schema.get_mask(eye, "optic_disc")
    if mask is not None and mask.any():
        return math.sqrt(4 * int(mask.sum()) / math.pi)
    return schema.ASSUMED_DISC_DIAMETER_UM / float(eye.attrs["um_per_pixel"])


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part[whole].mean()) if whole.any() else math.nan
