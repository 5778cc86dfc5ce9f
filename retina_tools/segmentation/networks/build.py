"""From a recipe's or card's description of a network to the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from retina_tools import schema
from retina_tools.segmentation.networks.inputs import INPUTS, InputKind
from retina_tools.segmentation.networks.unet import Cascade, RecursiveRefiner, UNet

__all__ = ["build_network"]

_KINDS: dict[str, type[nn.Module]] = {"unet": UNet, "cascade": Cascade, "recursive": RecursiveRefiner}


def build_network(description: Mapping[str, Any], kind: InputKind, outputs: int) -> nn.Module:
    """Build a network.

    Parameters
    ----------
    description : mapping
        ``kind`` (``unet``, ``cascade``, ``recursive``) and that class's own arguments.
    kind : {"contrast", "colour"}
        Of the input; it decides the number of planes.
    outputs : int
        Number of structures.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    EyeError
        The kind is unknown, or an argument is missing or unknown.

    Examples
    --------
    >>> network = build_network({"kind": "unet", "widths": [8, 16]}, "contrast", 1)
    >>> type(network).__name__
    'UNet'
    """
    arguments = dict(description)
    name = arguments.pop("kind", None)
    if name not in _KINDS:
        raise schema.EyeError(f"The network's kind is {name!r}, wanted one of {', '.join(_KINDS)}.")
    try:
        return _KINDS[name](INPUTS[kind], outputs, **arguments)
    except TypeError as error:
        raise schema.EyeError(f"The network {name!r} cannot be built: {error}.") from error
