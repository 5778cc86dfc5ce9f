"""Asking networks: probabilities on an eye's own pixels, averaged over members and views, with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.frame import Frame, fit_fov_circle
from retina_tools.segmentation.networks.inputs import network_input
from retina_tools.segmentation.networks.store import load_network
from retina_tools.segmentation.vessel_features import inner_field

if TYPE_CHECKING:
    import torch
    from torch import nn

    from retina_tools.segmentation.networks.card import ModelCard

__all__ = ["Prediction", "predict"]

# A network keeps about this many bytes per pixel of its frame while it works (measured on the shipped ones).
_BYTES_PER_PIXEL: Final = 600
_TILE_OVERLAP: Final = 0.25
# Smaller than this share of the frame it was trained in, a network has not seen retinas.
_LEAST_SHARE: Final = 2 / 3
_FLIPS: Final = ((), (3,), (2,), (2, 3))
_MULTIPLE: Final = 64
_LEAST_RANGE: Final = 0.02


@dataclass(frozen=True, eq=False)
class Prediction:
    """What networks say of one eye, on its own pixels.

    Attributes
    ----------
    probability : dict of str to ndarray of float32, shape (y, x)
        By structure; zero outside the field of view and in its outermost hundredth.
    spread : dict of str to ndarray of float32, shape (y, x)
        Standard deviation over members and views; empty with a single view of a single member.
    frame : Frame
    """

    probability: dict[str, NDArray[np.float32]]
    spread: dict[str, NDArray[np.float32]]
    frame: Frame


def predict(
    eye: xr.Dataset,
    models: str | Sequence[str],
    *,
    vessel: NDArray[np.floating] | None = None,
    views: int = 1,
    memory_mb: float = 800,
    device: str | None = None,
) -> Prediction:
    """Ask one network, or an ensemble of networks for the same structures.

    Parameters
    ----------
    eye : xarray.Dataset
        With an image.
    models : str or sequence of str
        Names of shipped models or safetensors files; all with the same structures and the same input.
    vessel : ndarray of float, shape (y, x), optional
        Probability of vessel on the eye's pixels, for networks that tell the kinds of vessel apart.
    views : {1, 2, 4}
        As it is; and mirrored; and turned upside down as well. Their mean is steadier, their spread says how sure the
        network is.
    memory_mb : float
        About how much a network may use while it works. A frame that needs more is cut into overlapping tiles.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Prediction

    Raises
    ------
    EyeError
        The eye has no image, the number of views is another, or the models differ in what they draw.
    """
    import torch

    if views not in (1, 2, 4):
        raise schema.EyeError(f"The number of views is {views!r}, wanted 1, 2 or 4.")
    loaded = [load_network(name) for name in ((models,) if isinstance(models, str) else tuple(models))]
    card = _common(loaded)
    frame = Frame.of(eye, diameter_px=_frame_px(eye, card))
    if not _shows_something(frame):
        nothing = np.zeros(frame.native_shape, np.float32)
        return Prediction(dict.fromkeys(card.structures, nothing), {}, frame)
    shown = None if vessel is None else frame.from_native(vessel.astype(np.float32))
    planes = torch.from_numpy(network_input(frame, card.input, shown))[None]
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    results = []
    with torch.inference_mode():
        for _, network in loaded:
            network.to(place).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for flip in _FLIPS[:views]:
                seen = torch.flip(planes, flip).to(place, memory_format=torch.channels_last)
                logits = _in_tiles(network, seen, memory_mb)
                results.append(torch.flip(torch.sigmoid(logits.float()), flip)[0].cpu().numpy())
    inner = inner_field(frame)
    native = eye["fov"].values
    mean = np.mean(results, axis=0) * inner

    def named(planes: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
        return {name: _to_native(frame, plane, native) for name, plane in zip(card.structures, planes, strict=True)}

    spread = named(np.std(results, axis=0) * inner) if len(results) > 1 else {}
    return Prediction(named(mean), spread, frame)


def _shows_something(frame: Frame) -> bool:
    """False for a picture of one brightness: a network would see structures in its own biases."""
    inside = frame.image[frame.fov]
    return bool(len(inside)) and float(np.ptp(inside, axis=0).max()) >= _LEAST_RANGE


def _common(loaded: Sequence[tuple[ModelCard, nn.Module]]) -> ModelCard:
    if not loaded:
        raise schema.EyeError("There are no models to ask; give the name of one.")
    first = loaded[0][0]
    for card, _ in loaded[1:]:
        if (card.structures, card.input) != (first.structures, first.input):
            raise schema.EyeError(
                f"{card.name} draws {', '.join(card.structures)} and {first.name} draws {', '.join(first.structures)}; "
                "an ensemble is of networks for the same structures and input."
            )
    return first


def _frame_px(eye: xr.Dataset, card: ModelCard) -> int:
    """The card's frame, or less for a small photograph, which has nothing more to show."""
    native = fit_fov_circle(eye["fov"].values).diameter_px if "image" in eye else card.frame_px
    wanted = np.clip(native, _LEAST_SHARE * card.frame_px, card.frame_px)
    return int(min(_MULTIPLE * np.ceil(wanted / _MULTIPLE), card.frame_px))


def _in_tiles(network: nn.Module, planes: torch.Tensor, memory_mb: float) -> torch.Tensor:
    """Logits of a whole frame, tile by tile where memory asks for it."""
    side = planes.shape[-1]
    affordable = int(np.sqrt(memory_mb * 1e6 / _BYTES_PER_PIXEL)) // _MULTIPLE * _MULTIPLE
    if side <= max(affordable, 2 * _MULTIPLE):
        logits: torch.Tensor = network(planes)
        return logits
    from monai.inferers.utils import sliding_window_inference

    tile = max(affordable, 2 * _MULTIPLE)
    tiled = sliding_window_inference(planes, tile, 1, network, overlap=_TILE_OVERLAP, mode="gaussian")
    assert not isinstance(tiled, tuple | dict)
    return tiled


def _to_native(frame: Frame, plane: NDArray[np.floating], fov: NDArray[np.bool_]) -> NDArray[np.float32]:
    native: NDArray[np.float32] = np.clip(frame.to_native(plane.astype(np.float32)), 0, 1) * fov
    return native
