"""The true biomarkers that have no closed form, counted on a raster far finer than the pictures.

The graph is drawn on 2048 pixels or more without any least width, so that what is counted is free of the pixel grid of
the picture at hand; the formulas are those of the definitions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from retina_tools.phantom.painting import paint_vessels
from retina_tools.phantom.regions import ETDRS, HEMIFIELDS, MAIN, QUADRANTS
from retina_tools.phantom.vessel_truth import NAN, VESSELS, Row
from retina_tools.phantom.visible import VisibleGraph

Bools = NDArray[np.bool_]

RASTER_PX: Final = 2048
_BOXES_DD: Final = (0.04, 0.4)
_BOXES: Final = 10


def raster_row(graph: VisibleGraph) -> Row:
    """Area densities, sparsity and fractal measures, by flat name."""
    view, field = graph.regions.view, graph.regions.mask("image")
    masks = {
        name: paint_vessels([s for s in graph.segments if s.vessel == name], view, looks=False, thinnest_px=0.0).mask
        & field
        for name in ("artery", "vein")
    }
    masks["all"] = masks["artery"] | masks["vein"]
    row: Row = {}
    distance_um = float(np.hypot(*graph.frame.disc_yx))
    for vessel in VESSELS:
        mask = masks[vessel]
        gap = distance_transform_edt(~mask) * (view.um_per_pixel / distance_um)
        for region in (*MAIN, *HEMIFIELDS, *QUADRANTS, *ETDRS):
            seen = graph.regions.is_visible(region)
            inside = graph.regions.mask(region)
            row[f"area_density.{vessel}.{region}"] = float(mask[inside].mean()) if seen else NAN
            if region in MAIN:
                row[f"sparsity_mean_dfd.{vessel}.{region}"] = float(gap[inside].mean()) if seen else NAN
                row[f"sparsity_max_dfd.{vessel}.{region}"] = float(gap[inside].max()) if seen else NAN
        smallest, largest = (scale * graph.disc_um / view.um_per_pixel for scale in _BOXES_DD)
        for name, value in fractal(mask, smallest, largest).items():
            row[f"{name}.{vessel}.image"] = value
    return row


def fractal(mask: Bools, smallest_px: float, largest_px: float) -> Row:
    """Generalised dimensions of a mask between two box sides."""
    sides = np.unique(np.rint(np.geomspace(smallest_px, largest_px, _BOXES)).astype(int))
    summed = _summed(mask)
    covers, information = [], []
    for side in sides:
        held = _held(summed, int(side))
        covers.append(np.log(_smallest_cover(held > 0, int(side))))
        information.append(held)
    row: Row = {}
    row["fractal_dimension_box"], row["fractal_dimension_box_r2"] = _slope(-np.log(sides), np.array(covers))
    return row


def _summed(mask: Bools) -> NDArray[np.int32]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(crop.astype(np.int32).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _held(summed: NDArray[np.int32], side: int) -> NDArray[np.int32]:
    """Vessel pixels in the box at every position that touches the mask."""
    wide = np.pad(summed, ((side - 1, side - 1),) * 2, mode="edge")
    wide[: side - 1] = 0
    wide[:, : side - 1] = 0
    held: NDArray[np.int32] = wide[side:, side:] - wide[:-side, side:] - wide[side:, :-side] + wide[:-side, :-side]
    return held


def _smallest_cover(occupied: Bools, side: int) -> int:
    """Fewest occupied boxes over all positions of the grid."""
    height, width = (-(-extent // side) * side for extent in occupied.shape)
    padded = np.zeros((height, width), np.uint8)
    padded[: occupied.shape[0], : occupied.shape[1]] = occupied
    # Rows first: sums over whole rows are many times faster than those over blocks.
    rows = padded.reshape(height // side, side * width).sum(axis=0, dtype=np.int32)
    return int(rows.reshape(side, width // side, side).sum(axis=1).min())


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    slope, intercept = np.polyfit(x, y, 1)
    left = float(((y - slope * x - intercept) ** 2).sum())
    return float(slope), 1.0 - left / float(((y - y.mean()) ** 2).sum())
