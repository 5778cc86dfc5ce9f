"""SRahimDR: photographs of both eyes, graded for diabetic retinopathy and maculopathy."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Final

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files
from retina_tools.datasets.card import Archive, Card
from retina_tools.datasets.download import fetch

_TOP: Final = "DR and maculopathy 10 classes"
_GRADES: Final = {"No DR": 0, "Mild DR": 1, "Moderate DR": 2, "Severe DR": 3, "PDR": 4}
_COMMIT: Final = "a0cc63a83a31a4982f70b41aa6476d1cac8b5912"

CARD: Final = Card(
    name="srahim_dr",
    title="SRahimDR",
    images=598,
    structures=(),
    labels=("dr_grade", "maculopathy", "class_name"),
    pixels="3872 x 2592",
    field_angle_deg=float("nan"),
    licence="free for academic purposes with attribution",
    redistribution=False,
    commercial_use=False,
    citation="Rahim S. S., Retinal Fundus Image Dataset for Diabetic Retinopathy Detection, 2025, "
    "https://github.com/SRahimDR/DR-image-dataset",
    doi="",
    homepage="https://github.com/SRahimDR/DR-image-dataset",
    obtain="Fetch the archive (Code, Download ZIP) from https://github.com/SRahimDR/DR-image-dataset.",
    markers=(_TOP, "1 - No DR/Patient*.jpg"),
    archives=(Archive(f"https://github.com/SRahimDR/DR-image-dataset/archive/{_COMMIT}.zip", "DR-image-dataset.zip"),),
)


def srahim_dr(root: str | os.PathLike[str] | None = None) -> EyeCollection:
    """SRahimDR, 598 photographs, of most patients both eyes.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA`` or the download.

    Returns
    -------
    EyeCollection
        No masks. ``patient_id`` and ``laterality`` are those of the file name; ``class_name`` is the folder's,
        ``dr_grade`` (0 none, 1 mild, 2 moderate, 3 severe, 4 proliferative, International Clinical DR scale) and
        ``maculopathy`` (1 or 0) what it says. Both are NaN in the class ADED, advanced diabetic eye disease, which is
        none of the five grades.

    Raises
    ------
    DatasetError
        The set is not there.
    """
    home = CARD.find(root)
    top = home / _TOP if (home / _TOP).is_dir() else home
    rows = []
    for folder in sorted(top.iterdir()):
        if not (match := re.fullmatch(r"(\d+) - (.+)", folder.name)) or not folder.is_dir():
            continue
        grade, _, macula = match[2].partition(" with")
        for key, path in find_files(r"(Patient\d+_[LR])\.jpe?g", folder).items():
            patient, side = key.split("_")
            rows.append(
                {"image_id": key, "patient_id": patient, "laterality": "OS" if side.upper() == "L" else "OD"}
                | {"dr_grade": _GRADES.get(grade, math.nan), "maculopathy": _maculopathy(grade, macula)}
                | {"class_name": folder.name, "_image": path}
            )
    return collect(CARD, sorted(rows, key=lambda row: str(row["image_id"])), {})


def _maculopathy(grade: str, rest: str) -> float:
    """1 for '... with maculopathy', 0 for '... without maculopathy' and 'No DR', NaN for the class without a grade."""
    return float(rest == " maculopathy") if grade in _GRADES else math.nan


def fetch_srahim_dr(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Download SRahimDR (about 1 GB) from GitHub; for academic purposes only.

    Parameters
    ----------
    folder : path, optional
        Where to keep it; the user's cache folder unless given.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        For ``datasets.srahim_dr``.

    Raises
    ------
    DatasetError
        The host cannot be reached, or the file is not the one expected.
    """
    return fetch(CARD, folder, progress=progress)
