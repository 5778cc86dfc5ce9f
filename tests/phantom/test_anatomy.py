"""Laws of the geometry: Murray, calibre, the avascular zone, and pixels that agree with it at every size."""

import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.phantom.calibres import zone_widths
from retina_tools.phantom.clearance import touching
from retina_tools.phantom.painting import paint_vessels
from retina_tools.schema import EyeError, get_mask

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def geometry(request):
    return phantom.anatomy(seed=request.param, arteriole_calibre_um=143.0, murray_exponent=2.7)


def _same_segments(one, other):
    return len(one.segments) == len(other.segments) and all(
        np.array_equal(a.points_um, b.points_um) and np.array_equal(a.radius_um, b.radius_um)
        for a, b in zip(one.segments, other.segments, strict=True)
    )


def test_murrays_law_is_exact_at_every_bifurcation(geometry):
    x = 2.7
    checked = 0
    for segment in geometry.segments:
        if len(segment.children) == 2:
            daughters = [geometry.segments[child].radius_um[0] for child in segment.children]
            assert segment.radius_um[-1] ** x == pytest.approx(sum(radius**x for radius in daughters), rel=1e-9)
            checked += 1
    assert checked > 150


def test_segments_join_end_to_start_and_never_widen_outwards(geometry):
    for index, segment in enumerate(geometry.segments):
        assert (np.diff(segment.radius_um) <= 1e-9).all()
        assert len(segment.children) in (0, 2)
        for child in segment.children:
            assert geometry.segments[child].parent == index
            assert np.array_equal(geometry.segments[child].points_um[0], segment.points_um[-1])
            assert geometry.segments[child].vessel == segment.vessel


def test_calibre_equivalents_are_the_ones_asked_for(geometry):
    assert geometry.truth["calibre_equivalent_um"]["artery"] == pytest.approx(143.0)
    assert geometry.truth["calibre_equivalent_um"]["vein"] == pytest.approx(220.0)
    assert geometry.truth["arteriole_venule_ratio"] == pytest.approx(143.0 / 220.0)


def test_knudtsons_formula_by_hand(geometry):
    w = zone_widths(geometry.segments, geometry.frame, "artery")[:6]
    first = sorted(0.88 * np.hypot(w[i], w[5 - i]) for i in range(3))
    second = sorted([0.88 * np.hypot(first[0], first[2]), first[1]])
    assert 0.88 * np.hypot(*second) == pytest.approx(143.0)


@pytest.mark.parametrize("faz", [400.0, 900.0])
def test_no_vessel_enters_the_foveal_avascular_zone(faz):
    geometry = phantom.anatomy(seed=5, faz_diameter_um=faz, tortuosity=2.0)
    gap = min(float((np.hypot(*segment.points_um.T) - segment.radius_um).min()) for segment in geometry.segments)
    assert gap >= faz / 2


EYES = [{}] * 10 + [
    {"tortuosity": 2.5},
    {"vessel_density": 1.5},
    {"arteriole_calibre_um": 200.0, "venule_calibre_um": 290.0},
    {"faz_diameter_um": 1000.0, "tortuosity": 1.7},
    {"disc_diameter_um": 1600.0, "murray_exponent": 2.5},
    {"disc_diameter_um": 2200.0, "asymmetry": 1.0},
]


@pytest.mark.parametrize("seed", range(len(EYES)))
def test_vessels_of_one_kind_nowhere_cross_or_touch(seed):
    geometry = phantom.anatomy(seed=seed + 100, **EYES[seed])
    first = 0
    for vessel in ("artery", "vein"):
        segments = geometry.of(vessel)
        assert touching(segments, first=first) == []
        # Once more and plainly: all points of segments that share no node against each other.
        points = np.concatenate([s.points_um for s in segments])
        radius = np.concatenate([s.radius_um for s in segments])
        owner = np.repeat(np.arange(len(segments)), [len(s.points_um) for s in segments])
        i, j = np.triu_indices(len(points), 1) if len(points) < 3000 else _nearby(points)
        nodes = np.array([(s.parent, first + k) for k, s in enumerate(segments)])
        apart = ~(nodes[owner[i]][:, :, None] == nodes[owner[j]][:, None, :]).any(axis=(1, 2)) & (owner[i] != owner[j])
        gap = np.hypot(*(points[i] - points[j]).T) - radius[i] - radius[j]
        assert gap[apart].min() > 0
        first += len(segments)


def _nearby(points):
    from scipy.spatial import cKDTree

    return cKDTree(points).query_pairs(300.0, output_type="ndarray").T


def test_touching_finds_what_crosses_and_what_runs_alongside():
    from retina_tools.phantom.vessels import Segment

    along = np.linspace(0.0, 3000.0, 76)
    lines = {
        "across": np.column_stack([along - 1500.0, np.full(76, 1500.0)]),
        "beside": np.column_stack([np.full(76, 55.0), along]),
        "clear": np.column_stack([np.full(76, 65.0), along]),
    }
    base = Segment("vein", np.column_stack([np.zeros(76), along]), np.full(76, 30.0), -1, ())
    for name, points in lines.items():
        other = Segment("vein", points, np.full(76, 30.0), 7, ())
        assert bool(touching([base, other])) == (name != "clear"), name


