"""Public datasets of fundus photographs: official layout in, eyes and a clinical table out.

:func:`catalogue` lists them with licences, :func:`detect` says which of them a folder holds, :func:`open_dataset` opens
one by name. Every loader takes the dataset's folder or one above it, and finds it through the environment variable
``RETINA_DATA`` where none is given. Nothing is downloaded unless a ``fetch_*`` function is called.
"""

from retina_tools.datasets.card import DatasetError
from retina_tools.datasets.registry import catalogue, detect, open_dataset
from retina_tools.datasets.sets.chase_db1 import chase_db1, fetch_chase_db1
from retina_tools.datasets.sets.drions_db import drions_db, fetch_drions_db
from retina_tools.datasets.sets.drishti_gs import drishti_gs, fetch_drishti_gs
from retina_tools.datasets.sets.drive import drive, fetch_drive
from retina_tools.datasets.sets.hrf import fetch_hrf, hrf
from retina_tools.datasets.sets.idrid import fetch_idrid, idrid
from retina_tools.datasets.sets.les_av import fetch_les_av, les_av
from retina_tools.datasets.sets.srahim_dr import fetch_srahim_dr, srahim_dr
from retina_tools.datasets.sets.stare import fetch_stare, stare

__all__ = [
    "DatasetError",
    "catalogue",
    "chase_db1",
    "detect",
    "drions_db",
    "drishti_gs",
    "drive",
    "fetch_chase_db1",
    "fetch_drions_db",
    "fetch_drishti_gs",
    "fetch_drive",
    "fetch_hrf",
    "fetch_idrid",
    "fetch_les_av",
    "fetch_srahim_dr",
    "fetch_stare",
    "hrf",
    "idrid",
    "les_av",
    "open_dataset",
    "srahim_dr",
    "stare",
]
