"""DRIONS-DB: 110 photographs with the disc drawn by two experts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, find_folders
from retina_tools.datasets.card import Card
from retina_tools.datasets.download import fetch

CARD: Final = Card(
    name="drions_db",
    title="DRIONS-DB",
    images=110,
    structures=("optic_disc",),
    labels=(),
    pixels="600 x 400",
    field_angle_deg=float("nan"),
    licence="research only",
    redistribution=False,
    commercial_use=False,
    citation="Carmona et al., Artif Intell Med 2008;43:243-59",
    doi="10.1016/j.artmed.2008.04.005",
    homepage="http://www.ia.uned.es/~ejcarmona/DRIONS-DB.html",
    obtain="Fetch DRIONS-DB.rar from http://www.ia.uned.es/~ejcarmona/DRIONS-DB.html and unpack it with a program that "
    "knows RAR (images/ and experts_anotation/).",
    markers=("images/image_[0-9][0-9][0-9].jpg",),
)


def drions_db(root: str | os.PathLike[str] | None = None, *, expert: Literal[1, 2] = 1) -> EyeCollection:
    """DRIONS-DB, 110 photographs of eyes with glaucoma or raised pressure.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA``. Also read are binary masks as some redistribute them
        (``masks/image_001.png``), where the contours are not there.
    expert : {1, 2}
        Whose contour.

    Returns
    -------
    EyeCollection
        Mask ``optic_disc``, the filled contour, and its centroid as landmark. Patient, laterality and diagnosis are not
        published by picture; ``patient_id`` is the image id.

    Raises
    ------
    DatasetError
        The set is not there, or has nothing of that expert.

    Notes
    -----
    A frame counter of the camera is visible at the left edge of the pictures.
    """
    if expert not in (1, 2):
        raise CARD.error(f"has the experts 1 and 2, got {expert!r}")
    home = CARD.find(root)
    images = find_files(r"image_(\d{3})\.jpe?g", home / "images")
    contours = find_files(rf"anotExpert{expert}_(\d{{3}})\.txt", *find_folders(home, "experts_an*otation"))
    masks = {} if contours else find_files(r"image_(\d{3})\.png", home / "masks")
    if expert == 2 and not contours:
        raise CARD.error(f"in {str(home)!r} has no contours of expert 2 (experts_anotation/anotExpert2_001.txt)")
    rows = [
        {"image_id": f"image_{key}", "patient_id": f"image_{key}", "laterality": "", "_image": path}
        | {"_contour": contours.get(key, ""), "_disc": masks.get(key, "")}
        for key, path in images.items()
    ]
    return collect(CARD, rows, {"_contour": "contour_optic_disc", "_disc": "optic_disc"})


def fetch_drions_db(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Say where to get DRIONS-DB, which comes as a RAR archive that Python cannot unpack.

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
