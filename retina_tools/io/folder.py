"""A folder of photographs as a collection of eyes, with its clinical table and its masks."""

from __future__ import annotations

import fnmatch
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools.collection import EyeCollection
from retina_tools.io.clinical import read_clinical
from retina_tools.io.dicom import is_dicom
from retina_tools.io.errors import CodingError, ReadError
from retina_tools.io.fundus import read_fundus
from retina_tools.io.joining import counted, first_of, join, places_by_name
from retina_tools.io.mask_files import MASK_EXTENSIONS
from retina_tools.io.mask_sense import refuse_flood
from retina_tools.io.masks import add_masks, check_coding, read_masks
from retina_tools.io.names import laterality_from_name, patient_from_name
from retina_tools.schema import check_scale

_TRIED: Final = 3
_IMAGES: Final = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".dcm", ".dicom"))
_MASK_FOLDER: Final = re.compile(
    r"(?:^|[\W_])(?:masks?|manual\w*|ground[\W_]?truths?|labels?|annotations?|visualizations|__macosx)$", re.IGNORECASE
)
_MASK_FILE: Final = re.compile(
    r"[\W_](?:(?i:masks?|manual\d*|av_?manual|[12](?:st|nd)(?:ho|_manual\d*)|arter(?:y|ies)|veins?|vessels?|cup|av|gt|"
    r"labels?|seg|segmentation|overlay)|MA|HE|EX|SE)$|^(?i:idrid)_\d+_OD$"
)


@dataclass(frozen=True)
class _Photograph:
    """One image file of a folder."""

    path: Path
    inside: str  # path from the folder, with forward slashes

    @property
    def whole_id(self) -> str:
        return self.inside[: -len(self.path.suffix)] if self.path.suffix else self.inside


def read_folder(
    folder: str | os.PathLike[str],
    *,
    clinical: str | os.PathLike[str] | pd.DataFrame | None = None,
    pattern: str | None = None,
    recursive: bool = True,
    um_per_pixel: float | None = None,
    leave_out: str | os.PathLike[str] | None = None,
) -> EyeCollection:
    """Find the photographs in a folder and join them with a clinical table.

    Parameters
    ----------
    folder : path
    clinical : path or DataFrame, optional
        A table for :func:`read_clinical`, or what it returned. Rows are joined by ``image_id`` (file name with or
        without folder and extension), else by patient and side as the file names give them, else, where the table has
        no sides at all, by patient. Numbers join whatever zeros they begin with (7 and 007) where only one is meant.
    pattern : str, optional
        Only files whose name fits, such as ``"*_OD*"``; with a slash, whose path from the folder fits.
    recursive : bool
        Look into inner folders too.
    um_per_pixel : float, optional
        Scale of all photographs; a clinical column ``um_per_pixel`` goes before it, eye by eye.

    leave_out : path, optional
        An inner folder that holds no photographs, such as the one of the masks.

    Returns
    -------
    EyeCollection
        One row per file, in natural order (2 before 10). ``image_id`` is the file name without extension, with its
        folder where names repeat. ``patient_id`` comes from the clinical table, else from the file name where that
        speaks of a side (``Patient001_L`` is an eye of ``Patient001``), else it is the image id. Files are read when
        their eye is asked for; one that cannot be read raises ReadError then. ``table.attrs["notes"]`` says what was
        left out and what found no partner; :func:`clinical_problems` of the table, what was wrong in the clinical one.

    Raises
    ------
    ReadError
        No such folder, no image in it, a scale that is none, or a clinical table of which no row belongs to any image.

    Notes
    -----
    Hidden files, files whose name ends like a mask's (``_mask``, ``_manual1``, ``_1stHO``, ``_MA``, ``_vessel``, ...)
    and inner folders named like one of masks (``mask``, ``masks``, ``manual1``, ``Groundtruths``, ...) are left out.

    Examples
    --------
    >>> import tempfile; from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("P10_L", "P2_R", "P2_L", "P2_L_mask"):
    ...     Image.new("RGB", (32, 32), (150, 80, 40)).save(folder / f"{name}.png")
    >>> eyes = read_folder(folder)
    >>> print(eyes.clinical.to_string(index=False))
    image_id patient_id laterality
        P2_L         P2         OS
        P2_R         P2         OD
       P10_L        P10         OS
    >>> eyes.table.attrs["notes"]
    ['1 file named like a mask left out: P2_L_mask.png']
    """
    base = Path(folder)
    if um_per_pixel is not None:
        check_scale(um_per_pixel)
    if not base.is_dir():
        kind = "a file, wanted a folder; io.read_fundus reads one" if base.exists() else "not there; check the path"
        raise ReadError(f"{base.name!r} is {kind}.")
    notes: list[str] = []
    found = _photographs(base, pattern, recursive, None if leave_out is None else Path(leave_out).resolve(), notes)
    if not found:
        left_out = " " + "; ".join(notes) + "." if notes else ""
        fitting = f" whose name fits {pattern!r}" if pattern else ""
        raise ReadError(
            f"No image files{fitting} in {base.name!r}, wanted JPEG, PNG, TIFF, BMP, GIF, PPM or DICOM.{left_out}"
        )
    ids = _image_ids(found)
    table = pd.DataFrame(
        {
            "image_id": ids,
            "patient_id": [patient_from_name(photo.path.stem) or photo.path.stem for photo in found],
            "laterality": [laterality_from_name(photo.path.stem) for photo in found],
            "_path": [str(photo.path) for photo in found],
        }
    )
    # A name without a side says nothing of the patient: the image is its own.
    table["patient_id"] = table["patient_id"].where(table["laterality"] != "", table["image_id"])
    table["_laterality_source"] = table["laterality"].map(lambda side: "file_name" if side else "")
    problems: list[Any] = []
    if clinical is not None:
        rows = clinical if isinstance(clinical, pd.DataFrame) else read_clinical(clinical)
        problems = rows.attrs.get("problems", [])
        table = join(table, rows, base.name, notes)
    table.attrs = {"notes": notes, "problems": problems}
    return EyeCollection(base.name or str(base.resolve().name), table, partial(_read_row, um_per_pixel=um_per_pixel))


