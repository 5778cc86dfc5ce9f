"""Single vessels, bifurcations and crossings from near by, with the lines along which they were measured."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers import (
    Frame,
    Unmeasurable,
    bifurcation_arms,
    bifurcations_table,
    calibre_points,
    crossing_points,
    crossings_table,
)
from retina_tools.biomarkers.segments import Vessel
from retina_tools.plotting.canvas import (
    Box,
    add_eye,
    add_label,
    add_lines,
    add_scale_bar,
    around,
    axes,
    eye_title,
    legend_beside,
    room,
    side_by_side,
    wall_lines,
)
from retina_tools.plotting.theme import INK, MUTED, OKABE_ITO, new_figure
from retina_tools.schema import EyeError, get_mask, term, validate

Floats = NDArray[np.float64]

# Of the many normals so many are drawn, one every few pixels.
_STEP_PX: Final = 3
_NORMAL, _CHORD, _NEAR, _AWAY = OKABE_ITO[2], OKABE_ITO[1], OKABE_ITO[1], OKABE_ITO[2]


def plot_calibre(
    eye: xr.Dataset,
    segment: int,
    vessel: Vessel = "all",
    *,
    reach_dd: float = 0.5,
    title: str | None = None,
    height: int = 520,
) -> go.Figure:
    """Show the normals along which the calibre of one vessel segment was measured, and the widths along it.

    Parameters
    ----------
    eye : xarray.Dataset
    segment : int
        Row of :func:`retina_tools.biomarkers.segments_table` of the same network.
    vessel : {'artery', 'vein', 'all'}
    reach_dd : float
        How far the picture reaches from the middle of the segment, in disc diameters (tenths of the frame where there
        is no disc).
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        No such network or segment.
    """
    validate(eye)
    points = calibre_points(eye, vessel)
    own = points[points["segment"] == segment].reset_index(drop=True)
    if not len(own):
        raise EyeError(f"segment is {segment}, but segments_table has {points['segment'].nunique()} rows.")
    known = own["calibre_px"].notna()
    median = float(own["calibre_px"].median())
    middle = own[["y", "x"]].to_numpy()[len(own) // 2].tolist()
    box = around(eye, middle, reach_dd * _yardstick_px(eye))
    heading = f"Calibre of segment {segment}, {eye_title(eye)}" if title is None else title
    unit, scale = _length(eye)
    said = f"median {median * scale:.{_digits(unit)}f} {unit}" if known.any() else "nowhere measured"
    description = f"Vessel segment {segment} with its normals and its width along {len(own)} px: {said}."
    figure = new_figure(heading, description)
    _close_up(figure, eye, box, vessel)
    inside = box.holds(own[["y", "x"]].to_numpy())
    add_lines(figure, [own.loc[inside, ["y", "x"]].to_numpy()], INK, width=2, name="Centreline")
    add_lines(figure, _normals(own[inside & known]), _NORMAL, width=1.5, name="Width measured")
    _width_panel(figure, own["along_px"], own["left_px"] + own["right_px"], own["calibre_px"], unit, scale)
    line = {"color": _CHORD, "width": 2, "dash": "dash"}
    ends = [0, float(own["along_px"].max()) * scale]
    figure.add_trace(
        go.Scatter(x=ends, y=[median * scale] * 2, mode="lines", line=line, name="Median", xaxis="x2", yaxis="y2")
    )
    _lay_out(figure, box, height)
    return figure


def plot_bifurcation(
    eye: xr.Dataset,
    bifurcation: int,
    vessel: Vessel = "all",
    *,
    reach_dd: float = 0.45,
    title: str | None = None,
    height: int = 560,
) -> go.Figure:
    """Show the chords that make the angle of one bifurcation, and where the calibres of its arms were taken.

    Its accessible twin is the row of :func:`retina_tools.biomarkers.bifurcations_table`.

    Parameters
    ----------
    eye : xarray.Dataset
    bifurcation : int
        Row of that table of the same network.
    vessel : {'artery', 'vein', 'all'}
    reach_dd : float
        How far the picture reaches from the node, in disc diameters (tenths of the frame where there is no disc).
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        No such network or bifurcation.
    """
    validate(eye)
    arms = bifurcation_arms(eye, bifurcation, vessel)
    known = bifurcations_table(eye, vessel).iloc[bifurcation]
    node = known[["y", "x"]].to_numpy(float)
    box = around(eye, (node[0], node[1]), reach_dd * _yardstick_px(eye))
    unit, scale = _length(eye)
    names = {"parent": "d₀", "daughter_1": "d₁", "daughter_2": "d₂"}
    widths = {arm: known[f"{arm}_calibre_px"] * scale for arm in names}
    words = {arm: f"{width:.{_digits(unit)}f} {unit}" for arm, width in widths.items()}
    description = (
        f"Bifurcation {bifurcation}: {known['angle_deg']:.0f} degrees between its daughters; calibres of parent "
        f"{words['parent']}, daughters {words['daughter_1']} and {words['daughter_2']}."
    )
    heading = f"Bifurcation {bifurcation}, {eye_title(eye)}" if title is None else title
    figure = new_figure(heading, description)
    _close_up(figure, eye, box, vessel)
    lines = [arm[["y", "x"]].to_numpy() for _, arm in arms.groupby("arm")]
    add_lines(figure, lines, INK, width=2, name="Centreline")
    measured = arms[arms["in_calibre"]]
    add_lines(figure, _normals(measured, 2), _NORMAL, width=1.5, name="Calibre taken here")
    ends = {
        str(row["arm"]): np.array([row["y"], row["x"]], float)
        for _, row in arms[arms["chord_end"] & (arms["arm"] != "parent")].iterrows()
    }
    add_lines(figure, [np.stack([node, end]) for end in ends.values()], _CHORD, width=4, name="Chords of the angle")
    arc, middle = _arc(node, *ends.values())
    add_lines(figure, [arc], _CHORD, width=2)
    add_label(figure, f"{known['angle_deg']:.0f}°", *middle, colour=_CHORD, size=16)
    for arm, part in measured.groupby("arm"):
        last = part.iloc[-1]
        out = last[["y", "x"]].to_numpy(float) + (last["calibre_px"] * 0.5 + 0.035 * box.width) * _outward(part, node)
        out = np.clip(out, (box.top + 0.03 * box.height, box.left), (box.bottom - 0.03 * box.height, box.right))
        edge = (
            "left"
            if out[1] < box.left + 0.15 * box.width
            else "right"
            if out[1] > box.right - 0.15 * box.width
            else "center"
        )
        add_label(figure, f"{names[str(arm)]} = {words[str(arm)]}", *out, size=14, xanchor=edge)
    add_scale_bar(figure, eye, box, INK)
    side_by_side(figure, [room(figure, height) * box.width / box.height], height)
    figure.update_layout(legend=legend_beside())
    return figure


def plot_crossing(
    eye: xr.Dataset,
    crossing: int,
    vessel: Vessel = "all",
    *,
    title: str | None = None,
    height: int = 520,
) -> go.Figure:
    """Show one crossing of an artery and a vein, and the widths of the vein that its nicking ratio compares.

    Its accessible twin is the row of :func:`retina_tools.biomarkers.crossings_table`.

    Parameters
    ----------
    eye : xarray.Dataset
    crossing : int
        Row of that table of the same network.
    vessel : {'artery', 'vein', 'all'}
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        No such network or crossing, or it is not one of an artery and a vein.
    """
    validate(eye)
    points = crossing_points(eye, crossing, vessel)
    known = crossings_table(eye, vessel).iloc[crossing]
    if sorted(points["kind"].unique()) != ["artery", "vein"]:
        raise EyeError(f"Crossing {crossing} is not one of an artery and a vein; choose one with a nicking_ratio.")
    here = known[["y", "x"]].to_numpy(float)
    vein = points[points["kind"] == "vein"].reset_index(drop=True)
    compared = vein[vein["stretch"] != ""]
    reach = 1.3 * float(compared["along_px"].max()) if len(compared) else 0.3 * _yardstick_px(eye)
    box = around(eye, (here[0], here[1]), reach)
    ratio = f"nicking ratio {known['nicking_ratio']:.2f}" if len(compared) else "too short to compare its widths"
    heading = f"Crossing {crossing}, {eye_title(eye)}" if title is None else title
    figure = new_figure(heading, f"Crossing {crossing} of an artery and a vein: {ratio}.")
    _close_up(figure, eye, box, "artery", "vein")
    looks = (("near", _NEAR, "Beside the artery"), ("away", _AWAY, "Farther away"))
    for stretch, colour, name in looks:
        add_lines(figure, _normals(vein[vein["stretch"] == stretch], 2), colour, width=2, name=name)
    unit, scale = _length(eye)
    # The running length has no sign; before the crossing it falls.
    side = np.where(np.arange(len(vein)) < int(vein["along_px"].argmin()), -1.0, 1.0)
    shown = vein.assign(along_px=side * vein["along_px"])[vein["along_px"] < reach]
    _width_panel(figure, shown["along_px"], shown["left_px"] + shown["right_px"], shown["local_px"], unit, scale)
    if len(compared):
        for stretch, value, colour, name in (
            ("near", "min", _NEAR, "Narrowest beside it"),
            ("away", "median", _AWAY, "Median farther away"),
        ):
            part = shown[shown["stretch"] == stretch]
            width = float(part["local_px" if stretch == "near" else "calibre_px"].agg(value)) * scale
            ends = [float(part["along_px"].min()) * scale, float(part["along_px"].max()) * scale]
            line = {"color": colour, "width": 3, "dash": "dash"}
            look = {"mode": "lines", "line": line, "name": name, "xaxis": "x2", "yaxis": "y2"}
            figure.add_trace(go.Scatter(x=ends, y=[width] * 2, **look))
    _lay_out(figure, box, height)
    figure.update_layout(xaxis2_title_text=f"Along the vein, from the crossing [{unit}]")
    return figure


def _yardstick_px(eye: xr.Dataset) -> float:
    try:
        return Frame(eye).diameter_px
    except Unmeasurable:
        return 0.1 * max(eye.sizes["y"], eye.sizes["x"])


def _length(eye: xr.Dataset) -> tuple[str, float]:
    """The unit lengths are shown in, and the factor to it: micrometres where the scale is known."""
    scale = float(eye.attrs["um_per_pixel"])
    return ("µm", scale) if math.isfinite(scale) else ("px", 1.0)


def _digits(unit: str) -> int:
    return 0 if unit == "µm" else 1


def _close_up(figure: go.Figure, eye: xr.Dataset, box: Box, *vessels: str) -> None:
    """The photograph, and the walls of the masks that were measured."""
    add_eye(figure, eye, box)
    for vessel in vessels:
        for name in ("artery", "vein", "vessel") if vessel == "all" else (vessel,):
            mask = get_mask(eye, name)
            if mask is None or (vessel == "all" and name == "vessel" and get_mask(eye, "artery") is not None):
                continue
            found = term(name)
            add_lines(figure, wall_lines(mask, box), found.colour, width=2, name=f"{found.label}, wall of the mask")


def _normals(points: pd.DataFrame, step: int = _STEP_PX) -> list[Floats]:
    """From wall to wall, at every few points."""
    chosen = points.iloc[::step].dropna(subset=["left_px", "right_px"])
    middle, normal = chosen[["y", "x"]].to_numpy(), chosen[["normal_y", "normal_x"]].to_numpy()
    left, right = chosen["left_px"].to_numpy()[:, None], chosen["right_px"].to_numpy()[:, None]
    return list(np.stack([middle - left * normal, middle + right * normal], axis=1))


def _width_panel(
    figure: go.Figure,
    along: pd.Series[float],
    read: pd.Series[float],
    settled: pd.Series[float],
    unit: str,
    scale: float,
) -> None:
    """Widths along a vessel in the second panel: every reading, and what is made of them."""
    x, y = axes(2)
    where = {"x": (along * scale).round(2), "xaxis": x, "yaxis": y}
    dots = {"color": MUTED, "size": 4, "opacity": 0.6}
    figure.add_trace(go.Scatter(y=(read * scale).round(2), mode="markers", marker=dots, name="Wall to wall", **where))
    line = {"color": INK, "width": 3}
    figure.add_trace(
        go.Scatter(y=(settled * scale).round(2), mode="lines", line=line, name="Averaged along the vessel", **where)
    )
    # Readings across a branching would push the vessel to the bottom.
    most = 1.3 * float(np.nanmax(settled)) if settled.notna().any() else float(np.nanmax(np.append(read, 1.0)))
    figure.update_layout(
        xaxis2={"title": {"text": f"Along the vessel [{unit}]"}, "anchor": y},
        yaxis2={
            "title": {"text": f"Width [{unit}]"},
            "anchor": x,
            "range": [0, 1.15 * most * scale],
            "zeroline": False,
        },
    )


def _lay_out(figure: go.Figure, box: Box, height: int) -> None:
    """Picture on the left, widths on the right, the legend above."""
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top", "itemclick": False, "itemdoubleclick": False}
    )
    wide = room(figure, height, 130) * box.width / box.height
    side_by_side(figure, [wide, 430], height, gap=115, bottom=130)


def _outward(part: pd.DataFrame, node: Floats) -> Floats:
    arrow = part[["y", "x"]].to_numpy(float)[-1] - node
    return np.asarray(arrow / max(float(np.hypot(*arrow)), 1e-9))


def _arc(node: Floats, one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """The arc between two chords, the short way, and where its angle is written."""
    first, second = (math.atan2(*(end - node)) for end in (one, two))
    turn = (second - first + math.pi) % (2 * math.pi) - math.pi
    angle = first + np.linspace(0, 1, 30) * turn
    reach = 0.6 * min(np.hypot(*(one - node)), np.hypot(*(two - node)))
    arc = node + reach * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return arc, node + 2.3 * (arc[15] - node)
