"""All datasets by name: what there is, what a folder holds, and how to open it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from retina_tools.collection import EyeCollection
from retina_tools.datasets.card import Card, DatasetError
from retina_tools.datasets.sets import chase_db1, drions_db, drishti_gs, drive, hrf, idrid, les_av, srahim_dr, stare

_LOADERS: Final[dict[str, tuple[Card, Callable[..., EyeCollection]]]] = {
    "chase_db1": (chase_db1.CARD, chase_db1.chase_db1),
    "hrf": (hrf.CARD, hrf.hrf),
    "drive": (drive.CARD, drive.drive),
    "stare": (stare.CARD, stare.stare),
    "les_av": (les_av.CARD, les_av.les_av),
    "idrid": (idrid.CARD, idrid.idrid),
    "srahim_dr": (srahim_dr.CARD, srahim_dr.srahim_dr),
    "drishti_gs": (drishti_gs.CARD, drishti_gs.drishti_gs),
    "drions_db": (drions_db.CARD, drions_db.drions_db),
}


def catalogue() -> pd.DataFrame:
    """The public datasets that can be read, one row each.

    Returns
    -------
    pandas.DataFrame
        Columns ``name``, ``title``, ``images``, ``structures``, ``labels``, ``pixels`` (official width x height),
        ``field_angle_deg`` (of the camera, NaN where not stated), ``licence`` (SPDX identifier or words),
        ``redistribution`` and ``commercial_use`` (whether the terms grant them; False also where they are silent),
        ``citation``, ``doi``, ``homepage``, ``obtain`` (where to get it), ``direct_download`` and ``loader``.

    Notes
    -----
    Terms change: the publisher's page decides, not this table.

    Examples
    --------
    >>> sets = catalogue().set_index("name")
    >>> int(sets.images["hrf"]), sets.loader["hrf"], bool(sets.direct_download["hrf"])
    (45, 'datasets.hrf', True)
    """
    return pd.DataFrame(
        {
            "name": card.name,
            "title": card.title,
            "images": card.images,
            "structures": ", ".join(card.structures),
            "labels": ", ".join(card.labels),
            "pixels": card.pixels,
            "field_angle_deg": card.field_angle_deg,
            "licence": card.licence,
            "redistribution": card.redistribution,
            "commercial_use": card.commercial_use,
            "citation": card.citation,
            "doi": card.doi,
            "homepage": card.homepage,
            "obtain": card.obtain,
            "direct_download": bool(card.archives),
            "loader": f"datasets.{card.name}",
        }
        for card, _ in _LOADERS.values()
    )


def open_dataset(name: str, root: str | os.PathLike[str] | None = None, **options: Any) -> EyeCollection:
    """Open a dataset by its name.

    Parameters
    ----------
    name : str
        As in :func:`catalogue`; case, blanks and hyphens do not matter.
    root : path, optional
        Its folder or one above it; else the environment variable ``RETINA_DATA``, then the download folder.
    **options
        For its loader, for example ``part="grading"`` of IDRiD.

    Returns
    -------
    EyeCollection

    Raises
    ------
    DatasetError
        There is no such dataset, or it is not there.

    Examples
    --------
    >>> open_dataset("HRFF")
    Traceback (most recent call last):
        ...
    retina_tools.datasets.card.DatasetError: There is no dataset 'HRFF'; did you mean 'hrf'? datasets.catalogue() ...
    """
    wanted = "".join(letter if letter.isalnum() else "_" for letter in str(name).strip().lower())
    if wanted == "drishti_gs1":
        wanted = "drishti_gs"
    if wanted not in _LOADERS:
        near = difflib.get_close_matches(wanted, _LOADERS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_LOADERS)}."
        raise DatasetError(f"There is no dataset {name!r}; {hint} datasets.catalogue() describes them all.")
    return _LOADERS[wanted][1](root, **options)


def detect(root: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """Which datasets a folder holds.

    Parameters
    ----------
    root : path, optional
        A dataset's folder, or a folder of several, at most two levels above them; else the environment variable
        ``RETINA_DATA`` and the download folder.

    Returns
    -------
    dict of str to Path
        Folder by name, in the order of the catalogue; empty where nothing was recognised.

    Raises
    ------
    DatasetError
        The folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> detect(tempfile.mkdtemp())
    {}
    """
    if root is not None and not Path(root).expanduser().is_dir():
        raise DatasetError(f"There is no folder {str(root)!r} to look for datasets in; check the path.")
    found: dict[str, Path] = {}
    for name, (card, _) in _LOADERS.items():
        try:
            found[name] = card.find(root)
        except DatasetError:
            continue
    return found
