"""Lesions: counted, weighed and placed as they were made; closed forms of shapes; laws; masks that are not right."""

import numpy as np
import pytest
from scipy.special import ellipe

from retina_tools import biomarkers, phantom
from retina_tools.biomarkers.objects import Objects
from retina_tools.biomarkers.registry import ETDRS, FOVEA_QUADRANTS
from retina_tools.phantom import shapes
from retina_tools.schema import EyeError, new_eye

CATALOGUE = biomarkers.catalogue()
NAMES = CATALOGUE["name"][CATALOGUE["structure"].isin(("lesions", "field of view"))].tolist()
KINDS = {"microaneurysm": 20, "haemorrhage": 16, "hard_exudate": 25, "cotton_wool_spot": 4, "drusen": 15}
LARGE = ("haemorrhage", "hard_exudate", "cotton_wool_spot")


def made(seed, size=1024):
    geometry = phantom.anatomy(seed=seed, vessel_density=0.0, lesions=KINDS)
    return geometry.render(size, ("OD", "OS")[seed % 2], image=False)


@pytest.fixture(scope="module", params=range(6))
def known(request, numbers):
    """A synthetic eye, the truth of its lesions, and what is measured; right and left eyes in turn."""
    eye = made(request.param)
    return eye, phantom.truth(eye), phantom.truth_tables(eye)["lesions"], numbers(eye, NAMES)


def test_counts_are_exact(known):
    _, truth, lesions, found = known
    for kind in KINDS:
        assert found[f"lesion_count.{kind}"] == truth["lesion_count"][kind] == (lesions["kind"] == kind).sum(), kind
        for quadrant, count in truth["lesion_quadrants"][kind].items():
            assert found[f"lesion_count_quadrant.{kind}.{quadrant}"] == count, (kind, quadrant)


@pytest.mark.parametrize("size", [512, 2048])
def test_counts_are_exact_at_any_size_from_three_pixels_on(size, numbers):
    eye = made(1, size)
    truth = phantom.truth_tables(eye)["lesions"]
    large = [kind for kind, of in truth.groupby("kind") if of["diameter_px"].min() >= 3]
    found = numbers(eye, "lesion_count")
    assert {kind: found[f"lesion_count.{kind}"] for kind in large} == truth["kind"].value_counts()[large].to_dict()
    assert len(large) >= (2 if size == 512 else 5)


def test_areas_are_those_of_the_outlines(known):
    eye, truth, _, found = known
    field_mm2 = np.pi * (eye.attrs["um_per_pixel"] * 0.49 * 1024 / 1000) ** 2
    diameter_mm = truth["disc_diameter_um"] / 1000
    for kind in LARGE:
        area = truth["lesion_area_mm2"][kind]
        assert found[f"lesion_area_mm2.{kind}"] == pytest.approx(area, rel=0.01), kind
        assert found[f"lesion_area_dd2.{kind}"] == pytest.approx(area / diameter_mm**2, rel=0.015), kind
        assert found[f"lesion_coverage.{kind}"] == pytest.approx(area / field_mm2, rel=0.015), kind
        mean = area / truth["lesion_count"][kind]
        assert found[f"lesion_mean_area_mm2.{kind}"] == pytest.approx(mean, rel=0.01), kind


def test_areas_of_specks_are_unbiased(numbers):
    """A single speck is off by a pixel or two, which the mean over many is not."""
    pairs = []
    for seed in range(4):
        geometry = phantom.anatomy(seed=seed, vessel_density=0.0, lesions={"microaneurysm": 60, "drusen": 60})
        eye = geometry.render(1024, image=False)
        found, area = numbers(eye, "lesion_area"), phantom.truth(eye)["lesion_area_mm2"]
        pairs.append([(found[f"lesion_area_mm2.{kind}"], area[kind]) for kind in ("microaneurysm", "drusen")])
    measured, true = np.array(pairs).sum(axis=0).T
    np.testing.assert_allclose(measured, true, rtol=0.01)


