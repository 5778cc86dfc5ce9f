"""FunduSegmenter: disc and cup, on a square around the disc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import xarray as xr

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import CC_BY_NC, AdapterCard
from retina_tools.segmentation.adapters.consent import require_consent
from retina_tools.segmentation.adapters.files import Weights, find_file, need_torch, read_weights
from retina_tools.segmentation.adapters.fitting import fit, require_keys
from retina_tools.segmentation.adapters.segmenter import Colours, Head, Segmenter, whole_field
from retina_tools.segmentation.frame import Circle

if TYPE_CHECKING:
    from retina_tools.segmentation.adapters.fundusegmenter_network import Sizes

__all__ = ["around_disc", "fundusegmenter"]

View = Literal["disc", "whole"]

# Mean and standard deviation of ImageNet, as the authors' programme has it.
_COLOURS: Final = Colours((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# The authors cut 800 px (IDRiD: 1200 of a field of 3400) around the disc; their cameras' fields are 1600 to 2000 px.
_CROP_OF_FIELD: Final = 0.4
_HEADS: Final = {
    2: Head(2, "softmax", {"optic_disc": (1,)}, {"optic_disc": None}),
    3: Head(3, "softmax", {"optic_disc": (1, 2), "optic_cup": (2,)}, {"optic_disc": None, "optic_cup": None}),
}


def fundusegmenter(
    path_or_hub_id: str | os.PathLike[str] = "JusticeZzy/FunduSegmenter",
    *,
    view: View | None = None,
    size_px: int = 256,
    accept_licence: bool = False,
    device: str | None = None,
) -> Segmenter:
    """Load FunduSegmenter.

    Parameters
    ----------
    path_or_hub_id : str or path
        ``FunduSegmenter_CroppedImage.pth`` or ``FunduSegmenter_OriginalImage.pth``, or the hub id (the first of them;
        ``JusticeZzy/FunduSegmenter:FunduSegmenter_OriginalImage.pth`` is the second).
    view : {"disc", "whole"}, optional
        What it was trained to see: a square around the disc, or the whole field of view. Where absent the whole field
        if the file's name has ``Original`` in it, else the disc.
    size_px : int
        Side of the square in pixels.
    accept_licence : bool
        Accept CC BY-NC 4.0, once.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter
        Drawing ``optic_disc`` (with its cup) and ``optic_cup``. For the square around the disc it takes the eye's
        landmark, and where there is none looks for the disc by :func:`~retina_tools.segmentation.segment`; where that
        finds none either the masks are empty and the provenance says so.

    Raises
    ------
    EyeError
        The licence has not been accepted, there is no such file, it is refused or does not fit; or there is no torch.
    """
    need_torch("FunduSegmenter")
    require_consent("FunduSegmenter", CC_BY_NC, accept=accept_licence)
    if view not in (None, "disc", "whole"):
        raise schema.EyeError(f"The view is {view!r}, wanted 'disc' or 'whole'.")
    weights = read_weights(find_file(path_or_hub_id, hub_file="FunduSegmenter_CroppedImage.pth"))
    seen = view or ("whole" if "original" in Path(path_or_hub_id).name.lower() else "disc")
    from retina_tools.segmentation.adapters.fundusegmenter_network import FunduSegmenter
    from retina_tools.segmentation.adapters.running import on_meta, runner

    sizes = _sizes(weights)
    if sizes.classes not in _HEADS:
        raise schema.EyeError(f"{weights.path} has {sizes.classes} classes, wanted 2 (disc) or 3 (disc rim and cup).")
    network = fit(on_meta(lambda: FunduSegmenter(sizes)), weights, "FunduSegmenter")
    head = _HEADS[sizes.classes]
    card = AdapterCard(
        "FunduSegmenter",
        "Optic disc and cup by RETFound with adapters",
        tuple(head.structures),
        size_px,
        str(_COLOURS),
        head.thresholds,
        CC_BY_NC,
        view="the disc and its surroundings" if seen == "disc" else "the field of view",
        data=("Drishti-GS", "RIM-ONE r3", "REFUGE"),
        citation="Zhao and others (2026), FunduSegmenter",
        source="https://github.com/JusticeZzy/FunduSegmenter",
        files={weights.path.name: weights.sha256},
        limits="The square is 0.4 of the field of view wide, whatever the camera; the authors cut a number of pixels.",
    )
    place = around_disc if seen == "disc" else whole_field
    return Segmenter(card, (head,), runner([network], device=device), _COLOURS, place)


def around_disc(eye: xr.Dataset) -> Circle | str:
    """The circle around an eye's disc that a model for disc crops is shown, or why there is none."""
    centre = schema.get_landmark(eye, "optic_disc")
    if centre is None:
        from retina_tools.segmentation.chain import segment

        found = segment(eye, "optic_disc")
        centre = schema.get_landmark(found, "optic_disc")
        if centre is None:
            said: str = found.attrs["provenance"][-1].removeprefix("segmented: ")
            return f"there is no square to show ({said})"
    return Circle(centre, _CROP_OF_FIELD * whole_field(eye).diameter_px, is_fitted=False)


# Keys whose shapes tell the sizes, and how many axes they have.
_TELLING: Final = {
    "encoder.pos_embed": 3,
    "encoder.patch_embed.proj.weight": 4,
    "decoder.cls_emb": 3,
    "encoder.head.bias": 1,
}


def _sizes(weights: Weights) -> Sizes:
    """What differs between checkpoints, read from their shapes."""
    from retina_tools.segmentation.adapters.fundusegmenter_network import Sizes

    for key, axes in _TELLING.items():
        require_keys(weights, "FunduSegmenter", key, axes=axes)
    width, _, patch_px, _ = weights.shape("encoder.patch_embed.proj.weight")
    first = weights.shape("pre_adapter.conv1.conv.bias", "pre_adapter.conv1.conv_block.0.bias")
    batch = ("pre_adapter.conv1.norm.running_mean", "pre_adapter.conv1.conv_block.1.running_mean")
    return Sizes(
        classes=weights.shape("decoder.cls_emb")[1],
        width=width,
        layers=_count(weights, "encoder.blocks.{}.norm1.weight"),
        # Heads are not told by any shape; vision transformers have 64 channels in each.
        heads=max(width // 64, 1),
        pretext=weights.shape("encoder.head.bias")[0],
        decoder_layers=_count(weights, "decoder.blocks.{}.norm1.weight"),
        patch_px=patch_px,
        grid=round((weights.shape("encoder.pos_embed")[1] - 1) ** 0.5),
        planes=first[0] if first else 64,
        norm="bn" if weights.shape(*batch) else "gn",
    )


def _count(weights: Weights, key: str) -> int:
    number = 0
    while key.format(number) in weights.tensors:
        number += 1
    return number
