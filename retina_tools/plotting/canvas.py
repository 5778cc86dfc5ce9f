"""The eye as a ground to draw on: its picture or a part of it in axes of pixels, panels side by side, lines, walls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from retina_tools.plotting.raster import photograph_uri
from retina_tools.plotting.theme import INK, plain, title_room

Floats = NDArray[np.float64]

_BAR_UM: Final = (100, 200, 500, 1000, 2000, 5000)
# A faded picture keeps so much of its contrast; lines drawn on it are read without a halo.
_FADED: Final = 0.5
_EYES: Final = {"OD": "right eye", "OS": "left eye"}


class Box(NamedTuple):
    """A part of a picture: rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the last two not included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """To cut the part out of an array of shape (y, x)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def holds(self, points_yx: Floats) -> NDArray[np.bool_]:
        """Which points, shape (n, 2), lie in it."""
        y, x = points_yx[:, 0], points_yx[:, 1]
        inside: NDArray[np.bool_] = (y >= self.top) & (y < self.bottom) & (x >= self.left) & (x < self.right)
        return inside


def whole(eye: xr.Dataset) -> Box:
    """All of an eye's picture."""
    return Box(0, 0, eye.sizes["y"], eye.sizes["x"])


def around(eye: xr.Dataset, centre_yx: Sequence[float], reach_px: float) -> Box:
    """The square of a given half side around a point, as far as the picture goes."""
    (y, x), reach = centre_yx, max(int(np.ceil(reach_px)), 4)
    rows, columns = eye.sizes["y"], eye.sizes["x"]
    top, left = max(round(y) - reach, 0), max(round(x) - reach, 0)
    return Box(top, left, min(round(y) + reach + 1, rows), min(round(x) + reach + 1, columns))


def eye_title(eye: xr.Dataset) -> str:
    """Image id and side of an eye, for titles."""
    parts = [str(eye.coords["image_id"].item()), _EYES.get(str(eye.coords["laterality"].item()), "")]
    return ", ".join(part for part in parts if part)


def add_picture(figure: go.Figure, source: str, box: Box, panel: int = 1) -> None:
    """Put a picture in its place on the axes of a panel.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    source : str
        A data URI.
    box : Box
    panel : int
        From 1.
    """
    # plotly.js tells pictures apart by their place alone and draws one of two at the same place: differ by a hair.
    wide = box.width + 1e-6 * len(figure.layout.images)
    # Pixel centres lie on whole numbers, so the picture begins half a pixel before the first.
    place = {"x": box.left - 0.5, "y": box.top - 0.5, "sizex": wide, "sizey": box.height}
    x, y = axes(panel)
    figure.add_layout_image(source=source, sizing="stretch", layer="below", xref=x, yref=y, **place)


def add_eye(figure: go.Figure, eye: xr.Dataset, box: Box, *, panel: int = 1, faded: bool = True) -> None:
    """Show a part of a photograph in a panel, lossy and light; an empty field where there is no photograph.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    eye : xarray.Dataset
    box : Box
    panel : int
        From 1.
    faded : bool
        Grey and pale, and white outside the field of view, so that coloured lines stand out.
    """
    if "image" in eye:
        part = eye["image"].values[box.slices]
    else:
        part = np.where(eye["fov"].values[box.slices][..., None], np.uint8(235), np.uint8(255)).repeat(3, axis=2)
    if faded and "image" in eye:
        grey = part @ np.array([0.3, 0.6, 0.1])
        pale = 255 * (1 - _FADED) + _FADED * np.clip(grey * 1.4, 0, 255)
        pale[~eye["fov"].values[box.slices]] = 255
        part = pale.astype(np.uint8)[..., None].repeat(3, axis=2)
    shrink = min(1.0, 1000 / max(box.height, box.width))
    size = (max(1, round(box.height * shrink)), max(1, round(box.width * shrink)))
    add_picture(figure, photograph_uri(np.ascontiguousarray(part), size, quality=85), box, panel)
    hide_axes(figure, box, panel)


def hide_axes(figure: go.Figure, box: Box, panel: int = 1) -> None:
    """Set the axes of a panel to the pixels of a part of the picture, square and unseen."""
    hidden: dict[str, Any] = {"visible": False, "showgrid": False, "zeroline": False, "constrain": "domain"}
    x, y = axes(panel)
    # A picture that cannot fill its panel lies at its left and top, beside its legend and under its title.
    across = {"range": [box.left - 0.5, box.right - 0.5], "anchor": y, "constraintoward": "left"}
    down = {"range": [box.bottom - 0.5, box.top - 0.5], "anchor": x, "scaleanchor": x, "constraintoward": "top"}
    figure.update_layout(
        {
            _long(x): {**across, **hidden},
            _long(y): {**down, **hidden},
        }
    )


def axes(panel: int) -> tuple[str, str]:
    """Names of the axes of a panel, as traces and pictures want them."""
    number = "" if panel == 1 else str(panel)
    return f"x{number}", f"y{number}"


