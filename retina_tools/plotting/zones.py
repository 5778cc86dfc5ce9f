"""Where on the retina is measured: the zones around the disc with their vessels, and the fields of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from retina_tools import biomarkers
from retina_tools.biomarkers import Frame, region_fields, zone_vessel_paths, zone_vessels_table
from retina_tools.biomarkers.registry import ETDRS, HEMIFIELDS, QUADRANTS
from retina_tools.plotting.canvas import (
    Box,
    add_eye,
    add_label,
    add_lines,
    add_picture,
    add_scale_bar,
    around,
    circle,
    eye_title,
    legend_beside,
    room,
    side_by_side,
)
from retina_tools.plotting.raster import overlay_uri
from retina_tools.plotting.theme import INK, new_figure, plain
from retina_tools.schema import EyeError, term, validate

Floats = NDArray[np.float64]
Zone = Literal["zone_b", "zone_c"]

# Circles that bound the zones, in disc radii, and the radius at which a zone's letter is written.
_CIRCLES: Final = (1.0, 2.0, 3.0, 5.0)
_LETTERS: Final = {"A": 1.5, "B": 2.5, "C": 4.0}
_GRIDS: Final = {"Hemifields": HEMIFIELDS, "Quadrants of zone C": QUADRANTS, "ETDRS fields": ETDRS}
# Labels of neighbouring vessels lie at least so far apart, in disc radii: beside the disc, and more above and below it,
# where one stands next to the other.
_APART: Final = (0.4, 0.8)


def plot_zones(eye: xr.Dataset, zone: Zone = "zone_b", *, title: str | None = None, height: int = 680) -> go.Figure:
    """Show the zones around the disc, and the vessels that central equivalents are made of with their widths.

    Its accessible twin is :func:`retina_tools.biomarkers.zone_vessels_table`.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc, and arteries and veins.
    zone : {'zone_b', 'zone_c'}
        Whose vessels are drawn: thick with rank and width the six that are combined, thin the others.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        The zone is none, or cannot be placed or seen in this eye.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> [trace.name for trace in plot_zones(shapes.radial_vessels(size=512)).data if trace.name][-2:]
    ['Artery', 'Vein']
    """
    validate(eye)
    table, paths = zone_vessels_table(eye, zone), zone_vessel_paths(eye, zone)
    frame = Frame(eye)
    radius, centre = frame.radius_px, frame.centre_yx
    unit, column = ("µm", "calibre_um") if np.isfinite(table["calibre_um"]).any() else ("DD", "calibre_dd")
    words = [f"{value:.0f} {unit}" if unit == "µm" else f"{value:.3f} {unit}" for value in table[column]]
    heading = f"Vessels of zone {zone[-1].upper()}, {eye_title(eye)}" if title is None else title
    figure = new_figure(heading, _zones_in_words(table.assign(words=words), zone))
    box = around(eye, centre, 5.5 * radius)
    add_eye(figure, eye, box)
    for reach in _CIRCLES:
        name = "Optic disc" if reach == 1.0 else f"{reach:g} disc radii"
        add_lines(figure, [circle(centre, reach * radius)], INK, width=1.5, dash="dot", name=name, showlegend=False)
    temporal = math.copysign(1.0, box.left + box.right - 2 * centre[1])
    for letter, reach in _LETTERS.items():
        add_label(figure, letter, centre[0], centre[1] + temporal * reach * radius, size=18, bgcolor="rgba(0,0,0,0)")
    for vessel in ("artery", "vein"):
        chosen = (table["vessel"] == vessel).to_numpy()
        six, colour = table["combined"].to_numpy(), term(vessel).colour
        add_lines(figure, [path for path, show in zip(paths, chosen & ~six, strict=True) if show], colour, width=1.5)
        own = [path for path, show in zip(paths, chosen & six, strict=True) if show]
        add_lines(figure, own, colour, width=5, name=term(vessel).label)
    _label_vessels(figure, table.assign(words=words), paths, centre, radius, 3.0 if zone == "zone_b" else 5.0, box)
    add_scale_bar(figure, eye, box, INK)
    side_by_side(figure, [room(figure, height) * box.width / box.height], height)
    figure.update_layout(legend=legend_beside())
    return figure


def _label_vessels(
    figure: go.Figure,
    table: pd.DataFrame,
    paths: list[Floats],
    centre: tuple[float, float],
    radius: float,
    reach: float,
    box: Box,
) -> None:
    """Rank and width of each combined vessel just outside the zone, moved along the circle where two would overlap."""
    rows = [k for k in range(len(table)) if table["combined"].iloc[k]]
    ends = np.array([paths[k][-1] - centre for k in rows]).reshape(-1, 2)
    angles = np.arctan2(ends[:, 0], ends[:, 1])
    order = np.argsort(angles)
    spread = _spread(angles[order], reach)
    for k, angle in zip(np.array(rows)[order] if rows else [], spread, strict=True):
        row = table.iloc[int(k)]
        # A vessel that leaves the field before the zone ends has its label where it leaves, inside the picture.
        away = min(float(np.hypot(*(paths[int(k)][-1] - centre))), reach * radius) + 0.28 * radius
        right = math.cos(angle)
        y = np.clip(centre[0] + away * math.sin(angle), box.top + 0.03 * box.height, box.bottom - 0.03 * box.height)
        x = max(centre[1] + away * right, box.left)
        near_edge = x < box.left + 0.14 * box.width
        anchor = "left" if right > 0.3 or near_edge else "right" if right < -0.3 else "center"
        colour = term(row["vessel"]).colour
        add_label(figure, f"{row['rank']}: {row['words']}", float(y), x, colour=colour, xanchor=anchor)


def _spread(angles: Floats, reach: float) -> Floats:
    """Angles in rising order, pushed apart until the labels of neighbours do not cover each other."""
    moved = angles.copy()
    for _ in range(300):
        middle = (moved[1:] + moved[:-1]) / 2
        least = (_APART[0] + _APART[1] * np.sin(middle) ** 2) / reach
        short = np.maximum(least - np.diff(moved), 0) / 2
        if short.max(initial=0) < 1e-3:
            break
        moved[:-1] -= short
        moved[1:] += short
    return moved


def _zones_in_words(table: pd.DataFrame, zone: str) -> str:
    letter = zone[-1].upper()
    parts = []
    for vessel in ("artery", "vein"):
        own = table[table["vessel"] == vessel]
        six = own.loc[own["combined"], "words"]
        kind = {"artery": "arteries", "vein": "veins"}[vessel]
        widths = f", the six widest {', '.join(six)}" if len(six) else ", too few for an equivalent"
        parts.append(f"{len(own)} {kind} cross it{widths}")
    return f"Zones A, B and C around the optic disc, and the vessels of zone {letter}: {'; '.join(parts)}."


def plot_regions(
    eye: xr.Dataset,
    values: Mapping[str, float] | xr.DataArray,
    *,
    label: str = "",
    digits: int = 3,
    title: str | None = None,
    height: int = 430,
) -> go.Figure:
    """Show a biomarker field by field: hemifields, quadrants of zone C, and the grid of the ETDRS, side by side.

    Parameters
    ----------
    eye : xarray.Dataset
        With what places the fields: a disc and a fovea, and for the last grid a scale.
    values : mapping of str to float, or xarray.DataArray
        Region to value, for example ``measured["area_density"].sel(vessel="all")``.
    label : str
        Name and unit of the values, for the colour scale; by default that of the array.
    digits : int
        Decimals of the values.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        None of the fields has a value in this eye.

    Examples
    --------
    >>> from retina_tools import biomarkers, phantom
    >>> eye = phantom.eye(size=256)
    >>> density = biomarkers.measure(eye, "area_density")["area_density"].sel(vessel="all")
    >>> len(plot_regions(eye, density).layout.images)  # three photographs, three grids
    6
    """
    validate(eye)
    if isinstance(values, xr.DataArray):
        label = label or (biomarkers.label(str(values.name)) if values.name else "")
        values = {str(at): float(values.sel(region=at)) for at in values["region"].values}
    known = {name: float(value) for name, value in values.items() if math.isfinite(value)}
    grids = {}
    for name, regions in _GRIDS.items():
        fields = {at: mask for at, mask in region_fields(eye, regions).items() if at in known and mask.any()}
        if fields:
            grids[name] = fields
    if not grids:
        raise EyeError("No hemifield, quadrant or ETDRS field has a value here; they need a disc, a fovea and a scale.")
    shown = [known[at] for fields in grids.values() for at in fields]
    low, high = min(shown), max(shown)
    if low == high:
        low, high = low - 1, high + 1
    heading = f"{label or 'Values'}, {eye_title(eye)}" if title is None else title
    said = "; ".join(
        f"{name}: " + ", ".join(f"{_short(at)} {known[at]:.{digits}f}" for at in fields)
        for name, fields in grids.items()
    )
    figure = new_figure(heading, f"{label or 'Values'} by field. {said}.")
    for panel, (name, fields) in enumerate(grids.items(), start=1):
        box = _square_around(eye, fields)
        add_eye(figure, eye, box, panel=panel)
        tints = sample_colorscale("Viridis", [(known[at] - low) / (high - low) for at in fields])
        layers = [(mask[box.slices], _rgb(tint)) for mask, tint in zip(fields.values(), tints, strict=True)]
        shrink = min(1.0, 500 / max(box.height, box.width))
        size = (round(box.height * shrink), round(box.width * shrink))
        add_picture(figure, overlay_uri(layers, size, 130), box, panel)
        for at, mask in fields.items():
            y, x = (float(places.mean()) for places in np.nonzero(mask))
            add_label(figure, f"{known[at]:.{digits}f}", y, x, panel=panel, size=12 if len(fields) <= 4 else 9)
        add_label(
            figure,
            name,
            box.top - 0.5,
            (box.left + box.right) / 2,
            panel=panel,
            yanchor="bottom",
            bgcolor="rgba(0,0,0,0)",
            size=14,
        )
    scale = {"colorscale": "Viridis", "cmin": low, "cmax": high, "color": [low], "size": 0.1, "opacity": 0}
    bar = {"title": {"text": plain(label), "side": "right"}, "thickness": 16, "outlinewidth": 0}
    figure.add_trace(
        go.Scatter(x=[0], y=[0], mode="markers", marker=scale | {"colorbar": bar}, hoverinfo="skip", showlegend=False)
    )
    tall = room(figure, height) - 24
    side_by_side(figure, [tall] * len(grids), height, right=110)
    figure.update_layout(margin_t=figure.layout.margin.t + 24)
    return figure


def _square_around(eye: xr.Dataset, fields: Mapping[str, NDArray[np.bool_]]) -> Box:
    """The part of the picture that shows all fields of a grid, with a margin."""
    rows, columns = np.nonzero(np.logical_or.reduce(list(fields.values())))
    (top, bottom), (left, right) = np.percentile(rows, [0, 100]), np.percentile(columns, [0, 100])
    return around(eye, ((top + bottom) / 2, (left + right) / 2), 0.56 * max(bottom - top, right - left))


def _short(region: str) -> str:
    return region.removeprefix("zone_c_").removeprefix("etdrs_").replace("_", " ")


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(float(part)) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    return red, green, blue
