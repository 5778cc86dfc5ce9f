"""A cohort in two of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from retina_tools import biomarkers
from retina_tools.plotting.theme import MUTED, OKABE_ITO, SYMBOLS, new_figure, plain, title_room, wrapped
from retina_tools.schema import EyeError

_MOST_GROUPS: Final = len(SYMBOLS)
_MISSING: Final = "not known"
# A legend may not take the room of the marks.
_LEGEND_LINE: Final = 20
# Beyond this many points the browser draws them on the graphics card.
_MANY: Final = 4000


def plot_cohort(
    table: pd.DataFrame,
    x: str,
    y: str,
    colour: str | None = None,
    symbol: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    margins: bool = False,
    join_eyes: bool = False,
    groups: str = "patient_id",
    title: str | None = None,
    width: int | None = None,
    height: int = 600,
) -> go.Figure:
    """Scatter one column against another, one mark per image.

    Each group has its own colour and its own shape. The image id is in the hover label, and as it stands in the
    ``ids`` of the traces. The accessible twin is the table itself; ``statistics.summarise`` its digest.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per image.
    x, y : str
        Numeric columns; rows where one is missing are left out, and the figure says how many.
    colour : str, optional
        Column of the groups, at most eight; a numeric column with more values becomes a colour scale.
    symbol : str, optional
        Column that sets the shape; by default the shape goes with the colour.
    labels : mapping of str to str, optional
        Column to what people call it, with its unit; the others are called as ``biomarkers.label`` does.
    margins : bool
        Histograms beside the axes.
    join_eyes : bool
        Join the images of one patient by a thin line.
    groups : str
        Column of the patient, for ``join_eyes``.
    title : str, optional
    width, height : int
        In screen pixels; by default as wide as the page.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        A column does not exist, is not numeric, has too many groups, or no row has both values.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image_id": ["a", "b"], "age": [60, 70], "width": [150.0, 140.0], "ill": ["no", "yes"]})
    >>> figure = plot_cohort(table, "age", "width", colour="ill")
    >>> [(trace.name, trace.marker.symbol, list(trace.ids)) for trace in figure.data]
    [('no', 'circle', ['a']), ('yes', 'diamond', ['b'])]
    """
    data = _usable(table, x, y, [column for column in (colour, symbol, groups if join_eyes else None) if column])
    names = {column: (labels or {}).get(column) or biomarkers.label(column) for column in map(str, table.columns)}
    left_out = len(table) - len(data)
    figure = new_figure(title, _description(data, x, y, colour, names, left_out))
    if join_eyes:
        _add_joins(figure, data, x, y, groups)
    shapes = _shapes(data, symbol or (colour if colour and not _is_scale(data[colour]) else None))
    if colour and _is_scale(data[colour]):
        _add_scaled(figure, data, x, y, colour, symbol, shapes, names)
    else:
        _add_groups(figure, data, x, y, colour, symbol, shapes, names, margins)
    _set_axes(figure, x, y, names, margins)
    shown = [symbol] if colour and _is_scale(data[colour]) else [colour, symbol]
    heading = wrapped(", ".join(names[column] for column in dict.fromkeys(shown) if column), _LEGEND_LINE)
    figure.update_layout(width=width, height=height, legend_title_text=heading)
    if left_out:
        note = wrapped(f"{left_out} of {len(table)} rows left out: {names[x]} or {names[y]} missing", 80)
        figure.update_layout(margin_b=78 + 16 * (note.count("<br>") + 1))
        figure.add_annotation(
            text=note, xref="paper", yref="paper", x=1, xanchor="right", y=0, yanchor="top", yshift=-56,
            showarrow=False, align="right", font={"size": 12, "color": MUTED},
        )  # fmt: skip
    return figure


def _usable(table: pd.DataFrame, x: str, y: str, others: Sequence[str]) -> pd.DataFrame:
    for column in (x, y, *others):
        if column not in table.columns:
            raise EyeError(f"The table has no column {column!r}; see table.columns for what it has.")
    for column in (x, y):
        if not pd.api.types.is_numeric_dtype(table[column].dtype):
            raise EyeError(f"The column {column!r} is not numeric, so it has no axis; use it as colour or symbol.")
    finite = np.isfinite(table[[x, y]].to_numpy(float, na_value=np.nan)).all(axis=1)
    data = table.iloc[np.flatnonzero(finite)].reset_index(drop=True)
    if not len(data):
        raise EyeError(f"No row of the table has both {x!r} and {y!r}, so there is nothing to draw.")
    return data


def _is_scale(column: pd.Series[Any]) -> bool:
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    return bool(numeric and column.nunique() > _MOST_GROUPS)


def _level_names(column: pd.Series[Any]) -> pd.Series[str]:
    def name(value: Any) -> str:
        if pd.isna(value) or value == "":
            return _MISSING
        return f"{value:g}" if isinstance(value, float) else str(value)

    return column.astype(object).map(name).astype(object)


def _levels(column: pd.Series[Any]) -> list[str]:
    """Names of the groups in order, what is not known last."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        ordered = [str(level) for level in column.cat.categories]
    elif pd.api.types.is_numeric_dtype(column.dtype):
        ordered = list(_level_names(column.dropna().drop_duplicates().sort_values()))
    else:
        ordered = sorted(set(_level_names(column)))
    present = set(_level_names(column))
    levels = [level for level in ordered if level in present and level != _MISSING]
    if len(levels) > _MOST_GROUPS:
        raise EyeError(
            f"The column {column.name!r} has {len(levels)} groups, and only {_MOST_GROUPS} colours are told apart; "
            "merge some."
        )
    return levels + ([_MISSING] if _MISSING in present else [])


