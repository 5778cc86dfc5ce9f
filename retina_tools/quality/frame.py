"""A photograph brought to one size, so that features of different cameras can be compared.

The field of view becomes 512 pixels wide (25 um a pixel where it covers 45 degrees), which is enough to show whether
the vessels that matter are seen. All filters are symmetric: a mirrored or turned picture gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from retina_tools.quality.lines import Lines, long_lines, ridge_lines
from retina_tools.quality.noise import noise_sd
from retina_tools.quality.resampling import Mask, Plane, resized, scaled, smooth_mean

Result = TypeVar("Result")

SIDE: Final = 512
SMALLEST_PX: Final = 32  # a field of view narrower than this is no photograph to be judged
UM_PER_DEGREE: Final = 288.0  # retinal arc in the standard eye (Drasdo and Fowler 1974)
USUAL_FIELD_DEG: Final = 45.0
CROP_FIELD_DEG: Final = 15.0  # a frame without the camera's aperture may be any part of a photograph

_BORDER: Final = 0.02  # of the field's width: what the camera's aperture shades and the filters smear
_AS_IT_IS: Final = 0.03  # so near to 512 pixels, resampling would only blur some pixels and not others
_FLOOR: Final = 8.0  # grey levels added before dividing, so that black noise has no contrast


@dataclass(frozen=True, eq=False)
class Frame:
    """What features are computed from.

    Attributes
    ----------
    image : ndarray of uint8, shape (y, x, 3)
        The photograph as it is, for what belongs to its own pixels (compression).
    image_fov : ndarray of bool, shape (y, x)
        Its field of view.
    planes : ndarray of float32, shape (3, h, w)
        Red, green and blue at the normalised size, in grey levels 0 to 255.
    fov : ndarray of bool, shape (h, w)
        Field of view at that size.
    width_px : float
        Width of the field of view in pixels of the photograph.
    zoom : float
        Pixels of the photograph that became one of the frame, along one side.
    um_per_pixel : float
        Scale of the normalised pixels; from the photograph's where it is known, else from ``field_deg``.
    scale_known : bool
        Which of the two.
    is_full : bool
        Whether the field of view fills the frame, so that no aperture is seen.
    """

    image: NDArray[np.uint8]
    image_fov: Mask
    planes: NDArray[np.float32]
    fov: Mask
    width_px: float
    zoom: float
    um_per_pixel: float
    scale_known: bool
    is_full: bool

    @classmethod
    def of(cls, image: NDArray[np.uint8], fov: Mask, um_per_pixel: float = math.nan) -> Frame | None:
        """The normalised frame of a photograph, or None where its field of view is too small to be judged."""
        width = field_width(fov)
        if not width >= SMALLEST_PX:
            return None
        rows, columns = np.flatnonzero(fov.any(1)), np.flatnonzero(fov.any(0))
        window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        zoom = width / SIDE
        if abs(zoom - 1) < _AS_IT_IS:
            zoom = 1.0
        if min(len(image[window]), image[window].shape[1]) < 8 * zoom:
            return None
        planes = np.stack([resized(image[(*window, channel)], zoom) for channel in range(3)])
        cover = resized(fov[window].astype(np.float32), zoom)
        known, full = math.isfinite(um_per_pixel), bool(fov.mean() > 0.998)
        field = CROP_FIELD_DEG if full else USUAL_FIELD_DEG
        scale = um_per_pixel * zoom if known else field * UM_PER_DEGREE * zoom / width
        small = np.asarray(cover > 0.995)
        if not small.any():
            return None
        return cls(image[window], fov[window], planes, small, width, zoom, scale, known, full)

    @property
    def field_deg(self) -> float:
        """Angle the field of view covers."""
        return self.um_per_pixel * self.side_px / UM_PER_DEGREE

    @property
    def side_px(self) -> float:
        """Width of the field of view in pixels of the frame: 512, or a little off where resampling was spared."""
        return self.width_px / self.zoom

    @cached_property
    def inside(self) -> Mask:
        """The field of view without its border."""
        # The picture's edge is a border too, but only one that filters smear.
        padded = np.pad(self.fov, 1)
        kept: Mask = ndimage.distance_transform_edt(padded)[1:-1, 1:-1] > _BORDER * SIDE
        return kept if kept.any() else self.fov

    @cached_property
    def pixels(self) -> NDArray[np.float32]:
        """Red, green and blue of the pixels inside, shape (3, n)."""
        return self.planes[:, self.inside]

    @cached_property
    def red(self) -> Plane:
        """The red plane, shape (h, w)."""
        return self._filled(self.planes[0])

    @cached_property
    def green(self) -> Plane:
        """The green plane, which shows vessels best, continued smoothly beyond the field of view."""
        return self._filled(self.planes[1])

    @cached_property
    def brightness(self) -> Plane:
        """Luminance (ITU-R BT.601), shape (h, w)."""
        weights = np.array([0.299, 0.587, 0.114], np.float32)
        luminance: Plane = np.tensordot(weights, self.planes, 1)
        return luminance

    @cached_property
    def background(self) -> Plane:
        """Green without vessels and lesions: a Gaussian mean (sd 1/20 of the field's width) over the field of view."""
        return smooth_mean(self.planes[1], self.fov, SIDE / 20)

    @cached_property
    def light(self) -> Plane:
        """Luminance averaged as the background is."""
        return smooth_mean(self.brightness, self.fov, SIDE / 20)

    @cached_property
    def detail(self) -> Plane:
        """Green relative to its background, less one: contrast, whatever the brightness."""
        relative: Plane = (self.green - self.background) / (self.background + _FLOOR)
        return relative

    @cached_property
    def fine_lines(self) -> Lines:
        """Lines of the detail about 5 pixels wide (1 % of the field's width)."""
        return ridge_lines(self.detail, 1.5)

    @cached_property
    def lines(self) -> Lines:
        """Lines of the detail about 9 pixels wide (2 % of the field's width): the main vessels."""
        return ridge_lines(self.detail, 3.0)

    @cached_property
    def long_lines(self) -> tuple[tuple[Lines, ...], Mask]:
        """Long lines of two widths at half the size, and the field of view at that size."""
        shape = (max(1, self.fov.shape[0] // 2), max(1, self.fov.shape[1] // 2))
        # A wart or a reflex is not a line, however strong.
        half = np.clip(scaled(self.detail, shape), -0.5, 0.5)
        return tuple(long_lines(half, *size) for size in ((1.0, 5.0), (2.0, 6.0))), scaled(
            self.inside.astype(np.float32), shape
        ) > 0.99

    @cached_property
    def pixel_noise(self) -> float:
        """Standard deviation of the noise of green in the photograph's own pixels, in grey levels."""
        return noise_sd(self.planes[1], self.inside, self.zoom)

    @property
    def noise(self) -> float:
        """The same averaged over the area of a pixel of the frame, which does not depend on the photograph's size."""
        return self.pixel_noise / self.zoom

    @cached_property
    def relative_noise(self) -> float:
        """Noise of green over its median."""
        return self.noise / (float(np.median(self.pixels[1])) + _FLOOR)

    def remember(self, name: str, compute: Callable[[Frame], Result]) -> Result:
        """What ``compute(frame)`` gives, computed once: for what several features share."""
        if name not in self._memory:
            self._memory[name] = compute(self)
        kept: Result = self._memory[name]
        return kept

    @cached_property
    def _memory(self) -> dict[str, Any]:
        return {}

    @cached_property
    def is_grey(self) -> bool:
        """Whether the photograph has no colour: red-free or infrared."""
        spread = np.ptp(self.planes, axis=0)[self.inside]
        return bool(spread.mean() < 4.0)

    def _filled(self, plane: Plane) -> Plane:
        mean = smooth_mean(plane, self.fov, SIDE / 20)
        return np.where(self.fov, plane, mean)


def field_width(fov: Mask) -> float:
    """Width of a field of view in pixels: its largest extent in any of 16 directions; 0 where it is empty.

    Of a circle, whole or cut off by the frame, it is the diameter; of a full frame the diagonal.

    Examples
    --------
    >>> y, x = np.mgrid[:60, :100]
    >>> round(field_width(np.hypot(y - 30, x - 50) < 24))
    49
    """
    rows = np.flatnonzero(fov.any(1))
    if not len(rows):
        return 0.0
    first = fov[rows].argmax(1)
    last = fov.shape[1] - 1 - fov[rows, ::-1].argmax(1)
    y, x = np.concatenate([rows, rows]), np.concatenate([first, last])
    angles = np.arange(16) * np.pi / 16
    along = np.outer(np.cos(angles), y) + np.outer(np.sin(angles), x)
    # A pixel is one wide, and its corners stick out obliquely.
    return float((np.ptp(along, axis=1) + 1.0).max())
