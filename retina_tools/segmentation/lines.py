"""Oriented line filters: how much darker a thin straight strip is than both of its flanks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["line_strength"]

# Standard deviation of one piece along, as a share of the distance between two.
_PIECE = 0.5


def line_strength(
    contrast: NDArray[np.float32],
    *,
    sigma_px: float,
    length_px: float,
    offset_px: float,
    orientations: int = 16,
    slope_yx: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Strength of dark lines, the largest over orientations.

    The plane is smoothed along each orientation by an elongated Gaussian, and the strip through a pixel is compared
    with the two parallel strips beside it. The *smaller* of the two differences counts, so that a step (the rim of the
    disc, the border of an exudate, the edge of the field) which is dark on one side only gives nothing, where the usual
    second derivative gives half of what a vessel does. This is done for three pieces one behind the other, and their
    *median* counts: a vessel fills at least two of them up to its very end, a dark dot only one, so dots (haemorrhages,
    microaneurysms) do not grow rays.

    Parameters
    ----------
    contrast : ndarray of float32, shape (y, x)
        Local contrast, vessels negative, zero where unknown.
    sigma_px : float
        Standard deviation of the strip across.
    length_px : float
        Distance of the three pieces along; each has half of it as its standard deviation.
    offset_px : float
        Distance from the strip to its flanks, rounded to whole pixels in y and x.
    orientations : int
        Number of directions in half a turn; a multiple of four keeps the filter symmetric under mirroring and quarter
        turns.
    slope_yx : two ndarrays of float32, shape (y, x), optional
        Gradient per pixel of the surroundings; what it rises over ``offset_px`` across the line is subtracted. A line
        along the foot of a slope is the slope's own shadow; a vessel that climbs it is not touched.

    Returns
    -------
    ndarray of float32, shape (y, x)
        In units of ``contrast``; negative where nothing dark and thin is there.

    References
    ----------
    Chaudhuri et al., IEEE Trans Med Imaging 1989;8:263-9, doi:10.1109/42.34715 (oriented matched filters); Ricci and
    Perfetti, IEEE Trans Med Imaging 2007;26:1357-65, doi:10.1109/TMI.2007.898551 (line operators).

    Examples
    --------
    >>> import numpy as np
    >>> line, step, dot = np.zeros((3, 64, 64), np.float32)
    >>> line[:, 31:34] = step[:, 31:] = dot[31:34, 31:34] = -1
    >>> settings = {"sigma_px": 1.0, "length_px": 6.0, "offset_px": 4.0}
    >>> strengths = [float(line_strength(plane, **settings)[20:44, 20:44].max()) for plane in (line, step, dot)]
    >>> strengths[0] > 0.8, strengths[1] < 0.05, strengths[2] < 0.3
    (True, True, True)
    """
    from scipy import fft

    height, width = contrast.shape
    piece_px, spacing_px = _PIECE * length_px, length_px
    reach = math.ceil(spacing_px) + 1
    # Beyond what is read, the border keeps the periodic transform from bringing the far side in.
    border = reach + math.ceil(offset_px + 1.5 * piece_px) + 1
    shape = tuple(_odd_fast_length(size + 2 * border) for size in contrast.shape)
    padded = np.zeros(shape, np.float32)
    padded[border : border + height, border : border + width] = contrast
    spectrum = fft.rfft2(padded)
    wave_y = (2 * np.pi * fft.fftfreq(shape[0])).astype(np.float32)[:, None]
    wave_x = (2 * np.pi * fft.rfftfreq(shape[1])).astype(np.float32)[None, :]
    strongest = np.full(contrast.shape, -np.inf, np.float32)
    for index in range(orientations):
        sin, cos = math.sin(math.pi * index / orientations), math.cos(math.pi * index / orientations)
        along, across = sin * wave_y + cos * wave_x, cos * wave_y - sin * wave_x
        transfer = np.exp(-0.5 * ((piece_px * along) ** 2 + (sigma_px * across) ** 2))
        strip = fft.irfft2(spectrum * transfer, s=shape)
        dy, dx = round(offset_px * cos), round(-offset_px * sin)
        near, size = border - reach, (height + 2 * reach, width + 2 * reach)
        one, other = _window(strip, near + dy, near + dx, size), _window(strip, near - dy, near - dx, size)
        piece = np.minimum(one, other) - _window(strip, near, near, size)
        dy, dx = round(spacing_px * sin), round(spacing_px * cos)
        ahead = _window(piece, reach + dy, reach + dx, contrast.shape)
        behind = _window(piece, reach - dy, reach - dx, contrast.shape)
        here = _window(piece, reach, reach, contrast.shape)
        median = np.maximum(np.minimum(ahead, behind), np.minimum(np.maximum(ahead, behind), here))
        if slope_yx is not None:
            median -= offset_px * np.abs(np.float32(cos) * slope_yx[0] - np.float32(sin) * slope_yx[1])
        np.maximum(strongest, median, out=strongest)
    return strongest


def _odd_fast_length(length: int) -> int:
    """The next odd length whose transform is fast; an even one has a wave of no direction, which breaks symmetry."""
    from scipy import fft

    while length % 2 == 0 or fft.next_fast_len(length, real=True) != length:
        length += 1
    return length


def _window(plane: NDArray[np.float32], y: int, x: int, size: tuple[int, ...]) -> NDArray[np.float32]:
    return plane[y : y + size[0], x : x + size[1]]
