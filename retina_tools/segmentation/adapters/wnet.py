"""W-Nets of others: vessels, arteries and veins by lwnet, disc and cup by AutoMorph."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import APACHE, MIT, AdapterCard
from retina_tools.segmentation.adapters.files import Weights, find_file, need_torch, read_weights
from retina_tools.segmentation.adapters.fitting import fit, require_keys
from retina_tools.segmentation.adapters.segmenter import Colours, Head, Segmenter

if TYPE_CHECKING:
    import torch

    from retina_tools.segmentation.adapters.wnet_network import WNet

__all__ = ["automorph_disc", "lwnet"]

_VESSELS: Final = Head(1, "sigmoid", {"vessel": (0,)}, {"vessel": 0.4196})
# Channel 1, crossings and vessels nobody could tell, counts half for arteries and half for veins, as its authors do.
_ARTERIES_VEINS: Final = Head(
    4,
    "softmax",
    {"artery": (2,), "vein": (3,), "vessel": (2, 3)},
    {"artery": None, "vein": None, "vessel": 0.5},
    shared={1: (2, 3)},
)
_DISC_CUP: Final = Head(3, "none", {"optic_disc": (1, 2), "optic_cup": (2,)}, {"optic_disc": None, "optic_cup": None})


def lwnet(
    path_or_hub_id: str | os.PathLike[str], *, size_px: int = 512, data: str = "", device: str | None = None
) -> Segmenter:
    """Load a W-Net of lwnet for vessels, or for arteries and veins.

    Parameters
    ----------
    path_or_hub_id : str or path
        ``model_checkpoint.pth`` of one of the authors' experiments, its folder, or a hub id.
    size_px : int
        Diameter of the field of view the network was trained at: 512, and 1024 for ``big_wnet_hrf_av_1024``.
    data : str
        What it was trained on, for the card.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter
        With one output channel it draws ``vessel``; with four ``artery``, ``vein`` and ``vessel``.

    Raises
    ------
    EyeError
        There is no such file, it is refused, or it is no W-Net for vessels; or there is no torch.

    References
    ----------
    Galdran and others (2022), Scientific Reports 12, 6174.
    """
    need_torch("lwnet")
    weights = read_weights(find_file(path_or_hub_id, hub_file="model_checkpoint.pth"))
    network, classes = _network(weights, "lwnet's W-Net")
    heads = {1: _VESSELS, 4: _ARTERIES_VEINS}
    if classes not in heads:
        raise schema.EyeError(
            f"{weights.path} has {classes} output channels, wanted 1 (vessels) or 4 (background, undecided, artery, "
            f"vein){'; for disc and cup use adapters.automorph_disc' if classes == 3 else ''}."
        )
    head = heads[classes]
    card = AdapterCard(
        "lwnet",
        "Vessels by a W-Net" if classes == 1 else "Arteries and veins by a W-Net",
        tuple(head.structures),
        size_px,
        str(Colours()),
        head.thresholds,
        MIT,
        data=(data,) if data else (),
        citation="Galdran and others (2022), Scientific Reports 12, 6174",
        source="https://github.com/agaldran/lwnet",
        files={weights.path.name: weights.sha256},
        limits="Right at the resolution and for the camera it was trained on. The authors stretch the field to a "
        "square and average four mirrored views; here its shape is kept and it is seen once.",
    )
    return _segmenter(card, head, [network], device)


def automorph_disc(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, size_px: int = 512, device: str | None = None
) -> Segmenter:
    """Load AutoMorph's W-Nets for the optic disc and cup, one or an ensemble.

    Parameters
    ----------
    paths : str or path, or a sequence of them
        ``model_checkpoint.pth`` of one or more of the authors' eight seeds, or their folders.
    size_px : int
        Diameter of the field of view in the square the networks are shown.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter
        Drawing ``optic_disc`` (with its cup) and ``optic_cup``, by the mean of the ensemble's probabilities.

    Raises
    ------
    EyeError
        As :func:`lwnet`.

    References
    ----------
    Zhou and others (2022). AutoMorph: automated retinal vascular morphology quantification via a deep learning
    pipeline. Translational Vision Science & Technology 11(7), 12.
    """
    need_torch("AutoMorph")
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise schema.EyeError("There are no files of AutoMorph's W-Nets; give the path of one or more.")
    networks, files = [], {}
    for one in given:
        weights = read_weights(find_file(one, hub_file="model_checkpoint.pth"))
        network, classes = _network(weights, "AutoMorph's W-Net")
        if classes != 3:
            raise schema.EyeError(
                f"{weights.path} has {classes} output channels, wanted 3 (background, disc rim, cup)"
                f"{'; for vessels use adapters.lwnet' if classes in (1, 4) else ''}."
            )
        networks.append(network)
        # The seeds' files are all named alike; their folders tell them apart.
        name = weights.path.name
        files[name if name not in files else f"{weights.path.parent.name}/{name}"] = weights.sha256
    card = AdapterCard(
        "AutoMorph disc and cup",
        f"Optic disc and cup by {len(networks)} W-Net{'s' if len(networks) > 1 else ''}",
        tuple(_DISC_CUP.structures),
        size_px,
        str(Colours()),
        _DISC_CUP.thresholds,
        APACHE,
        citation="Zhou and others (2022), Translational Vision Science & Technology 11(7), 12",
        source="https://github.com/rmaphoh/AutoMorph",
        files=files,
        limits="Misses the disc of over-exposed pictures and of some cameras altogether: look at what it drew.",
    )
    return _segmenter(card, _DISC_CUP, networks, device, probabilities=True)


def _network(weights: Weights, what: str) -> tuple[WNet, int]:
    from retina_tools.segmentation.adapters.running import on_meta
    from retina_tools.segmentation.adapters.wnet_network import WNet

    first, final = "unet1.first.block.0.weight", "unet1.final.weight"
    require_keys(weights, what, first, axes=4)
    require_keys(weights, what, final, axes=4)
    classes, widths = weights.shape(final)[0], [weights.shape(first)[0]]
    while shape := weights.shape(f"unet1.down_path.{len(widths) - 1}.block.0.weight"):
        widths.append(shape[0])
    network = on_meta(lambda: WNet(classes, widths))
    fit(network, weights, what)
    assert isinstance(network, WNet)
    return network, classes


def _segmenter(
    card: AdapterCard, head: Head, networks: Sequence[WNet], device: str | None, *, probabilities: bool = False
) -> Segmenter:
    from retina_tools.segmentation.adapters.running import runner

    def softmax(logits: torch.Tensor) -> torch.Tensor:
        return logits.softmax(1)

    multiple = 2 ** max(len(network.unet1.down_path) for network in networks)
    infer = runner(networks, multiple=multiple, device=device, outputs=softmax if probabilities else None)
    return Segmenter(card, (head,), infer)
