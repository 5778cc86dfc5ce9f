"""How well a segmenter does, eye by eye, and how much of it survives when photographs get worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, SYMBOLS, new_figure, plain
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import MEASURES, label_of, robustness_table

__all__ = ["plot_agreement", "plot_leave_one_out", "plot_robustness"]

_NEEDED: Final = ("dataset", "image_id", "structure", "measure", "value")
_LINE: Final = 64
_SPREAD: Final = 0.2
_MOST_SETS: Final = len(SYMBOLS)


def plot_agreement(
    table: pd.DataFrame,
    measure: str = "dice",
    structures: Sequence[str] | None = None,
    *,
    title: str | None = None,
    width: int = 860,
) -> go.Figure:
    """Draw a measure eye by eye, a line per structure, with its mean in words and its worst eye by name.

    Sets are told apart by colour and shape. The accessible twin is ``evaluation.summarise``.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``segmentation.evaluate``; tables of several sets may be joined, at most eight.
    measure : str
        A name of ``evaluation.MEASURES``.
    structures : sequence of str, optional
        Which of them, from above; by default all with a value, in the order of the table.
    title : str, optional
    width : int
        In screen pixels; the height follows from the number of lines.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        A column is missing, the measure does not exist, or nothing has a value.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"image_id": ["a", "b"], "value": [0.8, 0.6]})
    >>> rows = rows.assign(dataset="CHASE", structure="vessel", measure="dice")
    >>> figure = plot_agreement(rows)
    >>> figure.layout.meta["description"]
    'Dice of 2 eyes. Vessel, CHASE: mean 0.70, worst 0.60 (b).'
    """
    shown = _chosen(table, measure, structures)
    sets = list(dict.fromkeys(shown["dataset"]))
    lines = [
        (structure, name) for structure in dict.fromkeys(shown["structure"]) for name in sets
        if ((shown["structure"] == structure) & (shown["dataset"] == name)).any()
    ]  # fmt: skip
    figure = new_figure(title, _in_words(shown, measure, lines))
    for row, (structure, name) in enumerate(reversed(lines)):
        part = shown[(shown["structure"] == structure) & (shown["dataset"] == name)]
        _add_line(figure, part, row, sets.index(name), measure)
    _set_axes(figure, shown, lines, sets, measure)
    top = (60 if title else 30) + (30 if len(sets) > 1 else 0)
    figure.update_layout(
        width=width,
        height=top + 80 + _LINE * len(lines),
        margin={"l": 20, "r": 225, "t": top, "b": 70},
        showlegend=len(sets) > 1,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "reversed"},
    )
    return figure


def plot_robustness(
    table: pd.DataFrame,
    structure: str = "vessel",
    measure: str = "dice",
    *,
    title: str | None = None,
    width: int = 760,
) -> go.Figure:
    """Draw what is left of a measure by kind and severity of damage, the worst kinds on top.

    The accessible twin is ``evaluation.robustness_table``, whose numbers stand in the cells.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``evaluation.robustness``.
    structure, measure : str
    title : str, optional
    width : int
        In screen pixels; the height follows from the number of kinds.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        The table is none of ``robustness``, or has no such measure.
    """
    wide = robustness_table(table, structure, measure)
    wide = wide.sort_values("loss", ascending=True)
    grid = wide.drop(columns="loss")
    values = grid.to_numpy(float)
    kinds = [str(kind).replace("_", " ") for kind in wide.index]
    what = f"{MEASURES[measure].label} of {label_of(structure).lower()}"
    figure = new_figure(title, _robustness_in_words(wide, what))
    high = MEASURES[measure].best == "high"
    low_end, high_end = (0.0, 1.0) if high else (0.0, float(np.nanmax(values)))
    figure.add_trace(
        go.Heatmap(
            z=values,
            x=["as it is", *(f"{severity:g}" for severity in grid.columns[1:])],
            y=[plain(kind) for kind in kinds],
            zmin=low_end,
            zmax=high_end,
            colorscale="Cividis" if high else "Cividis_r",
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": plain(MEASURES[measure].label), "side": "right"}, "thickness": 14},
            hovertemplate="%{y}, severity %{x}: %{z:.3f}<extra></extra>",
        )
    )
    _write_cells(figure, values, low_end, high_end, high)
    for row, loss in enumerate(wide["loss"]):
        text = f"{-loss if high else loss:+.2f}".replace("-", "−")
        figure.add_annotation(
            x=grid.shape[1] - 0.35, y=row, text=text, showarrow=False, xanchor="left", font={"color": INK}
        )
    figure.add_annotation(
        x=grid.shape[1] - 0.35, y=len(grid) - 0.45, yanchor="bottom", text="mean<br>change", showarrow=False,
        xanchor="left", align="left", font={"size": 12, "color": MUTED},
    )  # fmt: skip
    figure.update_xaxes(
        title_text="Severity", showgrid=False, range=[-0.5, grid.shape[1] + 0.35], ticks="", type="category"
    )
    figure.update_yaxes(showgrid=False, ticks="", type="category")
    top = 85 if title else 55
    figure.update_layout(width=width, height=top + 70 + 36 * len(grid), margin={"l": 20, "r": 20, "t": top, "b": 60})
    return figure


def plot_leave_one_out(
    table: pd.DataFrame, measure: str = "dice", *, title: str | None = None, width: int = 700
) -> go.Figure:
    """Draw what a segmenter trained on one set is worth on the others; sets it was trained on are framed.

    The accessible twin is the table, whose numbers stand in the cells.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``evaluation.leave_one_out``.
    measure : str
        Which measure it holds.
    title : str, optional
    width : int
        In screen pixels; the height follows from the number of rows.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        The table is another one, or the measure does not exist.
    """
    if missing := [column for column in ("inside", "outside", "gap") if column not in table]:
        raise EyeError(f"The table has no column {missing[0]!r}; pass the one that evaluation.leave_one_out gives.")
    if measure not in MEASURES:
        raise EyeError(f"There is no measure {measure!r}; wanted one of {', '.join(MEASURES)}.")
    grid = table.drop(columns=["inside", "outside", "gap"]).iloc[::-1]
    values, high = grid.to_numpy(float), MEASURES[measure].best == "high"
    ends = (0.0, 1.0) if high else (0.0, float(np.nanmax(values)))
    gaps = table["gap"].dropna()
    lost = f" Mean loss from sets trained on to others {gaps.mean():.2f}." if len(gaps) else ""
    figure = new_figure(
        title, f"{MEASURES[measure].label}, trained on {len(table)}, tested on {grid.shape[1]} sets.{lost}"
    )
    figure.add_trace(
        go.Heatmap(
            z=values, x=[plain(name) for name in grid.columns], y=[plain(name) for name in grid.index], zmin=ends[0],
            zmax=ends[1], colorscale="Cividis" if high else "Cividis_r", xgap=2, ygap=2,
            colorbar={"title": {"text": plain(MEASURES[measure].label), "side": "right"}, "thickness": 14},
            hovertemplate="trained on %{y}<br>tested on %{x}: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    _write_cells(figure, values, *ends, high)
    for row, trained in enumerate(grid.index):
        for column, tested in enumerate(grid.columns):
            if tested in str(trained).split(" + "):
                corners = {"x0": column - 0.47, "x1": column + 0.47, "y0": row - 0.45, "y1": row + 0.45}
                figure.add_shape(type="rect", line={"color": OKABE_ITO[1], "width": 3}, **corners)
    figure.update_xaxes(title_text="Tested on", showgrid=False, ticks="", type="category")
    figure.update_yaxes(title_text="Trained on", showgrid=False, ticks="", type="category")
    top = 60 if title else 30
    figure.update_layout(width=width, height=top + 90 + 52 * len(grid), margin={"l": 20, "r": 20, "t": top, "b": 60})
    return figure


def _chosen(table: pd.DataFrame, measure: str, structures: Sequence[str] | None) -> pd.DataFrame:
    if missing := [column for column in _NEEDED if column not in table]:
        raise EyeError(f"The table has no column {missing[0]!r}; pass the one that segmentation.evaluate gives.")
    if measure not in MEASURES:
        raise EyeError(f"There is no measure {measure!r}; wanted one of {', '.join(MEASURES)}.")
    shown = table[(table["measure"] == measure) & table["value"].notna()]
    if structures is not None:
        order = {name: place for place, name in enumerate(structures)}
        shown = shown[shown["structure"].isin(order)].sort_values(
            "structure", key=lambda s: s.map(order), kind="stable"
        )
    if not len(shown):
        raise EyeError(f"Nothing in the table has a value of {measure!r}; its column 'reason' says why.")
    if (sets := shown["dataset"].nunique()) > _MOST_SETS:
        raise EyeError(f"The table has {sets} sets, at most {_MOST_SETS} can be told apart; draw them in parts.")
    return shown


def _add_line(figure: go.Figure, part: pd.DataFrame, row: int, place: int, measure: str) -> None:
    """Box, eyes, mean and worst of one structure on one set."""
    values, name = part["value"].to_numpy(float), str(part["dataset"].iloc[0])
    colour = OKABE_ITO[place]
    figure.add_trace(
        go.Box(
            x=values, y=[row] * len(values), orientation="h", width=0.62, boxpoints=False, fillcolor="rgba(0,0,0,0)",
            line={"color": MUTED, "width": 1.2}, showlegend=False, hoverinfo="skip", name=plain(name),
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=values,
            y=row + _swarm(values),
            mode="markers",
            name=plain(name),
            legendgroup=name,
            showlegend=not any(trace.legendgroup == name for trace in figure.data),
            marker={"color": colour, "symbol": SYMBOLS[place], "size": 8, "opacity": 0.75},
            ids=part["image_id"].tolist(),
            hovertext=[
                f"<b>{plain(image)}</b><br>{value:.3f}" for image, value in zip(part["image_id"], values, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    mean = float(values.mean())
    figure.add_trace(
        go.Scatter(
            x=[mean] * 2, y=[row - 0.36, row + 0.36], mode="lines", line={"color": INK, "width": 3}, showlegend=False,
            hovertemplate=f"mean {mean:.3f}<extra></extra>", name="mean",
        )
    )  # fmt: skip
    worst = _worst(part, measure)
    lines = [f"<b>{_signed(mean)}</b>" + (f" · {len(values)} eyes" if len(values) > 1 else "")]
    if worst is not None and len(values) > 1:
        image = str(worst["image_id"])
        short = image if len(image) <= 16 else f"{image[:7]}…{image[-8:]}"
        lines.append(f"worst {_signed(worst['value'])}, {plain(short)}")
    figure.add_annotation(
        xref="paper", x=1.015, y=row, text="<br>".join(lines), showarrow=False, xanchor="left", align="left",
        font={"size": 12.5, "color": INK},
    )  # fmt: skip


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _swarm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights that keep marks of like values apart: neighbours in order go up and down in turn."""
    order = np.argsort(values, kind="stable")
    heights = np.empty(len(values))
    pattern = np.array([0.0, 0.5, -0.5, 1.0, -1.0]) * _SPREAD
    heights[order] = pattern[np.arange(len(values)) % len(pattern)]
    return heights


