"""The rim of the optic disc: its margins on the photograph, and its width around the clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from retina_tools.biomarkers import Frame, rim_profile, rim_table
from retina_tools.biomarkers.rim import ABSENT_RATIO
from retina_tools.plotting.canvas import (
    add_eye,
    add_label,
    add_lines,
    add_scale_bar,
    around,
    axes,
    eye_title,
    room,
    side_by_side,
)
from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, new_figure
from retina_tools.schema import EyeError, term, validate

_REACH: Final = 2.1  # of the picture, in disc radii
# Blue: the retina is red and yellow.
_NARROWEST: Final = OKABE_ITO[5]
# Middle of each quarter, as angle in the eye, and where names are written along the profile.
_QUARTERS: Final = {"temporal": 0.0, "superior": 90.0, "nasal": 180.0, "inferior": 270.0}


def plot_rim(eye: xr.Dataset, *, title: str | None = None, height: int = 520) -> go.Figure:
    """Show disc and cup with the mean rim of each quarter, and the rim's width in every direction.

    Its accessible twins are :func:`retina_tools.biomarkers.rim_table` and ``rim_profile``.

    Parameters
    ----------
    eye : xarray.Dataset
        With a disc and its cup, and a known side.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        There is no whole disc, no cup inside it, or the side is unknown or contradicted by the fovea.

    Examples
    --------
    >>> from retina_tools.phantom import shapes
    >>> figure = plot_rim(shapes.radial_vessels(size=256))
    >>> [trace.name for trace in figure.data if trace.showlegend]
    ['Optic disc', 'Optic cup', 'Narrowest rim', 'Rim', 'Mean of a quarter']
    """
    validate(eye)
    profile = rim_profile(eye).sort_values("angle_deg", ignore_index=True)
    if profile["angle_deg"].isna().any():
        raise EyeError(
            "Which eye it is is not known, or the fovea does not lie temporally of the disc for the stated laterality; "
            "set the laterality or correct the fovea first."
        )
    table = rim_table(eye)
    quarters = dict(zip(table["sector"], table["width_dd"].astype(float), strict=True))
    narrowest = profile.iloc[int(profile["rim_disc_ratio"].argmin())]
    said = ", ".join(f"{name} {quarters[name]:.3f}" for name in _QUARTERS)
    heading = f"Neuroretinal rim, {eye_title(eye)}" if title is None else title
    figure = new_figure(
        heading,
        f"Rim of the optic disc: mean width in disc diameters {said}; narrowest rim-to-disc ratio "
        f"{narrowest['rim_disc_ratio']:.2f} at {narrowest['angle_deg']:.0f} degrees (0 temporal, 90 superior).",
    )
    _picture(figure, eye, profile, quarters, narrowest)
    _profile(figure, profile, quarters, narrowest)
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top", "itemclick": False, "itemdoubleclick": False}
    )
    side_by_side(figure, [room(figure, height, 100), 470], height, gap=90, right=50, bottom=100)
    return figure


def _picture(
    figure: go.Figure,
    eye: xr.Dataset,
    profile: pd.DataFrame,
    quarters: Mapping[str, float],
    narrowest: pd.Series[float],
) -> None:
    """Margins, the lines between quarters and the narrowest rim, over the photograph."""
    frame = Frame(eye)
    box, centre, radius = around(eye, frame.centre_yx, _REACH * frame.radius_px), frame.centre_yx, frame.radius_px
    add_eye(figure, eye, box, faded=False)
    temporal = 1.0 if frame.laterality == "OS" else -1.0

    def point(angle_deg: float, reach: float) -> tuple[float, float]:
        angle = math.radians(angle_deg)
        return centre[0] - reach * math.sin(angle), centre[1] + temporal * reach * math.cos(angle)

    for margin in ("disc", "cup"):
        found = term(f"optic_{margin}")
        line = profile[[f"{margin}_y", f"{margin}_x"]].to_numpy(np.float64)
        add_lines(
            figure, [np.asarray(np.concatenate([line, line[:1]]), np.float64)], found.colour, width=3, name=found.label
        )
    at_disc = {int(angle): disc for angle, disc in zip(profile["angle_deg"], profile["disc_px"], strict=True)}
    between = [
        np.array([point(middle + 45, 0.15 * radius), point(middle + 45, at_disc[int((middle + 45) % 360)])])
        for middle in _QUARTERS.values()
    ]
    add_lines(figure, between, "white", width=1.5, dash="dot")
    # From the cup outwards beyond the disc, to be seen where hardly any rim is left.
    angle, begin = float(narrowest["angle_deg"]), float(narrowest["cup_px"])
    ray = np.array([point(angle, begin), point(angle, 1.35 * radius)])
    add_lines(figure, [ray], _NARROWEST, width=5, name="Narrowest rim")
    for name, middle in _QUARTERS.items():
        y, x = point(middle, 1.55 * radius)
        add_label(figure, f"{name[0].upper()} {quarters[name]:.3f} DD", y, x, size=14)
    add_scale_bar(figure, eye, box)


def _profile(
    figure: go.Figure, profile: pd.DataFrame, quarters: Mapping[str, float], narrowest: pd.Series[float]
) -> None:
    """The width of the rim against the angle, from temporal over superior, nasal and inferior back to temporal."""
    x, y = axes(2)
    where = {"xaxis": x, "yaxis": y}
    spoken = [
        f"{angle:.0f}°: {width:.3f} DD, rim-to-disc ratio {ratio:.2f}"
        for angle, width, ratio in profile[["angle_deg", "width_dd", "rim_disc_ratio"]].to_numpy()
    ]
    line = {"color": INK, "width": 3}
    figure.add_trace(
        go.Scatter(
            x=profile["angle_deg"], y=profile["width_dd"].round(4), mode="lines", line=line, name="Rim",
            hovertext=spoken, hoverinfo="text", showlegend=True, **where,
        )
    )  # fmt: skip
    steps: list[tuple[float | None, float | None]] = []
    for name, middle in (*_QUARTERS.items(), ("temporal", 360.0)):
        width = quarters[name]
        steps += [(max(middle - 45, 0.0), width), (min(middle + 45, 360.0), width), (None, None)]
    angles, widths = zip(*steps, strict=True)
    look = {"color": OKABE_ITO[0], "width": 4}
    figure.add_trace(
        go.Scatter(
            x=angles, y=widths, mode="lines", line=look, name="Mean of a quarter", hoverinfo="skip", showlegend=True,
            **where,
        )
    )  # fmt: skip
    mark = {"color": _NARROWEST, "size": 13, "symbol": "diamond", "line": {"color": "white", "width": 1}}
    figure.add_trace(
        go.Scatter(
            x=[narrowest["angle_deg"]], y=[narrowest["width_dd"]], mode="markers", marker=mark, hoverinfo="skip",
            showlegend=False, **where,
        )
    )  # fmt: skip
    add_label(
        figure, f"narrowest, ratio {narrowest['rim_disc_ratio']:.2f}", float(narrowest["width_dd"]),
        float(narrowest["angle_deg"]), panel=2, size=12, yshift=-18,
        xanchor="right" if narrowest["angle_deg"] > 240 else "left" if narrowest["angle_deg"] < 120 else "center",
    )  # fmt: skip
    if (profile["rim_disc_ratio"] < ABSENT_RATIO).any():
        gone = profile["angle_deg"][profile["rim_disc_ratio"] < ABSENT_RATIO]
        add_label(figure, f"gone over {len(gone)}°", 0.0, float(gone.median()), panel=2, colour=MUTED, yshift=-12)
    top = 1.15 * float(profile["width_dd"].max())
    figure.update_layout(
        xaxis2={
            "range": [0, 360], "tickvals": [0, 90, 180, 270, 360], "anchor": y, "zeroline": False,
            "ticktext": ["temporal", "superior", "nasal", "inferior", "temporal"],
        },
        yaxis2={"title": {"text": "Rim width [DD]"}, "range": [-0.09 * top, top], "anchor": x},
    )  # fmt: skip
