"""The truth is that of the geometry: closed forms where there are some, one value for all sizes, names as measured."""

import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.biomarkers.registry import UNITS
from retina_tools.phantom import curves
from retina_tools.phantom.geometry import make_view
from retina_tools.phantom.regions import ETDRS, HEMIFIELDS, QUADRANTS, Regions
from retina_tools.phantom.trunks import Frame
from retina_tools.phantom.truth_row import graph_of
from retina_tools.phantom.vessel_truth import vessel_row
from retina_tools.phantom.vessels import Segment
from retina_tools.phantom.visible import VisibleGraph
from retina_tools.schema import EyeError, get_mask, new_eye

VALUES = {"seed": 3, "arteriole_calibre_um": 143.0, "size": 256}


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(**VALUES)


@pytest.fixture(scope="module")
def row(eye):
    return phantom.truth_row(eye)


def _graph(*segments, radius_um=30.0, **values):
    """The visible graph of lines given as points in um around the fovea."""
    frame = Frame(phantom.Parameters(**values))
    made = [Segment("vein", np.asarray(points, float), np.full(len(points), radius_um), -1, ()) for points in segments]
    return VisibleGraph(made, frame, Regions(frame, make_view(frame, 512)))


def _line(start, stop):
    return np.linspace(start, stop, 60)


def test_every_name_ends_in_a_known_unit_and_every_region_is_there(row):
    lengths = ("dd", "um", "dd2", "mm2", "per_dd", "per_mm", "per_dd2", "per_mm2")
    assert set(lengths) <= set(UNITS)
    for at in ("image", "zone_b", "zone_c", *HEMIFIELDS, *QUADRANTS, *ETDRS):
        for vessel in ("artery", "vein", "all"):
            assert f"area_density.{vessel}.{at}" in row
            assert f"length_density_per_dd.{vessel}.{at}" in row
    wanted = (
        "calibre_mean_um calibre_sd_dd tortuosity_arc_chord tortuosity_curvature_per_dd "
        "tortuosity_squared_curvature_per_dd2 tortuosity_density_per_dd inflection_density_per_mm bifurcation_count "
        "bifurcation_density_per_mm2 branching_angle_deg branching_asymmetry branching_coefficient "
        "junctional_exponent_deviation tip_count length_diameter_ratio sparsity_mean_dfd sparsity_max_dfd"
    )
    for name in wanted.split():
        for region in ("image", "zone_b", "zone_c"):
            assert f"{name}.vein.{region}" in row
    assert "temporal_arcade_angle_deg.all.image" in row


def test_the_truth_does_not_depend_on_size_or_side(eye, row):
    other = phantom.eye(**VALUES | {"size": 512, "laterality": "OS"})
    assert phantom.truth_row(other) == pytest.approx(row, nan_ok=True)
    tables, mirrored = phantom.truth_tables(eye), phantom.truth_tables(other)
    for name in tables:
        assert np.allclose(tables[name]["distance_dd"], mirrored[name]["distance_dd"])
    one, two = tables["bifurcations"], mirrored["bifurcations"]
    # Twice the pixels: centres lie on whole numbers, so that pixel k covers 2 k and 2 k + 1.
    assert np.allclose(2 * one["y"] + 0.5, two["y"])
    assert np.allclose(2 * one["x"] + 0.5, 511 - two["x"])


def test_the_calibre_asked_for_is_the_truth(row):
    assert row["calibre_equivalent_um.artery.zone_b"] == pytest.approx(143.0)
    assert row["calibre_equivalent_dd.artery.zone_b"] == pytest.approx(143.0 / 1800.0)
    assert row["arteriole_venule_ratio.zone_b"] == pytest.approx(143.0 / 220.0)


def test_parts_add_up_to_the_whole(row, eye):
    regions = VisibleGraph([], Frame(phantom.Parameters()), Regions(Frame(phantom.Parameters()), _view())).regions
    for vessel in ("artery", "vein", "all"):
        for name, unit in (("length_density_per_mm", 1e-6), ("area_density", 1e-6)):
            total = row[f"{name}.{vessel}.image"] * regions.area_um2("image") * unit
            halves = sum(row[f"{name}.{vessel}.{half}"] * regions.area_um2(half) * unit for half in HEMIFIELDS)
            assert halves == pytest.approx(total, rel=2e-3)
            zone = row[f"{name}.{vessel}.zone_c"] * regions.area_um2("zone_c")
            quarters = sum(row[f"{name}.{vessel}.{at}"] * regions.area_um2(at) for at in QUADRANTS)
            assert quarters == pytest.approx(zone, rel=2e-3)
    for name in ("bifurcation_count", "tip_count", "length_density_per_dd"):
        assert row[f"{name}.artery.image"] + row[f"{name}.vein.image"] == pytest.approx(row[f"{name}.all.image"])


