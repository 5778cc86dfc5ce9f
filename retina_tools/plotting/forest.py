"""Many associations at one glance: effect and interval, line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from retina_tools import biomarkers
from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, new_figure, plain, title_room, wrapped
from retina_tools.schema import EyeError

Sort = Literal["effect", "p", "given"]
Labels = Mapping[str, str] | Callable[[str], str]

_NEEDED: Final = ("exposure", "outcome", "effect", "ci_low", "ci_high", "q", "effect_kind", "n", "n_groups", "status")
# Height of a row, of a line of text in it, and letters in a line of a label and in all of it.
_LINE: Final = 30
_TEXT_LINE: Final = 18
_LABEL_LINE: Final = 33
_LONGEST_LABEL: Final = 64
# Width of a letter of the figures at the right, and of the column of q.
_LETTER: Final = 7.2
_Q_WIDTH: Final = 66
_TICKS: Final = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)


def plot_forest(
    associations: pd.DataFrame,
    *,
    labels: Labels | None = None,
    sort: Sort = "effect",
    alpha: float = 0.05,
    title: str | None = None,
    max_rows: int = 60,
    width: int | None = None,
) -> go.Figure:
    """Draw effects and their intervals, one line per association.

    Odds ratios stand on a logarithmic axis. Differences in biomarkers of different units are drawn in standard
    deviations of each biomarker. A filled mark has q below ``alpha``, an open one has not. The accessible twin is the
    table itself, which also has what is not drawn: the rows without an estimate.

    Parameters
    ----------
    associations : pandas.DataFrame
        From :func:`retina_tools.statistics.associate`; log odds, or units of the outcome, not both.
    labels : mapping or callable, optional
        Name of a column to what people call it; what it has no name for is called as ``biomarkers.label`` does.
    sort : {'effect', 'p', 'given'}
        Largest effect on top, smallest p on top, or as in the table.
    alpha : float
        Bound on q for a filled mark.
    title : str, optional
    max_rows : int
        With more associations only those with the smallest p are drawn; the figure says so.
    width : int
        Of the figure, in screen pixels, by default that of the page; its height follows from the number of lines.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        Columns are missing, nothing was estimated, or log odds and units are mixed.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from retina_tools.statistics import associate
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"ill": rng.random(90) < 0.5, "width": rng.normal(size=90), "length": rng.normal(size=90)})
    >>> figure = plot_forest(associate(table, "ill", ["width", "length"], groups=False))
    >>> figure.layout.xaxis.title.text
    'Odds ratio per SD (95 % interval)'
    """
    table = _checked(associations, sort)
    shown = table[table["status"] == "ok"]
    if not len(shown):
        reasons = ", ".join(sorted(set(table["status"])))
        raise EyeError(f"None of the {len(table)} associations has an estimate ({reasons}); their notes say why.")
    odds = _is_odds(shown)
    left_out = len(shown) - max_rows
    if left_out > 0:
        shown = shown.nsmallest(max_rows, "p") if sort != "given" else shown.head(max_rows)
    drawn = _drawn_values(shown, odds)
    drawn["label"] = _row_labels(drawn, labels)
    if sort != "given":
        drawn = drawn.sort_values("value" if sort == "effect" else "p", ascending=sort == "p", kind="stable")
    drawn["line"] = np.arange(len(drawn))[::-1]
    caption = _caption(table, left_out, max_rows)
    figure = new_figure(title, _description(drawn, table, odds, alpha, caption))
    _add_reference(figure, 1.0 if odds else 0.0, len(drawn))
    _add_lines(figure, drawn, alpha)
    _add_figures_column(figure, drawn)
    _set_axes(figure, drawn, odds, labels)
    _set_layout(figure, drawn, caption, width)
    return figure


def _checked(associations: pd.DataFrame, sort: str) -> pd.DataFrame:
    if missing := [column for column in _NEEDED if column not in associations]:
        raise EyeError(
            f"The associations have no column {missing[0]!r}; pass the table that statistics.associate gives."
        )
    if sort not in ("effect", "p", "given"):
        raise EyeError(f"sort is {sort!r}, wanted 'effect', 'p' or 'given'.")
    return associations.reset_index(drop=True)


def _is_odds(shown: pd.DataFrame) -> bool:
    odds = shown["effect_kind"].str.startswith("log odds")
    if odds.any() and not odds.all():
        raise EyeError(
            "The associations mix odds ratios and units of the outcome, which have no common axis; select by "
            "effect_kind and draw two figures."
        )
    return bool(odds.iloc[0])


def _drawn_values(shown: pd.DataFrame, odds: bool) -> pd.DataFrame:
    """Estimate and interval as they are drawn: odds ratios, the outcome's unit, or its standard deviations."""
    drawn = shown.copy()
    effects = shown[["effect", "ci_low", "ci_high"]].to_numpy(float)
    if odds:
        effects = np.exp(np.clip(effects, -700, 700))
    elif _in_sd(shown):
        effects = effects / shown["outcome_sd"].to_numpy(float)[:, None]
    drawn[["value", "low", "high"]] = effects
    return drawn


