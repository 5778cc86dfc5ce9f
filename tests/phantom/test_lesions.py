"""Every kind of lesion is where, as many and as large as the truth says, and those of vessels are in the graph."""

import numpy as np
import pytest
from scipy.ndimage import label

from retina_tools import phantom
from retina_tools.phantom.findings import dr_severity
from retina_tools.phantom.habits import HABITS
from retina_tools.phantom.lesions import lesion_mask
from retina_tools.phantom.placing import is_in, quadrant
from retina_tools.schema import EyeError, get_mask

FEW = {"macular_hole": 1, "epiretinal_membrane": 1, "macular_oedema": 1, "diffuse_atrophy": 1, "choroidal_atrophy": 1}


@pytest.mark.parametrize("kind", phantom.LESIONS)
def test_counts_and_areas_of_masks_are_the_truth(kind):
    geometry = phantom.anatomy(seed=12, lesions={kind: FEW.get(kind, 3)})
    count = geometry.truth["lesion_count"][kind]
    assert count == FEW.get(kind, 3)
    for size in (512, 2048):
        mask = lesion_mask(geometry.lesions, kind, geometry.view(size))
        assert label(mask, np.ones((3, 3)))[1] == count
    area_mm2 = mask.sum() * (geometry.view(2048).um_per_pixel / 1000) ** 2
    assert area_mm2 == pytest.approx(geometry.truth["lesion_area_mm2"][kind], rel=0.02)


@pytest.mark.parametrize("kind", [kind for kind in phantom.LESIONS if kind in HABITS])
def test_each_kind_changes_the_picture_where_its_mask_is_and_hardly_elsewhere(kind):
    values = {"seed": 12, "size": 384, "noise": 0.0, "blur_um": 0.0}
    bare = phantom.eye(**values).image.values.astype(float)
    eye = phantom.eye(**values, lesions={kind: FEW.get(kind, 3)})
    change = np.abs(eye.image.values - bare).sum(axis=2)
    mask = get_mask(eye, kind)
    assert change[mask].mean() > 12
    assert change[~mask].mean() < 0.1 * change[mask].mean()


@pytest.mark.parametrize("place", phantom.PLACES)
def test_lesions_lie_where_they_were_put(place):
    geometry = phantom.anatomy(seed=2, lesions={"haemorrhage": 16}, lesion_places={"haemorrhage": place})
    centres = [lesion.centre_um for lesion in geometry.lesions]
    assert len(centres) == 16
    assert all(is_in(place, centre, geometry.frame, order) for order, centre in enumerate(centres))
    if place == "quadrants":
        assert [sum(quadrant(c) == at for c in centres) for at in phantom.PLACES[4:8]] == [4, 4, 4, 4]


def test_temporal_lesions_are_on_the_temporal_side_of_either_eye():
    for laterality, side in (("OD", -1), ("OS", 1)):
        eye = phantom.eye(
            seed=2, size=256, laterality=laterality, lesions={"drusen": 9}, lesion_places={"drusen": "temporal"}
        )
        columns = np.nonzero(get_mask(eye, "drusen"))[1] - eye["landmark"].values[1, 1]
        assert (np.sign(columns) == side).all()
        table = phantom.truth_tables(eye)["lesions"]
        assert (np.sign(table["x"] - eye["landmark"].values[1, 1]) == side).all()


def test_sizes_scale_areas_of_one_kind():
    usual, large = (
        phantom.anatomy(seed=4, lesions={"drusen": 1, "haemorrhage": 1}, lesion_sizes={"drusen": factor})
        for factor in (1.0, 1.5)
    )
    for kind, factor in (("drusen", 1.5**2), ("haemorrhage", 1.0)):
        ratio = large.truth["lesion_area_mm2"][kind] / usual.truth["lesion_area_mm2"][kind]
        assert ratio == pytest.approx(factor)


