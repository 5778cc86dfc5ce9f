"""Biomarkers of a synthetic eye computed from its geometry, not from pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.phantom.calibres import calibre_equivalent, zone_widths
from retina_tools.phantom.findings import disc_truth, lesion_truth
from retina_tools.phantom.painting import View, paint_vessels
from retina_tools.phantom.vessels import Floats, Segment, Vessel

if TYPE_CHECKING:
    from retina_tools.phantom.geometry import Anatomy

# Areas of unions are counted on a fixed grid of pixel centres, whatever size is rendered; 0.2 % fine.
RASTER_PX: Final = 512
_VESSELS: Final[tuple[Vessel, ...]] = ("artery", "vein")


def truth(eye: xr.Dataset) -> dict[str, Any]:
    """The true biomarkers of a synthetic eye.

    Parameters
    ----------
    eye : xarray.Dataset
        Made by `retina_tools.phantom.eye`.

    Returns
    -------
    dict
        ``seed``, all ``parameters``, and the true values by name; those per vessel are mappings with the keys artery,
        vein (and all). Lengths in um, angles in degrees, densities over the field of view.

    Raises
    ------
    EyeError
        The eye is not a synthetic one.
    """
    from retina_tools.phantom.geometry import anatomy_of

    geometry = anatomy_of(eye)
    return {"seed": geometry.seed, "parameters": geometry.parameters.as_dict(), **geometry.truth}


def measured(geometry: Anatomy, view: View) -> dict[str, Any]:
    """All true values of a geometry, ready for JSON."""
    p, segments, frame = geometry.parameters, geometry.segments, geometry.frame
    calibre = {name: calibre_equivalent(segments, frame, name) for name in _VESSELS}
    runs = _seen_runs(segments, view)
    by_vessel: dict[str, list[tuple[float, float]]] = {str(name): found for name, found in runs.items()}
    by_vessel["all"] = runs["artery"] + runs["vein"]
    length = {name: sum(arc for arc, _ in found) / 1000.0 for name, found in by_vessel.items()}
    field_mm2 = np.pi * (p.field_um / 2000.0) ** 2
    return {
        "calibre_equivalent_um": calibre,
        "arteriole_venule_ratio": calibre["artery"] / calibre["vein"],
        "vessels_in_zone_b": {name: len(zone_widths(segments, frame, name)) for name in _VESSELS},
        "area_density": _area_density(segments, view),
        "length_density_mm_mm2": {name: value / field_mm2 for name, value in length.items()},
        "length_mm": length,
        "tortuosity_arc_chord": {name: _tortuosity(found, p.disc_diameter_um) for name, found in by_vessel.items()},
        "bifurcation_count": {name: _bifurcations(segments, view, name) for name in _VESSELS},
        **disc_truth(geometry),
        **lesion_truth(geometry),
    }


def _area_density(segments: Sequence[Segment], view: View) -> dict[str, float]:
    field = view.field()
    masks: dict[str, NDArray[np.bool_]] = {
        str(name): paint_vessels([s for s in segments if s.vessel == name], view, looks=False, thinnest_px=0.0).mask
        for name in _VESSELS
    }
    masks["all"] = masks["artery"] | masks["vein"]
    return {name: float(mask[field].mean()) for name, mask in masks.items()}


def _in_view(points_um: Floats, view: View) -> NDArray[np.bool_]:
    y, x = points_um[:, 0] - view.centre_um[0], points_um[:, 1] - view.centre_um[1]
    inside: NDArray[np.bool_] = y * y + x * x <= (view.radius_px * view.um_per_pixel) ** 2
    return inside


def _seen_runs(segments: Sequence[Segment], view: View) -> dict[Vessel, list[tuple[float, float]]]:
    """Arc and chord in um of the stretch of every segment that is in view."""
    runs: dict[Vessel, list[tuple[float, float]]] = {name: [] for name in _VESSELS}
    inside = _in_view(np.concatenate([segment.points_um for segment in segments]), view)
    last = 0
    for segment in segments:
        first, last = last, last + len(segment.points_um)
        seen = np.flatnonzero(inside[first:last])
        if len(seen) > 1:
            points = segment.points_um[seen[0] : seen[-1] + 1]
            y, x = np.diff(points, axis=0).T
            chord = points[-1] - points[0]
            runs[segment.vessel].append((float(np.sqrt(y * y + x * x).sum()), float(np.hypot(chord[0], chord[1]))))
    return runs


def _tortuosity(runs: list[tuple[float, float]], disc_um: float) -> float:
    """Arc over chord, the length-weighted mean over runs of 0.25 disc diameters or more."""
    arc, chord = np.array(runs).reshape(-1, 2).T
    long = arc >= 0.25 * disc_um
    return float(np.average(arc[long] / chord[long], weights=arc[long])) if long.any() else float("nan")


def _bifurcations(segments: Sequence[Segment], view: View, vessel: Vessel) -> int:
    ends = [s.points_um[-1] for s in segments if s.vessel == vessel and len(s.children) == 2]
    return int(_in_view(np.array(ends).reshape(-1, 2), view).sum())
