"""The photograph: colour of the fundus, disc, macula, blood and lesions, the flash, the lens and the sensor.

Reflectances are linear numbers per channel; blood and macular pigment multiply them (Lambert and Beer), the flash
multiplies all of it, haze adds, and the sensor blurs, adds noise and clips.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from retina_tools.phantom.growth import Frame
from retina_tools.phantom.lesions import Lesion, level
from retina_tools.phantom.painting import Plane, VesselPlanes, View, ellipse_level

Colour = NDArray[np.float32]

_BLOND: Final = np.array([228.0, 118.0, 66.0], np.float32)
_DARK: Final = np.array([138.0, 60.0, 24.0], np.float32)
_DISC: Final = np.array([246.0, 182.0, 112.0], np.float32)
_CUP: Final = np.array([255.0, 232.0, 172.0], np.float32)
# Absorbance of blood per micrometre, red, green, blue.
_ARTERIAL: Final = np.array([0.0009, 0.0058, 0.0050], np.float32)
_VENOUS: Final = np.array([0.0026, 0.0068, 0.0052], np.float32)
_TEXTURE_UM: Final = 80.0


def photograph(
    frame: Frame,
    view: View,
    planes: dict[str, VesselPlanes],
    lesions: Sequence[Lesion],
    seed: int,
) -> NDArray[np.uint8]:
    """Render the picture of a right eye.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    p = frame.parameters
    rng = np.random.default_rng([seed, 20])
    picture = _fundus(frame, view, rng)
    _paint_disc(picture, frame, view, rng)
    _paint_macula(picture, frame, view)
    _paint_pale_lesions(picture, lesions, view, rng)
    _paint_vessels(picture, planes)
    _paint_dark_lesions(picture, lesions, view)
    picture *= _flash(frame, view, rng)[..., None]
    if p.haze > 0:
        veil = 0.75 * p.haze
        picture *= 1.0 - veil
        picture += veil * np.array([190.0, 150.0, 110.0], np.float32)
    return _sensor(picture, frame, view, np.random.default_rng([seed, 21]))


def _fundus(frame: Frame, view: View, rng: np.random.Generator) -> Colour:
    p = frame.parameters
    base = _BLOND * (_DARK / _BLOND) ** p.pigmentation
    base = base * np.exp(rng.normal(0.0, [0.03, 0.07, 0.10])).astype(np.float32)
    patches = _noise(view, rng, 1400.0)
    fine = _noise(view, rng, 260.0)
    streaks = _choroid(view, rng)
    shade = 0.05 * patches + 0.025 * fine
    picture = np.empty((view.size, view.size, 3), np.float32)
    strength = p.tessellation * np.array([0.16, 0.34, 0.30], np.float32)
    for channel, weight in enumerate((0.8, 1.3, 1.3)):
        picture[..., channel] = base[channel] * np.exp(weight * shade + strength[channel] * streaks)
    return picture


def _noise(view: View, rng: np.random.Generator, scale_um: float) -> Plane:
    """Smooth noise of unit variance on the retina, the same whatever the pixels are."""
    extent = 9600.0
    cells = int(2 * extent / scale_um * 2) + 8
    coarse = gaussian_filter(rng.standard_normal((cells, cells)).astype(np.float32), 1.0)
    coarse /= coarse.std()
    return _sampled(coarse, view, extent)


def _sampled(coarse: Plane, view: View, extent_um: float) -> Plane:
    """A square of the retina, ``extent_um`` to each side of the middle of the view, at the view's pixels."""
    from scipy.ndimage import affine_transform

    step = (len(coarse) - 1) / (2 * extent_um) * view.um_per_pixel
    offset = (len(coarse) - 1) / 2 - step * (view.size - 1) / 2
    fine: Plane = affine_transform(coarse, [step, step], [offset, offset], (view.size, view.size), np.float32, order=1)
    return fine


def _choroid(view: View, rng: np.random.Generator) -> Plane:
    """Ridges of warped noise: choroidal vessels between darker islands."""
    extent = 9600.0
    cells = int(2 * extent / _TEXTURE_UM)
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    wide = gaussian_filter(coarse, (2.2, 5.0))
    ridge = 1.0 - np.abs(wide) / wide.std()
    ridge = gaussian_filter(ridge, 0.8)
    ridge = (ridge - ridge.mean()) / ridge.std()
    return _sampled(ridge.astype(np.float32), view, extent)


