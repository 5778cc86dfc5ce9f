import numpy as np
import pytest
from scipy.ndimage import label

from retina_tools.phantom import shapes
from retina_tools.schema import EyeError, get_landmark, get_mask


@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 90.0, 133.0])
@pytest.mark.parametrize("width", [2.0, 5.5, 12.0])
def test_a_line_has_the_area_of_a_rectangle_with_round_ends(angle, width):
    expected = 180.0 * width + np.pi * width**2 / 4
    # Along the pixel grid a width is met to the pixel, and so along its diagonals; at other angles it averages out.
    tolerance = 180.0 if angle % 45 == 0 else 0.02 * expected
    assert shapes.line(angle, width, length=180.0).sum() == pytest.approx(expected, abs=tolerance)


def test_angles_are_counter_clockwise_from_image_right():
    rows, columns = np.nonzero(shapes.line(30.0, 3.0))
    assert np.degrees(np.arctan(-np.polyfit(columns, rows, 1)[0])) == pytest.approx(30.0, abs=0.3)


def test_areas_of_curves_are_length_times_width():
    arc = shapes.arc(radius=80.0, span_deg=120.0, width=6.0, angle_deg=13.0)
    assert arc.sum() == pytest.approx(6 * 80 * np.radians(120) + np.pi * 9, rel=0.01)
    wave = shapes.sinusoid(amplitude=10.0, wavelength=60.0, periods=3.0, width=4.0, angle_deg=13.0)
    length = 180.0 * shapes.sinusoid_arc_chord(10.0, 60.0)
    assert wave.sum() == pytest.approx(4 * length + np.pi * 4, rel=0.01)


def test_arc_chord_of_a_sine_wave_agrees_with_numerical_length():
    x = np.linspace(0.0, 50.0, 200001)
    length = np.hypot(np.diff(x), np.diff(9.0 * np.sin(2 * np.pi * x / 50.0))).sum()
    assert shapes.sinusoid_arc_chord(9.0, 50.0) == pytest.approx(length / 50.0, rel=1e-8)


def test_the_turning_of_a_sine_wave_is_the_one_given():
    from retina_tools.phantom.curves import turning

    x = np.linspace(0.0, 100.0, 20001)
    turned = turning(np.column_stack([9.0 * np.sin(2 * np.pi * x / 50.0), x]))
    assert turned.absolute == pytest.approx(2 * 4 * np.arctan(2 * np.pi * 9.0 / 50.0), rel=1e-3)
    assert turned.inflections == 3
    assert turned.excess == pytest.approx(4 * (shapes.sinusoid_arc_chord(9.0, 50.0) - 1.0), rel=1e-3)


def test_closed_figures_have_their_areas_and_extents():
    assert shapes.ring(80.0, 8.0).sum() == pytest.approx(2 * np.pi * 80 * 8, rel=0.01)
    assert label(~shapes.ring(80.0, 8.0))[1] == 2
    turned = shapes.ellipse(160.0, 100.0, angle_deg=30.0)
    assert turned.sum() == pytest.approx(np.pi * 4000, rel=0.005)
    turn = np.radians(30.0)
    assert turned.any(axis=1).sum() == pytest.approx(np.hypot(160 * np.cos(turn), 100 * np.sin(turn)), abs=1.5)
    # Counter-clockwise by 30 degrees, the upper end moves to image left.
    assert np.flatnonzero(turned[np.flatnonzero(turned.any(axis=1))[1]]).mean() < 127.5
    disc, cup = shapes.concentric_discs(160.0, 0.6, ovality=0.9)
    assert cup.sum() / disc.sum() == pytest.approx(0.36, rel=0.01)
    assert cup.any(axis=1).sum() / disc.any(axis=1).sum() == pytest.approx(0.6, abs=0.015)
    assert not (cup & ~disc).any()


def test_a_junction_is_one_piece_with_three_ends_and_a_crossing_overlaps_in_a_rhomb():
    fork = shapes.y_junction(10.0, (8.0, 6.0), opening_deg=80.0)
    assert label(fork)[1] == 1
    distance = np.hypot(*np.mgrid[-127.5:128.5, -127.5:128.5])
    assert label(fork & (np.abs(distance - 60.0) < 1.5), np.ones((3, 3)))[1] == 3
    one, other = shapes.crossing(50.0, (8.0, 10.0))
    assert (one & other).sum() == pytest.approx(80.0 / np.sin(np.radians(50.0)), rel=0.06)


def test_fractals_scale_as_they_should():
    carpet = shapes.sierpinski_carpet(4)
    assert carpet.sum() == 8**4
    blocks = carpet.reshape(27, 3, 27, 3).any(axis=(1, 3))
    assert np.array_equal(blocks, shapes.sierpinski_carpet(3))
    # Lines of two pixels: ten triangles of level 4 are several pixels apart, so areas are length times width.
    short, long = (shapes.koch_curve(level, 2.0, 2187).sum() for level in (2, 3))
    assert long / short == pytest.approx(4 / 3, rel=0.03)


@pytest.mark.parametrize("laterality", ["OD", "OS"])
def test_radial_vessels_do_not_touch_and_have_their_widths(laterality):
    eye = shapes.radial_vessels((100.0, 60.0), (140.0, 120.0), laterality=laterality)
    length_um = 4.7 * 900.0
    for vessel, widths in (("artery", (100.0, 60.0)), ("vein", (140.0, 120.0))):
        area = get_mask(eye, vessel).sum() * eye.attrs["um_per_pixel"] ** 2
        assert area == pytest.approx(sum(length_um * w + np.pi * w**2 / 4 for w in widths), rel=0.02)
    assert not (get_mask(eye, "artery") & get_mask(eye, "vein")).any()
    disc, fovea = get_landmark(eye, "optic_disc"), get_landmark(eye, "fovea")
    assert (disc[1] > fovea[1]) == (laterality == "OD")


def test_a_line_thinner_than_a_pixel_is_refused():
    with pytest.raises(EyeError, match=r"width is 0\.5 pixels"):
        shapes.line(0.0, 0.5)
    with pytest.raises(EyeError, match="wanted \\(n, 2\\)"):
        shapes.path(np.zeros(4), 2.0)
