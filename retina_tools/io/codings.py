"""How the field writes its masks into files: every coding as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from retina_tools.taxonomy import TAXONOMY

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["labels", "colours", "channels", "folder"]
Colour = tuple[int, int, int]
# What a pixel of one value belongs to; nothing for the background.
Members = tuple[str, ...]


@dataclass(frozen=True)
class Coding:
    """One way of writing masks.

    Attributes
    ----------
    name : str
        What it is called in ``coding=``.
    form : {'labels', 'colours', 'channels', 'folder'}
        A grey or palette picture whose values are labels; a picture whose colours are labels; one whose three channels
        are three masks; a folder with one file per structure.
    values : mapping of int or (red, green, blue) to tuple of str
        Which structures a pixel with the value belongs to.
    meaning : str
        The values in words.
    used_by : str
        Who writes files like that.
    """

    name: str
    form: Form
    values: Mapping[int | Colour, Members] = field(repr=False)
    meaning: str
    used_by: str

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures a file of this coding speaks of, present or not, in the order of the taxonomy."""
        named = {name for members in self.values.values() for name in members}
        return tuple(name for name in TAXONOMY if name in named)


_ARTERY: Final = ("artery", "vessel")
_VEIN: Final = ("vein", "vessel")
_BOTH: Final = ("artery", "vein", "vessel")
_RIM: Final = ("optic_disc",)
_CUP: Final = ("optic_disc", "optic_cup")

_BLACK: Final = (0, 0, 0)
_RED: Final = (255, 0, 0)
_GREEN: Final = (0, 255, 0)
_BLUE: Final = (0, 0, 255)
_WHITE: Final = (255, 255, 255)

_CODINGS: Final = (
    Coding(
        "av_both",
        "labels",
        {0: (), 1: ("artery",), 2: ("vein",), 3: ("artery", "vein")},
        "0 background, 1 artery, 2 vein, 3 artery and vein",
        "VascX, RetSAM, fundus-vessels-toolkit",
    ),
    Coding(
        "av_uncertain",
        "labels",
        {0: (), 1: _ARTERY, 2: _VEIN, 3: ("vessel",)},
        "0 background, 1 artery, 2 vein, 3 crossing or uncertain: a vessel, neither artery nor vein",
        "HRF-AV (Hemelings 2019)",
    ),
    Coding(
        "av_unknown",
        "labels",
        {0: (), 1: _ARTERY, 2: _VEIN, 3: _BOTH, 4: ("vessel",)},
        "0 background, 1 artery, 2 vein, 3 artery and vein, 4 unknown vessel",
        "fundus-vessels-toolkit",
    ),
    Coding(
        "av_lwnet",
        "labels",
        {0: (), 1: ("vessel",), 2: _ARTERY, 3: _VEIN},
        "0 background, 1 uncertain vessel, 2 artery, 3 vein",
        "lwnet (W-Net) output classes",
    ),
    Coding(
        "av_automorphalyzer",
        "labels",
        {0: (), 127: ("vein",), 191: ("artery",), 255: ("artery", "vein")},
        "0 background, 127 vein, 191 artery, 255 crossing: artery and vein",
        "AutoMorphalyzer",
    ),
    Coding(
        "av_ravir",
        "labels",
        {0: (), 128: ("artery",), 255: ("vein",)},
        "0 background, 128 artery, 255 vein",
        "RAVIR (infrared reflectance)",
    ),
    Coding(
        "av_rgb",
        "colours",
        {_BLACK: (), _RED: _ARTERY, _BLUE: _VEIN, _GREEN: _BOTH, _WHITE: ("vessel",)},
        "black background, red artery, blue vein, green artery and vein, white uncertain vessel",
        "RITE, LES-AV, AVRDB, VascX colour masks",
    ),
    Coding(
        "av_bgr",
        "colours",
        {_BLACK: (), _BLUE: _ARTERY, _RED: _VEIN, _GREEN: _BOTH, _WHITE: ("vessel",)},
        "black background, blue artery, red vein, green artery and vein, white uncertain vessel",
        "AutoMorph and other tools that write the channels in reverse order",
    ),
    Coding(
        "av_channels",
        "channels",
        {_RED: ("artery",), _GREEN: ("vein",), _BLUE: ("vessel",)},
        "three masks in one picture: red channel artery, green channel vein, blue channel vessel",
        "RRWNet",
    ),
    Coding(
        "disc_cup",
        "labels",
        {0: (), 1: _RIM, 2: _CUP},
        "0 background, 1 rim, 2 cup; the disc is both",
        "Drishti-GS crops, lwnet and AutoMorph disc-cup models, RetSAM",
    ),
    Coding(
        "disc_cup_refuge",
        "labels",
        {0: _CUP, 128: _RIM, 255: ()},
        "0 cup, 128 rim, 255 background; the disc is cup and rim",
        "REFUGE, GAMMA",
    ),
    Coding(
        "disc_cup_automorphalyzer",
        "labels",
        {0: (), 127: _RIM, 255: _CUP},
        "0 background, 127 disc, 255 cup; the disc is both",
        "AutoMorphalyzer",
    ),
    Coding(
        "labels",
        "labels",
        {0: (), **{number: (name,) for number, name in enumerate(TAXONOMY, start=1)}},
        "0 background, 1 artery, 2 vein, ... the place in schema.TAXONOMY, counted from 1",
        "retina_tools; only for structures that do not overlap",
    ),
    Coding(
        "folder",
        "folder",
        {1: tuple(TAXONOMY)},
        "a folder with one black and white file per structure, named like artery.png or IDRiD_01_MA.tif",
        "retina_tools, IDRiD, DDR, PVBM",
    ),
    Coding(
        "retsam",
        "folder",
        {1: tuple(TAXONOMY)},
        "a folder masks/ with artery_vein_mask.png, od_oc_mask.png, tessellation_mask.png, myopia_mask.png, lesion_*",
        "RetSAM",
    ),
)
CODINGS: Final[Mapping[str, Coding]] = {coding.name: coding for coding in _CODINGS}