def _long(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def side_by_side(
    figure: go.Figure, widths: Sequence[float], height: int, *, gap: int = 24, right: int = 20, bottom: int = 20
) -> None:
    """Share the width of a figure among its panels; the figure is as wide as the page, its pictures as high as it lets.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    widths : sequence of float
        Of the panels, from left to right, in screen pixels where the page has room for all of them, else in proportion.
    height : int
        Of the whole figure.
    gap : int
        Between two panels.
    right, bottom : int
        Margins, for legends and axis titles.
    """
    total = sum(widths) + gap * (len(widths) - 1)
    start = 0.0
    for panel, wide in enumerate(widths, start=1):
        x, y = (_long(axis) for axis in axes(panel))
        figure.update_layout({x: {"domain": [start / total, min((start + wide) / total, 1)]}, y: {"domain": [0, 1]}})
        start += wide + gap
    figure.update_layout(
        height=height,
        margin={"l": 20, "r": right, "t": title_room(figure), "b": bottom},
        dragmode="pan",
        paper_bgcolor="white",
        plot_bgcolor="white",
    )


def room(figure: go.Figure, height: int, bottom: int = 20) -> int:
    """Height in screen pixels that :func:`side_by_side` leaves for the panels."""
    return height - title_room(figure) - bottom


def legend_beside() -> dict[str, Any]:
    """A legend at the left of a picture, which stands beside it however wide the page is."""
    # Pictures cannot be switched off by a legend, so it does not pretend to.
    return {"x": -0.02, "xanchor": "right", "y": 1, "yanchor": "top", "itemclick": False, "itemdoubleclick": False}


def add_lines(
    figure: go.Figure, paths_yx: Sequence[Floats], colour: str, *, width: float = 2, panel: int = 1, **trace: Any
) -> None:
    """Draw curves of shape (n, 2), (y, x) in px, as one trace.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    paths_yx : sequence of ndarray
    colour : str
    width : float
        In screen pixels.
    panel : int
        From 1.
    **trace
        Further attributes of the trace: name, hovertext, showlegend, ...; ``dash`` goes to its line.
    """
    line = {"color": colour, "width": width, "dash": trace.pop("dash", "solid")}
    gap = np.full((1, 2), np.nan)
    joined = np.concatenate([part for path in paths_yx for part in (path, gap)]) if len(paths_yx) else np.empty((0, 2))
    joined = joined.round(2)
    x, y = axes(panel)
    look: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", "showlegend": "name" in trace} | trace
    figure.add_trace(go.Scatter(x=joined[:, 1], y=joined[:, 0], line=line, xaxis=x, yaxis=y, **look))


def wall_lines(mask: NDArray[np.bool_], box: Box) -> list[Floats]:
    """The walls of a mask in a part of the picture, where it is read as one half between pixels; (y, x) in px.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    box : Box
    """
    from skimage.measure import find_contours

    # Beyond the picture is nothing, so walls are closed at its edge; at the edge of the part they just go on.
    part = np.pad(mask, 1)[box.top : box.bottom + 2, box.left : box.right + 2].astype(float)
    return [line + np.array([box.top - 1, box.left - 1]) for line in find_contours(part, 0.5)]  # type: ignore[no-untyped-call]


def circle(centre_yx: Sequence[float], radius: float) -> Floats:
    """A circle as a closed curve, shape (n, 2)."""
    angle = np.linspace(0, 2 * np.pi, 181)
    return np.asarray(np.array(centre_yx) + radius * np.stack([np.sin(angle), np.cos(angle)], axis=1))


def add_label(
    figure: go.Figure, text: str, y: float, x: float, *, colour: str = INK, panel: int = 1, size: int = 13, **place: Any
) -> None:
    """Write words on a picture, legible on any ground.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    text : str
    y, x : float
        In px of the picture.
    colour : str
    panel : int
        From 1.
    size : int
        Of the letters.
    **place
        Further attributes of the annotation: xanchor, yshift, ...
    """
    xref, yref = axes(panel)
    look = {"font": {"color": colour, "size": size}, "bgcolor": "rgba(255,255,255,0.75)", "borderpad": 1}
    figure.add_annotation(text=plain(text), x=x, y=y, xref=xref, yref=yref, showarrow=False, **(look | place))


def add_scale_bar(figure: go.Figure, eye: xr.Dataset, box: Box | None = None, ink: str | None = None) -> None:
    """Show a length on the retina in the first panel, where the scale is known.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    eye : xarray.Dataset
    box : Box, optional
        The part that is shown, by default all.
    ink : str, optional
        By default white on a photograph.
    """
    scale = float(eye.attrs["um_per_pixel"])
    shown = whole(eye) if box is None else box
    if not np.isfinite(scale):
        return
    length_um = max((one for one in _BAR_UM if one / scale <= shown.width / 4), default=None)
    if length_um is None:
        return
    left, down = shown.left + 0.03 * shown.width, shown.top + 0.97 * shown.height
    right = left + length_um / scale
    text = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
    if eye.attrs["scale_source"] == "disc_diameter":
        text += " (assumed)"
    ground = "rgba(255,255,255,0.6)" if ink else "rgba(0,0,0,0)"
    ink = ink or ("white" if "image" in eye else "black")
    figure.add_shape(type="line", x0=left, x1=right, y0=down, y1=down, line={"color": ink, "width": 4})
    figure.add_annotation(
        x=left, xanchor="left", y=down, text=text, showarrow=False, yshift=14, font={"color": ink, "size": 13},
        bgcolor=ground,
    )  # fmt: skip
