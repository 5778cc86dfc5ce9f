"""What has to be told about a file that does not tell it itself: what it is shown and what its channels mean."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import UNSTATED, AdapterCard, Licence
from retina_tools.segmentation.adapters.segmenter import ACTIVATIONS, Activation, Colours, Head

__all__ = ["Settings", "read_settings"]

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "activation": ACTIVATIONS,
    "order": ("rgb", "bgr", "green"),
    "layout": ("nchw", "nhwc"),
    "view": ("whole", "disc"),
}


@dataclass(frozen=True)
class Settings:
    """How to use an ONNX or TorchScript file; a small JSON file with the same names says it as well.

    Attributes
    ----------
    labels : mapping of int to str or sequence of str
        Structures of each output channel; those of no interest, the background for one, are left out. A channel may
        belong to several: ``{1: "optic_disc", 2: ["optic_disc", "optic_cup"]}`` for a rim and a cup.
    activation : {"sigmoid", "softmax", "none"}
        What makes probabilities of the outputs; ``none`` where they are that already.
    size_px : int
        Side of the square it is shown, on which the field of view has this diameter. 0 where the file tells.
    mean, std : sequence of float
        Subtracted from and divided into red, green and blue, in the units of ``white``.
    white : float
        Value of full brightness: 1 or 255.
    order : {"rgb", "bgr", "green"}
    layout : {"nchw", "nhwc"}
        Where the channels are, in input and output.
    thresholds : mapping of str to float
        Probability from which a pixel belongs to a structure. Where absent the channel has to be the largest
        (softmax), or 0.5.
    channels : int
        Output channels, where there are more than the highest label says.
    output : int or str
        Which of several outputs, by number or by name.
    view : {"whole", "disc"}
        What it is shown: the field of view, or a square around the disc.
    name, licence, limits, source, citation : str
    data : sequence of str
        What it was trained on.

    Examples
    --------
    >>> settings = Settings({1: "artery", 2: "vein"}, "softmax", 512)
    >>> settings.head().structures
    {'artery': [1], 'vein': [2]}
    """

    labels: Mapping[int, str | Sequence[str]]
    activation: Activation
    size_px: int = 0
    mean: Sequence[float] = (0.0, 0.0, 0.0)
    std: Sequence[float] = (1.0, 1.0, 1.0)
    white: float = 1.0
    order: Literal["rgb", "bgr", "green"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    thresholds: Mapping[str, float] = field(default_factory=dict)
    channels: int = 0
    output: int | str = 0
    view: Literal["whole", "disc"] = "whole"
    name: str = ""
    licence: str = ""
    limits: str = ""
    source: str = ""
    citation: str = ""
    data: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check what can be checked without the file."""
        for setting, choices in _CHOICES.items():
            if getattr(self, setting) not in choices:
                raise schema.EyeError(f"{setting} is {getattr(self, setting)!r}, wanted one of {', '.join(choices)}.")
        for setting in ("mean", "std"):
            if len(getattr(self, setting)) != 3:
                raise schema.EyeError(
                    f"{setting} has {len(getattr(self, setting))} values, wanted 3: red, green, blue."
                )
        if min(self.std) <= 0 or self.white <= 0:
            raise schema.EyeError(f"std {tuple(self.std)} and white {self.white:g} have to be above zero.")
        structures = self.head().structures
        if not structures:
            raise schema.EyeError("The label map is empty; wanted at least one, {1: 'vessel'} for one.")
        for structure in structures:
            schema.term(structure)
        for structure, threshold in self.thresholds.items():
            if structure not in structures or not 0 < threshold <= 1:
                raise schema.EyeError(
                    f"The threshold {threshold!r} of {structure!r} is none: wanted above 0 and up to 1, of one of "
                    f"{', '.join(structures)}."
                )

    def head(self, channels: int = 0) -> Head:
        """How the outputs are read, where the file tells the number of channels with that number."""
        structures: dict[str, list[int]] = {}
        for channel, named in self.labels.items():
            for structure in (named,) if isinstance(named, str) else named:
                structures.setdefault(structure, []).append(int(channel))
        highest = max((int(channel) for channel in self.labels), default=0)
        count = self.channels or channels or highest + 1
        if min((int(channel) for channel in self.labels), default=0) < 0 or highest >= count:
            raise schema.EyeError(f"The labels are of channels {sorted(self.labels)}, and the model has {count}.")
        usual = None if self.activation == "softmax" else 0.5
        thresholds = {structure: self.thresholds.get(structure, usual) for structure in structures}
        return Head(count, self.activation, structures, thresholds)

    def colours(self) -> Colours:
        """What it is shown."""
        mean, spread = (tuple(float(value) for value in values) for values in (self.mean, self.std))
        assert len(mean) == len(spread) == 3
        return Colours(mean, spread, float(self.white), self.order)

    def card(self, path: Path, files: Mapping[str, str], size_px: int) -> AdapterCard:
        """The card of a file used like this; ``files`` are the names and sha256 of all that was read."""
        head = self.head()
        return AdapterCard(
            self.name or path.stem,
            f"Network file {path.name}",
            tuple(head.structures),
            size_px,
            str(self.colours()),
            head.thresholds,
            Licence(self.licence) if self.licence else UNSTATED,
            view="the field of view" if self.view == "whole" else "the disc and its surroundings",
            data=tuple(self.data),
            citation=self.citation,
            source=self.source,
            files=files,
            limits=self.limits,
        )


def read_settings(given: Settings | Mapping[str, Any] | str | os.PathLike[str] | None, model: Path) -> Settings:
    """Settings as they are, from a mapping, from a JSON file, or from the JSON file beside the model.

    Raises
    ------
    EyeError
        There is no such file, or it is not what :class:`Settings` asks for.
    """
    if isinstance(given, Settings):
        return given
    if isinstance(given, Mapping):
        return _settings(given, "The settings")
    file = model.with_suffix(".json") if given is None else Path(given)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise schema.EyeError(
            f"There are no settings {str(file)!r}, and {model.name} does not tell itself what its channels mean; "
            'wanted a JSON file such as {"labels": {"1": "artery", "2": "vein"}, "activation": "softmax", '
            '"size_px": 512}, or adapters.Settings(...).'
        ) from error
    except ValueError as error:
        raise schema.EyeError(f"The settings {str(file)!r} are no JSON: {error}.") from error
    return _settings(content, f"The settings {str(file)!r}")


def _settings(content: Any, where: str) -> Settings:
    if not isinstance(content, Mapping):
        raise schema.EyeError(f"{where} are a {type(content).__name__}, wanted names and values.")
    table = dict(content)
    known = [one.name for one in fields(Settings)]
    if unknown := [name for name in table if name not in known]:
        raise schema.EyeError(f"{where} have {unknown[0]!r}, wanted some of {', '.join(known)}.")
    for name in ("labels", "activation"):
        if name not in table:
            raise schema.EyeError(f"{where} have no {name!r}; a network file cannot be used without.")
    try:
        table["labels"] = {int(channel): structure for channel, structure in table["labels"].items()}
        return Settings(**table)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, schema.EyeError):
            raise
        raise schema.EyeError(f"{where} cannot be used: {error}.") from error
