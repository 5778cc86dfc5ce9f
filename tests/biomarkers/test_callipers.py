"""Callipers on figures with closed forms, their errors against many noisy readings, and what they refuse."""

import numpy as np
import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers import callipers
from retina_tools.phantom import shapes
from retina_tools.schema import EyeError, new_eye

SIZE = 400
Y, X = np.mgrid[:SIZE, :SIZE]
EYE = new_eye(
    masks={"optic_disc": np.hypot(Y - 200, X - 300) <= 45, "drusen": np.zeros((SIZE, SIZE), bool)},
    um_per_pixel=20.0,
    scale_source="metadata",
)
BARE = new_eye(masks={"artery": np.zeros((SIZE, SIZE), bool)})
DIAMETER = biomarkers.Frame(EYE).diameter_px


def test_distance_is_that_of_pythagoras_in_every_unit():
    found = callipers.distance(EYE, (10, 20), (40.0, 60.0))
    assert found.value == pytest.approx({"px": 50, "DD": 50 / DIAMETER, "um": 1000})
    assert found.value["DD"] == pytest.approx(50 / 90, rel=0.005)
    assert set(callipers.distance(BARE, (0, 0), (3, 4)).value) == {"px"}
    assert callipers.distance(EYE, (5, 5), (5, 5)).value["px"] == 0


@pytest.mark.parametrize("degrees", [0, 1, 30, 90, 135, 180])
@pytest.mark.parametrize("turn", [0, 77, 200])
def test_angle_is_the_one_drawn(degrees, turn):
    one, other = np.radians(turn), np.radians(turn + degrees)
    ends = [(100 - 50 * np.sin(at), 100 + 50 * np.cos(at)) for at in (one, other)]
    assert callipers.angle(EYE, ends[0], (100, 100), ends[1]).value["degree"] == pytest.approx(degrees, abs=1e-5)
    assert callipers.angle(EYE, ends[1], (100, 100), ends[0]).value["degree"] == pytest.approx(degrees, abs=1e-5)


def test_errors_are_those_of_many_noisy_readings():
    rng, error = np.random.default_rng(0), 0.7
    points = np.array([[100.0, 180.0], [150.0, 90.0], [210.0, 130.0]])
    noisy = points + error * rng.standard_normal((4000, 3, 2))
    lengths = [callipers.distance(BARE, tuple(p[0]), tuple(p[1])).value["px"] for p in noisy]
    angles = [callipers.angle(BARE, *map(tuple, p)).value["degree"] for p in noisy]
    one, vertex, other = map(tuple, points)
    assert callipers.distance(BARE, one, vertex, error_px=error).error["px"] == pytest.approx(np.std(lengths), rel=0.05)
    found = callipers.angle(BARE, one, vertex, other, error_px=error)
    assert found.error["degree"] == pytest.approx(np.std(angles), rel=0.05)


@pytest.mark.parametrize(("height", "width"), [(120, 60), (90, 80), (40, 12)])
@pytest.mark.parametrize("turn", [0, 30, 45, 71, -50])
def test_diameters_of_ellipses_are_their_axes(height, width, turn):
    found = callipers.feret(EYE, shapes.ellipse(height, width, turn, size=SIZE))
    for reading, true in ((found.longest, height), (found.shortest, width)):
        assert reading.value["px"] == pytest.approx(true, abs=2 * reading.error["px"])
        assert reading.value["um"] == pytest.approx(20 * reading.value["px"])
    lean = (found.direction_deg - (90 + turn) + 90) % 180 - 90
    # Turned by so much the longest chord is shorter by less than the error of its length.
    play = np.degrees(np.sqrt(2 * found.longest.error["px"] / (height * (1 - (width / height) ** 2))))
    assert lean == pytest.approx(0, abs=play)
    (y0, x0), (y1, x1) = found.ends_yx
    assert np.hypot(y1 - y0, x1 - x0) == pytest.approx(found.longest.value["px"])