def _shapes(data: pd.DataFrame, column: str | None) -> dict[str, str]:
    levels = _levels(data[column]) if column else []
    found = dict(zip([level for level in levels if level != _MISSING], SYMBOLS, strict=False))
    return found | ({_MISSING: "x-thin-open"} if _MISSING in levels else {})


def _add_joins(figure: go.Figure, data: pd.DataFrame, x: str, y: str, groups: str) -> None:
    xs: list[float] = []
    ys: list[float] = []
    for name, rows in data.groupby(groups, sort=False):
        if len(rows) > 1 and str(name).strip():
            xs += [*rows[x].astype(float), np.nan]
            ys += [*rows[y].astype(float), np.nan]
    line = {"color": "rgba(107,114,128,0.45)", "width": 1}
    figure.add_trace(
        go.Scatter(x=xs, y=ys, mode="lines", line=line, name="same patient", hoverinfo="skip", connectgaps=False)
    )


def _add_groups(
    figure: go.Figure,
    data: pd.DataFrame,
    x: str,
    y: str,
    colour: str | None,
    symbol: str | None,
    shapes: dict[str, str],
    names: dict[str, str],
    margins: bool,
) -> None:
    colours = _levels(data[colour]) if colour else [""]
    tint = dict(zip([level for level in colours if level != _MISSING], OKABE_ITO, strict=False)) | {_MISSING: MUTED}
    split = symbol if symbol and symbol != colour else None
    of_colour = _level_names(data[colour]) if colour else pd.Series("", index=data.index)
    of_shape = _level_names(data[symbol]) if symbol else of_colour
    hover = _hover(data, x, y, [colour, symbol], names)
    for level in colours:
        for other in _levels(data[symbol]) if split and symbol else [level]:
            chosen = (of_colour == level) & (of_shape == other) if split else of_colour == level
            if chosen.any():
                name = ", ".join(part for part in ((level, other) if split else (level,)) if part)
                marker = _marker(tint.get(level, OKABE_ITO[0]), shapes.get(other, SYMBOLS[0]))
                _add_points(figure, data, chosen, x, y, hover, marker, name, showlegend=bool(colour or symbol))
        if margins:
            _add_margins(figure, data[of_colour == level], x, y, tint.get(level, OKABE_ITO[0]))


def _add_scaled(
    figure: go.Figure,
    data: pd.DataFrame,
    x: str,
    y: str,
    colour: str,
    symbol: str | None,
    shapes: dict[str, str],
    names: dict[str, str],
) -> None:
    hover = _hover(data, x, y, [colour, symbol], names)
    of_shape = _level_names(data[symbol]) if symbol else pd.Series("", index=data.index)
    figure.update_layout(
        coloraxis={
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": wrapped(names[colour], 46), "side": "right"}},
        },
        margin_t=title_room(figure) + 34,
        coloraxis_colorbar={
            "thickness": 18,
            "tickfont": {"size": 13},
            "title": {"font": {"size": 14}},
            "outlinewidth": 0,
        },
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
    )
    for other in _levels(data[symbol]) if symbol else [""]:
        chosen = of_shape == other
        marker = {"symbol": shapes.get(other, SYMBOLS[0]), "size": 9, "coloraxis": "coloraxis"}
        marker |= {"color": data.loc[chosen, colour].astype(float), "line": {"width": 0.8, "color": "white"}}
        _add_points(figure, data, chosen, x, y, hover, marker, other, showlegend=bool(symbol))


