"""RRWNet: arteries, veins and vessels, corrected recursively."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import CC_BY_NC, AdapterCard
from retina_tools.segmentation.adapters.consent import require_consent
from retina_tools.segmentation.adapters.files import find_file, need_torch, read_weights
from retina_tools.segmentation.adapters.fitting import fit, require_keys
from retina_tools.segmentation.adapters.segmenter import Head, Segmenter
from retina_tools.segmentation.frame import Frame

__all__ = ["enhanced", "rrwnet"]

TrainedOn = Literal["rite", "hrf"]

# Diameter of the field of view in the pictures of training: DRIVE's own, and HRF's brought to 1024 px of width.
_FIELD_PX: Final[dict[TrainedOn, int]] = {"rite": 540, "hrf": 953}
_HEAD: Final = Head(
    3, "sigmoid", {"artery": (0,), "vein": (1,), "vessel": (2,)}, {"artery": 0.5, "vein": 0.5, "vessel": 0.5}
)
# The authors' enhancement, in pixels of their pictures.
_ERODED_PX: Final = 5
_BLUR_PX: Final = 10
_ENLARGED: Final = 1.15


def rrwnet(
    path_or_hub_id: str | os.PathLike[str] = "j-morano/rrwnet-rite",
    *,
    trained_on: TrainedOn | None = None,
    iterations: int = 5,
    size_px: int | None = None,
    accept_licence: bool = False,
    device: str | None = None,
) -> Segmenter:
    """Load RRWNet.

    Parameters
    ----------
    path_or_hub_id : str or path
        ``j-morano/rrwnet-rite`` or ``j-morano/rrwnet-hrf`` on the hub, or a file: ``rrwnet_RITE_1.pth``,
        ``rrwnet_HRF_0.pth``.
    trained_on : {"rite", "hrf"}, optional
        It decides the resolution; read from the name where that tells.
    iterations : int
        Corrections after the first one.
    size_px : int, optional
        Diameter of the field of view the network is shown, where it is another than in training.
    accept_licence : bool
        Accept CC BY-NC 4.0, once.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.

    Returns
    -------
    Segmenter
        Drawing ``artery``, ``vein`` and ``vessel``; arteries and veins may overlap where they cross.

    Raises
    ------
    EyeError
        The licence has not been accepted, there is no such file, it is refused or does not fit, its resolution is not
        known, or there is no torch.

    References
    ----------
    Morano, Aresta, Bogunović (2024), Expert Systems with Applications 256, 124970.
    """
    need_torch("RRWNet")
    require_consent("RRWNet", CC_BY_NC, accept=accept_licence)
    name = str(path_or_hub_id).lower()
    if "refinement" in Path(name).name:
        raise schema.EyeError(
            f"{path_or_hub_id} corrects drawings of other models and draws none from photographs; wanted one of the "
            "authors' weights for photographs, rrwnet_RITE_1.pth for one."
        )
    side = size_px or _FIELD_PX[_origin(name, trained_on)]
    weights = read_weights(find_file(path_or_hub_id))
    from retina_tools.segmentation.adapters.rrwnet_network import RRWNet
    from retina_tools.segmentation.adapters.running import on_meta, runner

    first = ("first_u.conv1.conv1.weight", "first_u.conv1.conv_block.0.weight")
    require_keys(weights, "RRWNet", *first, axes=4)
    network = fit(on_meta(lambda: RRWNet(weights.shape(*first)[0], iterations)), weights, "RRWNet")
    card = AdapterCard(
        "RRWNet",
        "Arteries and veins, recursively corrected",
        tuple(_HEAD.structures),
        side,
        "each colour less its surroundings, then from 0 to 1 over the picture",
        _HEAD.thresholds,
        CC_BY_NC,
        data=("RITE (DRIVE)" if side == _FIELD_PX["rite"] else "HRF" if side == _FIELD_PX["hrf"] else "RITE or HRF",),
        citation="Morano, Aresta, Bogunović (2024), Expert Systems with Applications 256, 124970",
        source="https://github.com/j-morano/rrwnet",
        files={weights.path.name: weights.sha256},
        limits="Right at the resolution it was trained at, to which the field of view is brought here.",
    )
    infer = runner([network], multiple=32, device=device)
    return Segmenter(card, (_HEAD,), infer, enhanced, edge_px=_ERODED_PX)


def _origin(name: str, given: TrainedOn | None) -> TrainedOn:
    known = get_args(TrainedOn)
    if given in known:
        assert given is not None
        return given
    told = [one for one in known if re.search(rf"(?<![a-z]){one}(?![a-z])", Path(name).name)]
    if given is not None or len(told) != 1:
        raise schema.EyeError(
            f"What RRWNet was trained on is {given or 'not told by the name of its file'!r}, and it decides the "
            "resolution; wanted trained_on='rite' or 'hrf', or a size_px."
        )
    origin: TrainedOn = told[0]
    return origin


def enhanced(frame: Frame) -> NDArray[np.float32]:
    """Colours less their surroundings, as RRWNet was shown them.

    What lies beside the field of view is filled from the picture enlarged by 1.15, so that the blur does not see a
    dark rim; the blur's sigma is 10 px. The result runs from 0 to 1 over the picture and is 0 beside the field.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    ndarray of float32, shape (3, n, n)
    """
    from scipy import ndimage

    away = np.arange(-_ERODED_PX, _ERODED_PX + 1)
    inside = ndimage.binary_erosion(frame.fov, away[:, None] ** 2 + away**2 <= _ERODED_PX**2)
    middle = (frame.diameter_px - 1) / 2
    shift = middle - middle / _ENLARGED
    planes = np.moveaxis(frame.image, -1, 0).astype(np.float32)
    result = np.empty_like(planes)
    for plane, target in zip(planes, result, strict=True):
        enlarged = ndimage.affine_transform(plane, np.full(2, 1 / _ENLARGED), shift, order=1, mode="nearest")
        filled = np.where(inside, plane, enlarged)
        target[:] = np.where(inside, filled - ndimage.gaussian_filter(filled, _BLUR_PX), 0)
    low, high = float(result.min()), float(result.max())
    # An even picture: a difference far below one step of a byte is the blur's own rounding.
    if high - low < 1e-4:
        return np.zeros_like(result)
    return np.where(inside, (result - low) / (high - low), 0).astype(np.float32)
