"""The viewer on a plain page: what hands do in it, and what then is on the screen and in the traits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from retina_tools import schema
from widgets import view_eye

GROUND = (120, 60, 30)


class Viewer:
    """A page with one viewer of the plain eye, in native pixels of the eye."""

    def __init__(self, page: Any, height: int = 300, width: int = 400) -> None:
        self.page = page
        self.shape = (height, width)
        self.stage = page.locator(".rtv-stage")

    def get(self, trait: str) -> Any:
        """A trait, once the frame is over in which the last move was taken in."""
        self.frame()
        return self.page.evaluate("name => model.get(name)", trait)

    def set(self, **traits: Any) -> None:
        """Change traits as the kernel does."""
        self.page.evaluate("traits => Object.entries(traits).forEach(([k, v]) => model.set(k, v))", traits)
        self.frame()

    def frame(self) -> None:
        self.page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def place(self, y: float, x: float) -> tuple[float, float]:
        """Page position (left, top) of a native point."""
        box = self.stage.bounding_box()
        scale = self.get("zoom") * min(box["width"] / self.shape[1], box["height"] / self.shape[0])
        centre_y, centre_x = self.get("centre_yx")
        return (
            box["x"] + box["width"] / 2 + (x - centre_x) * scale,
            box["y"] + box["height"] / 2 + (y - centre_y) * scale,
        )

    def native(self, left: float, top: float) -> tuple[float, float]:
        """Native point at a page position."""
        (left0, top0), (left1, top1) = self.place(0, 0), self.place(1, 1)
        return (top - top0) / (top1 - top0), (left - left0) / (left1 - left0)

    def pixel(self, y: float, x: float) -> tuple[int, ...]:
        """Colour on the canvas at a native point."""
        self.frame()
        left, top = self.place(y, x)
        box = self.stage.bounding_box()
        script = """([left, top]) => { const c = document.querySelector('.rtv-canvas');
            return [...c.getContext('2d').getImageData(Math.round(left), Math.round(top), 1, 1).data].slice(0, 3) }"""
        return tuple(self.page.evaluate(script, [left - box["x"], top - box["y"]]))

    def readout(self) -> str:
        self.frame()
        return str(self.page.get_by_test_id("readout").inner_text().replace("\n", " "))

    def press(self, key: str) -> None:
        self.stage.press(key)
        self.frame()


@pytest.fixture
def viewer(open_widget: Any, plain_eye: xr.Dataset) -> Viewer:
    return Viewer(open_widget(view_eye(plain_eye, landmarks=False), reduced_motion="reduce"))


def mixed(name: str, opacity: float) -> tuple[float, ...]:
    """The colour of a layer over the ground."""
    return tuple(opacity * c + (1 - opacity) * g for c, g in zip(schema.term(name).rgb, GROUND, strict=True))


def test_the_photograph_and_each_fill_have_their_colours(viewer: Viewer) -> None:
    assert viewer.pixel(250, 250) == pytest.approx(GROUND, abs=3)
    assert viewer.pixel(150, 250) == pytest.approx(mixed("artery", 0.8), abs=4)
    assert viewer.pixel(250, 110) == pytest.approx(mixed("vein", 0.8), abs=4)
    assert viewer.pixel(100, 300) == pytest.approx(GROUND, abs=3)  # the disc is an outline


def test_wheel_keeps_the_point_under_the_cursor(viewer: Viewer) -> None:
    left, top = (round(at) for at in viewer.place(90, 310))  # wheel events come in whole pixels
    y, x = viewer.native(left, top)
    viewer.page.mouse.move(left, top)
    zoom = 1.0
    for turns in (-300, -200, 150, -400):
        viewer.page.mouse.wheel(0, turns)
        viewer.page.wait_for_function("z => model.get('zoom') !== z", arg=zoom)
        zoom = viewer.get("zoom")
        assert viewer.place(y, x) == pytest.approx((left, top), abs=0.1)
    assert zoom > 2
    assert viewer.readout().startswith("y 90, x 310 px")


def test_wheel_out_of_the_whole_picture_is_left_to_the_page(viewer: Viewer) -> None:
    viewer.page.evaluate("() => document.addEventListener('wheel', e => { window.taken = e.defaultPrevented })")
    viewer.page.mouse.move(*viewer.place(150, 200))
    viewer.page.mouse.wheel(0, 100)
    viewer.page.wait_for_function("() => window.taken !== undefined")
    assert viewer.page.evaluate("window.taken") is False
    viewer.page.mouse.wheel(0, -100)
    viewer.page.wait_for_function("() => window.taken === true")
    assert viewer.get("zoom") > 1


def test_two_fingers_zoom(open_widget: Any, plain_eye: xr.Dataset) -> None:
    viewer = Viewer(open_widget(view_eye(plain_eye), has_touch=True))
    left, top = viewer.place(150, 200)
    touch = viewer.page.context.new_cdp_session(viewer.page)
    for kind, gap in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", None)):
        fingers = (
            [] if gap is None else [{"x": left - 40, "y": top, "id": 0}, {"x": left - 40 + gap, "y": top, "id": 1}]
        )
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    assert viewer.get("zoom") == pytest.approx(2, rel=0.01)
    assert viewer.get("points") == []


def test_drag_moves_the_picture_with_the_hand(viewer: Viewer) -> None:
    viewer.set(zoom=4, centre_yx=[150, 200])
    start = viewer.place(160, 210)
    viewer.page.mouse.move(*start)
    viewer.page.mouse.down()
    viewer.page.mouse.move(start[0] + 60, start[1] - 40, steps=5)
    viewer.page.mouse.up()
    assert viewer.place(160, 210) == pytest.approx((start[0] + 60, start[1] - 40), abs=0.5)
    assert viewer.get("zoom") == 4
    assert viewer.get("points") == []


def test_double_click_shows_the_whole_picture(viewer: Viewer) -> None:
    viewer.set(zoom=5, centre_yx=[50, 50])
    viewer.page.mouse.dblclick(*viewer.place(60, 60))
    viewer.frame()
    assert viewer.get("zoom") == 1
    assert viewer.get("centre_yx") == [149.5, 199.5]


def test_keys_zoom_about_the_middle_and_fit(viewer: Viewer) -> None:
    viewer.set(zoom=2, centre_yx=[100, 120])
    viewer.press("+")
    assert viewer.get("zoom") == pytest.approx(2.8)
    assert viewer.get("centre_yx") == pytest.approx([100, 120])
    viewer.press("-")
    assert viewer.get("zoom") == pytest.approx(2.0)
    for key in ("0", "f"):
        viewer.set(zoom=3, centre_yx=[10, 10])
        viewer.press(key)
        assert (viewer.get("zoom"), viewer.get("centre_yx")) == (1, [149.5, 199.5])


def test_arrows_move_and_shift_arrows_move_one_pixel(viewer: Viewer) -> None:
    viewer.set(zoom=4, centre_yx=[150, 200])
    viewer.press("ArrowRight")
    assert viewer.get("centre_yx")[1] > 205
    assert viewer.get("centre_yx")[0] == 150
    viewer.set(centre_yx=[150, 200])
    viewer.press("Shift+ArrowUp")
    viewer.press("Shift+ArrowLeft")
    assert viewer.get("centre_yx") == pytest.approx([149, 199], abs=0.011)
    assert viewer.readout().startswith("y 149, x 199 px")  # the keyboard reads at the middle


def test_the_view_cannot_leave_the_picture(viewer: Viewer) -> None:
    viewer.set(zoom=8)
    viewer.set(centre_yx=[2, 200])
    viewer.stage.press("ArrowUp")
    assert viewer.get("centre_yx")[0] == -0.5
    viewer.set(zoom=60)
    viewer.stage.press("+")
    assert viewer.get("zoom") == 64


def test_switching_a_layer_changes_its_pixels_and_its_trait(viewer: Viewer) -> None:
    box = viewer.page.get_by_role("checkbox", name="Artery")
    assert box.is_checked()
    box.click()
    assert viewer.pixel(150, 250) == pytest.approx(GROUND, abs=3)
    assert viewer.get("visible") == ["vein", "optic_disc", "haemorrhage"]
    box.click()
    assert viewer.pixel(150, 250) == pytest.approx(mixed("artery", 0.8), abs=4)
    viewer.page.get_by_role("button", name="Hide all layers").click()
    assert viewer.get("visible") == []
    assert viewer.pixel(250, 110) == pytest.approx(GROUND, abs=3)
    viewer.page.get_by_role("button", name="Show all layers").click()
    assert len(viewer.get("visible")) == 4


def test_opacity_slider_mixes_the_colour(viewer: Viewer) -> None:
    slider = viewer.page.get_by_role("slider", name="Opacity of Artery")
    slider.fill("0.25")
    assert viewer.get("opacity")["artery"] == 0.25
    assert viewer.pixel(150, 250) == pytest.approx(mixed("artery", 0.25), abs=4)
    assert slider.get_attribute("aria-valuetext") == "25 %"


def test_outline_empties_the_inside_and_draws_the_edge(viewer: Viewer) -> None:
    viewer.set(zoom=4, centre_yx=[150, 250])
    button = viewer.page.get_by_role("button", name="Outline of Artery")
    button.click()
    assert viewer.get("outlined") == ["artery", "optic_disc"]
    assert button.get_attribute("aria-pressed") == "true"
    assert viewer.pixel(150, 250) == pytest.approx(GROUND, abs=3)
    edge = viewer.pixel(139.5, 250)
    assert math.dist(edge, schema.term("artery").rgb) < 0.5 * math.dist(edge, GROUND)


def test_red_free_is_the_green_channel(viewer: Viewer) -> None:
    viewer.page.get_by_role("button", name="Red-free photograph").click()
    assert viewer.get("photograph") == "red_free"
    red, green, blue = viewer.pixel(250, 250)
    assert red == green == blue == pytest.approx(GROUND[1], abs=3)
    viewer.page.get_by_role("checkbox", name="Photograph").click()
    assert viewer.get("photograph") == "hidden"
    assert max(viewer.pixel(250, 250)) - min(viewer.pixel(250, 250)) < 20  # neutral ground
    viewer.page.get_by_role("checkbox", name="Photograph").click()
    assert viewer.get("photograph") == "red_free"  # as it was


def test_read_out_says_position_distances_and_structures(viewer: Viewer) -> None:
    viewer.page.mouse.move(*viewer.place(150, 110))
    diameter = 2 * 40 / math.sqrt(math.pi)
    to_disc, to_fovea = math.hypot(50.5, 189.5), math.hypot(50.5, 10.5)
    assert viewer.readout() == (
        f"y 150, x 110 px disc {to_disc / diameter:.2f} DD · {to_disc * 40:.0f} µm "
        f"fovea {to_fovea / diameter:.2f} DD · {to_fovea * 40:.0f} µm Vein Artery"
    )
    viewer.page.get_by_role("checkbox", name="Vein").click()
    viewer.page.mouse.move(*viewer.place(150, 110))
    assert viewer.readout().endswith("Vein (hidden) Artery")
    viewer.page.mouse.move(5, 5)
    assert viewer.readout().startswith("Point at the picture")


def test_structures_under_the_cursor_are_those_of_the_masks(viewer: Viewer) -> None:
    viewer.set(zoom=8, centre_yx=[140, 120])
    for (y, x), found in {(139, 125): "", (140, 125): "Artery", (140, 119): "Vein Artery", (139, 119): "Vein"}.items():
        viewer.page.mouse.move(*viewer.place(y, x))
        assert viewer.readout().startswith(f"y {y}, x {x} px")
        assert viewer.readout().split("µm")[-1].strip() == found


def test_points_are_marked_by_key_and_shift_click_and_taken_back(viewer: Viewer) -> None:
    viewer.page.mouse.move(*viewer.place(60, 70))
    viewer.press("m")
    viewer.page.keyboard.down("Shift")
    viewer.page.mouse.click(*viewer.place(200, 330))
    viewer.page.keyboard.up("Shift")
    assert viewer.get("points") == [[60, 70], [200, 330]]
    viewer.page.mouse.click(*viewer.place(10, 10))
    assert len(viewer.get("points")) == 2  # a plain click marks nothing,
    viewer.page.get_by_role("button", name="Mark points by clicking").click()
    viewer.page.mouse.click(*viewer.place(20, 20))
    assert viewer.get("points")[-1] == [20, 20]  # unless asked to
    viewer.press("Backspace")
    viewer.press("Backspace")
    assert viewer.get("points") == [[60, 70]]
    assert viewer.pixel(60, 70) == pytest.approx((255, 255, 255), abs=40)


def test_number_keys_and_h_switch_layers(viewer: Viewer) -> None:
    viewer.press("1")
    assert "artery" not in viewer.get("visible")
    viewer.press("h")
    assert viewer.get("visible") == []
    viewer.press("h")
    assert viewer.get("visible") == ["vein", "optic_disc", "haemorrhage"]
    viewer.press("r")
    assert viewer.get("photograph") == "red_free"


def test_the_kernel_changes_the_view(viewer: Viewer) -> None:
    viewer.set(visible=["vein"], zoom=2.5, centre_yx=[120, 140])
    assert not viewer.page.get_by_role("checkbox", name="Artery").is_checked()
    assert viewer.pixel(150, 200) == pytest.approx(GROUND, abs=3)
    assert viewer.page.get_by_title("Zoom", exact=True).inner_text() == "250 %"
    viewer.set(panel=False)
    assert not viewer.page.get_by_role("checkbox", name="Artery").is_visible()


def test_changes_reach_the_kernel_in_few_messages(viewer: Viewer) -> None:
    viewer.page.mouse.move(*viewer.place(50, 100))
    for _ in range(20):
        viewer.page.mouse.wheel(0, -20)
    viewer.page.wait_for_function("() => sent.length && sent.at(-1).zoom === model.get('zoom')")
    assert len(viewer.page.evaluate("sent")) < 10
    assert {key for message in viewer.page.evaluate("sent") for key in message} == {"zoom", "centre_yx"}


def test_hover_is_reported_only_when_asked_for(viewer: Viewer) -> None:
    viewer.page.mouse.move(*viewer.place(33, 44))
    assert viewer.get("hover_yx") is None
    viewer.set(report_hover=True)
    viewer.page.mouse.move(*viewer.place(55, 66))
    assert viewer.get("hover_yx") == [55, 66]
    viewer.page.mouse.move(5, 5)
    assert viewer.get("hover_yx") is None


def test_keys_stay_in_the_viewer_but_shortcuts_pass(viewer: Viewer) -> None:
    viewer.page.evaluate("() => { window.heard = []; document.addEventListener('keydown', e => heard.push(e.key)) }")
    for key in ("x", "d", "ArrowDown", "m", "Enter"):
        viewer.press(key)
    viewer.page.get_by_role("checkbox", name="Vein").press("x")
    assert viewer.page.evaluate("heard") == []
    viewer.press("Control+s")
    assert viewer.page.evaluate("heard.at(-1)") == "s"


def test_keyboard_alone_reaches_everything(viewer: Viewer) -> None:
    viewer.page.locator("#before").focus()
    reached = []
    for _ in range(40):
        viewer.page.keyboard.press("Tab")
        name = viewer.page.evaluate("() => document.activeElement.getAttribute('aria-label') ?? ''")
        reached.append(name.split(".")[0])
        if viewer.page.evaluate("() => document.activeElement === document.body"):
            break
    for name in ("Zoom in", "Whole picture", "Keys", "Picture of plain", "Show all layers", "Opacity of Vein"):
        assert name in reached
    viewer.stage.focus()
    ring = viewer.stage.evaluate("e => getComputedStyle(e, '::after').borderTopWidth")
    assert ring == "2px"
    viewer.press("?")
    sheet = viewer.page.get_by_role("dialog", name="Keys")
    assert sheet.is_visible()
    assert "whole picture" in sheet.inner_text()
    viewer.page.keyboard.press("Escape")
    assert not sheet.is_visible()
    assert viewer.stage.evaluate("e => document.activeElement === e")  # focus came back
    viewer.page.keyboard.press("Escape")
    assert viewer.page.evaluate("() => document.activeElement === document.body")


def test_every_control_has_a_name_and_messages_are_announced(viewer: Viewer) -> None:
    nameless = """() => [...document.querySelectorAll('.rtv :is(button, input, textarea)')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')?.textContent.trim()))
        .length"""
    assert viewer.page.evaluate(nameless) == 0
    assert viewer.page.locator(".rtv :is(button, input)").count() >= 18
    assert viewer.page.get_by_role("application").get_attribute("aria-label").startswith("Picture of plain.")
    status = viewer.page.get_by_role("status")
    assert status.get_attribute("aria-live") == "polite"
    viewer.page.get_by_role("checkbox", name="Vein").click()
    assert status.inner_text() == "Vein hidden"


def test_a_resting_keyboard_cursor_is_spoken(viewer: Viewer) -> None:
    viewer.set(zoom=4, centre_yx=[150, 250])
    viewer.press("Shift+ArrowRight")
    status = viewer.page.get_by_role("status")
    viewer.page.wait_for_function("e => e.textContent.includes('Artery')", arg=status.element_handle())
    assert status.inner_text().startswith("y 150, x 251 px; disc ")


def test_the_code_of_the_view_is_shown_and_copied(open_widget: Any, plain_eye: xr.Dataset) -> None:
    widget = view_eye(plain_eye, zoom=3)
    viewer = Viewer(open_widget(widget, permissions=["clipboard-read", "clipboard-write"]))
    viewer.page.get_by_role("button", name="Code of this view").click()
    assert viewer.page.get_by_role("textbox", name="Code of this view").input_value() == "view_eye(eye, zoom=3.0)"
    viewer.page.get_by_role("button", name="Copy").click()
    viewer.page.wait_for_function("e => e.textContent", arg=viewer.page.get_by_role("status").element_handle())
    assert viewer.page.evaluate("() => navigator.clipboard.readText()") == widget.code


@pytest.mark.parametrize("hostile", ["<img src=x onerror=window.ran=1>", "<script>window.ran=1</script>"])
def test_names_from_the_data_are_text(open_widget: Any, plain_eye: xr.Dataset, hostile: str) -> None:
    viewer = Viewer(open_widget(view_eye(schema.with_parts(plain_eye, image_id=hostile, patient_id=hostile))))
    viewer.press("?")
    assert viewer.page.locator(".rtv-id").inner_text() == hostile
    assert f"patient {hostile}" in viewer.page.locator(".rtv-facts").inner_text()
    assert viewer.page.locator("#host img, #host script").count() == 0
    assert viewer.page.evaluate("window.ran") is None


def test_masks_without_photograph_lie_on_a_neutral_ground(open_widget: Any) -> None:
    disc = np.zeros((200, 200), bool)
    disc[50:150, 50:150] = True
    viewer = Viewer(open_widget(view_eye(schema.new_eye(masks={"haemorrhage": disc}))), 200, 200)
    red, green, blue = viewer.pixel(10, 100)
    assert max(red, green, blue) - min(red, green, blue) < 20
    assert 60 < green < 160
    assert math.dist(viewer.pixel(100, 100), schema.term("haemorrhage").rgb) < 80
    assert viewer.page.get_by_role("checkbox", name="Photograph").count() == 0
    viewer.page.mouse.move(*viewer.place(100, 101))
    assert viewer.readout() == "y 100, x 101 px no disc no fovea Haemorrhage"


def test_a_photograph_without_masks_is_shown(open_widget: Any) -> None:
    viewer = Viewer(open_widget(view_eye(schema.new_eye(np.full((100, 150, 3), 90, np.uint8)))), 100, 150)
    assert viewer.pixel(50, 70) == pytest.approx((90, 90, 90), abs=3)
    assert viewer.page.get_by_text("This eye has no masks.").is_visible()


def test_a_large_picture_is_read_in_its_own_pixels(open_widget: Any) -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[1000:1400, 3000:3400] = True
    eye = schema.new_eye(np.full((3000, 4000, 3), GROUND, np.uint8), {"haemorrhage": mask})
    viewer = Viewer(open_widget(view_eye(eye, zoom=20, centre_yx=(1200, 3200)), reduced_motion="reduce"), 3000, 4000)
    viewer.page.mouse.move(*viewer.place(1234, 3210))
    assert viewer.readout().startswith("y 1234, x 3210 px")
    assert "Haemorrhage" in viewer.readout()
    for y, inside in ((1005, True), (995, False)):
        viewer.set(centre_yx=[y, 3200])
        viewer.page.mouse.move(*viewer.place(y, 3200))
        assert ("Haemorrhage" in viewer.readout()) is inside


def test_another_eye_takes_the_place_of_the_first_and_nothing_stays_behind(
    open_widget: Any, plain_eye: xr.Dataset
) -> None:
    viewer = Viewer(open_widget(view_eye(plain_eye)))
    before = viewer.page.evaluate("listeners()")
    viewer.page.evaluate(
        """() => { model.set('visible', []); model.set('_layers', []); model.set('_photo', null);
                   model.set('_info', { ...model.get('_info'), image_id: 'other', serial: 99 }) }"""
    )
    assert viewer.page.locator(".rtv").count() == 1
    assert viewer.page.locator(".rtv-id").inner_text() == "other"
    assert viewer.page.evaluate("listeners()") == before
    viewer.page.evaluate("unmount()")
    assert viewer.page.locator(".rtv").count() == 0
    assert viewer.page.evaluate("listeners()") == 0


def test_a_narrow_viewer_puts_the_panel_under_the_picture(open_widget: Any, plain_eye: xr.Dataset) -> None:
    viewer = Viewer(open_widget(view_eye(plain_eye), viewport={"width": 600, "height": 900}))
    stage, panel = viewer.stage.bounding_box(), viewer.page.locator(".rtv-panel").bounding_box()
    assert panel["y"] >= stage["y"] + stage["height"]
    assert viewer.page.evaluate("() => document.documentElement.scrollWidth") <= 600


def test_motion_glides_unless_it_is_not_wanted(open_widget: Any, plain_eye: xr.Dataset) -> None:
    seen = {}
    for motion in ("reduce", "no-preference"):
        viewer = Viewer(open_widget(view_eye(plain_eye), reduced_motion=motion))
        viewer.page.evaluate(
            "() => { window.zooms = []; model.on('change:zoom', () => zooms.push(model.get('zoom'))) }"
        )
        viewer.stage.press("+")
        viewer.page.wait_for_function("() => model.get('zoom') === 1.4")
        seen[motion] = viewer.page.evaluate("zooms")
    assert seen["reduce"] == [1.4]
    assert len(seen["no-preference"]) > 1