def _marker(colour: str, shape: str) -> dict[str, Any]:
    edge = colour if shape.endswith("open") else "white"
    return {"symbol": shape, "size": 9, "color": colour, "opacity": 0.85, "line": {"width": 0.8, "color": edge}}


def _add_points(
    figure: go.Figure,
    data: pd.DataFrame,
    chosen: pd.Series[bool],
    x: str,
    y: str,
    hover: pd.Series[str],
    marker: dict[str, Any],
    name: str,
    *,
    showlegend: bool,
) -> None:
    rows = data[chosen]
    kind = go.Scattergl if len(data) > _MANY else go.Scatter
    figure.add_trace(
        kind(
            x=rows[x].astype(float),
            y=rows[y].astype(float),
            mode="markers",
            name=wrapped(name, _LEGEND_LINE),
            ids=rows["image_id"].astype(str) if "image_id" in rows else rows.index.astype(str),
            hovertext=hover[chosen],
            hovertemplate="%{hovertext}<extra></extra>",
            marker=marker,
            showlegend=showlegend,
        )
    )


def _hover(data: pd.DataFrame, x: str, y: str, further: Sequence[str | None], names: dict[str, str]) -> pd.Series[str]:
    columns = list(dict.fromkeys(column for column in (x, y, *further) if column))
    lines = [f"<b>{plain(image)}</b>" for image in data["image_id"]] if "image_id" in data else [""] * len(data)
    for column in columns:
        head = plain(names[column])
        values = data[column]
        amount = pd.api.types.is_float_dtype(values.dtype)
        shown = [f"{value:.4g}" if amount else plain(value) for value in values]
        lines = [f"{line}<br>{head}: {value}" for line, value in zip(lines, shown, strict=True)]
    return pd.Series(lines, index=data.index, dtype=object).str.removeprefix("<br>")


def _add_margins(figure: go.Figure, rows: pd.DataFrame, x: str, y: str, tint: str) -> None:
    look = {"marker": {"color": tint, "line": {"width": 0}}, "opacity": 0.5, "showlegend": False, "hoverinfo": "skip"}
    figure.add_trace(go.Histogram(x=rows[x].astype(float), yaxis="y2", bingroup="x", **look))
    figure.add_trace(go.Histogram(y=rows[y].astype(float), xaxis="x2", bingroup="y", **look))


def _set_axes(figure: go.Figure, x: str, y: str, names: dict[str, str], margins: bool) -> None:
    figure.update_layout(xaxis_title_text=wrapped(names[x], 56), yaxis_title_text=wrapped(names[y], 50))
    figure.update_layout(xaxis_zeroline=False, yaxis_zeroline=False)
    if margins:
        bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "showline": False}
        figure.update_layout(
            barmode="overlay",
            xaxis_domain=[0, 0.84],
            yaxis_domain=[0, 0.82],
            xaxis2={"domain": [0.86, 1], "anchor": "y", **bare},
            yaxis2={"domain": [0.84, 1], "anchor": "x", **bare},
            xaxis_anchor="y",
            yaxis_anchor="x",
        )


def _description(data: pd.DataFrame, x: str, y: str, colour: str | None, names: dict[str, str], left_out: int) -> str:
    values = data[[x, y]].astype(float)
    spans = [f"{names[column]} from {values[column].min():.4g} to {values[column].max():.4g}" for column in (x, y)]
    text = f"Scatter plot of {len(data)} images: {spans[0]}, {spans[1]}"
    if len(data) > 2 and (values.std() > 0).all():
        text += f"; correlation {np.corrcoef(values[x], values[y])[0, 1]:.2f}"
    if colour and not _is_scale(data[colour]):
        counts = _level_names(data[colour]).value_counts()
        text += f"; {names[colour]}: " + ", ".join(f"{level} {counts[level]}" for level in _levels(data[colour]))
    return text + (f". {left_out} rows without both values are left out." if left_out else ".")
