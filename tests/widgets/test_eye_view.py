"""The viewer as seen from Python: state in traits, positions in the eye's own pixels, errors in one sentence."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from ipywidgets.widgets.widget import _remove_buffers

from retina_tools import schema
from retina_tools.schema import EyeError
from widgets import EyeView, view_eye
from widgets.encoding import decode_mask
from widgets.layers import draw_order


def square(y: int, x: int, side: int, shape: tuple[int, int] = (200, 260)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[y : y + side, x : x + side] = True
    return mask


@pytest.fixture
def eye() -> xr.Dataset:
    return schema.new_eye(
        np.full((200, 260, 3), 100, np.uint8),
        {
            "artery": square(10, 10, 50),
            "vein": square(30, 30, 50),
            "vessel": square(10, 10, 90),
            "optic_disc": square(80, 180, 40),
            "haemorrhage": square(150, 60, 5),
        },
        landmarks={"fovea": (100, 80)},
        laterality="OD",
        um_per_pixel=20.0,
    )


def from_browser(view: EyeView, **state: Any) -> None:
    """What ipywidgets does with a message from the browser: JSON in, no Python types kept."""
    view.set_state(json.loads(json.dumps(state)))


def test_every_mask_is_a_layer_and_arrives_exactly(eye: xr.Dataset) -> None:
    view = view_eye(eye)
    assert view.layer_names == ("vessel", "vein", "artery", "optic_disc", "haemorrhage")
    for layer in view._layers:
        mask = eye["mask"].sel(structure=layer["name"]).values
        assert np.array_equal(decode_mask(layer["png"]), mask)
        assert layer["colour"] == schema.term(layer["name"]).colour
        assert layer["pixels"] == mask.sum()


def test_lesions_lie_over_vessels_and_every_name_has_a_place() -> None:
    order = draw_order(list(schema.names()))
    assert sorted(order) == sorted(schema.names())
    for lesion in schema.names("lesion"):
        for vessel in ("vessel", "vein", "artery"):
            assert order.index(vessel) < order.index(lesion)


def test_a_fresh_view_shows_all_but_the_vessels_told_apart(eye: xr.Dataset) -> None:
    view = view_eye(eye)
    assert view.visible == ("vein", "artery", "optic_disc", "haemorrhage")
    assert view.outlined == ("optic_disc",)
    undecided = schema.with_parts(eye, masks={"vessel": square(150, 150, 20)})  # neither artery nor vein
    assert "vessel" in view_eye(undecided).visible
    only = schema.new_eye(masks={"vessel": square(10, 10, 90)})
    assert view_eye(only).visible == ("vessel",)


def test_code_of_a_fresh_view_says_nothing_more_than_the_eye(eye: xr.Dataset) -> None:
    assert view_eye(eye).code == "view_eye(eye)"


@pytest.mark.parametrize(
    "options",
    [
        {"visible": ["artery"], "outlined": []},
        {"opacity": {"vein": 0.25}, "photograph": "red_free"},
        {"opacity": 0.5, "landmarks": False, "fov": True, "panel": False},
        {"zoom": 7.3125, "centre_yx": (12.34, 250.01), "height": 400},
        {"points": [(1, 2), (3.5, 4.25)], "report_hover": True, "max_side": 128},
        {"visible": [], "photograph": "hidden"},
    ],
)
def test_code_makes_the_same_view_again(eye: xr.Dataset, options: dict[str, Any]) -> None:
    view = view_eye(eye, **options)
    again = eval(view.copy_as_code(), {"view_eye": view_eye, "eye": eye})
    state, state_again = view.get_state(), again.get_state()
    for name in view.keys:
        if name not in ("layout", "_info"):
            assert state_again[name] == state[name], name
    assert again.code == view.code


def test_what_a_person_does_reaches_python_and_the_code(eye: xr.Dataset) -> None:
    view = view_eye(eye)
    from_browser(view, zoom=3.5, centre_yx=[50.25, 60], points=[[10, 20]], visible=["artery"], hover_yx=[1, 2])
    assert (view.zoom, view.centre_yx, view.points) == (3.5, (50.25, 60.0), ((10.0, 20.0),))
    assert view.hover_yx == (1, 2)
    assert view.code == ("view_eye(eye, visible=['artery'], zoom=3.5, centre_yx=(50.25, 60.0), points=[(10.0, 20.0)])")
    from_browser(view, opacity={**view.opacity, "artery": 0.1}, hover_yx=None)
    assert view.opacity["artery"] == 0.1
    assert view.hover_yx is None


def test_layers_are_switched_by_name(eye: xr.Dataset) -> None:
    view = view_eye(eye)
    view.hide("vein")
    assert view.visible == ("artery", "optic_disc", "haemorrhage")
    view.hide()
    assert view.visible == ()
    view.show("haemorrhage", "vein")
    assert view.visible == ("vein", "haemorrhage")  # drawing order, whatever the order asked
    view.show()
    assert view.visible == view.layer_names
    view.zoom, view.centre_yx = 4, (1, 1)
    view.fit()
    assert (view.zoom, view.centre_yx) == (1.0, (99.5, 129.5))


def test_a_part_of_the_opacities_leaves_the_others(eye: xr.Dataset) -> None:
    view = view_eye(eye, opacity={"artery": 0.2})
    before = dict(view.opacity)
    view.opacity = {"vein": 0.3}
    assert view.opacity == {**before, "vein": 0.3}
    assert view.opacity["artery"] == 0.2


def test_distances_are_in_native_pixels_and_disc_diameters(eye: xr.Dataset) -> None:
    info = view_eye(eye, max_side=64)._info
    assert (info["height"], info["width"]) == (200, 260)
    assert info["disc_yx"] == pytest.approx((99.5, 199.5))
    assert info["disc_diameter_px"] == pytest.approx(2 * 40 / math.sqrt(math.pi))
    assert info["fovea_yx"] == (100, 80)
    assert info["um_per_pixel"] == 20


def test_a_hole_in_the_disc_is_part_of_the_disc(eye: xr.Dataset) -> None:
    ring = square(80, 180, 40) & ~square(90, 185, 10)
    whole, holed = view_eye(eye)._info, view_eye(schema.with_parts(eye, masks={"optic_disc": ring}))._info
    assert holed["disc_diameter_px"] == whole["disc_diameter_px"]
    assert holed["disc_yx"] == whole["disc_yx"]


def test_without_a_disc_mask_there_is_no_disc_diameter(eye: xr.Dataset) -> None:
    empty = schema.with_parts(eye, masks={"optic_disc": np.zeros((200, 260), bool)})
    assert view_eye(empty)._info["disc_yx"] is None
    marked = view_eye(schema.with_parts(empty, landmarks={"optic_disc": (90, 190)}))._info
    assert marked["disc_yx"] == (90, 190)
    assert marked["disc_diameter_px"] is None


def test_an_unknown_scale_is_not_a_number_in_the_browser() -> None:
    view = view_eye(schema.new_eye(masks={"artery": square(1, 1, 5)}))
    assert view._info["um_per_pixel"] is None
    state, _, _ = _remove_buffers(view.get_state())
    assert json.loads(json.dumps(state, allow_nan=False))["_info"]["um_per_pixel"] is None


def test_a_large_eye_stays_under_a_megabyte_of_saved_state() -> None:
    rows, columns = np.mgrid[:2048, :2048].astype(np.float32)
    vessel = np.abs(np.sin(columns / 60 + 2 * np.sin(rows / 90))) < 0.06
    noise = np.random.default_rng(0).normal(0, 2.5, (2048, 2048, 3))
    image = np.clip(150 - np.hypot(rows - 1024, columns - 1024)[..., None] / 12 + noise, 0, 255).astype(np.uint8)
    names = ("artery", "vein", "optic_disc", "optic_cup", "haemorrhage", "hard_exudate")
    eye = schema.new_eye(image, {name: np.roll(vessel, 37 * k, 0) for k, name in enumerate(names)})
    state, _, buffers = _remove_buffers(view_eye(eye).get_state())
    size = len(json.dumps(state)) + sum(len(base64.b64encode(buffer)) for buffer in buffers)
    assert size < 1_000_000


def test_another_eye_is_shown_with_the_layers_as_switched(eye: xr.Dataset) -> None:
    view = view_eye(eye, zoom=5, points=[(150, 250)])
    view.hide("vein")
    view.opacity = {"artery": 0.4}
    serial = view._info["serial"]
    view.eye = schema.new_eye(
        masks={name: square(10, 10, 20, (90, 90)) for name in ("vein", "artery", "hard_exudate")}, image_id="next"
    )
    assert view.layer_names == ("vein", "artery", "hard_exudate")
    assert view.visible == ("artery", "hard_exudate")  # the vein stays off, the new lesion is on
    assert view.opacity["artery"] == 0.4
    assert (view.zoom, view.centre_yx, view.points) == (1.0, (44.5, 44.5), ())
    assert view._photo == b""
    assert view._info["serial"] != serial
    assert view.code == "view_eye(eye, visible=['artery', 'hard_exudate'], opacity={'artery': 0.4})"


def test_the_eye_is_not_changed(eye: xr.Dataset) -> None:
    before = eye.copy(deep=True)
    view = view_eye(eye)
    view.hide()
    assert view.eye is eye
    assert eye.identical(before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visible": ["arterie"]}, "no layer 'arterie'; it has vessel, vein, artery"),
        ({"outlined": ["drusen"]}, "no layer 'drusen'"),
        ({"opacity": {"artery": 1.5}}, "opacity of 'artery' is 1.5"),
        ({"opacity": {"artery": "much"}}, "opacity of 'artery' is 'much'"),
        ({"opacity": -1.0}, "wanted a number from 0 to 1"),
        ({"photograph": "green"}, "'red_free'"),
        ({"zoom": 0.5}, "wanted 1"),
        ({"zoom": math.nan}, "zoom is nan"),
        ({"centre_yx": (250, 100)}, "outside the 200 x 260 picture"),
        ({"points": [(1, 2, 3)]}, "wanted \\(y, x\\)"),
        ({"points": [(math.nan, 2)]}, "outside the 200 x 260 picture"),
        ({"height": 10}, "height is 10"),
        ({"max_side": 3}, "max_side is 3"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(eye: xr.Dataset, change: dict[str, Any], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        view_eye(eye, **change)


@pytest.mark.parametrize("what", [None, 3, "eye.png", np.zeros((4, 4)), xr.Dataset()])
def test_what_is_no_eye_is_refused(what: Any) -> None:
    with pytest.raises(EyeError, match=r"schema\.new_eye"):
        view_eye(what)


def test_a_refused_change_leaves_the_view_as_it_was(eye: xr.Dataset) -> None:
    view = view_eye(eye, zoom=2)
    with pytest.raises(EyeError, match="zoom"):
        view.zoom = 1000
    with pytest.raises(EyeError, match="no layer"):
        view.visible = ("nothing",)
    with pytest.raises(EyeError, match="An eye is"):
        view.eye = 5
    assert view.code == "view_eye(eye, zoom=2.0)"
    assert view.visible == ("vein", "artery", "optic_disc", "haemorrhage")
