"""Many measures against a reference on one axis: measured over true, theirs over ours, interval over value."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from retina_tools.plotting.theme import INK, OKABE_ITO, SYMBOLS, new_figure, plain, title_room, wrapped
from retina_tools.schema import EyeError

# Height of a line with a label of one line or of two, and letters in a line of it.
_LINE: Final = (26, 38)
_LABEL_LINE: Final = 36
_TICKS: Final = (0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10)


def plot_ratios(
    table: pd.DataFrame,
    *,
    value: str = "measured",
    reference: str = "true",
    row: str = "biomarker",
    colour: str | None = None,
    low: str | None = None,
    high: str | None = None,
    axis: str = "Measured over true",
    title: str | None = None,
    width: int | None = None,
) -> go.Figure:
    """Draw values over a reference, one line per measure and one mark per row of a table, on a logarithmic axis.

    Measures of different units come on one axis, where 1 is agreement. The accessible twin is the table itself.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per mark.
    value, reference : str
        Columns of the two numbers; rows where one is missing, or that have no ratio, are left out and counted.
    row : str
        Column that names the line, in the order of the table.
    colour : str, optional
        Column of at most eight groups, told apart by colour and shape.
    low, high : str, optional
        Columns of an interval around the value.
    axis : str
        Title of the axis.
    title : str, optional
    width : int
        Of the figure, in screen pixels, by default that of the page; its height follows from the number of lines.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        A column is missing, there are more than eight groups, or nothing can be drawn.

    Examples
    --------
    >>> table = pd.DataFrame({"biomarker": ["CRAE", "CRAE", "AVR"], "measured": [9, 11, 0.7], "true": [10, 10, 0.7]})
    >>> [round(float(x), 2) for x in plot_ratios(table).data[1].x]
    [0.9, 1.1, 1.0]
    """
    needed = [name for name in (value, reference, row, colour, low, high) if name]
    for name in needed:
        if name not in table:
            raise EyeError(f"The table has no column {name!r}; see table.columns for what it has.")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = table[value].astype(float) / table[reference].astype(float)
    usable = table.assign(ratio=ratio)[np.isfinite(ratio) & (ratio > 0)]
    if not len(usable):
        raise EyeError(f"No row has a positive ratio of {value!r} to {reference!r}, so there is nothing to draw.")
    lines = {name: place for place, name in enumerate(reversed(list(dict.fromkeys(usable[row]))))}
    groups = list(dict.fromkeys(usable[colour].astype(str))) if colour else [""]
    if len(groups) > len(SYMBOLS):
        raise EyeError(f"The column {colour!r} has {len(groups)} groups, and only {len(SYMBOLS)} are told apart.")
    left_out = len(table) - len(usable)
    figure = new_figure(title, _description(usable, row, axis, left_out))
    ends, mark = [-0.6, len(lines) - 0.4], {"color": INK, "width": 1.5, "dash": "dash"}
    figure.add_trace(go.Scatter(x=[1, 1], y=ends, mode="lines", line=mark, showlegend=False, hoverinfo="skip"))
    for number, group in enumerate(groups):
        part = usable[usable[colour].astype(str) == group] if colour else usable
        # Groups stand a little apart, so that their intervals do not cover each other.
        shift = 0.0 if len(groups) == 1 else 0.36 * (0.5 - number / (len(groups) - 1))
        figure.add_trace(_marks(part, lines, row, reference, (low, high), (value, group), (shift, number)))
    _set_axes(figure, usable, reference, (low, high), lines, axis)
    note = 20 if left_out else 0
    # Groups stand in a row above the axes, or in as many as they need on a narrow page.
    rows = int(np.ceil(sum(8 * len(group) + 50 for group in groups) / 440)) if colour else 0
    top = title_room(figure) + 10 + 22 * rows
    figure.update_layout(
        width=width,
        height=top + 70 + note + _LINE[max(len(str(name)) for name in lines) > _LABEL_LINE] * (len(lines) + 1),
        margin={"l": 20, "r": 30, "t": top, "b": 70 + note},
        showlegend=bool(colour),
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )
    if left_out:
        figure.add_annotation(
            text=f"{left_out} of {len(table)} rows left out: no value, or nothing to divide by", xref="paper", x=1,
            xanchor="right", yref="paper", y=0, yshift=-64, yanchor="top", showarrow=False,
        )  # fmt: skip
    return figure


def _marks(
    part: pd.DataFrame,
    lines: dict[Any, int],
    row: str,
    reference: str,
    interval: tuple[str | None, str | None],
    names: tuple[str, str],
    place: tuple[float, int],
) -> go.Scatter:
    (value, group), (shift, number) = names, place
    tint, edge = OKABE_ITO[number], {"width": 0.8, "color": "white"}
    bars: dict[str, Any] = {}
    if interval[0] and interval[1]:
        low, high = (part[name].astype(float) / part[reference].astype(float) for name in interval)
        bars["error_x"] = {
            "type": "data", "symmetric": False, "array": high - part["ratio"], "arrayminus": part["ratio"] - low,
            "color": tint, "thickness": 2, "width": 0,
        }  # fmt: skip
    said = [
        f"<b>{plain(one[row])}</b><br>{plain(group)}{'<br>' if group else ''}{plain(value)} {one[value]:.4g}, "
        f"{plain(reference)} {one[reference]:.4g}"
        for _, one in part.iterrows()
    ]
    return go.Scatter(
        x=part["ratio"],
        y=[lines[name] + shift for name in part[row]],
        mode="markers",
        name=plain(group),
        marker={"color": tint, "symbol": SYMBOLS[number], "size": 9, "opacity": 0.8, "line": edge},
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
        **bars,
    )


def _set_axes(
    figure: go.Figure,
    usable: pd.DataFrame,
    reference: str,
    interval: tuple[str | None, str | None],
    lines: dict[Any, int],
    axis: str,
) -> None:
    shown = [usable["ratio"]]
    shown += [usable[name].astype(float) / usable[reference].astype(float) for name in interval if name]
    every = np.concatenate([np.asarray(one, float) for one in shown])
    every = every[np.isfinite(every) & (every > 0)]
    low, high = min(float(every.min()), 0.9), max(float(every.max()), 1.1)
    room = 0.04 * np.log10(high / low)
    span = [np.log10(low) - room, np.log10(high) + room]
    ticks: list[float] = []
    for tick in sorted(_TICKS, key=lambda tick: (tick != 1, tick not in (0.5, 2, 0.1, 10), abs(np.log10(tick)))):
        near = any(abs(np.log10(tick / other)) < 0.07 * (span[1] - span[0]) for other in ticks)
        if span[0] <= np.log10(tick) <= span[1] and not near:
            ticks.append(tick)
    figure.update_xaxes(
        type="log", range=span, tickvals=sorted(ticks), ticktext=[f"{tick:g}" for tick in sorted(ticks)],
        title_text=plain(axis), tickangle=0,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(lines.values()), ticktext=[wrapped(name, _LABEL_LINE) for name in lines],
        range=[-0.6, len(lines) - 0.4], zeroline=False, ticks="", automargin=True,
    )  # fmt: skip


def _description(usable: pd.DataFrame, row: str, axis: str, left_out: int) -> str:
    means = usable.groupby(row, sort=False)["ratio"].median()
    listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in means.items())
    missing = f" {left_out} rows have no ratio." if left_out else ""
    return f"{axis} for {len(means)} measures, median of each: {listed}.{missing}"