def test_arteries_and_veins_do_cross():
    from retina_tools.phantom.clearance import crossings

    for seed in SEEDS:
        geometry = phantom.anatomy(seed=seed)
        assert len(crossings(geometry.of("artery"), geometry.of("vein"))) > 10


def test_asymmetry_makes_daughters_more_unequal_and_taper_is_per_millimetre():
    def ratios(**values):
        segments = phantom.anatomy(seed=3, **values).segments
        pairs = [[segments[c].radius_um[0] for c in s.children] for s in segments if len(s.children) == 2]
        return np.median([(min(pair) / max(pair)) ** 2 for pair in pairs])

    assert ratios(asymmetry=1.0) < ratios(asymmetry=0.5) < ratios()
    for segment in phantom.anatomy(seed=3, taper_per_mm=0.05).segments:
        assert segment.radius_um[0] / segment.radius_um[-1] == pytest.approx(np.exp(5e-5 * segment.length_um))


def test_six_or_more_vessels_of_each_kind_cross_zone_b():
    for seed in range(8):
        geometry = phantom.anatomy(seed=seed)
        assert min(geometry.truth["vessels_in_zone_b"].values()) >= 6, seed


def test_the_same_seed_gives_the_same_eye_and_another_seed_another():
    assert _same_segments(phantom.anatomy(seed=4), phantom.anatomy(seed=4))
    assert not _same_segments(phantom.anatomy(seed=4), phantom.anatomy(seed=5))


def test_the_global_random_state_plays_no_part():
    np.random.seed(1)  # noqa: NPY002
    first = phantom.eye(seed=4, size=128).image.values
    np.random.seed(2)  # noqa: NPY002
    assert np.array_equal(first, phantom.eye(seed=4, size=128).image.values)


def test_camera_and_lesions_leave_the_vessels_alone():
    plain = phantom.anatomy(seed=6)
    other = phantom.anatomy(seed=6, lesions={"drusen": 9}, pigmentation=0.9, blur_um=40.0, field_angle_deg=30.0)
    assert _same_segments(plain, other)


def test_calibre_scales_widths_and_moves_nothing():
    narrow, wide = phantom.anatomy(seed=6, venule_calibre_um=180.0), phantom.anatomy(seed=6, venule_calibre_um=240.0)
    for a, b in zip(narrow.of("vein"), wide.of("vein"), strict=True):
        assert np.array_equal(a.points_um, b.points_um)
        assert np.allclose(a.radius_um * 240.0 / 180.0, b.radius_um)


