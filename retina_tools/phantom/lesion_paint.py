"""How lesions look in a photograph: pale, dark or bloody, sharp or fluffy, below or above the vessels.

Everything is laid down in micrometres, so that a lesion looks the same whatever the size of the picture. Macular oedema
is thickening, of which a colour photograph shows little: a paler, duller macula is all that is painted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from retina_tools.phantom.lesions import AnyLesion, Lesion, Trace
from retina_tools.phantom.painting import Plane, View, Window, paint_vessels
from retina_tools.phantom.vessels import Segment

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class _Cover:
    """A layer of a colour: how opaque, how soft its edge as a fraction of the radius, how uneven, at what grain."""

    colour: Triple
    opacity: float
    softness: float
    uneven: float = 0.0
    grain_um: float = 120.0


# Colours are those of a fundus of middling pigmentation in even light.
_BELOW: Final[Mapping[str, _Cover]] = {
    "diffuse_atrophy": _Cover((232.0, 150.0, 80.0), 0.42, 0.9, 0.25, 900.0),
    "macular_oedema": _Cover((205.0, 120.0, 80.0), 0.22, 0.9),
    "choroidal_atrophy": _Cover((240.0, 178.0, 112.0), 0.62, 0.12, 0.45, 260.0),
    "patchy_atrophy": _Cover((246.0, 224.0, 184.0), 0.74, 0.12, 0.30, 240.0),
    "retinal_scar": _Cover((240.0, 206.0, 152.0), 0.70, 0.16, 0.35, 200.0),
    "laser_scar": _Cover((228.0, 186.0, 128.0), 0.58, 0.30, 0.2, 150.0),
    "drusen": _Cover((240.0, 182.0, 104.0), 0.55, 0.5),
    "hard_exudate": _Cover((255.0, 222.0, 118.0), 0.88, 0.18, 0.15, 60.0),
}
_ABOVE: Final[Mapping[str, _Cover]] = {
    "cotton_wool_spot": _Cover((238.0, 208.0, 168.0), 0.60, 0.55, 0.45, 150.0),
    "myelinated_nerve_fibre": _Cover((252.0, 238.0, 206.0), 0.86, 0.45, 0.35, 90.0),
    "fibrous_proliferation": _Cover((226.0, 208.0, 178.0), 0.66, 0.35, 0.5, 150.0),
    "epiretinal_membrane": _Cover((222.0, 176.0, 140.0), 0.24, 0.7, 0.8, 170.0),
    "artifact": _Cover((190.0, 168.0, 140.0), 0.30, 0.9),
}
# Extra absorbance in the middle, and softness of the edge.
_BLOOD: Final[Mapping[str, tuple[Triple, float]]] = {
    "haemorrhage": ((0.32, 0.85, 0.60), 0.34),
    "microaneurysm": ((0.26, 0.80, 0.50), 0.40),
    "patchy_haemorrhage": ((0.62, 1.60, 1.30), 0.10),
    "macular_hole": ((0.10, 0.55, 0.45), 0.14),
}
_PIGMENT: Final[Triple] = (0.85, 0.75, 0.50)
# Strands run along these.
_STRANDS: Final = ("myelinated_nerve_fibre", "fibrous_proliferation", "epiretinal_membrane")


def edge(fraction: Plane, softness: float) -> Plane:
    """1 inside an outline, 0 outside, with a soft edge of this fraction of its radius."""
    cover: Plane = 1.0 / (1.0 + np.exp(np.clip((fraction - 1.0) / (0.5 * softness), -30.0, 30.0)))
    return cover


def paint_below(picture: Plane, lesions: Sequence[AnyLesion], view: View) -> None:
    """Paint what lies deeper than the vessels.

    Parameters
    ----------
    picture : ndarray of float32, shape (3, y, x)
        Changed in place.
    lesions : sequence of Lesion or Trace
    view : View
    """
    for kind, look in _BELOW.items():
        for lesion in _blobs(lesions, kind):
            _cover(picture, lesion, look, view)
            if kind == "laser_scar":
                _pigment(picture, lesion, view, 0.45, 0.7)
            if kind == "retinal_scar":
                _clumps(picture, lesion, view)
    for lesion in _blobs(lesions, "pigment_change"):
        _pigment(picture, lesion, view, 1.0, 0.75)


def paint_above(picture: Plane, lesions: Sequence[AnyLesion], view: View) -> None:
    """Paint what lies on the vessels: blood, fluffy and fibrous patches, new vessels, sheaths.

    Parameters
    ----------
    picture : ndarray of float32, shape (3, y, x)
        Changed in place.
    lesions : sequence of Lesion or Trace
    view : View
    """
    for kind, (absorbance, softness) in _BLOOD.items():
        for lesion in _blobs(lesions, kind):
            if kind == "macular_hole":
                _cuff(picture, lesion, view)
            _bleed(picture, lesion, absorbance, softness, view)
    for trace in lesions:
        if isinstance(trace, Trace) and trace.kind == "vascular_sheathing":
            _sheathe(picture, trace, view)
    for lesion in _blobs(lesions, "neovascularisation"):
        _new_vessels(picture, lesion, view)
    for kind, look in _ABOVE.items():
        for lesion in _blobs(lesions, kind):
            _cover(picture, lesion, look, view)


def _blobs(lesions: Sequence[AnyLesion], kind: str) -> list[Lesion]:
    return [lesion for lesion in lesions if isinstance(lesion, Lesion) and lesion.kind == kind]


def _cover(picture: Plane, lesion: Lesion, look: _Cover, view: View) -> None:
    if (found := lesion.level(view, margin=1.0 + look.softness)) is None:
        return
    window, inside = found
    cover = look.opacity * edge(inside, look.softness)
    if look.uneven:
        cover = cover * (1.0 - look.uneven * _grain(lesion, view, window, look.grain_um))
    for channel in range(3):
        plane = picture[channel][window]
        plane += cover * (look.colour[channel] - plane)


def _grain(lesion: Lesion, view: View, window: Window, grain_um: float) -> Plane:
    """Unevenness from 0 to 1 that belongs to the lesion: patches of a size, or strands along its length."""
    y, x = view.axes_um()
    dy, dx = y[window[0]] - float(lesion.centre_um[0]), x[:, window[1]] - float(lesion.centre_um[1])
    cosine, sine = np.cos(lesion.direction), np.sin(lesion.direction)
    stretch = 5.0 if lesion.kind in _STRANDS else 1.0
    lattice = gaussian_filter(lesion_rng(lesion).standard_normal((48, 48), dtype=np.float32), 1.0, mode="wrap")
    spacing = np.float32(grain_um / 3.0)
    along, across = (dx * cosine + dy * sine) / (spacing * stretch), (dy * cosine - dx * sine) / spacing
    noise = map_coordinates(lattice / lattice.std(), np.stack([across, along]), order=1, mode="grid-wrap")
    grain: Plane = np.clip(0.5 + 0.3 * noise, 0.0, 1.0).astype(np.float32)
    return grain


def lesion_rng(lesion: Lesion) -> np.random.Generator:
    """The lesion's own source of chance, which is the same whatever else is in the eye."""
    return np.random.default_rng([int(abs(value)) for value in lesion.centre_um])


