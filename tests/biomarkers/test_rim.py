"""Disc, cup, rim and fovea: synthetic eyes whose outlines are known, the laws of views, and eyes that are not right."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom
from retina_tools.biomarkers.margins import SECTORS_DEG
from retina_tools.biomarkers.rim import ddls_stage
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye

CATALOGUE = biomarkers.catalogue()
NAMES = CATALOGUE["name"][CATALOGUE["structure"].isin(("optic disc", "optic cup and rim", "fovea"))].tolist()
SIZE = 1024
ANGLES = np.arange(360) + 0.5
QUARTERS = ("inferior", "superior", "nasal", "temporal")


def geometry_of(seed):
    """Discs, cups, tilts and notches spread evenly and independently over their ranges."""
    a, b, c, d, e, f, g = (seed * np.array([0.618, 0.755, 0.570, 0.820, 0.377, 0.290, 0.610]) + 0.1) % 1
    return phantom.anatomy(
        seed=seed,
        vessel_density=0.0,
        disc_diameter_um=1500 + 600 * a,
        disc_ovality=0.72 + 0.25 * b,
        disc_tilt_deg=-60 + 120 * c,
        cup_disc_ratio=0.2 + 0.6 * d,
        cup_offset_temporal=0.3 * (e - 0.5),
        cup_offset_superior=0.2 * (f - 0.5),
        notch_depth=0.9 * g,
        notch_angle_deg=250 + 40 * a,
    )


def margins_um(geometry):
    """True distances of disc and cup margin from the disc centre in the directions ``ANGLES``, in um."""
    points = geometry.cup.points_um + geometry.cup.centre_um - geometry.disc.centre_um
    angle = np.degrees(np.arctan2(-points[:, 0], -points[:, 1])) % 360
    order = np.argsort(angle)
    cup = np.interp(ANGLES, angle[order], np.hypot(*points[order].T), period=360)
    return np.interp(ANGLES, np.arange(720) / 2, geometry.disc.radius_um, period=360), cup


@pytest.fixture(scope="module", params=range(8))
def known(request, numbers):
    """An eye's geometry, scale and measures; right and left eyes in turn."""
    geometry = geometry_of(request.param)
    eye = geometry.render(SIZE, ("OD", "OS")[request.param % 2], image=False)
    return geometry, eye.attrs["um_per_pixel"], numbers(eye, NAMES), eye


def test_ratios_and_areas_are_those_of_the_outlines(known):
    geometry, _, found, eye = known
    truth = phantom.truth(eye)
    for name in ("cup_disc_ratio_vertical", "cup_disc_ratio_horizontal", "cup_disc_ratio_area"):
        assert found[name] == pytest.approx(truth[name], abs=0.01), name
    rim_mm2 = truth["disc_area_mm2"] - truth["cup_area_mm2"]
    for name, area in (("disc", truth["disc_area_mm2"]), ("cup", truth["cup_area_mm2"]), ("rim", rim_mm2)):
        assert found[f"{name}_area_mm2"] == pytest.approx(area, rel=0.01), name
        in_dfd2 = area * 1e6 / geometry.parameters.disc_fovea_distance_um**2
        assert found[f"{name}_area_dfd2"] == pytest.approx(in_dfd2, rel=0.01), name


def test_the_ratio_of_refuge_is_that_of_the_longest_columns(known):
    geometry, um_per_pixel, found, _ = known

    def longest_column(outline):
        y, x = outline.points_um.T
        columns = np.linspace(x.min(), x.max(), 400)[1:-1]
        upper, lower = y < np.interp(x, *_ends(x, y)), y >= np.interp(x, *_ends(x, y))
        top, bottom = (
            np.interp(columns, x[half][np.argsort(x[half])], y[half][np.argsort(x[half])]) for half in (upper, lower)
        )
        return (bottom - top).max()

    def _ends(x, y):
        return [x.min(), x.max()], [y[x.argmin()], y[x.argmax()]]

    disc, cup = longest_column(geometry.disc), longest_column(geometry.cup)
    # Both are whole numbers of pixels.
    tolerance = um_per_pixel * (1 + cup / disc) / disc
    assert found["cup_disc_ratio_vertical_refuge"] == pytest.approx(cup / disc, abs=tolerance)


