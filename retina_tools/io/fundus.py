"""One photograph of the eye from one file."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from retina_tools.io.dicom import is_dicom, read_dicom
from retina_tools.io.errors import ReadError
from retina_tools.io.fov import find_fov
from retina_tools.io.names import as_laterality, laterality_from_name
from retina_tools.io.picture import check_file, read_picture
from retina_tools.schema import new_eye


def read_fundus(
    path: str | os.PathLike[str],
    *,
    laterality: str | None = None,
    um_per_pixel: float | None = None,
    image_id: str | None = None,
    patient_id: str | None = None,
    fov: ArrayLike | None = None,
) -> xr.Dataset:
    """Read a fundus photograph.

    Parameters
    ----------
    path : path
        JPEG, PNG, TIFF, BMP, PPM, GIF or DICOM, grey or colour, of 8 or 16 bits.
    laterality : str, optional
        OD, OS, R, L, right or left in any case. It outdoes what the file says (with a remark in the provenance where
        they differ); without it the DICOM attribute counts, then the file name (``Image_01L``, ``12_right``), else
        unknown. An empty string says: unknown, whatever the file says.
    um_per_pixel : float, optional
        Scale on the retina; outdoes the DICOM pixel spacing.
    image_id : str, optional
        The file name without its extension unless given.
    patient_id : str, optional
        Empty unless given; nothing that names a patient is taken from the file.
    fov : array_like of bool, shape (y, x), optional
        Field of view; :func:`find_fov` finds it unless given.

    Returns
    -------
    xarray.Dataset
        An eye: image (y, x, 3) of uint8, upright; fov; laterality; um_per_pixel with its source. ``source`` is the
        file's name without its folder. A black picture gives an empty fov and a remark in the provenance.

    Raises
    ------
    ReadError
        The file is missing, a folder, empty, may not be read, is no image, damaged or cut off, has more pixels than the
        environment variable ``RETINA_MAX_PIXELS`` allows (100 million), or a side under 8 pixels; or an argument does
        not fit.

    Notes
    -----
    More than 8 bits are scaled by the bits really used, the least of 8, 10, 12, 14 and 16 that holds the largest value
    (DICOM: by Bits Stored). Transparent pixels become black. Of several pictures in a file the first is read.

    Examples
    --------
    >>> import tempfile; from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (64, 48), (180, 80, 40)).save(folder / "P7_OD.png")
    >>> eye = read_fundus(folder / "P7_OD.png", um_per_pixel=7.5)
    >>> eye.image.shape, eye.laterality.item(), eye.image_id.item(), eye.um_per_pixel
    ((48, 64, 3), 'OD', 'P7_OD', 7.5)
    """
    file = Path(path)
    check_file(file)
    scale, side, steps = math.nan, "", [f"read from {file.name}"]
    if is_dicom(file):
        photograph = read_dicom(file)
        pixels, scale, side, remarks = photograph
        steps += remarks
    else:
        pixels, remarks = read_picture(file)
        steps += remarks
    if laterality is None:
        laterality = _found_side(side, laterality_from_name(file.stem), steps)
    else:
        laterality = _given_side(as_laterality(laterality), side or laterality_from_name(file.stem), steps)
    scale, scale_source = _chosen_scale(um_per_pixel, scale, steps)
    return new_eye(
        pixels,
        fov=_field(pixels, fov, steps),
        laterality=laterality,
        um_per_pixel=scale,
        scale_source=scale_source,
        image_id=file.stem if image_id is None else str(image_id),
        patient_id="" if patient_id is None else str(patient_id),
        source=file.name,
        provenance=steps,
    )


def _found_side(of_file: str, of_name: str, steps: list[str]) -> str:
    if of_file and of_name and of_file != of_name:
        steps.append(f"warning: laterality is {of_file} in the file but {of_name} in its name; taken from the file")
    elif of_name and not of_file:
        steps.append(f"laterality {of_name} from the file name")
    return of_file or of_name


def _given_side(given: str, found: str, steps: list[str]) -> str:
    if given and found and given != found:
        steps.append(f"warning: laterality given as {given}, but the file says {found}; taken as given")
    return given


def _chosen_scale(given: float | None, of_file: float, steps: list[str]) -> tuple[float, str]:
    if given is None or (isinstance(given, float) and math.isnan(given)):
        return of_file, "unknown" if math.isnan(of_file) else "metadata"
    try:
        scale = float(given)
    except (TypeError, ValueError):
        raise ReadError(f"um_per_pixel is {given!r}, wanted a number such as 7.5.") from None
    if abs(scale - of_file) > 0.02 * scale:  # false for NaN
        steps.append(f"warning: scale given as {scale:g} um, but the file says {of_file:g} um; taken as given")
    return scale, "user"


def _field(pixels: NDArray[np.uint8], given: ArrayLike | None, steps: list[str]) -> NDArray[np.bool_]:
    shape = pixels.shape[:2]
    if given is None:
        field = find_fov(pixels)
        if not field.any():
            steps.append("warning: no field of view, the picture is black")
        return field
    field = np.asarray(given)
    if field.shape != shape:
        raise ReadError(
            f"The field of view given has shape {field.shape}, the picture {shape}; give one of the picture's size, "
            "or none to have it found."
        )
    if field.dtype != bool:
        raise ReadError(f"The field of view given is of type {field.dtype}, wanted bool; compare it first (fov > 127).")
    return field
