"""One look for every figure, safe for patients' pictures and for names from anywhere.

The template ``retina`` is registered with plotly when this package is imported, and used by its figures; the default of
plotly stays as it was. Choose it for your own with ``figure.update_layout(template="retina")``.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio

# Okabe & Ito (2008): eight colours that stay apart in every common form of colour blindness. Yellow is too pale for
# lines and marks on white, so it comes late; black is the last.
OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
# Never the colour alone: the same group has the same shape.
SYMBOLS: Final = (
    "circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "star", "hexagon",
)  # fmt: skip
INK: Final = "#24292f"
MUTED: Final = "#6b7280"
GRID: Final = "#e5e7eb"
TEMPLATE_NAME: Final = "retina"
# As many letters of a title as fit into 700 pixels.
_TITLE_LINE: Final = 66


def template() -> go.layout.Template:
    """The template ``retina``, made anew.

    Returns
    -------
    plotly.graph_objects.layout.Template

    Examples
    --------
    >>> template().layout.modebar.remove
    ('sendChartToCloud',)
    """
    made = go.layout.Template(pio.templates["plotly_white"])
    axis = {
        "showgrid": True,
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "linecolor": MUTED,
        "ticks": "outside",
        "tickcolor": MUTED,
        "ticklen": 5,
        "title": {"standoff": 10, "font": {"size": 15}},
        "automargin": True,
    }
    made.layout.update(
        colorway=list(OKABE_ITO),
        font={"family": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif", "size": 14, "color": INK},
        # At the top edge, not in the middle of the margin, where legends are.
        title={"font": {"size": 18}, "x": 0.02, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 16}},
        autosize=True,
        # The button "Share chart" would send the figure, and the picture of the eye in it, to a server of Plotly.
        modebar={"remove": ["sendChartToCloud"], "color": MUTED, "activecolor": INK},
        hoverlabel={"font": {"size": 13}, "align": "left"},
        legend={"font": {"size": 13}, "title": {"font": {"size": 13}}},
        colorscale={"sequential": "Viridis", "diverging": "RdBu"},
        margin={"l": 70, "r": 30, "t": 70, "b": 60},
        xaxis=axis,
        yaxis=axis,
    )
    return made


def register() -> None:
    """Make the template known to plotly as ``retina``; figures that do not name it are not changed."""
    pio.templates[TEMPLATE_NAME] = template()


def new_figure(title: str | None, description: str, **layout: Any) -> go.Figure:
    """An empty figure in our template that carries its own description.

    Parameters
    ----------
    title : str or None
        Shown above; plain text, not HTML.
    description : str
        What the figure shows, in words, for :func:`describe` and for who cannot see it.
    **layout
        Further attributes of the layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE_NAME, meta={"description": description}, **layout)
    if title:
        text = wrapped(title, _TITLE_LINE)
        # Plotly anchors the middle of a title of several lines, not its top.
        figure.update_layout(title_text=text, title_pad_t=16 + 14 * text.count("<br>"))
    figure.update_layout(margin_t=title_room(figure))
    return figure


def title_room(figure: go.Figure) -> int:
    """Height in screen pixels that the title of a figure takes at its top, however many lines it has."""
    text = figure.layout.title.text
    return 46 + 30 * text.count("<br>") if text else 20


def wrapped(text: object, line: int) -> str:
    """Text in lines of so many letters at most, each as :func:`plain` has it.

    Parameters
    ----------
    text : object
    line : int
        Most letters in a line.

    Returns
    -------
    str

    Examples
    --------
    >>> wrapped("Vessel length density <all vessels>", 24)
    'Vessel length density<br>&lt;all vessels&gt;'
    """
    return "<br>".join(plain(part) for part in textwrap.wrap(str(text), line)) or plain(text)


def describe(figure: go.Figure) -> str:
    """What a figure of this package shows, in words: its text alternative.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure

    Returns
    -------
    str
        Empty for a figure made elsewhere.

    Examples
    --------
    >>> describe(new_figure("Cohort", "Two points."))
    'Two points.'
    """
    meta = figure.layout.meta
    return str(meta.get("description", "")) if isinstance(meta, Mapping) else ""


def plain(text: object) -> str:
    """Text as plotly shows it letter by letter, whatever is in it.

    Plotly reads a part of HTML, links among it, in titles, legends, hover labels and tick labels; names of files,
    patients and columns come from outside.

    Parameters
    ----------
    text : object

    Returns
    -------
    str

    Examples
    --------
    >>> plain("<a href='http://x'>P1</a>")
    "&lt;a href='http://x'&gt;P1&lt;/a&gt;"
    """
    return html.escape(str(text), quote=False)