def test_rim_widths_are_those_of_the_outlines(known):
    geometry, um_per_pixel, found, _ = known
    disc, cup = margins_um(geometry)
    for sector, (first, last) in SECTORS_DEG.items():
        inside = (ANGLES - first) % 360 < (last - first) % 360
        width = (disc - cup)[inside].mean()
        # A steep notch moves by more than half a pixel within an hour, not within a quarter.
        bound = um_per_pixel * (0.5 if sector in QUARTERS else 1.0)
        assert found[f"rim_width_um.{sector}"] == pytest.approx(width, abs=bound), sector
        diameter = geometry.parameters.disc_diameter_um
        assert found[f"rim_width_dd.{sector}"] == pytest.approx(width / diameter, abs=bound / diameter), sector
    ratio = ((disc - cup) / (disc + np.roll(disc, 180))).min()
    assert found["rim_disc_ratio_min"] == pytest.approx(ratio, abs=0.01)


def test_rules_follow_from_the_true_widths(known):
    geometry, um_per_pixel, found, _ = known
    disc, cup = margins_um(geometry)
    width = {sector: (disc - cup)[(ANGLES - SECTORS_DEG[sector][0]) % 360 < 90].mean() for sector in QUARTERS}
    for name, order in (("isnt_rule", "inferior superior nasal temporal"), ("ist_rule", "inferior superior temporal")):
        falls = -np.diff([width[sector] for sector in order.split()])
        if np.abs(falls).min() > um_per_pixel:  # else a pixel decides
            assert found[name] == (falls > 0).all(), name


def test_shape_and_tilt_of_the_disc(known):
    geometry, _, found, _ = known
    p = geometry.parameters
    assert found["disc_ovality"] == pytest.approx(p.disc_ovality, abs=0.005)
    assert found["disc_tilt_deg"] == pytest.approx(p.disc_tilt_deg, abs=2)


def test_where_the_fovea_is(known):
    geometry, um_per_pixel, found, _ = known
    p = geometry.parameters
    angle = np.radians(p.disc_fovea_angle_deg)
    for name, length in (
        ("disc_fovea_distance_um", p.disc_fovea_distance_um),
        ("fovea_offset_temporal_um", p.disc_fovea_distance_um * np.cos(angle)),
        ("fovea_offset_superior_um", -p.disc_fovea_distance_um * np.sin(angle)),
    ):
        assert found[name] == pytest.approx(length, abs=um_per_pixel), name
        in_dd = found[name.replace("_um", "_dd")]
        assert in_dd == pytest.approx(length / p.disc_diameter_um, abs=2 * um_per_pixel / p.disc_diameter_um), name
    assert found["disc_fovea_angle_deg"] == pytest.approx(-p.disc_fovea_angle_deg, abs=0.2)


def test_a_mirrored_eye_is_the_other_eye(known, views, numbers):
    _, _, found, eye = known
    np.testing.assert_allclose(numbers(views.mirrored(eye), NAMES), found, rtol=1e-6, atol=1e-6)


def test_a_quarter_turn_changes_only_what_is_upright(known, views, numbers):
    _, _, found, eye = known
    about = numbers(views.turned(eye), NAMES)
    exchanged = {"cup_disc_ratio_vertical": "cup_disc_ratio_horizontal"}
    for one, other in exchanged.items():
        assert about[one] == pytest.approx(found[other])
    same = [
        "cup_disc_ratio_area", "disc_area_dfd2", "cup_area_mm2", "rim_area_dfd2", "disc_ovality", "rim_disc_ratio_min",
        "rim_absence_extent_deg", "disc_damage_stage", "disc_fovea_distance_dd",
    ]  # fmt: skip
    np.testing.assert_allclose(about[same], found[same], rtol=1e-6)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_number_of_pixels_does_not_matter(known, factor, views, numbers):
    geometry, um_per_pixel, found, eye = known
    other = numbers(views.resampled(eye, factor), NAMES)
    pixel_um = um_per_pixel * max(1.0, 1 / factor)
    for name, value in found.items():
        if name.startswith("rim_width_um"):
            assert other[name] == pytest.approx(value, abs=pixel_um), name
        elif name.startswith("rim_width_dd") or name in ("cup_disc_ratio_vertical_refuge", "rim_disc_ratio_min"):
            assert other[name] == pytest.approx(value, abs=1.5 * pixel_um / geometry.parameters.disc_diameter_um), name
        elif name == "disc_tilt_deg":
            assert other[name] == pytest.approx(value, abs=2), name
        elif not name.startswith(("isnt", "ist", "disc_damage", "rim_absence")):
            assert other[name] == pytest.approx(value, rel=0.05), name


