"""A clinical grade with what it rests on: every criterion, what was found, and whether it is met."""

from __future__ import annotations

import math
from typing import Final

import plotly.graph_objects as go

from retina_tools.biomarkers.clinical_rules import Evidence, Grade
from retina_tools.biomarkers.clinical_rules.evidence import VERDICTS
from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, new_figure, plain

# Colour, symbol and word: none of them alone.
_LOOKS: Final = {
    True: (OKABE_ITO[1], "diamond"),
    False: (OKABE_ITO[0], "circle-open"),
    None: (MUTED, "x-thin-open"),
}
_ROW_PX: Final = 30


def plot_evidence(grade: Grade, *, title: str | None = None, width: int = 1080) -> go.Figure:
    """Show a grade with its criteria, one per line, from the most severe grade down.

    Its accessible twin is ``grade.table()``. A teaching aid, not a diagnosis: the figure says so.

    Parameters
    ----------
    grade : Grade
        As a rule of :mod:`retina_tools.biomarkers.clinical_rules` gives it.
    title : str, optional
    width : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Examples
    --------
    >>> from retina_tools import phantom
    >>> from retina_tools.biomarkers.clinical_rules import macular_oedema_risk
    >>> figure = plot_evidence(macular_oedema_risk(phantom.eye("3 macular hard exudates", size=512)))
    >>> [trace.name for trace in figure.data]
    ['met']
    """
    heading = f"{grade.scale}: {grade.verdict if grade.grade is not None else 'no grade'}" if title is None else title
    lines = [f"{row.criterion} {row.threshold:g}: {_found(row)}, {VERDICTS[row.met]}" for row in grade.evidence]
    figure = new_figure(heading, f"{grade} Criteria: {'; '.join(lines)}.")
    for met, (colour, symbol) in _LOOKS.items():
        rows = [k for k, row in enumerate(grade.evidence) if row.met is met]
        if not rows:
            continue
        marker = {"color": colour, "symbol": symbol, "size": 13, "line": {"color": colour, "width": 2}}
        hover = [plain(lines[k]) for k in rows]
        figure.add_trace(
            go.Scatter(
                x=[0.0] * len(rows), y=rows, mode="markers", marker=marker, name=VERDICTS[met], hovertext=hover,
                hoverinfo="text",
            )
        )  # fmt: skip
    for k, row in enumerate(grade.evidence):
        colour = INK if row.met is not None else MUTED
        for x, words in ((0.03, f"{row.criterion} {row.threshold:g}"), (0.47, _found(row)), (0.525, row.where)):
            look = {"showarrow": False, "xanchor": "left", "font": {"size": 12, "color": colour}}
            figure.add_annotation(x=x, y=k, text=plain(words), **look)
    foot = grade.note if grade.grade is not None else f"{grade.note} At least {grade.at_least} is certain."
    figure.add_annotation(
        x=0, y=0, xref="paper", yref="paper", yshift=-26, xanchor="left", yanchor="top", showarrow=False,
        text=plain(foot), font={"size": 13, "color": INK},
    )  # fmt: skip
    axis = {"visible": False, "fixedrange": True}
    figure.update_layout(
        width=width,
        height=150 + _ROW_PX * len(grade.evidence),
        margin={"l": 20, "r": 20, "t": 96, "b": 60},
        xaxis={**axis, "range": [-0.015, 1.0]},
        yaxis={**axis, "range": [len(grade.evidence) - 0.4, -0.6]},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        showlegend=True,
    )
    return figure


def _found(row: Evidence) -> str:
    if math.isinf(row.found):
        return "none there"
    return f"{row.found:.3g}" if math.isfinite(row.found) else "–"
