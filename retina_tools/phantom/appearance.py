"""The photograph: colour of the fundus, disc, macula, blood and lesions, the flash, the lens and the sensor.

Reflectances are linear numbers per channel; blood and macular pigment multiply them (Lambert and Beer), the flash
multiplies all of it, haze adds, and the sensor blurs, adds noise and clips. Planes are kept channel first.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from retina_tools.phantom.lesion_paint import edge, paint_above, paint_below
from retina_tools.phantom.painting import Plane, VesselPlanes, View, Window, window_around
from retina_tools.phantom.texture import Texture
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats

if TYPE_CHECKING:
    from retina_tools.phantom.geometry import Anatomy

Triple = tuple[float, float, float]

_BLOND: Final = np.array([230.0, 104.0, 50.0])
_DARK: Final = np.array([144.0, 56.0, 18.0])
_RIM: Final = np.array([250.0, 156.0, 76.0])
_CUP: Final = np.array([255.0, 224.0, 138.0])
# Absorbance of a vessel of usual width in the red, green and blue channel.
_ABSORBANCE: Final[Mapping[str, Triple]] = {"artery": (0.12, 0.66, 0.72), "vein": (0.28, 0.86, 0.96)}
_REFLEX: Final[Mapping[str, float]] = {"artery": 0.10, "vein": 0.05}
_USUAL_WIDTH_UM: Final = 100.0
#: From this tessellation on anybody sees the choroid's vessels, and the eye has a mask of them.
TESSELLATED: Final = 0.5


def photograph(geometry: Anatomy, view: View, planes: Mapping[str, VesselPlanes]) -> NDArray[np.uint8]:
    """Render the picture of a right eye.

    Parameters
    ----------
    geometry : Anatomy
    view : View
    planes : mapping of str to VesselPlanes
        Of arteries and veins in this view.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    frame, seed = geometry.frame, geometry.seed
    rng = np.random.default_rng([seed, 20])
    picture = _fundus(frame, view, rng, seed)
    _paint_disc(picture, geometry, view, rng)
    paint_below(picture, geometry.lesions, view)
    _paint_vessels(picture, planes, geometry, view)
    paint_above(picture, geometry.lesions, view)
    light = _flash(frame, view, rng)
    # No two cameras see the same white: how warm the picture is, and a little more, is left to chance.
    warm = rng.normal(0.06, 0.12)
    balance = np.exp(np.array([0.2, -0.8, -1.5]) * warm + rng.normal(0.0, [0.02, 0.05, 0.07]))
    veil = 0.75 * frame.parameters.haze
    for channel, grey in enumerate((190.0, 150.0, 110.0)):
        picture[channel] *= light * np.float32(balance[channel] * (1.0 - veil))
        if veil > 0:
            picture[channel] += veil * grey
    return _sensor(picture, frame, view, np.random.default_rng([seed, 21]))


def _fundus(frame: Frame, view: View, rng: np.random.Generator, seed: int) -> Plane:
    """Pigment epithelium and choroid, darker at the macula, and the sheen of the nerve fibres on them."""
    p = frame.parameters
    base = _BLOND * (_DARK / _BLOND) ** p.pigmentation
    texture = Texture(frame)
    mottle, streaks = texture.patches(rng), texture.choroid(_choroid_rng(seed))
    fibres = texture.fibres(np.random.default_rng([seed, 23]))
    y, x = view.axes_um()
    square = y**2 + x**2
    wide, core = np.exp(square / (-2.0 * 1150.0**2)), np.exp(square / (-2.0 * 380.0**2))
    glint = float(rng.uniform(-0.12, 0.16))
    if glint > 0:
        # The light reflex in the pit, in some eyes.
        core = core - np.float32(glint / 0.3) * np.exp(square / (-2.0 * 45.0**2))
    picture = np.empty((3, view.size, view.size), np.float32)
    looks = ((0.8, 0.09, 0.26, 0.20, 0.35), (1.0, 0.23, 0.40, 0.22, 1.0), (1.0, 0.20, 0.36, 0.18, 1.1))
    shown = p.tessellation**1.5
    for channel, (weight, streak, outer, inner, shine) in enumerate(looks):
        shade = texture.sampled(weight * mottle + streak * shown * streaks + shine * fibres, view)
        picture[channel] = float(base[channel]) * np.exp(shade - outer * wide - inner * core)
    return picture


def _choroid_rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 22])


def tessellation_mask(frame: Frame, view: View, seed: int) -> NDArray[np.bool_]:
    """Where choroidal vessels show between darker islands; more of them the more tessellated the fundus is.

    Parameters
    ----------
    frame : Frame
    view : View
    seed : int
    """
    texture = Texture(frame)
    ridges = texture.sampled(texture.choroid(_choroid_rng(seed)), view)
    mask: NDArray[np.bool_] = ridges > 1.4 - 1.2 * frame.parameters.tessellation
    return mask