def _view():
    return make_view(Frame(phantom.Parameters()), 1024)


def test_a_picture_of_the_mask_agrees_with_the_truth(row):
    eye = phantom.eye(**VALUES | {"size": 1024})
    fov = eye.fov.values
    y, x = np.mgrid[:1024, :1024] * eye.attrs["um_per_pixel"]
    disc, fovea = eye["landmark"].values * eye.attrs["um_per_pixel"]
    distance = np.hypot(y - disc[0], x - disc[1]) / 900.0
    upright_y, upright_x = y - fovea[0], x - fovea[1]
    places = {
        "image": fov,
        "zone_b": fov & (distance >= 2) & (distance < 3),
        "etdrs_inner_superior": (np.hypot(upright_y, upright_x) < 1500)
        & (np.hypot(upright_y, upright_x) >= 500)
        & (-upright_y > np.abs(upright_x)),
    }
    for region, place in places.items():
        for vessel, mask in (("artery", "artery"), ("vein", "vein"), ("all", "vessel")):
            assert get_mask(eye, mask)[place].mean() == pytest.approx(row[f"area_density.{vessel}.{region}"], rel=0.03)


def test_murray_is_found_again_where_vessels_do_not_taper():
    eye = phantom.eye(seed=5, size=64, taper_per_mm=0.0, murray_exponent=2.6)
    row, nodes = vessel_row(graph_of(eye)[1]), phantom.truth_tables(eye)["bifurcations"]
    assert row["junctional_exponent_deviation.all.image"] == pytest.approx(-0.4)
    # All but those that have another bifurcation within the stretch over which widths are taken.
    assert (nodes["exponent"] - 2.6).abs().lt(1e-6).mean() > 0.5


def test_straight_lines():
    row = vessel_row(_graph(_line((-2000, -3000), (-2000, 1000)), _line((1000, 500), (1800, -2500))))
    assert row["tortuosity_arc_chord.vein.image"] == pytest.approx(1.0)
    for name in ("tortuosity_curvature_per_dd", "tortuosity_density_per_dd", "inflection_density_per_dd"):
        assert row[f"{name}.vein.image"] == pytest.approx(0.0, abs=1e-6)
    field_mm2 = np.pi * (45 * 288 / 2000) ** 2
    total_mm = 4.0 + np.hypot(0.8, 3.0)
    assert row["length_density_per_mm.vein.image"] == pytest.approx(total_mm / field_mm2, rel=2e-3)
    assert row["calibre_mean_um.vein.image"] == pytest.approx(60.0)
    assert row["calibre_sd_um.vein.image"] == pytest.approx(0.0)
    assert row["tip_count.vein.image"] == 2
    assert np.isnan(row["calibre_mean_um.artery.image"])
    assert row["length_density_per_mm.artery.image"] == 0.0


def test_an_arc_has_the_curvature_of_its_circle():
    angle = np.linspace(0.0, 2.0, 120)
    row = vessel_row(_graph(1500.0 * np.column_stack([np.sin(angle), np.cos(angle)])))
    assert row["tortuosity_curvature_per_dd.vein.image"] == pytest.approx(1800 / 1500, rel=2e-3)
    assert row["tortuosity_squared_curvature_per_dd2.vein.image"] == pytest.approx((1800 / 1500) ** 2, rel=5e-3)
    assert row["tortuosity_arc_chord.vein.image"] == pytest.approx(1.0 / np.sin(1.0), rel=1e-4)
    assert row["inflection_density_per_dd.vein.image"] == 0.0


def test_a_sine_wave_has_its_inflections_and_grisans_density():
    from retina_tools.phantom.shapes import sinusoid_arc_chord

    along = np.linspace(0.0, 4500.0, 300)
    wave = np.column_stack([120.0 * np.sin(2 * np.pi * along / 1500.0), along - 3000.0])
    row = vessel_row(_graph(wave))
    length = 4500.0 * sinusoid_arc_chord(120.0, 1500.0)
    assert row["inflection_density_per_mm.vein.image"] == pytest.approx(5 / (length / 1000), rel=5e-3)
    # Six equal turn curves of half a wave each.
    grisan = 5 * 6 * (sinusoid_arc_chord(120.0, 1500.0) - 1.0) / (length / 1000)
    assert row["tortuosity_density_per_mm.vein.image"] == pytest.approx(grisan, rel=0.03)


