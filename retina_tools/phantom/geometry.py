"""A synthetic eye as geometry: vessel graph, disc, cup, fovea and lesions, before anything is drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.phantom import measures
from retina_tools.phantom.appearance import photograph
from retina_tools.phantom.growth import Frame, Tree, grow
from retina_tools.phantom.lesions import LESION_ORDER, Lesion, lesion_mask, scatter
from retina_tools.phantom.painting import View, ellipse_mask, paint_vessels
from retina_tools.phantom.parameters import Parameters, parameters
from retina_tools.phantom.vessels import Segment, tapered_radii, to_segments
from retina_tools.phantom.waves import Waves

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
    lesions : tuple of Lesion
    disc_yx : ndarray, shape (2,)
        Centre of the optic disc.
    truth : dict
        Biomarkers computed from the geometry, see `retina_tools.phantom.truth`.
    """

    parameters: Parameters
    seed: int
    segments: tuple[Segment, ...] = field(repr=False)
    lesions: tuple[Lesion, ...] = field(repr=False)
    frame: Frame = field(repr=False)
    truth: dict[str, Any] = field(repr=False)

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
        picture = photograph(self.frame, view, planes, self.lesions, self.seed) if image else None
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
            {"seed": self.seed, "parameters": self.parameters.as_dict(), "truth": self.truth}
        )
        return eye

    def _other_masks(self, view: View) -> dict[str, NDArray[np.bool_]]:
        p = self.parameters
        long, short = self.frame.disc_semi_axes_um
        cup = long * p.cup_disc_ratio, short * p.cup_disc_ratio * p.cup_ovality
        radius = p.macula_diameter_um / 2
        masks = {
            "optic_disc": ellipse_mask(view, self.disc_yx, (long, short), p.disc_tilt_deg),
            "optic_cup": ellipse_mask(view, self.disc_yx, cup, p.disc_tilt_deg),
            "macula": ellipse_mask(view, np.zeros(2), (radius, radius), 0.0),
        }
        # A kind that was asked for with a count of nought is "looked for, not there".
        for kind in LESION_ORDER:
            if kind in p.lesions:
                masks[kind] = lesion_mask(self.lesions, kind, view)
        return masks


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
    arteries = grow(frame, "artery", np.random.default_rng([seed, 1]))
    artery_points = np.concatenate([course.points_um for course in arteries.courses])
    veins = grow(frame, "vein", np.random.default_rng([seed, 2]), artery_points)
    segments = _as_segments(arteries, frame, p.arteriole_calibre_um, np.random.default_rng([seed, 3]), 0)
    segments += _as_segments(veins, frame, p.venule_calibre_um, np.random.default_rng([seed, 4]), len(segments))
    lesions = tuple(scatter(frame, seed))
    truth = measures.measured(segments, lesions, frame, make_view(frame, measures.RASTER_PX))
    return Anatomy(p, seed, tuple(segments), lesions, frame, truth)


def _as_segments(tree: Tree, frame: Frame, calibre_um: float, rng: np.random.Generator, first: int) -> list[Segment]:
    """Bend the courses, give them radii, and scale these to the calibre wanted."""
    bent = Waves(frame, rng).bent(np.concatenate([course.points_um for course in tree.courses]))
    ends = np.cumsum([len(course.points_um) for course in tree.courses])
    for course, points in zip(tree.courses, np.split(bent, ends[:-1]), strict=True):
        course.points_um = points
    radii = tapered_radii(tree.courses, frame.parameters.murray_exponent)
    segments = to_segments(tree.courses, radii, tree.vessel, first)
    calibre = measures.calibre_equivalent(segments, frame, tree.vessel, first)
    if not np.isfinite(calibre):
        raise schema.EyeError("Fewer than six vessels cross zone B of this eye; take a smaller disc or another seed.")
    return [replace(segment, radius_um=segment.radius_um * calibre_um / calibre) for segment in segments]