def test_sizes_and_distances_are_within_a_pixel(known):
    eye, truth, lesions, found = known
    pixel_um = eye.attrs["um_per_pixel"]
    for kind, of in lesions.groupby("kind"):
        distance = of["fovea_distance_um"]
        assert found[f"lesion_mean_diameter_um.{kind}"] == pytest.approx(of["diameter_um"].mean(), abs=pixel_um), kind
        for which, true in (("min", distance.min()), ("median", distance.median())):
            for unit, factor in (("um", 1.0), ("dd", truth["disc_diameter_um"])):
                value = found[f"lesion_fovea_distance_{which}_{unit}.{kind}"] * factor
                assert value == pytest.approx(true, abs=pixel_um), (kind, which, unit)


def test_the_table_has_every_lesion_where_it_is(known):
    eye, _, lesions, _ = known
    table = biomarkers.lesions_table(eye)
    assert len(table) == len(lesions)
    for kind, of in lesions.groupby("kind"):
        rows = table[table["kind"] == kind]
        apart = np.hypot(*(of[["y", "x"]].to_numpy()[:, None] - rows[["y", "x"]].to_numpy()[None]).transpose(2, 0, 1))
        nearest = apart.argmin(axis=1)
        assert sorted(nearest) == list(range(len(rows)))
        assert apart.min(axis=1).max() < 1  # the middle of a ragged outline is not quite its centroid
        chosen = rows.iloc[nearest]
        np.testing.assert_allclose(chosen["diameter_px"], of["diameter_px"], atol=0.5)
        np.testing.assert_allclose(chosen["fovea_distance_dd"], of["fovea_distance_dd"], atol=0.007)
        off_axis = (np.abs(of[["y", "x"]].to_numpy() - eye.landmark.sel(point="fovea").values) > 1).all(axis=1)
        assert (chosen["quadrant"].to_numpy() == of["quadrant"].to_numpy())[off_axis].all()
        assert not chosen["cut"].any()


def test_visible_fractions_are_those_of_the_regions(known, numbers):
    eye, _, _, found = known
    if eye.attrs["phantom"].startswith('{"seed": 0'):  # the truth takes seconds; one eye is enough
        truth = phantom.truth_row(eye)
        visible = [name for name in truth if name.startswith("visible_fraction")]
        np.testing.assert_allclose(found[visible], [truth[name] for name in visible], atol=0.01)
        assert len(visible) == 15
    for name in ("zone_b", "etdrs_center", "etdrs_inner_nasal"):
        assert found[f"visible_fraction.{name}"] == pytest.approx(1, abs=0.01)


def test_a_mirrored_eye_is_the_other_eye(known, views, numbers):
    eye, _, _, found = known
    np.testing.assert_allclose(numbers(views.mirrored(eye), NAMES), found, rtol=1e-6, atol=1e-6)


def test_a_quarter_turn_changes_only_what_is_upright(known, views, numbers):
    eye, _, _, found = known
    about = numbers(views.turned(eye), NAMES)
    upright = ("lesion_count_quadrant", "lesion_count_field", "visible_fraction.etdrs", "visible_fraction.zone_c_")
    same = [name for name in found.index if not name.startswith(upright)]
    np.testing.assert_allclose(about[same], found[same], rtol=1e-6)


def test_twice_the_pixels_are_the_same_lesions(known, views, numbers):
    eye, _, _, found = known
    other = numbers(views.resampled(eye, 2.0), NAMES)
    counts = [name for name in found.index if name.startswith(("lesion_count.", "lesion_count_quadrant"))]
    assert other[counts].equals(found[counts])
    for name in found.index:
        if name.startswith(("lesion_area", "lesion_mean", "lesion_coverage", "lesion_fovea", "visible_fraction")):
            assert other[name] == pytest.approx(found[name], rel=0.02), name
        elif name.startswith(("lesion_circularity", "lesion_aspect")) and name.endswith(LARGE):
            assert other[name] == pytest.approx(found[name], rel=0.05), name


def test_half_the_pixels_are_the_same_larger_lesions(known, views, numbers):
    eye, _, _, found = known
    other = numbers(views.resampled(eye, 0.5), NAMES)
    for name in found.index:
        if name.split(".")[-1] not in LARGE:
            continue
        if name.startswith("lesion_count."):
            assert other[name] == found[name], name
        elif name.startswith(("lesion_area", "lesion_mean", "lesion_coverage", "lesion_fovea")):
            assert other[name] == pytest.approx(found[name], rel=0.05), name


