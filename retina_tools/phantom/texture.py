"""Texture of the fundus, laid down in micrometres so that it does not depend on the pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_filter

from retina_tools.phantom.painting import Plane, View
from retina_tools.phantom.trunks import Frame

_CELL_UM: Final = 62.0


class Texture:
    """A square of the retina in coarse cells, around the domain in which vessels grow."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.cells = int(2 * (frame.domain_um + 400.0) / _CELL_UM)
        self.origin_um = frame.domain_yx - 0.5 * self.cells * _CELL_UM

    def sampled(self, texture: Plane, view: View) -> Plane:
        """A texture at the pixels of a view, by cubic interpolation."""
        side = view.size * view.um_per_pixel
        low = (view.centre_um - 0.5 * side - self.origin_um) / _CELL_UM
        box = (float(low[1]), float(low[0]), float(low[1] + side / _CELL_UM), float(low[0] + side / _CELL_UM))
        picture = Image.fromarray(texture).resize((view.size, view.size), Image.Resampling.BICUBIC, box=box)
        return np.asarray(picture, np.float32)

    def patches(self, rng: np.random.Generator) -> Plane:
        """Uneven pigment: soft patches with a fine grain on them."""
        total = np.zeros((self.cells, self.cells), np.float32)
        for scale_um, strength in ((3000.0, 0.055), (800.0, 0.016), (190.0, 0.022)):
            total += np.float32(strength) * self._smooth(rng, scale_um)
        return total

    def _smooth(self, rng: np.random.Generator, scale_um: float) -> Plane:
        """Noise of unit variance that changes over this distance."""
        step = max(1, int(scale_um / _CELL_UM / 3))
        cells = self.cells // step + 2
        noise = rng.standard_normal((cells, cells), dtype=np.float32)
        plane: Plane = gaussian_filter(noise, 0.4 * scale_um / _CELL_UM / step)
        plane /= plane.std()
        if step > 1:
            fine = Image.fromarray(plane).resize((cells * step, cells * step), Image.Resampling.BICUBIC)
            plane = np.asarray(fine, np.float32)
        return plane[: self.cells, : self.cells]

    def fibres(self, rng: np.random.Generator) -> Plane:
        """Sheen of the nerve fibres: streaks that fan out above and below the disc, where their layer is thick.

        Dark fundi show more of it, and young ones; how much is left to chance.
        """
        axis = ((np.arange(self.cells) + 0.5) * _CELL_UM)[:, None] + self.origin_um
        dy = (axis[:, 0] - self.frame.disc_yx[0]).astype(np.float32)[:, None]
        dx = (axis[:, 1] - self.frame.disc_yx[1]).astype(np.float32)[None]
        square = dy**2 + dx**2
        # Fibres bend away from the raphe: their direction turns with the distance.
        bent = np.arctan2(dy, dx) + np.sign(dy * dx) * 0.09 * np.sqrt(square) / np.float32(1000.0)
        lines = gaussian_filter(rng.standard_normal(900, dtype=np.float32), 1.6, mode="wrap")
        place = ((bent / (2 * np.pi)) % 1.0) * 899.0
        streaks = np.interp(place, np.arange(900), lines / lines.std()).astype(np.float32)
        strength = float(rng.uniform(0.10, 0.26)) + 0.06 * self.frame.parameters.pigmentation
        thick = (dy**2 / (square + 2e5)) * np.exp(square / np.float32(-2.0 * 2100.0**2))
        return np.asarray(strength * thick * (1.0 + 0.30 * streaks), np.float32)

    def choroid(self, rng: np.random.Generator) -> Plane:
        """Choroidal vessels between darker islands: ridges of noise drawn out along the meridians of the eye.

        Noise drawn out in four fixed directions is blended by the direction wanted at each place.
        """
        axis = ((np.arange(self.cells) + 0.5) * _CELL_UM)[:, None] + self.origin_um
        y, x = axis[:, 0].astype(np.float32)[:, None], axis[:, 1].astype(np.float32)[None]
        # Vessels converge on a point between disc and fovea; further out they follow its meridians.
        pole = 0.5 * self.frame.disc_yx
        wanted = np.arctan2(y - float(pole[0]), 1.4 * (x - float(pole[1]))) + 0.5 * self._smooth(rng, 1600.0)
        total, power = np.zeros_like(wanted), np.zeros_like(wanted)
        for quarter in range(4):
            angle = quarter * np.pi / 4
            drawn = gaussian_filter(rng.standard_normal(wanted.shape, dtype=np.float32), (0.95, 5.2))
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            middle = np.full(2, (self.cells - 1) / 2)
            drawn = affine_transform(drawn / drawn.std(), turn, middle - turn @ middle, order=1, mode="grid-wrap")
            weight = np.cos(wanted - angle) ** 8
            total += weight * drawn
            power += weight**2
        ridges = gaussian_filter(1.0 - np.abs(total / np.sqrt(power)), 0.7)
        return np.asarray((ridges - ridges.mean()) / ridges.std(), np.float32)
