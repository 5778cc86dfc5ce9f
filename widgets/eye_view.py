"""The viewer of one eye: the photograph, its masks and landmarks, in the browser."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import anywidget
import traitlets as t
import xarray as xr

from retina_tools import schema
from retina_tools.schema import EyeError
from widgets import assets, layers
from widgets.encoding import MAX_SIDE, encode_mask, encode_photograph

PHOTOGRAPHS: Final = ("colour", "red_free", "hidden")
ZOOM_RANGE: Final = (1.0, 64.0)
HEIGHT_RANGE: Final = (200, 4000)
_FOV_RGB: Final = (216, 221, 227)

_serial = itertools.count()


class EyeView(anywidget.AnyWidget):
    """A photograph with its masks, to zoom, pan and point at; made by :func:`view_eye`.

    Every trait can be read and set from Python; the view follows, and what a person does in the view shows here.

    Attributes
    ----------
    eye : xarray.Dataset
        The eye shown; set another one to show that, with the layers as they are switched now.
    visible : tuple of str
        Names of the layers shown.
    outlined : tuple of str
        Names of the layers drawn as outline instead of fill.
    opacity : dict of str to float
        From 0 to 1 per layer. Assign a dict; names left out keep their value.
    photograph : {'colour', 'red_free', 'hidden'}
        How the photograph is shown; red-free is its green channel.
    landmarks, fov, panel : bool
        Whether disc and fovea, the edge of the field of view, and the layers panel are shown.
    zoom : float
        1 shows the whole picture, at most 64.
    centre_yx : tuple of float
        The native pixel in the middle of the view.
    points : tuple of (y, x)
        Points marked by a person or from Python, native pixels.
    hover_yx : tuple of int or None
        The pixel under the pointer, a few times a second, only while ``report_hover`` is true.
    height : int
        Height of the picture in CSS pixels.
    code : str
        The line of Python that makes this view again; read only.
    """

    _esm = assets.joined_module("main")
    _css = assets.stylesheet("eye_view")

    visible = t.Tuple().tag(sync=True)
    outlined = t.Tuple().tag(sync=True)
    opacity = t.Dict().tag(sync=True)
    photograph = t.Unicode("colour").tag(sync=True)
    landmarks = t.Bool(True).tag(sync=True)
    fov = t.Bool(False).tag(sync=True)
    panel = t.Bool(True).tag(sync=True)
    zoom = t.CFloat(1.0).tag(sync=True)
    centre_yx = t.Tuple(default_value=(0.0, 0.0)).tag(sync=True)
    points = t.Tuple().tag(sync=True)
    hover_yx = t.Tuple(default_value=None, allow_none=True).tag(sync=True)
    report_hover = t.Bool(False).tag(sync=True)
    height = t.CInt(560).tag(sync=True)
    code = t.Unicode("view_eye(eye)", read_only=True).tag(sync=True)

    _info = t.Dict().tag(sync=True)
    _layers: Any = t.List().tag(sync=True)
    _photo = t.CBytes().tag(sync=True)
    _fov = t.CBytes().tag(sync=True)

    def __init__(self, eye: xr.Dataset, *, max_side: int = MAX_SIDE, **options: Any) -> None:
        if not isinstance(max_side, int) or max_side < 64:
            raise EyeError(f"max_side is {max_side!r}, wanted a whole number of pixels of at least 64.")
        self._max_side = max_side
        self._eye = schema.validate(eye)
        super().__init__(**_encoded(self._eye, max_side))
        self._take_defaults()
        for name, value in options.items():
            setattr(self, name, value)
        self.observe(self._refresh_code, list(_SHOWN_IN_CODE))
        self._refresh_code()

    @property
    def eye(self) -> xr.Dataset:
        """The eye shown."""
        return self._eye

    @eye.setter
    def eye(self, eye: xr.Dataset) -> None:
        parts = _encoded(schema.validate(eye), self._max_side)
        known = self.layer_names
        # Notices wait until all parts fit together, and the browser hears of the swap in one message.
        with self.hold_sync(), self.hold_trait_notifications():
            self._eye = eye
            for name, value in parts.items():
                setattr(self, name, value)
            self._take_defaults(keep=known)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers there are, from the bottom to the top."""
        return tuple(layer["name"] for layer in self._layers)

    def __repr__(self) -> str:
        # Stands in for the view where none can be drawn: in a terminal, on a page saved from a notebook.
        name = self._info["image_id"] or "an eye"
        return f"EyeView of {name}, {self._info['width']} x {self._info['height']} px; live in a running notebook only"

    def show(self, *names: str) -> None:
        """Show layers, all of them when none is named."""
        self.visible = (*self.visible, *(names or self.layer_names))

    def hide(self, *names: str) -> None:
        """Hide layers, all of them when none is named."""
        hidden = self._checked_names(names) if names else self.layer_names
        self.visible = tuple(name for name in self.visible if name not in hidden)

    def fit(self) -> None:
        """Show the whole picture."""
        with self.hold_sync():
            self.zoom = 1.0
            self.centre_yx = self._default("centre_yx")

    def copy_as_code(self) -> str:
        """The line of Python that makes this view again, with ``eye`` as the name of the eye."""
        return str(self.code)

    def _take_defaults(self, keep: Sequence[str] = ()) -> None:
        """Begin a fresh view; layers named in ``keep`` stay as the person has them."""
        for name in ("visible", "outlined"):
            fresh, chosen = self._default(name), getattr(self, name)
            setattr(self, name, tuple(n for n in self.layer_names if n in (chosen if n in keep else fresh)))
        kept = {n: part for n, part in self.opacity.items() if n in self.layer_names}
        self.opacity = {**self._default("opacity"), **kept}
        for name in ("centre_yx", "zoom", "points", "hover_yx"):
            setattr(self, name, self._default(name))

    def _default(self, name: str) -> Any:
        """The value a trait begins with, which may depend on the eye."""
        present = list(self.layer_names)
        made: dict[str, Callable[[], Any]] = {
            "visible": lambda: layers.default_visible(self._layers),
            "outlined": lambda: layers.default_outlined(present),
            "opacity": lambda: {layer: layers.default_opacity(layer) for layer in present},
            "centre_yx": lambda: ((self._info["height"] - 1) / 2, (self._info["width"] - 1) / 2),
        }
        return made[name]() if name in made else cast(Any, self).trait_defaults(name)

    def _checked_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names in drawing order, each once.

        Raises
        ------
        EyeError
            There is no such layer.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        for name in wanted:
            if name not in self.layer_names:
                has = ", ".join(self.layer_names) or "no masks"
                raise EyeError(f"This eye has no layer {name!r}; it has {has}.")
        return tuple(name for name in self.layer_names if name in wanted)

    @t.validate("visible", "outlined")
    def _valid_names(self, proposal: dict[str, Any]) -> tuple[str, ...]:
        return self._checked_names(proposal["value"])

    @t.validate("opacity")
    def _valid_opacity(self, proposal: dict[str, Any]) -> dict[str, float]:
        given: dict[str, Any] = proposal["value"]
        self._checked_names(given)
        for name, value in given.items():
            if not (isinstance(value, (int, float)) and 0 <= value <= 1):
                raise EyeError(f"The opacity of {name!r} is {value!r}, wanted a number from 0 to 1.")
        current = {**self._default("opacity"), **self.opacity, **given}
        return {name: float(current[name]) for name in self.layer_names}

    @t.validate("photograph")
    def _valid_photograph(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in PHOTOGRAPHS:
            raise EyeError(f"photograph is {proposal['value']!r}, wanted one of {', '.join(map(repr, PHOTOGRAPHS))}.")
        return str(proposal["value"])

    @t.validate("zoom")
    def _valid_zoom(self, proposal: dict[str, Any]) -> float:
        low, high = ZOOM_RANGE
        if not low <= proposal["value"] <= high:
            raise EyeError(f"zoom is {proposal['value']!r}, wanted {low:g} (the whole picture) to {high:g}.")
        return float(proposal["value"])

    @t.validate("height")
    def _valid_height(self, proposal: dict[str, Any]) -> int:
        low, high = HEIGHT_RANGE
        if not low <= proposal["value"] <= high:
            raise EyeError(f"height is {proposal['value']!r}, wanted {low} to {high} pixels on the screen.")
        return int(proposal["value"])

    @t.validate("centre_yx")
    def _valid_centre(self, proposal: dict[str, Any]) -> tuple[float, float]:
        return self._checked_point("centre_yx", proposal["value"])

    @t.validate("points")
    def _valid_points(self, proposal: dict[str, Any]) -> tuple[tuple[float, float], ...]:
        return tuple(self._checked_point("A point", point) for point in proposal["value"])

    def _checked_point(self, what: str, value: Any) -> tuple[float, float]:
        height, width = self._info.get("height", 1), self._info.get("width", 1)
        try:
            y, x = (float(part) for part in value)
        except (TypeError, ValueError):
            raise EyeError(f"{what} is {value!r}, wanted (y, x) in pixels.") from None
        if not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
            raise EyeError(
                f"{what} is (y={y:g}, x={x:g}), outside the {height} x {width} picture; points are (y, x), "
                "so check their order."
            )
        return y, x

    def _refresh_code(self, _change: object = None) -> None:
        self.set_trait("code", _code_of(self))


def view_eye(
    eye: xr.Dataset,
    *,
    visible: Sequence[str] | None = None,
    outlined: Sequence[str] | None = None,
    opacity: float | Mapping[str, float] | None = None,
    photograph: str = "colour",
    landmarks: bool = True,
    fov: bool = False,
    panel: bool = True,
    zoom: float = 1.0,
    centre_yx: tuple[float, float] | None = None,
    points: Sequence[tuple[float, float]] = (),
    height: int = 560,
    report_hover: bool = False,
    max_side: int = MAX_SIDE,
) -> EyeView:
    """Look at an eye: zoom and pan the photograph, switch its masks, read positions and distances.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye; masks alone are enough.
    visible, outlined : sequence of str, optional
        Layers shown, and layers drawn as outline. By default all are shown, areas (disc, cup, macula, phenotypes)
        as outlines and vessels and lesions filled.
    opacity : float or mapping of str to float, optional
        From 0 to 1, for all layers or by name.
    photograph : {'colour', 'red_free', 'hidden'}
        Red-free is the green channel as grey.
    landmarks, fov, panel : bool
        Show disc and fovea, the edge of the field of view, the layers panel.
    zoom : float
        1 (whole picture) to 64.
    centre_yx : (y, x), optional
        The pixel in the middle of the view; the picture's own middle by default.
    points : sequence of (y, x)
        Marked points.
    height : int
        Height of the picture on the screen, CSS pixels.
    report_hover : bool
        Whether ``hover_yx`` follows the pointer.
    max_side : int
        A larger picture is shown made smaller to this many pixels; positions stay those of the eye's own pixels.

    Returns
    -------
    EyeView
        A widget; its traits are the state of the view.

    Raises
    ------
    EyeError
        Not an eye, or an option that does not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools import schema
    >>> disc = np.zeros((64, 64), bool); disc[20:30, 40:50] = True
    >>> view = view_eye(schema.new_eye(masks={"optic_disc": disc}), zoom=2)
    >>> view.visible, view.code
    (('optic_disc',), 'view_eye(eye, zoom=2.0)')
    >>> view
    EyeView of an eye, 64 x 64 px; live in a running notebook only
    """
    options: dict[str, Any] = {
        "photograph": photograph,
        "landmarks": landmarks,
        "fov": fov,
        "panel": panel,
        "zoom": zoom,
        "points": points,
        "height": height,
        "report_hover": report_hover,
    }
    view = EyeView(eye, max_side=max_side, **options)
    if visible is not None:
        view.visible = tuple(view._checked_names(visible))
    if outlined is not None:
        view.outlined = tuple(view._checked_names(outlined))
    if opacity is not None:
        view.opacity = dict(opacity) if isinstance(opacity, Mapping) else dict.fromkeys(view.layer_names, opacity)
    if centre_yx is not None:
        view.centre_yx = centre_yx
    return view


_SHOWN_IN_CODE: Final = (
    "visible",
    "outlined",
    "opacity",
    "photograph",
    "landmarks",
    "fov",
    "panel",
    "zoom",
    "centre_yx",
    "points",
    "height",
    "report_hover",
)


def _code_of(view: EyeView) -> str:
    """The call that makes a view again: only what differs from a fresh view of the same eye."""
    words = ["eye"]
    for name in _SHOWN_IN_CODE:
        value, default = getattr(view, name), view._default(name)
        if value == default:
            continue
        if name == "opacity":
            value = {layer: part for layer, part in value.items() if part != default[layer]}
        elif name in ("visible", "outlined", "points"):
            value = list(value)
        words.append(f"{name}={value!r}")
    if view._max_side != MAX_SIDE:
        words.append(f"max_side={view._max_side}")
    return f"view_eye({', '.join(words)})"


def _encoded(eye: xr.Dataset, max_side: int) -> dict[str, Any]:
    """The traits that carry the eye itself; the serial makes every eye a change the browser hears of."""
    info = layers.describe_eye(eye)
    return {
        "_layers": layers.describe_layers(eye, max_side),
        "_photo": encode_photograph(eye["image"].values, max_side) if "image" in eye else b"",
        "_fov": encode_mask(eye["fov"].values, _FOV_RGB, max_side) if info["has_fov"] else b"",
        "_info": {**info, "serial": next(_serial)},
    }
