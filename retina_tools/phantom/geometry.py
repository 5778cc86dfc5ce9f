"""A synthetic eye as geometry: vessel graph, disc, cup, fovea and lesions, before anything is drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.phantom import measures
from retina_tools.phantom.appearance import TESSELLATED, photograph, tessellation_mask
from retina_tools.phantom.lesions import AnyLesion, lesion_mask
from retina_tools.phantom.outlines import Outline, arc_outline, cup_outline, disc_outline
from retina_tools.phantom.painting import View, ellipse_mask, paint_vessels
from retina_tools.phantom.parameters import Parameters, parameters
from retina_tools.phantom.placing import Placing
from retina_tools.phantom.trees import vessel_tree
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vascular import Vascular
from retina_tools.phantom.vessels import Segment

# The field of view fills this part of the frame, which leaves the black corners and margin of a fundus camera.
_FRAME_FILL: Final = 0.98


@dataclass(frozen=True)
class Anatomy:
    """The geometry of one synthetic eye; the same whatever the size it is rendered at.

    Coordinates are (y, x) in micrometres with the fovea at the origin, y down and x nasal: a right eye as
    photographed. A left eye is its mirror image, made when rendering.

    Attributes
    ----------
    parameters : Parameters
    seed : int
    segments : tuple of Segment
        The vessel graph, arteries first.
    lesions : tuple of Lesion or Trace
    disc_yx : ndarray, shape (2,)
        Centre of the optic disc.
    """

    parameters: Parameters
    seed: int
    segments: tuple[Segment, ...] = field(repr=False)
    lesions: tuple[AnyLesion, ...] = field(repr=False)
    frame: Frame = field(repr=False)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Biomarkers computed from the geometry, see `retina_tools.phantom.truth`."""
        return measures.measured(self, make_view(self.frame, measures.RASTER_PX))

    @property
    def disc_yx(self) -> NDArray[np.float64]:
        """Centre of the optic disc."""
        return self.frame.disc_yx

    def of(self, vessel: str) -> list[Segment]:
        """The segments of one kind, ``'artery'`` or ``'vein'``."""
        return [segment for segment in self.segments if segment.vessel == vessel]

    def view(self, size: int) -> View:
        """The pixels of a picture of this size."""
        return make_view(self.frame, size)

    def render(
        self, size: int = 1024, laterality: str = "OD", *, image: bool = True, image_id: str = "", patient_id: str = ""
    ) -> xr.Dataset:
        """Draw the eye.

        Parameters
        ----------
        size : int
            Pixels along one side, 64 to 4096.
        laterality : {'OD', 'OS'}
            The left eye is the exact mirror image of the right one.
        image : bool
            Whether the photograph is wanted besides the masks.
        image_id, patient_id : str

        Returns
        -------
        xarray.Dataset
            The eye, with masks of artery, vein, optic_disc, optic_cup, macula and the lesions that were asked for.

        Raises
        ------
        EyeError
            The size or laterality is none.
        """
        if isinstance(size, bool) or int(size) != size or not 64 <= size <= 4096:
            raise schema.EyeError(f"size is {size!r}, wanted a whole number of pixels from 64 to 4096.")
        if laterality not in ("OD", "OS"):
            raise schema.EyeError(f"laterality is {laterality!r}, wanted 'OD' (right eye) or 'OS' (left eye).")
        view = self.view(int(size))
        planes = {name: paint_vessels(self.of(name), view, looks=image) for name in ("artery", "vein")}
        fov = view.field()
        masks = {name: plane.mask for name, plane in planes.items()} | self._other_masks(view)
        masks = {name: mask & fov for name, mask in masks.items()}
        picture = photograph(self, view, planes) if image else None
        points = {"optic_disc": view.to_px(self.disc_yx), "fovea": view.to_px(np.zeros(2))}
        if laterality == "OS":
            masks = {name: mask[:, ::-1] for name, mask in masks.items()}
            points = {name: np.array([yx[0], size - 1 - yx[1]]) for name, yx in points.items()}
            picture = None if picture is None else np.ascontiguousarray(picture[:, ::-1])
        seen = {name: (float(yx[0]), float(yx[1])) if fov_holds(yx, view) else None for name, yx in points.items()}
        eye = schema.new_eye(
            picture,
            masks,
            fov=fov,
            landmarks=seen,
            laterality=laterality,
            um_per_pixel=view.um_per_pixel,
            scale_source="metadata",
            image_id=image_id or f"phantom_{self.seed}_{laterality}",
            patient_id=patient_id or f"phantom_{self.seed}",
            source=f"phantom.eye(seed={self.seed})",
            provenance=[f"phantom: rendered at {size} px from the seed {self.seed}"],
        )
        eye.attrs["phantom"] = json.dumps(
            {"seed": self.seed, "size": int(size), "parameters": self.parameters.as_dict()}
        )
        return eye

    @cached_property
    def disc(self) -> Outline:
        """The optic disc's margin."""
        return disc_outline(self.frame)

    @cached_property
    def cup(self) -> Outline:
        """The cup's margin."""
        return cup_outline(self.frame)

    @cached_property
    def arc_atrophy(self) -> Outline | None:
        """The outer margin of peripapillary atrophy, whose inner one is the disc; None without any."""
        return arc_outline(self.frame)

    def _other_masks(self, view: View) -> dict[str, NDArray[np.bool_]]:
        p = self.parameters
        radius = p.macula_diameter_um / 2
        masks = {"optic_disc": self.disc.mask(view), "optic_cup": self.cup.mask(view)}
        masks["macula"] = ellipse_mask(view, np.zeros(2), (radius, radius), 0.0)
        if p.tessellation >= TESSELLATED:
            masks["tessellation"] = tessellation_mask(self.frame, view, self.seed) & ~masks["optic_disc"]
        if self.arc_atrophy is not None:
            masks["arc_atrophy"] = self.arc_atrophy.mask(view) & ~masks["optic_disc"]
        # A kind that was asked for with a count of nought is "looked for, not there".
        return masks | {kind: lesion_mask(self.lesions, kind, view) for kind in p.lesions}


