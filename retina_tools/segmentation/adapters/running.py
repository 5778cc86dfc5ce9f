"""Running torch networks on the planes of a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retina_tools import schema

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["on_meta", "runner"]

Planes = NDArray[np.float32]


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network without memory for its weights; they come from the checkpoint."""
    import torch

    with torch.device("meta"):
        return build()


def runner(
    networks: Sequence[nn.Module],
    *,
    multiple: int = 1,
    device: str | None = None,
    call: Callable[[torch.Tensor], Any] | None = None,
    outputs: Callable[[Any], torch.Tensor] | None = None,
) -> Callable[[Planes], Planes]:
    """A function from planes to outputs that asks networks.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        Several are asked in turn and the mean of their outputs is taken, so they have to give probabilities.
    multiple : int
        The side they need a multiple of; planes are padded with zeros in equal parts around, and outputs cut.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.
    call : callable, optional
        Instead of calling the network itself; for a single one.
    outputs : callable, optional
        From what a network gives to one tensor of shape (1, channels, y, x); where absent it gives that itself.

    Returns
    -------
    callable

    Raises
    ------
    EyeError
        The device is none that torch knows or has here.
    """
    import torch

    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        for network in networks:
            network.to(place)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise schema.EyeError(f"The device is {device!r}, which torch cannot use here ({first}); try 'cpu'.") from error

    def ask(planes: Planes) -> Planes:
        side = planes.shape[-1]
        extra = -side % multiple
        before = extra // 2
        padded = np.pad(planes, ((0, 0), (before, extra - before), (before, extra - before)))
        total: Planes | None = None
        with torch.inference_mode():
            for network in networks:
                given = (call or network)(torch.from_numpy(padded)[None].to(place))
                tensor = given if outputs is None else outputs(given)
                values: Planes = tensor[0].float().cpu().numpy()
                total = values if total is None else total + values
        assert total is not None
        mean = total / np.float32(len(networks))
        return mean[..., before : before + side, before : before + side]

    return ask