def _worst(part: pd.DataFrame, measure: str) -> pd.Series[Any] | None:
    if not MEASURES[measure].best:
        return None
    return part.iloc[int(MEASURES[measure].badness(part["value"]).to_numpy().argmax())]


def _set_axes(
    figure: go.Figure, shown: pd.DataFrame, lines: list[tuple[str, str]], sets: list[str], measure: str
) -> None:
    values = shown["value"].to_numpy(float)
    low, high = float(values.min()), float(values.max())
    room = 0.04 * max(high - low, 0.05)
    one = MEASURES[measure]
    # A share is drawn up to 1, so that what is missing to it is seen; only what differs at all needs the rest.
    if one.best == "high":
        figure.update_xaxes(range=[max(low - room - 0.01, -0.02), 1.01])
    elif one.best == "low":
        figure.update_xaxes(range=[-0.02 * high - 1e-3, high + room])
    figure.update_xaxes(title_text=plain(one.label), zeroline=one.best == "zero", zerolinecolor=INK)
    several = len(sets) > 1
    labels = [label_of(structure) + (f"<br>{plain(name)}" if several else "") for structure, name in reversed(lines)]
    figure.update_yaxes(
        tickvals=list(range(len(lines))), ticktext=labels, range=[-0.6, len(lines) - 0.4], showgrid=False,
        zeroline=False, ticks="",
    )  # fmt: skip


