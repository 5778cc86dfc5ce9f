"""Fundus photographs in DICOM files: pixels, scale and side, and nothing about the patient."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retina_tools.io.errors import ReadError
from retina_tools.io.picture import check_file, check_size, quiet, refuse_filled_up, strict, to_8_bits

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# What the other process runs: one frame to its standard output.
_DECODE: Final = """
import io, sys, warnings
warnings.simplefilter("ignore")
import numpy, pydicom
from pydicom.pixels.utils import pixel_array
frame = pixel_array(pydicom.dcmread(sys.argv[1], force=True), index=0)
content = io.BytesIO()
numpy.save(content, frame)
sys.stdout.buffer.write(content.getvalue())
"""
_DECODE_SECONDS: Final = 120
_PLAUSIBLE_UM: Final = (1.0, 100.0)
_TOMOGRAPHY: Final = ("1.2.840.10008.5.1.4.1.1.77.1.5.4", "1.2.840.10008.5.1.4.1.1.77.1.5.8")
_WIDE_FIELD: Final = ("1.2.840.10008.5.1.4.1.1.77.1.5.5", "1.2.840.10008.5.1.4.1.1.77.1.5.6")


class DicomPicture(NamedTuple):
    """A photograph from a DICOM file.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (y, x, 3)
    um_per_pixel : float
        NaN where the file does not say, or not believably.
    laterality : {'OD', 'OS', ''}
    remarks : tuple of str
        What was converted or left out, for the provenance.
    """

    pixels: NDArray[np.uint8]
    um_per_pixel: float
    laterality: str
    remarks: tuple[str, ...]


def is_dicom(path: Path) -> bool:
    """Whether a file is marked as DICOM, or has its extension and not the first bytes of another picture."""
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:132] == b"DICM":
        return True
    pictures = (b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"BM", b"GIF8")
    return path.suffix.lower() in (".dcm", ".dicom", ".dic") and not start.startswith(pictures)


def read_dicom(path: Path) -> DicomPicture:
    """Read an ophthalmic photograph.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DicomPicture

    Raises
    ------
    ReadError
        Not DICOM, damaged, a tomogram, no pixels, or pixels that are no photograph.

    Notes
    -----
    Pixel Spacing (0028,0030) is in mm on the retina in ophthalmic photography. It is left out, with a remark, when rows
    and columns differ by more than 2 %, when it is not between 1 and 100 um, and for wide-field pictures, whose
    projection has no one scale. Of several frames the first is read. No other attribute is looked at.
    """
    check_file(path)
    import pydicom

    with quiet():
        try:
            return _read(pydicom.dcmread(path, force=True), path)
        except ReadError:
            raise
        except Exception:
            raise ReadError(f"{path.name!r} is not a readable DICOM file; export it again, or as PNG.") from None


def _read(dataset: Dataset, path: Path) -> DicomPicture:
    columns, rows = int(dataset.get("Columns", 0) or 0), int(dataset.get("Rows", 0) or 0)
    _refuse_other_kinds(dataset, path.name, rows, columns)
    check_size(path.name, columns, rows)
    remarks: list[str] = []
    pixels = _pixels(dataset, path, remarks)
    return DicomPicture(pixels, _scale(dataset, remarks), _side(dataset), tuple(remarks))


def _refuse_other_kinds(dataset: Dataset, name: str, rows: int, columns: int) -> None:
    if str(dataset.get("SOPClassUID", "")) in _TOMOGRAPHY or dataset.get("Modality", "") == "OPT":
        raise ReadError(f"{name!r} is an OCT volume, wanted a fundus photograph; read the volume with an OCT reader.")
    if not len(dataset):
        raise ReadError(f"{name!r} is not a DICOM file; wanted JPEG, PNG, TIFF, BMP, PPM, GIF or DICOM.")
    if "PixelData" not in dataset or not rows or not columns:
        raise ReadError(f"{name!r} is a DICOM file without a picture; choose the file that holds the photograph.")


def _pixels(dataset: Dataset, path: Path, remarks: list[str]) -> NDArray[np.uint8]:
    """RGB of 8 bits, shape (y, x, 3), of the first frame."""
    from pydicom.pixels.processing import apply_color_lut

    name, kind = path.name, str(dataset.get("PhotometricInterpretation", ""))
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    try:
        values = _decoded(dataset, path)
        if kind == "PALETTE COLOR":
            values = apply_color_lut(values, dataset)
    except ReadError:
        raise
    except Exception:
        raise ReadError(
            f"The picture in {name!r} cannot be decoded: it is damaged or compressed in an unusual way. "
            "Export it again, uncompressed or as PNG."
        ) from None
    if frames > 1:
        remarks.append(f"first of {frames} frames")
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3):
        raise ReadError(f"The picture in {name!r} has shape {values.shape}, wanted (y, x) or (y, x, 3).")
    bits = int(dataset.get("BitsStored", 8))
    # Some cameras declare 16 bits and use 12: there, as in palettes, the values themselves tell.
    pixels, remark = to_8_bits(values, name, None if bits == 16 or kind == "PALETTE COLOR" else bits)
    remarks += [remark] if remark else []
    if kind == "MONOCHROME1":
        pixels = 255 - pixels
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _decoded(dataset: Dataset, path: Path) -> NDArray[Any]:
    """The first frame as it is stored, YBR as RGB."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

    if not hasattr(dataset.file_meta, "TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # the default of a file that does not say
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax == RLELossless:
        return pixel_array(dataset, index=0)
    if "pillow" in get_decoder(syntax).available_plugins:
        try:
            with strict():
                values = pixel_array(dataset, index=0, decoding_plugin="pillow")
            if syntax == JPEGBaseline8Bit and values.dtype == np.uint8:
                refuse_filled_up(values, path.name)
            return values
        except Exception:
            # Pillow knows all pictures of 8 bits: one that it refuses is damaged, and others would fill it up.
            if int(dataset.get("BitsAllocated", 8)) <= 8:
                raise
    return _decoded_apart(path)


def _decoded_apart(path: Path) -> NDArray[Any]:
    """Decode in a process of its own: on damaged lossless JPEG, GDCM ends the process it runs in."""
    answer = subprocess.run(
        [sys.executable, "-P", "-c", _DECODE, str(path)], capture_output=True, timeout=_DECODE_SECONDS, check=False
    )
    if answer.returncode or not answer.stdout:
        raise ValueError("decoder failed")
    values: NDArray[Any] = np.load(io.BytesIO(answer.stdout), allow_pickle=False)
    return values


def _scale(dataset: Dataset, remarks: list[str]) -> float:
    """Micrometres per pixel, or NaN with a remark that says why."""
    try:
        spacing_um = [1000 * float(value) for value in dataset.get("PixelSpacing", None) or ()]
    except (TypeError, ValueError):
        spacing_um = [math.nan]
    if not spacing_um:
        return math.nan
    if str(dataset.get("SOPClassUID", "")) in _WIDE_FIELD:
        remarks.append("pixel spacing not used: a wide-field projection has no one scale")
        return math.nan
    low, high = _PLAUSIBLE_UM
    if len(spacing_um) != 2 or not all(low <= value <= high for value in spacing_um):
        shown = " x ".join(f"{value:g}" for value in spacing_um)
        remarks.append(f"pixel spacing not used: {shown} um is not between {low:g} and {high:g} um on the retina")
        return math.nan
    if abs(spacing_um[0] - spacing_um[1]) > 0.02 * max(spacing_um):
        remarks.append(
            f"pixel spacing not used: rows are {spacing_um[0]:g} um and columns {spacing_um[1]:g} um apart; "
            "resample the picture to square pixels"
        )
        return math.nan
    return math.sqrt(spacing_um[0] * spacing_um[1])


def _side(dataset: Dataset) -> str:
    """The eye by Image Laterality, else Laterality; empty for both eyes or unknown."""
    sides = {"R": "OD", "L": "OS"}
    of_image = str(dataset.get("ImageLaterality", "") or "").strip().upper()
    of_series = str(dataset.get("Laterality", "") or "").strip().upper()
    return sides.get(of_image or of_series, "")
