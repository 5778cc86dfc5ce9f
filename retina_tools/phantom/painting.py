"""From outlines in micrometres to pixels: vessels as tapered capsules, blobs as star-shaped outlines, ellipses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.vessels import Floats, Segment

Plane = NDArray[np.float32]
Pixels = NDArray[np.int32]
Window = tuple[slice, slice]

_FADING_POINTS = 9


@dataclass(frozen=True)
class View:
    """A square picture of the retina: where pixel centres lie in micrometres.

    Attributes
    ----------
    size : int
        Pixels along one side.
    um_per_pixel : float
    centre_um : ndarray, shape (2,)
        Point (y, x) in the middle of the picture.
    radius_px : float
        Radius of the round field of view.
    """

    size: int
    um_per_pixel: float
    centre_um: Floats
    radius_px: float

    def to_px(self, points_um: Floats) -> Floats:
        """Micrometres to pixels, (y, x)."""
        return (points_um - self.centre_um) / self.um_per_pixel + (self.size - 1) / 2

    def axes_um(self) -> tuple[Plane, Plane]:
        """Coordinates of the pixel centres: y as a column, x as a row."""
        axis = (np.arange(self.size) - (self.size - 1) / 2) * self.um_per_pixel
        y, x = axis + self.centre_um[0], axis + self.centre_um[1]
        return y.astype(np.float32)[:, None], x.astype(np.float32)[None]

    def field(self) -> NDArray[np.bool_]:
        """The round field of view."""
        axis = np.arange(self.size) - (self.size - 1) / 2
        return axis[:, None] ** 2 + axis[None] ** 2 <= self.radius_px**2


@dataclass(frozen=True)
class VesselPlanes:
    """What one kind of vessel looks like in a view; planes of shape (size, size).

    Attributes
    ----------
    mask : ndarray of bool
        Pixels whose centre lies in a vessel.
    thickness_um : ndarray of float32
        Column of blood above each pixel, that of a round tube.
    axial : ndarray of float32
        1 on the centreline of a vessel several pixels wide, fading to 0 halfway to its wall: the light reflex.
    """

    mask: NDArray[np.bool_]
    thickness_um: Plane
    axial: Plane


def paint_vessels(
    segments: Sequence[Segment], view: View, *, looks: bool = True, thinnest_px: float = 1.0
) -> VesselPlanes:
    """Paint segments as chains of tapered capsules.

    Parameters
    ----------
    segments : sequence of Segment
    view : View
    looks : bool
        Whether thickness and light reflex are wanted besides the mask.
    thinnest_px : float
        Thinner vessels are painted this wide in the mask: one pixel keeps them connected, 0 keeps areas unbiased.
    """
    mask = np.zeros(view.size**2, bool)
    thickness, axial = np.zeros((2, view.size**2), np.float32)
    start, stop, r_start, r_stop, shown = _capsules(segments, view)
    # A pixel centre is at most half a pixel from the rounded middle of a capsule in each direction.
    reach = 0.5 * np.abs(stop - start).max(axis=1, initial=0.0) + np.maximum(np.maximum(r_start, r_stop), 0.6) + 0.5
    half = np.ceil(reach).astype(np.int32)
    middle = np.rint((start + stop) / 2).astype(np.int32)
    for window in np.unique(half):
        chosen = half == window
        offset = np.arange(-window, window + 1, dtype=np.int32)
        y = (middle[chosen, 0, None] + offset)[:, :, None]
        x = (middle[chosen, 1, None] + offset)[:, None, :]
        ends = start[chosen, :, None, None], stop[chosen, :, None, None]
        square, along = _square_distance(y, x, *ends)
        r0, r1 = r_start[chosen, None, None], r_stop[chosen, None, None]
        radius = r0 + along * (r1 - r0)
        keep = square <= np.maximum(radius, 0.6) ** 2
        keep &= (y >= 0) & (y < view.size) & (x >= 0) & (x < view.size)
        flat, radius = np.broadcast_to(y * view.size + x, keep.shape)[keep], radius[keep]
        visible = np.broadcast_to(shown[chosen, None, None], keep.shape)[keep]
        distance = np.sqrt(square[keep])
        mask[flat[distance <= np.maximum(radius, thinnest_px / 2)]] = True
        if looks:
            np.maximum.at(thickness, flat, _thickness(distance, radius) * visible * np.float32(view.um_per_pixel))
            large = radius > 1.2
            np.maximum.at(axial, flat[large], _axial(distance[large], radius[large]))
    shape = (view.size, view.size)
    return VesselPlanes(mask.reshape(shape), thickness.reshape(shape), axial.reshape(shape))


def _square_distance(y: Pixels, x: Pixels, a: Plane, b: Plane) -> tuple[Plane, Plane]:
    """Squared distance of pixels to the pieces from a to b, and how far along the nearest point lies, 0 to 1."""
    along_y, along_x = b[:, 0] - a[:, 0], b[:, 1] - a[:, 1]
    dy, dx = y.astype(np.float32) - a[:, 0], x.astype(np.float32) - a[:, 1]
    length = np.maximum(along_y**2 + along_x**2, 1e-12)
    along: Plane = np.clip(dy * (along_y / length) + dx * (along_x / length), 0.0, 1.0)
    square: Plane = (dy - along * along_y) ** 2 + (dx - along * along_x) ** 2
    return square, along


def _capsules(segments: Sequence[Segment], view: View) -> tuple[Plane, Plane, Plane, Plane, Plane]:
    """Ends and radii, in pixels, of the straight pieces in view, and how far each is seen: tips fade."""
    if not segments:
        empty = np.empty((0, 2), np.float32)
        return empty, empty, *np.empty((3, 0), np.float32)
    points = view.to_px(np.concatenate([segment.points_um for segment in segments])).astype(np.float32)
    radius = (np.concatenate([segment.radius_um for segment in segments]) / view.um_per_pixel).astype(np.float32)
    last = np.zeros(len(points), bool)
    last[np.cumsum([len(segment.points_um) for segment in segments]) - 1] = True
    seen = np.hypot(*(points - (view.size - 1) / 2).T) < view.radius_px + 20.0
    first = np.flatnonzero(~last & seen)
    faded = np.concatenate([_faded(segment) for segment in segments])
    return points[first], points[first + 1], radius[first], radius[first + 1], faded[first]


def _faded(segment: Segment) -> Plane:
    """1, and less along the last quarter millimetre before a tip, where what is left of a vessel lies deeper."""
    faded = np.ones(len(segment.points_um), np.float32)
    if not segment.children and segment.parent >= 0:
        last = faded[-_FADING_POINTS:]
        last[:] = np.linspace(1.0, 0.3, _FADING_POINTS)[-len(last) :]
    return faded


def _thickness(distance: Plane, radius: Plane) -> Plane:
    # A tube narrower than the pixel is smeared over it: same blood, less depth.
    wide = np.maximum(radius, 0.6)
    depth = 2.0 * np.sqrt(np.maximum(wide**2 - distance**2, 0.0)) * (radius / wide) ** 2
    return depth.astype(np.float32)


def _axial(distance: Plane, radius: Plane) -> Plane:
    large = np.clip((radius - 1.2) / 1.5, 0.0, 1.0)
    reflex: Plane = large * np.exp(-0.5 * (distance / np.maximum(0.3 * radius, 0.45)) ** 2)
    return reflex


def ellipse_level(
    view: View, window: Window, centre_um: Floats, semi_axes_um: tuple[float, float], tilt_deg: float
) -> Plane:
    """Distance from the centre as a fraction of the ellipse's radius in that direction, below 1 inside.

    Parameters
    ----------
    view : View
    window : tuple of slice
        The rows and columns wanted.
    centre_um : ndarray, shape (2,)
    semi_axes_um : tuple of float
        The vertical and the horizontal one, before the ellipse is tilted towards image left.
    tilt_deg : float
    """
    y, x = view.axes_um()
    dy, dx = y[window[0]] - float(centre_um[0]), x[:, window[1]] - float(centre_um[1])
    cosine, sine = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    along = (dy * cosine + dx * sine) / semi_axes_um[0]
    across = (dx * cosine - dy * sine) / semi_axes_um[1]
    fraction: Plane = np.sqrt(along**2 + across**2)
    return fraction


def ellipse_mask(
    view: View, centre_um: Floats, semi_axes_um: tuple[float, float], tilt_deg: float
) -> NDArray[np.bool_]:
    """Pixels whose centre lies in the ellipse.

    Parameters
    ----------
    view : View
    centre_um : ndarray, shape (2,)
    semi_axes_um : tuple of float
        The vertical and the horizontal one, before the ellipse is tilted towards image left.
    tilt_deg : float
    """
    mask = np.zeros((view.size, view.size), bool)
    window = window_around(view, centre_um, max(semi_axes_um))
    mask[window] = ellipse_level(view, window, centre_um, semi_axes_um, tilt_deg) <= 1.0
    return mask


def window_around(view: View, centre_um: Floats, reach_um: float) -> Window:
    """Rows and columns of a square around a point, cut to the picture; empty where it lies outside.

    Parameters
    ----------
    view : View
    centre_um : ndarray, shape (2,)
    reach_um : float
        Half of the square's side.
    """
    centre, half = view.to_px(centre_um), reach_um / view.um_per_pixel + 2.0
    low = np.clip(np.floor(centre - half).astype(int), 0, view.size)
    high = np.clip(np.ceil(centre + half).astype(int) + 1, 0, view.size)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
