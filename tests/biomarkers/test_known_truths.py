"""Biomarkers of figures and synthetic eyes whose values are known."""

import numpy as np
import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers.multifractal import smallest_cover
from retina_tools.biomarkers.vessel_calibre import hubbard_equivalent, knudtson_equivalent
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye, with_parts


def disc_of(radius, centre=(200.0, 200.0), size=400):
    y, x = np.mgrid[:size, :size]
    return np.hypot(y - centre[0], x - centre[1]) < radius


def value(eye, name, **at):
    variable = biomarkers.measure(eye, [name.rsplit("_", 1)[0] if name.endswith(("_dd", "_um", "_deg")) else name])[
        name
    ]
    return float(variable.sel(**at))


def radial_eye(widths, radius=60.0, turn=5.0, size=512, vessel="artery", **more):
    """Straight vessels of given widths in px from half a disc radius to four."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    mask = np.zeros((size, size), bool)
    for k, width in enumerate(widths):
        angle = np.radians(turn + 360 * k / len(widths))
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        mask |= (np.abs(across) < width / 2) & (along > 0.5 * radius) & (along < 4 * radius)
    return new_eye(masks={vessel: mask, "optic_disc": np.hypot(y, x) < radius, **more})


def test_knudtson_by_hand():
    # Pairs (10, 5), (9, 6), (8, 7) give 9.8387, 9.5188, 9.3545; then (9.8387, 9.3545) gives 11.9467, and with 9.5188:
    trunks = [0.88 * np.hypot(a, b) for a, b in ((10, 5), (9, 6), (8, 7))]
    by_hand = 0.88 * np.hypot(0.88 * np.hypot(max(trunks), min(trunks)), sorted(trunks)[1])
    for widths in ([10, 9, 8, 7, 6, 5], [5, 8, 10, 6, 9, 7]):
        assert knudtson_equivalent(widths, "artery") == pytest.approx(by_hand)
    assert by_hand == pytest.approx(13.4422, abs=1e-4)


def test_hubbard_by_hand():
    assert hubbard_equivalent([100.0, 80.0], "artery") == pytest.approx(
        np.sqrt(0.87 * 6400 + 1.01 * 10000 - 0.22 * 8000 - 10.76)
    )
    assert hubbard_equivalent([100.0, 80.0], "vein") == pytest.approx(np.sqrt(0.72 * 6400 + 0.91 * 10000 + 450.05))


@pytest.mark.parametrize("vessel", ["artery", "vein"])
@pytest.mark.parametrize("turn", [5.0, 11.0, 17.0])
def test_equivalent_of_eight_radial_vessels(vessel, turn):
    widths = [14, 13, 12, 11, 10, 9, 8, 7]
    eye = radial_eye(widths, vessel=vessel, turn=turn)
    expected = knudtson_equivalent(widths[:6], vessel) / biomarkers.Frame(eye).diameter_px
    assert value(eye, "calibre_equivalent_dd", vessel=vessel, region="zone_b") == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("laterality", ["OD", "OS"])
def test_ratio_of_radial_eye(laterality):
    eye = shapes.radial_vessels(laterality=laterality)
    arteries = knudtson_equivalent([90, 85, 80, 75, 70, 65], "artery")
    veins = knudtson_equivalent([120, 112, 104, 96, 88, 80], "vein")
    found = biomarkers.measure(eye, ["calibre_equivalent", "arteriole_venule_ratio", "calibre_equivalent_hubbard"])
    zone = found.sel(region="zone_b")
    assert float(zone.calibre_equivalent_um.sel(vessel="artery")) == pytest.approx(arteries, rel=0.01)
    assert float(zone.calibre_equivalent_um.sel(vessel="vein")) == pytest.approx(veins, rel=0.01)
    assert float(zone.arteriole_venule_ratio) == pytest.approx(arteries / veins, rel=0.015)
    hubbard = hubbard_equivalent([120, 112, 104, 96, 88, 80], "vein")
    assert float(zone.calibre_equivalent_hubbard_um.sel(vessel="vein")) == pytest.approx(hubbard, rel=0.01)


def test_vessel_that_branches_in_the_zone_is_counted_once():
    eye = radial_eye([12, 11, 10, 9, 8, 7])
    plain = value(eye, "calibre_equivalent_dd", vessel="artery", region="zone_b")
    y, x = np.mgrid[:512, :512] - 255.5
    angle = np.radians(5.0)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    branch = (np.abs(across - 0.6 * (along - 135)) < 5) & (along > 135) & (along < 230)
    forked = with_parts(eye, masks={"artery": eye.mask.sel(structure="artery").values | branch})
    assert value(forked, "calibre_equivalent_dd", vessel="artery", region="zone_b") == pytest.approx(plain, rel=0.01)


def test_vessel_cut_in_the_zone_is_counted_once():
    eye = radial_eye([12, 11, 10, 9, 8, 7])
    plain = value(eye, "calibre_equivalent_dd", vessel="artery", region="zone_b")
    y, x = np.mgrid[:512, :512] - 255.5
    gap = np.abs(np.hypot(y, x) - 150) < 5
    cut = with_parts(eye, masks={"artery": eye.mask.sel(structure="artery").values & ~gap})
    assert value(cut, "calibre_equivalent_dd", vessel="artery", region="zone_b") == pytest.approx(plain, rel=0.01)


def test_five_vessels_are_too_few():
    found = biomarkers.measure(radial_eye([12, 11, 10, 9, 8]), "calibre_equivalent")
    assert np.isnan(found.calibre_equivalent_dd.sel(vessel="artery")).all()
    assert (
        int(found.calibre_equivalent_dd_status.sel(vessel="artery", region="zone_b"))
        == biomarkers.Status.TOO_FEW_VESSELS
    )


def test_length_and_area_density_of_radial_vessels():
    found = biomarkers.measure(radial_eye([8] * 6), ["length_density", "area_density", "calibre_mean"])
    zone = found.sel(vessel="artery", region="zone_b")
    diameter, ring = 120.0, np.pi * (180.0**2 - 120.0**2)
    assert float(zone.length_density_per_dd) == pytest.approx(6 * 60 / ring * diameter, rel=0.02)
    assert float(zone.area_density) == pytest.approx(6 * 60 * 8 / ring, rel=0.02)
    assert float(zone.calibre_mean_dd) == pytest.approx(8 / diameter, rel=0.015)


def test_tortuosity_of_an_arc_is_known_in_both_ways():
    size, radius, span = 400, 120.0, np.radians(120)
    mask = shapes.arc(radius, 120, 6, angle_deg=10, size=size)
    eye = new_eye(masks={"vein": mask, "optic_disc": disc_of(30, (380, 30), size)})
    eye = with_parts(eye, masks={"optic_disc": disc_of(30, (360, 40), size)})
    found = biomarkers.measure(eye, ["tortuosity_arc_chord", "tortuosity_curvature"]).sel(vessel="vein", region="image")
    assert float(found.tortuosity_arc_chord) == pytest.approx(span / 2 / np.sin(span / 2), rel=0.005)
    diameter = biomarkers.Frame(eye).diameter_px
    assert float(found.tortuosity_curvature_per_dd) == pytest.approx(diameter / radius, rel=0.03)


def test_straight_vessels_have_no_curvature_to_speak_of():
    found = biomarkers.measure(radial_eye([8] * 6), ["tortuosity_arc_chord", "tortuosity_curvature"])
    assert float(found.tortuosity_arc_chord.sel(vessel="artery", region="image")) < 1.003
    # A real retina has 1 to 2 per disc diameter.
    assert float(found.tortuosity_curvature_per_dd.sel(vessel="artery", region="image")) < 0.1


def test_smallest_cover_is_the_best_of_all_grid_positions():
    mask = np.random.default_rng(3).random((23, 31)) < 0.05
    for side in (3, 5, 8):
        counts = []
        for top in range(side):
            for left in range(side):
                y, x = np.nonzero(mask)
                counts.append(len(np.unique(np.stack([(y + top) // side, (x + left) // side]), axis=1).T))
        assert smallest_cover(mask, side) == min(counts)


@pytest.mark.parametrize(("offset_y", "offset_x"), [(0, 0), (6, -4)])
def test_cup_disc_ratios_of_ellipses(offset_y, offset_x):
    y, x = np.mgrid[:400, :400] - 200.3
    disc = (y / 90) ** 2 + (x / 80) ** 2 < 1
    cup = ((y - offset_y) / 50) ** 2 + ((x - offset_x) / 36) ** 2 < 1
    found = biomarkers.measure(new_eye(masks={"optic_disc": disc, "optic_cup": cup}))
    assert float(found.cup_disc_ratio_vertical) == pytest.approx(50 / 90, abs=0.01)
    assert float(found.cup_disc_ratio_horizontal) == pytest.approx(36 / 80, abs=0.01)
    assert float(found.cup_disc_ratio_area) == pytest.approx(50 * 36 / (90 * 80), abs=0.01)
    assert float(found.disc_ovality) == pytest.approx(80 / 90, abs=0.005)


def test_ovality_does_not_depend_on_tilt():
    y, x = np.mgrid[:300, :300] - 150.0
    for tilt in np.radians([0, 30, 77]):
        v, u = y * np.cos(tilt) + x * np.sin(tilt), x * np.cos(tilt) - y * np.sin(tilt)
        eye = new_eye(masks={"optic_disc": (v / 70) ** 2 + (u / 56) ** 2 < 1})
        assert value(eye, "disc_ovality") == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("laterality", "temporal"), [("OD", -1), ("OS", 1)])
@pytest.mark.parametrize("stated", [True, False])
def test_disc_fovea_angle_agrees_between_the_eyes(laterality, temporal, stated):
    fovea = (200 + 14.0, 200 + temporal * 120.0)
    eye = new_eye(
        masks={"optic_disc": disc_of(25)}, landmarks={"fovea": fovea}, laterality=laterality if stated else ""
    )
    # Below the disc centre is negative.
    assert value(eye, "disc_fovea_angle_deg") == pytest.approx(-np.degrees(np.arctan2(14, 120)), abs=0.1)
    assert value(eye, "disc_fovea_distance_dd") == pytest.approx(np.hypot(14, 120) / 50, rel=0.01)
    assert biomarkers.Frame(eye).angle_deg(100.0, 200.0) == pytest.approx(90, abs=0.1)
    assert abs(biomarkers.Frame(eye).angle_deg(200.0, 200.0 - temporal * 50)) == pytest.approx(180, abs=0.2)


def test_areas_in_their_units():
    eye = new_eye(
        masks={"optic_disc": disc_of(45), "optic_cup": disc_of(18.2)},
        landmarks={"fovea": (200.0, 20.0)},
        um_per_pixel=20.0,
        scale_source="metadata",
    )
    found = biomarkers.measure(eye, ["disc_area", "cup_area"])
    assert float(found.disc_area_mm2) == pytest.approx(np.pi * 0.9**2, rel=0.01)
    assert float(found.cup_area_dfd2) == pytest.approx(np.pi * 18.2**2 / 180**2, rel=0.01)


def test_lesions_are_counted_and_weighed():
    mask = np.zeros((400, 400), bool)
    mask[50:60, 50:60] = mask[100:104, 100:105] = True
    mask[60, 60] = True  # touches the first by a corner only: 8-connected
    eye = new_eye(masks={"hard_exudate": mask, "haemorrhage": np.zeros_like(mask)}, um_per_pixel=10.0)
    found = biomarkers.measure(eye, ["lesion_count", "lesion_area", "lesion_coverage"])
    assert found.lesion.values.tolist() == ["haemorrhage", "hard_exudate"]
    assert found.lesion_count.values.tolist() == [0, 2]
    assert found.lesion_area_mm2.values == pytest.approx([0, 121 * 1e-4])
    assert found.lesion_coverage.values == pytest.approx([0, 121 / 160000])


def test_coverage_is_over_visible_retina_only():
    mask = np.zeros((200, 200), bool)
    mask[80:120, 80:120] = True
    fov = np.zeros_like(mask)
    fov[:, 50:150] = True
    eye = new_eye(masks={"drusen": mask, "vein": mask}, fov=fov)
    assert value(eye, "lesion_coverage", lesion="drusen") == pytest.approx(1600 / 20000)
    assert value(eye, "area_density", vessel="vein", region="image") == pytest.approx(1600 / 20000)
