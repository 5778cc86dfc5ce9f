"""Masks from files and back, by named codings."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.io.codings import CODINGS, Coding
from retina_tools.io.errors import CodingError, ReadError
from retina_tools.io.mask_files import (
    CODING_NOTE,
    MASK_EXTENSIONS,
    STRUCTURES_NOTE,
    Masks,
    binary_mask,
    candidates,
    candidates_text,
    channel_masks,
    colour_masks,
    is_binary,
    label_masks,
    read_mask_picture,
    structure_in_name,
)
from retina_tools.io.mask_sense import refuse_flood
from retina_tools.schema import get_mask, has_mask, with_parts
from retina_tools.taxonomy import TAXONOMY


def read_masks(path: str | os.PathLike[str], coding: str | None = None, shape: tuple[int, int] | None = None) -> Masks:
    """Read the masks in a file or a folder.

    Parameters
    ----------
    path : path
        A mask file, or a folder with one file per structure.
    coding : str, optional
        A name of :func:`codings`, or of a structure (``"vessel"``) for a black and white file. Without it only what
        cannot be mistaken is read: files this package wrote, black and white files whose name ends with a structure
        (``eye7_artery.png``, ``IDRiD_01_MA.tif``), folders of them, and values that fit one coding alone.
    shape : (int, int), optional
        Height and width the masks must have.

    Returns
    -------
    dict of str to ndarray of bool, shape (y, x)
        One mask per structure the coding speaks of, empty where the file does not show it.

    Raises
    ------
    ReadError
        The file is missing or damaged, fits several codings and none is given, does not fit the one given, is a
        photograph, or has another shape.

    Examples
    --------
    >>> import tempfile; from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "av.png"
    >>> Image.fromarray(np.arange(4, dtype=np.uint8).repeat(16).reshape(8, 8)).save(path)
    >>> {name: int(mask.sum()) for name, mask in read_masks(path, coding="av_both").items()}
    {'artery': 32, 'vein': 32}
    >>> {name: int(mask.sum()) for name, mask in read_masks(path, coding="av_uncertain").items()}
    {'artery': 16, 'vein': 16, 'vessel': 48}
    """
    file = Path(path)
    check_coding(coding)
    masks = _read_folder(file, coding) if file.is_dir() else _read_file(file, coding)
    for mask in masks.values():
        if shape is not None and mask.shape != tuple(shape):
            raise ReadError(
                f"{file.name!r} is {mask.shape[0]} x {mask.shape[1]} pixels, the picture {shape[0]} x {shape[1]}; "
                "resample the mask with nearest neighbour first."
            )
    return masks


def check_coding(coding: str | None) -> None:
    """Refuse a coding that is neither known nor the name of a structure; None is none.

    Raises
    ------
    CodingError
    """
    if coding is not None and coding not in CODINGS and coding not in TAXONOMY:
        near = difflib.get_close_matches(str(coding).lower(), [*CODINGS, *TAXONOMY], n=1, cutoff=0.7)
        meant = f"did you mean {near[0]!r}? Wanted" if near else "wanted"
        raise CodingError(
            f"There is no coding {coding!r}; {meant} one of {', '.join(CODINGS)}, or the name of a structure for a "
            "black and white file. io.codings() explains them."
        )


def add_masks(eye: xr.Dataset, path: str | os.PathLike[str], coding: str | None = None) -> xr.Dataset:
    """A new eye with the masks of a file or folder added; same names are replaced.

    Parameters
    ----------
    eye : xarray.Dataset
    path, coding
        As in :func:`read_masks`.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    ReadError
        As in :func:`read_masks`; also masks of another size than the eye, or that cover more of its field than they can
        (vessels over half of it).
    """
    masks = read_masks(path, coding, (eye.sizes["y"], eye.sizes["x"]))
    refuse_flood(Path(path).name, masks, coding, eye["fov"].values)
    how = f" as {coding}" if coding else ""
    return with_parts(eye, masks=masks, step=f"masks {', '.join(masks)} read from {Path(path).name}{how}")


def write_masks(eye: xr.Dataset, path: str | os.PathLike[str], coding: str = "folder") -> tuple[Path, ...]:
    """Write the masks of an eye, so that reading them back gives the very same.

    Parameters
    ----------
    eye : xarray.Dataset
    path : path
        A folder for ``coding="folder"``, made if needed; else a ``.png`` file.
    coding : str
        ``"folder"`` writes every mask, overlapping or not, to a black and white file of its own. The others, as in
        :func:`codings`, write the structures they speak of into one file; the name of a structure writes that one.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    ReadError
        The coding cannot hold these masks without loss, or the path does not suit it.

    Examples
    --------
    >>> import tempfile; from retina_tools.schema import new_eye
    >>> disc = np.zeros((8, 8), bool); disc[2:6, 2:6] = True
    >>> cup = np.zeros((8, 8), bool); cup[3:5, 3:5] = True
    >>> eye = new_eye(masks={"optic_disc": disc, "optic_cup": cup})
    >>> folder = Path(tempfile.mkdtemp())
    >>> [path.name for path in write_masks(eye, folder / "masks")]
    ['optic_disc.png', 'optic_cup.png']
    >>> write_masks(eye, folder / "dc.png", coding="disc_cup")[0].name
    'dc.png'
    >>> all((mask == {"optic_disc": disc, "optic_cup": cup}[name]).all()
    ...     for name, mask in read_masks(folder / "dc.png").items())
    True
    """
    target = Path(path)
    present = [str(name) for name in eye["structure"].values]
    if not present:
        raise ReadError("The eye has no masks to write; segment it or add masks first.")
    if coding == "folder":
        return _write_folder(eye, present, target)
    if target.suffix.lower() != ".png":
        raise ReadError(f"Masks are written as PNG, which loses nothing; got {target.name!r}, name it .png.")
    if coding in TAXONOMY:
        mask = get_mask(eye, coding)
        if mask is None:
            raise ReadError(f"The eye has no mask {coding!r}; it has {', '.join(present)}.")
        _save(mask, target, coding, [coding])
    elif coding in CODINGS and CODINGS[coding].form != "folder":
        structures = _structures_to_write(eye, CODINGS[coding], present)
        _save(_encoded(eye, CODINGS[coding], structures), target, coding, structures)
    else:
        writable = [name for name, known in CODINGS.items() if known.form != "folder" or name == "folder"]
        raise ReadError(f"Masks cannot be written as {coding!r}; wanted a structure or one of {', '.join(writable)}.")
    return (target,)


def _read_file(file: Path, coding: str | None) -> Masks:
    picture = read_mask_picture(file)
    noted = picture.notes.get(CODING_NOTE, "")
    if coding is None:
        coding = noted if noted in CODINGS or noted in TAXONOMY else None
    named = structure_in_name(file.stem)
    if coding is None and named is not None and is_binary(picture):
        coding = named
    if coding is None:
        coding = _only_candidate(file.name, is_binary(picture), candidates(picture))
    if coding in TAXONOMY:
        return {coding: binary_mask(picture)}
    reader = {"labels": label_masks, "colours": colour_masks, "channels": channel_masks}.get(CODINGS[coding].form)
    if reader is None:
        raise ReadError(
            f"Coding {coding!r} is for {CODINGS[coding].meaning}; {file.name!r} is one file, give its folder."
        )
    return reader(picture, CODINGS[coding])


def _only_candidate(name: str, black_and_white: bool, fitting: list[Coding]) -> str:
    if black_and_white:
        raise CodingError(
            f"{name!r} is black and white and its name does not say of what; say so with coding='vessel', "
            "coding='optic_disc' or the name of another structure."
        )
    if len(fitting) == 1:
        return fitting[0].name
    if not fitting:
        raise CodingError(f"The values of {name!r} fit no coding; see io.codings() for those that can be read.")
    raise CodingError(f"{name!r} fits more than one coding, say which: {candidates_text(fitting)}.")


def _read_folder(folder: Path, coding: str | None) -> Masks:
    from retina_tools.io.retsam import is_retsam, read_retsam_masks

    if coding is None:
        coding = "retsam" if is_retsam(folder) else "folder"
    if coding == "retsam":
        return read_retsam_masks(folder)[0]
    if coding != "folder":
        raise ReadError(
            f"{folder.name!r} is a folder, coding {coding!r} is for one file; give that, or coding='folder'."
        )
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in MASK_EXTENSIONS]
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise ReadError(f"The folder {folder.name!r} holds no mask files; wanted files such as artery.png in it.")
    masks: Masks = {}
    for file in files:
        name = structure_in_name(file.stem)
        if name is None:
            raise ReadError(
                f"The name of {file.name!r} in {folder.name!r} does not end with a structure such as artery or "
                "optic_disc; rename it, or read it alone with coding='<structure>'."
            )
        if name in masks:
            raise ReadError(
                f"The folder {folder.name!r} has two files for {name!r}, the second is {file.name!r}; "
                "one folder holds the masks of one picture."
            )
        masks[name] = binary_mask(read_mask_picture(file))
    return {name: masks[name] for name in TAXONOMY if name in masks}


def _write_folder(eye: xr.Dataset, present: list[str], folder: Path) -> tuple[Path, ...]:
    if folder.is_file():
        raise ReadError(f"{folder.name!r} is a file, wanted a folder for one mask file per structure.")
    if folder.is_dir():
        others = [file.name for file in folder.iterdir() if file.suffix.lower() in MASK_EXTENSIONS]
        if strangers := sorted(set(others) - {f"{name}.png" for name in present}):
            raise ReadError(
                f"The folder {folder.name!r} already holds {strangers[0]!r}, which would be read back as a mask of "
                "this eye; give an empty or new folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in present:
        _save(eye["mask"].sel(structure=name).values, folder / f"{name}.png", name, [name])
        files.append(folder / f"{name}.png")
    return tuple(files)


def _structures_to_write(eye: xr.Dataset, coding: Coding, present: list[str]) -> list[str]:
    """The structures of the coding, all of which the eye must have; a label map takes those the eye has."""
    if coding.name == "labels":
        return present
    if missing := [name for name in coding.structures if not has_mask(eye, name)]:
        raise ReadError(
            f"Coding {coding.name!r} needs {' and '.join(coding.structures)}, the eye has no {missing[0]}; "
            "it would be read back as looked for and not there. Use coding='folder'."
        )
    undecided = get_mask(eye, "vessel")
    if "vessel" not in coding.structures and "artery" in coding.structures and undecided is not None:
        for name in ("artery", "vein"):
            undecided &= ~eye["mask"].sel(structure=name).values
        if undecided.any():
            raise ReadError(
                f"{int(undecided.sum())} pixels are vessel but neither artery nor vein, which coding {coding.name!r} "
                "cannot hold; use 'av_rgb', 'av_channels' or 'folder'."
            )
    return list(coding.structures)


def _encoded(eye: xr.Dataset, coding: Coding, structures: list[str]) -> NDArray[np.uint8]:
    """The picture of a coding: shape (y, x) for labels, (y, x, 3) for colours and channels."""
    masks = {name: _own(eye, name) for name in structures}
    if coding.name != "labels" and (union := get_mask(eye, "vessel")) is not None and "vessel" in masks:
        masks["vessel"] = union
    shape = (eye.sizes["y"], eye.sizes["x"])
    if coding.form == "channels":
        picture = np.zeros((*shape, 3), np.uint8)
        for colour, names in coding.values.items():
            assert isinstance(colour, tuple)
            picture[masks[names[0]], colour.index(255)] = 255
        return picture
    sets = np.zeros(shape, np.int64)  # one bit per structure
    for bit, name in enumerate(structures):
        sets |= np.where(masks[name], 1 << bit, 0)
    by_members = {frozenset(members): value for value, members in coding.values.items()}
    picture = np.zeros((*shape, 3) if coding.form == "colours" else shape, np.uint8)
    for bits in np.unique(sets):
        members = [name for bit, name in enumerate(structures) if bits >> bit & 1]
        if frozenset(members) not in by_members:
            which = " and ".join(members) + (" alone" if len(members) == 1 else "")
            raise ReadError(
                f"{int((sets == bits).sum())} pixels are {which}, which coding {coding.name!r} cannot hold; "
                "use coding='folder'."
            )
        picture[sets == bits] = by_members[frozenset(members)]
    return picture


def _own(eye: xr.Dataset, name: str) -> NDArray[np.bool_]:
    """The mask stored under a name; empty where only its parts are stored (vessel)."""
    if name not in eye["structure"].values:
        return np.zeros((eye.sizes["y"], eye.sizes["x"]), bool)
    mask: NDArray[np.bool_] = eye["mask"].sel(structure=name).values
    return mask


def _save(picture: NDArray[np.bool_] | NDArray[np.uint8], file: Path, coding: str, structures: list[str]) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text(CODING_NOTE, coding)
    notes.add_text(STRUCTURES_NOTE, " ".join(structures))
    try:
        Image.fromarray(picture).save(file, "PNG", pnginfo=notes)
    except OSError as error:
        raise ReadError(f"{file.name!r} could not be written ({error.strerror or error}); check its folder.") from None
