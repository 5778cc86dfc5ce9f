"""Picture files to arrays of 8 bits, whatever they are stored as."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retina_tools.io.errors import ReadError

if TYPE_CHECKING:
    from PIL import Image

_DEFAULT_MAX_PIXELS: Final = 100_000_000
_SMALLEST_SIDE: Final = 8
_GLOBALS: Final = threading.RLock()


class Picture(NamedTuple):
    """A decoded picture, shape (y, x, 3) or (y, x), and remarks for the provenance."""

    pixels: NDArray[np.uint8]
    remarks: tuple[str, ...]


def check_file(path: Path) -> None:
    """Say what keeps a file from being read.

    Raises
    ------
    ReadError
        Missing, a folder, empty, or without permission.
    """
    if path.is_dir():
        raise ReadError(
            f"{path.name!r} is a folder, wanted one image file; io.read_folder reads all images of a folder."
        )
    try:
        size = path.stat().st_size
    except PermissionError:
        raise ReadError(f"{path.name!r} may not be read: permission denied. Ask its owner, or copy it.") from None
    except (OSError, ValueError):
        raise ReadError(f"There is no file {path.name!r} in {str(path.parent)!r}; check the path.") from None
    if not size:
        raise ReadError(f"{path.name!r} is empty (0 bytes), wanted an image file; fetch or export it again.")
    if not os.access(path, os.R_OK):
        raise ReadError(f"{path.name!r} may not be read: permission denied. Ask its owner, or copy it.")


def check_size(name: str, width: int, height: int) -> None:
    """Refuse pictures too large for the memory, and too small to show an eye.

    Raises
    ------
    ReadError
        More pixels than ``RETINA_MAX_PIXELS`` (default 100 million), or a side under 8 pixels.
    """
    text = os.environ.get("RETINA_MAX_PIXELS", "")
    try:
        limit = float(text) if text else float(_DEFAULT_MAX_PIXELS)
    except ValueError:
        raise ReadError(f"RETINA_MAX_PIXELS is {text!r}, wanted a number of pixels such as 200000000.") from None
    if width * height > limit:
        raise ReadError(
            f"{name!r} has {width} x {height} = {width * height / 1e6:.0f} million pixels, the limit is "
            f"{limit / 1e6:.0f} million. Make it smaller, or raise the limit with the environment variable "
            f"RETINA_MAX_PIXELS={width * height}."
        )
    if min(width, height) < _SMALLEST_SIDE:
        raise ReadError(
            f"{name!r} has {width} x {height} pixels, wanted at least {_SMALLEST_SIDE} a side; "
            "is it an icon or a placeholder?"
        )


def read_picture(path: Path) -> Picture:
    """Decode a JPEG, PNG, TIFF, BMP, PPM or GIF as RGB of 8 bits, upright.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Picture
        ``pixels`` of shape (y, x, 3), and remarks on what was converted.

    Raises
    ------
    ReadError
        Not an image, cut off, too large or too small.

    Notes
    -----
    The orientation tag is applied. Transparent pixels become black. Values of more than 8 bits are scaled by the bits
    really used: the least of 8, 10, 12, 14 and 16 bits that holds the largest value.
    """
    with opened(path) as image:
        remarks = []
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            remarks.append(f"first of {frames} pictures in the file")
        wide = _wide_values(image)
        if wide is not None:
            pixels, remark = to_8_bits(wide, path.name)
            remarks += [remark] if remark else []
        else:
            pixels = _values_of_8_bits(image)
            if image.format in ("JPEG", "MPO"):
                refuse_filled_up(pixels, path.name)
        pixels, remark = _upright(pixels, image)
        remarks += [remark] if remark else []
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return Picture(np.ascontiguousarray(pixels), tuple(remarks))


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file with Pillow, its errors and warnings put in plain words.

    Parameters
    ----------
    path : Path

    Yields
    ------
    PIL.Image.Image
        Not yet decoded, of a size within the limits.

    Raises
    ------
    ReadError
        Not an image, cut off, too large or too small; also where decoding fails inside the ``with`` block.
    """
    check_file(path)
    try:
        image = _header(path)
    except Exception as error:
        raise _plain(path, error) from None
    with image:
        check_size(path.name, *image.size)
        try:
            with strict():
                yield image
        except ReadError:
            raise
        except Exception as error:
            raise _plain(path, error) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings back, those on metadata that is not read here; one thread at a time, as filters are global."""
    with _GLOBALS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _header(path: Path) -> Image.Image:
    """Open without decoding; Pillow's own limit on the size is lifted meanwhile, ours is checked afterwards."""
    from PIL import Image

    with quiet():
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def strict() -> Iterator[None]:
    """Make Pillow refuse cut-off files even where the program has told it to fill them with grey."""
    from PIL import ImageFile

    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        yield
        return
    with _GLOBALS:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = True


