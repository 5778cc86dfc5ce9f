"""Lesions where they lie: around the fovea, in the fields of the ETDRS grid or in quadrants, with their counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers import Frame, Unmeasurable, lesions_table
from retina_tools.plotting.canvas import (
    Box,
    add_eye,
    add_label,
    add_lines,
    add_scale_bar,
    circle,
    eye_title,
    room,
    side_by_side,
    whole,
)
from retina_tools.plotting.theme import INK, SYMBOLS, new_figure, plain
from retina_tools.schema import EyeError, term, validate

Floats = NDArray[np.float64]
Grid = Literal["etdrs", "quadrants"]

_RINGS_UM: Final = {"etdrs_center": 500.0, "etdrs_inner": 1500.0, "etdrs_outer": 3000.0}
_MOST_SHOWN: Final = 2500  # marks; more make a page slow, and nobody tells them apart
_SIDES: Final = ("superior", "nasal", "inferior", "temporal")


def plot_lesion_fields(
    eye: xr.Dataset,
    lesions: str | Sequence[str] | None = None,
    grid: Grid = "etdrs",
    *,
    radius_dd: float | None = 1.0,
    title: str | None = None,
    height: int = 680,
) -> go.Figure:
    """Show lesions by kind and size on the photograph, and how many lie in each field around the fovea.

    Its accessible twin is :func:`retina_tools.biomarkers.lesions_table`.

    Parameters
    ----------
    eye : xarray.Dataset
        With masks of lesions, a fovea and a known side, and for the ETDRS grid a scale.
    lesions : str or sequence of str, optional
        Kinds to show; all that the eye has by default.
    grid : {'etdrs', 'quadrants'}
        Fields to count in.
    radius_dd : float, optional
        Circle around the fovea in disc diameters, which the risk of macular oedema goes by; None for no circle.
    title : str, optional
    height : int
        Of the figure, in screen pixels.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    EyeError
        The eye lacks what places the fields, or a name is no lesion.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> figure = plot_lesion_fields(phantom.eye("mild NPDR", seed=1, size=512))
    >>> [trace.name.split(" (")[0] for trace in figure.data if trace.name]
    ['Optic disc', '1 DD around the fovea', 'Microaneurysm', 'Fovea']
    """
    validate(eye)
    if grid not in ("etdrs", "quadrants"):
        raise EyeError(f"grid is {grid!r}, wanted 'etdrs' or 'quadrants'.")
    kinds = [lesions] if isinstance(lesions, str) else lesions
    table = lesions_table(eye)
    if kinds is not None:
        for kind in kinds:
            lesions_table(eye, kind)  # refuses what is no lesion
        table = table[table["kind"].isin(kinds)]
    frame = Frame(eye)
    fovea, scale = _placed(eye, frame, grid)
    column = "etdrs_field" if grid == "etdrs" else "quadrant"
    counts = table.groupby(column).size().to_dict() if len(table) else {}
    heading = (
        f"Lesions by {'ETDRS field' if grid == 'etdrs' else 'quadrant'}, {eye_title(eye)}" if title is None else title
    )
    by_kind = table.groupby("kind", sort=False).size()
    said = ", ".join(f"{count} of {term(str(kind)).label}" for kind, count in by_kind.items()) or "none"
    fields = ", ".join(
        f"{str(name).removeprefix('etdrs_').replace('_', ' ')} {count}" for name, count in counts.items() if name
    )
    figure = new_figure(heading, f"Lesions: {said}. By field around the fovea: {fields or 'none'}.")
    box = whole(eye)
    add_eye(figure, eye, box)
    nasal = 1.0 if frame.laterality == "OD" else -1.0
    lines, places = _etdrs(fovea, scale, nasal) if grid == "etdrs" else _quadrants(fovea, nasal, box)
    add_lines(figure, lines, INK, width=1.5, dash="dot")
    _add_disc(figure, frame, fovea, radius_dd)
    _add_lesions(figure, table)
    for name, (y, x) in places.items():
        add_label(figure, str(counts.get(name, 0)), y, x, size=14)
    figure.add_trace(
        go.Scatter(
            x=[fovea[1]], y=[fovea[0]], mode="markers", name="Fovea", hoverinfo="skip",
            marker={"symbol": "cross-thin", "size": 16, "line": {"color": INK, "width": 2}},
        )
    )  # fmt: skip
    add_scale_bar(figure, eye, box, INK)
    side_by_side(figure, [room(figure, height) * box.width / box.height], height, right=210)
    figure.update_layout(legend={"x": 1.01, "y": 1})
    return figure


def _placed(eye: xr.Dataset, frame: Frame, grid: Grid) -> tuple[tuple[float, float], float]:
    """Fovea and scale, or one sentence that says what is missing."""
    scale = float(eye.attrs["um_per_pixel"])
    try:
        frame.check_side()
        fovea = frame.fovea_yx
    except Unmeasurable as reason:
        raise EyeError(
            f"The fields cannot be placed ({reason.status.word}): they need a fovea and a known side, and a fovea "
            "temporal of the disc."
        ) from None
    if grid == "etdrs" and not math.isfinite(scale):
        raise EyeError(
            "The ETDRS grid needs a scale; set um_per_pixel, assume one with biomarkers.scale_from_disc, or choose "
            "grid='quadrants'."
        )
    return fovea, scale


def _etdrs(
    fovea: tuple[float, float], scale: float, nasal: float
) -> tuple[list[Floats], dict[str, tuple[float, float]]]:
    """Circles and spokes of the grid, and where the count of each field is written."""
    radii = {name: um / scale for name, um in _RINGS_UM.items()}
    lines = [circle(fovea, radius) for radius in radii.values()]
    centre, outer = np.array(fovea), radii["etdrs_outer"]
    for dy in (-1, 1):
        for dx in (-1, 1):
            arrow = np.array([dy, dx]) / math.sqrt(2)
            lines.append(np.stack([centre + radii["etdrs_center"] * arrow, centre + outer * arrow]))
    arrows = dict(zip(_SIDES, ((-1.0, 0.0), (0.0, nasal), (1.0, 0.0), (0.0, -nasal)), strict=True))
    places = {"etdrs_center": (fovea[0] - 0.55 * radii["etdrs_center"], fovea[1])}
    # Towards the rim of each field, where fewer lesions are covered.
    for ring in ("etdrs_inner", "etdrs_outer"):
        for side, (down, right) in arrows.items():
            away = 0.9 * radii[ring]
            places[f"{ring}_{side}"] = (fovea[0] + away * down, fovea[1] + away * right)
    return lines, places


def _quadrants(
    fovea: tuple[float, float], nasal: float, box: Box
) -> tuple[list[Floats], dict[str, tuple[float, float]]]:
    """The upright cross through the fovea, and where the count of each quadrant is written."""
    (y, x), reach = fovea, 0.25 * min(box.height, box.width)
    lines = [
        np.array([[box.top, x], [box.bottom, x]], float),
        np.array([[y, box.left], [y, box.right]], float),
    ]
    places = {
        f"{half}{side}": (y + dy * reach, x + dx * nasal * reach)
        for half, dy in (("supero", -1.0), ("infero", 1.0))
        for side, dx in (("temporal", -1.0), ("nasal", 1.0))
    }
    return lines, places


def _add_disc(figure: go.Figure, frame: Frame, fovea: tuple[float, float], radius_dd: float | None) -> None:
    """The disc as a circle, and the circle that macular oedema goes by; nothing where there is no whole disc."""
    try:
        centre, radius = frame.centre_yx, frame.radius_px
    except Unmeasurable:
        return
    add_lines(figure, [circle(centre, radius)], INK, width=1.5, name="Optic disc", showlegend=False)
    if radius_dd is not None:
        name = f"{radius_dd:g} DD around the fovea"
        add_lines(figure, [circle(fovea, radius_dd * 2 * radius)], INK, width=2.5, dash="dash", name=name)


def _add_lesions(figure: go.Figure, table: pd.DataFrame) -> None:
    """One mark per lesion, as large as its area but never too small to be seen; the largest where there are many."""
    for number, (kind, own) in enumerate(table.groupby("kind", sort=False)):
        shown = own.nlargest(_MOST_SHOWN, "area_px2")
        found = term(str(kind))
        left_out = "" if len(shown) == len(own) else f", {len(shown)} shown"
        words = [
            plain(f"{found.label} at y {row.y:.0f}, x {row.x:.0f}: {row.diameter_px:.1f} px across")
            for row in shown.itertuples()
        ]
        figure.add_trace(
            go.Scatter(
                x=shown["x"].round(1),
                y=shown["y"].round(1),
                mode="markers",
                name=f"{found.label} ({len(own)}{left_out})",
                hovertext=words,
                hoverinfo="text",
                marker={
                    "color": found.colour,
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "line": {"color": INK, "width": 0.8},
                    "size": np.clip(0.5 * shown["diameter_px"].astype(float), 6, 22).round(1),
                },
            )
        )
