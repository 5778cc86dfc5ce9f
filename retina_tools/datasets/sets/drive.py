"""DRIVE: 40 photographs with vessels drawn; and RITE, arteries and veins for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from retina_tools.collection import EyeCollection
from retina_tools.datasets.assembly import collect, find_files, find_folders
from retina_tools.datasets.card import Card
from retina_tools.datasets.download import fetch

_SPLITS: Final = ("training", "test")
_FILES: Final = {
    "rite": "AV_groundTruth/training/av/21_training.png",
    "observer1": "training/1st_manual/21_manual1.gif",
    "observer2": "test/2nd_manual/01_manual2.gif",
}

CARD: Final = Card(
    name="drive",
    title="DRIVE",
    images=40,
    structures=("vessel", "artery", "vein"),
    labels=("split",),
    pixels="565 x 584",
    field_angle_deg=45.0,
    licence="research and education only, as obtained from its site (DRIVE, and RITE)",
    redistribution=False,
    commercial_use=False,
    citation="Staal et al., IEEE Trans Med Imaging 2004;23:501-9; arteries and veins (RITE): Hu et al., MICCAI 2013, "
    "doi:10.1007/978-3-642-40763-5_54",
    doi="10.1109/TMI.2004.825627",
    homepage="https://drive.grand-challenge.org/",
    obtain="Register at https://drive.grand-challenge.org/ and fetch training.zip and test.zip; for arteries and veins "
    "ask for RITE at https://eye.medicine.uiowa.edu/rite-dataset and put its AV_groundTruth beside training and test.",
    markers=("training/1st_manual/*_manual1.gif", "training/mask/*_mask.gif", "test/mask/*_mask.gif"),
)


def drive(root: str | os.PathLike[str] | None = None, *, truth: str = "auto") -> EyeCollection:
    """DRIVE, 20 photographs for training and 20 for testing.

    Parameters
    ----------
    root : path, optional
        Its folder (with ``training`` and ``test``), or one above it; else ``RETINA_DATA``.
    truth : {'auto', 'rite', 'observer1', 'observer2'}
        Whose drawing. RITE traces the vessels anew, for the test pictures after the second observer, so its arteries
        and veins are not mixed with the first observer's vessels: ``'rite'`` gives artery, vein and vessel of RITE,
        ``'observer1'`` the vessels of the benchmark, ``'observer2'`` the other ones (test only). ``'auto'`` takes RITE
        where its folder ``AV_groundTruth`` is there, else the first observer.

    Returns
    -------
    EyeCollection
        Masks ``vessel``, and ``artery`` and ``vein`` of RITE; a pixel of a crossing is both, one that RITE calls
        uncertain is vessel only. The official field of view. ``split`` is training or test. Patient and laterality are
        not published; ``patient_id`` is the image id.

    Raises
    ------
    DatasetError
        The set is not there, or not the drawing asked for.

    Notes
    -----
    The test part as it is given out now has no drawings; its eyes then have no masks.
    """
    home = CARD.find(root)
    layers = {source: _layers(home, source) for source in ("rite", "observer1", "observer2")}
    truth = CARD.choose("truths", {name: name for name in ("auto", *layers)}, truth)
    if truth != "auto" and not layers[truth]:
        raise CARD.error(f"in {str(home)!r} has no drawing {truth!r}, files named {_FILES[truth]} and so on")
    rows = []
    for split in _SPLITS:
        images = find_files(rf"(\d+)_{split}\.tiff?", home / split / "images")
        fields = find_files(rf"(\d+)_{split}_mask\.gif", home / split / "mask")
        for key, path in images.items():
            rite = layers["rite"].get(key, "") if truth in ("auto", "rite") else ""
            observer = "" if rite or truth == "rite" else layers["observer1" if truth == "auto" else truth].get(key, "")
            name = f"{key}_{split}"
            rows.append(
                {"image_id": name, "patient_id": name, "laterality": "", "split": split}
                | {"_image": path, "_fov": fields.get(key, ""), "_artery_vein": rite, "_vessel": observer}
            )
    return collect(CARD, rows, {"_artery_vein": "artery_vein_both", "_vessel": "vessel"})


def _layers(home: Path, source: str) -> dict[str, str]:
    """Files of one drawing by the number of the photograph; the numbers of training and test do not overlap."""
    if source == "rite":
        tops = find_folders(home, "AV_groundTruth") or find_folders(home.parent, "AV_groundTruth")
        return find_files(r"(\d+)_(?:training|test)\.png", *(top / split / "av" for top in tops for split in _SPLITS))
    number = source[-1]
    place = {"1": "1st_manual", "2": "2nd_manual"}[number]
    return find_files(rf"(\d+)_manual{number}\.gif", *(home / split / place for split in _SPLITS))


def fetch_drive(folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Say where to get DRIVE and RITE, which want a registration.

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
