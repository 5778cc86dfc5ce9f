"""The normalised frame: one field diameter for every camera, nothing stretched, nothing shifted."""

import numpy as np
import pytest

from retina_tools.schema import EyeError, new_eye
from retina_tools.segmentation import Frame, fit_fov_circle


def field(centre=(150.0, 160.0), radius=120.0, shape=(300, 330)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def eye_of(fov, plane=None):
    grey = np.full(fov.shape, 120.0) if plane is None else plane
    return new_eye(np.where(fov, grey, 0).astype(np.uint8), fov=fov)


@pytest.mark.parametrize("cut", [0, 25, 45])
def test_circle_of_a_field_cut_at_top_and_bottom_is_that_of_the_whole(cut):
    fov = field()
    fov[: 30 + cut], fov[270 - cut :] = False, False
    circle = fit_fov_circle(fov)
    assert circle.is_fitted
    assert circle.diameter_px == pytest.approx(240, abs=1.5)
    assert circle.centre_yx == pytest.approx((150, 160), abs=1)


def test_notch_and_label_do_not_move_the_circle():
    fov = field()
    fov[140:160, 268:300] = True  # a tab at the right
    fov[35:60, 60:90] = True  # a label in the corner
    circle = fit_fov_circle(fov)
    assert circle.diameter_px == pytest.approx(240, abs=2)


def test_full_frame_gets_the_circle_on_its_diagonal():
    circle = fit_fov_circle(np.ones((300, 400), bool))
    assert not circle.is_fitted
    assert circle.diameter_px == pytest.approx(500)


def test_points_go_there_and_back():
    frame = Frame.of(eye_of(field()), diameter_px=400)
    assert frame.scale == pytest.approx(400 / 240, rel=0.01)
    assert frame.point_to_native(frame.point_from_native((33.25, 91.5))) == pytest.approx((33.25, 91.5))


@pytest.mark.parametrize("diameter_px", [160, 480])
def test_shapes_keep_their_axis_ratio_and_place(diameter_px):
    y, x = np.mgrid[:300, :330]
    ellipse = ((y - 120) / 50) ** 2 + ((x - 180) / 30) ** 2 <= 1
    frame = Frame.of(eye_of(field()), diameter_px=diameter_px)
    there = frame.from_native(ellipse.astype(np.float32)) >= 0.5
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    assert len(rows) / len(columns) == pytest.approx(5 / 3, rel=0.03)
    centre = np.argwhere(there).mean(0)
    assert frame.point_to_native(centre) == pytest.approx((120, 180), abs=0.3)
    back = frame.to_native(there)
    assert 2 * (back & ellipse).sum() / (back.sum() + ellipse.sum()) > 0.985


def test_field_is_even_up_to_its_edge():
    frame = Frame.of(eye_of(field()), diameter_px=200)
    inside = frame.image[frame.fov]
    assert np.ptp(inside) < 0.01
    assert not frame.image[~frame.fov].any()


@pytest.mark.parametrize("axis", [0, 1])
def test_mirrored_eye_has_the_mirrored_frame(axis):
    fov = field(centre=(149.5, 164.5))
    plane = np.random.default_rng(1).integers(40, 200, fov.shape)
    frame, other = (
        Frame.of(eye_of(f, p), diameter_px=256) for f, p in ((fov, plane), (np.flip(fov, axis), np.flip(plane, axis)))
    )
    np.testing.assert_allclose(np.flip(other.image, axis), frame.image, atol=1e-4)
    np.testing.assert_array_equal(np.flip(other.fov, axis), frame.fov)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_planes_come_back_as_they_were(order):
    y, x = np.mgrid[:300, :330]
    smooth = (0.5 + 0.3 * np.sin(y / 17) * np.cos(x / 23)).astype(np.float32)
    frame = Frame.of(eye_of(field()), diameter_px=480)
    back = frame.to_native(frame.from_native(smooth), order=order)
    assert np.abs(back - smooth)[field(radius=100)].max() < 0.03


def test_what_does_not_fit_is_refused():
    with pytest.raises(EyeError, match="no image"):
        Frame.of(new_eye(masks={"vessel": field()}))
    with pytest.raises(EyeError, match="16 or more"):
        Frame.of(eye_of(field()), diameter_px=8)
    frame = Frame.of(eye_of(field()), diameter_px=64)
    with pytest.raises(EyeError, match="wanted the frame's"):
        frame.to_native(np.zeros((3, 3)))
    with pytest.raises(EyeError, match="wanted the eye's"):
        frame.from_native(np.zeros((3, 3), np.float32))
    with pytest.raises(EyeError, match="nearest"):
        frame.to_native(np.zeros((64, 64)), order=2)
