"""The eye with what was drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from retina_tools.plotting.canvas import add_lines, add_picture, add_scale_bar, eye_title, legend_beside, whole
from retina_tools.plotting.raster import Format, outline_of, overlay_uri, photograph_uri
from retina_tools.plotting.theme import new_figure, plain, title_room
from retina_tools.schema import TAXONOMY, EyeError, get_landmark, get_mask, has_mask, term, validate

# From the lowest layer to the topmost: what covers much must not hide what is fine.
_REGIONS: Final = ("macula", "optic_disc", "optic_cup")
_VESSELS: Final = ("vessel", "vein", "artery")
_POINTS: Final = {"optic_disc": ("Disc centre", "cross-thin"), "fovea": ("Fovea", "x-thin")}


def plot_overlay(
    eye: xr.Dataset,
    structures: str | Sequence[str] | None = None,
    *,
    outline: bool | str | Sequence[str] = False,
    opacity: float = 0.5,
    landmarks: bool = True,
    scale_bar: bool = True,
    title: str | None = None,
    max_size: int = 2000,
    image_format: Format = "jpeg",
    height: int = 640,
) -> go.Figure:
    """Show a photograph with its masks and landmarks.

    The photograph is shown lossy and light, the masks exactly; measure on the eye, not on the figure. Its accessible
    twin is :func:`structure_table`.

    Parameters
    ----------
    eye : xarray.Dataset
        With an image, or masks, or both.
    structures : str or sequence of str, optional
        Masks to draw; by default all that are there, the union ``vessel`` only where artery and vein are not. An empty
        list shows the bare photograph.
    outline : bool, str or sequence of str
        Draw rims rather than areas: of all, or of the structures named.
    opacity : float
        Of areas, 0 to 1; rims are drawn opaque.
    landmarks : bool
        Mark disc centre and fovea.
    scale_bar : bool
        Show a length on the retina where the scale is known.
    title : str, optional
        By default the image id and the eye.
    max_size : int
        Longer sides are shrunk to so many pixels; axes stay in pixels of the eye.
    image_format : {'jpeg', 'webp'}
        Of the photograph.
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        A structure is not in the taxonomy or was not looked for in this eye, or the opacity is not between 0 and 1.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> figure = plot_overlay(phantom.eye(size=128), ["artery", "vein"])
    >>> [trace.name for trace in figure.data if trace.showlegend is not False]
    ['Artery', 'Vein', 'Disc centre', 'Fovea']
    """
    validate(eye)
    if not 0 <= opacity <= 1:
        raise EyeError(f"opacity is {opacity!r}, wanted a number from 0 (clear) to 1 (opaque).")
    chosen = _chosen(eye, structures)
    rims = _rims(chosen, outline)
    rows, columns = eye.sizes["y"], eye.sizes["x"]
    shrink = min(1.0, max_size / max(rows, columns))
    size = (max(1, round(rows * shrink)), max(1, round(columns * shrink)))
    figure = new_figure(eye_title(eye) if title is None else title, _description(eye, chosen))
    if "image" in eye:
        add_picture(figure, photograph_uri(eye["image"].values, size, fmt=image_format), whole(eye))
    areas = [(_mask(eye, name), term(name).rgb) for name in chosen if name not in rims]
    width = max(1, round(max(rows, columns) / 500))
    lines = [(outline_of(_mask(eye, name), width), term(name).rgb) for name in chosen if name in rims]
    for layers, alpha in ((areas, round(opacity * 255)), (lines, 255)):
        if layers:
            add_picture(figure, overlay_uri(layers, size, alpha), whole(eye))
    _add_legend(figure, chosen, rims)
    if landmarks:
        _add_landmarks(figure, eye)
    if scale_bar:
        add_scale_bar(figure, eye)
    _frame(figure, rows, columns, height, dark="image" not in eye)
    return figure


def structure_table(eye: xr.Dataset) -> pd.DataFrame:
    """What is drawn on an eye, as a table: the accessible twin of :func:`plot_overlay`.

    Parameters
    ----------
    eye : xarray.Dataset

    Returns
    -------
    pandas.DataFrame
        One row per mask: ``structure``, ``label``, ``colour``, ``pixels``, ``visible_percent`` (of the field of view).

    Examples
    --------
    >>> from retina_tools import phantom
    >>> structure_table(phantom.eye(size=128))["label"].tolist()
    ['Artery', 'Vein', 'Optic disc', 'Optic cup', 'Macula']
    """
    visible = max(int(eye["fov"].values.sum()), 1)
    rows = []
    for name in _chosen(eye, None):
        found = term(name)
        pixels = int(_mask(eye, name).sum())
        inside = int((_mask(eye, name) & eye["fov"].values).sum())
        rows.append((name, found.label, found.colour, pixels, 100 * inside / visible))
    table = pd.DataFrame(rows, columns=["structure", "label", "colour", "pixels", "visible_percent"])
    order = {name: place for place, name in enumerate(TAXONOMY)}
    return table.sort_values("structure", key=lambda names: names.map(order), ignore_index=True)


def _chosen(eye: xr.Dataset, structures: str | Sequence[str] | None) -> list[str]:
    """Names to draw, from the lowest layer to the topmost."""
    present = [str(name) for name in eye["structure"].values]
    if structures is None:
        split = "artery" in present and "vein" in present
        wanted = [name for name in present if not (name == "vessel" and split)]
    else:
        wanted = [structures] if isinstance(structures, str) else list(dict.fromkeys(structures))
    for name in wanted:
        label = term(name).label
        if not has_mask(eye, name):
            drawn = ", ".join(present) or "nothing"
            raise EyeError(f"{label} was not looked for in this eye, which has {drawn}; segment it first.")
    kinds = [term(name).kind for name in TAXONOMY]
    place = {name: index for index, name in enumerate(TAXONOMY)}

    def layer(name: str) -> tuple[int, int]:
        if term(name).kind == "phenotype":
            return 0, place[name]
        if name in _REGIONS:
            return 1, _REGIONS.index(name)
        if name in _VESSELS:
            return 2, _VESSELS.index(name)
        return 3, len(kinds) - place[name]

    return sorted(wanted, key=layer)


def _rims(chosen: list[str], outline: bool | str | Sequence[str]) -> set[str]:
    if isinstance(outline, bool):
        return set(chosen) if outline else set()
    named = [outline] if isinstance(outline, str) else list(outline)
    for name in named:
        term(name)
    return set(named)


def _mask(eye: xr.Dataset, name: str) -> NDArray[np.bool_]:
    mask = get_mask(eye, name)
    return np.zeros((eye.sizes["y"], eye.sizes["x"]), bool) if mask is None else mask


def _description(eye: xr.Dataset, chosen: list[str]) -> str:
    subject = eye_title(eye) or "an eye"
    what = "Fundus photograph" if "image" in eye else "Masks"
    size = f"{eye.sizes['x']} by {eye.sizes['y']} pixels"
    visible = max(int(eye["fov"].values.sum()), 1)
    shares = [f"{term(name).label.lower()} {100 * _mask(eye, name).sum() / visible:.2g} %" for name in reversed(chosen)]
    drawn = f" Drawn, as share of the field of view: {', '.join(shares)}." if shares else " Nothing is drawn on it."
    points = [f"{label.lower()} at ({y:.0f}, {x:.0f})" for label, y, x in _landmarks(eye)]
    return f"{what} of {subject}, {size}.{drawn}" + (f" Marked, as (y, x): {', '.join(points)}." if points else "")


def _landmarks(eye: xr.Dataset) -> list[tuple[str, float, float]]:
    found = []
    for point, (label, _) in _POINTS.items():
        place = get_landmark(eye, point)  # type: ignore[arg-type]
        if place is not None:
            found.append((label, *place))
    return found


def _add_legend(figure: go.Figure, chosen: list[str], rims: set[str]) -> None:
    for name in reversed(chosen):
        found = term(name)
        line = {"color": found.colour if name in rims else "rgba(0,0,0,0.35)", "width": 3 if name in rims else 1}
        fill = "rgba(0,0,0,0)" if name in rims else found.colour
        marker = {"symbol": "square", "size": 14, "color": fill, "line": line}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=plain(found.label), marker=marker, hoverinfo="skip")
        )


def _add_landmarks(figure: go.Figure, eye: xr.Dataset) -> None:
    symbols, found = dict(_POINTS.values()), _landmarks(eye)
    for label, y, x in found:
        look = {"symbol": symbols[label], "size": 16, "line": {"width": 2, "color": "black"}}
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", name=label, marker=look, hoverinfo="skip"))
        # A thin black line over a thick white one can be seen on any retina.
        for width, colour in ((4, "white"), (2, "black")):
            strokes = _strokes(eye, label, y, x)
            add_lines(figure, strokes, colour, width=width, name=label, showlegend=False)
        hover = f"{label}<br>y %{{y:.1f}}, x %{{x:.1f}}<extra></extra>"
        unseen = {"size": 16, "opacity": 0}
        figure.add_trace(
            go.Scatter(
                x=[x], y=[y], mode="markers", name=label, marker=unseen, hovertemplate=hover, showlegend=False
            )
        )  # fmt: skip


def _strokes(eye: xr.Dataset, label: str, y: float, x: float) -> list[NDArray[np.float64]]:
    """Lines that mark a point: around the disc, pointing at its centre, so that the cup stays in sight."""
    centre, reach = np.array([y, x]), 0.018 * max(eye.sizes["y"], eye.sizes["x"])
    if label == _POINTS["optic_disc"][0]:
        disc = _mask(eye, "optic_disc") if has_mask(eye, "optic_disc") else np.zeros((1, 1), bool)
        radius = float(np.sqrt(disc.sum() / np.pi))
        ways = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]], float)
        return [np.stack([centre + (1.08 * radius) * way, centre + (1.08 * radius + reach) * way]) for way in ways]
    ways = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    return [np.stack([centre - reach * way, centre + reach * way]) for way in ways]


def _frame(figure: go.Figure, rows: int, columns: int, height: int, *, dark: bool) -> None:
    hidden: dict[str, Any] = {"visible": False, "showgrid": False, "zeroline": False, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, columns - 0.5], constraintoward="left", **hidden)
    figure.update_yaxes(range=[rows - 0.5, -0.5], scaleanchor="x", constraintoward="top", **hidden)
    figure.update_layout(
        height=height,
        margin={"l": 20, "r": 20, "t": title_room(figure), "b": 20},
        dragmode="pan",
        legend=legend_beside(),
        paper_bgcolor="white",
        plot_bgcolor="white",
    )
    if dark:
        figure.add_shape(
            type="rect", x0=-0.5, x1=columns - 0.5, y0=-0.5, y1=rows - 0.5, line={"color": "#9ca3af", "width": 1}
        )