def _bleed(picture: Plane, lesion: Lesion, absorbance: Triple, softness: float, view: View) -> None:
    if (found := lesion.level(view)) is None:
        return
    window, inside = found
    cover = edge(inside, softness)
    if lesion.kind == "haemorrhage":
        cover = cover * (1.0 - 0.3 * _grain(lesion, view, window, 110.0))
    for channel in range(3):
        picture[channel][window] *= np.exp(-absorbance[channel] * cover)


def _pigment(picture: Plane, lesion: Lesion, view: View, size: float, depth: float) -> None:
    """Dark pigment in the middle of a lesion, of a size relative to it."""
    if (found := lesion.level(view)) is not None:
        window, inside = found
        cover = depth * edge(inside / np.float32(size), 0.45)
        for channel in range(3):
            picture[channel][window] *= np.exp(-_PIGMENT[channel] * cover)


def _clumps(picture: Plane, lesion: Lesion, view: View) -> None:
    """Pigment in clumps along the margin of a scar."""
    if (found := lesion.level(view)) is not None:
        window, inside = found
        rim = np.exp(-0.5 * ((inside - 0.9) / 0.16) ** 2)
        cover = rim * (_grain(lesion, view, window, 330.0) > 0.45)
        for channel in range(3):
            picture[channel][window] *= np.exp(-1.1 * _PIGMENT[channel] * cover)


def _cuff(picture: Plane, lesion: Lesion, view: View) -> None:
    """The greyish ring of detached retina around a macular hole."""
    if (found := lesion.level(view, margin=2.0)) is not None:
        window, inside = found
        ring = 0.28 * np.exp(-0.5 * ((inside - 1.25) / 0.18) ** 2)
        for channel, grey in enumerate((200.0, 150.0, 110.0)):
            plane = picture[channel][window]
            plane += ring * (grey - plane)


def _sheathe(picture: Plane, trace: Trace, view: View) -> None:
    """White lines along both walls of a vessel."""
    outer = paint_vessels([trace.as_segment()], view).thickness_um
    seen = np.flatnonzero(outer > 0)
    # The tube's depth falls to nought at the wall: what is shallow is near to it.
    depth = outer.ravel()[seen] / (2.0 * trace.half_width_um)
    cover = 0.75 * np.exp(-((depth / 0.75) ** 4))
    for channel, white in enumerate((236.0, 214.0, 180.0)):
        plane = picture[channel].reshape(-1)
        plane[seen] += cover * (white - plane[seen])


def _new_vessels(picture: Plane, lesion: Lesion, view: View) -> None:
    """A tuft of fine loops inside the outline."""
    rng = lesion_rng(lesion)
    loops = []
    for _ in range(int(10 + lesion.radius_um / 40.0)):
        turn = np.cumsum(rng.normal(0.0, 0.35, 60)) + rng.uniform(0.0, 2 * np.pi)
        walk = np.cumsum(np.column_stack([np.sin(turn), np.cos(turn)]), axis=0) * lesion.radius_um / 14.0
        walk += rng.normal(0.0, 0.25 * lesion.radius_um, 2)
        angle = np.arctan2(walk[:, 0], walk[:, 1])
        order = np.arange(2, 2 + len(lesion.waves))
        ripple = (lesion.waves[:, 0] * np.cos(order * angle[:, None] + lesion.waves[:, 1])).sum(axis=1)
        reach = 0.93 * lesion.radius_um * (1.0 + ripple)
        # Folded back at the outline, so that loops turn there as new vessels do.
        distance = np.hypot(*walk.T)
        folded = np.abs((distance + reach) % (2 * reach) - reach)
        points = lesion.centre_um + walk * (folded / np.maximum(distance, 1.0))[:, None]
        loops.append(Segment("vein", points, np.full(len(points), rng.uniform(8.0, 15.0)), -1, ()))
    blood = paint_vessels(loops, view).thickness_um
    seen = np.flatnonzero(blood > 0)
    column = np.minimum(blood.ravel()[seen] / 30.0, 1.0)
    for channel, absorbance in enumerate((0.14, 0.55, 0.5)):
        picture[channel].reshape(-1)[seen] *= np.exp(-absorbance * column)
