"""What all loaders share: finding files and tables, and building eyes from a row of files."""

from __future__ import annotations

import gzip
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from retina_tools.collection import EyeCollection
from retina_tools.datasets.card import Card, DatasetError
from retina_tools.datasets.layers import read_binary, read_layer
from retina_tools.io import read_fundus
from retina_tools.io.picture import opened
from retina_tools.schema import with_parts

# In a column of mask files: looked for and not there, so the mask is empty. No file name at all means not looked for.
EMPTY: Final = "(empty)"
_POINTS: Final = ("optic_disc", "fovea")


def find_files(pattern: str, *folders: Path) -> dict[str, str]:
    """Files of some folders by the key in their name.

    Parameters
    ----------
    pattern : str
        Regular expression for the whole name, in any case; its first group is the key.
    *folders : Path
        Searched in order, not their inner folders; absent ones hold nothing. The first file of a key counts.

    Returns
    -------
    dict of str to str
        Paths by key, in the order of the keys.
    """
    found: dict[str, str] = {}
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else ():
            match = re.fullmatch(pattern, entry.name, re.IGNORECASE)
            if match and not entry.name.startswith("."):
                found.setdefault(match[1], entry.path)
    return dict(sorted(found.items()))


def find_folders(home: Path, *patterns: str) -> list[Path]:
    """Folders in a folder, or one deeper, whose name fits one of some glob patterns."""
    return [
        folder
        for pattern in patterns
        for depth in (pattern, f"*/{pattern}")
        for folder in sorted(home.glob(depth))
        if folder.is_dir()
    ]


def read_table(files: Mapping[str, str], header_with: str = "") -> pd.DataFrame | None:
    """The first of some tables as text, its headers trimmed and in lower case, without empty rows and columns.

    Parameters
    ----------
    files : mapping of str to str
        CSV or XLSX files by key, as of :func:`find_files`.
    header_with : str, optional
        A header, in lower case; rows above the first one that has it are skipped.

    Returns
    -------
    pandas.DataFrame or None
        None where there is no file.

    Raises
    ------
    DatasetError
        The file is no such table.
    """
    if not files:
        return None
    path = Path(next(iter(files.values())))
    try:
        if path.suffix.lower() == ".xlsx":
            raw = pd.read_excel(path, header=None, dtype=object)
        else:
            raw = pd.read_csv(path, header=None, dtype=object, encoding="utf-8-sig")
    except Exception as error:  # pandas and openpyxl raise what they like
        raise DatasetError(
            f"The table {path.name!r} cannot be read ({type(error).__name__}); fetch it again, or save it as CSV."
        ) from None
    headers = raw.map(lambda value: "" if pd.isna(value) else str(value).strip().lower())
    rows = np.flatnonzero((headers == header_with).any(axis=1)) if header_with else np.array([0])
    if not len(rows):
        raise DatasetError(f"The table {path.name!r} has no column {header_with!r}; it is not the official one.")
    table = raw.iloc[rows[0] + 1 :].set_axis(headers.iloc[rows[0]], axis=1)
    table.columns.name = None
    named = table.loc[:, [column != "" for column in table.columns]]
    return named.dropna(how="all").reset_index(drop=True)


def number(value: object, table: str) -> float:
    """A cell of a table as a number, NaN where it is empty.

    Raises
    ------
    DatasetError
        The cell holds something else.
    """
    try:
        return float(str(value).strip() or math.nan)
    except ValueError:
        raise DatasetError(f"{table} has {value!r} where a number belongs; fetch the table again.") from None


def picture_size(path: str) -> tuple[int, int]:
    """Height and width of a picture, from its header alone."""
    with opened(Path(path)) as image:
        width, height = image.size
    return height, width


