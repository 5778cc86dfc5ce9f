"""From a photograph to its structures: vessels, arteries and veins, optic disc and cup, fovea."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.artery_vein import classify_vessels
from retina_tools.segmentation.disc import DiscFinding, segment_disc, usual_disc_radius
from retina_tools.segmentation.fovea import FoveaFinding, find_fovea
from retina_tools.segmentation.frame import Frame, fit_fov_circle
from retina_tools.segmentation.landmark_evidence import Evidence, gather_evidence
from retina_tools.segmentation.vessels import VesselFinding, find_vessels

__all__ = ["STRUCTURES", "segment"]

#: What :func:`segment` can draw.
STRUCTURES: Final = ("vessel", "artery", "vein", "optic_disc", "optic_cup", "fovea")
_LANDMARK_FRAME_PX: Final = 480
# On less than this a vessel is a fraction of a pixel and a disc a handful.
_SMALLEST_FIELD_PX: Final = 48


def segment(eye: xr.Dataset, structures: str | Iterable[str] | None = None) -> xr.Dataset:
    """Draw the structures of an eye by classical methods, which need no weights and no GPU.

    Vessels by oriented line filters in a frame normalised for the camera; arteries and veins by colour along the tree,
    a baseline that is right for about four pixels in five; the disc by its light and by where the vessels point; its
    cup by pallor, a baseline too, for a photograph has no depth; the fovea as the dark place without vessels at the
    usual distance from the disc.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye with an image. Masks it has under other names are kept, those drawn here replaced.
    structures : str or iterable of str, optional
        Some of :data:`STRUCTURES`; all by default.

    Returns
    -------
    xarray.Dataset
        A new eye with masks, with probabilities of vessel, artery and vein, and with the landmarks ``optic_disc`` and
        ``fovea``. What was not found has an empty mask and no landmark, and the provenance says why in words.

    Raises
    ------
    EyeError
        The eye has no image, or a structure is none of these.

    Examples
    --------
    >>> from retina_tools import phantom, schema
    >>> eye = segment(schema.without_masks(phantom.eye(seed=1, size=384)))
    >>> eye.structure.values.tolist()
    ['artery', 'vein', 'vessel', 'optic_disc', 'optic_cup']
    """
    wanted = _wanted(structures)
    schema.validate(eye)
    if "image" in eye and (across := fit_fov_circle(eye["fov"].values).diameter_px) < _SMALLEST_FIELD_PX:
        return _nothing(eye, wanted, f"the field of view is {across:.0f} px across, wanted {_SMALLEST_FIELD_PX}")
    vessels = find_vessels(eye)
    masks: dict[str, NDArray[np.bool_]] = {}
    probabilities: dict[str, NDArray[np.float32]] = {}
    steps: list[str] = []
    if wanted & {"vessel", "artery", "vein"}:
        _add_vessels(vessels, wanted, masks, probabilities, steps)
    landmarks: dict[str, tuple[float, float] | None] = {}
    if wanted & {"optic_disc", "optic_cup", "fovea"}:
        _add_landmarks(eye, vessels, wanted, masks, landmarks, steps)
    return schema.with_parts(
        eye, masks=masks, probabilities=probabilities, landmarks=landmarks, step=f"segmented: {'; '.join(steps)}"
    )


def _wanted(structures: str | Iterable[str] | None) -> set[str]:
    names = STRUCTURES if structures is None else (structures,) if isinstance(structures, str) else tuple(structures)
    if unknown := [name for name in names if name not in STRUCTURES]:
        raise schema.EyeError(f"{unknown[0]!r} cannot be segmented; wanted some of {', '.join(STRUCTURES)}.")
    return set(names)


def _nothing(eye: xr.Dataset, wanted: set[str], reason: str) -> xr.Dataset:
    """The eye with everything looked for and nothing found."""
    empty = np.zeros((eye.sizes["y"], eye.sizes["x"]), bool)
    masks: dict[str, NDArray[np.bool_]] = dict.fromkeys(wanted - {"fovea"}, empty)
    landmarks: dict[str, tuple[float, float] | None] = {point: None for point in schema.POINTS if point in wanted}
    said = "; ".join(f"no {what}: {reason}" for what in ("vessels", "optic disc", "fovea"))
    return schema.with_parts(eye, masks=masks, landmarks=landmarks, step=f"segmented: {said}")


def _add_vessels(
    vessels: VesselFinding,
    wanted: set[str],
    masks: dict[str, NDArray[np.bool_]],
    probabilities: dict[str, NDArray[np.float32]],
    steps: list[str],
) -> None:
    settings = ", ".join(f"{name}={value:g}" for name, value in vessels.parameters.items())
    steps.append(f"vessels by line filters ({settings})")
    if "vessel" in wanted:
        masks["vessel"], probabilities["vessel"] = vessels.mask, vessels.probability
    if not wanted & {"artery", "vein"}:
        return
    frame = vessels.frame
    drawn = frame.from_native(vessels.mask.astype(np.float32)) >= 0.5
    share = np.clip(frame.to_native(classify_vessels(frame, drawn, unit_px=vessels.unit_px)), 0, 1)
    for name, part in (("artery", share), ("vein", 1 - share)):
        if name in wanted:
            masks[name] = vessels.mask & (part > 0.5)
            probabilities[name] = vessels.probability * part
    steps.append("arteries and veins by colour along the tree (baseline)")


def _add_landmarks(
    eye: xr.Dataset,
    vessels: VesselFinding,
    wanted: set[str],
    masks: dict[str, NDArray[np.bool_]],
    landmarks: dict[str, tuple[float, float] | None],
    steps: list[str],
) -> None:
    frame = Frame.of(eye, diameter_px=_LANDMARK_FRAME_PX)
    probability = frame.from_native(vessels.probability)
    evidence = gather_evidence(frame.image, frame.fov, probability)
    usual_radius = usual_disc_radius(vessels.calibre_scale)
    disc = segment_disc(frame.image, frame.fov, probability, evidence=evidence, usual_radius=usual_radius)
    fov = eye["fov"].values
    if "optic_disc" in wanted:
        masks["optic_disc"] = frame.to_native(disc.mask) & fov
        landmarks["optic_disc"] = _inside(frame, disc.centre_yx) if disc.found else None
    if "optic_cup" in wanted:
        masks["optic_cup"] = frame.to_native(disc.cup_mask) & fov
    steps.append(_said("optic disc", disc))
    if "fovea" in wanted:
        fovea = _fovea(eye, evidence, disc)
        landmarks["fovea"] = _inside(frame, fovea.centre_yx) if fovea.found else None
        steps.append(_said("fovea", fovea))


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
