"""HRF: 45 photographs of 45 people, healthy, with diabetic retinopathy or with glaucoma; and HRF-AV."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, find_folders
from retina_tools.datasets.card import Archive, Card
from retina_tools.datasets.download import fetch

GROUPS: Final = {"h": "healthy", "dr": "diabetic_retinopathy", "g": "glaucoma"}
_AV_FOLDERS: Final = ("HRF-AV", "HRF_AV_GT", "HFR_AV_GT")
_AV_COMMIT: Final = "41415f1879f9d5bc901134de22c392b5b0078932"

CARD: Final = Card(
    name="hrf",
    title="HRF",
    images=45,
    structures=("vessel", "artery", "vein"),
    labels=("group",),
    pixels="3504 x 2336",
    field_angle_deg=45.0,
    licence="CC-BY-4.0 (artery and vein maps: no licence stated, ask their authors)",
    redistribution=True,
    commercial_use=True,
    citation="Budai et al., Int J Biomed Imaging 2013:154860; arteries and veins: Hemelings et al., "
    "Comput Med Imaging Graph 2019;76:101636, doi:10.1016/j.compmedimag.2019.05.004",
    doi="10.1155/2013/154860",
    homepage="https://www5.cs.fau.de/research/data/fundus-images/",
    obtain="Fetch all.zip from https://www5.cs.fau.de/research/data/fundus-images/ (images/, manual1/, mask/), and put "
    "the folder HRF_AV_GT of https://github.com/rubenhx/av-segmentation beside these for arteries and veins.",
    markers=("images/[0-9][0-9]_[hg].[jJ][pP][gG]", "images/[0-9][0-9]_dr.[jJ][pP][gG]"),
    archives=(
        Archive(
            "https://www5.cs.fau.de/fileadmin/research/datasets/fundus-images/all.zip",
            "all.zip",
            # Not published by the host; recorded alike by two independent public projects.
            sha256="a914d02cda161b7f33f25d0397c276d50e9a6cbc705e9b364a54f0adafed57e4",
        ),
        Archive(
            f"https://github.com/rubenhx/av-segmentation/archive/{_AV_COMMIT}.zip",
            "av-segmentation.zip",
        ),
    ),
)


def hrf(root: str | os.PathLike[str] | None = None) -> EyeCollection:
    """HRF, 15 photographs each of healthy, diabetic and glaucomatous eyes, one per person.

    Parameters
    ----------
    root : path, optional
        Its folder, or one above it; else ``RETINA_DATA`` or the download.

    Returns
    -------
    EyeCollection
        Masks ``vessel``, and ``artery`` and ``vein`` where the folder of HRF-AV (``HRF-AV`` or ``HRF_AV_GT``) is there
        too. The column ``group`` has healthy, diabetic_retinopathy or glaucoma. Laterality is not published.

    Raises
    ------
    DatasetError
        The set is not there.

    Notes
    -----
    HRF-AV colours the vessels of HRF itself; it is no second drawing. Its third class is neither artery nor vein here,
    only vessel: it covers crossings, but also the vessel trunks on the disc and thin vessels that nobody could name,
    and nothing tells these apart. Few crossings are in it; at the others the upper vessel keeps its colour and the
    lower one is interrupted. Both codings are read, 0 to 3 and red, blue and green; some maps have blurred strokes,
    whose pixels go to the nearest colour.
    """
    home = CARD.find(root)
    images = find_files(r"(\d+_(?:h|g|dr))\.jpe?g", home / "images")
    vessels = find_files(r"(\d+_(?:h|g|dr))\.tiff?", home / "manual1")
    fields = find_files(r"(\d+_(?:h|g|dr))_mask\.tiff?", home / "mask")
    maps = find_files(r"(\d+_(?:h|g|dr))_AVmanual\.png", *find_folders(home, *_AV_FOLDERS))
    rows = [
        {
            "image_id": key,
            "patient_id": key,
            "laterality": "",
            "group": GROUPS[key.split("_")[1].lower()],
            "_image": path,
            "_fov": fields.get(key, ""),
            "_artery_vein": maps.get(key, ""),
            "_vessel": vessels.get(key, ""),
        }
        for key, path in images.items()
    ]
    return collect(CARD, rows, {"_artery_vein": "artery_vein_undecided", "_vessel": "vessel"})


def fetch_hrf(folder: str | os.PathLike[str] | None = None, *, artery_vein: bool = True, progress: bool = True) -> Path:
    """Download HRF (76 MB), and HRF-AV (8 MB), from their publishers.

    Parameters
    ----------
    folder : path, optional
        Where to keep it; the user's cache folder unless given.
    artery_vein : bool
        Whether to fetch HRF-AV too, whose authors state no licence.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        For ``datasets.hrf``.

    Raises
    ------
    DatasetError
        The host cannot be reached, or the file is not the one expected.
    """
    card = CARD if artery_vein else replace(CARD, archives=CARD.archives[:1])
    return fetch(card, folder, progress=progress)
