"""What cannot be a mask, or not of what it is said to be: photographs, and vessels over most of the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.io.errors import CodingError

# A mask, also a blurred or soft one, has few pixels between black and full colour; a photograph has nearly all there.
_BETWEEN: Final = 24
_FEW_BETWEEN: Final = 0.2
_MOST_LABELS: Final = 64
# Vessels cover about a tenth of a field, and the disc little unless the picture is a crop of it.
_MOST: Final[Mapping[str, float]] = {
    "artery": 0.5, "vein": 0.5, "vessel": 0.5, "optic_disc": 0.85, "optic_cup": 0.85,
}  # fmt: skip


def refuse_photograph(name: str, values: NDArray[Any]) -> None:
    """Refuse a picture that is none of black and white, labels, or colours.

    Parameters
    ----------
    name : str
        Of the file, for the message.
    values : ndarray, shape (y, x) or (y, x, 3)
        Grey levels or colours from 0 to 255.

    Raises
    ------
    CodingError
        Over a fifth of the pixels lie between black and full colour, in more colours than there are labels.
    """
    between = np.asarray((values > _BETWEEN) & (values < 255 - _BETWEEN))
    if values.ndim == 3:
        between = np.asarray(between.any(axis=2))
    share = float(between.mean())
    if share <= _FEW_BETWEEN:
        return
    some = values[between][:: max(1, int(between.sum()) // 20_000)]
    if len(np.unique(some, axis=0)) > _MOST_LABELS:
        raise CodingError(
            f"{name!r} looks like a photograph, not a mask: {share:.0%} of its pixels are neither black nor of a full "
            "colour. Give the file in which the structures are drawn."
        )


def refuse_flood(
    name: str, masks: Mapping[str, NDArray[np.bool_]], coding: str | None, field: NDArray[np.bool_] | None = None
) -> None:
    """Refuse masks that cover more than the structure can, as where the background is taken for it.

    Parameters
    ----------
    name : str
        Of the file, for the message.
    masks : mapping of str to ndarray of bool, shape (y, x)
    coding : str or None
        That they were read by.
    field : ndarray of bool, shape (y, x), optional
        Field of view; the whole picture by default.

    Raises
    ------
    CodingError
        Vessels cover over half the field, or the disc nearly all of it.
    """
    for structure, most in _MOST.items():
        mask = masks.get(structure)
        if mask is None:
            continue
        inside = mask if field is None or not field.any() else mask[field]
        share = float(inside.mean())
        if share > most:
            how = f" as {coding!r}" if coding and coding != structure else ""
            raise CodingError(
                f"{name!r} read{how} has {structure} on {share:.0%} of the field of view, which no eye has (wanted "
                f"under {most:.0%}). Is its background white? Make it black, or give the coding it was written in."
            )
