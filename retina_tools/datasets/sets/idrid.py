"""IDRiD: lesions and optic disc drawn (A), grades (B), disc and fovea centres (C)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import EMPTY, collect, find_files, find_folders, number, picture_size, read_table
from retina_tools.datasets.card import Card
from retina_tools.datasets.download import fetch

LESIONS: Final = {
    "microaneurysm": ("1. Microaneurysms", "MA"),
    "haemorrhage": ("2. Haemorrhages", "HE"),
    "hard_exudate": ("3. Hard Exudates", "EX"),
    "cotton_wool_spot": ("4. Soft Exudates", "SE"),
    "optic_disc": ("5. Optic Disc", "OD"),
}
_SPLITS: Final = {"training": "a. Training Set", "test": "b. Testing Set"}
_PARTS: Final = {"segmentation": "A. Segmentation", "grading": "B. Disease Grading", "localisation": "C. Localization"}
_POINTS: Final = {"optic_disc": "1. Optic Disc Center Location", "fovea": "2. Fovea Center Location"}
# Foveas lie at 0.25 to 0.74 of the frame, their median over many photographs at 0.46 of the width and 0.54 of the
# height. Coordinates of half, twice or four times the pictures' size would put it at 0.25, 1 or 2.
_MEDIAN_FOVEA: Final = 0.5
_OFF_MIDDLE: Final = 0.08
_SPREAD: Final = 0.17

CARD: Final = Card(
    name="idrid",
    title="IDRiD",
    images=516,
    structures=tuple(LESIONS),
    labels=("dr_grade", "dme_risk"),
    pixels="4288 x 2848",
    field_angle_deg=50.0,
    licence="CC-BY-4.0",
    redistribution=True,
    commercial_use=True,
    citation="Porwal et al., Data 2018;3(3):25",
    doi="10.3390/data3030025",
    homepage="https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid",
    obtain="Log in at https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid "
    "(doi:10.21227/H25W98) and fetch 'A. Segmentation.zip', 'B. Disease Grading.zip' and 'C. Localization.zip'.",
    markers=(*_PARTS.values(), "1. Original Images/a. Training Set/IDRiD_*.jpg"),
)


def idrid(
    root: str | os.PathLike[str] | None = None,
    part: str = "segmentation",
    *,
    coordinates_for: tuple[int, int] | None = None,
) -> EyeCollection:
    """IDRiD: 81 photographs with lesions drawn, 516 with grades and with disc and fovea centres.

    Parameters
    ----------
    root : path, optional
        Its folder, one above it, or the folder of one part; else ``RETINA_DATA``.
    part : {'segmentation', 'grading', 'localisation'}
        Part A, B or C; the letter, the name of the folder and American spelling do too, in any case.
    coordinates_for : (int, int), optional
        Height and width, in pixels, of the pictures the tables of part C were made for, where the pictures at hand have
        another size: (2848, 4288) for the official tables. Coordinates are then scaled to the pictures.

    Returns
    -------
    EyeCollection
        segmentation: masks of microaneurysm, haemorrhage, hard_exudate, cotton_wool_spot and optic_disc; a lesion
        without a file was looked for and is not there, so its mask is empty. The landmark is the disc's centroid.
        grading and localisation: columns ``dr_grade`` (0 to 4) and ``dme_risk`` (0 to 2) and the landmarks optic_disc
        and fovea, each as far as the part with it is at hand. ``split`` is training or test; the official numbers
        begin at 1 in both, so image ids begin with the split. Neither patient nor laterality are published:
        ``patient_id`` is the image id, so the two eyes of a person count as two.

    Raises
    ------
    DatasetError
        The part is not there, or the coordinates were made for pictures of another size.

    Notes
    -----
    Part C shows the pictures of part B once more; where it has none of its own, those of part B are taken. Some
    redistributions renumber the pictures of part B: check that the disc of the table lies on the disc of the picture
    before relying on their labels. Some pictures are in the set twice under two numbers, with different grades.
    """
    names = {name: key for key, folder in _PARTS.items() for name in (folder, folder[0])}
    part = CARD.choose("parts", names, part)
    home = CARD.find(root)
    rows = _segmentation(home) if part == "segmentation" else _graded(home, part, coordinates_for)
    if not rows:
        raise CARD.error(
            f"is in {str(home)!r}, but not its part {_PARTS[part]!r} with pictures in "
            "'1. Original Images/a. Training Set' (part C may use those of part B)"
        )
    return collect(CARD, rows, {f"_{name}": name for name in LESIONS})


def _segmentation(home: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    folder = _part_folder(home, "segmentation")
    for split, name in _SPLITS.items():
        truth = folder / "2. All Segmentation Groundtruths" / name
        drawn = {
            lesion: find_files(rf"(IDRiD_\d+)_{code}\.tiff?", truth / place)
            for lesion, (place, code) in LESIONS.items()
            if (truth / place).is_dir()
        }
        for key, path in find_files(r"(IDRiD_\d+)\.jpe?g", folder / "1. Original Images" / name).items():
            row: dict[str, object] = {"image_id": key, "patient_id": key, "laterality": "", "split": split}
            row |= {"_image": path, **{f"_{lesion}": files.get(key, EMPTY) for lesion, files in drawn.items()}}
            rows.append(row)
    return rows


def _graded(home: Path, part: str, coordinates_for: tuple[int, int] | None) -> list[dict[str, object]]:
    grading, localisation = _part_folder(home, "grading"), _part_folder(home, "localisation")
    own = localisation if part == "localisation" else grading
    rows: list[dict[str, object]] = []
    for split, name in _SPLITS.items():
        images = {
            key: path
            for folder in (grading, localisation, own)
            for key, path in find_files(r"(IDRiD_\d+)\.jpe?g", folder / "1. Original Images" / name).items()
        }
        grades, points = _grades(grading, split), _points(localisation, split)
        labelled = set(grades) if part == "grading" else set(points)
        rows += [
            {"image_id": f"{split}_{key}", "patient_id": f"{split}_{key}", "laterality": "", "split": split}
            | {**grades.get(key, {}), **points.get(key, {}), "_image": images[key]}
            for key in sorted(labelled & set(images))
        ]
    return _fitted(rows, coordinates_for)


def _part_folder(home: Path, part: str) -> Path:
    """The folder of a part: by its name, inside its own name as the archives unpack, or the very folder given."""
    name = _PARTS[part]
    for folder in (home / name / name, home / name, *find_folders(home, name)):
        if (folder / "1. Original Images").is_dir() or (folder / "2. Groundtruths").is_dir():
            return folder
    return home if home.name == name else home / name


def _grades(folder: Path, split: str) -> dict[str, dict[str, float]]:
    word = {"training": "Training", "test": "Testing"}[split]
    table = read_table(find_files(rf"(.*)IDRiD_Disease Grading_{word} Labels\.csv", folder / "2. Groundtruths"))
    if table is None:
        return {}
    risk = next((column for column in table.columns if column.startswith("risk of macular")), "")
    if not {"image name", "retinopathy grade", risk} <= set(table.columns):
        raise CARD.error(f"has a table of {word} Labels with the columns {', '.join(table.columns)}, which is not its")
    return {
        str(row["image name"]).strip(): {
            "dr_grade": number(row["retinopathy grade"], f"The {word} Labels of IDRiD"),
            "dme_risk": number(row[risk], f"The {word} Labels of IDRiD"),
        }
        for _, row in table.iterrows()
    }


def _points(folder: Path, split: str) -> dict[str, dict[str, float]]:
    """Centres by image name, as ``optic_disc_y`` and so on, in pixels of the table."""
    word = {"training": "Training", "test": "Testing"}[split]
    points: dict[str, dict[str, float]] = {}
    for point, place in _POINTS.items():
        table = read_table(find_files(rf"(.*)IDRiD_.*{word}.*\.csv", folder / "2. Groundtruths" / place))
        if table is None:
            continue
        # The official headers are 'Image No', 'X- Coordinate' and 'Y - Coordinate'.
        columns = {column.replace(" ", "").split("-")[0]: column for column in table.columns}
        if not {"imageno", "x", "y"} <= set(columns):
            raise CARD.error(f"has a table of {point} centres with the columns {', '.join(table.columns)}, not its own")
        for _, row in table.iterrows():
            centre = {f"{point}_{axis}": number(row[columns[axis]], f"The {point} table of IDRiD") for axis in "yx"}
            points.setdefault(str(row[columns["imageno"]]).strip(), {}).update(centre)
    return points


def _fitted(rows: list[dict[str, object]], coordinates_for: tuple[int, int] | None) -> list[dict[str, object]]:
    """Rows whose coordinates are in pixels of the pictures, or an error where they visibly are not."""
    if not any("fovea_y" in row for row in rows):
        return rows
    sizes = [picture_size(str(row["_image"])) for row in rows]
    if coordinates_for is not None:
        rows = [_scaled(row, size, coordinates_for) for row, size in zip(rows, sizes, strict=True)]
    foveas = pd.DataFrame(rows).reindex(columns=["fovea_y", "fovea_x"]).astype(float)
    y, x = np.nanmedian(foveas.to_numpy() / np.array(sizes), axis=0)
    tolerance = _OFF_MIDDLE + _SPREAD / np.sqrt(len(rows))
    if max(abs(y - _MEDIAN_FOVEA), abs(x - _MEDIAN_FOVEA)) > tolerance:
        raise CARD.error(
            f"has foveas at {x:.2f} of the pictures' width and {y:.2f} of their height (median), wanted near the "
            f"middle: the tables of part C were made for another size than the {sizes[0][1]} x {sizes[0][0]} pixels of "
            "these pictures. Say which, for example coordinates_for=(2848, 4288) for the official tables"
        )
    return rows


def _scaled(row: dict[str, object], size: tuple[int, int], made_for: tuple[int, int]) -> dict[str, object]:
    factors = {"y": size[0] / made_for[0], "x": size[1] / made_for[1]}
    # Pixel centres lie on whole numbers, so the corner of the picture is at -0.5 in both sizes.
    return row | {
        name: (float(str(row[name])) + 0.5) * factor - 0.5
        for name, factor in ((f"{point}_{axis}", factors[axis]) for point in _POINTS for axis in "yx")
        if name in row
    }


def fetch_idrid(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Say where to get IDRiD, which wants a login.

    Parameters
    ----------
    folder : path, optional
    progress : bool

    Raises
    ------
    DatasetError
        Always, with the address.
    """
    return fetch(CARD, folder, progress=progress)
