"""From a photograph to its structures: vessels, arteries and veins, optic disc and cup, fovea."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.artery_vein import classify_vessels
from retina_tools.segmentation.disc import DiscFinding, segment_disc, usual_disc_radius
from retina_tools.segmentation.fovea import FoveaFinding, find_fovea
from retina_tools.segmentation.frame import Frame, fit_fov_circle
from retina_tools.segmentation.landmark_evidence import Evidence, gather_evidence
from retina_tools.segmentation.trained import (
    MODELS,
    artery_share,
    has_network,
    has_torch,
    trained_lesions,
    trained_vessels,
)
from retina_tools.segmentation.vessels import VesselFinding, find_vessels

__all__ = ["STRUCTURES", "segment"]

Method = Literal["auto", "networks", "classical"]

_CLASSICAL: Final = ("vessel", "artery", "vein", "optic_disc", "optic_cup", "fovea")
_LESIONS: Final = ("microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot")
#: What :func:`segment` can draw.
STRUCTURES: Final = (*_CLASSICAL, *_LESIONS)
_LANDMARK_FRAME_PX: Final = 480
# On less than this a vessel is a fraction of a pixel and a disc a handful.
_SMALLEST_FIELD_PX: Final = 48


def segment(
    eye: xr.Dataset,
    structures: str | Iterable[str] | None = None,
    *,
    method: Method = "auto",
    views: int = 1,
    memory_mb: float = 800.0,
) -> xr.Dataset:
    """Draw the structures of an eye: by the shipped networks where there is one, else by classical methods.

    Networks draw vessels, arteries and veins, and the lesions of diabetic retinopathy; `shipped_models` lists them with
    their data and licences. The disc is found by its light and by where the vessels point; its cup by pallor, a
    baseline, for a photograph has no depth; the fovea as the dark place without vessels at the usual distance from the
    disc.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye with an image. Masks it has under other names are kept, those drawn here replaced.
    structures : str or iterable of str, optional
        Some of :data:`STRUCTURES`; by default all that the method can draw.
    method : {"auto", "networks", "classical"}
        ``classical`` needs no weights and no torch: vessels by oriented line filters, arteries and veins by colour
        along the tree, a baseline that is right for about four pixels in five, and no lesions. ``networks`` refuses
        instead of falling back.
    views : {1, 2, 4}
        Mirrored views of the eye a network's answer is averaged over.
    memory_mb : float
        About how much a network may use while it works; more is cut into tiles.

    Returns
    -------
    xarray.Dataset
        A new eye with masks, with probabilities of all but disc and cup, and with the landmarks ``optic_disc`` and
        ``fovea``. What was not found has an empty mask and no landmark, and the provenance says why in words.

    Raises
    ------
    EyeError
        The eye has no image, a structure is none of these, or the method cannot draw it here.

    Examples
    --------
    >>> from retina_tools import phantom, schema
    >>> eye = segment(schema.without_masks(phantom.eye(seed=1, size=384)), method="classical")
    >>> eye.structure.values.tolist()
    ['artery', 'vein', 'vessel', 'optic_disc', 'optic_cup']
    """
    wanted = _wanted(structures, method)
    schema.validate(eye)
    if "image" in eye and (across := fit_fov_circle(eye["fov"].values).diameter_px) < _SMALLEST_FIELD_PX:
        return _nothing(eye, wanted, f"the field of view is {across:.0f} px across, wanted {_SMALLEST_FIELD_PX}")
    drawn = _Drawn()
    if method == "auto" and not has_torch():
        drawn.steps.append("torch is not installed, so classical methods draw, and no lesions")
        warnings.warn(f"{drawn.steps[0]}; pip install torch for the networks.", stacklevel=2)
    asked: _Asked = {"views": views, "memory_mb": memory_mb}
    if wanted & set(_CLASSICAL):
        _draw_anatomy(eye, wanted, method, asked, drawn)
    if lesions := wanted & set(_LESIONS):
        masks, probabilities = trained_lesions(eye, lesions, **asked)
        drawn.masks |= masks
        drawn.probabilities |= probabilities
        drawn.steps.append(f"lesions by the network {MODELS['haemorrhage']!r}")
    return schema.with_parts(
        eye,
        masks=drawn.masks,
        probabilities=drawn.probabilities,
        landmarks=drawn.landmarks,
        step=f"segmented: {'; '.join(drawn.steps)}",
    )


class _Asked(TypedDict):
    views: int
    memory_mb: float


def _draw_anatomy(eye: xr.Dataset, wanted: set[str], method: Method, asked: _Asked, drawn: _Drawn) -> None:
    """Vessels first, for disc and fovea are found with their help; then what else is wanted."""
    by_network = method != "classical" and has_network("vessel")
    vessels = trained_vessels(eye, **asked) if by_network else find_vessels(eye)
    settings = ", ".join(f"{name}={value:g}" for name, value in vessels.parameters.items())
    means = f"the network {MODELS['vessel']!r}" if by_network else "line filters"
    drawn.steps.append(f"vessels by {means} ({settings})")
    drawn.add_vessels(vessels, wanted)
    if wanted & {"artery", "vein"}:
        if method != "classical" and has_network("artery"):
            share = artery_share(eye, vessels.probability, **asked)
            drawn.add_kinds(vessels, _share_along_the_tree(vessels, share), wanted)
            drawn.steps.append(f"arteries and veins by the network {MODELS['artery']!r}")
        else:
            drawn.add_kinds(vessels, _share_along_the_tree(vessels), wanted)
            drawn.steps.append("arteries and veins by colour along the tree (baseline)")
    if wanted & {"optic_disc", "optic_cup", "fovea"}:
        drawn.add_landmarks(eye, vessels, wanted)


def _wanted(structures: str | Iterable[str] | None, method: Method) -> set[str]:
    if method not in get_args(Method):
        raise schema.EyeError(f"The method is {method!r}, wanted one of {', '.join(get_args(Method))}.")
    if structures is None:
        return {name for name in STRUCTURES if name in _CLASSICAL or (method != "classical" and has_network(name))}
    names = (structures,) if isinstance(structures, str) else tuple(structures)
    for name in names:
        if name not in STRUCTURES:
            raise schema.EyeError(f"{name!r} cannot be segmented; wanted some of {', '.join(STRUCTURES)}.")
        drawable = has_network(name) if name in _LESIONS or (method == "networks" and name in MODELS) else True
        if not drawable or (method == "classical" and name in _LESIONS):
            raise schema.EyeError(
                f"{name!r} is drawn by a network; it needs torch, the shipped weights, and method='auto' or 'networks'."
            )
    return set(names)


def _nothing(eye: xr.Dataset, wanted: set[str], reason: str) -> xr.Dataset:
    """The eye with everything looked for and nothing found."""
    empty = np.zeros((eye.sizes["y"], eye.sizes["x"]), bool)
    masks: dict[str, NDArray[np.bool_]] = dict.fromkeys(wanted - {"fovea"}, empty)
    landmarks: dict[str, tuple[float, float] | None] = {point: None for point in schema.POINTS if point in wanted}
    said = "; ".join(f"no {what}: {reason}" for what in ("vessels", "optic disc", "fovea"))
    return schema.with_parts(eye, masks=masks, landmarks=landmarks, step=f"segmented: {said}")


@dataclass
class _Drawn:
    """What has been drawn so far."""

    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    landmarks: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def add_vessels(self, vessels: VesselFinding, wanted: set[str]) -> None:
        if "vessel" in wanted:
            self.masks["vessel"], self.probabilities["vessel"] = vessels.mask, vessels.probability

    def add_kinds(self, vessels: VesselFinding, share: NDArray[np.float32], wanted: set[str]) -> None:
        for name, part in (("artery", share), ("vein", 1 - share)):
            if name in wanted:
                self.masks[name] = vessels.mask & (part > 0.5)
                self.probabilities[name] = vessels.probability * part

    def add_landmarks(self, eye: xr.Dataset, vessels: VesselFinding, wanted: set[str]) -> None:
        frame = Frame.of(eye, diameter_px=_LANDMARK_FRAME_PX)
        probability = frame.from_native(vessels.probability)
        evidence = gather_evidence(frame.image, frame.fov, probability)
        usual_radius = usual_disc_radius(vessels.calibre_scale)
        disc = segment_disc(frame.image, frame.fov, probability, evidence=evidence, usual_radius=usual_radius)
        fov = eye["fov"].values
        if "optic_disc" in wanted:
            self.masks["optic_disc"] = frame.to_native(disc.mask) & fov
            self.landmarks["optic_disc"] = _inside(frame, disc.centre_yx) if disc.found else None
        if "optic_cup" in wanted:
            self.masks["optic_cup"] = frame.to_native(disc.cup_mask) & fov
        self.steps.append(_said("optic disc", disc))
        if "fovea" in wanted:
            fovea = _fovea(eye, evidence, disc)
            self.landmarks["fovea"] = _inside(frame, fovea.centre_yx) if fovea.found else None
            self.steps.append(_said("fovea", fovea))


def _share_along_the_tree(vessels: VesselFinding, opinion: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Share of artery on the eye's pixels, by colour or by a network's opinion, along the tree."""
    frame = vessels.frame
    drawn = frame.from_native(vessels.mask.astype(np.float32)) >= 0.5
    seen = None if opinion is None else frame.from_native(opinion)
    kinds = classify_vessels(frame, drawn, unit_px=vessels.unit_px, opinion=seen)
    share: NDArray[np.float32] = np.clip(frame.to_native(kinds), 0, 1)
    return share


def _fovea(eye: xr.Dataset, evidence: Evidence, disc: DiscFinding) -> FoveaFinding:
    if not disc.found:
        return FoveaFinding(False, "there is no disc to start from", (np.nan, np.nan), 0.0)
    return find_fovea(evidence, disc.centre_yx, disc.radius_px, laterality=str(eye["laterality"].item()))


def _inside(frame: Frame, point_yx: tuple[float, float]) -> tuple[float, float] | None:
    """A point of the frame on the eye, None where it lies outside the picture."""
    y, x = frame.point_to_native(point_yx)
    height, width = frame.native_shape
    return (y, x) if -0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5 else None


def _said(what: str, finding: DiscFinding | FoveaFinding) -> str:
    return f"{what} found ({finding.confidence:.0%} sure)" if finding.found else f"no {what}: {finding.reason}"
