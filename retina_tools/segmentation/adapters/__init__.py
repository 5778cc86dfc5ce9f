"""Models of others: each loaded from a file or a hub id, each a callable from eye to eye.

`load_adapter` loads any of them by its kind; `lwnet`, `automorph_disc`, `rrwnet`, `fundusegmenter`, `retsam`,
`onnx_model` and `torchscript` are the kinds. No weights of others are shipped. Checkpoints are read without running
anything in them; what would need that is refused. Licences that forbid commercial use are shown, and have to be
accepted once. Every eye is shown in its own proportions: what an author's programme stretches is not stretched here.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any, Final

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import AdapterCard, Licence
from retina_tools.segmentation.adapters.exchange import onnx_model, torchscript
from retina_tools.segmentation.adapters.fundusegmenter import fundusegmenter
from retina_tools.segmentation.adapters.retsam import retsam
from retina_tools.segmentation.adapters.rrwnet import rrwnet
from retina_tools.segmentation.adapters.segmenter import Segmenter
from retina_tools.segmentation.adapters.settings import Settings
from retina_tools.segmentation.adapters.wnet import automorph_disc, lwnet

__all__ = [
    "KINDS",
    "AdapterCard",
    "Licence",
    "Segmenter",
    "Settings",
    "automorph_disc",
    "fundusegmenter",
    "load_adapter",
    "lwnet",
    "onnx_model",
    "retsam",
    "rrwnet",
    "torchscript",
]

#: Loaders by the kind of model.
KINDS: Final[dict[str, Callable[..., Segmenter]]] = {
    "lwnet": lwnet,
    "automorph_disc": automorph_disc,
    "rrwnet": rrwnet,
    "fundusegmenter": fundusegmenter,
    "retsam": retsam,
    "onnx": onnx_model,
    "torchscript": torchscript,
}


def load_adapter(kind: str, path_or_hub_id: str | os.PathLike[str], **options: Any) -> Segmenter:
    """Load a model of others by its kind.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    path_or_hub_id : str or path
        Its file, the file's folder, or ``owner/name`` on the Hugging Face hub (the extra ``hub``).
    **options
        Of the kind's own loader: ``accept_licence=True`` for those that need it, ``settings`` for ONNX and TorchScript.

    Returns
    -------
    Segmenter
        Call it with an eye.

    Raises
    ------
    EyeError
        The kind or an option is unknown, or the model cannot be loaded; the message says why.

    Examples
    --------
    >>> load_adapter("lwnet", "nowhere.pth")
    Traceback (most recent call last):
    ...
    retina_tools.taxonomy.EyeError: There is no file 'nowhere.pth', and it is no hub id either; wanted a path, or ...
    """
    if kind not in KINDS:
        raise schema.EyeError(f"The kind of model is {kind!r}, wanted one of {', '.join(KINDS)}.")
    loader = KINDS[kind]
    known = list(inspect.signature(loader).parameters)[1:]
    if unknown := [name for name in options if name not in known]:
        raise schema.EyeError(f"{kind} has no option {unknown[0]!r}; it has {', '.join(known)}.")
    return loader(path_or_hub_id, **options)
