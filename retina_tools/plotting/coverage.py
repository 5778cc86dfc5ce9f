"""How vessels fill the retina: boxes that cover them, and the distance of everything else from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.colors import sample_colorscale

from retina_tools.biomarkers import Frame, Unmeasurable, box_counts, vessel_distances
from retina_tools.biomarkers.segments import Vessel
from retina_tools.plotting.canvas import (
    Box,
    add_label,
    add_lines,
    add_picture,
    add_scale_bar,
    circle,
    eye_title,
    hide_axes,
    room,
    side_by_side,
    whole,
)
from retina_tools.plotting.raster import overlay_uri, photograph_uri
from retina_tools.plotting.theme import INK, OKABE_ITO, new_figure
from retina_tools.schema import get_mask, validate

_VESSEL, _COVERED = (36, 41, 47), (86, 180, 233)


def plot_boxes(
    eye: xr.Dataset, vessel: Vessel = "all", size: int = -3, *, title: str | None = None, height: int = 560
) -> go.Figure:
    """Show the boxes that cover the vessels at one size, and their number at all sizes with the slope that counts.

    Its accessible twin is :func:`retina_tools.biomarkers.box_counts`.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc.
    vessel : {'artery', 'vein', 'all'}
    size : int
        Row of that table whose grid is drawn, from the end if negative.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        No such network, or its boxes cannot be counted in this eye.
    """
    validate(eye)
    counts = box_counts(eye, vessel)
    chosen = counts.iloc[size]
    side, down, right = (int(chosen[name]) for name in ("side_px", "offset_y", "offset_x"))
    slope, level = np.polyfit(np.log(counts["side_dd"]), np.log(counts["boxes"]), 1)
    mask = get_mask(eye, "vessel" if vessel == "all" else vessel)
    assert mask is not None  # box_counts has counted it
    mask &= eye["fov"].values
    description = (
        f"Boxes of {chosen['side_dd']:.2f} disc diameters: {chosen['boxes']:.0f} cover the vessels. Over {len(counts)} "
        f"sizes their number falls with a slope of {-slope:.3f}, the box-counting dimension."
    )
    heading = f"Box counting, {eye_title(eye)}" if title is None else title
    figure = new_figure(heading, description)
    box = whole(eye)
    rows, columns = np.nonzero(mask)
    covered = np.zeros((-(-box.height // side) + 1, -(-box.width // side) + 1), bool)
    # The first box may begin before the picture.
    shift_y, shift_x = (side - down) % side, (side - right) % side
    covered[(rows + shift_y) // side, (columns + shift_x) // side] = True
    blocks = covered.repeat(side, axis=0).repeat(side, axis=1)
    blocks = blocks[shift_y : shift_y + box.height, shift_x : shift_x + box.width]
    shrink = min(1.0, 1000 / max(box.height, box.width))
    shown = (round(box.height * shrink), round(box.width * shrink))
    add_picture(figure, overlay_uri([(blocks, _COVERED)], shown, 110), box)
    add_picture(figure, overlay_uri([(mask, _VESSEL)], shown, 255), box)
    hide_axes(figure, box)
    grid = [np.array([[y, -0.5], [y, box.width - 0.5]]) for y in np.arange(down, box.height, side) - 0.5]
    grid += [np.array([[-0.5, x], [box.height - 0.5, x]]) for x in np.arange(right, box.width, side) - 0.5]
    add_lines(figure, grid, "rgba(107,114,128,0.45)", width=0.7)
    row = size % len(counts)
    _add_slope(figure, counts["side_dd"].to_numpy(), counts["boxes"].to_numpy(), (slope, level), row)
    side_by_side(figure, [room(figure, height, 70) * box.width / box.height, 420], height, gap=130, bottom=70)
    return figure


def _add_slope(figure: go.Figure, sides: Any, boxes: Any, line: tuple[float, float], shown: int) -> None:
    where = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    slope, level = line
    fitted = np.exp(level) * sides**slope
    figure.add_trace(go.Scatter(x=sides, y=fitted, mode="lines", line={"color": OKABE_ITO[1], "width": 2}, **where))
    sizes = np.where(np.arange(len(sides)) == shown, 15, 9)
    hover = "side %{x:.3f} DD<br>%{y} boxes<extra></extra>"
    marker = {"color": OKABE_ITO[0], "size": sizes, "line": {"color": "white", "width": 1}}
    figure.add_trace(go.Scatter(x=sides, y=boxes, mode="markers", marker=marker, hovertemplate=hover, **where))
    ticks = [0.04, 0.06, 0.1, 0.2, 0.4]
    levels = [one * ten for ten in (1, 10, 100, 1000, 10_000) for one in (1, 2, 5)]
    figure.update_layout(
        xaxis2={"type": "log", "title": {"text": "Side of a box [DD]"}, "anchor": "y2", "tickvals": ticks},
        yaxis2={"type": "log", "title": {"text": "Boxes that cover the vessels"}, "anchor": "x2", "tickvals": levels},
    )
    figure.add_annotation(
        text=f"slope −{-slope:.3f}<br>dimension {-slope:.3f}", xref="x2 domain", yref="y2 domain", x=0.96, y=0.95,
        showarrow=False, align="right", font={"color": OKABE_ITO[1], "size": 16},
    )  # fmt: skip


def plot_distances(
    eye: xr.Dataset, vessel: Vessel = "all", *, title: str | None = None, height: int = 640
) -> go.Figure:
    """Show how far every part of the retina is from the nearest vessel, and the place that is farthest.

    Parameters
    ----------
    eye : xarray.Dataset
    vessel : {'artery', 'vein', 'all'}
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        In disc-fovea distances where disc and fovea are known, otherwise in pixels.

    Raises
    ------
    EyeError
        No such network, or no such vessels in this eye.
    """
    validate(eye)
    far = vessel_distances(eye, vessel)
    unit, scale = _yardstick(eye)
    y, x = np.unravel_index(int(np.nanargmax(far)), far.shape)
    most, mean = float(far[y, x]), float(np.nanmean(far))
    words = [f"{value * scale:.3f} {unit}" if unit == "DFD" else f"{value:.0f} px" for value in (mean, most)]
    heading = f"Distance to the nearest vessel, {eye_title(eye)}" if title is None else title
    figure = new_figure(heading, f"Distance to the nearest vessel: mean {words[0]}, greatest {words[1]}.")
    box = whole(eye)
    add_picture(figure, _coloured(far, most, box), box)
    hide_axes(figure, box)
    add_lines(figure, [circle((float(y), float(x)), most)], "white", width=2, dash="dot")
    above = y - most > 0.05 * box.height
    place = float(y - most if above else y + most)
    add_label(figure, f"farthest: {words[1]}", place, float(x), yanchor="bottom" if above else "top")
    add_label(figure, f"mean: {words[0]}", box.height * 0.98, box.width * 0.98, xanchor="right", yanchor="bottom")
    bar = {"title": {"text": f"Distance [{unit}]", "side": "right"}, "thickness": 16, "outlinewidth": 0} | {
        "x": -0.02,
        "xanchor": "right",
    }
    marker = {"color": [0], "cmin": 0, "cmax": most * scale, "colorscale": "Viridis", "colorbar": bar, "opacity": 0}
    figure.add_trace(go.Scatter(x=[0], y=[0], mode="markers", marker=marker, hoverinfo="skip", showlegend=False))
    add_scale_bar(figure, eye, box, INK)
    side_by_side(figure, [room(figure, height) * box.width / box.height], height)
    return figure


def _yardstick(eye: xr.Dataset) -> tuple[str, float]:
    try:
        return "DFD", 1 / Frame(eye).fovea_distance_px
    except Unmeasurable:
        return "px", 1.0


def _coloured(far: np.ndarray[Any, np.dtype[np.float32]], most: float, box: Box) -> str:
    """The map in its colours, vessels dark, outside white."""
    names = sample_colorscale("Viridis", np.linspace(0, 1, 256))
    tints = np.array([[int(float(part)) for part in name[4:-1].split(",")] for name in names], np.uint8)
    level = np.nan_to_num(far / max(most, 1e-9) * 255).astype(np.uint8)
    picture = tints[level]
    picture[far == 0] = _VESSEL
    picture[np.isnan(far)] = 255
    shrink = min(1.0, 900 / max(box.height, box.width))
    return photograph_uri(picture, (round(box.height * shrink), round(box.width * shrink)), quality=88)
