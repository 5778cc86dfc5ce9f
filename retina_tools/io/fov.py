"""The field of view: which pixels of a photograph show retina rather than the camera's surround."""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retina_tools.io.circle import Circle, find_circle, fit_circle
from retina_tools.schema import EyeError

# The search runs on a picture of about this many pixels a side; the edge is then refined on the full one.
_SEARCH_SIDE: Final = 320
_BLACK: Final = 12  # grey levels: nothing brighter than sensor and JPEG noise
_DARK_SURROUND: Final = 64
_ON_CIRCLE: Final = 0.012  # of the radius

Shape = Literal["round", "cut", "full", "irregular", "none"]


class FovShape(NamedTuple):
    """What a field of view looks like.

    Attributes
    ----------
    centre_yx : (float, float)
        Centre of its circle in pixels; it may lie outside the frame.
    radius_px : float
        Radius of its circle.
    shape : {'round', 'cut', 'full', 'irregular', 'none'}
        A whole circle; a circle cut off by the frame or by straight edges; the whole frame, so that the circle is not
        seen; neither; nothing visible.
    visible_fraction : float
        Area of the field of view over the area of its circle.
    """

    centre_yx: tuple[float, float]
    radius_px: float
    shape: Shape
    visible_fraction: float

    @property
    def diameter_px(self) -> float:
        """Diameter of the circle in pixels."""
        return 2 * self.radius_px


