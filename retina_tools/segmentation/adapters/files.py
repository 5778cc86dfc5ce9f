"""Finding a model's file, on disk or on the Hugging Face hub, and reading its weights without running code in it."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retina_tools import schema

if TYPE_CHECKING:
    import torch

__all__ = ["Weights", "digest", "find_file", "need_torch", "read_weights"]

# owner/name, with a revision after @ and a file after : if wanted.
_HUB_ID: Final = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w./-]+))?(:(?P<file>[\w./-]+))?")
_WEIGHT_SUFFIXES: Final = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
_WRAPPERS: Final = ("state_dict", "model_state_dict", "model")
_PREFIXES: Final = ("module.", "model.")


@dataclass(frozen=True, eq=False)
class Weights:
    """What a checkpoint holds.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        By key, without the prefixes that training frameworks put before them.
    path : Path
    sha256 : str
    """

    tensors: dict[str, torch.Tensor]
    path: Path
    sha256: str

    def shape(self, *keys: str) -> tuple[int, ...]:
        """Shape of the first of some keys that is there, empty where none is."""
        return next((tuple(self.tensors[key].shape) for key in keys if key in self.tensors), ())


def need_torch(what: str) -> None:
    """Say in one sentence that a model needs PyTorch where there is none."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise schema.EyeError(
            f"{what} needs PyTorch, which cannot be imported here ({error}); install it (pip install torch), or use "
            "the model's ONNX file with adapters.onnx_model, which does without."
        ) from error


def find_file(path_or_hub_id: str | os.PathLike[str], *, hub_file: str = "model.safetensors") -> Path:
    """The file that a path or a hub id means.

    Parameters
    ----------
    path_or_hub_id : str or path
        A file; a folder with one weight file in it; or ``owner/name`` of the Hugging Face hub, with ``@revision`` and
        ``:file`` after it where they are not the usual ones. What exists on disk is taken first.
    hub_file : str
        The usual file of a hub repository.

    Returns
    -------
    Path

    Raises
    ------
    EyeError
        There is no such file, the folder has none or several, or the hub cannot be asked.
    """
    path = Path(path_or_hub_id)
    if path.is_file():
        return path
    if path.is_dir():
        return _only_file(path)
    match = _HUB_ID.fullmatch(str(path_or_hub_id))
    if not match or (path.suffix in _WEIGHT_SUFFIXES and not match["file"]):
        raise schema.EyeError(
            f"There is no file {str(path)!r}, and it is no hub id either; wanted a path, or owner/name of a repository "
            "on the Hugging Face hub."
        )
    return _fetch(match["repo"], match["file"] or hub_file, match["revision"])


def _only_file(folder: Path) -> Path:
    found = sorted(file for file in folder.iterdir() if file.suffix in _WEIGHT_SUFFIXES)
    if len(found) != 1:
        names = ", ".join(file.name for file in found[:5]) or "none"
        raise schema.EyeError(f"The folder {str(folder)!r} has {len(found)} weight files ({names}); name one of them.")
    return found[0]


def _fetch(repo: str, file: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise schema.EyeError(
            f"There is no file {repo!r} here, and to fetch it from the Hugging Face hub the extra 'hub' is needed: "
            "pip install 'retina_tools[hub]'."
        ) from error
    try:
        return Path(hf_hub_download(repo, file, revision=revision))
    # The hub's client raises many kinds: no network, no such repository, no such file, a gate to be passed first.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise schema.EyeError(
            f"{file!r} of {repo!r} could not be fetched from the Hugging Face hub: {reason} Check the name and the "
            "connection, or download the file by hand and give its path."
        ) from error


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path) -> Weights:
    """Read a checkpoint's tensors; nothing in it is ever run.

    Safetensors hold tensors alone. Of the pickled formats (``.pth``, ``.pt``, ``.ckpt``, ``.bin``) only plain tensors
    and containers are read (``torch.load(weights_only=True)``).

    Parameters
    ----------
    path : Path

    Returns
    -------
    Weights
        The state dict; where the checkpoint has an optimiser and the like beside it, those are left out.

    Raises
    ------
    EyeError
        The file is no checkpoint, holds no tensors, or could be read only by running code that is in it.
    """
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    import torch

    tensors: dict[str, torch.Tensor] = {}
    if isinstance(content, Mapping):
        tensors = {_bare(str(key)): value for key, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise schema.EyeError(f"{path} holds no weights, only {type(content).__name__}; wanted a state dict.")
    return Weights(tensors, path, digest(path))


def _bare(key: str) -> str:
    while (prefix := next((one for one in _PREFIXES if key.startswith(one)), None)) is not None:
        key = key.removeprefix(prefix)
    return key


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise schema.EyeError(f"{path} is no safetensors file: {error}.") from error


def _read_pickle(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # torch warns of a TorchScript archive before it refuses it; one sentence is enough.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    # torch's restricted reader raises whatever it stumbles over, in files of other kinds above all.
    except Exception as error:
        with path.open("rb") as file:
            start = file.read(2)
        is_pickle = start[:1] == b"\x80" and start[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")
        is_cut = isinstance(error, EOFError | RuntimeError)
        if (is_pickle and not is_cut) or (start == b"PK" and isinstance(error, pickle.UnpicklingError)):
            raise schema.EyeError(_refusal(path, str(error))) from error
        if "TorchScript" in str(error):
            raise schema.EyeError(f"{path} is a TorchScript archive; load it with adapters.torchscript.") from error
        if start != b"PK" and not is_pickle:
            raise schema.EyeError(f"{path} is no checkpoint: neither safetensors nor a file of torch.save.") from error
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise schema.EyeError(f"{path} cannot be read as a checkpoint: {reason}") from error


def _refusal(path: Path, reason: str) -> str:
    wanted = re.search(r"(?:GLOBAL|global:?)\s+(?:GLOBAL\s+)?([\w.]+\.[\w.]+)", reason)
    code = (
        "import torch, safetensors.torch as s; "
        f"c = torch.load({path.name!r}, map_location='cpu', weights_only=False); "
        "c = next((c[k] for k in ('state_dict', 'model_state_dict', 'model') if k in c), c); "
        "s.save_file({k: v.clone().contiguous() for k, v in c.items() if torch.is_tensor(v)}, "
        f"{path.with_suffix('.safetensors').name!r})"
    )
    return (
        f"{path} is refused: it could be read only by running code that is in it"
        f"{f' (it asks for {wanted[1]})' if wanted else ''}, and a pickle can run anything. If you trust its source, "
        f'convert it once, where nothing can be harmed, to safetensors, and load that: python -c "{code}"'
    )