def _in_sd(shown: pd.DataFrame) -> bool:
    """Whether the outcomes are several, and so have no unit in common."""
    return len(set(shown["outcome"])) > 1


def _row_labels(drawn: pd.DataFrame, labels: Labels | None) -> list[str]:
    def name(column: str) -> str:
        return _shortened(_called(column, labels))

    one_outcome, one_exposure = len(set(drawn["outcome"])) == 1, len(set(drawn["exposure"])) == 1
    if one_outcome:
        return [name(exposure) for exposure in drawn["exposure"]]
    if one_exposure:
        return [name(outcome) for outcome in drawn["outcome"]]
    pairs = zip(drawn["exposure"], drawn["outcome"], strict=True)
    return [f"{name(exposure)} → {name(outcome)}" for exposure, outcome in pairs]


def _called(column: str, labels: Labels | None) -> str:
    if callable(labels):
        return str(labels(column))
    return str((labels or {}).get(column) or biomarkers.label(column))


def _shortened(text: str) -> str:
    """The beginning and the end of a long label: region and unit stand at the end."""
    if len(text) <= _LONGEST_LABEL:
        return text
    half = (_LONGEST_LABEL - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _add_reference(figure: go.Figure, place: float, lines: int) -> None:
    # A trace and not a shape: shapes lie above the marks or below the grid.
    line = {"color": INK, "width": 1.5, "dash": "dash"}
    ends = [-0.7, lines + 0.1]
    figure.add_trace(
        go.Scatter(x=[place] * 2, y=ends, mode="lines", line=line, name="no effect", showlegend=False, hoverinfo="skip")
    )


def _add_lines(figure: go.Figure, drawn: pd.DataFrame, alpha: float) -> None:
    clear, digits = drawn["q"] < alpha, _digits(drawn)
    looks = (
        (clear, f"q < {alpha:g}", {"symbol": "square", "color": OKABE_ITO[0]}),
        (~clear, f"q ≥ {alpha:g}", {"symbol": "square-open", "color": MUTED}),
    )
    for chosen, name, marker in looks:
        # Both entries of the legend explain the marks, also where only one kind occurs: an empty mark keeps the entry.
        part = drawn[chosen] if chosen.any() else drawn.head(1).assign(value=np.nan, low=np.nan, high=np.nan)
        figure.add_trace(
            go.Scatter(
                x=part["value"],
                y=part["line"],
                mode="markers",
                name=name,
                marker=marker | {"size": 11, "line": {"width": 2, "color": marker["color"]}},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": part["high"] - part["value"],
                    "arrayminus": part["value"] - part["low"],
                    "color": marker["color"],
                    "thickness": 2,
                    "width": 0,
                },
                hovertext=[_hover(row, digits) for _, row in part.iterrows()],
                hovertemplate="%{hovertext}<extra></extra>",
                showlegend=True,
            )
        )


def _hover(row: pd.Series[Any], digits: int) -> str:
    what = "odds ratio " if str(row["effect_kind"]).startswith("log odds") else "difference "
    lines = [
        f"<b>{plain(biomarkers.label(row['exposure']))}</b> → {plain(biomarkers.label(row['outcome']))}",
        f"{what}{_in_words(row, digits)}",
        plain(f"p {_equal(_p(row['p']))}, q {_equal(_p(row['q']))}"),
        f"n = {row['n']} images of {row['n_groups']} patients"
        + (f", {row['n_events']} with the event" if pd.notna(row.get("n_events")) else ""),
    ]
    if row.get("note"):
        lines.append(plain(row["note"]))
    return "<br>".join(lines)


def _add_figures_column(figure: go.Figure, drawn: pd.DataFrame) -> None:
    """Estimate, interval and q in words at the right of each line, as papers print them."""
    style: dict[str, Any] = {"xref": "paper", "x": 1, "yref": "y", "showarrow": False, "font": {"size": 13}}
    digits, end = _digits(drawn), _estimate_width(drawn) + _Q_WIDTH
    for _, row in drawn.iterrows():
        text = _in_words(row, digits)
        figure.add_annotation(y=row["line"], text=text, xanchor="left", xshift=8, **style)
        figure.add_annotation(y=row["line"], text=plain(_p(row["q"])), xanchor="right", xshift=end, **style)
    head = len(drawn) - 0.15
    style["font"] = {"size": 13, "color": MUTED}
    figure.add_annotation(y=head, text="estimate (interval)", xanchor="left", xshift=8, yanchor="bottom", **style)
    figure.add_annotation(y=head, text="q", xanchor="right", xshift=end, yanchor="bottom", **style)


def _estimate_width(drawn: pd.DataFrame) -> float:
    """Width in screen pixels of the column of estimates, its distance from the axes with it."""
    digits = _digits(drawn)
    return 16 + _LETTER * max(len("estimate (interval)"), *(len(_in_words(row, digits)) for _, row in drawn.iterrows()))