def fov_holds(point_px: NDArray[np.float64], view: View) -> bool:
    """Whether a point lies in the round field of view."""
    return bool(np.hypot(*(point_px - (view.size - 1) / 2)) <= view.radius_px)


def make_view(frame: Frame, size: int) -> View:
    """The pixels of a picture of a given size."""
    p = frame.parameters
    radius_px = 0.5 * _FRAME_FILL * size
    return View(size, p.field_um / (2 * radius_px), p.view_centre * frame.disc_yx, radius_px)


def anatomy(*, seed: int = 0, **values: Any) -> Anatomy:
    """Grow the anatomy of an eye without drawing it.

    Parameters
    ----------
    seed : int
        The only source of chance; courses of vessels, colour and texture follow from it.
    **values
        See `Parameters`.

    Returns
    -------
    Anatomy

    Raises
    ------
    EyeError
        Unknown parameter or value out of range.

    Examples
    --------
    >>> geometry = anatomy(seed=1, arteriole_calibre_um=140)
    >>> round(geometry.truth["calibre_equivalent_um"]["artery"], 6)
    140.0
    """
    return grown(int(seed), parameters(**values))


def grown(seed: int, p: Parameters) -> Anatomy:
    """The anatomy for a seed and parameters."""
    if seed < 0:
        raise schema.EyeError(f"seed is {seed}, wanted a whole number from 0.")
    frame = Frame(p)
    arteries = vessel_tree(frame, "artery", seed, 0, None)
    points = np.concatenate([segment.points_um for segment in arteries])
    veins = vessel_tree(frame, "vein", seed, len(arteries), points)
    segments = [*arteries, *veins]
    traces = Vascular(segments, frame, seed).all()
    return Anatomy(p, seed, tuple(segments), (*Placing(frame, seed).all(), *traces), frame)


def anatomy_of(eye: xr.Dataset) -> Anatomy:
    """The anatomy of a synthetic eye, grown again from the seed and the parameters it carries.

    Parameters
    ----------
    eye : xarray.Dataset
        Made by `retina_tools.phantom.eye`.

    Returns
    -------
    Anatomy

    Raises
    ------
    EyeError
        The eye is not a synthetic one.
    """
    return grown_again(*recipe_of(eye))


def recipe_of(eye: xr.Dataset) -> tuple[int, str]:
    """Seed and parameters (as JSON) that a synthetic eye carries; EyeError for any other eye."""
    if "phantom" not in eye.attrs:
        raise schema.EyeError("This eye carries no truth; only eyes made by phantom.eye or phantom.cohort do.")
    stored = json.loads(eye.attrs["phantom"])
    return int(stored["seed"]), json.dumps(stored["parameters"], sort_keys=True)


@lru_cache(maxsize=4)
def grown_again(seed: int, values: str) -> Anatomy:
    """The anatomy of a recipe; the last few are kept, since several truths are usually asked of one eye."""
    return grown(seed, parameters(**json.loads(values)))