def test_diameters_of_rectangles():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[50:80, 100:140] = True
    found = callipers.feret(EYE, mask)
    assert found.shortest.value["px"] == pytest.approx(30)
    # Outlines run through the middles of edges, which cuts corners by less than a pixel.
    assert found.longest.value["px"] == pytest.approx(50, abs=1)
    box = callipers.bounding_box(EYE, mask)
    assert (box.top, box.left, box.bottom, box.right) == (50, 100, 79, 139)
    assert (box.height.value["px"], box.width.value["px"]) == (30, 40)
    assert box.width.value["um"] == 800


def test_one_pixel_has_a_size():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[0, 0] = True
    assert callipers.area(EYE, mask).value["px2"] == 1
    assert callipers.feret(EYE, mask).longest.value["px"] == pytest.approx(1)
    assert callipers.bounding_box(EYE, mask).height.value["px"] == 1


@pytest.mark.parametrize("radius", [5.3, 20.7, 80.2])
def test_areas_of_circles(radius):
    mask = np.hypot(Y - 180.3, X - 150.8) <= radius
    found = callipers.area(EYE, mask)
    assert found.value["px2"] == pytest.approx(np.pi * radius**2, abs=0.2 * found.error["px2"])
    assert found.value["mm2"] == pytest.approx(found.value["px2"] * 0.0004)
    assert found.value["DD2"] == pytest.approx(found.value["px2"] / DIAMETER**2)
    # An outline that is half a pixel off.
    wider = np.pi * ((radius + 0.5) ** 2 - radius**2)
    assert found.error["px2"] == pytest.approx(wider, rel=0.07)


def test_named_structures_and_the_error_of_an_assumed_scale():
    found = callipers.area(EYE, "optic_disc")
    assert found.value["DD2"] == pytest.approx(np.pi / 4)
    assert found.error["DD2"] == 0
    assumed = biomarkers.scale_from_disc(EYE)
    reading = callipers.distance(assumed, (0, 0), (0, 100))
    assert reading.error["um"] == pytest.approx(0.1 * reading.value["um"], rel=0.01)
    assert callipers.distance(EYE, (0, 0), (0, 100)).error["um"] == pytest.approx(20 * np.sqrt(0.5))


def test_readings_are_written_with_their_error():
    reading = callipers.distance(EYE, (0, 0), (30, 40))
    assert str(reading) == "Distance: 50.0 ± 0.7 px, 0.56 ± 0.01 DD, 1000 ± 14 um"
    assert reading.table()["units"].tolist() == ["px", "DD", "um"]


@pytest.mark.parametrize("factor", [2, 3])
def test_enlarged_figures_measure_the_same_in_micrometres(factor):
    mask = shapes.ellipse(80, 50, 20, size=SIZE)
    large = new_eye(
        masks={"optic_disc": np.kron(EYE.mask.sel(structure="optic_disc").values, np.ones((factor, factor), bool))},
        um_per_pixel=20.0 / factor,
        scale_source="metadata",
    )
    grown = np.kron(mask, np.ones((factor, factor), bool))
    for unit in ("um", "DD"):
        one, other = callipers.feret(EYE, mask), callipers.feret(large, grown)
        assert other.longest.value[unit] == pytest.approx(one.longest.value[unit], rel=0.02)
        assert other.shortest.value[unit] == pytest.approx(one.shortest.value[unit], rel=0.02)
    assert callipers.area(large, grown).value["mm2"] == pytest.approx(callipers.area(EYE, mask).value["mm2"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: callipers.distance(EYE, (0, np.nan), (1, 1)), "two finite numbers"),
        (lambda: callipers.distance(EYE, (0, 1, 2), (1, 1)), "two finite numbers"),
        (lambda: callipers.distance(EYE, (0, 0), (1, 1), error_px=-1), "from 0 up"),
        (lambda: callipers.angle(EYE, (5, 5), (5, 5), (1, 1)), "three different points"),
        (lambda: callipers.area(EYE, "drusen"), "empty"),
        (lambda: callipers.area(EYE, "haemorrhage"), "no mask of"),
        (lambda: callipers.area(EYE, "druse"), "not a name of the taxonomy"),
        (lambda: callipers.feret(EYE, np.ones((3, 3), bool)), "wanted that of the eye"),
        (lambda: callipers.bounding_box(EYE, np.zeros((SIZE, SIZE), bool)), "empty"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, said):
    with pytest.raises(EyeError, match=said):
        call()
