"""From outlines in micrometres to pixels: vessels as tapered capsules, blobs as star-shaped outlines, ellipses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.vessels import Floats, Segment

Plane = NDArray[np.float32]
Window = tuple[slice, slice]
# Pixels around a vessel's wall over which its cover fades.
_MARGIN_PX: Final = 1.5


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
        return (axis + self.centre_um[0])[:, None].astype(np.float32), (axis + self.centre_um[1])[None].astype(
            np.float32
        )

    def field(self) -> NDArray[np.bool_]:
        """The round field of view."""
        axis = np.arange(self.size) - (self.size - 1) / 2
        return axis[:, None] ** 2 + axis[None] ** 2 <= self.radius_px**2


@dataclass(frozen=True)
class VesselPlanes:
    """What one kind of vessel looks like in a view; planes of shape (size, size).

    Attributes
    ----------
    wall_px : ndarray of float32
        Signed distance to the nearest wall in pixels, negative inside.
    thickness_um : ndarray of float32
        Column of blood above each pixel, that of a round tube.
    axial : ndarray of float32
        1 on the centreline of a vessel several pixels wide, fading to 0 halfway to its wall: the light reflex.
    """

    wall_px: Plane
    thickness_um: Plane
    axial: Plane

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels whose centre lies in a vessel."""
        return self.wall_px <= 0


def paint_vessels(segments: Sequence[Segment], view: View, *, looks: bool = True) -> VesselPlanes:
    """Paint segments as chains of tapered capsules.

    Vessels thinner than a pixel are painted one pixel wide, so that they stay connected.

    Parameters
    ----------
    segments : sequence of Segment
    view : View
    looks : bool
        Whether thickness and light reflex are wanted besides the walls.
    """
    shape = (view.size, view.size)
    wall = np.full(view.size**2, 1e3, np.float32)
    thickness, axial = np.zeros_like(wall), np.zeros_like(wall)
    start, stop, r_start, r_stop = _capsules(segments, view)
    reach = 0.5 * np.abs(stop - start).max(axis=1, initial=0.0) + np.maximum(r_start, r_stop) + _MARGIN_PX
    half = np.ceil(reach).astype(int)
    middle = np.rint((start + stop) / 2).astype(np.int32)
    for window in np.unique(half):
        chosen = half == window
        offset = np.arange(-window, window + 1, dtype=np.int32)
        y = (middle[chosen, 0, None] + offset)[:, :, None]
        x = (middle[chosen, 1, None] + offset)[:, None, :]
        a, b = start[chosen, :, None, None], stop[chosen, :, None, None]
        ra, rb = r_start[chosen, None, None], r_stop[chosen, None, None]
        ab_y, ab_x = b[:, 0] - a[:, 0], b[:, 1] - a[:, 1]
        along = ((y - a[:, 0]) * ab_y + (x - a[:, 1]) * ab_x) / (ab_y**2 + ab_x**2)
        along = np.clip(along, 0.0, 1.0)
        distance = np.sqrt((y - a[:, 0] - along * ab_y) ** 2 + (x - a[:, 1] - along * ab_x) ** 2)
        radius = ra + along * (rb - ra)
        signed = distance - np.maximum(radius, 0.5)
        keep = (signed < _MARGIN_PX) & (y >= 0) & (y < view.size) & (x >= 0) & (x < view.size)
        flat = np.broadcast_to(y * view.size + x, keep.shape)[keep]
        np.minimum.at(wall, flat, signed[keep].astype(np.float32))
        if looks:
            np.maximum.at(thickness, flat, _thickness(distance[keep], radius[keep]) * view.um_per_pixel)
            np.maximum.at(axial, flat, _axial(distance[keep], radius[keep]))
    return VesselPlanes(wall.reshape(shape), thickness.reshape(shape), axial.reshape(shape))


def _capsules(segments: Sequence[Segment], view: View) -> tuple[Plane, Plane, Plane, Plane]:
    """Ends and radii, in pixels, of the straight pieces that can be seen."""
    if not segments:
        empty = np.empty((0, 2), np.float32)
        return empty, empty, np.empty(0, np.float32), np.empty(0, np.float32)
    points = view.to_px(np.concatenate([segment.points_um for segment in segments])).astype(np.float32)
    radius = (np.concatenate([segment.radius_um for segment in segments]) / view.um_per_pixel).astype(np.float32)
    last = np.zeros(len(points), bool)
    last[np.cumsum([len(segment.points_um) for segment in segments]) - 1] = True
    seen = np.hypot(*(points - (view.size - 1) / 2).T) < view.radius_px + 20.0
    first = np.flatnonzero(~last & seen)
    return points[first], points[first + 1], radius[first], radius[first + 1]


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
    """Pixels whose centre lies in the ellipse."""
    mask = np.zeros((view.size, view.size), bool)
    window = window_around(view, centre_um, max(semi_axes_um))
    mask[window] = ellipse_level(view, window, centre_um, semi_axes_um, tilt_deg) <= 1.0
    return mask


def window_around(view: View, centre_um: Floats, reach_um: float) -> Window:
    """Rows and columns of a square around a point, cut to the picture; empty where it lies outside."""
    centre, half = view.to_px(centre_um), reach_um / view.um_per_pixel + 2.0
    low = np.clip(np.floor(centre - half).astype(int), 0, view.size)
    high = np.clip(np.ceil(centre + half).astype(int) + 1, 0, view.size)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
