"""One mask file to boolean arrays, by its coding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retina_tools.io.codings import CODINGS, NAMES_IN_FILES, Coding, Members
from retina_tools.io.errors import CodingError
from retina_tools.io.mask_sense import refuse_photograph
from retina_tools.io.picture import opened
from retina_tools.taxonomy import TAXONOMY

if TYPE_CHECKING:
    from PIL import Image

Masks = dict[str, NDArray[np.bool_]]

# Notes written into our own PNG files, so that they need no coding when read back.
CODING_NOTE: Final = "retina_tools coding"
STRUCTURES_NOTE: Final = "retina_tools structures"
MASK_EXTENSIONS: Final = (".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg", ".pgm", ".ppm", ".pbm")

_SAME_COLOUR: Final = 130  # a blend of a colour with black or its neighbour is at most this far from one of them
_FAR_APART: Final = 60  # labels this far apart are display levels, which some writers round differently


class MaskPicture(NamedTuple):
    """A decoded mask file.

    Attributes
    ----------
    numbers : list of ndarray of int, shape (y, x)
        Values of a grey picture; indices, and where it is a scale of greys also levels, of a palette; none for colours.
    colours : ndarray of uint8, shape (y, x, 3), or None
        Of a coloured picture or palette.
    lossy : bool
        Whether values may be blurred (JPEG).
    notes : mapping of str to str
        Text kept in the file.
    """

    name: str
    numbers: list[NDArray[Any]]
    colours: NDArray[np.uint8] | None
    lossy: bool
    notes: Mapping[str, str]


def read_mask_picture(path: Path) -> MaskPicture:
    """Decode a mask file without losing its values.

    Raises
    ------
    ReadError
        The file is missing, no image, or damaged.
    CodingError
        It is a photograph.
    """
    with opened(path) as image:
        lossy = image.format in ("JPEG", "MPO")
        notes = {key: str(value) for key, value in image.info.items() if key in (CODING_NOTE, STRUCTURES_NOTE)}
        if image.mode == "P":
            numbers, colours = _of_palette(image)
        elif image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;"):
            numbers, colours = [np.asarray(image)], None
        else:
            colours = np.asarray(image.convert("RGBA").convert("RGB") if image.mode == "PA" else image.convert("RGB"))
            if lossy:
                spread = int(np.ptp(colours.astype(np.int16), axis=2).max())
                is_grey = spread < 24
            else:
                is_grey = bool((colours == colours[..., :1]).all())
            numbers, colours = ([colours[..., 0]], None) if is_grey else ([], colours)
    if numbers and numbers[0].dtype == bool:
        numbers = [numbers[0].astype(np.uint8)]
    refuse_photograph(path.name, numbers[-1] if colours is None else colours)
    return MaskPicture(path.name, numbers, colours, lossy, notes)


def _of_palette(image: Image.Image) -> tuple[list[NDArray[Any]], NDArray[np.uint8] | None]:
    indices = np.asarray(image)
    colours = np.asarray(image.convert("RGB"))
    is_grey = bool((colours == colours[..., :1]).all())
    if is_grey and (colours[..., 0] == indices).all():
        return [indices], None
    return [indices, *([colours[..., 0]] if is_grey else [])], None if is_grey else colours


def structure_in_name(stem: str) -> str | None:
    """The structure a file name ends with, or None; OD stands for the optic disc in the names of IDRiD only."""
    lower = stem.lower()
    if lower.rsplit("_", 1)[-1] == "od" or lower == "od":
        return "optic_disc" if re.fullmatch(r"idrid[_-]?\d+_od", lower) else None
    ends = [word for word in NAMES_IN_FILES if lower == word or lower.endswith((f"_{word}", f"-{word}", f" {word}"))]
    return NAMES_IN_FILES[max(ends, key=len)] if ends else None


def is_binary(picture: MaskPicture) -> bool:
    """Whether a picture is black and white: two values, or, in JPEG, nearly all near the ends."""
    if not picture.numbers:
        return False
    values = picture.numbers[-1]
    if picture.lossy:
        return bool(((values < 64) | (values > 191)).mean() > 0.97)
    return len(np.unique(values)) <= 2


def binary_mask(picture: MaskPicture) -> NDArray[np.bool_]:
    """A black and white file as a mask.

    Raises
    ------
    CodingError
        More than two values, so that it cannot be black and white.
    """
    if not picture.numbers:
        colours = picture.colours
        assert colours is not None
        lit: NDArray[np.bool_] = np.asarray((colours > 127).any(axis=2))
        if len(np.unique(colours.reshape(-1, 3)[lit.ravel()], axis=0)) > 1 and not picture.lossy:
            raise CodingError(
                f"{picture.name!r} has several colours, wanted black and one; is it artery and vein (coding='av_rgb')?"
            )
        return lit
    # Indices of a coloured palette are the labels; a palette of greys means its levels.
    values = picture.numbers[-1]
    if picture.lossy:
        return np.asarray(values > 127)
    found = np.unique(values)
    if len(found) > 2:
        if found[-1] > 191 and ((values < 64) | (values > 191)).mean() > 0.97:
            blurred: NDArray[np.bool_] = values > 127  # black and white once, blurred by resizing or JPEG since
            return blurred
        raise CodingError(
            f"{picture.name!r} has the values {_shown(found)}, wanted black and white; it holds several structures. "
            f"{_candidates_said(picture)}"
        )
    if len(found) == 2 and found[0] != 0:
        raise CodingError(
            f"{picture.name!r} has the values {_shown(found)}, wanted 0 for the background; save it as 0 and 255."
        )
    mask: NDArray[np.bool_] = values > 0
    return mask


def label_masks(picture: MaskPicture, coding: Coding) -> Masks:
    """Masks of a label map.

    Raises
    ------
    CodingError
        Coloured, lossy, or values the coding does not know.
    """
    if not picture.numbers:
        raise CodingError(
            f"{picture.name!r} is coloured, coding {coding.name!r} is for grey label maps ({coding.meaning}); "
            "for coloured ones there are 'av_rgb' and 'av_bgr'."
        )
    if picture.lossy:
        raise CodingError(
            f"{picture.name!r} is a JPEG, which blurs labels into one another; get it as PNG, TIFF, BMP or GIF."
        )
    for values in picture.numbers:
        known = _as_known(values, coding)
        if known is not None:
            return _members(known, coding, picture)
    found = np.unique(picture.numbers[-1])
    raise CodingError(
        f"{picture.name!r} has the values {_shown(found)}, coding {coding.name!r} knows {coding.meaning}. "
        f"{_candidates_said(picture)}"
    )


def _as_known(values: NDArray[Any], coding: Coding) -> NDArray[Any] | None:
    """The values as the coding spells them, or None where it does not know one of them."""
    codes = np.array(sorted(code for code in coding.values if isinstance(code, int)))
    tolerance = 1 if np.diff(codes).min() >= _FAR_APART else 0
    found = np.unique(values)
    nearest = codes[np.abs(found[:, None].astype(float) - codes[None, :]).argmin(1)]
    if (np.abs(found - nearest) > tolerance).any():
        return None
    known: NDArray[Any] = nearest[np.searchsorted(found, values)]
    return known


def _members(known: NDArray[Any], coding: Coding, picture: MaskPicture) -> Masks:
    structures = coding.structures
    if coding.name == "labels":
        # Such a map names all structures there are; those looked for are noted in the file, or are those in it.
        noted = picture.notes.get(STRUCTURES_NOTE)
        present = {coding.values[int(code)][0] for code in np.unique(known) if code}
        structures = tuple(noted.split()) if noted else tuple(name for name in TAXONOMY if name in present)
    return {
        name: np.isin(known, [code for code, members in coding.values.items() if name in members])
        for name in structures
    }


def colour_masks(picture: MaskPicture, coding: Coding) -> Masks:
    """Masks of a picture whose colours are labels.

    Raises
    ------
    CodingError
        Not coloured, or a colour the coding does not know.
    """
    colours = _colours_of(picture, coding)
    palette = np.array(list(coding.values), np.int16)
    members: list[Members] = list(coding.values.values())
    pixels = colours.astype(np.int16)
    nearest = np.zeros(pixels.shape[:2], np.uint8)
    distance = np.full(pixels.shape[:2], 999, np.int16)
    for number, colour in enumerate(palette):
        away = np.abs(pixels - colour).max(axis=2)
        nearer = away < distance
        nearest[nearer], distance[nearer] = number, away[nearer]
    strange = distance > _SAME_COLOUR
    if strange.mean() > (0.001 if picture.lossy else 0):
        y, x = np.argwhere(strange)[0]
        strange_colour = tuple(int(value) for value in colours[y, x])
        raise CodingError(
            f"{picture.name!r} has {int(strange.sum())} pixels of colours such as {strange_colour}, which coding "
            f"{coding.name!r} does not know ({coding.meaning}); see io.codings() for the others."
        )
    return {
        name: np.isin(nearest, [number for number, names in enumerate(members) if name in names])
        for name in coding.structures
    }


def channel_masks(picture: MaskPicture, coding: Coding) -> Masks:
    """Masks of a picture whose channels are masks."""
    colours = _colours_of(picture, coding)
    masks: Masks = {}
    for colour, names in coding.values.items():
        assert isinstance(colour, tuple)
        masks[names[0]] = np.asarray(colours[..., colour.index(255)] > 127)
    return masks


def _colours_of(picture: MaskPicture, coding: Coding) -> NDArray[np.uint8]:
    """The colours of a file; of a grey one only where it is black, or known to have been written in this coding."""
    if picture.colours is not None:
        return picture.colours
    grey = picture.numbers[-1]
    if grey.any() and picture.notes.get(CODING_NOTE) != coding.name:
        raise CodingError(
            f"{picture.name!r} has no colours, coding {coding.name!r} knows {coding.meaning}. "
            f"{_candidates_said(picture)}"
        )
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def candidates(picture: MaskPicture) -> list[Coding]:
    """The codings the values of a file fit."""
    if picture.colours is not None:
        fits = {"colours": _colours_fit, "channels": _channels_fit}
        return [known for known in CODINGS.values() if known.form in fits and fits[known.form](picture.colours, known)]
    fitting = [
        coding
        for coding in CODINGS.values()
        if coding.form == "labels" and any(_as_known(values, coding) is not None for values in picture.numbers)
    ]
    named = [coding for coding in fitting if coding.name != "labels"]
    return named or fitting


def _colours_fit(colours: NDArray[np.uint8], coding: Coding) -> bool:
    found = np.unique(colours.reshape(-1, 3), axis=0).astype(int)
    palette = np.array(list(coding.values), int)
    return bool((np.abs(found[:, None] - palette[None]).max(2).min(1) <= _SAME_COLOUR).all())


def _channels_fit(colours: NDArray[np.uint8], _: Coding) -> bool:
    """Whether artery (red) and vein (green) lie within the vessels (blue)."""
    red, green, blue = (colours[..., channel] > 127 for channel in range(3))
    return bool(((red | green) & ~blue).sum() <= 0.01 * blue.sum())


def _candidates_said(picture: MaskPicture) -> str:
    if is_binary(picture):
        return "A black and white mask takes the name of its structure, such as coding='vessel'."
    fitting = candidates(picture)
    return f"It fits {candidates_text(fitting)}." if fitting else "See io.codings() for the codings that can be read."


def candidates_text(fitting: list[Coding]) -> str:
    """Codings with their meanings, for a message."""
    return " or ".join(f"coding={coding.name!r} ({coding.meaning})" for coding in fitting)


def _shown(values: NDArray[Any]) -> str:
    listed = ", ".join(f"{value:g}" for value in values[:8])
    return listed + (f", ... ({len(values)} of them)" if len(values) > 8 else "")