def test_curves_that_bend_by_less_than_five_degrees_are_none():
    assert curves.inflection_points(np.radians([0, 3, -1, 3, -1])) == []
    assert curves.inflection_points(np.radians([0, 6, 3, 8, 2, -3, 4])) == [3, 5]
    # The first turn has to be a curve as well.
    assert curves.inflection_points(np.radians([0, 4, -4])) == []


def test_smoothing_halves_the_wave_it_is_set_to_and_leaves_long_ones():
    along = np.arange(0.0, 12000.0, 8.0)
    for wavelength, gain in ((450.0, 0.5), (1800.0, 1.0), (225.0, 1 / 65)):
        wave = np.column_stack([10.0 * np.cos(2 * np.pi * along / wavelength), along])
        found = curves.smoothed(wave, 450.0)[400:1100, 0]
        assert np.ptp(found) / 20.0 == pytest.approx(gain, abs=0.01)


def test_a_y_has_its_angle_widths_and_ends():
    # A parent of 100 um that splits by 60 degrees into daughters of 80 and 70 um, off the disc.
    frame = Frame(phantom.Parameters())
    node, half = np.array([-2500.0, -1000.0]), np.radians(30.0)
    ends = [node + 1500.0 * np.array([np.sin(s * half), -np.cos(half)]) for s in (1.0, -1.0)]
    parent = Segment("vein", _line((-2500.0, 500.0), node), np.full(60, 50.0), -1, (1, 2))
    daughters = [
        Segment("vein", _line(node, end), np.full(60, w / 2), 0, ()) for end, w in zip(ends, (80, 70), strict=True)
    ]
    row = vessel_row(VisibleGraph([parent, *daughters], frame, Regions(frame, make_view(frame, 512))))
    assert row["bifurcation_count.vein.image"] == 1
    assert row["branching_angle_deg.vein.image"] == pytest.approx(60.0)
    assert row["branching_asymmetry.vein.image"] == pytest.approx(70**2 / 80**2)
    assert row["branching_coefficient.vein.image"] == pytest.approx((80**2 + 70**2) / 100**2)
    x = 3.0 + row["junctional_exponent_deviation.vein.image"]
    assert 80**x + 70**x == pytest.approx(100**x)
    assert row["tip_count.vein.image"] == 2


def test_a_zone_that_is_mostly_out_of_view_has_no_values():
    graph = graph_of(phantom.eye(seed=3, size=64, field_angle_deg=30.0, view_centre=-0.2))[1]
    row = vessel_row(graph)
    assert graph.regions.visible_fraction("zone_c") < 0.7
    for name in ("length_density_per_dd.all", "calibre_mean_um.vein", "bifurcation_count.artery"):
        assert np.isnan(row[f"{name}.zone_c"])
    assert np.isfinite(row["length_density_per_dd.all.etdrs_inner_superior"])


def test_tables_and_row_agree(eye, row):
    tables = phantom.truth_tables(eye)
    for vessel in ("artery", "vein"):
        nodes = tables["bifurcations"].query("vessel == @vessel")
        assert len(nodes) == row[f"bifurcation_count.{vessel}.image"]
        assert nodes["angle_deg"].median() == pytest.approx(row[f"branching_angle_deg.{vessel}.image"])
        segments = tables["segments"].query("vessel == @vessel")
        mean = np.average(segments["calibre_um"], weights=segments["length_um"])
        assert mean == pytest.approx(row[f"calibre_mean_um.{vessel}.image"])
    assert (tables["segments"]["length_um"] / tables["segments"]["length_px"]).std() < 1e-6


def test_crossings_lie_on_arteries_and_veins():
    eye = phantom.eye(seed=3, size=1024, laterality="OS")
    both = get_mask(eye, "artery") & get_mask(eye, "vein")
    crossings = phantom.truth_tables(eye)["crossings"]
    wide = crossings[(crossings["artery_px"] > 2) & (crossings["vein_px"] > 2)]
    assert len(wide) > 10
    assert both[wide["y"].round().astype(int), wide["x"].round().astype(int)].mean() > 0.97
    assert crossings["nicking_ratio"].between(0.97, 1.03).all()


def test_the_two_arcades_open_to_the_temporal_side(row):
    for vessel in ("artery", "vein", "all"):
        assert 80 < row[f"temporal_arcade_angle_deg.{vessel}.image"] < 160


def test_eyes_that_are_no_phantoms_or_were_cut_have_no_truth(eye):
    with pytest.raises(EyeError, match="carries no truth"):
        phantom.truth_row(new_eye(np.zeros((8, 8), np.uint8)))
    with pytest.raises(EyeError, match=r"as phantom\.eye made it"):
        phantom.truth_tables(eye.isel(y=slice(0, 200)))
