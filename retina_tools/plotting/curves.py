"""Curves of a segmenter over all eyes of a set: precision and recall, free response, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, SYMBOLS, new_figure, plain
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import FreeResponse, Tally
from retina_tools.segmentation.evaluation.detection import FALSE_PER_IMAGE

__all__ = ["plot_calibration", "plot_free_response", "plot_precision_recall"]

_MOST: Final = len(OKABE_ITO)
_POINTS: Final = 400
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px,2px", "1px,3px")


def plot_precision_recall(
    tallies: Mapping[str, Tally], *, title: str | None = None, width: int = 700, height: int = 560
) -> go.Figure:
    """Draw precision over recall of all pixels of a set, with the area under each curve.

    A mark lies where a probability of one half is the threshold. The accessible twin is ``evaluation.pool``.

    Parameters
    ----------
    tallies : mapping of str to Tally
        What people call it, to its pixels: ``{"Vessel": evaluation.pixels("vessel")}``; at most eight.
    title : str, optional
    width, height : int
        In screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        There is none or there are too many, or one has no true pixel.

    Examples
    --------
    >>> figure = plot_precision_recall({"Vessel": Tally.of([0.9, 0.6, 0.2], [True, False, True])})
    >>> figure.layout.meta["description"]
    'Precision over recall of all pixels. Vessel: area 0.83, at 0.5 precision 0.50 and recall 0.50.'
    """
    _check(tallies)
    said, made = [], new_figure(title, "")
    for place, (name, tally) in enumerate(tallies.items()):
        curve, area = tally.precision_recall(), tally.average_precision()
        chosen = _thinned(len(curve.recall))
        half = int(np.searchsorted(curve.threshold, 0.5))
        made.add_trace(
            go.Scatter(
                x=curve.recall[chosen],
                y=curve.precision[chosen],
                # A step: between two thresholds neither precision nor recall is known.
                line={"color": OKABE_ITO[place], "width": 2.5, "dash": _DASHES[place], "shape": "vh"},
                mode="lines",
                name=f"{plain(name)}, area {area:.3f}",
                legendgroup=name,
                customdata=curve.threshold[chosen],
                hovertemplate="recall %{x:.3f}<br>precision %{y:.3f}<br>from %{customdata:.3f}<extra></extra>",
            )
        )
        # At the last point nothing is drawn at all, and its precision is a convention.
        if half < len(curve.recall) - 1:
            made.add_trace(_mark(curve.recall[half], curve.precision[half], place, name, "at probability 0.5"))
            at_half = f"precision {curve.precision[half]:.2f} and recall {curve.recall[half]:.2f}"
            said.append(f"{name}: area {area:.2f}, at 0.5 {at_half}")
        else:
            said.append(f"{name}: area {area:.2f}, nothing drawn at 0.5")
    _square(made, "Recall", "Precision", width, height)
    made.update_layout(meta={"description": f"Precision over recall of all pixels. {'; '.join(said)}."})
    return made


def plot_free_response(
    curves: Mapping[str, FreeResponse], *, title: str | None = None, width: int = 700, height: int = 560
) -> go.Figure:
    """Draw sensitivity over false objects per image (FROC), with the mean sensitivity at 1/8 to 8 of them.

    A curve ends where everything drawn counts; a mark says so. The accessible twin is ``evaluation.pool``.

    Parameters
    ----------
    curves : mapping of str to FreeResponse
        What people call the lesion, to its curve: ``evaluation.free_response("hard_exudate")``; at most eight.
    title : str, optional
    width, height : int
        In screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        There is none, or there are too many.
    """
    _check(curves)
    said, made = [], new_figure(title, "")
    low, high = FALSE_PER_IMAGE[0] / 2, 2 * FALSE_PER_IMAGE[-1]
    for place, (name, curve) in enumerate(curves.items()):
        # What is reached without any false object stands at the left edge of the logarithmic axis.
        clean = curve.false_per_image < low
        x = np.concatenate([[low], curve.false_per_image[~clean]])
        y = np.concatenate([[curve.sensitivity[clean].max()], curve.sensitivity[~clean]])
        made.add_trace(
            go.Scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": OKABE_ITO[place], "width": 2.5, "dash": _DASHES[place], "shape": "hv"},
                name=f"{plain(name)}, mean {curve.score:.3f}",
                legendgroup=name,
                hovertemplate="%{x:.2f} false per image<br>sensitivity %{y:.3f}<extra></extra>",
            )
        )
        if low <= x[-1] <= high:
            made.add_trace(_mark(x[-1], y[-1], place, name, "all that is drawn"))
        said.append(f"{name}: mean {curve.score:.2f}, {curve.at(1):.2f} at one false object per image")
    ticks = [one for one in FALSE_PER_IMAGE if low <= one <= high]
    made.update_yaxes(range=[0, 1.01], title_text="Sensitivity")
    made.update_xaxes(
        type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, title_text="False objects per image",
        ticktext=[{0.125: "⅛", 0.25: "¼", 0.5: "½"}.get(one, f"{one:g}") for one in ticks],
    )  # fmt: skip
    _layout(made, width, height)
    made.update_layout(meta={"description": f"Sensitivity over false objects per image. {'; '.join(said)}."})
    return made


def plot_calibration(
    tallies: Mapping[str, Tally],
    *,
    bins: int = 15,
    title: str | None = None,
    width: int = 700,
    height: int = 560,
) -> go.Figure:
    """Draw which share of the pixels given a probability are true (reliability diagram), with the calibration error.

    On the diagonal a probability means what it says; above it the segmenter is too timid, below it too sure. The area
    of a mark grows with the number of pixels in its bin, on a logarithmic scale.

    Parameters
    ----------
    tallies : mapping of str to Tally
        What people call it, to its pixels; at most eight.
    bins : int
        Of equal width from 0 to 1.
    title : str, optional
    width, height : int
        In screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        There is none, or there are too many.
    """
    _check(tallies)
    said, made = [], new_figure(title, "")
    made.add_trace(
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": MUTED, "width": 1.5, "dash": "dash"}, hoverinfo="skip",
            showlegend=False, name="calibrated",
        )
    )  # fmt: skip
    for place, (name, tally) in enumerate(tallies.items()):
        found, error = tally.calibration(bins), tally.calibration_error(bins)
        made.add_trace(
            go.Scatter(
                x=found.claimed,
                y=found.observed,
                mode="lines+markers",
                line={"color": OKABE_ITO[place], "width": 2, "dash": _DASHES[place]},
                marker={"symbol": SYMBOLS[place], "color": OKABE_ITO[place], "size": 4 + 2 * np.log10(found.pixels)},
                name=f"{plain(name)}, error {error:.3f}",
                customdata=found.pixels,
                hovertemplate="claimed %{x:.3f}<br>true %{y:.3f}<br>%{customdata:,} pixels<extra></extra>",
            )
        )
        lean = (
            float((found.observed - found.claimed)[found.claimed > 1 / bins].mean()) if len(found.claimed) > 1 else 0.0
        )
        said.append(f"{name}: error {error:.3f}, {'too timid' if lean > 0 else 'too sure'} above {1 / bins:.2f}")
    for text, x, y in (("too timid", 0.04, 0.93), ("too sure", 0.96, 0.07)):
        made.add_annotation(
            x=x,
            y=y,
            text=text,
            showarrow=False,
            xanchor="left" if x < 0.5 else "right",
            font={"color": MUTED, "size": 13},
        )
    _square(made, "Probability claimed", "Share of pixels that are true", width, height)
    made.update_layout(meta={"description": f"Calibration of all pixels. {'; '.join(said)}."})
    return made


def _check(curves: Mapping[str, object]) -> None:
    if not 0 < len(curves) <= _MOST:
        raise EyeError(f"There are {len(curves)} curves to draw, wanted 1 to {_MOST}, by name.")


def _thinned(length: int) -> NDArray[np.int64]:
    """Places of a few hundred points, the ends among them: more than the screen shows only makes the file large."""
    return np.unique(np.linspace(0, length - 1, min(length, _POINTS)).astype(np.int64))


def _mark(x: float, y: float, place: int, name: str, what: str) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": SYMBOLS[place], "size": 11, "color": OKABE_ITO[place], "line": {"color": INK, "width": 1}},
        legendgroup=name,
        showlegend=False,
        name=what,
        hovertemplate=f"{what}: %{{x:.3f}}, %{{y:.3f}}<extra></extra>",
    )


def _square(figure: go.Figure, x: str, y: str, width: int, height: int) -> None:
    figure.update_xaxes(title_text=x, range=[-0.01, 1.01])
    figure.update_yaxes(title_text=y, range=[-0.01, 1.01])
    _layout(figure, width, height)


def _layout(figure: go.Figure, width: int, height: int) -> None:
    top = 60 if figure.layout.title.text else 30
    figure.update_layout(
        width=width,
        height=height,
        margin={"t": top},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top"},
    )