def _paint_disc(picture: Colour, frame: Frame, view: View, rng: np.random.Generator) -> None:
    p = frame.parameters
    long, short = frame.disc_semi_axes_um
    rim = ellipse_level(view, frame.disc_yx, long, short, p.disc_tilt_deg)
    cup = ellipse_level(
        view, frame.disc_yx, long * p.cup_disc_ratio, short * p.cup_disc_ratio * p.cup_ovality, p.disc_tilt_deg
    )
    glow = 0.20 * np.exp(-np.maximum(rim - 1.0, 0.0) / 0.35)
    picture *= (1.0 + glow)[..., None]
    inside = _edge(rim, 0.05)
    pale = _edge(cup, 0.22)
    tint = np.exp(rng.normal(0.0, [0.01, 0.05, 0.10])).astype(np.float32)
    for channel in range(3):
        colour = _DISC[channel] * tint[channel] * (1 - pale) + _CUP[channel] * pale
        picture[..., channel] += inside * (colour - picture[..., channel])


def _edge(level_: Plane, softness: float) -> Plane:
    """1 inside an outline, 0 outside, with a soft edge of this fraction of its radius."""
    cover: Plane = (1.0 / (1.0 + np.exp(np.clip((level_ - 1.0) / (0.5 * softness), -30.0, 30.0)))).astype(np.float32)
    return cover


def _paint_macula(picture: Colour, frame: Frame, view: View) -> None:
    y, x = view.axes_um()
    square = y**2 + x**2
    wide = np.exp(-square / (2 * 900.0**2))
    core = np.exp(-square / (2 * 300.0**2))
    for channel, (outer, inner) in enumerate(((0.20, 0.10), (0.34, 0.20), (0.30, 0.20))):
        picture[..., channel] *= np.exp(-outer * wide - inner * core)


def _paint_vessels(picture: Colour, planes: dict[str, VesselPlanes]) -> None:
    for vessel, absorbance, reflex in (("artery", _ARTERIAL, 0.13), ("vein", _VENOUS, 0.05)):
        plane = planes[vessel]
        seen = plane.thickness_um > 0
        column, axial = plane.thickness_um[seen], plane.axial[seen]
        picture[seen] *= np.exp(-column[:, None] * absorbance) * (1.0 + reflex * axial[:, None])


def _paint_pale_lesions(picture: Colour, lesions: Sequence[Lesion], view: View, rng: np.random.Generator) -> None:
    looks = {
        "hard_exudate": (np.array([252.0, 226.0, 130.0], np.float32), 0.18, 0.9),
        "cotton_wool_spot": (np.array([240.0, 224.0, 190.0], np.float32), 0.45, 0.62),
        "drusen": (np.array([240.0, 190.0, 110.0], np.float32), 0.5, 0.55),
    }
    for lesion in lesions:
        if lesion.kind in looks and (found := level(lesion, view)) is not None:
            window, inside = found
            colour, softness, strength = looks[lesion.kind]
            cover = strength * _edge(inside, softness)[..., None]
            picture[window] += cover * (colour - picture[window])


def _paint_dark_lesions(picture: Colour, lesions: Sequence[Lesion], view: View) -> None:
    absorbed = np.array([0.30, 0.75, 0.55], np.float32)
    for lesion in lesions:
        if lesion.kind in ("haemorrhage", "microaneurysm") and (found := level(lesion, view)) is not None:
            window, inside = found
            softness = 0.25 if lesion.kind == "haemorrhage" else 0.4
            picture[window] *= np.exp(-_edge(inside, softness)[..., None] * absorbed)


def _flash(frame: Frame, view: View, rng: np.random.Generator) -> Plane:
    p = frame.parameters
    axis = ((np.arange(view.size) - (view.size - 1) / 2) / view.radius_px).astype(np.float32)
    y, x = axis[:, None], axis[None]
    angle, shift = rng.uniform(0.0, 2 * np.pi), rng.uniform(0.0, 0.45)
    square = (y - shift * np.sin(angle)) ** 2 + (x - shift * np.cos(angle)) ** 2
    light = p.illumination * np.exp(-p.uneven_illumination * 0.7 * square)
    radius = np.sqrt(y**2 + x**2)
    light *= 1.0 - 0.35 * np.clip((radius - 0.90) / 0.12, 0.0, 1.0) ** 2
    dimmed: Plane = light.astype(np.float32)
    return dimmed


def _sensor(picture: Colour, frame: Frame, view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    p = frame.parameters
    sigma = p.blur_um / view.um_per_pixel
    edge = np.clip(view.radius_px - _radius_px(view) + 0.5, 0.0, 1.0).astype(np.float32)
    for channel in range(3):
        plane = picture[..., channel]
        if sigma > 0.15:
            plane = gaussian_filter(plane, sigma, truncate=3.0)
        if p.noise > 0:
            plane = plane + p.noise * rng.standard_normal(plane.shape, dtype=np.float32)
        picture[..., channel] = plane * edge
    pixels = np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8)
    return _jpeg(pixels, p.jpeg_quality) if p.jpeg_quality else pixels


def _radius_px(view: View) -> Plane:
    axis = (np.arange(view.size) - (view.size - 1) / 2).astype(np.float32)
    radius: Plane = np.sqrt(axis[:, None] ** 2 + axis[None] ** 2)
    return radius


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.uint8).copy()