def to_8_bits(values: NDArray[Any], name: str, bits: int | None = None) -> tuple[NDArray[np.uint8], str]:
    """Scale values of any depth to 8 bits.

    Parameters
    ----------
    values : ndarray of integers or floats
    name : str
        File name, for messages.
    bits : int, optional
        Bits used, where the file says so; else the least of 8, 10, 12, 14, 16, 32 that holds the largest value.

    Returns
    -------
    (ndarray of uint8, str)
        The picture and a remark on the scaling, empty where nothing was changed.

    Raises
    ------
    ReadError
        Negative or not finite values, or floats that are neither from 0 to 1 nor from 0 to 255.

    Examples
    --------
    >>> pixels, remark = to_8_bits(np.array([[0, 2048, 4095]], np.uint16), "a.tif")
    >>> pixels.tolist(), remark
    ([[0, 128, 255]], '12 bits scaled to 8')
    """
    if values.dtype == np.uint8 and bits in (None, 8):
        return values, ""
    if values.size and (not np.isfinite(values).all() or values.min() < 0):
        raise ReadError(f"{name!r} has negative or not finite values, which are no brightness; export it as 8 bits.")
    top = values.max(initial=0)
    if values.dtype.kind == "f":
        if top > 255:
            raise ReadError(f"{name!r} has decimal values up to {top:g}, wanted 0 to 1 or 0 to 255; rescale it.")
        factor, remark = (255.0, "0 to 1 scaled to 8 bits") if top <= 1 else (1.0, "decimals rounded to 8 bits")
    else:
        bits = bits or next(depth for depth in (8, 10, 12, 14, 16, 32, 64) if top < 2**depth)
        if bits == 8:
            return values.astype(np.uint8), ""
        factor, remark = 255.0 / (2**bits - 1), f"{bits} bits scaled to 8"
    return np.clip(np.rint(values * np.float32(factor)), 0, 255).astype(np.uint8), remark


def _plain(path: Path, error: Exception) -> ReadError:
    """What went wrong, without the decoder's words."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return ReadError(
            f"{path.name!r} is not an image this can read; wanted JPEG, PNG, TIFF, BMP, PPM, GIF or DICOM. "
            "Open it elsewhere and export it as PNG."
        )
    if isinstance(error, PermissionError):
        return ReadError(f"{path.name!r} may not be read: permission denied. Ask its owner, or copy it.")
    if isinstance(error, MemoryError):
        return ReadError(f"{path.name!r} does not fit into the memory; make the picture smaller.")
    return ReadError(
        f"{path.name!r} is damaged or cut off and cannot be decoded; fetch or export it again, nothing of it was used."
    )


def _has_wide_rgb(image: Image.Image) -> bool:
    """Whether colours are stored with 16 bits, of which Pillow would keep the upper 8 only."""
    tiles = getattr(image, "tile", [])
    return bool(tiles) and image.mode in ("RGB", "RGBA", "LA") and ";16" in _raw_mode(tiles[0].args)


def _raw_mode(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else str(arguments[0]) if arguments else ""


def _wide_values(image: Image.Image) -> NDArray[Any] | None:
    """Values of more than 8 bits, shape (y, x) or (y, x, channel), or None for a picture of 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":
        return np.asarray(image)
    if not _has_wide_rgb(image):
        return None
    # Read once for the upper and once, with the byte order turned round, for the lower 8 bits of each value.
    path = Path(str(image.filename))  # type: ignore[attr-defined]
    with _header(path) as again:
        again.tile = [  # type: ignore[attr-defined]
            tile._replace(args=_with_bytes_swapped(tile.args))
            for tile in again.tile  # type: ignore[attr-defined]
        ]
        lower = np.asarray(again)
    upper = np.asarray(image).astype(np.uint16)
    values = upper * 256 + lower
    if values.shape[-1] in (2, 4):
        values = _on_black(values[..., :-1], values[..., -1].astype(np.float64) / 65535)
    grey: NDArray[Any] = values[..., 0]
    return grey if values.shape[-1] == 1 else values


def _with_bytes_swapped(arguments: Any) -> Any:
    raw = _raw_mode(arguments)
    turned = raw[:-1] + {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}[raw[-1]]
    return turned if isinstance(arguments, str) else (turned, *arguments[1:])


def _on_black(colour: NDArray[Any], opacity: NDArray[np.float64]) -> NDArray[Any]:
    """Colours seen on black; a picture with nothing opaque in it has a void opacity and is taken as it is."""
    if not opacity.any() or opacity.min() >= 1:
        return colour
    result: NDArray[Any] = np.rint(colour * opacity[..., None]).astype(colour.dtype)
    return result


def _values_of_8_bits(image: Image.Image) -> NDArray[np.uint8]:
    """RGB, shape (y, x, 3), of any picture of 8 bits."""
    if image.mode == "CMYK":
        inks = np.asarray(image)
        if image.format == "JPEG" and "adobe" not in image.info:
            inks = 255 - inks  # only Adobe stores inks upside down, Pillow takes that for granted
        light = 255 - inks.astype(np.float32)
        return np.rint(light[..., :3] * light[..., 3:] / 255).astype(np.uint8)
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return _on_black(rgba[..., :3], rgba[..., 3].astype(np.float64) / 255)
    return np.asarray(image.convert("RGB"))


def refuse_filled_up(pixels: NDArray[np.uint8], name: str) -> None:
    """Recognise the grey a decoder fills in where the data of a JPEG end early but its end mark is there.

    Raises
    ------
    ReadError
        The last block of pixels is flat grey, the first is not.
    """
    last = pixels[-8:, -8:]
    if (np.abs(last.astype(int) - 128) <= 1).all() and not (np.abs(pixels[:8, :8].astype(int) - 128) <= 1).all():
        raise ReadError(
            f"{name!r} ends in flat grey: its data are cut off. Fetch or export it again, nothing of it was used."
        )


def _upright(pixels: NDArray[np.uint8], image: Image.Image) -> tuple[NDArray[np.uint8], str]:
    """Turn the picture as its orientation tag says."""
    with quiet():
        orientation = image.getexif().get(0x0112, 1)
    if orientation not in range(2, 9):
        return pixels, ""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels, "turned upright by its orientation tag"
