"""What a file name says: which eye, and whose."""

from __future__ import annotations

import re
from typing import Final

from retina_tools.io.errors import ReadError

# Spellings of a side in a table or an argument, without signs, blanks and the word for eye.
_SPELLINGS: Final = {
    "OD": (
        "od", "r", "re", "ra", "right", "rechts", "rechte", "rechtes", "droite", "droit", "derecho", "derecha",
        "dexter", "dextra", "oculusdexter", "oculusdextra",
    ),
    "OS": (
        "os", "l", "le", "la", "left", "links", "linke", "linkes", "gauche", "og", "izquierdo", "izquierda", "oi",
        "sinister", "sinistra", "oculussinister", "oculussinistra",
    ),
}  # fmt: skip
_GIVEN: Final = {"": ""} | {word: side for side, words in _SPELLINGS.items() for word in words}
_EYE: Final = re.compile(r"^(?:oeil|œil|auge|eye)|(?:auge|eye)$")
# Those that a file name is searched for: words anywhere, letters only after something and before numbers alone.
_WORDS: Final = frozenset(
    {"od", "os", "right", "left", "righteye", "lefteye", "rechts", "links", "droite", "droit", "gauche"}
)
_LETTERS: Final = re.compile(r"(l|r|le|re)|([lr])\d{1,2}", re.IGNORECASE)
# In these names OD stands for the optic disc.
_DISC_MASK: Final = re.compile(r"^idrid[_-]?\d+[_-]od$", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9]+")


def as_laterality(value: str) -> str:
    """``'OD'``, ``'OS'`` or ``''`` from the usual spellings of a side.

    Parameters
    ----------
    value : str
        OD, OS, R, L, RE, LE, RA, LA, right, left, rechts, links, droite, gauche and others, in any case, with or
        without points, blanks and the word for eye; empty for unknown. Numbers are not guessed.

    Raises
    ------
    ReadError
        Anything else.

    Examples
    --------
    >>> [as_laterality(side) for side in ("Left", "r", "O.D.", "linkes Auge", "")]
    ['OS', 'OD', 'OD', 'OS', '']
    """
    try:
        plain = re.sub(r"[\W_]+", "", value.lower())
        if not plain and value.strip():  # signs alone are no side, and not nothing either
            raise KeyError(value)
        return _GIVEN[_EYE.sub("", plain) or plain]
    except (KeyError, AttributeError):
        raise ReadError(
            f"Laterality is {value!r}, wanted 'OD' or 'right' (right eye), 'OS' or 'left' (left eye), "
            "or '' for unknown."
        ) from None


def laterality_from_name(stem: str) -> str:
    """Which eye a file name speaks of, or ``''`` where it does not, or not clearly.

    Read are the words OD, OS, left, right, links, rechts, gauche and droite anywhere between separators; L, R, LE and
    RE at the end of the name or before further numbers, alone, after a number (``07L``) or, L and R, before one
    (``P7_L2``); OD and OS after a number. A name with both sides, or with a letter elsewhere, says nothing.

    Parameters
    ----------
    stem : str
        File name without its extension.

    Returns
    -------
    {'OD', 'OS', ''}

    Examples
    --------
    >>> [laterality_from_name(stem) for stem in ("Image_01L", "Patient001_RE", "12_links", "P7_R2", "LA_Eye_Hospital")]
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
        # Letters after letters count too: a name with both sides must contradict itself.
        only_numbers_follow = all(later.group().isdigit() or _LETTERS.fullmatch(later.group()) for later in rest)
        letters = _LETTERS.fullmatch(text)
        glued = re.fullmatch(r"[A-Za-z]*\d+(OD|OS|RE|LE|L|R)", text)
        if text.lower() in _WORDS:
            found.append((as_laterality(text), token.span()))
        elif letters and position and only_numbers_follow:
            found.append((as_laterality(letters[1] or letters[2]), token.span()))
        elif glued and (glued[1] in ("OD", "OS") or not rest):
            found.append((as_laterality(glued[1]), (token.start() + glued.start(1), token.end())))
    return found
