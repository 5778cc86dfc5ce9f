"""Weights on disk: the ones that ship with the package, and a user's own. Safetensors only, never pickles."""

from __future__ import annotations

import functools
import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from retina_tools import schema
from retina_tools.segmentation.networks.card import ModelCard, read_card, write_card

if TYPE_CHECKING:
    from torch import nn

__all__ = ["load_network", "save_network", "shipped_models", "weight_file"]


def weight_folder() -> Path:
    """Where the shipped weights lie."""
    return Path(str(resources.files("retina_tools.segmentation") / "weights"))


def shipped_models() -> pd.DataFrame:
    """Weights that ship with the package, one row each.

    Returns
    -------
    pandas.DataFrame
        ``title``, ``structures``, ``licence``, ``commercial_use``, ``experimental``, ``trained_on``, ``megabytes``;
        indexed by name.

    Examples
    --------
    >>> shipped_models()["licence"].notna().all().item()
    True
    """
    rows = []
    for path in sorted(weight_folder().glob("*.json")):
        card = read_card(path)
        rows.append(
            {
                "name": card.name,
                "title": card.title,
                "structures": ", ".join(card.structures),
                "licence": card.licence,
                "commercial_use": card.commercial_use,
                "experimental": card.experimental,
                "trained_on": ", ".join(str(one["name"]) for one in card.data),
                "megabytes": round(path.with_suffix(".safetensors").stat().st_size / 1e6, 2),
            }
        )
    columns = ["title", "structures", "licence", "commercial_use", "experimental", "trained_on", "megabytes"]
    return pd.DataFrame(rows, columns=["name", *columns]).set_index("name")


def weight_file(model: str | os.PathLike[str]) -> Path:
    """The safetensors file of a shipped model's name or of a path.

    Raises
    ------
    EyeError
        There is none.
    """
    shipped = weight_folder() / f"{model}.safetensors"
    if shipped.is_file():
        return shipped
    path = Path(model)
    if path.suffix != ".safetensors":
        names = ", ".join(sorted(one.stem for one in weight_folder().glob("*.safetensors")))
        raise schema.EyeError(f"There is no model {str(model)!r}; wanted a .safetensors file or one of {names}.")
    if not path.is_file():
        raise schema.EyeError(f"There is no weight file {path}.")
    return path


@functools.lru_cache(maxsize=16)
def load_network(model: str | os.PathLike[str]) -> tuple[ModelCard, nn.Module]:
    """Load a network with its weights, ready to be asked; the same one is handed out again.

    Parameters
    ----------
    model : str or path
        A name of :func:`shipped_models`, or a safetensors file with its card (``.json``) beside it.

    Returns
    -------
    card : ModelCard
    network : torch.nn.Module

    Raises
    ------
    EyeError
        There is no such model, the file is not what its card says (sha256), or its keys or shapes do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from retina_tools.segmentation.networks.build import build_network

    path = weight_file(model)
    card = read_card(path.with_suffix(".json"))
    content = path.read_bytes()
    if card.sha256 and hashlib.sha256(content).hexdigest() != card.sha256:
        raise schema.EyeError(f"{path} is not the file its card describes (sha256 differs); fetch or train it again.")
    try:
        weights = load(content)
    except SafetensorError as error:
        raise schema.EyeError(f"{path} is no safetensors file: {error}.") from error
    network = build_network(card.network, card.input, len(card.structures))
    own = network.state_dict()
    wrong = sorted({*own} ^ {*weights}) or [key for key in own if own[key].shape != weights[key].shape]
    if wrong:
        raise schema.EyeError(
            f"{path} does not fit the network of its card: {len(wrong)} keys are missing, too many or of another "
            f"shape, the first {wrong[0]!r}."
        )
    network.load_state_dict({key: value.to(own[key].dtype) for key, value in weights.items()})
    return card, network.eval()


def save_network(card: ModelCard, network: nn.Module, folder: str | os.PathLike[str]) -> Path:
    """Write weights in half precision, and the card with their sha256 beside them.

    Returns
    -------
    Path
        Of the safetensors file.
    """
    import dataclasses

    import torch
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.safetensors"
    state = {
        key: value.detach().cpu().to(torch.float16 if value.dtype == torch.float32 else value.dtype).contiguous()
        for key, value in network.state_dict().items()
    }
    content = save(state)
    path.write_bytes(content)
    write_card(dataclasses.replace(card, sha256=hashlib.sha256(content).hexdigest()), path.with_suffix(".json"))
    return path
