"""What a file name says: which eye, and whose."""

from __future__ import annotations

import re
from typing import Final

from retina_tools.io.errors import ReadError

_WORDS: Final = {
    "od": "OD",
    "os": "OS",
    "right": "OD",
    "left": "OS",
    "righteye": "OD",
    "lefteye": "OS",
}
_GIVEN: Final = {"od": "OD", "os": "OS", "r": "OD", "l": "OS", "right": "OD", "left": "OS", "": ""}
# In these names OD stands for the optic disc.
_DISC_MASK: Final = re.compile(r"^idrid[_-]?\d+[_-]od$", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9]+")


def as_laterality(value: str) -> str:
    """``'OD'``, ``'OS'`` or ``''`` from the usual spellings of a side.

    Parameters
    ----------
    value : str
        OD, OS, R, L, right or left in any case; empty for unknown.

    Raises
    ------
    ReadError
        Anything else.

    Examples
    --------
    >>> as_laterality("Left"), as_laterality("r"), as_laterality("")
    ('OS', 'OD', '')
    """
    try:
        return _GIVEN[value.strip().lower()]
    except (KeyError, AttributeError):
        raise ReadError(
            f"Laterality is {value!r}, wanted 'OD' or 'right' (right eye), 'OS' or 'left' (left eye), "
            "or '' for unknown."
        ) from None


def laterality_from_name(stem: str) -> str:
    """Which eye a file name speaks of, or ``''`` where it does not, or not clearly.

    Read are the words OD, OS, left and right anywhere between separators; L and R alone or after a number at the end of
    the name, or before further numbers; OD and OS after a number. A name with both sides, or with a letter elsewhere,
    says nothing.

    Parameters
    ----------
    stem : str
        File name without its extension.

    Returns
    -------
    {'OD', 'OS', ''}

    Examples
    --------
    >>> [laterality_from_name(stem) for stem in ("Image_01L", "Patient001_R", "12_left", "RET002OD", "LA_Eye_Hospital")]
    ['OS', 'OD', 'OS', 'OD', '']
    """
    found = {side for side, _ in _sides(stem)}
    return found.pop() if len(found) == 1 else ""


def patient_from_name(stem: str) -> str:
    """The file name without its side, where it has one: the two eyes of a patient then agree; else the name itself.

    Examples
    --------
    >>> [patient_from_name(stem) for stem in ("Patient001_L", "Image_01R", "RET002OD", "IDRiD_01")]
    ['Patient001', 'Image_01', 'RET002', 'IDRiD_01']
    """
    sides = _sides(stem)
    if len({side for side, _ in sides}) != 1:
        return stem
    for _, (start, end) in reversed(sides):
        before, after = stem[:start].rstrip("_-. "), stem[end:]
        stem = before + after if before else after.lstrip("_-. ")
    return stem


def _sides(stem: str) -> list[tuple[str, tuple[int, int]]]:
    """Every mention of a side, with where it stands in the name."""
    if _DISC_MASK.match(stem):
        return []
    tokens = list(_TOKEN.finditer(stem))
    found = []
    for position, token in enumerate(tokens):
        text, rest = token.group(), tokens[position + 1 :]
        glued = re.fullmatch(r"[A-Za-z]*\d+(OD|OS|L|R)", text)
        if text.lower() in _WORDS:
            found.append((_WORDS[text.lower()], token.span()))
        elif text.lower() in ("l", "r") and position and all(later.group().isdigit() for later in rest):
            found.append((_GIVEN[text.lower()], token.span()))
        elif glued and (len(glued.group(1)) == 2 or not rest):
            found.append((_GIVEN[glued.group(1).lower()], (token.start() + glued.start(1), token.end())))
    return found
