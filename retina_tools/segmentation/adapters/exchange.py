"""Any network in an exchange format: an ONNX or a TorchScript file, with a label map."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.adapters.files import digest, find_file, need_torch
from retina_tools.segmentation.adapters.fundusegmenter import around_disc
from retina_tools.segmentation.adapters.segmenter import Segmenter, whole_field
from retina_tools.segmentation.adapters.settings import Settings, read_settings

if TYPE_CHECKING:
    import torch

__all__ = ["onnx_model", "torchscript"]

Planes = NDArray[np.float32]
GivenSettings = Settings | Mapping[str, Any] | str | os.PathLike[str] | None

_TYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


def onnx_model(path_or_hub_id: str | os.PathLike[str], settings: GivenSettings = None) -> Segmenter:
    """Load an ONNX file; this needs onnxruntime (the extra ``onnx``) and no torch.

    Parameters
    ----------
    path_or_hub_id : str or path
        The ``.onnx`` file, or ``owner/name:file.onnx`` of the Hugging Face hub.
    settings : Settings, mapping or path, optional
        What it is shown and what its channels mean; where absent the JSON file of the same name beside it.

    Returns
    -------
    Segmenter
        Its card has the sha256 of the ``.onnx`` file and of the ``.onnx.data`` file beside it, where there is one.

    Raises
    ------
    EyeError
        There is no such file, it is no ONNX, its shapes do not fit the settings, or onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise schema.EyeError(
            f"ONNX files need onnxruntime, which cannot be imported here ({error}): pip install 'retina_tools[onnx]'."
        ) from error
    path = find_file(path_or_hub_id, hub_file="model.onnx")
    used = read_settings(settings, path)
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # Its errors share no ancestor but Exception.
    except Exception as error:
        raise schema.EyeError(f"{path} cannot be read as ONNX: {str(error).splitlines()[0]}") from error
    if len(session.get_inputs()) != 1:
        names = ", ".join(one.name for one in session.get_inputs())
        raise schema.EyeError(f"{path} wants {len(session.get_inputs())} inputs ({names}); only pictures can be given.")
    shown = session.get_inputs()[0]
    if shown.type not in _TYPES:
        raise schema.EyeError(f"{path} wants an input of {shown.type}, wanted one of {', '.join(_TYPES)}.")
    side = _side(path, shown.shape, used)
    output = _chosen([one.name for one in session.get_outputs()], used.output, path)
    given = session.get_outputs()[output].shape
    channel_axis = 1 if used.layout == "nchw" else 3
    channels = given[channel_axis] if len(given) == 4 and isinstance(given[channel_axis], int) else 0
    kind = _TYPES[shown.type]

    def infer(planes: Planes) -> Planes:
        tensor = np.round(planes) if kind is np.uint8 else planes
        batch = _laid_out(np.asarray(tensor, kind)[None], used)
        try:
            values = session.run(None, {shown.name: batch})[output]
        except Exception as error:
            raise schema.EyeError(f"{path.name} could not be run: {str(error).splitlines()[0]}") from error
        return _planes(np.asarray(values, np.float32), used, path)

    return _segmenter(path, used, side, channels, infer)


