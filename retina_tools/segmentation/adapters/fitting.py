"""Putting a checkpoint's tensors into a network, or saying which of them do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from retina_tools import schema
from retina_tools.segmentation.adapters.files import Weights

if TYPE_CHECKING:
    from torch import nn

__all__ = ["fit", "require_keys"]

_SHOWN = 3


def require_keys(weights: Weights, what: str, *keys: str, axes: int) -> None:
    """Refuse a checkpoint without the keys that tell a model's size; one of them is enough, with that many axes."""
    shape = weights.shape(*keys)
    if shape and len(shape) != axes:
        raise schema.EyeError(f"{weights.path} does not fit {what}: {keys[0]} is {shape}, wanted {axes} axes.")
    if not shape:
        first = ", ".join(list(weights.tensors)[:_SHOWN])
        raise schema.EyeError(
            f"{weights.path} is no checkpoint of {what}: it has no key {keys[0]!r}; its first keys are {first}."
        )


def fit(network: nn.Module, weights: Weights, what: str, *, ignored: Sequence[str] = ()) -> nn.Module:
    """Give a network the weights of a checkpoint, all of them and no others.

    Parameters
    ----------
    network : torch.nn.Module
        May be on the meta device, which spares its memory. A tensor that it knows under several names needs only one
        of them in the checkpoint (safetensors store it once); where there are several they have to be equal.
    weights : Weights
    what : str
        The model's name, for the message.
    ignored : sequence of str
        Beginnings of keys that the checkpoint may have and the network does not use.

    Returns
    -------
    torch.nn.Module
        The same network, ready to be asked.

    Raises
    ------
    EyeError
        Keys are missing, too many, of another shape or at odds with each other; the first few are named.
    """
    import torch

    own = network.state_dict(keep_vars=True)
    names: dict[int, list[str]] = {}
    for key, tensor in own.items():
        names.setdefault(id(tensor), []).append(key)
    given = {key: value for key, value in weights.tensors.items() if not key.startswith(tuple(ignored))}
    missing = [group[0] for group in names.values() if not any(key in given for key in group)]
    unexpected = [key for key in given if key not in own]
    shapes = [
        f"{key} is {tuple(given[key].shape)}, wanted {tuple(own[key].shape)}"
        for key in given
        if key in own and given[key].shape != own[key].shape
    ]
    unequal = []
    for group in names.values():
        first, *others = [key for key in group if key in given] or [""]
        unequal += [f"{key} and {first}" for key in others if not torch.equal(given[key], given[first])]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes), ("unequal", unequal))
    if any(found for _, found in faults):
        told = "; ".join(f"{len(found)} {kind}: {_few(found)}" for kind, found in faults if found)
        raise schema.EyeError(
            f"{weights.path} does not fit {what}: {told}. It is another model's, another version's or a cut file."
        )
    state = {key: value.to(own[key].dtype) for key, value in given.items()}
    network.load_state_dict(state, strict=False, assign=True)
    return network.requires_grad_(False).eval()


def _few(found: Iterable[str]) -> str:
    listed = list(found)
    return ", ".join(listed[:_SHOWN]) + (" ..." if len(listed) > _SHOWN else "")