def _in_words(shown: pd.DataFrame, measure: str, lines: list[tuple[str, str]]) -> str:
    said = []
    for structure, name in lines:
        part = shown[(shown["structure"] == structure) & (shown["dataset"] == name)]
        worst = _worst(part, measure)
        text = f"{label_of(structure)}, {name}: mean {part['value'].mean():.2f}"
        said.append(text + (f", worst {worst['value']:.2f} ({worst['image_id']})" if worst is not None else ""))
    eyes = shown[["dataset", "image_id"]].drop_duplicates()
    return f"{MEASURES[measure].label} of {len(eyes)} eyes. {'; '.join(said)}."


def _write_cells(figure: go.Figure, values: NDArray[np.float64], low: float, high: float, rising: bool) -> None:
    """Numbers in the cells, light on dark cells and dark on light ones."""
    for (row, column), value in np.ndenumerate(values):
        share = (value - low) / (high - low) if high > low else 1.0
        light = math.isnan(value) or (share if rising else 1 - share) > 0.5
        figure.add_annotation(
            x=column, y=row, text="–" if math.isnan(value) else f"{value:.2f}", showarrow=False,
            font={"size": 12, "color": "#000000" if light else "#ffffff"},
        )  # fmt: skip


def _robustness_in_words(wide: pd.DataFrame, what: str) -> str:
    """Which kinds of damage cost most and least."""
    clean, last = float(wide[0.0].iloc[0]), wide.columns[-2]
    worst_first = wide.sort_values("loss", ascending=False)
    kinds = [str(kind).replace("_", " ") for kind in worst_first.index]
    values = worst_first[last].to_numpy(float)
    parts = [f"{kind} {value:.2f}" for kind, value in zip(kinds, values, strict=True)]
    return f"{what}, {clean:.2f} as it is. At severity {float(last):g}, from the largest mean loss: {', '.join(parts)}."