def test_the_table_of_lesions_agrees_with_row_and_masks():
    eye = phantom.eye(seed=6, size=1024, lesions={"haemorrhage": 7, "hard_exudate": 9, "neovascularisation": 0})
    table, truth = phantom.truth_tables(eye)["lesions"], phantom.truth(eye)
    for kind in ("haemorrhage", "hard_exudate"):
        own = table[table["kind"] == kind]
        mask = get_mask(eye, kind)
        assert mask[own["y"].round().astype(int), own["x"].round().astype(int)].all()
        assert own["area_px"].sum() == pytest.approx(mask.sum(), rel=0.06)
        fovea = eye["landmark"].values[1]
        away = np.hypot(own["y"] - fovea[0], own["x"] - fovea[1]) * eye.attrs["um_per_pixel"]
        assert np.allclose(away, own["fovea_distance_um"])
        assert truth["lesion_fovea_distance_um"][kind]["min"] == pytest.approx(away.min())
    assert not get_mask(eye, "neovascularisation").any()
    assert truth["lesion_count"]["neovascularisation"] == 0


def test_a_nicked_vein_is_narrow_at_its_crossing_and_nowhere_else():
    values = {"seed": 4, "size": 1024, "nicking_depth": 0.5}
    plain, nicked = phantom.eye(**values), phantom.eye(**values, lesions={"av_nicking": 3})
    before, after = (phantom.truth_tables(eye)["crossings"]["nicking_ratio"] for eye in (plain, nicked))
    # Those of other crossings are left alone, unless they are on the same short stretch.
    assert ((after < 0.6).sum(), (after > 0.95).mean() > 0.9, (before > 0.95).all()) == (3, True, True)
    # As deep as asked for, up to the spacing of the points.
    assert after.nsmallest(3).to_numpy() == pytest.approx(0.5, abs=0.06)
    lost = get_mask(plain, "vein") & ~get_mask(nicked, "vein")
    assert lost.any()
    assert (get_mask(nicked, "av_nicking") & lost).sum() > 0.7 * lost.sum()
    for eye in (plain, nicked):
        assert phantom.truth(eye)["calibre_equivalent_um"]["vein"] == pytest.approx(220.0)
    assert np.array_equal(get_mask(plain, "artery"), get_mask(nicked, "artery"))


def test_beaded_veins_are_narrower_between_beads_and_in_different_quadrants():
    plain = phantom.anatomy(seed=4)
    beaded = phantom.anatomy(seed=4, lesions={"venous_beading": 2}, beading_depth=0.4)
    assert sum(n > 0 for n in beaded.truth["lesion_quadrants"]["venous_beading"].values()) == 2
    assert beaded.truth["dr_severity"] == 3
    for trace in beaded.lesions:
        ratio = beaded.segments[trace.segment].radius_um / plain.segments[trace.segment].radius_um
        assert ratio.max() == pytest.approx(1.0)
        assert ratio.min() == pytest.approx(0.6, abs=0.05)
        # Nodes keep their radii, so that Murray's law holds on.
        assert (ratio[0], ratio[-1]) == (1.0, 1.0)
    assert beaded.truth["calibre_equivalent_um"] == plain.truth["calibre_equivalent_um"]


def test_the_421_rule():
    eight = dict.fromkeys(("superotemporal", "superonasal", "inferotemporal", "inferonasal"), 21)
    assert dr_severity({"haemorrhage": 84}, {"haemorrhage": eight}) == 3
    assert dr_severity({"haemorrhage": 83}, {"haemorrhage": eight | {"inferonasal": 20}}) == 2
    assert dr_severity({"drusen": 9}, {}) == 0
    assert dr_severity({"haemorrhage": 1, "neovascularisation": 1}, {}) == 4


