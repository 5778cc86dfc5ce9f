"""Eyes made ready for training: planes and targets in the normalised frame, once, before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.frame import Circle, Frame, fit_fov_circle
from retina_tools.segmentation.networks.inputs import InputKind, View, disc_circle, network_input
from retina_tools.segmentation.training.soft_labels import soft_label
from retina_tools.segmentation.vessel_features import inner_field

__all__ = ["HEAT_SIGMA", "Labels", "Sample", "prepare"]

Labels = Literal["hard", "soft"]

#: Standard deviation of the blob a landmark is drawn as, in diameters of the field of view.
HEAT_SIGMA: Final = 0.02
_POINTS: Final = {"fovea": "fovea", "disc_centre": "optic_disc"}


@dataclass(frozen=True, eq=False)
class Sample:
    """One eye in the frame a network is trained in.

    Attributes
    ----------
    image_id, patient_id, source : str
        The patient is what splits are made by; the source is the dataset's name.
    planes : ndarray of float16, shape (c, n, n)
        What the network sees.
    fov : ndarray of bool, shape (n, n)
        Field of view less its outermost hundredth.
    targets : ndarray of uint8, shape (k, n, n)
        Share of each pixel that is the structure, in 255ths.
    known : ndarray of bool, shape (k,)
        Which targets this eye has; the loss leaves the others out.
    doubtful : ndarray of bool, shape (n, n)
        Vessel pixels that are neither artery nor vein, or both; no network is told which of the two they are.
    is_kind : ndarray of bool, shape (k,)
        Which targets are one of the two kinds of vessel.
    """

    image_id: str
    patient_id: str
    source: str
    planes: NDArray[np.float16]
    fov: NDArray[np.bool_]
    targets: NDArray[np.uint8]
    known: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]
    is_kind: NDArray[np.bool_]


def prepare(
    eyes: Iterable[xr.Dataset],
    structures: Sequence[str],
    *,
    source: str,
    frame_px: int,
    kind: InputKind,
    view: View = "field",
    labels: Labels = "hard",
) -> list[Sample]:
    """Bring eyes with truth to the frame.

    Parameters
    ----------
    eyes : iterable of xarray.Dataset
        With an image and some of the structures as masks, or landmarks.
    structures : sequence of str
        Names of the taxonomy, or ``fovea`` and ``disc_centre``, which are drawn as Gaussian blobs.
    source : str
        The dataset's name.
    frame_px : int
        Diameter of the field in the frame, and its side.
    labels : {"hard", "soft"}
        Masks as they are drawn, or as :func:`~retina_tools.segmentation.training.soft_labels.soft_label` doubts them.
    view : {"field", "disc"}
        The whole field of view, or the optic disc with its surroundings, three diameters across.
    kind : {"contrast", "colour"}
        See :func:`~retina_tools.segmentation.networks.inputs.network_input`.

    Returns
    -------
    list of Sample

    Raises
    ------
    EyeError
        An eye has no image.
    """
    return [_sample(eye, structures, source, frame_px, kind, view, labels) for eye in eyes]


def _sample(
    eye: xr.Dataset, structures: Sequence[str], source: str, frame_px: int, kind: InputKind, view: View, labels: Labels
) -> Sample:
    frame = Frame.around(eye, _circle(eye, view), diameter_px=frame_px)
    targets = np.zeros((len(structures), frame_px, frame_px), np.uint8)
    known = np.zeros(len(structures), bool)
    for index, name in enumerate(structures):
        target = _target(eye, frame, name, labels)
        if target is not None:
            known[index] = True
            targets[index] = np.rint(255 * np.clip(target, 0, 1)).astype(np.uint8)
    image_id, patient_id = str(eye["image_id"].item()), str(eye["patient_id"].item())
    return Sample(
        image_id=image_id,
        patient_id=patient_id or image_id,
        source=source,
        planes=network_input(frame, kind, _vessel(eye, frame, kind)).astype(np.float16),
        fov=inner_field(frame),
        targets=targets,
        known=known,
        doubtful=_doubtful(eye, frame),
        is_kind=np.array([name in ("artery", "vein") for name in structures]),
    )


def _vessel(eye: xr.Dataset, frame: Frame, kind: InputKind) -> NDArray[np.float32] | None:
    if kind != "contrast_vessel":
        return None
    mask = schema.get_mask(eye, "vessel")
    if mask is None:
        raise schema.EyeError(f"The eye {eye['image_id'].item()!r} has no vessels to tell apart; leave it out.")
    return frame.from_native(mask.astype(np.float32))


def _circle(eye: xr.Dataset, view: View) -> Circle:
    if view == "field":
        return fit_fov_circle(eye["fov"].values)
    disc = schema.get_mask(eye, "optic_disc")
    if disc is None or not disc.any():
        raise schema.EyeError(f"The eye {eye['image_id'].item()!r} has no disc to look at; give one with its mask.")
    return disc_circle(disc)


def _target(eye: xr.Dataset, frame: Frame, name: str, labels: Labels) -> NDArray[np.float32] | None:
    if name in _POINTS:
        place = schema.get_landmark(eye, _POINTS[name])  # type: ignore[arg-type]
        return None if place is None else _blob(frame, frame.point_from_native(place))
    mask = schema.get_mask(eye, name)
    if mask is None:
        return None
    share = frame.from_native(mask.astype(np.float32))
    return soft_label(share >= 0.5) if labels == "soft" else share


def _blob(frame: Frame, place_yx: tuple[float, float]) -> NDArray[np.float32]:
    side = np.arange(frame.diameter_px, dtype=np.float32)
    along_y, along_x = (
        np.exp(-0.5 * ((side - place) / (HEAT_SIGMA * frame.diameter_px)) ** 2).astype(np.float32) for place in place_yx
    )
    blob: NDArray[np.float32] = along_y[:, None] * along_x[None, :]
    return blob


def _doubtful(eye: xr.Dataset, frame: Frame) -> NDArray[np.bool_]:
    artery, vein, vessel = (schema.get_mask(eye, name) for name in ("artery", "vein", "vessel"))
    if artery is None or vein is None or vessel is None:
        return np.zeros_like(frame.fov)
    return frame.from_native((vessel & ~(artery ^ vein)).astype(np.float32)) > 0.25
