"""Pictures inside a figure: a photograph as JPEG or WebP, masks as a transparent PNG, both as data URIs."""

from __future__ import annotations

import base64
import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Format = Literal["jpeg", "webp"]


def photograph_uri(image: NDArray[np.uint8], size: tuple[int, int], *, fmt: Format = "jpeg", quality: int = 90) -> str:
    """A photograph as a data URI.

    Parameters
    ----------
    image : ndarray of uint8, shape (y, x, 3)
    size : tuple of int
        Height and width to show it at, in pixels; at most its own.
    fmt : {'jpeg', 'webp'}
        WebP is smaller by about a third at the same look, and slower to make.
    quality : int
        Of the compression, up to 100.

    Returns
    -------
    str
    """
    picture = Image.fromarray(image)
    if picture.size != (size[1], size[0]):
        picture = picture.resize((size[1], size[0]), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, fmt.upper(), quality=quality)
    return _uri(buffer, fmt)


def overlay_uri(layers: list[tuple[NDArray[np.bool_], tuple[int, int, int]]], size: tuple[int, int], alpha: int) -> str:
    """Masks painted one over the other, in their colours, on nothing.

    Parameters
    ----------
    layers : list of (mask, colour)
        Masks of bool, shape (y, x), from the lowest to the topmost; colours as three numbers to 255.
    size : tuple of int
        Height and width of the result; where it is smaller than the masks, their edges are smoothed by transparency.
    alpha : int
        Of the masks, 0 (clear) to 255.

    Returns
    -------
    str
        A data URI; PNG, so the colours are exact.
    """
    canvas = np.zeros((*size, 4), np.uint8)
    for mask, colour in layers:
        share = _shrunk(mask, size)
        here = share > 0
        # The topmost mask keeps its own colour; at its softened edge the one below may still be the stronger.
        stronger = here & (share * alpha >= canvas[..., 3] * (share < 1))
        canvas[stronger, :3] = colour
        canvas[stronger, 3] = np.rint(share[stronger] * alpha).astype(np.uint8)
    picture = Image.fromarray(canvas)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=False, compress_level=7)
    return _uri(buffer, "png")


def outline_of(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The rim of a mask, inside it, some pixels wide; a part thinner than twice that stays whole.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    width : int
        In pixels.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    from scipy import ndimage

    rim: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask, iterations=width)
    return rim


def _shrunk(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float64]:
    if mask.shape == size:
        return mask.astype(float)
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BOX)) / 255


def _uri(buffer: io.BytesIO, fmt: str) -> str:
    return f"data:image/{fmt};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