def collect(card: Card, rows: Sequence[Mapping[str, object]], layers: Mapping[str, str]) -> EyeCollection:
    """A collection of eyes that are read from the files named in rows.

    Parameters
    ----------
    card : Card
    rows : sequence of mapping
        One per photograph: image_id, patient_id, laterality, label columns, ``_image`` and, as far as there are any,
        ``_fov`` and the columns of the layers, each with a file name; landmarks as ``fovea_y``, ``fovea_x`` and so on.
    layers : mapping of str to str
        Column to coding, see :func:`retina_tools.datasets.layers.read_layer`; later ones replace earlier ones.

    Returns
    -------
    EyeCollection

    Raises
    ------
    DatasetError
        There are no rows.
    """
    if not rows:
        raise card.error("has its folders here, but no photographs under the official names in them")
    table = pd.DataFrame(list(rows))
    files = [column for column in table.columns if column.startswith("_")]
    table[files] = table[files].fillna("")
    for column in table.columns.intersection(list(card.labels)):
        if table[column].dtype == float and table[column].notna().all():
            table[column] = table[column].astype("int64")
    read = partial(read_eye, card=card, layers=dict(layers))
    return EyeCollection(card.title, table, read, card.licence, card.reference)


def read_eye(row: Mapping[str, Any], *, card: Card, layers: Mapping[str, str]) -> xr.Dataset:
    """One eye from the files of its row.

    Parameters
    ----------
    row : mapping
    card : Card
    layers : mapping of str to str

    Returns
    -------
    xarray.Dataset
        With the attributes ``dataset``, ``licence`` and ``citation``.

    Raises
    ------
    ReadError, DatasetError
        A file is missing, damaged, or of another size than the photograph.
    """
    fov = read_binary(Path(row["_fov"])) if row.get("_fov") else None
    with unpacked(Path(row["_image"])) as path:
        eye = read_fundus(
            path, laterality=row["laterality"], image_id=row["image_id"], patient_id=row["patient_id"], fov=fov
        )
    if fov is not None and _marks_the_dark(fov, eye["image"].values):
        eye = with_parts(eye, fov=~fov, step="the file of the field of view marks what is outside it; inverted")
    shape = (eye.sizes["y"], eye.sizes["x"])
    masks: dict[str, NDArray[np.bool_]] = {}
    for column, coding in layers.items():
        if row.get(column) == EMPTY:
            masks[coding] = np.zeros(shape, bool)
        elif row.get(column):
            with unpacked(Path(row[column])) as path:
                masks |= read_layer(path, coding, shape)
    step = f"truth of {card.title}: {', '.join(masks)}" if masks else None
    source = f"{card.title}: {Path(row['_image']).name}"
    eye = with_parts(eye, masks=masks, landmarks=_landmarks(row, masks), step=step, source=source)
    return eye.assign_attrs(dataset=card.title, licence=card.licence, citation=card.reference)


def _marks_the_dark(fov: NDArray[np.bool_], image: NDArray[np.uint8]) -> bool:
    """Whether a field of view is drawn the wrong way round, as in some copies: what it marks is far darker."""
    if not 0 < np.count_nonzero(fov) < fov.size:
        return False
    brightness = image.max(axis=2)
    return bool(brightness[fov].mean() < 0.5 * brightness[~fov].mean())


def _landmarks(row: Mapping[str, Any], masks: Mapping[str, NDArray[np.bool_]]) -> dict[str, tuple[float, float] | None]:
    """Points of the table, and the centroid of a disc that is drawn."""
    found: dict[str, tuple[float, float] | None] = {}
    if "optic_disc" in masks and masks["optic_disc"].any():
        y, x = np.nonzero(masks["optic_disc"])
        found["optic_disc"] = (float(y.mean()), float(x.mean()))
    for point in _POINTS:
        place = (row.get(f"{point}_y", math.nan), row.get(f"{point}_x", math.nan))
        if pd.notna(place[0]) and pd.notna(place[1]):
            found[point] = (float(place[0]), float(place[1]))
    return found


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or an unpacked copy of a ``.gz`` for as long as it is needed."""
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.stem
        try:
            with gzip.open(path) as packed, copy.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        except (OSError, EOFError) as error:
            raise DatasetError(
                f"{path.name!r} cannot be unpacked ({type(error).__name__}); fetch or unpack it again."
            ) from None
        yield copy