def test_parts_add_up(known):
    eye, _, _, _ = known
    found = biomarkers.measure(eye, NAMES)
    np.testing.assert_array_equal(found["lesion_count_quadrant"].sum("quadrant"), found["lesion_count"])
    sizes = found["lesion_count_size"].sum("size")
    for kind in ("microaneurysm", "haemorrhage", "drusen"):
        assert sizes.sel(lesion=kind) == found["lesion_count"].sel(lesion=kind)


# Figures of which every number is known.


@pytest.mark.parametrize("radius", [4, 4.5, 5, 6, 8, 12, 25, 60])
def test_circles_are_circles_wherever_they_lie_on_the_pixels(radius):
    for offset in np.random.default_rng(0).uniform(-0.5, 0.5, (40, 2)):
        found = Objects(shapes.ellipse(2 * radius, 2 * radius, 0, tuple(127.5 + offset)))
        assert found.circularity[0] == pytest.approx(1, abs=0.02)
        assert found.major_px[0] == pytest.approx(2 * radius, abs=0.6)
        assert found.minor_px[0] == pytest.approx(2 * radius, abs=0.6)


@pytest.mark.parametrize(("height", "width"), [(40, 20), (80, 20), (150, 60), (30, 24)])
@pytest.mark.parametrize("angle", [0, 17, 45, 71, 90])
def test_ellipses_have_their_perimeter_circularity_and_axes(height, width, angle):
    found = Objects(shapes.ellipse(height, width, angle))
    perimeter = 2 * height * ellipe(1 - (width / height) ** 2)
    assert found.perimeter_px[0] == pytest.approx(perimeter, rel=0.02)
    circularity = np.pi**2 * height * width / perimeter**2
    assert found.circularity[0] == pytest.approx(circularity, rel=0.03)
    assert found.aspect_ratio[0] == pytest.approx(height / width, rel=0.02)
    assert (found.direction_deg[0] - (90 + angle) + 90) % 180 - 90 == pytest.approx(0, abs=2)


def test_holes_do_not_count_for_the_outline():
    ring = shapes.ring(50, 20)
    found = Objects(ring)
    assert found.circularity[0] == pytest.approx(1, abs=0.02)
    assert found.perimeter_px[0] == pytest.approx(2 * np.pi * 60, rel=0.01)
    assert found.area_px2[0] == ring.sum()


def test_objects_are_those_of_scipy_on_noise():
    from scipy import ndimage

    mask = np.random.default_rng(3).random((90, 70)) < 0.3
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    found = Objects(mask)
    assert found.count == count
    assert found.area_px2.sum() == mask.sum()
    boxes = ndimage.find_objects(labels)
    assert sorted(map(tuple, found.box.tolist())) == sorted(
        (y.start, x.start, y.stop - 1, x.stop - 1) for y, x in boxes
    )


SIZE = 600
Y, X = np.mgrid[:SIZE, :SIZE]
NONE = np.zeros((SIZE, SIZE), bool)
FOVEA = (300.0, 300.0)


def dots(points, radius=4.0):
    mask = NONE.copy()
    for y, x in points:
        mask |= np.hypot(Y - y, X - x) <= radius
    return mask


def flat_eye(laterality="OD", *, um_per_pixel=12.0, fovea=FOVEA, disc_x=None, **masks):
    """The fovea in the middle, the disc nasally."""
    x = (480 if laterality == "OD" else 120) if disc_x is None else disc_x
    return new_eye(
        masks={"optic_disc": np.hypot(Y - 290, X - x) < 60, **masks},
        fov=~NONE,
        landmarks={"fovea": fovea},
        laterality=laterality,
        um_per_pixel=um_per_pixel,
        scale_source="metadata" if np.isfinite(um_per_pixel) else "unknown",
    )