def torchscript(
    path_or_hub_id: str | os.PathLike[str], settings: GivenSettings = None, *, device: str | None = None
) -> Segmenter:
    """Load a TorchScript file, from a source you trust.

    A TorchScript archive is a programme: any operation of torch may be in it, those that read and write files
    included. Unlike checkpoints and ONNX files it cannot be told apart from a harmless one by looking at its format.

    Parameters
    ----------
    path_or_hub_id : str or path
        The file of ``torch.jit.save``, or ``owner/name:file.pt`` of the Hugging Face hub.
    settings : Settings, mapping or path, optional
        As for :func:`onnx_model`; ``size_px`` has to be in it.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter

    Raises
    ------
    EyeError
        There is no such file, it is no TorchScript, its shapes do not fit the settings, or there is no torch.
    """
    need_torch("TorchScript")
    import torch

    from retina_tools.segmentation.adapters.running import runner

    path = find_file(path_or_hub_id, hub_file="model.pt")
    used = read_settings(settings, path)
    side = _side(path, (), used)
    try:
        with warnings.catch_warnings():
            # torch calls the format outdated; files in it will be around for long.
            warnings.simplefilter("ignore")
            load: Any = torch.jit.load
            network = load(str(path), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise schema.EyeError(f"{path} cannot be read as TorchScript: {first}") from error
    network.eval()

    def chosen(given: object) -> torch.Tensor:
        if isinstance(given, Mapping):
            given = list(given.values())[_chosen(list(given), used.output, path)]
        elif isinstance(given, tuple | list):
            given = given[_chosen([str(number) for number in range(len(given))], used.output, path)]
        if not isinstance(given, torch.Tensor):
            raise schema.EyeError(f"{path.name} gave a {type(given).__name__}, wanted a tensor.")
        return given if used.layout == "nchw" or given.ndim != 4 else given.permute(0, 3, 1, 2)

    def laid_out(tensor: torch.Tensor) -> Any:
        return network(tensor if used.layout == "nchw" else tensor.permute(0, 2, 3, 1))

    ask = runner([network], device=device, call=laid_out, outputs=chosen)

    def infer(planes: Planes) -> Planes:
        try:
            return ask(planes)
        except RuntimeError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise schema.EyeError(f"{path.name} could not be run: {lines[-1] if lines else error}") from error

    return _segmenter(path, used, side, 0, infer)


def _segmenter(path: Path, used: Settings, side: int, channels: int, infer: Any) -> Segmenter:
    # Exporters keep the weights of an ONNX file in another beside it, under this name.
    beside = path.with_name(path.name + ".data")
    read = [path, beside] if path.suffix == ".onnx" and beside.is_file() else [path]
    card = used.card(path, {file.name: digest(file) for file in read}, side)
    place = whole_field if used.view == "whole" else around_disc
    return Segmenter(card, (used.head(channels),), infer, used.colours(), place)


def _side(path: Path, shape: Sequence[Any], used: Settings) -> int:
    """Side of the square, from the settings or from the file, which may not differ."""
    planes = 1 if used.order == "green" else 3
    told: list[int] = []
    if len(shape) == 4:
        _, first, second, third = shape
        channels, *sides = (first, second, third) if used.layout == "nchw" else (third, first, second)
        if isinstance(channels, int) and channels != planes:
            raise schema.EyeError(
                f"{path} wants {channels} colour planes, and the settings give it {planes} (order {used.order!r}, "
                f"layout {used.layout!r})."
            )
        told = sorted({side for side in sides if isinstance(side, int) and side > 0})
    elif shape:
        raise schema.EyeError(f"{path} wants an input of shape {list(shape)}, wanted four axes: a batch of pictures.")
    if len(told) > 1 or (told and used.size_px not in (0, told[0])):
        raise schema.EyeError(
            f"{path} wants pictures of {' x '.join(map(str, told))} px, and the settings say {used.size_px}; only "
            "squares are given, for an eye is not to be stretched."
        )
    side = used.size_px or (told[0] if told else 0)
    if side < 16:
        raise schema.EyeError(f"The size of what {path.name} is shown is {side} px; set size_px, 16 or more.")
    return side


def _chosen(names: Sequence[str], output: int | str, path: Path) -> int:
    """Number of the output wanted."""
    if output in names:
        return names.index(str(output))
    if isinstance(output, int) and -len(names) <= output < len(names):
        return output
    raise schema.EyeError(f"{path} has no output {output!r}; it has {', '.join(names)}.")


def _laid_out(batch: NDArray[Any], used: Settings) -> NDArray[Any]:
    return batch if used.layout == "nchw" else np.ascontiguousarray(np.moveaxis(batch, 1, -1))


def _planes(values: Planes, used: Settings, path: Path) -> Planes:
    if values.ndim != 4 or len(values) != 1:
        raise schema.EyeError(f"{path.name} gave an array of shape {values.shape}, wanted (1, channels, y, x).")
    return values[0] if used.layout == "nchw" else np.moveaxis(values[0], -1, 0)