def _set_axes(figure: go.Figure, drawn: pd.DataFrame, odds: bool, labels: Labels | None) -> None:
    kinds = drawn["effect_kind"].str.replace(r"^(log odds|outcome units),? ?", "", regex=True).unique()
    per = f" {kinds[0].replace(', ', '')}" if len(kinds) == 1 else ""
    per = per if per.startswith(" per") else f",{per}" if per else ""
    unit = (
        "Difference in SD of the outcome"
        if _in_sd(drawn)
        else f"Difference in {_shortened(_called(drawn['outcome'].iloc[0], labels))}"
    )
    name = f"{'Odds ratio' if odds else unit}{per} (95 % interval)"
    figure.update_xaxes(title_text=wrapped(name, 66), showgrid=True)
    if odds:
        low, high = min(max(drawn["low"].min(), 1e-4), 0.9), max(min(drawn["high"].max(), 1e4), 1.1)
        room = 0.05 * np.log10(high / low)
        span = [np.log10(low) - room, np.log10(high) + room]
        ticks = _log_ticks(*span)
        figure.update_xaxes(type="log", range=span, tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    else:
        low, high = min(drawn["low"].min(), 0), max(drawn["high"].max(), 0)
        room = 0.05 * (high - low)
        figure.update_xaxes(range=[low - room, high + room], nticks=5)
    figure.update_xaxes(tickangle=0, zeroline=False)
    figure.update_yaxes(
        tickvals=drawn["line"].tolist(),
        ticktext=[wrapped(label, _LABEL_LINE) for label in drawn["label"]],
        range=[-0.7, len(drawn) + 0.1],
        showgrid=False,
        zeroline=False,
        ticks="",
        automargin=True,
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """Round odds ratios inside a span of decimal logarithms, far enough apart for their labels; 1 is always one."""
    ticks = [1.0]
    for tick in sorted(
        _TICKS, key=lambda tick: (abs(np.log10(tick)) % 1 > 1e-9, tick not in (0.5, 2), abs(np.log10(tick)))
    ):
        place = np.log10(tick)
        if low <= place <= high and all(abs(place - np.log10(other)) > 0.16 * (high - low) for other in ticks):
            ticks.append(tick)
    return sorted(ticks)


def _set_layout(figure: go.Figure, drawn: pd.DataFrame, caption: str, width: int | None) -> None:
    text_lines = max(wrapped(label, _LABEL_LINE).count("<br>") for label in drawn["label"]) + 1
    line = max(_LINE, _TEXT_LINE * text_lines + 4)
    note = wrapped(caption, 66) if caption else ""
    # The title, the legend below it, then the lines.
    top = title_room(figure) + 34
    title_lines = 1 + figure.layout.xaxis.title.text.count("<br>")
    bottom = 50 + 20 * title_lines + (12 + 16 * (note.count("<br>") + 1) if note else 0)
    figure.update_layout(
        width=width,
        height=top + bottom + line * (len(drawn) + 1),
        margin={"l": 20, "r": _estimate_width(drawn) + _Q_WIDTH + 14, "t": top, "b": bottom},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False},
    )
    if note:
        figure.add_annotation(
            text=note, xref="paper", yref="paper", x=0, xanchor="left", y=0, yanchor="top",
            yshift=-(42 + 20 * title_lines), showarrow=False, align="left", font={"size": 12, "color": MUTED},
        )  # fmt: skip


def _caption(table: pd.DataFrame, left_out: int, max_rows: int) -> str:
    parts = [f"the {max_rows} with the smallest p are drawn, {left_out} more are in the table"] if left_out > 0 else []
    counts = table.loc[table["status"] != "ok", "status"].value_counts()
    if len(counts):
        listed = ", ".join(f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items())
        parts.append(f"without an estimate: {listed}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _description(drawn: pd.DataFrame, table: pd.DataFrame, odds: bool, alpha: float, caption: str) -> str:
    clear = drawn[drawn["q"] < alpha]
    what = "odds ratios" if odds else "differences"
    parts = [f"Forest plot of {len(drawn)} {what} with their intervals; {len(clear)} have q below {alpha:g}"]
    strongest, digits = clear.nsmallest(5, "p"), _digits(drawn)
    found = [f"{row['label']} {_in_words(row, digits)}" for _, row in strongest.iterrows()]
    text = parts[0] + (": " + "; ".join(found) if found else "") + "."
    return text + (f" {caption}." if caption else "")


def _number(value: float, digits: int = 2) -> str:
    """Decimals that the column shares, powers for what would not fit, a proper minus."""
    text = f"{value:.{digits}f}" if abs(value) < 1e5 else f"{value:.1e}"
    return text.replace("-", "−")


def _digits(drawn: pd.DataFrame) -> int:
    """Decimals that show two figures of a typical interval's half width."""
    half = float(((drawn["high"] - drawn["low"]) / 2).replace([np.inf, 0], np.nan).median())
    return int(np.clip(np.ceil(1 - np.log10(half)), 0, 6)) if np.isfinite(half) else 2


def _in_words(row: pd.Series[Any], digits: int) -> str:
    value, low, high = (_number(row[name], digits) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _p(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    if value < 1e-4:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _equal(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"
