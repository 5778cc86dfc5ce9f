"""A recipe: everything that decides what a network becomes, read from a TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from retina_tools import schema
from retina_tools.segmentation.networks.inputs import INPUTS, InputKind, View
from retina_tools.segmentation.training.augmentation import Augmentation
from retina_tools.segmentation.training.samples import Labels

__all__ = ["Recipe", "Source", "read_recipe", "shipped_recipes"]


@dataclass(frozen=True)
class Source:
    """Eyes to learn from.

    Attributes
    ----------
    dataset : str
        A name of :func:`retina_tools.datasets.catalogue`, or ``phantom``.
    share : float
        How often its eyes are drawn, relative to the other sources.
    scale : (float, float), optional
        Range of enlargement of these eyes, instead of the augmentation's: a wide field is enlarged and a narrow one
        reduced, so that the network sees vessels of all widths and none finer than pixels.
    options : dict
        Handed to the dataset's opener, or ``count``, ``size`` and ``caption`` for phantoms.
    """

    dataset: str
    share: float = 1.0
    scale: tuple[float, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The dataset's name, with its part where it has several."""
        part = self.options.get("part")
        return f"{self.dataset}/{part}" if part else self.dataset


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, and how.

    Attributes
    ----------
    name : str
        Of the model, and of its weight file.
    title : str
        In words, for people.
    structures : tuple of str
        What the network draws, in the order of its outputs.
    frame_px : int
        Diameter of the field of view in the network's frame.
    input : {"contrast", "colour"}
    view : {"field", "disc"}
        The whole field, or the optic disc with its surroundings.
    network : dict
        ``kind`` and the network's own arguments.
    sources : tuple of Source
    loss : dict of str to float
        Names of :data:`~retina_tools.segmentation.training.losses.LOSSES` and their factors.
    labels : {"hard", "soft"}
        Soft labels are those of :func:`~retina_tools.segmentation.training.soft_labels.soft_label`.
    steps, batch, crop_px : int
    learning_rate : float
        The largest; it rises over the first tenth and falls to nothing.
    seed : int
    augmentation : Augmentation
    """

    name: str
    title: str
    structures: tuple[str, ...]
    frame_px: int
    input: InputKind
    network: dict[str, Any]
    sources: tuple[Source, ...]
    loss: dict[str, float]
    view: View = "field"
    labels: Labels = "hard"
    steps: int = 2000
    batch: int = 6
    crop_px: int = 320
    learning_rate: float = 3e-3
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


def shipped_recipes() -> dict[str, Path]:
    """Recipes of the weight files that ship with the package, by name."""
    folder = Path(str(resources.files("retina_tools.segmentation") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe from a TOML file, or a shipped one by its name.

    Parameters
    ----------
    path : str or path
        A file, or a name of :func:`shipped_recipes`.

    Returns
    -------
    Recipe

    Raises
    ------
    EyeError
        There is no such file, it is no TOML, or a key is missing, unknown or out of range.
    """
    shipped = shipped_recipes()
    file = Path(path)
    if not file.is_file():
        if str(path) not in shipped:
            raise schema.EyeError(f"There is no recipe {str(path)!r}; give a TOML file or one of {', '.join(shipped)}.")
        file = shipped[str(path)]
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise schema.EyeError(f"{file} is no TOML file: {error}.") from error
    return _recipe(table, str(file))


def _recipe(table: Mapping[str, Any], file: str) -> Recipe:
    known = {one.name for one in fields(Recipe)} | {"data", "training"}
    flat = {**table, **table.get("training", {})}
    flat.pop("training", None)
    if unknown := sorted(set(flat) - known):
        raise schema.EyeError(
            f"{file}: {unknown[0]!r} is no key of a recipe; wanted some of {', '.join(sorted(known))}."
        )
    needed = ("name", "title", "structures", "frame_px", "input", "network", "data", "loss")
    if missing := [key for key in needed if key not in flat]:
        raise schema.EyeError(f"{file}: {missing[0]!r} is missing; a recipe has {', '.join(needed)}.")
    if flat["input"] not in INPUTS:
        raise schema.EyeError(f"{file}: input is {flat['input']!r}, wanted one of {', '.join(INPUTS)}.")
    if flat.get("labels", "hard") not in get_args(Labels):
        raise schema.EyeError(f"{file}: labels is {flat['labels']!r}, wanted one of {', '.join(get_args(Labels))}.")
    try:
        given = flat.pop("augmentation", {})
        augmentation = Augmentation(**{**given, **({"scale": tuple(given["scale"])} if "scale" in given else {})})
    except TypeError as error:
        raise schema.EyeError(f"{file}: augmentation: {error}.") from error
    sources = tuple(_source(one) for one in flat.pop("data"))
    structures = tuple(flat.pop("structures"))
    return Recipe(**flat, structures=structures, sources=sources, augmentation=augmentation)


def _source(table: Mapping[str, Any]) -> Source:
    own = ("dataset", "share", "scale")
    scale = tuple(table["scale"]) if "scale" in table else None
    options = {key: value for key, value in table.items() if key not in own}
    return Source(table["dataset"], table.get("share", 1.0), scale, options)
