"""Parts of the retina: zones around the disc, hemifields, quadrants of zone C, and the ETDRS fields of the macula.

Hemifields and quadrants are split by the straight line through disc centre and fovea and by its perpendicular through
the disc centre, so that they turn with the eye; the ETDRS grid stands upright, as its readers draw it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.frame import ZONES, Frame
from retina_tools.biomarkers.registry import ETDRS, QUADRANTS, Status, Unmeasurable

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

# Radii of the circles of the ETDRS grid: 1, 3 and 6 mm across.
_RINGS_MM: Final = {"center": (0.0, 0.5), "inner": (0.5, 1.5), "outer": (1.5, 3.0)}
# Direction of each sector in quarter turns from temporal over superior.
_SECTORS: Final = {"temporal": 0, "superior": 1, "nasal": 2, "inferior": 3}


class Regions:
    """Masks of the parts of one eye's retina.

    Parameters
    ----------
    frame : Frame
    um_per_pixel : float
        NaN when unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> y, x = np.mgrid[:200, :200]
    >>> eye = new_eye(masks={"optic_disc": np.hypot(y - 100, x - 150) < 9}, landmarks={"fovea": (100, 100)})
    >>> bool(Regions(Frame(eye), float("nan")).mask("superior")[40, 60])
    True
    """

    def __init__(self, frame: Frame, um_per_pixel: float) -> None:
        self.frame, self.um_per_pixel = frame, um_per_pixel

    def mask(self, region: str) -> Mask:
        """The visible part of a region, shape (y, x); Unmeasurable where the eye lacks what defines it."""
        if region == "image":
            return self.frame.fov
        if region in ZONES:
            return self.frame.zone_mask(region)
        if region in ("superior", "inferior"):
            return self.frame.fov & self._half(region == "superior")
        if region in QUADRANTS:
            temporal = self._along() >= 0
            upper = self._half("_supero" in region)
            return self.frame.zone_mask("zone_c") & upper & (temporal if region.endswith("temporal") else ~temporal)
        if region in ETDRS:
            return self._etdrs(region) & self.frame.fov
        raise KeyError(region)

    def visible_fraction(self, region: str, visible: Mask) -> float:
        """Share of a region that is in view; 1 for those that are what is in view."""
        if region in ZONES:
            return self.frame.zone_visible_fraction(region)
        if region in QUADRANTS:
            inner, outer = self.frame.zone_limits_px("zone_c")
            area = math.pi * (outer**2 - inner**2) / 4
        elif region in ETDRS:
            inner, outer = (radius * 1000 / self._scale() for radius in _RINGS_MM[region.split("_")[1]])
            area = math.pi * (outer**2 - inner**2) / (1 if region == "etdrs_center" else 4)
        else:
            return 1.0 if visible.any() else 0.0
        return min(float(np.count_nonzero(visible)) / area, 1.0)

    def _scale(self) -> float:
        if not math.isfinite(self.um_per_pixel):
            raise Unmeasurable(Status.NO_SCALE)
        return self.um_per_pixel

    def _offsets(self, centre_yx: tuple[float, float]) -> tuple[Floats, Floats]:
        rows, columns = (np.arange(size, dtype=np.float32) for size in self.frame.shape)
        return (rows - np.float32(centre_yx[0]))[:, None], (columns - np.float32(centre_yx[1]))[None]

    def _axis(self) -> tuple[float, float]:
        """Unit vector (y, x) from the disc centre to the fovea."""
        distance = self.frame.fovea_distance_px
        (y, x), (fovea_y, fovea_x) = self.frame.centre_yx, self.frame.fovea_yx
        return (fovea_y - y) / distance, (fovea_x - x) / distance

    def _along(self) -> Floats:
        """How far each pixel lies from the disc centre towards the fovea."""
        y, x = self._axis()
        rows, columns = self._offsets(self.frame.centre_yx)
        return rows * np.float32(y) + columns * np.float32(x)

    def _half(self, upper: bool) -> Mask:
        y, x = self._axis()
        rows, columns = self._offsets(self.frame.centre_yx)
        # The perpendicular that points up in the picture, whichever side the fovea is on.
        above: Mask = (rows * np.float32(x) - columns * np.float32(y)) * np.float32(math.copysign(1.0, x)) < 0
        return above if upper else ~above

    def _etdrs(self, region: str) -> Mask:
        scale, fovea = self._scale(), self.frame.fovea_yx
        temporal = 1.0 if self.frame.laterality == "OS" else -1.0
        _, ring, *sector = region.split("_")
        inner, outer = (radius * 1000 / scale for radius in _RINGS_MM[ring])
        rows, columns = self._offsets(fovea)
        # Only the square around the grid is looked at.
        top, bottom = np.searchsorted(rows[:, 0], (-outer, outer))
        left, right = np.searchsorted(columns[0], (-outer, outer))
        mask = np.zeros(self.frame.shape, bool)
        rows, columns = rows[top:bottom], columns[:, left:right]
        distance = rows * rows + columns * columns
        inside: Mask = (distance >= inner**2) & (distance < outer**2)
        if sector:
            turn = _SECTORS[sector[0]]
            up, out = -rows, columns * np.float32(temporal)
            ahead, aside = ((out, up), (up, -out), (-out, -up), (-up, out))[turn]
            # Half-open, so that a pixel on a diagonal belongs to one sector.
            inside &= (aside < ahead) & (aside >= -ahead)
        mask[top:bottom, left:right] = inside
        return mask
