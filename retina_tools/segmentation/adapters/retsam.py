"""RetSAM's public checkpoint: vessels, disc and cup, phenotypes and four kinds of lesion by one network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import POLYFORM, AdapterCard
from retina_tools.segmentation.adapters.consent import require_consent
from retina_tools.segmentation.adapters.files import Weights, find_file, need_torch, read_weights
from retina_tools.segmentation.adapters.fitting import fit, require_keys
from retina_tools.segmentation.adapters.segmenter import Colours, Head, Segmenter

if TYPE_CHECKING:
    from retina_tools.segmentation.adapters.retsam_network import Sizes

__all__ = ["retsam"]

_COLOURS: Final = Colours((0.42575, 0.29737, 0.21294), (0.2767, 0.2024, 0.1686))


def _classes(threshold: float, *structures: str) -> Head:
    """A head of classes, the first of them background."""
    channels = {name: (number,) for number, name in enumerate(structures, start=1)}
    return Head(len(structures) + 1, "softmax", channels, dict.fromkeys(structures, threshold))


# In the checkpoint's order: artery_vein, od_oc, tessellation, myopia, lesion_s1.
_HEADS: Final = (
    Head(2, "sigmoid", {"artery": (0,), "vein": (1,)}, {"artery": 0.3, "vein": 0.3}),
    Head(3, "softmax", {"optic_disc": (1, 2), "optic_cup": (2,)}, {"optic_disc": None, "optic_cup": None}),
    _classes(0.7, "tessellation"),
    _classes(0.5, "arc_atrophy", "diffuse_atrophy", "patchy_atrophy"),
    _classes(0.7, "haemorrhage", "hard_exudate", "cotton_wool_spot", "drusen"),
)
_LEVELS: Final = 4


def retsam(
    path_or_hub_id: str | os.PathLike[str] = "JerryWzh/RetSAM_public",
    *,
    size_px: int = 640,
    accept_licence: bool = False,
    device: str | None = None,
) -> Segmenter:
    """Load RetSAM's public checkpoint: 766 million parameters, 3.1 GB, about a minute an eye on a CPU.

    Parameters
    ----------
    path_or_hub_id : str or path
        ``retsam_v1_for_public.ckpt``, the safetensors made from it, or the hub id.
    size_px : int
        Diameter of the field of view the network is shown; a multiple of 64, from 128 on.
    accept_licence : bool
        Accept the PolyForm Noncommercial License 1.0.0, once.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter
        Drawing ``artery``, ``vein``, ``optic_disc``, ``optic_cup``, ``tessellation``, ``arc_atrophy``,
        ``diffuse_atrophy``, ``patchy_atrophy``, ``haemorrhage``, ``hard_exudate``, ``cotton_wool_spot``, ``drusen``,
        with the authors' thresholds. A point for the macula, which some checkpoints have a head for, is left out: the
        order of its coordinates is not documented.

    Raises
    ------
    EyeError
        The licence has not been accepted, there is no such file, it is refused or does not fit, the size is
        another; or there is no torch.
    """
    need_torch("RetSAM")
    require_consent("RetSAM", POLYFORM, accept=accept_licence)
    if size_px < 128 or size_px % 64:
        raise schema.EyeError(
            f"The size is {size_px} px, wanted a multiple of 64 from 128 on; RetSAM was trained at 640."
        )
    weights = read_weights(find_file(path_or_hub_id, hub_file="retsam_v1_for_public.ckpt"))
    from retina_tools.segmentation.adapters.retsam_network import RetSAM
    from retina_tools.segmentation.adapters.running import on_meta, runner

    sizes = _sizes(weights)
    wanted = tuple(head.channels for head in _HEADS)
    if sizes.outputs != wanted:
        raise schema.EyeError(
            f"{weights.path} has heads of {sizes.outputs} channels, wanted the public checkpoint's {wanted}; what the "
            "others draw is not known here."
        )
    network = fit(on_meta(lambda: RetSAM(sizes)), weights, "RetSAM", ignored=("coordinate_head.",))
    structures = [name for head in _HEADS for name in head.structures]
    card = AdapterCard(
        "RetSAM",
        "Vessels, disc and cup, phenotypes and lesions by one network",
        tuple(structures),
        size_px,
        str(_COLOURS),
        {name: threshold for head in _HEADS for name, threshold in head.thresholds.items()},
        POLYFORM,
        data=("public datasets, not listed one by one",),
        citation="RetSAM: A General Model for Retinal Segmentation and Quantification (2026)",
        source="https://github.com/Wzhjerry/RetSAM",
        files={weights.path.name: weights.sha256},
        limits="The authors stretch the picture to a square, drop specks and keep lesions off the disc; here its shape "
        "is kept and what the network says is drawn as it is.",
    )
    return Segmenter(card, _HEADS, runner([network], device=device), _COLOURS)


def _sizes(weights: Weights) -> Sizes:
    """What differs between checkpoints, read from their shapes."""
    from retina_tools.segmentation.adapters.retsam_network import Sizes

    patch, table = "swinViT.patch_embed.proj.weight", "swinViT.layers{}.0.blocks.0.attn.relative_position_bias_table"
    require_keys(weights, "RetSAM", patch, axes=4)
    require_keys(weights, "RetSAM", "decoder_modules.0.out.conv.conv.weight", axes=4)
    for level in range(_LEVELS):
        require_keys(weights, "RetSAM", table.format(level + 1), axes=2)
    tables = [weights.shape(table.format(level + 1)) for level in range(_LEVELS)]
    outputs: list[int] = []
    while shape := weights.shape(f"decoder_modules.{len(outputs)}.out.conv.conv.weight"):
        outputs.append(shape[0])
    depths = [0] * _LEVELS
    for level in range(_LEVELS):
        while f"swinViT.layers{level + 1}.0.blocks.{depths[level]}.norm1.weight" in weights.tensors:
            depths[level] += 1
    return Sizes(
        outputs=tuple(outputs),
        width=weights.shape(patch)[0],
        heads=tuple(heads for _, heads in tables),
        depths=tuple(depths),
        window=(round(tables[0][0] ** 0.5) + 1) // 2,
        patch_px=weights.shape(patch)[2],
    )