def _paint_disc(picture: Plane, geometry: Anatomy, view: View, rng: np.random.Generator) -> None:
    frame = geometry.frame
    reach = 3.0 * float(geometry.disc.radius_um.max())
    window = window_around(view, frame.disc_yx, reach)
    rim, cup = geometry.disc.level(view, window), geometry.cup.level(view, window)
    _paint_atrophy(picture, geometry, view, window)
    halo = np.exp(np.maximum(rim - 1.0, 0.0) / -0.35)
    inside, pale = edge(rim, 0.075), edge(cup, 0.24)
    # The disc sinks in towards the middle of the cup, which is the brightest.
    deep = np.exp(-((cup / 0.75) ** 2))
    tint = np.exp(rng.normal(0.0, [0.01, 0.03, 0.05]))
    _, x = view.axes_um()
    # The nasal rim is thicker with nerve fibres and pinker, the temporal one paler.
    nasal = np.clip((x[:, window[1]] - float(frame.disc_yx[1])) / float(frame.radius_um), -1.0, 1.0)
    for channel, pink in enumerate((0.03, 0.13, 0.18)):
        plane = picture[channel][window]
        plane *= 1.0 + (0.03, 0.10, 0.12)[channel] * halo
        rosy = float(_RIM[channel] * tint[channel]) * (1.0 - pink * nasal)
        colour = rosy * (1 - pale) + (float(_CUP[channel]) + (4.0, 14.0, 34.0)[channel] * deep) * pale
        # Some of the fundus' own unevenness shows through the rim.
        plane += 0.90 * inside * (colour - plane)


def _paint_atrophy(picture: Plane, geometry: Anatomy, view: View, window: Window) -> None:
    """Peripapillary atrophy: bare sclera seen through thin choroid, with a line of pigment along its margin."""
    if geometry.arc_atrophy is None:
        return
    level = geometry.arc_atrophy.level(view, window)
    width = geometry.arc_atrophy.radius_um - geometry.disc.radius_um
    there = edge(level, 0.05) * float(np.clip(width.max() / 60.0, 0.0, 1.0))
    for channel, colour in enumerate((238.0, 206.0, 158.0)):
        plane = picture[channel][window]
        plane += 0.62 * there * (colour - plane)


def _paint_vessels(picture: Plane, planes: Mapping[str, VesselPlanes], geometry: Anatomy, view: View) -> None:
    for segment in geometry.segments:
        if segment.parent < 0:
            _sink(planes[segment.vessel].thickness_um, segment.points_um[0], geometry.frame, view)
    above = planes["artery"].thickness_um.ravel()
    for vessel, absorbance in _ABSORBANCE.items():
        plane = planes[vessel]
        seen = np.flatnonzero(plane.thickness_um > 0)
        # Light scattered around thin vessels fills them up a little less than Beer's law has it: a power below one.
        column = (plane.thickness_um.ravel()[seen] / _USUAL_WIDTH_UM) ** 0.95
        if vessel == "vein":
            # An artery over a vein hides most of it.
            column *= 1.0 - 0.65 * np.minimum(above[seen] / 40.0, 1.0)
        reflex = 1.0 + _REFLEX[vessel] * plane.axial.ravel()[seen]
        for channel in range(3):
            picture[channel].reshape(-1)[seen] *= np.exp(-absorbance[channel] * column) * reflex


def _sink(thickness_um: Plane, root_um: Floats, frame: Frame, view: View) -> None:
    """Let vessels fade where they dive into the nerve; both trunks of a tree share one root, and fade there twice."""
    window = window_around(view, root_um, 0.35 * frame.radius_um)
    y, x = view.axes_um()
    dy, dx = y[window[0]] - float(root_um[0]), x[:, window[1]] - float(root_um[1])
    depth = np.exp((dy**2 + dx**2) / np.float32(-2.0 * (0.11 * frame.radius_um) ** 2))
    thickness_um[window] *= 1.0 - 0.45 * depth


def _flash(frame: Frame, view: View, rng: np.random.Generator) -> Plane:
    p = frame.parameters
    axis = ((np.arange(view.size) - (view.size - 1) / 2) / view.radius_px).astype(np.float32)
    y, x = axis[:, None], axis[None]
    angle, shift = float(rng.uniform(0.0, 2 * np.pi)), float(rng.uniform(0.0, 0.45))
    square = (y - shift * float(np.sin(angle))) ** 2 + (x - shift * float(np.cos(angle))) ** 2
    light = p.illumination * np.exp(-1.0 * p.uneven_illumination * square)
    margin = np.clip((np.sqrt(y**2 + x**2) - 0.82) / 0.20, 0.0, 1.0)
    dimmed: Plane = light * (1.0 - 0.38 * margin**2)
    return dimmed


def _sensor(picture: Plane, frame: Frame, view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    p = frame.parameters
    sigma = p.blur_um / view.um_per_pixel
    axis = (np.arange(view.size) - (view.size - 1) / 2).astype(np.float32)
    edge = np.clip(np.float32(view.radius_px + 0.5) - np.sqrt(axis[:, None] ** 2 + axis[None] ** 2), 0.0, 1.0)
    pixels = np.empty((view.size, view.size, 3), np.uint8)
    for channel in range(3):
        plane = picture[channel]
        if sigma > 0.15:
            plane = np.asarray(gaussian_filter(plane, sigma, truncate=2.5), np.float32)
        if p.noise > 0:
            grain: Plane = rng.standard_normal(plane.shape, dtype=np.float32)
            grain *= p.noise
            plane += grain
        pixels[..., channel] = np.clip(plane * edge + 0.5, 0.0, 255.0)
    return _jpeg(pixels, int(p.jpeg_quality)) if p.jpeg_quality else pixels


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.uint8).copy()
