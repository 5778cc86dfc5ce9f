"""Atrophy and tessellation: synthetic eyes, figures of known numbers, laws of views, and eyes that are not right."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye

CATALOGUE = biomarkers.catalogue()
NAMES = CATALOGUE["name"][CATALOGUE["structure"] == "choroid and atrophy"].tolist()
SIZE = 500
Y, X = np.mgrid[:SIZE, :SIZE]
NONE = np.zeros((SIZE, SIZE), bool)
DISC = np.hypot(Y - 250, X - 350) <= 50
DD = 2 * np.sqrt(DISC.sum() / np.pi)


@pytest.fixture(scope="module", params=range(6))
def known(request, numbers):
    """A myopic eye, its geometry and its measures; right and left eyes in turn."""
    a, b, c = (request.param * np.array([0.618, 0.755, 0.57]) + 0.1) % 1
    geometry = phantom.anatomy(
        seed=request.param,
        vessel_density=0.0,
        arc_atrophy_um=300 + 700 * a,
        arc_atrophy_span_deg=360 if request.param == 5 else 90 + 200 * b,
        arc_atrophy_angle_deg=-60 + 120 * c,
        tessellation=0.8,
        lesions={"diffuse_atrophy": 1, "patchy_atrophy": 3},
    )
    eye = geometry.render(1024, ("OD", "OS")[request.param % 2], image=False)
    return geometry, eye, numbers(eye, NAMES)


def test_peripapillary_atrophy_is_that_of_the_outlines(known):
    geometry, eye, found = known
    p, um_per_pixel = geometry.parameters, eye.attrs["um_per_pixel"]
    truth = phantom.truth(eye)
    ratio = truth["arc_atrophy_area_mm2"] / truth["disc_area_mm2"]
    assert found["peripapillary_atrophy_area"] == pytest.approx(ratio, rel=0.01)
    assert found["atrophy_area_mm2.arc"] == pytest.approx(truth["arc_atrophy_area_mm2"], rel=0.01)
    span = p.arc_atrophy_span_deg
    # A crescent thins out towards its horns, which are seen from where they are one pixel and a half wide.
    horns = 0.0 if span == 360 else 2 * span * np.arcsin(1.5 * um_per_pixel / p.arc_atrophy_um) / np.pi
    assert span - horns - 2 <= found["peripapillary_atrophy_extent_deg"] <= span + 1


def test_patches_of_atrophy_are_counted_and_weighed(known):
    geometry, eye, found = known
    field_um2 = np.pi * (eye.attrs["um_per_pixel"] * 0.49 * 1024) ** 2
    for kind in ("diffuse", "patchy"):
        patches = [lesion for lesion in geometry.lesions if lesion.kind == f"{kind}_atrophy"]
        area_um2 = sum(patch.area_um2 for patch in patches)
        assert found[f"atrophy_count.{kind}"] == len(patches) > 0
        assert found[f"atrophy_area_mm2.{kind}"] == pytest.approx(area_um2 / 1e6, rel=0.01)
        in_dd2 = area_um2 / geometry.parameters.disc_diameter_um**2
        assert found[f"atrophy_area_dd2.{kind}"] == pytest.approx(in_dd2, rel=0.01)
        assert found[f"atrophy_coverage.{kind}"] == pytest.approx(area_um2 / field_um2, rel=0.01)
        table = biomarkers.atrophy_table(eye)
        np.testing.assert_allclose(
            np.sort(table["area_mm2"][table["kind"] == kind]),
            np.sort([patch.area_um2 / 1e6 for patch in patches]),
            rtol=0.01,
        )


def test_views_of_the_eye_leave_everything_as_it_is(known, views, numbers):
    _, eye, found = known
    np.testing.assert_allclose(numbers(views.mirrored(eye), NAMES), found, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(numbers(views.turned(eye), NAMES), found, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_number_of_pixels_does_not_matter(known, factor, views, numbers):
    _, eye, found = known
    other = numbers(views.resampled(eye, factor), NAMES)
    for name, value in found.items():
        # Streaks of tessellation a pixel or two apart merge at half the pixels.
        if not name.startswith("tessellation") or factor > 1:
            assert other[name] == pytest.approx(value, rel=0.05), name
    assert other["tessellation_coverage"] == pytest.approx(found["tessellation_coverage"], rel=0.05)


def choroid_eye(**masks):
    return new_eye(masks={"optic_disc": DISC, **masks}, fov=~NONE, um_per_pixel=18, scale_source="metadata")


def test_a_ring_of_atrophy_has_the_area_of_a_ring(numbers):
    ring = np.hypot(Y - 250, X - 350) <= 80
    found = numbers(choroid_eye(arc_atrophy=ring), NAMES)
    # Drawn over the disc or around it is the same.
    assert found["peripapillary_atrophy_area"] == pytest.approx((80**2 - 50**2) / 50**2, rel=0.01)
    assert found["peripapillary_atrophy_extent_deg"] == 360
    around = numbers(choroid_eye(arc_atrophy=ring & ~DISC), NAMES)
    assert around["peripapillary_atrophy_area"] == found["peripapillary_atrophy_area"]


@pytest.mark.parametrize("extent", [30, 100, 250])
def test_extent_of_a_sector(extent, numbers):
    angle = np.degrees(np.arctan2(Y - 250, X - 350))
    sector = (np.hypot(Y - 250, X - 350) <= 75) & (np.abs(angle) <= extent / 2) & ~DISC
    found = numbers(choroid_eye(arc_atrophy=sector), "peripapillary_atrophy_extent")
    assert found["peripapillary_atrophy_extent_deg"] == pytest.approx(extent, abs=2)


def test_overlapping_atrophy_covers_once(numbers):
    one, two = NONE.copy(), NONE.copy()
    one[20:60, 20:70] = two[40:80, 20:70] = True
    found = numbers(choroid_eye(diffuse_atrophy=one, patchy_atrophy=two), NAMES)
    assert found["myopic_coverage"] == pytest.approx(60 * 50 / SIZE**2)
    assert found["atrophy_coverage.diffuse"] == found["atrophy_coverage.patchy"] == pytest.approx(2000 / SIZE**2)
    assert found["atrophy_area_dd2.patchy"] == pytest.approx(2000 / DD**2)


def test_streaks_of_known_shape_and_place(numbers):
    places = [(60, 60), (60, 180), (180, 60), (180, 180)]
    streaks = NONE.copy()
    for y, x in places:
        streaks |= shapes.ellipse(60, 20, 30, (y, x), SIZE)
    streaks[400, 400] = True  # a speck
    found = numbers(choroid_eye(tessellation=streaks), NAMES)
    assert found["tessellation_aspect_ratio"] == pytest.approx(3, rel=0.02)
    assert found["tessellation_centroid_dispersion_dd"] == pytest.approx(np.hypot(60, 60) / DD, abs=0.5 / DD)
    assert found["tessellation_coverage"] == pytest.approx((4 * np.pi * 300 + 1) / SIZE**2, rel=0.01)
    dots = NONE.copy()
    for y, x in places:
        dots |= np.hypot(Y - y, X - x) <= 15
    assert numbers(choroid_eye(tessellation=dots), NAMES)["tessellation_circularity"] == pytest.approx(1, abs=0.02)


# Eyes that are not right.


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (
            {},
            {"myopic_coverage": "no_mask", "peripapillary_atrophy_area": "no_mask", "tessellation_coverage": "no_mask"},
        ),
        (
            {"tessellation": NONE, "patchy_atrophy": NONE},
            {
                "tessellation_coverage": "ok",
                "tessellation_circularity": "empty_mask",
                "tessellation_centroid_dispersion_dd": "empty_mask",
                "atrophy_count.patchy": "ok",
                "myopic_coverage": "ok",
            },
        ),
        ({"tessellation": (Y % 9 == 0) & (X % 9 == 0)}, {"tessellation_aspect_ratio": "too_small"}),
        (
            {"optic_disc": NONE, "arc_atrophy": DISC, "tessellation": DISC},
            {
                "peripapillary_atrophy_area": "no_disc",
                "atrophy_area_dd2.arc": "no_disc",
                "atrophy_area_mm2.arc": "ok",
                "tessellation_circularity": "no_disc",
            },
        ),
        (
            {"optic_disc": DISC | np.roll(DISC, -200, axis=1), "arc_atrophy": DISC},
            {"peripapillary_atrophy_extent_deg": "implausible"},
        ),
        (
            {"optic_disc": np.roll(DISC, 130, axis=1), "arc_atrophy": DISC},
            {"peripapillary_atrophy_area": "out_of_view", "atrophy_count.arc": "ok"},
        ),
    ],
)
def test_an_eye_that_is_not_right_says_why(masks, words, statuses):
    found = statuses(choroid_eye(**masks), NAMES)
    assert {name: found.get(name) for name in words} == words
    biomarkers.atrophy_table(choroid_eye(**masks))


def test_looked_for_and_not_there_is_nought(numbers):
    found = numbers(choroid_eye(arc_atrophy=NONE), NAMES)
    for name in (
        "peripapillary_atrophy_area",
        "peripapillary_atrophy_extent_deg",
        "atrophy_count.arc",
        "myopic_coverage",
    ):
        assert found[name] == 0, name


def test_masks_at_the_border_and_full_of_noise_break_nothing(statuses):
    noise = np.random.default_rng(0).random((SIZE, SIZE)) < 0.4
    for mask in (~NONE, noise, X < 3):
        statuses(choroid_eye(tessellation=mask, arc_atrophy=mask, patchy_atrophy=mask), NAMES)
    eye = choroid_eye(tessellation=noise, arc_atrophy=noise)
    words = statuses(eye.assign(fov=eye.fov & False), NAMES)
    assert set(words.values()) <= {"out_of_view", "no_mask"}
