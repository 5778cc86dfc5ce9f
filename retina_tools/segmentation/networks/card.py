"""Model cards: what a weight file draws, what it was trained on, how well it did, and what it may be used for."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retina_tools import schema
from retina_tools.segmentation.networks.inputs import INPUTS, InputKind, View

__all__ = ["ModelCard", "read_card", "write_card"]


@dataclass(frozen=True)
class ModelCard:
    """What has to be known about a weight file.

    Attributes
    ----------
    name : str
    title : str
        In words, for people.
    structures : tuple of str
        What it draws, in the order of the network's outputs.
    frame_px : int
        Diameter of the field of view in the frame it was trained in.
    input : {"contrast", "colour"}
        What it is shown; see :func:`~retina_tools.segmentation.networks.inputs.network_input`.
    view : {"field", "disc"}
        The whole field of view, or the optic disc with its surroundings.
    network : dict
        Kind and arguments of the network.
    thresholds : dict of str to float
        Probability from which a pixel belongs to the structure.
    data : tuple of dict
        One per dataset: ``name``, ``eyes``, ``licence``, ``citation``.
    licence : str
        Of the weights.
    commercial_use : bool
        False where a dataset it was trained on is for research only.
    splits : str
        How eyes were held out for the results.
    results : tuple of dict
        One per dataset and structure: ``dataset``, ``structure``, ``measure``, ``value``, ``eyes``, ``trained_on``.
    limits : str
        What it is not good at.
    experimental : bool
        True where it has never been held to a real photograph.
    sha256 : str
        Of the weight file.
    """

    name: str
    title: str
    structures: tuple[str, ...]
    frame_px: int
    input: InputKind
    view: View
    network: dict[str, Any]
    thresholds: dict[str, float]
    data: tuple[dict[str, Any], ...]
    licence: str
    commercial_use: bool
    splits: str = ""
    results: tuple[dict[str, Any], ...] = ()
    limits: str = ""
    experimental: bool = False
    sha256: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The card as text."""
        trained = "; ".join(f"{one['name']} ({one['eyes']} eyes, {one['licence']})" for one in self.data)
        lines = [
            f"{self.name}: {self.title}",
            f"draws      {', '.join(self.structures)}",
            f"trained on {trained}",
            f"licence    {self.licence}{'' if self.commercial_use else ', research use only'}",
        ]
        lines += [
            f"measured   {one['structure']}, {one['dataset']}: {one['measure']} {one['value']:.3f} "
            f"({one['eyes']} eyes, trained on {one['trained_on']})"
            for one in self.results
        ]
        if self.limits:
            lines.append(f"limits     {self.limits}")
        if self.experimental:
            lines.append("experimental: trained on synthetic eyes alone, never held to a real photograph")
        return "\n".join(lines)


def read_card(path: str | os.PathLike[str]) -> ModelCard:
    """Read a card from its JSON file.

    Raises
    ------
    EyeError
        The file is missing, no JSON, or not a card.
    """
    file = Path(path)
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise schema.EyeError(f"There is no model card {file}; weights need one beside them.") from error
    except ValueError as error:
        raise schema.EyeError(f"{file} is no JSON file: {error}.") from error
    for name in ("structures", "data", "results"):
        if isinstance(table.get(name), list):
            table[name] = tuple(table[name])
    try:
        card = ModelCard(**table)
    except TypeError as error:
        raise schema.EyeError(f"{file} is no model card: {error}.") from error
    if card.input not in INPUTS:
        raise schema.EyeError(f"{file}: input is {card.input!r}, wanted one of {', '.join(INPUTS)}.")
    return card


def write_card(card: ModelCard, path: str | os.PathLike[str]) -> None:
    """Write a card as JSON, readable by people."""
    Path(path).write_text(json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
