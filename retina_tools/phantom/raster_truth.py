"""The true biomarkers that have no closed form, counted on a raster far finer than the pictures.

The graph is drawn on 2048 pixels or more without any least width, so that what is counted is free of the pixel grid of
the picture at hand; the formulas are those of the definitions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import distance_transform_edt

from retina_tools.phantom.fractals import fractal_values
from retina_tools.phantom.painting import paint_vessels
from retina_tools.phantom.regions import ETDRS, HEMIFIELDS, MAIN, QUADRANTS
from retina_tools.phantom.vessel_truth import NAN, VESSELS, Row
from retina_tools.phantom.visible import VisibleGraph

RASTER_PX: Final = 2048
_BOXES_DD: Final = (0.04, 0.4)


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
        for name, value in fractal_values(mask, field, smallest, largest).items():
            row[f"{name}.{vessel}.image"] = value
    return row
