"""Parts of the retina in micrometres: zones around the disc, hemifields, quadrants of zone C, ETDRS fields."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.phantom.calibres import ZONES
from retina_tools.phantom.painting import View
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.vessels import Floats

Bools = NDArray[np.bool_]

MAIN: Final = ("image", "zone_b", "zone_c")
HEMIFIELDS: Final = ("superior", "inferior")
QUADRANTS: Final = tuple(f"zone_c_{half}{side}" for half in ("supero", "infero") for side in ("temporal", "nasal"))
ETDRS: Final = (
    "etdrs_center",
    *(f"etdrs_{ring}_{side}" for ring in ("inner", "outer") for side in ("superior", "nasal", "inferior", "temporal")),
)

_RINGS_UM: Final = {"center": (0.0, 500.0), "inner": (500.0, 1500.0), "outer": (1500.0, 3000.0)}
# A region of which less can be seen has no values.
_LEAST_VISIBLE: Final = 0.7


class Regions:
    """Which points of the retina lie in a region and in the field of view; points as (y, x), right eye, fovea at 0.

    Parameters
    ----------
    frame : Frame
    view : View
        The picture of which the field of view is taken; a fine one, since visible areas are counted on its pixels.
    """

    def __init__(self, frame: Frame, view: View) -> None:
        self.frame, self.view = frame, view
        self.field_um = view.radius_px * view.um_per_pixel
        y, x = view.axes_um()
        # A column and a row: most of what is computed of them is small.
        self._pixels = y.astype(float), x.astype(float)
        self._masks: dict[str, Bools] = {}

    def contains(self, region: str, y: Floats, x: Floats) -> Bools:
        """Whether points lie in a region and in view; y and x may be a column and a row, for a grid of points."""
        centre = self.view.centre_um
        seen: Bools = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= self.field_um**2
        if region == "image":
            return seen
        if region in ETDRS:
            return seen & _etdrs(region, y, x)
        if region.startswith("zone"):
            inner, outer = (circle * self.frame.radius_um for circle in ZONES[region[:6]])
            from_disc = (y - self.frame.disc_yx[0]) ** 2 + (x - self.frame.disc_yx[1]) ** 2
            seen &= (from_disc >= inner**2) & (from_disc < outer**2)
        if region in ZONES:
            return seen
        # The line through disc and fovea, which is the origin; the perpendicular to it goes through the disc.
        temporal = -self.frame.disc_yx / np.hypot(*self.frame.disc_yx)
        above = y * temporal[1] - x * temporal[0] > 0
        seen &= above if "superior" in region or "supero" in region else ~above
        if region in QUADRANTS:
            along = (y - self.frame.disc_yx[0]) * temporal[0] + (x - self.frame.disc_yx[1]) * temporal[1]
            seen &= (along >= 0) == region.endswith("temporal")
        return seen

    def mask(self, region: str) -> Bools:
        """The visible pixels of a region."""
        if region not in self._masks:
            self._masks[region] = self.contains(region, *self._pixels)
        return self._masks[region]

    def area_um2(self, region: str) -> float:
        """Visible area."""
        return float(np.count_nonzero(self.mask(region))) * self.view.um_per_pixel**2

    def visible_fraction(self, region: str) -> float:
        """Visible area over the area of the whole region; 1 for those that are whatever is visible."""
        if region.startswith("zone"):
            inner, outer = (circle * self.frame.radius_um for circle in ZONES[region[:6]])
            whole = np.pi * (outer**2 - inner**2) / (4 if region in QUADRANTS else 1)
        elif region in ETDRS:
            inner, outer = _RINGS_UM[region.split("_")[1]]
            whole = np.pi * (outer**2 - inner**2) / (1 if region == "etdrs_center" else 4)
        else:
            return 1.0
        return min(self.area_um2(region) / whole, 1.0)

    def is_visible(self, region: str) -> bool:
        """Whether enough of a region is in view for it to have values."""
        return self.visible_fraction(region) >= _LEAST_VISIBLE


def _etdrs(region: str, y: Floats, x: Floats) -> Bools:
    _, ring, *side = region.split("_")
    inner, outer = _RINGS_UM[ring]
    square = y * y + x * x
    inside: Bools = (square >= inner**2) & (square < outer**2)
    if side:
        # Upright diagonals: x is nasal in the frame of a right eye.
        ahead = {"superior": -y, "inferior": y, "nasal": x, "temporal": -x}[side[0]]
        inside &= ahead > (np.abs(x) if side[0] in HEMIFIELDS else np.abs(y))
    return inside
