"""Drishti-GS1: 101 photographs with disc and cup drawn by four experts, glaucoma yes or no."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

import pandas as pd

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, number, read_table
from retina_tools.datasets.card import Card
from retina_tools.datasets.download import fetch

_SPLITS: Final = {"training": ("Training", "GT"), "test": ("Test", "Test_GT")}
_DIAGNOSIS: Final = {"glaucomatous": 1, "glaucoma": 1, "normal": 0}

CARD: Final = Card(
    name="drishti_gs",
    title="Drishti-GS1",
    images=101,
    structures=("optic_disc", "optic_cup"),
    labels=("glaucoma", "split"),
    pixels="about 2896 x 1944 or 2050 x 1750",
    field_angle_deg=30.0,
    licence="research only",
    redistribution=False,
    commercial_use=False,
    citation="Sivaswamy et al., ISBI 2014, and JSM Biomed Imaging Data Papers 2015;2(1):1004",
    doi="10.1109/ISBI.2014.6867807",
    homepage="https://cvit.iiit.ac.in/projects/mip/drishti-gs/mip-dataset2/Home.php",
    obtain="Register at https://cvit.iiit.ac.in/projects/mip/drishti-gs/mip-dataset2/Home.php and fetch "
    "Drishti-GS1_files (Training, Test and Drishti-GS1_diagnosis.xlsx).",
    markers=(
        "Training/Images",
        "Test/Images",
        "images/drishtiGS_*.png",
    ),
)


def drishti_gs(root: str | os.PathLike[str] | None = None) -> EyeCollection:
    """Drishti-GS1, 50 photographs for training and 51 for testing.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA``. Also read are crops around the disc as some redistribute
        them: ``images``, ``masks`` (0 background, 1 rim, 2 cup) and ``labels.csv``.

    Returns
    -------
    EyeCollection
        Masks ``optic_disc`` and ``optic_cup``, drawn by at least two of the four experts; the landmark is the disc's
        centroid. ``glaucoma`` is 1 or 0, ``split`` training or test. ``patient_id`` is that of the table of diagnoses,
        or the image id without it; laterality is not published.

    Raises
    ------
    DatasetError
        The set is not there.
    """
    home = CARD.find(root)
    official = any((home / folder / "Images").is_dir() for folder, _ in _SPLITS.values())
    rows = _photographs(home) if official else _crops(home)
    return collect(CARD, rows, {"_disc": "soft_optic_disc", "_cup": "soft_optic_cup", "_rim_cup": "rim_cup"})


def _photographs(home: Path) -> list[dict[str, object]]:
    diagnoses = _diagnoses(home)
    rows: list[dict[str, object]] = []
    for split, (folder, truth) in _SPLITS.items():
        place = home / folder / "Images"
        # Some copies sort the pictures into GLAUCOMA and NORMAL.
        sorted_ = [inner for inner in place.iterdir() if inner.is_dir()] if place.is_dir() else []
        for key, path in find_files(r"(drishtiGS_\d+)\.png", place, *sorted_).items():
            maps = home / folder / truth / key / "SoftMap"
            row: dict[str, object] = {"image_id": key, "patient_id": key, "laterality": "", "glaucoma": math.nan}
            row |= {"split": split, "_image": path, "_rim_cup": "", **diagnoses.get(key, {})}
            row["_disc"] = find_files(rf"({key})_ODsegSoftmap\.png", maps).get(key, "")
            row["_cup"] = find_files(rf"({key})_cupsegSoftmap\.png", maps).get(key, "")
            rows.append(row)
    return rows


def _diagnoses(home: Path) -> dict[str, dict[str, object]]:
    """Glaucoma and patient by image, from the table whose header is some rows down and whose names end in a quote."""
    places = (home, home.parent)
    table = read_table(find_files(r"(.*diagnosis)\.(?:xlsx|csv)", *places), header_with="drishti-gs file")
    if table is None:
        return {}
    found: dict[str, dict[str, object]] = {}
    for _, row in table.iterrows():
        name = str(row["drishti-gs file"]).strip().strip("'’\"")
        verdict = str(row.get("total", "")).strip().lower()
        found[name] = {"glaucoma": _DIAGNOSIS.get(verdict, math.nan)}
        if pd.notna(patient := row.get("patient id")):
            found[name]["patient_id"] = str(patient).strip()
    return found


def _crops(home: Path) -> list[dict[str, object]]:
    table = read_table(find_files(r"(labels)\.csv", home))
    labels: dict[str, dict[str, object]] = {}
    if table is not None:
        labels = {
            str(row["image"]): {
                "glaucoma": number(row["glaucoma"], "labels.csv"),
                "split": str(row["official_split"]).lower(),
            }
            for _, row in table.iterrows()
        }
    masks = find_files(r"(drishtiGS_\d+)\.png", home / "masks")
    return [
        {"image_id": key, "patient_id": key, "laterality": "", "glaucoma": math.nan, "split": ""}
        | labels.get(key, {})
        | {"_image": path, "_disc": "", "_cup": "", "_rim_cup": masks.get(key, "")}
        for key, path in find_files(r"(drishtiGS_\d+)\.png", home / "images").items()
    ]


def fetch_drishti_gs(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Say where to get Drishti-GS1, which wants a registration.

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