def add_mask_folder(eyes: EyeCollection, folder: str | os.PathLike[str], coding: str | None = None) -> EyeCollection:
    """The same eyes, each read with its masks from a folder.

    Parameters
    ----------
    eyes : EyeCollection
    folder : path
        With, for an image ``P2_L``, either a folder ``P2_L`` of masks, or one or more files named ``P2_L.png`` or
        ``P2_L_<more>.png``, in it or in its inner folders.
    coding : str, optional
        As in :func:`retina_tools.io.read_masks`, for every file.

    Returns
    -------
    EyeCollection
        An eye without any mask raises ReadError when it is asked for.

    Raises
    ------
    ReadError
        No such folder, no masks for any of the eyes in it, no such coding, or one that none of the first masks can be
        read by.
    """
    check_coding(coding)
    base = Path(folder)
    if not base.is_dir():
        raise ReadError(f"There is no folder of masks {base.name!r}; check the path.")
    by_id = _masks_by_image(eyes.table, base)
    if not any(by_id.values()):
        some = ", ".join(repr(str(name)) for name in eyes.table["image_id"].head(2))
        raise ReadError(
            f"The folder {base.name!r} has no masks for any of the {len(eyes)} images ({some}, ...); masks are found "
            "by their names, such as <image id>.png, <image id>_vessel.png or a folder <image id>."
        )
    _try_some(by_id, coding)
    table = eyes.table.assign(_masks=["\n".join(map(str, by_id[name])) for name in eyes.table["image_id"]])
    table.attrs = dict(eyes.table.attrs)
    return replace(eyes, table=table, read=partial(_read_with_masks, read=eyes.read, name=base.name, coding=coding))


def _try_some(by_id: Mapping[str, list[Path]], coding: str | None) -> None:
    """Refuse at once a coding that is wrong, or missing, for all of the first masks; one alone may be a stray file."""
    tried = [paths for paths in by_id.values() if paths][:_TRIED]
    errors = []
    for paths in tried:
        try:
            for path in paths:
                refuse_flood(path.name, read_masks(path, coding), coding)
        except CodingError as error:
            errors.append(error)
        except ReadError:  # a damaged file says nothing of the coding; its eye will fail alone
            continue
    if errors and len(errors) == len(tried):
        raise errors[0]


