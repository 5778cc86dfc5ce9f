"""What the vessel filter looks at: three line strengths and three local contrasts, free of camera and calibre.

Cameras see 30 to 60 degrees of the retina, so vessels differ in width by a factor of two even where the field of view
has one diameter. The width of the large vessels is therefore measured first, coarsely, and the eye is looked at in a
frame in which it is always the same; the same coefficients then hold for every camera.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.segmentation.background import local_contrast
from retina_tools.segmentation.frame import Frame, fit_fov_circle
from retina_tools.segmentation.lines import line_strength

__all__ = ["FEATURES", "FULL_PX", "calibre_scale", "vessel_features", "vessel_frame"]

FEATURES = ("thin_line", "middle_line", "thick_line", "contrast", "contrast_2", "contrast_4")

# (standard deviation across, length, distance of the flanks) in pixels of a frame of full size.
_STRIPS = ((1.0, 10.0, 2.5), (1.6, 16.0, 4.0), (2.6, 25.0, 6.5))
_BACKGROUND_PX = 12.0  # standard deviation of the background's window: the widest vessel is about as wide
_BLOT_PX = 13.0  # wider dark places than this are no vessels
_SLOPE_PX, _SLOPE_SHARE = 9.0, 0.6  # window in which a slope is measured, and how much of it is subtracted
FULL_PX = 1000  # the frame that suits vessels of the usual calibre
_SMALLEST_PX, _LARGEST_PX = 320, 1040
_SURVEY_PX = 416
_SURVEY_BACKGROUND_PX = 14.5
_SURVEY_STRIPS = tuple(0.7 * 1.6**step for step in range(5))
_USUAL_CALIBRE = 1.10
# Widths near one pixel read too wide, so the survey sees less than the true ratio between two cameras.
_SURVEY_POWER = 1.45
_CALIBRE_RANGE = (0.96, 2.6)
# Brighter than this many typical contrasts counts no more: the gap between two exudates is no vessel.
_BRIGHTEST = 2.0
_FAINTEST = 0.004  # a contrast nobody can see; keeps an even picture from being divided by zero


def calibre_scale(eye: xr.Dataset) -> float:
    """Typical width of the strongest vessels, relative to the field's diameter, in units of a 60-degree photograph's.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye with an image.

    Returns
    -------
    float
        1 for a field of about 60 degrees, about 2 for one of 30; 1 where there is nothing to see.
    """
    frame = Frame.of(eye, diameter_px=_SURVEY_PX)
    inner = inner_field(frame)
    if not inner.any():
        return 1.0
    contrast = local_contrast(frame.image[..., 1], inner, sigma_px=_SURVEY_BACKGROUND_PX)
    strengths = np.stack(
        [
            line_strength(contrast, sigma_px=width, length_px=4 * width, offset_px=2.5 * width, orientations=8)[inner]
            for width in _SURVEY_STRIPS
        ]
    )
    strongest = strengths.max(0)
    weight = np.where(strongest > max(float(np.percentile(strongest, 97)), _FAINTEST), strongest, 0)
    if weight.sum() <= 0:
        return 1.0
    width = np.exp(np.average(np.log(_SURVEY_STRIPS)[strengths.argmax(0)], weights=weight))
    return float(np.clip((width / _USUAL_CALIBRE) ** _SURVEY_POWER, *_CALIBRE_RANGE))


def vessel_frame(eye: xr.Dataset) -> tuple[Frame, float, float]:
    """The frame in which this eye's vessels have the usual width, and the unit of length in it.

    Returns
    -------
    frame : Frame
    unit_px : float
        Pixels of this frame per pixel of the frame the filters were designed in; below 1 where the photograph is too
        small for that.
    scale : float
        The eye's :func:`calibre_scale`.
    """
    scale = calibre_scale(eye)
    wanted = FULL_PX / scale
    # A multiple of 16 keeps blocks of the background symmetric under mirroring.
    native = fit_fov_circle(eye["fov"].values).diameter_px
    diameter = float(np.clip(min(wanted, native), _SMALLEST_PX, _LARGEST_PX))
    diameter_px = 16 * round(diameter / 16)
    return Frame.of(eye, diameter_px=diameter_px), min(diameter_px / wanted, 1.5), scale


def inner_field(frame: Frame) -> NDArray[np.bool_]:
    """The field of view less one hundredth of its radius, where the rim's blur and reflections end."""
    from scipy import ndimage

    depth = max(frame.diameter_px / 200, 2.0)
    padded = np.pad(frame.fov, 1)
    inside: NDArray[np.bool_] = ndimage.distance_transform_edt(padded)[1:-1, 1:-1] > depth
    return inside


def vessel_features(frame: Frame, unit_px: float) -> NDArray[np.float32]:
    """Features of every pixel, in the order of :data:`FEATURES`.

    Line strengths are divided by their own median in the picture, so that noise and contrast of the camera cancel, and
    compressed by a logarithm; contrasts are divided by their median size.

    Returns
    -------
    ndarray of float32, shape (6, n, n)
    """
    from scipy import ndimage

    inner = inner_field(frame)
    contrast = local_contrast(frame.image[..., 1], inner, sigma_px=_BACKGROUND_PX * unit_px)
    contrast = _without_wide_dark(contrast, _BLOT_PX * unit_px)
    capped = np.minimum(contrast, _BRIGHTEST * _typical(contrast, inner))
    slope_y, slope_x = (
        np.float32(_SLOPE_SHARE) * ndimage.gaussian_filter(contrast, _SLOPE_PX * unit_px, order=order)
        for order in ((1, 0), (0, 1))
    )
    lines = [
        line_strength(
            capped,
            sigma_px=across * unit_px,
            length_px=along * unit_px,
            offset_px=offset * unit_px,
            slope_yx=(slope_y, slope_x),
        )
        for across, along, offset in _STRIPS
    ]
    smooth = [ndimage.gaussian_filter(contrast, width * unit_px) for width in (1, 2, 4)]
    noise = float(np.mean([_typical(line, inner) for line in lines]))
    features = [np.log1p(np.maximum(line, 0) / noise) for line in lines]
    features += [np.clip(plane / _typical(plane, inner), -6, 3) for plane in smooth]
    return np.stack(features)


def _without_wide_dark(contrast: NDArray[np.float32], width_px: float) -> NDArray[np.float32]:
    """Dark places wider than a vessel (the macula, a blot, the shadow beside the disc) brought to the background.

    A closing fills what is narrower than its window, so that what it leaves dark is wide; it keeps steps sharp.
    """
    from scipy import ndimage

    size = 2 * round((width_px - 1) / 2) + 1
    smooth = ndimage.gaussian_filter(contrast, width_px / 12)
    envelope = ndimage.grey_closing(smooth, size=(size, size), mode="nearest")
    wide: NDArray[np.float32] = np.minimum(ndimage.gaussian_filter(envelope, width_px / 12), 0)
    return contrast - wide


def _typical(plane: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    values = np.abs(plane[where])
    return max(float(np.median(values)), _FAINTEST) if values.size else _FAINTEST