def find_fov(image: ArrayLike) -> NDArray[np.bool_]:
    """Find the field of view of a fundus photograph.

    The surround is what looks like the corners of the picture. The outline of what does not is matched with a circle
    and, where it has them, with straight cuts; text and notches beside the circle and dark retina inside it do not move
    the circle. A picture without a surround is all field of view, a black picture has none.

    Parameters
    ----------
    image : array_like of uint8, shape (y, x, 3) or (y, x)

    Returns
    -------
    ndarray of bool, shape (y, x)
        True where retina is seen.

    Raises
    ------
    EyeError
        The array is no picture of 8 bits.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :240]
    >>> disc = np.hypot(y - 100, x - 120) < 90
    >>> fov = find_fov(np.where(disc, 150, 2).astype(np.uint8))
    >>> bool((fov == disc).mean() > 0.995)
    True
    """
    picture = _checked(image)
    shape = (picture.shape[0], picture.shape[1])
    if np.percentile(picture[:: max(1, shape[0] // 300), :: max(1, shape[1] // 300)], 99.5) <= _BLACK:
        return np.zeros(shape, bool)
    small, factor = _reduced(picture)
    surround = _Surround.of(small) if min(small.shape[:2]) >= 8 else None
    if surround is None:
        return np.ones(shape, bool)
    away = surround.distance(small)
    found = _best_circle(away, surround)
    if found is None:
        region = _irregular_region(away, surround)
        return np.ones(shape, bool) if region is None else _enlarged(region, shape)
    circle, region = found
    refined = circle.scaled(factor)
    for reach in (0.05, 0.02):
        refined = _refined(picture, refined, surround, reach)
    fov = _cut(refined.drawn(shape), picture, circle, region, surround)
    return np.ones(shape, bool) if fov.mean() > 0.998 else fov


def describe_fov(fov: ArrayLike) -> FovShape:
    """Circle, shape and visible part of a field of view.

    Parameters
    ----------
    fov : array_like of bool, shape (y, x)

    Returns
    -------
    FovShape
        ``centre_yx``, ``radius_px``, ``diameter_px``, ``shape``, ``visible_fraction``. Of a full frame the circle is
        not seen: it is then the smallest one that holds the frame, a lower bound. Empty: NaN and ``'none'``.

    Raises
    ------
    EyeError
        The field of view is not two-dimensional.

    Examples
    --------
    >>> y, x = np.mgrid[:100, :120]
    >>> about = describe_fov(np.hypot(y - 50, x - 60) < 40)
    >>> about.shape, round(about.diameter_px)
    ('round', 80)
    """
    mask = np.asarray(fov, bool)
    if mask.ndim != 2:
        raise EyeError(f"The field of view has shape {mask.shape}, wanted (y, x).")
    height, width = mask.shape
    area = int(mask.sum())
    if not area:
        return FovShape((math.nan, math.nan), math.nan, "none", 0.0)
    if area > 0.998 * mask.size:
        radius = math.hypot(height, width) / 2
        return FovShape(((height - 1) / 2, (width - 1) / 2), radius, "full", area / (math.pi * radius**2))
    step = max(1, math.ceil(max(mask.shape) / 1000))
    outline = _outline(mask[::step, ::step])
    found = _circle_of(outline, mask[::step, ::step].shape)
    if found is None:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        centre = (float(rows[[0, -1]].mean()), float(columns[[0, -1]].mean()))
        radius = math.hypot(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) / 2
        return FovShape(centre, radius, "irregular", area / (math.pi * radius**2))
    circle = found[0]
    radius = (circle.radius + 0.5) * step  # the outline runs through pixel centres, the edge is half a pixel further
    visible = min(1.0, area / (math.pi * radius**2))
    return FovShape((circle.y * step, circle.x * step), radius, "round" if visible > 0.985 else "cut", visible)


class _Surround(NamedTuple):
    """Colour of the surround, its brightness, how far its pixels are from it, and whether it is dark."""

    colour: NDArray[np.float32]
    level: float
    noise: float
    dark: bool

    @classmethod
    def of(cls, small: NDArray[np.uint8]) -> _Surround | None:
        """The surround as the corners show it, or None where they show retina (or something else altogether)."""
        side = max(2, round(0.03 * min(small.shape[:2])))
        ends = (slice(None, side), slice(-side, None))
        corners = [small[rows, columns].reshape(-1, 3).astype(np.float32) for rows in ends for columns in ends]
        level = np.array([np.median(corner.max(1)) for corner in corners])
        height, width = small.shape[:2]
        middle = small[height // 4 : -(height // 4), width // 4 : -(width // 4)].max(2)
        dark = level <= min(_DARK_SURROUND, 0.5 * float(np.median(middle)), float(level.min()) + 24)
        if dark.any():
            pixels = np.concatenate([corner for corner, is_dark in zip(corners, dark, strict=True) if is_dark])
        else:
            pixels = np.concatenate(corners)
            # Only paint is that even: the corners of a photograph differ.
            if np.abs(pixels - np.median(pixels, 0)).max() > 4:
                return None
        colour = np.median(pixels, 0)
        surround = cls(colour, float(np.median(pixels.max(1))), 0.0, bool(dark.any()))
        used = [corner for corner, is_dark in zip(corners, dark, strict=True) if is_dark or not dark.any()]
        spread = sorted(float(np.percentile(np.abs(surround.distance(corner)), 95)) for corner in used)
        # The lower median: a corner with text in it does not count.
        return surround._replace(noise=spread[(len(spread) - 1) // 2])

    def distance(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        """How far pixels are from the colour of the surround, in grey levels."""
        if self.dark:  # darker than a dark surround is surround
            away = pixels.max(-1).astype(np.float32) - np.float32(self.level)
        else:
            away = np.abs(pixels.astype(np.float32) - self.colour).max(-1)
        result: NDArray[np.float32] = away
        return result


def _checked(image: ArrayLike) -> NDArray[np.uint8]:
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        raise EyeError(
            f"The picture has shape {array.shape} and type {array.dtype}, wanted (y, x, 3) of uint8; "
            "io.read_fundus makes that of any file."
        )
    return array


def _reduced(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The picture at search size, smoothed a little, and by how much it was reduced."""
    from PIL import Image, ImageFilter

    # A strip is not reduced so far that nothing is left of its width.
    factor = max(1, min(math.ceil(max(picture.shape[:2]) / _SEARCH_SIDE), min(picture.shape[:2]) // 8))
    # Whole blocks only: a last narrower block would be stretched.
    height, width = (side // factor * factor for side in picture.shape[:2])
    small = Image.fromarray(np.ascontiguousarray(picture[:height, :width])).reduce(factor)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(1.2))), factor


def _best_circle(away: NDArray[np.float32], surround: _Surround) -> tuple[Circle, NDArray[np.bool_]] | None:
    """The circle best supported by the outline at one of several thresholds, and the region it outlines."""
    height, width = away.shape
    bright = float(np.median(away[height // 4 : -(height // 4), width // 4 : -(width // 4)]))
    floor = max(4.0, 1.5 * surround.noise)
    best: tuple[float, Circle, NDArray[np.bool_]] | None = None
    for threshold in sorted({floor, max(floor, 0.08 * bright), max(floor, 0.16 * bright), max(floor, 0.32 * bright)}):
        region = _largest(away > threshold)
        if region is None or (found := _circle_of(_outline(region), region.shape)) is None:
            continue
        circle, support = found
        if not surround.dark and circle.radius < 0.3 * min(region.shape):
            continue
        if best is None or support > best[0] + 0.03:
            best = support, circle, region
            if support > 0.97:
                break
    return None if best is None else best[1:]


def _largest(binary: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The largest connected part, without what hangs on it by a thread, holes filled."""
    from scipy import ndimage

    opened = ndimage.binary_opening(binary, np.ones((3, 3), bool), border_value=0)
    labels, count = ndimage.label(opened)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    region: NDArray[np.bool_] = ndimage.binary_fill_holes(labels == sizes.argmax())
    return region if region.mean() > 0.03 else None


def _outline(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Pixels of a region that touch its outside within the frame, shape (n, 2)."""
    inner = np.pad(region, 1, mode="edge")
    inner = inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    return np.argwhere(region & ~inner).astype(np.float64)


def _circle_of(outline: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Circle, float] | None:
    """The circle of an outline and the part of the outline that it, or a straight cut of it, explains."""
    side = min(shape)
    tolerance = max(0.9, _ON_CIRCLE * side / 2)
    found = find_circle(outline, (0.2 * side, 1.6 * max(shape)), tolerance)
    if found is None:
        return None
    circle, on_circle = found
    inside = outline[circle.distance(outline) < -tolerance]
    on_cut = 0
    for axis in (0, 1):
        counts = np.bincount(np.round(inside[:, axis]).astype(int), minlength=2)
        on_cut += int(sum(np.sort(counts)[-2:][np.sort(counts)[-2:] > 0.15 * circle.radius]))
    support = (int(on_circle.sum()) + on_cut) / len(outline)
    arc_deg = math.degrees(float(on_circle.sum()) / circle.radius)
    return (circle, support) if support >= 0.6 and arc_deg >= 50 else None


def _refined(picture: NDArray[np.uint8], circle: Circle, surround: _Surround, reach: float) -> Circle:
    """The circle through the places where the full picture rises half-way from surround to retina."""
    angle = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    radius = circle.radius + max(4.0, reach * circle.radius) * np.linspace(-1, 1, 81)
    y = circle.y + radius[None, :] * np.sin(angle)[:, None]
    x = circle.x + radius[None, :] * np.cos(angle)[:, None]
    rows, columns = np.rint(y).astype(int), np.rint(x).astype(int)
    height, width = picture.shape[:2]
    seen = ((rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)).all(1)
    away = surround.distance(picture[rows[seen], columns[seen]])
    inner, outer = np.median(away[:, :20], 1), np.median(away[:, -20:], 1)
    rises = inner - outer > max(6.0, 3 * surround.noise)
    above = away[rises] > ((inner + outer) / 2)[rises, None]
    # The last sample still above half-way, counted from inside, is where the retina ends.
    last = above.shape[1] - 1 - above[:, ::-1].argmax(1)
    which = np.flatnonzero(seen)[rises]
    if len(which) < 60:
        return circle
    edge = np.column_stack([y[which, last], x[which, last]])
    found = find_circle(edge, (0.9 * circle.radius, 1.1 * circle.radius), max(1.0, 0.004 * circle.radius))
    if found is None or found[1].sum() < max(40, 0.4 * len(edge)):
        return circle
    again = fit_circle(edge[found[1]])
    return circle if again is None else again


def _cut(
    drawn: NDArray[np.bool_], picture: NDArray[np.uint8], circle: Circle, region: NDArray[np.bool_], surround: _Surround
) -> NDArray[np.bool_]:
    """Take off what lies behind straight edges of the region, where they are nearer than the circle."""
    fov = drawn.copy()
    factor = max(1, picture.shape[0] // region.shape[0])
    small = circle.drawn((region.shape[0], region.shape[1]))
    # The last rows and columns that fill no whole block were left out of the small picture.
    whole = picture[: region.shape[0] * factor, : region.shape[1] * factor]
    rest = (picture.shape[0] - whole.shape[0], picture.shape[1] - whole.shape[1])
    for turns, left_out in enumerate((0, rest[1], rest[0], 0)):
        # Turn the picture so that the side looked at is the upper one; views, nothing is copied.
        found = _cut_row(np.rot90(region, turns), np.rot90(small, turns))
        if found is None:
            continue
        row = _exact_row(np.rot90(whole, turns), found[0] * factor, found[1] * factor, factor, surround)
        if row is not None:
            np.rot90(fov, turns)[: row + left_out] = False
    return fov


def _exact_row(
    picture: NDArray[np.uint8], row: int, columns: NDArray[np.intp], factor: int, surround: _Surround
) -> int | None:
    """First row of the retina near ``row``: where it rises half-way; None where it rises too gently for an edge."""
    reach = 3 * factor + 2
    first, last = max(0, row - reach), min(picture.shape[0], row + reach + 1)
    profile = np.median(surround.distance(picture[first:last, columns]), axis=1)
    outside, inside = float(np.median(profile[: factor + 1])), float(np.median(profile[-factor - 1 :]))
    further_in = float(np.median(surround.distance(picture[row : last + 10 * reach, columns])))
    above = np.flatnonzero(profile > (outside + inside) / 2)
    return first + int(above[0]) if len(above) and inside - outside > max(4.0, 0.4 * further_in) else None


def _cut_row(region: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> tuple[int, NDArray[np.intp]] | None:
    """First row and the columns of the region where its upper edge is straight and lower than the circle's."""
    both = np.flatnonzero(region.any(0) & drawn.any(0))
    if not len(both):
        return None
    top, circle_top = region.argmax(0)[both], drawn.argmax(0)[both]
    candidates = top[top > circle_top + 1]
    if not len(candidates):
        return None
    row = int(np.bincount(candidates).argmax())
    chord = circle_top < row - 1
    straight = np.abs(top[chord] - row) <= 1
    return (row, both[chord]) if chord.sum() > 0.2 * len(both) and straight.mean() > 0.8 else None


def _irregular_region(away: NDArray[np.float32], surround: _Surround) -> NDArray[np.bool_] | None:
    """What is not surround, where it is neither round nor cut but has a convex outline in an even black surround."""
    from scipy import ndimage
    from scipy.spatial import ConvexHull

    if not surround.dark or surround.level > 16 or surround.noise > 4:
        return None
    region = _largest(away > max(6.0, 2 * surround.noise))
    if region is None or not 0.1 < region.mean() < 0.995:
        return None
    pixels = np.argwhere(region)
    corners = np.concatenate([pixels + shift for shift in ((0, 0), (0, 1), (1, 0), (1, 1))])
    if region.sum() < 0.97 * ConvexHull(corners).volume:
        return None
    # The low threshold lies outside of the edge, the half-way one on it; what is dark further inside stays.
    core: NDArray[np.bool_] = ndimage.binary_erosion(np.pad(region, 2, mode="edge"), iterations=2)[2:-2, 2:-2]
    return core | (region & (away > 0.5 * float(np.median(away[region]))))


def _enlarged(region: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    from PIL import Image

    large = Image.fromarray(region.astype(np.uint8) * 255).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    result: NDArray[np.bool_] = np.asarray(large) > 127
    return result