def _photographs(
    base: Path, pattern: str | None, recursive: bool, leave_out: Path | None, notes: list[str]
) -> list[_Photograph]:
    """Image files that are no masks, in natural order."""
    found: list[_Photograph] = []
    masks: list[str] = []
    skipped: list[str] = []
    for home, folders, files in os.walk(base):
        folders[:] = [name for name in folders if leave_out is None or (Path(home) / name).resolve() != leave_out]
        inside = Path(home).relative_to(base)
        skipped += [(inside / name).as_posix() for name in folders if _MASK_FOLDER.search(name)]
        kept = [name for name in folders if not _MASK_FOLDER.search(name) and not name.startswith(".")]
        folders[:] = kept if recursive else []
        for name in files:
            photo = _Photograph(Path(home) / name, (inside / name).as_posix())
            if name.startswith(".") or not _is_image(photo.path):
                continue
            if pattern and not fnmatch.fnmatch(photo.inside if "/" in pattern else name, pattern):
                continue
            if _MASK_FILE.search(photo.path.stem):
                masks.append(photo.inside)
            else:
                found.append(photo)
    if skipped and recursive:
        notes.append(f"{counted(skipped, 'folder')} named like masks left out: {first_of(skipped)}")
    if masks:
        notes.append(f"{counted(masks, 'file')} named like a mask left out: {first_of(masks)}")
    return sorted(found, key=lambda photo: _natural(photo.inside))


def _is_image(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in _IMAGES
    try:  # DICOM files often come without an extension
        return path.stat().st_size > 132 and is_dicom(path)
    except OSError:
        return False


def _natural(text: str) -> list[tuple[int, int | str]]:
    """Order in which 2 comes before 10."""
    parts = re.split(r"(\d+)", text.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _image_ids(found: list[_Photograph]) -> list[str]:
    """File names without extension; with the folder, and then the extension, where they repeat."""
    spellings: tuple[Callable[[_Photograph], str], ...] = (
        lambda photo: photo.path.stem,
        lambda photo: photo.whole_id,
        lambda photo: photo.inside,
    )
    for spelling in spellings:
        ids = [spelling(photo) for photo in found]
        if len(set(ids)) == len(ids):
            break
    return ids


def _masks_by_image(table: pd.DataFrame, base: Path) -> dict[str, list[Path]]:
    """For each image the folder, or else the files, whose name begins with its id, and with no longer id."""
    places = places_by_name([str(image_id) for image_id in table["image_id"]])
    photographs = set(table["_path"]) if "_path" in table.columns else set()
    folders: dict[int, list[Path]] = {}
    files: dict[int, list[Path]] = {}
    for path in sorted(base.rglob("*")):
        if path.is_dir():
            place = places.get(path.relative_to(base).as_posix().lower(), places.get(path.name.lower()))
            if place is not None:
                folders.setdefault(place, []).append(path)
        elif path.suffix.lower() in MASK_EXTENSIONS and not path.name.startswith(".") and str(path) not in photographs:
            inside = path.relative_to(base).with_suffix("").as_posix().lower()
            place = _place_of(inside, places)
            if place is None:
                place = _place_of(path.stem.lower(), places)
            if place is not None and path.parent not in folders.get(place, []):
                files.setdefault(place, []).append(path)
    ids = [str(image_id) for image_id in table["image_id"]]
    return {image_id: folders[n][:1] if n in folders else files.get(n, []) for n, image_id in enumerate(ids)}


def _place_of(name: str, places: Mapping[str, int]) -> int | None:
    """The place of the longest id that a name is, or begins with before a separator."""
    for end in range(len(name), 0, -1):
        if (end == len(name) or not name[end].isalnum()) and name[:end] in places:
            return places[name[:end]]
    return None


def _read_row(row: Mapping[str, Any], um_per_pixel: float | None = None) -> xr.Dataset:
    own = row.get("um_per_pixel")
    if isinstance(own, (int, float)) and math.isfinite(own):
        um_per_pixel = float(own)
    return read_fundus(
        row["_path"],
        # A side read from the name is weaker than one the file states.
        laterality=None if row.get("_laterality_source") == "file_name" else row["laterality"] or None,
        um_per_pixel=um_per_pixel,
        image_id=row["image_id"],
        patient_id=row["patient_id"],
    )


def _read_with_masks(
    row: Mapping[str, Any], read: Callable[[Mapping[str, Any]], xr.Dataset], name: str, coding: str | None
) -> xr.Dataset:
    if not row["_masks"]:
        raise ReadError(
            f"The folder {name!r} has no mask named after {row['image_id']!r}; add it, or leave the eye out."
        )
    eye = read(row)
    for path in row["_masks"].split("\n"):
        eye = add_masks(eye, path, coding)
    return eye
