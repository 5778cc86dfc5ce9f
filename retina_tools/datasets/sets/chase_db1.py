"""CHASE_DB1: both eyes of 14 children, vessels drawn by two observers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files
from retina_tools.datasets.card import Card
from retina_tools.datasets.download import fetch

CARD: Final = Card(
    name="chase_db1",
    title="CHASE_DB1",
    images=28,
    structures=("vessel",),
    labels=(),
    pixels="999 x 960",
    field_angle_deg=30.0,
    licence="CC-BY-4.0",
    redistribution=True,
    commercial_use=True,
    citation="Fraz et al., IEEE Trans Biomed Eng 2012;59:2538-48",
    doi="10.1109/TBME.2012.2205687",
    homepage="https://researchinnovation.kingston.ac.uk/en/datasets/chasedb1-retinal-vessel-reference-dataset-4/",
    obtain="Fetch CHASEDB1.zip with a browser (the host turns programs away) from "
    "https://researchinnovation.kingston.ac.uk/en/datasets/chasedb1-retinal-vessel-reference-dataset-4/.",
    markers=("Image_[0-9][0-9][LR].jpg",),
)


def chase_db1(root: str | os.PathLike[str] | None = None, *, observer: Literal[1, 2] = 1) -> EyeCollection:
    """CHASE_DB1, 28 photographs of 14 children.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA``.
    observer : {1, 2}
        Whose vessels: the first observer's are the reference, the second's show how far people agree.

    Returns
    -------
    EyeCollection
        Mask ``vessel``. Laterality is that of the file name, L and R; ``patient_id`` the number of the child. The
        field of view is found in the picture unless the copy has a folder ``mask`` (not part of the official set).

    Raises
    ------
    DatasetError
        The set is not there, the observer is neither 1 nor 2, or the second one's drawings are not in it.
    """
    suffix = {"1": "1stHO", "2": "2ndHO"}[CARD.choose("observers", {"1stHO": "1", "2ndHO": "2"}, observer)]
    home = CARD.find(root)
    images = find_files(r"Image_(\d+[LR])\.jpe?g", home)
    vessels = find_files(rf"Image_(\d+[LR])_{suffix}\.png", home)
    if not vessels and suffix == "2ndHO":
        some = ", ".join(f"Image_{key}_{suffix}.png" for key in list(images)[:2])
        raise CARD.error(f"in {str(home)!r} has no drawing of the second observer, files named {some} and so on")
    fields = find_files(r"Image_(\d+[LR])_mask\.png", home / "mask")
    rows = [
        {
            "image_id": f"Image_{key}",
            "patient_id": key[:-1],
            "laterality": "OS" if key.upper().endswith("L") else "OD",
            "_image": path,
            "_fov": fields.get(key, ""),
            "_vessel": vessels.get(key, ""),
        }
        for key, path in images.items()
    ]
    return collect(CARD, rows, {"_vessel": "vessel"})


def fetch_chase_db1(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Say where to get CHASE_DB1: its host serves people, not programs.

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
