"""LES-AV: 22 photographs of healthy and glaucomatous eyes, arteries and veins drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pandas as pd

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, read_table
from retina_tools.datasets.card import Archive, Card
from retina_tools.datasets.download import fetch

CARD: Final = Card(
    name="les_av",
    title="LES-AV",
    images=22,
    structures=("vessel", "artery", "vein"),
    labels=("whatever the table beside the pictures has",),
    pixels="1620 x 1444 (one 2196 x 1958)",
    field_angle_deg=30.0,
    licence="scientific use only, no commercial use (README of the archive)",
    redistribution=False,
    commercial_use=False,
    citation="Orlando et al., MICCAI 2018, LNCS 11071:65-73",
    doi="10.1007/978-3-030-00934-2_8",
    homepage="https://figshare.com/articles/dataset/LES-AV_dataset/11857698",
    obtain="Fetch LES-AV.zip from https://figshare.com/articles/dataset/LES-AV_dataset/11857698.",
    markers=("arteries-and-veins/*.png", "vessel-segmentations/*.png"),
    archives=(Archive("https://ndownloader.figshare.com/files/21732282", "LES-AV.zip"),),
)


def les_av(root: str | os.PathLike[str] | None = None) -> EyeCollection:
    """LES-AV, 22 photographs centred on the disc, 11 of them of eyes with glaucoma.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA`` or the download.

    Returns
    -------
    EyeCollection
        Masks ``vessel``, ``artery`` and ``vein``; a pixel of a crossing is both, one called uncertain is vessel only.
        The official field of view. The columns of a CSV or XLSX table in the folder whose first column names the
        pictures follow. Laterality is not given; ``patient_id`` is the image id.

    Raises
    ------
    DatasetError
        The set is not there.
    """
    home = CARD.find(root)
    images = find_files(r"(\w+)\.(?:png|jpe?g|tiff?)", home / "images")
    vessels = find_files(r"(\w+)\.(?:png|gif|tiff?)", home / "vessel-segmentations")
    maps = find_files(r"(\w+)\.(?:png|gif|tiff?)", home / "arteries-and-veins")
    fields = find_files(r"(\w+?)(?:_mask)?\.(?:png|gif|tiff?)", home / "masks")
    labels = _labels(home)
    rows = [
        {"image_id": key, "patient_id": key, "laterality": ""}
        | labels.get(key, {})
        | {"_image": path, "_fov": fields.get(key, "")}
        | {"_artery_vein": maps.get(key, ""), "_vessel": vessels.get(key, "")}
        for key, path in images.items()
    ]
    return collect(CARD, rows, {"_artery_vein": "artery_vein_both", "_vessel": "vessel"})


def _labels(home: Path) -> dict[str, dict[str, object]]:
    table = read_table(find_files(r"(.+)\.(?:csv|xlsx)", home))
    if table is None or table.columns.empty:
        return {}
    names, *columns = table.columns
    for column in columns:
        numbers = pd.to_numeric(table[column], errors="coerce")
        if numbers.notna().equals(table[column].notna()):
            table[column] = numbers
    return {
        Path(str(row[names])).stem: {column: row[column] for column in columns if pd.notna(row[column])}
        for _, row in table.iterrows()
    }


def fetch_les_av(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Download LES-AV (46 MB) from figshare; for scientific use only.

    Parameters
    ----------
    folder : path, optional
        Where to keep it; the user's cache folder unless given.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        For ``datasets.les_av``.

    Raises
    ------
    DatasetError
        The host cannot be reached, or the file is not the one expected.
    """
    return fetch(CARD, folder, progress=progress)