def test_a_cup_may_lie_off_centre_and_have_a_notch():
    plain = phantom.anatomy(seed=1, cup_disc_ratio=0.5, vessel_density=0.0)
    moved = phantom.anatomy(
        seed=1, cup_disc_ratio=0.5, vessel_density=0.0, cup_offset_superior=0.2, cup_offset_temporal=-0.1
    )
    for name in ("vertical", "horizontal", "area"):
        key = f"cup_disc_ratio_{name}"
        assert moved.truth[key] == pytest.approx(plain.truth[key])
    assert moved.cup.centre_um - plain.cup.centre_um == pytest.approx([-180.0, 90.0])
    notched = phantom.anatomy(seed=1, cup_disc_ratio=0.5, notch_depth=0.8, notch_angle_deg=270.0, vessel_density=0.0)
    # Straight down: the rim of a quarter of the disc's height is left to a fifth (and the last 2 % are never taken).
    rim, below = 0.98 - 0.5, notched.truth["cup_disc_ratio_vertical"]
    assert below == pytest.approx((0.5 + 0.5 + 0.8 * rim) / 2, abs=1e-3)
    assert notched.truth["cup_disc_ratio_area"] > plain.truth["cup_disc_ratio_area"]
    extreme = phantom.anatomy(seed=1, cup_disc_ratio=0.9, cup_offset_superior=0.5, vessel_density=0.0)
    eye = extreme.render(512, image=False)
    assert not (get_mask(eye, "optic_cup") & ~get_mask(eye, "optic_disc")).any()


@pytest.mark.parametrize("span", [120.0, 360.0])
def test_peripapillary_atrophy_lies_around_the_disc_and_has_its_area(span):
    geometry = phantom.anatomy(seed=1, arc_atrophy_um=500.0, arc_atrophy_span_deg=span, vessel_density=0.0)
    eye = geometry.render(1024, image=False)
    arc, disc = get_mask(eye, "arc_atrophy"), get_mask(eye, "optic_disc")
    assert not (arc & disc).any()
    area_mm2 = arc.sum() * (eye.attrs["um_per_pixel"] / 1000) ** 2
    assert area_mm2 == pytest.approx(geometry.truth["arc_atrophy_area_mm2"], rel=0.01)
    if span == 360.0:
        # A ring of even width around an ellipse with half axes a and b: pi (2 r w' ...) from the mean of r.
        mean = geometry.disc.radius_um.mean()
        assert geometry.truth["arc_atrophy_area_mm2"] == pytest.approx(np.pi * (2 * mean * 0.5e3 + 0.25e6) / 1e6)
    else:
        columns = np.nonzero(arc)[1]
        assert columns.max() < np.nonzero(disc)[1].max()


def test_a_tessellated_fundus_has_a_mask_of_it_and_more_of_it_the_more_it_is():
    share = []
    for tessellation in (0.5, 0.75, 1.0):
        eye = phantom.eye(seed=1, size=256, tessellation=tessellation)
        share.append(get_mask(eye, "tessellation")[eye.fov.values].mean())
    assert 0.05 < share[0] < share[1] < share[2] < 0.7
    assert get_mask(phantom.eye(seed=1, size=64, tessellation=0.4), "tessellation") is None


def test_tortuosity_of_the_veins_alone_leaves_the_arteries():
    one, two = phantom.anatomy(seed=3), phantom.anatomy(seed=3, venous_tortuosity=2.0)
    assert one.truth["tortuosity_arc_chord"]["artery"] == two.truth["tortuosity_arc_chord"]["artery"]
    assert one.truth["tortuosity_arc_chord"]["vein"] < two.truth["tortuosity_arc_chord"]["vein"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lesions": {"haemorrage": 2}}, "did you mean 'haemorrhage'"),
        ({"lesions": {"macular_hole": 2}}, "from 0 to 1"),
        ({"lesion_places": {"drusen": "left"}}, "place of drusen is 'left', wanted one of temporal"),
        ({"lesion_sizes": {"drusen": 9.0}}, "lesion_sizes of drusen is 9"),
    ],
)
def test_impossible_lesions_are_refused(values, message):
    with pytest.raises(EyeError, match=message):
        phantom.anatomy(**values)
