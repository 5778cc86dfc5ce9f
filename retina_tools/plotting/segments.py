"""Vessel segments coloured by how tortuous they are, with the extremes pulled out."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from retina_tools.biomarkers import segment_paths, segments_table
from retina_tools.biomarkers.segments import Vessel
from retina_tools.plotting.canvas import (
    add_eye,
    add_lines,
    add_scale_bar,
    axes,
    eye_title,
    room,
    side_by_side,
    whole,
)
from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, new_figure
from retina_tools.schema import EyeError, validate

Floats = NDArray[np.float64]
By = Literal[
    "arc_chord", "curvature_per_dd", "squared_curvature_per_dd2", "tortuosity_density_per_dd", "inflections",
    "calibre_px", "calibre_dd", "calibre_um", "length_dd", "generation", "strahler",
]  # fmt: skip

_NAMES: Final = {
    "arc_chord": "Arc over chord",
    "curvature_per_dd": "Mean absolute curvature [1/DD]",
    "squared_curvature_per_dd2": "Mean squared curvature [1/DD²]",
    "tortuosity_density_per_dd": "Tortuosity density [1/DD]",
    "inflections": "Inflections",
    "calibre_px": "Calibre [px]",
    "calibre_dd": "Calibre [DD]",
    "calibre_um": "Calibre [µm]",
    "length_dd": "Length [DD]",
    "generation": "Generation from the disc",
    "strahler": "Strahler order from the tips",
}
_WINDING: Final = ("arc_chord", "curvature_per_dd", "squared_curvature_per_dd2", "tortuosity_density_per_dd")
# Plotly colours lines one trace at a time, so colours come in steps.
_STEPS: Final = 12
_SCALE: Final = "Plasma"


def plot_segments(
    eye: xr.Dataset,
    by: By = "arc_chord",
    vessel: Vessel = "all",
    *,
    least_dd: float = 0.25,
    extremes: bool = True,
    title: str | None = None,
    height: int = 640,
) -> go.Figure:
    """Show the segments of the vessels coloured by one of their measures, the smallest and the largest pulled out.

    Its accessible twin is :func:`retina_tools.biomarkers.segments_table`.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc.
    by : str
        Column of that table.
    vessel : {'artery', 'vein', 'all'}
    least_dd : float
        Shorter segments are drawn grey; tortuosities do not count them either.
    extremes : bool
        Beside the eye, the segments with the smallest and the largest value, larger, each with its chord. To be
        pulled out, a segment has to be twice the least length.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        No such network or column, or no segment is long enough and has a value.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> figure = plot_segments(phantom.eye(size=512), "arc_chord", "artery")
    >>> figure.layout.coloraxis.colorbar.title.text
    'Arc over chord'
    """
    validate(eye)
    if by not in _NAMES:
        raise EyeError(f"by is {by!r}, wanted one of {', '.join(_NAMES)}.")
    table, paths = segments_table(eye, vessel), segment_paths(eye, vessel)
    long = table[(table["length_dd"] >= least_dd) & table[by].notna()]
    if not len(long):
        raise EyeError(f"No segment of {vessel!r} has {by} and is {least_dd:g} disc diameters long.")
    values = long[by].astype(float)
    # A single loop must not take all the colours.
    low, high = float(values.min()), float(np.percentile(values, 98))
    high = high if high > low else low + 1e-9
    heading = f"{_NAMES[by]}, {eye_title(eye)}" if title is None else title
    weights = long["length_dd"]
    description = (
        f"{len(long)} of {len(table)} vessel segments coloured by {_NAMES[by].lower()}: from {values.min():.3g} to "
        f"{values.max():.3g}, mean weighted by length {np.average(values, weights=weights):.3f}."
    )
    figure = new_figure(heading, description)
    box = whole(eye)
    add_eye(figure, eye, box)
    light = [_lighter(path) for path in paths]
    short = [light[k] for k in table.index.difference(long.index)]
    add_lines(figure, short, MUTED, width=1, name="too short")
    figure.data[-1].update(showlegend=False)
    step = np.clip(((values - low) / (high - low) * _STEPS).astype(int), 0, _STEPS - 1)
    for number, tint in enumerate(sample_colorscale(_SCALE, np.linspace(0.0, 0.92, _STEPS))):
        chosen = [light[k] for k in long.index[step == number]]
        if chosen:
            add_lines(figure, chosen, tint, width=3.5)
    _add_hover(figure, long, by)
    _add_colours(figure, by, low, high)
    wide = [room(figure, height) * box.width / box.height]
    if extremes:
        candidates = long[long["length_dd"] >= 2 * least_dd]
        candidates = candidates if len(candidates) else long
        order = np.argsort(candidates[by].to_numpy(float))
        ends = [int(candidates["segment"].iloc[int(order[place])]) for place in (0, -1)]
        _add_extremes(figure, eye, [(paths[k], float(table[by].iloc[k])) for k in ends], by)
        wide.append(300)
    add_scale_bar(figure, eye, box, INK)
    side_by_side(figure, wide, height, gap=30, right=120)
    if extremes:
        column = figure.layout.xaxis2.domain
        figure.update_layout(yaxis2_domain=[0.54, 1], yaxis3_domain=[0, 0.46], xaxis3_domain=column)
    return figure


def _lighter(path: Floats) -> Floats:
    """Every third point of a curve and its end, to the tenth of a pixel: no eye sees the difference."""
    return np.asarray(np.concatenate([path[:-1:3], path[-1:]]).round(1))


def _add_hover(figure: go.Figure, table: pd.DataFrame, by: str) -> None:
    """An unseen mark in the middle of each segment that says what it measures."""
    said = [
        f"segment {row['segment']}, {row['kind']}<br>{_NAMES[by]} {row[by]:.4g}<br>length {row['length_dd']:.2f} DD"
        for _, row in table.iterrows()
    ]
    figure.add_trace(
        go.Scatter(
            x=table["middle_x"].round(1), y=table["middle_y"].round(1), mode="markers", hovertext=said,
            hovertemplate="%{hovertext}<extra></extra>", marker={"size": 10, "opacity": 0}, showlegend=False,
        )
    )  # fmt: skip


def _add_colours(figure: go.Figure, by: str, low: float, high: float) -> None:
    tints = sample_colorscale(_SCALE, np.linspace(0.0, 0.92, _STEPS))
    scale = [[share, tint] for k, tint in enumerate(tints) for share in (k / _STEPS, (k + 1) / _STEPS)]
    bar = {"title": {"text": _NAMES[by], "side": "right"}, "thickness": 16, "outlinewidth": 0}
    figure.update_layout(coloraxis={"colorscale": scale, "cmin": low, "cmax": high, "colorbar": bar})
    marker = {"color": [low], "coloraxis": "coloraxis", "opacity": 0}
    look: dict[str, Any] = {"mode": "markers", "marker": marker, "hoverinfo": "skip", "showlegend": False}
    figure.add_trace(go.Scatter(x=[0], y=[0], **look))


def _add_extremes(figure: go.Figure, eye: xr.Dataset, chosen: list[tuple[Floats, float]], by: str) -> None:
    """Two segments larger, one above the other, at the same scale, with their chords; numbered in the eye."""
    reach = max(float(np.ptp(path, axis=0).max()) for path, _ in chosen) / 2 * 1.15
    words = ("straightest", "most tortuous") if by in _WINDING else ("smallest", "largest")
    for panel, word, (path, value) in zip((2, 3), words, chosen, strict=True):
        add_lines(figure, [path[[0, -1]]], OKABE_ITO[0], width=2, panel=panel, dash="dash")
        add_lines(figure, [path], INK, width=3.5, panel=panel)
        middle = (path.min(axis=0) + path.max(axis=0)) / 2
        x, y = axes(panel)
        hidden: dict[str, Any] = {"visible": False, "constrain": "domain"}
        figure.update_layout(
            {
                f"xaxis{panel}": {"range": [middle[1] - reach, middle[1] + reach], "anchor": y, **hidden},
                f"yaxis{panel}": {
                    "range": [middle[0] + reach, middle[0] - reach], "anchor": x, "scaleanchor": x, **hidden,
                },
            }
        )  # fmt: skip
        text = f"{word}: {value:.3g}" if by == "inflections" else f"{word}: {value:.3f}"
        figure.add_annotation(
            text=text, xref=f"{x} domain", yref=f"{y} domain", x=0.5, y=1.0, yanchor="bottom", showarrow=False,
            font={"size": 14, "color": INK},
        )  # fmt: skip
        here = path[len(path) // 2]
        figure.add_annotation(
            text=word, x=here[1], y=here[0], ax=40, ay=-34, showarrow=True, arrowhead=2, arrowcolor=INK,
            bgcolor="rgba(255,255,255,0.8)", font={"size": 13, "color": INK},
        )  # fmt: skip