@pytest.mark.parametrize("laterality", ["OD", "OS"])
def test_quadrants_and_fields_are_those_of_the_eye(laterality, numbers):
    nasal = 1 if laterality == "OD" else -1
    up, out = {"superior": (-1, 0), "inferior": (1, 0)}, {"nasal": (0, nasal), "temporal": (0, -nasal)}
    places = {"etdrs_center": (5.0, 5.0 * nasal)}
    for ring, distance in (("inner", 80), ("outer", 180)):
        places |= {
            f"etdrs_{ring}_{side}": (300 + dy * distance, 300 + dx * distance) for side, (dy, dx) in (up | out).items()
        }
    places["etdrs_center"] = (303.0, 300.0 + 3 * nasal)
    for field in ETDRS:
        found = numbers(flat_eye(laterality, hard_exudate=dots([places[field]])), "lesion_count_field")
        counts = {name.rsplit(".", 1)[1] if "etdrs" in name.rsplit(".", 1)[1] else name: v for name, v in found.items()}
        assert [name for name, count in counts.items() if count] == [name for name in counts if field in name], field
        assert sum(counts.values()) == 1
    for quadrant in FOVEA_QUADRANTS:
        dy = -90 if quadrant.startswith("supero") else 90
        dx = 70 * nasal * (1 if quadrant.endswith("nasal") else -1)
        eye = flat_eye(laterality, haemorrhage=dots([(300 + dy, 300 + dx)]))
        found = numbers(eye, "lesion_count_quadrant")
        assert [name for name, count in found.items() if count] == [f"lesion_count_quadrant.haemorrhage.{quadrant}"]
        (row,) = biomarkers.lesions_table(eye, "haemorrhage").itertuples()
        assert row.quadrant == quadrant


