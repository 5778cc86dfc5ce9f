"""STARE: 20 photographs with vessels drawn by two observers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, find_folders
from retina_tools.datasets.card import Archive, Card
from retina_tools.datasets.download import fetch

_HOST: Final = "https://cecas.clemson.edu/~ahoover/stare/probing/"
# The host publishes no checksums; these were recorded alike by two independent public projects.
_ARCHIVES: Final = {
    "stare-images": "5f7b509b6067cad4f1be84933145d783de9ec087b3eaaf4db0103dd0144dd433",
    "labels-ah": "ebf2f1e17ca955f24579d9edd990e2dae79a5c82def69f0985d8e24f826ddd2f",
    "labels-vk": "47474a701536b0cfdb369fdce012be36141e9f44d80387f0179446b5cb0f5576",
}

CARD: Final = Card(
    name="stare",
    title="STARE",
    images=20,
    structures=("vessel",),
    labels=(),
    pixels="700 x 605",
    field_angle_deg=35.0,
    licence="none stated; public for research",
    redistribution=False,
    commercial_use=False,
    citation="Hoover et al., IEEE Trans Med Imaging 2000;19:203-10",
    doi="10.1109/42.845178",
    homepage="https://cecas.clemson.edu/~ahoover/stare/",
    obtain=f"Fetch stare-images.tar, labels-ah.tar and labels-vk.tar from {_HOST} and unpack each into a folder of its "
    "own name (stare-images, labels-ah, labels-vk).",
    markers=tuple(f"{folder}im[0-9][0-9][0-9][0-9].ppm*" for folder in ("stare-images/", "images/", "")),
    archives=tuple(
        Archive(f"{_HOST}{name}.tar", f"{name}.tar", checksum, folder=name) for name, checksum in _ARCHIVES.items()
    ),
)


def stare(root: str | os.PathLike[str] | None = None, *, observer: str = "ah") -> EyeCollection:
    """STARE, the 20 photographs with vessels drawn.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA`` or the download. Files may still be packed (``.ppm.gz``).
    observer : {'ah', 'vk'}
        Whose vessels: Adam Hoover's are the reference, Valentina Kouznetsova's have more of the thin ones.

    Returns
    -------
    EyeCollection
        Mask ``vessel``. The field of view is found in the picture. Patient and laterality are not published;
        ``patient_id`` is the image id.

    Raises
    ------
    DatasetError
        The set is not there, there is no such observer, or the second one's drawings are not in it.
    """
    observer = CARD.choose("observers", {"Hoover": "ah", "Kouznetsova": "vk"}, observer)
    home = CARD.find(root)
    images = find_files(r"(im\d{4})\.ppm(?:\.gz)?", home, home / "images", home / "stare-images")
    # Unpacked in one folder or beside each other, the drawings carry the observer in their names.
    places = (home, *find_folders(home, f"labels-{observer}"), *find_folders(home.parent, f"labels-{observer}"))
    vessels = find_files(rf"(im\d{{4}})\.{observer}\.ppm(?:\.gz)?", *places)
    if not vessels and observer != "ah":
        some = ", ".join(f"{key}.{observer}.ppm" for key in list(images)[:2])
        raise CARD.error(f"in {str(home)!r} has no drawing of {observer!r}, files named {some} and so on")
    rows = [
        {"image_id": key, "patient_id": key, "laterality": "", "_image": path, "_vessel": vessels.get(key, "")}
        for key, path in images.items()
    ]
    return collect(CARD, rows, {"_vessel": "vessel"})


def fetch_stare(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Download the photographs and both observers' vessels of STARE (16 MB) from Clemson University.

    Parameters
    ----------
    folder : path, optional
        Where to keep it; the user's cache folder unless given.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        For ``datasets.stare``.

    Raises
    ------
    DatasetError
        The host cannot be reached, or a file is not the one expected.
    """
    return fetch(CARD, folder, progress=progress)
