"""Pictures as bytes for the browser: a photograph as JPEG, a mask as PNG, both no larger than a screen can use.

The kernel keeps the arrays; what is encoded here is only to be looked at. A mask that is not made smaller arrives
exactly as it is.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

MAX_SIDE: Final = 2048
# Base64 in a saved notebook adds a third: half a megabyte of photograph leaves room for a dozen masks below one.
_PHOTOGRAPH_BYTES: Final = 500_000
_QUALITIES: Final = (90, 82, 74, 65, 50)


def display_shape(shape: tuple[int, int], max_side: int = MAX_SIDE) -> tuple[int, int]:
    """Rows and columns of a picture made to fit ``max_side``; never larger than it is.

    Examples
    --------
    >>> display_shape((2848, 4288)), display_shape((600, 400))
    ((1360, 2048), (600, 400))
    """
    factor = min(1.0, max_side / max(shape))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def encode_photograph(image: NDArray[np.uint8], max_side: int = MAX_SIDE) -> bytes:
    """JPEG bytes of a photograph, at the best quality that keeps them under half a megabyte.

    Parameters
    ----------
    image : ndarray of uint8, shape (y, x, 3)
    max_side : int
        Longest side in pixels; larger pictures are made smaller.

    Returns
    -------
    bytes
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    rows, columns = display_shape(image.shape[:2], max_side)
    if (columns, rows) != picture.size:
        picture = picture.resize((columns, rows), Image.Resampling.LANCZOS)
    encoded = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        # Full colour resolution: thin vessels are a difference of colour more than of brightness.
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
        encoded = buffer.getvalue()
        if len(encoded) <= _PHOTOGRAPH_BYTES:
            break
    return encoded


def encode_mask(mask: NDArray[np.bool_], rgb: tuple[int, int, int], max_side: int = MAX_SIDE) -> bytes:
    """One-bit PNG of a mask, transparent where it is off and of one colour where it is on.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    rgb : tuple of int
        Colour from 0 to 255.
    max_side : int
        Longest side in pixels; see :func:`shrink_mask` for what becomes of a larger mask.

    Returns
    -------
    bytes
    """
    small = shrink_mask(mask, max_side)
    picture = Image.fromarray(small.astype(np.uint8))
    picture.putpalette([0, 0, 0, *rgb])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", bits=1, transparency=b"\x00\xff")
    return buffer.getvalue()


def decode_mask(png: bytes) -> NDArray[np.bool_]:
    """The mask in a PNG made by :func:`encode_mask`.

    Examples
    --------
    >>> mask = np.eye(5, dtype=bool)
    >>> bool((decode_mask(encode_mask(mask, (230, 74, 52))) == mask).all())
    True
    """
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture) > 0


def shrink_mask(mask: NDArray[np.bool_], max_side: int = MAX_SIDE) -> NDArray[np.bool_]:
    """A mask at display size that keeps areas and loses nothing small.

    A pixel is on where at least half of it is covered; what would vanish altogether (a microaneurysm, a hair-thin
    vessel) is kept as the pixels it touches.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    max_side : int

    Returns
    -------
    ndarray of bool, shape :func:`display_shape`
    """
    rows, columns = display_shape((mask.shape[0], mask.shape[1]), max_side)
    if (rows, columns) == mask.shape:
        return mask
    picture = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    cover = np.asarray(picture.resize((columns, rows), Image.Resampling.BOX))
    solid = cover >= 128
    lost = (cover > 0) & ~ndimage.binary_dilation(solid, np.ones((3, 3), bool))
    return np.asarray(solid | lost)