def test_more_of_one_lesion_leaves_those_already_there_where_they_are():
    few = phantom.anatomy(seed=6, lesions={"microaneurysm": 4, "haemorrhage": 3})
    more = phantom.anatomy(seed=6, lesions={"microaneurysm": 9, "haemorrhage": 3})
    for kind, count in (("microaneurysm", 4), ("haemorrhage", 3)):
        one, other = ([lesion for lesion in g.lesions if lesion.kind == kind][:count] for g in (few, more))
        assert all(np.array_equal(a.centre_um, b.centre_um) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("parameter", ["vessel_density", "tortuosity"])
def test_truth_follows_density_and_tortuosity(parameter):
    name = {"vessel_density": "length_density_mm_mm2", "tortuosity": "tortuosity_arc_chord"}[parameter]
    found = [phantom.anatomy(seed=8, **{parameter: value}).truth[name]["all"] for value in (0.4, 0.8, 1.2)]
    assert found[0] < found[1] < found[2]


def test_no_branches_at_all_leave_the_trunks():
    bare, usual = phantom.anatomy(seed=1, vessel_density=0.0), phantom.anatomy(seed=1)
    assert len(bare.segments) < 0.15 * len(usual.segments)
    assert bare.truth["calibre_equivalent_um"]["artery"] == pytest.approx(150.0)


@pytest.fixture(scope="module")
def two_sizes():
    lesions = {"microaneurysm": 8, "haemorrhage": 6, "hard_exudate": 15, "cotton_wool_spot": 3, "drusen": 10}
    geometry = phantom.anatomy(seed=9, lesions=lesions, cup_disc_ratio=0.55, disc_ovality=0.9)
    return geometry, {size: geometry.render(size, image=False) for size in (512, 1024)}


def _area_mm2(eye, name):
    return float(get_mask(eye, name).sum()) * (eye.attrs["um_per_pixel"] / 1000.0) ** 2


@pytest.mark.parametrize("name", ["artery", "vein", "vessel", "optic_disc", "optic_cup", "macula"])
def test_areas_do_not_depend_on_the_size_rendered(two_sizes, name):
    _, eyes = two_sizes
    assert _area_mm2(eyes[512], name) == pytest.approx(_area_mm2(eyes[1024], name), rel=0.01)


@pytest.mark.parametrize("size", [512, 1024])
def test_masks_agree_with_the_truth(two_sizes, size):
    geometry, eyes = two_sizes
    eye, truth = eyes[size], phantom.truth(eyes[size])
    fov = eye.fov.values
    assert _area_mm2(eye, "optic_disc") == pytest.approx(truth["disc_area_mm2"], rel=0.005)
    assert _area_mm2(eye, "optic_cup") == pytest.approx(truth["cup_area_mm2"], rel=0.01)
    for vessel, name in (("artery", "artery"), ("vein", "vein"), ("all", "vessel")):
        assert get_mask(eye, name)[fov].mean() == pytest.approx(truth["area_density"][vessel], rel=0.012)
    assert geometry.truth == {key: value for key, value in truth.items() if key not in ("seed", "parameters")}


def test_a_pixel_is_vessel_where_half_of_it_is_covered():
    # Vessels of several pixels, each pixel sampled at 8 x 8 points by drawing the same view eight times finer.
    coarse = phantom.anatomy(seed=9, vessel_density=0.0, field_angle_deg=20.0).view(256)
    wide = 1.3 * coarse.um_per_pixel
    segments = [s for s in phantom.anatomy(seed=9).of("vein") if s.radius_um.min() > wide]
    assert len(segments) > 10
    fine = type(coarse)(2048, coarse.um_per_pixel / 8, coarse.centre_um, coarse.radius_px * 8)
    mask, sampled = (paint_vessels(segments, view, looks=False).mask for view in (coarse, fine))
    coverage = sampled.reshape(256, 8, 256, 8).mean(axis=(1, 3))
    differs = (mask != (coverage >= 0.5)) & (np.hypot(*np.mgrid[-127.5:128.5, -127.5:128.5]) < 120)
    assert differs.sum() < 0.01 * mask.sum()
    assert np.abs(coverage[differs] - 0.5).max() < 0.3


def test_cup_disc_ratio_from_extents(two_sizes):
    _, eyes = two_sizes
    cup, disc = (get_mask(eyes[1024], name) for name in ("optic_cup", "optic_disc"))
    for axis, name in ((1, "cup_disc_ratio_vertical"), (0, "cup_disc_ratio_horizontal")):
        ratio = cup.any(axis=axis).sum() / disc.any(axis=axis).sum()
        assert ratio == pytest.approx(phantom.truth(eyes[1024])[name], abs=0.012)
    assert phantom.truth(eyes[1024])["cup_disc_ratio_vertical"] == pytest.approx(0.55)


def test_a_tilted_disc_has_the_extents_of_the_rotated_ellipse():
    geometry = phantom.anatomy(seed=1, disc_tilt_deg=40.0, disc_ovality=0.7, vessel_density=0.0)
    disc = get_mask(geometry.render(1024, image=False), "optic_disc")
    long, short = 900.0 / 0.7**0.5, 900.0 * 0.7**0.5
    turn = np.radians(40.0)
    vertical = 2 * np.hypot(long * np.cos(turn), short * np.sin(turn)) / geometry.view(1024).um_per_pixel
    assert disc.any(axis=1).sum() == pytest.approx(vertical, abs=1.5)
    # Its upper end is tilted temporally, which is image left in a right eye.
    rows = np.flatnonzero(disc.any(axis=1))
    assert np.flatnonzero(disc[rows[2]]).mean() < np.flatnonzero(disc[rows[-3]]).mean()


def test_disc_and_fovea_lie_as_the_parameters_say(two_sizes):
    _, eyes = two_sizes
    disc, fovea = eyes[512]["landmark"].values * eyes[512].attrs["um_per_pixel"]
    across = disc - fovea
    assert np.hypot(*across) == pytest.approx(4750.0)
    assert np.degrees(np.arctan2(-across[0], across[1])) == pytest.approx(6.5)
    rows, columns = np.nonzero(get_mask(eyes[512], "optic_disc"))
    assert (rows.mean(), columns.mean()) == pytest.approx(tuple(eyes[512]["landmark"].values[0]), abs=0.1)


@pytest.mark.parametrize("kind", ["microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot", "drusen"])
def test_lesions_are_as_many_and_as_large_as_the_truth_says(two_sizes, kind):
    from scipy.ndimage import label

    geometry, eyes = two_sizes
    wanted = geometry.parameters.lesions[kind]
    assert geometry.truth["lesion_count"][kind] == wanted
    for eye in eyes.values():
        assert label(get_mask(eye, kind), np.ones((3, 3)))[1] == wanted
    assert _area_mm2(eyes[1024], kind) == pytest.approx(geometry.truth["lesion_area_mm2"][kind], rel=0.06)


def test_the_whole_area_is_counted_as_finely_as_it_claims(two_sizes):
    geometry, _ = two_sizes
    fine = geometry.view(2048)
    field = fine.field()
    mask = paint_vessels(geometry.of("vein"), fine, looks=False).mask
    assert geometry.truth["area_density"]["vein"] == pytest.approx(mask[field].mean(), rel=0.005)


def test_an_eye_that_is_no_phantom_has_no_truth():
    from retina_tools.schema import new_eye

    with pytest.raises(EyeError, match="carries no truth"):
        phantom.truth(new_eye(np.zeros((8, 8), np.uint8)))