def test_margins_of_concentric_discs_are_found_to_a_fraction_of_a_pixel():
    disc, cup = shapes.concentric_discs(160, 0.5)
    table = biomarkers.rim_table(new_eye(masks={"optic_disc": disc, "optic_cup": cup}, laterality="OD"))
    assert (table["status"] == "ok").all()
    np.testing.assert_allclose(table["width_px"], 40, atol=0.15)
    np.testing.assert_allclose(table["narrowest_px"], 40, atol=1.0)
    np.testing.assert_allclose(table["rim_disc_ratio"], 0.25, atol=0.005)


@pytest.mark.parametrize("laterality", ["OD", "OS"])
@pytest.mark.parametrize(
    ("notch_deg", "narrow"),
    [(0, "temporal clock_9"), (90, "superior clock_12"), (180, "nasal clock_3"), (270, "inferior clock_6")],
)
def test_a_notch_is_where_it_is_in_both_eyes(laterality, notch_deg, narrow, numbers):
    geometry = phantom.anatomy(vessel_density=0.0, disc_ovality=1.0, notch_depth=0.9, notch_angle_deg=notch_deg)
    found = numbers(geometry.render(512, laterality, image=False), "rim_width")
    quarter, hour = narrow.split()
    widths = {name.split(".")[1]: value for name, value in found.items() if name.startswith("rim_width_dd")}
    assert min(QUARTERS, key=widths.get) == quarter
    assert min((name for name in widths if name.startswith("clock")), key=widths.get) == hour


# Henderer 2006, table 1: narrowest rim/disc ratio, or extent of absent rim, by size of the disc.
DDLS = {
    1.4: ["0.5", "0.4", "0.3", "0.2", "0.1", "0.05", "40 deg", "90 deg", "180 deg", "181 deg"],
    1.8: ["0.4", "0.3", "0.2", "0.1", "0.05", "40 deg", "90 deg", "180 deg", "270 deg", "271 deg"],
    2.2: ["0.3", "0.2", "0.1", "0.05", "40 deg", "90 deg", "180 deg", "270 deg", "300 deg"],
}


@pytest.mark.parametrize("diameter_mm", DDLS)
def test_stages_of_disc_damage_are_those_of_the_published_table(diameter_mm):
    for stage, found in enumerate(DDLS[diameter_mm], start=1):
        number = float(found.split()[0])
        ratio, extent = (0.0, number) if found.endswith("deg") else (number, 0.0)
        assert ddls_stage(ratio, extent, diameter_mm) == stage, found


@pytest.mark.parametrize(
    ("ratio", "um_per_pixel", "stage"), [(0.15, 9.0, 1), (0.3, 9.0, 2), (0.5, 9.0, 3), (0.5, 7.0, 4), (0.5, 11.0, 2)]
)
def test_stage_of_concentric_discs(ratio, um_per_pixel, stage, numbers):
    disc, cup = shapes.concentric_discs(200, ratio)
    eye = new_eye(masks={"optic_disc": disc, "optic_cup": cup}, um_per_pixel=um_per_pixel, scale_source="metadata")
    found = numbers(eye, ["disc_damage_stage", "rim_absence_extent"])
    assert found["disc_damage_stage"] == stage
    assert found["rim_absence_extent_deg"] == 0


@pytest.mark.parametrize("extent", [40, 120, 200])
def test_extent_of_a_rim_that_is_gone(extent, numbers):
    disc, cup = shapes.concentric_discs(200, 0.5)
    y, x = np.mgrid[:256, :256] - 127.5
    cup |= disc & (np.abs(np.degrees(np.arctan2(y, x))) < extent / 2)
    eye = new_eye(masks={"optic_disc": disc, "optic_cup": cup}, um_per_pixel=9, scale_source="metadata")
    found = numbers(eye, ["rim_absence_extent", "rim_disc_ratio_min", "disc_damage_stage"])
    assert found["rim_absence_extent_deg"] == pytest.approx(extent, abs=2)
    assert found["rim_disc_ratio_min"] == pytest.approx(0, abs=0.003)
    assert found["disc_damage_stage"] == {40: 6, 120: 8, 200: 9}[extent]


def test_a_scale_taken_from_the_disc_gives_no_stage_and_no_area_in_mm2(statuses):
    eye = biomarkers.scale_from_disc(shapes.radial_vessels(size=256))
    words = statuses(eye, ["disc_damage_stage", "disc_area", "rim_width"])
    assert words["disc_damage_stage"] == words["disc_area_mm2"] == "no_scale"
    assert words["disc_area_dfd2"] == words["rim_width_um.nasal"] == "ok"


