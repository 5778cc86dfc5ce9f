"""What is handed out for figures is what the numbers were made of."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom
from retina_tools.biomarkers.vessel_calibre import knudtson_equivalent
from retina_tools.phantom import shapes
from retina_tools.schema import EyeError, get_mask, new_eye


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(seed=3, size=768)


@pytest.fixture(scope="module")
def row(eye):
    names = ["calibre_equivalent", "fractal_dimension_box", "sparsity_mean", "sparsity_max", "area_density"]
    return biomarkers.to_table(biomarkers.measure(eye, names)).iloc[0]


@pytest.mark.parametrize("zone", ["zone_b", "zone_c"])
def test_the_six_vessels_combine_to_the_equivalents(eye, row, zone):
    table, paths = biomarkers.zone_vessels_table(eye, zone), biomarkers.zone_vessel_paths(eye, zone)
    inner, outer = biomarkers.Frame(eye).zone_limits_px(zone)
    for path in paths:
        distance = np.hypot(*(path - biomarkers.Frame(eye).centre_yx).T)
        assert inner <= distance.min() <= distance.max() < outer
        assert distance[0] < distance[-1]
    for vessel, own in table.groupby("vessel"):
        assert own["calibre_px"].is_monotonic_decreasing
        six = own.loc[own["combined"], "calibre_dd"]
        assert len(six) == 6
        expected = row[f"calibre_equivalent_dd.{vessel}.{zone}"]
        assert knudtson_equivalent(six.tolist(), vessel) == pytest.approx(expected, rel=1e-12)
    assert len(paths) == len(table)


def test_fewer_than_six_vessels_are_listed_but_not_combined():
    eye = shapes.radial_vessels(artery_widths_um=(90.0, 80.0, 70.0))
    table = biomarkers.zone_vessels_table(eye).set_index("vessel")
    assert len(table.loc["artery"]) == 3
    assert not table.loc["artery", "combined"].any()
    assert table.loc["vein", "combined"].all()
    assert table.loc["artery", "calibre_um"].tolist() == pytest.approx([90, 80, 70], rel=0.02)


def test_points_have_their_walls_and_medians_of_segments_are_their_calibres(eye):
    points = biomarkers.calibre_points(eye, "vein")
    segments = biomarkers.segments_table(eye, "vein")
    medians = points.groupby("segment")["calibre_px"].median()
    np.testing.assert_allclose(medians, segments["calibre_px"])
    np.testing.assert_allclose(np.hypot(points["normal_y"], points["normal_x"]), 1)
    np.testing.assert_allclose(points.groupby("segment")["along_px"].max(), segments["length_px"])
    wide = points[points["calibre_px"] > 4]
    error = wide["left_px"] + wide["right_px"] - wide["calibre_px"]
    assert abs(error.median()) < 0.1
    assert error.abs().quantile(0.9) < 1


@pytest.mark.parametrize("vessel", ["artery", "all"])
def test_arms_give_the_angle_and_the_calibres_of_their_bifurcation(eye, vessel):
    table = biomarkers.bifurcations_table(eye, vessel)
    for place in np.linspace(0, len(table) - 1, 12).astype(int):
        known = table.iloc[place]
        arms = dict(list(biomarkers.bifurcation_arms(eye, place, vessel).groupby("arm")))
        chords = []
        for name, arm in arms.items():
            expected = known[f"{name}_calibre_px"]
            assert arm.loc[arm["in_calibre"], "calibre_px"].median() == pytest.approx(expected, nan_ok=True)
            assert arm.iloc[0][["y", "x"]].tolist() == pytest.approx([known["y"], known["x"]])
            (end,) = arm.loc[arm["chord_end"], ["y", "x"]].to_numpy()
            chords.append((end - arm[["y", "x"]].to_numpy()[0]) if name != "parent" else None)
            assert set(arm["segment"]) == {known[name]}
        one, two = (chord for chord in chords if chord is not None)
        angle = np.degrees(np.arccos(one @ two / np.hypot(*one) / np.hypot(*two)))
        assert angle == pytest.approx(known["angle_deg"], abs=0.01)


def test_boxes_at_their_offset_are_as_many_as_said_and_give_the_dimension(eye, row):
    counts = biomarkers.box_counts(eye, "artery")
    mask = get_mask(eye, "artery") & eye["fov"].values
    rows, columns = np.nonzero(mask)
    for side, offset_y, offset_x, boxes in counts[["side_px", "offset_y", "offset_x", "boxes"]].to_numpy(int):
        held = set(zip((rows - offset_y) // side, (columns - offset_x) // side, strict=True))
        assert len(held) == boxes
    slope = -np.polyfit(np.log(counts["side_dd"]), np.log(counts["boxes"]), 1)[0]
    assert slope == pytest.approx(row["fractal_dimension_box.artery.image"])


def test_the_map_of_distances_has_the_sparsities(eye, row):
    distances = biomarkers.vessel_distances(eye, "vein") / biomarkers.Frame(eye).fovea_distance_px
    assert np.isnan(distances[~eye["fov"].values]).all()
    assert np.nanmean(distances) == pytest.approx(row["sparsity_mean_dfd.vein.image"], rel=1e-5)
    assert np.nanmax(distances) == pytest.approx(row["sparsity_max_dfd.vein.image"], rel=1e-5)


def test_stretches_beside_a_crossing_give_its_nicking_ratio(eye):
    table = biomarkers.crossings_table(eye)
    for place in table.index[table["nicking_status"] == "ok"][:8]:
        vein = biomarkers.crossing_points(eye, place).query("kind == 'vein'").groupby("stretch")
        ratio = vein["local_px"].min()["near"] / vein["calibre_px"].median()["away"]
        assert ratio == pytest.approx(table.loc[place, "nicking_ratio"])


def test_regions_tile_the_field_or_are_left_out(eye, row):
    halves = biomarkers.region_fields(eye, ("superior", "inferior"))
    assert (halves["superior"] ^ halves["inferior"])[eye["fov"].values].all()
    density = (get_mask(eye, "artery") & halves["superior"]).sum() / halves["superior"].sum()
    assert density == pytest.approx(row["area_density.artery.superior"])
    bare = new_eye(masks={"artery": np.eye(30, dtype=bool)})
    assert biomarkers.region_fields(bare, ("superior", "etdrs_center")) == {}


def test_what_is_not_there_is_answered_in_words(eye):
    bare = new_eye(masks={"artery": np.eye(60, dtype=bool)})
    empty = new_eye(masks={"artery": np.zeros((60, 60), bool)})
    assert len(biomarkers.calibre_points(empty, "artery")) == 0
    for call, said in (
        (lambda: biomarkers.zone_vessels_table(bare), "no_disc"),
        (lambda: biomarkers.zone_vessels_table(eye, "zone_a"), "'zone_b' or 'zone_c'"),
        (lambda: biomarkers.bifurcation_arms(eye, 10_000), "has .* rows"),
        (lambda: biomarkers.bifurcation_arms(empty, 0, "artery"), "has 0 rows"),
        (lambda: biomarkers.crossing_points(eye, -1), "has .* rows"),
        (lambda: biomarkers.box_counts(bare, "artery"), "no_disc"),
        (lambda: biomarkers.vessel_distances(empty, "artery"), "empty_mask"),
        (lambda: biomarkers.region_fields(eye, ("zone_d",)), "not a region"),
        (lambda: biomarkers.calibre_points(eye, "arteries"), "wanted one of"),
    ):
        with pytest.raises(EyeError, match=said):
            call()


def test_walls_are_those_of_the_vessels_own_mask_where_another_touches_it(eye):
    """Of all vessels together arteries are measured among arteries, or a vein beside one would widen it."""
    alone, together = biomarkers.calibre_points(eye, "artery"), biomarkers.calibre_points(eye, "all")
    arteries = together[: len(alone)]
    np.testing.assert_allclose(arteries["left_px"], alone["left_px"], atol=0.5)
    np.testing.assert_array_equal(arteries["calibre_px"], alone["calibre_px"])
