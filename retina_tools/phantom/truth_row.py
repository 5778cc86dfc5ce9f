"""The truth of a synthetic eye under the flat names that measured biomarkers have."""

from __future__ import annotations

from functools import lru_cache

import xarray as xr

from retina_tools.phantom.findings import findings_row
from retina_tools.phantom.geometry import Anatomy, anatomy_of, grown_again, make_view, recipe_of
from retina_tools.phantom.raster_truth import RASTER_PX, raster_row
from retina_tools.phantom.regions import ETDRS, QUADRANTS, Regions
from retina_tools.phantom.vessel_truth import Row, vessel_row
from retina_tools.phantom.visible import VisibleGraph


def truth_row(eye: xr.Dataset) -> Row:
    """The true biomarkers of a synthetic eye, by the flat names of a table of results.

    Lengths, widths, turns and branchings are those of the vessel graph. What has no closed form (area density,
    sparsity, fractal measures) is counted on the graph drawn on 2048 pixels, free of the pixels of the picture at hand.

    Parameters
    ----------
    eye : xarray.Dataset
        Made by `retina_tools.phantom.eye` or a cohort.

    Returns
    -------
    dict of str to float
        For example ``calibre_equivalent_um.artery.zone_b`` or ``area_density.all.etdrs_inner_nasal``; NaN where a value
        does not exist, as in a zone of which less than 70 % is in view. The first call for an eye takes some seconds:
        its anatomy is grown again from the seed and the parameters that the eye carries.

    Raises
    ------
    EyeError
        The eye is not a synthetic one.
    """
    return dict(_row(*recipe_of(eye)))


@lru_cache(maxsize=64)
def _row(seed: int, values: str) -> Row:
    return row_of(grown_again(seed, values))


def row_of(geometry: Anatomy) -> Row:
    """The row of an anatomy."""
    graph = visible_graph(geometry)
    seen = {
        f"visible_fraction.{at}": graph.regions.visible_fraction(at) for at in ("zone_b", "zone_c", *QUADRANTS, *ETDRS)
    }
    return vessel_row(graph) | raster_row(graph) | findings_row(geometry, graph) | seen


def visible_graph(geometry: Anatomy) -> VisibleGraph:
    """The vessel graph of an anatomy in its field of view."""
    regions = Regions(geometry.frame, make_view(geometry.frame, RASTER_PX))
    return VisibleGraph(geometry.segments, geometry.frame, regions)


def graph_of(eye: xr.Dataset) -> tuple[Anatomy, VisibleGraph]:
    """The anatomy of a synthetic eye and its graph in view."""
    geometry = anatomy_of(eye)
    return geometry, visible_graph(geometry)