def test_a_round_disc_has_no_tilt(statuses):
    assert statuses(shapes.radial_vessels(size=256), "disc_tilt") == {"disc_tilt_deg": "undefined"}


# Eyes that are not right: what each lacks, and what is said of it.
Y, X = np.mgrid[:256, :256]
DISC = np.hypot(Y - 128, X - 170) < 30
CUP = np.hypot(Y - 128, X - 170) < 15
NONE = np.zeros_like(DISC)
FOVEA = (134.0, 60.0)


def odd_eye(disc=DISC, cup=CUP, fov=None, fovea=FOVEA, laterality="OD"):
    masks = {name: mask for name, mask in (("optic_disc", disc), ("optic_cup", cup)) if mask is not None}
    return new_eye(
        masks=masks,
        fov=~NONE if fov is None else fov,
        landmarks={"fovea": fovea},
        laterality=laterality,
        um_per_pixel=30,
        scale_source="metadata",
    )


CUP_NAMES = ("cup_disc_ratio_vertical", "cup_disc_ratio_area", "cup_area_mm2", "rim_width_um.inferior", "isnt_rule",
             "rim_disc_ratio_min", "disc_damage_stage", "cup_disc_ratio_vertical_refuge")  # fmt: skip
DISC_NAMES = ("disc_ovality", "disc_area_mm2", *CUP_NAMES)
SIDED = ("disc_tilt_deg", "rim_width_um.nasal", "rim_width_um.temporal", "isnt_rule", "disc_fovea_angle_deg",
         "fovea_offset_temporal_um")  # fmt: skip


@pytest.mark.parametrize(
    ("eye", "status", "names"),
    [
        pytest.param(odd_eye(cup=np.roll(CUP, 60, axis=1)), "implausible", CUP_NAMES, id="cup outside the disc"),
        pytest.param(odd_eye(cup=np.hypot(Y - 128, X - 170) < 40), "implausible", CUP_NAMES, id="cup around the disc"),
        pytest.param(odd_eye(cup=NONE), "no_cup", CUP_NAMES, id="empty cup"),
        pytest.param(odd_eye(cup=None), "no_mask", CUP_NAMES, id="no cup drawn"),
        pytest.param(odd_eye(disc=DISC | np.roll(DISC, -90, axis=1)), "implausible", DISC_NAMES, id="two discs"),
        pytest.param(odd_eye(fov=X < 180), "out_of_view", DISC_NAMES, id="disc cut by the field of view"),
        pytest.param(odd_eye(disc=np.roll(DISC, 70, axis=1)), "out_of_view", DISC_NAMES, id="disc at the frame's edge"),
        pytest.param(odd_eye(disc=NONE), "no_disc", DISC_NAMES, id="empty disc"),
        pytest.param(odd_eye(disc=None), "no_mask", DISC_NAMES, id="no disc drawn"),
        pytest.param(odd_eye(disc=None, cup=None, fovea=None, laterality=""), "no_mask", DISC_NAMES, id="nothing"),
        pytest.param(odd_eye(laterality="OS"), "implausible", SIDED, id="fovea on the wrong side"),
        pytest.param(odd_eye(fovea=(20.0, 170.0)), "implausible", SIDED, id="fovea above the disc"),
        pytest.param(odd_eye(fovea=None), "no_fovea", ("disc_area_dfd2", "disc_fovea_distance_um"), id="no fovea"),
        pytest.param(
            odd_eye(fovea=None, laterality=""), "no_laterality", ("rim_width_um.nasal", "isnt_rule"), id="no side"
        ),
        pytest.param(odd_eye(fovea=(130.0, 165.0)), "implausible", ("disc_fovea_distance_um",), id="fovea on the disc"),
    ],
)
def test_an_eye_that_is_not_right_says_why(eye, status, names, statuses):
    words = statuses(eye, NAMES)
    assert {name: words[name] for name in names} == dict.fromkeys(names, status)
    assert biomarkers.rim_table(eye)["status"].ne("failed").all()


def test_what_does_not_need_the_side_is_measured_without(statuses):
    words = statuses(odd_eye(laterality="OS"), NAMES)
    assert {words[name] for name in ("rim_width_um.inferior", "rim_width_um.clock_12", "cup_disc_ratio_area")} == {"ok"}