# Words at the end of a file or folder name, besides the taxonomy's own, that name a structure.
NAMES_IN_FILES: Final[Mapping[str, str]] = {
    **{name: name for name in TAXONOMY},
    # IDRiD and DDR; a mask called OD is the optic disc's
    "ma": "microaneurysm",
    "he": "haemorrhage",
    "ex": "hard_exudate",
    "se": "cotton_wool_spot",  # soft exudate
    "od": "optic_disc",
    "arteries": "artery",
    "veins": "vein",
    "vessels": "vessel",
    "disc": "optic_disc",
    "disk": "optic_disc",
    "optic_disk": "optic_disc",
    "cup": "optic_cup",
    "1stho": "vessel",  # CHASE_DB1, first and second observer
    "2ndho": "vessel",
}


def codings() -> pd.DataFrame:
    """Every coding of masks that can be read, as a table.

    Returns
    -------
    pandas.DataFrame
        One row per coding: ``coding`` (what to give as ``coding=``), ``form``, ``structures``, ``meaning``,
        ``used_by``. Besides these, the name of a structure (``coding="vessel"``) reads a black and white file as that
        structure.

    Examples
    --------
    >>> table = codings().set_index("coding")
    >>> table.loc["av_uncertain", "meaning"]
    '0 background, 1 artery, 2 vein, 3 crossing or uncertain: a vessel, neither artery nor vein'
    """
    import pandas as pd

    rows = [
        {
            "coding": coding.name,
            "form": coding.form,
            "structures": ", ".join(coding.structures) if len(coding.structures) < len(TAXONOMY) else "any",
            "meaning": coding.meaning,
            "used_by": coding.used_by,
        }
        for coding in _CODINGS
    ]
    rows.append(
        {
            "coding": "<structure>",
            "form": "labels",
            "structures": "the one named",
            "meaning": "black and white: 0/255, 0/1, 1 bit, coloured palette (index > 0), JPEG (above 127)",
            "used_by": "CHASE_DB1, HRF, DRIVE, STARE, DRIONS-DB, IDRiD and most others, as coding='vessel' and so on",
        }
    )
    return pd.DataFrame(rows)
