"""Drawings of the public datasets to masks, by the coding each of them uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.datasets.card import DatasetError
from retina_tools.io.picture import opened
from retina_tools.schema import term

Masks = dict[str, NDArray[np.bool_]]

_ARTERY, _VEIN, _THIRD, _UNCERTAIN = 1, 2, 3, 4
# Blends at the edges of blurred strokes go to the colour that is in them, greys to the background.
_COLOURFUL: Final = 64
_BRIGHT: Final = 128
_WHITE: Final = 248


def read_layer(path: Path, coding: str, shape: tuple[int, int] | None = None) -> Masks:
    """Masks from one file of a dataset.

    Parameters
    ----------
    path : Path
        A picture, or a text file for contours.
    coding : str
        A name of the taxonomy (that structure against background), or

        - ``artery_vein_both``: red or 1 artery, blue or 2 vein, green or 3 both, white uncertain and so vessel only;
        - ``artery_vein_undecided``: the same, but green or 3 is vessel only;
        - ``rim_cup``: 1 rim, 2 cup, together the disc;
        - ``soft_optic_disc``, ``soft_optic_cup``: share of experts from 0 to 255, half of them suffice;
        - ``contour_optic_disc``: a text file of ``x, y`` lines in pixels, filled; ``shape`` is needed.
    shape : (int, int), optional
        Height and width of the photograph.

    Returns
    -------
    dict of str to ndarray of bool, shape (y, x)

    Raises
    ------
    EyeError
        There is no such coding.
    DatasetError
        The file is coded otherwise, or is of another size than the photograph.
    ReadError
        It is missing or damaged.
    """
    if coding.startswith("contour_"):
        masks = {coding.removeprefix("contour_"): _filled(path, shape)}
    elif coding.startswith("artery_vein"):
        masks = _artery_vein(path, third_is_both=coding == "artery_vein_both")
    elif coding == "rim_cup":
        values = _codes(path, 2)
        masks = {"optic_disc": values > 0, "optic_cup": values == 2}
    elif coding.startswith("soft_"):
        masks = {coding.removeprefix("soft_"): _brightness(path) > 127}
    else:
        masks = {coding: read_binary(path)}
    for name, mask in masks.items():
        term(name)
        if shape is not None and mask.shape != shape:
            raise DatasetError(
                f"The drawing {path.name!r} has {mask.shape[1]} x {mask.shape[0]} pixels, its photograph {shape[1]} x "
                f"{shape[0]}; take both from the same download, or resize the drawing (nearest neighbour)."
            )
    return masks


def _values(path: Path, *, colours: bool = False) -> NDArray[Any]:
    """Numbers of a picture, shape (y, x) or (y, x, 3); of a palette its indices, unless colours are wanted."""
    with opened(path) as image:
        if image.mode == "P" and not colours:
            return np.asarray(image)
        if image.mode in ("1", "L", "I", "I;16"):
            return np.asarray(image)
        return np.asarray(image.convert("RGB"))


def read_binary(path: Path) -> NDArray[np.bool_]:
    """One structure, or the field of view, against a background of 0; of lossy files the brighter half.

    Parameters
    ----------
    path : Path
        Two values in any of the usual forms: 1 bit, 0 and 1, 0 and 255, RGB, or palette indices.

    Returns
    -------
    ndarray of bool, shape (y, x)

    Raises
    ------
    DatasetError
        The values are neither two nor spread up to 255.
    ReadError
        The file is missing or damaged.
    """
    values = _values(path)
    values = values.max(axis=2) if values.ndim == 3 else values
    found = np.unique(values)
    if len(found) > 2 and found[-1] <= 127:
        raise DatasetError(
            f"The drawing {path.name!r} has the values {', '.join(map(str, found[:5]))}, wanted 0 and one other; it is "
            "a map of several structures, not the file of this dataset."
        )
    mask: NDArray[np.bool_] = values > (0 if len(found) <= 2 and found[0] == 0 else 127)
    return mask


def _brightness(path: Path) -> NDArray[Any]:
    values = _values(path, colours=True)
    return values.max(axis=2) if values.ndim == 3 else values


def _codes(path: Path, highest: int) -> NDArray[Any]:
    values = _values(path)
    if values.ndim != 2 or values.max(initial=0) > highest:
        got = "colours" if values.ndim != 2 else f"values up to {values.max()}"
        raise DatasetError(
            f"The drawing {path.name!r} has {got}, wanted codes from 0 to {highest}; it is no file of this dataset."
        )
    return values


def _artery_vein(path: Path, *, third_is_both: bool) -> Masks:
    values = _values(path, colours=True)
    codes = _colour_codes(values) if values.ndim == 3 else _codes(path, _THIRD)
    both = codes == _THIRD if third_is_both else np.zeros(codes.shape, bool)
    return {"vessel": codes > 0, "artery": (codes == _ARTERY) | both, "vein": (codes == _VEIN) | both}


def _colour_codes(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Red 1, blue 2, green 3, white 4, everything dark or grey 0."""
    top, bottom = rgb.max(axis=2), rgb.min(axis=2)
    hue = np.array([_ARTERY, _THIRD, _VEIN], np.uint8)[rgb.argmax(axis=2)]
    coloured = (top >= _BRIGHT) & (top - bottom >= _COLOURFUL)
    white = np.where(bottom >= _WHITE, _UNCERTAIN, 0)
    codes: NDArray[np.uint8] = np.where(coloured, hue, white).astype(np.uint8)
    return codes


def _filled(path: Path, shape: tuple[int, int] | None) -> NDArray[np.bool_]:
    from skimage.draw import polygon2mask

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        points = np.array([[float(part) for part in line.split(",")] for line in lines if line.strip()])
    except (OSError, ValueError):  # ValueError also for lines of different length
        points = np.empty((0, 0))
    if len(points) < 3 or points.ndim != 2 or points.shape[1] != 2:
        raise DatasetError(f"The contour {path.name!r} is not three or more lines of 'x, y'; fetch it again.")
    if shape is None:
        raise DatasetError(f"The contour {path.name!r} needs the size of its photograph.")
    mask: NDArray[np.bool_] = polygon2mask(shape, points[:, ::-1])  # type: ignore[no-untyped-call]
    return mask