@pytest.mark.parametrize(
    ("kind", "diameters_um", "counts"),
    [
        ("drusen", [40, 50, 80, 100, 115, 140, 300], {"small": 2, "medium": 3, "large": 2}),
        ("haemorrhage", [40, 100, 140, 300], {"small": 2, "large": 2}),
        ("microaneurysm", [40, 60, 150], {"small": 2, "large": 1}),
    ],
)
@pytest.mark.parametrize("um_per_pixel", [5.0, np.nan])
def test_sizes_by_their_published_limits(kind, diameters_um, counts, um_per_pixel, numbers):
    mask = NONE.copy()
    for k, diameter in enumerate(diameters_um):
        mask |= np.hypot(Y - 120 - 60 * (k % 3), X - 60 - 70 * (k // 3)) <= diameter / 10
    # Without a scale the disc, of 1800 um at 5 um per pixel, gives it.
    disc = np.hypot(Y - 380, X - 380) < 180
    eye = new_eye(masks={kind: mask, "optic_disc": disc}, um_per_pixel=um_per_pixel)
    found = numbers(eye, "lesion_count_size")
    assert {name.rsplit(".", 1)[1]: value for name, value in found.items()} == counts


def test_distance_of_lesions_with_known_places(numbers):
    eye = flat_eye(drusen=dots([(300, 240), (300, 420), (100, 300)]))
    found = numbers(eye, ["lesion_fovea_distance_min", "lesion_fovea_distance_median"])
    assert found["lesion_fovea_distance_min_um.drusen"] == pytest.approx(60 * 12)
    assert found["lesion_fovea_distance_median_um.drusen"] == pytest.approx(120 * 12)
    table = biomarkers.lesions_table(eye, "drusen")
    np.testing.assert_allclose(sorted(table["fovea_nearest_dd"]), np.array([56, 116, 196]) / 120, rtol=0.01)
    np.testing.assert_allclose(
        sorted(table["disc_distance_dd"]), np.hypot([10, 10, 190], [60, 240, 180]) / 120, rtol=0.02
    )


# Eyes that are not right.


def test_looked_for_and_not_there_is_nought_and_no_shape(statuses, numbers):
    eye = flat_eye(haemorrhage=NONE)
    found, words = numbers(eye, NAMES), statuses(eye, NAMES)
    zeros = ("lesion_count.", "lesion_area", "lesion_coverage", "lesion_count_quadrant", "lesion_count_size")
    assert (found[[name for name in found.index if name.startswith(zeros)]] == 0).all()
    others = ("lesion_mean", "lesion_circularity", "lesion_aspect", "lesion_fovea")
    assert {words[name] for name in words if name.startswith(others)} == {"empty_mask"}
    assert biomarkers.lesions_table(eye).empty


def test_specks_have_a_size_and_no_shape(statuses):
    words = statuses(flat_eye(microaneurysm=dots([(100, 100), (200, 220)], 1.0)), NAMES)
    assert words["lesion_circularity.microaneurysm"] == words["lesion_aspect_ratio.microaneurysm"] == "too_small"
    assert words["lesion_mean_diameter_um.microaneurysm"] == "ok"


@pytest.mark.parametrize(
    ("lacking", "status", "names"),
    [
        ({"fovea": None}, "no_fovea", ("lesion_fovea_distance_min_um", "lesion_count_quadrant", "lesion_count_field")),
        ({"laterality": "OS", "disc_x": 480}, "implausible", ("lesion_count_quadrant", "lesion_count_field")),
        (
            {"um_per_pixel": np.nan},
            "no_scale",
            ("lesion_area_mm2", "lesion_mean_diameter_um", "lesion_count_field", "visible_fraction.etdrs"),
        ),
    ],
)
def test_an_eye_that_lacks_something_says_what(lacking, status, names, statuses):
    words = statuses(flat_eye(**lacking, drusen=dots([(200, 250), (400, 350)])), NAMES)
    for start in names:
        assert {flag for name, flag in words.items() if name.startswith(start)} == {status}, start
    assert words["lesion_count.drusen"] == words["lesion_area_dd2.drusen"] == "ok"


def test_lesions_on_the_disc_and_at_the_edge_are_lesions(numbers):
    on_disc = dots([(290, 480)], 10)
    at_edge = NONE.copy()
    at_edge[:, :7] = at_edge[:5, 300:340] = at_edge[-9:, -9:] = True
    eye = flat_eye(hard_exudate=on_disc, haemorrhage=at_edge)
    found = numbers(eye, NAMES)
    assert found["lesion_count.hard_exudate"] == 1
    assert found["lesion_count.haemorrhage"] == 3
    assert found["lesion_area_mm2.haemorrhage"] == pytest.approx((600 * 7 + 200 + 81) * 144 / 1e6)
    table = biomarkers.lesions_table(eye)
    assert table["cut"].tolist() == [True, True, True, False]
    assert np.isfinite(table["circularity"]).all()


def test_only_what_is_in_view_counts(statuses, numbers):
    eye = flat_eye(drusen=dots([(300, 240), (300, 420)]))
    half = eye.assign(fov=eye.fov & (X < 330))
    assert numbers(half, "lesion_count")["lesion_count.drusen"] == 1
    nothing = eye.assign(fov=eye.fov & False)
    words = statuses(nothing, NAMES)
    assert {words[name] for name in words if ".drusen" in name} == {"out_of_view"}


@pytest.mark.parametrize(
    ("mask", "count"),
    [(~NONE, 1), (X % 2 == 0, SIZE // 2), (np.random.default_rng(0).random((SIZE, SIZE)) < 0.4, None)],
    ids=["all", "stripes", "noise"],
)
def test_masks_full_of_lesion_or_noise_are_counted_and_weighed_all_the_same(numbers, statuses, mask, count):
    eye = flat_eye(drusen=mask)
    words, found, table = statuses(eye, NAMES), numbers(eye, NAMES), biomarkers.lesions_table(eye)
    seen = mask & eye["fov"].values
    assert words["lesion_count.drusen"] == "ok"
    assert found["lesion_count.drusen"] == len(table) == (len(table) if count is None else count)
    assert table["area_px2"].sum() == seen.sum()
    assert found["lesion_coverage.drusen"] == pytest.approx(seen.sum() / eye["fov"].values.sum())


def test_bare_masks_and_empty_eyes_say_what_they_lack(statuses):
    words = statuses(new_eye(masks={"drusen": dots([(100, 100)])}), NAMES)
    assert words["lesion_count.drusen"] == words["lesion_circularity.drusen"] == "ok"
    assert words["lesion_area_dd2.drusen"] == "no_disc"
    assert words["lesion_count_size.drusen.small"] == "no_disc"
    words = statuses(new_eye(masks={"artery": NONE}), NAMES)
    assert not any(flag == "ok" for flag in words.values())


def test_what_is_no_lesion_is_refused():
    with pytest.raises(EyeError, match="wanted a lesion"):
        biomarkers.lesions_table(flat_eye(), "optic_disc")
