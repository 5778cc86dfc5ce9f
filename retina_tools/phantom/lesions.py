"""Lesions as outlines whose area is known: blobs on the retina, and traces along vessels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.painting import Plane, View, Window, paint_vessels, window_around
from retina_tools.phantom.vessels import Floats, Segment


@dataclass(frozen=True, eq=False)
class Lesion:
    """A blob, its outline ``r(angle) = r0 (1 + sum a_k cos(k angle + phase_k))`` with k = 2, 3, ...

    Attributes
    ----------
    kind : str
    centre_um : ndarray, shape (2,)
        (y, x) with the fovea at the origin, as in a right eye.
    radius_um : float
        r0, the mean radius.
    waves : ndarray, shape (n, 2)
        a_k and phase_k; a large a_2 makes the blob long.
    """

    kind: str
    centre_um: Floats
    radius_um: float
    waves: Floats

    @property
    def area_um2(self) -> float:
        """Area inside the outline, in closed form."""
        return float(np.pi * self.radius_um**2 * (1.0 + 0.5 * (self.waves[:, 0] ** 2).sum()))

    @property
    def reach_um(self) -> float:
        """No point of the outline is further from the centre."""
        return float(self.radius_um * (1.0 + np.abs(self.waves[:, 0]).sum()))

    @property
    def direction(self) -> float:
        """Angle ``atan2(y, x)`` in which it is long."""
        return float(-0.5 * self.waves[0, 1])

    def level(self, view: View, margin: float = 1.6) -> tuple[Window, Plane] | None:
        """Distance from the centre as a fraction of the outline's radius, in a window; None outside the picture."""
        window = window_around(view, self.centre_um, margin * self.reach_um)
        if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
            return None
        centre = view.to_px(self.centre_um)
        dy = (np.arange(window[0].start, window[0].stop, dtype=np.float32) - np.float32(centre[0]))[:, None]
        dx = (np.arange(window[1].start, window[1].stop, dtype=np.float32) - np.float32(centre[1]))[None]
        angle = np.arctan2(dy, dx)
        outline = np.ones_like(angle)
        for k, (amplitude, phase) in enumerate(self.waves, start=2):
            outline += np.float32(amplitude) * np.cos(np.float32(k) * angle + np.float32(phase))
        outline *= np.float32(self.radius_um)
        level: Plane = np.hypot(dy, dx) * np.float32(view.um_per_pixel) / np.maximum(outline, np.float32(1.0))
        return window, level

    def mark(self, mask: NDArray[np.bool_], view: View) -> None:
        """Set the pixels whose centre lies inside."""
        if (found := self.level(view, margin=1.0)) is not None:
            window, inside = found
            mask[window] |= inside <= 1.0


@dataclass(frozen=True, eq=False)
class Trace:
    """A lesion of a vessel: a stretch of its course, of constant width with round ends.

    Attributes
    ----------
    kind : str
    points_um : ndarray, shape (n, 2)
    half_width_um : float
    segment : int
        The segment of the vessel graph.
    """

    kind: str
    points_um: Floats
    half_width_um: float
    segment: int

    @property
    def centre_um(self) -> Floats:
        """Its middle point."""
        middle: Floats = self.points_um[len(self.points_um) // 2]
        return middle

    @property
    def length_um(self) -> float:
        """Length of the stretch."""
        return float(np.hypot(*np.diff(self.points_um, axis=0).T).sum())

    @property
    def area_um2(self) -> float:
        """Length times width, and the two round ends."""
        return 2.0 * self.half_width_um * self.length_um + float(np.pi) * self.half_width_um**2

    @property
    def reach_um(self) -> float:
        """No point of it is further from its middle."""
        return float(np.hypot(*(self.points_um - self.centre_um).T).max() + self.half_width_um)

    def mark(self, mask: NDArray[np.bool_], view: View) -> None:
        """Set the pixels whose centre lies inside."""
        mask |= paint_vessels([self.as_segment()], view, looks=False).mask

    def as_segment(self) -> Segment:
        """The stretch as a vessel of its width."""
        return Segment("vein", self.points_um, np.full(len(self.points_um), self.half_width_um), -1, ())


AnyLesion = Lesion | Trace


def lesion_mask(lesions: Sequence[AnyLesion], kind: str, view: View) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a lesion of this kind.

    Parameters
    ----------
    lesions : sequence of Lesion or Trace
    kind : str
    view : View
    """
    mask = np.zeros((view.size, view.size), bool)
    for lesion in lesions:
        if lesion.kind == kind:
            lesion.mark(mask, view)
    return mask
