"""Eyes that lack something: NaN with the reason, never an exception, never a made-up number."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom
from retina_tools.biomarkers import Status
from retina_tools.biomarkers.results import cells
from retina_tools.schema import new_eye

SIZE = 320
Y, X = np.mgrid[:SIZE, :SIZE]
NOTHING = np.zeros((SIZE, SIZE), bool)


@pytest.fixture(scope="module")
def base():
    return phantom.eye(seed=2, size=SIZE)


def changed(eye, *, fovea=True, **masks):
    kept = {str(name): eye.mask.sel(structure=name).values for name in eye.structure.values} | masks
    return new_eye(
        masks={name: mask for name, mask in kept.items() if mask is not None},
        fov=eye.fov.values,
        landmarks={"fovea": tuple(eye.landmark.sel(point="fovea").values)} if fovea else None,
        laterality="OD" if fovea else "",
        um_per_pixel=eye.attrs["um_per_pixel"],
        scale_source="user",
    )


def statuses(eye, vessel="artery"):
    found = biomarkers.measure(eye)
    words = {}
    for name in found.data_vars:
        if not name.endswith("_status"):
            values, flags = found[name], found[f"{name}_status"]
            # A value is there exactly where its status is ok, and nothing broke down.
            assert (np.isfinite(values) == (flags == Status.OK)).all(), name
            assert not (flags == Status.FAILED).any(), name
            if set(values.dims) - {"vessel", "region"}:
                words |= {f"{name}{place}": flag.word for place, _, flag in cells(found, str(name))}
                continue
            at = {"vessel": vessel} if "vessel" in values.dims and vessel in values.vessel else {}
            if "region" in values.dims:
                defined = flags.sel(at) != Status.NOT_APPLICABLE
                at["region"] = next(str(r) for r in values.region.values if bool(defined.sel(region=r).any()))
            if not ("vessel" in values.dims and "vessel" not in at):
                words[name] = Status(int(flags.sel(at))).word
    for table in (biomarkers.lesions_table, biomarkers.atrophy_table, biomarkers.rim_table):
        table(eye)
    for table in (biomarkers.segments_table, biomarkers.bifurcations_table, biomarkers.crossings_table):
        for network in ("artery", "vein", "all"):
            table(eye, network)
    return words


VESSELS = (
    "area_density",
    "length_density_per_dd",
    "tortuosity_arc_chord",
    "calibre_equivalent_dd",
    "bifurcation_count",
    "sparsity_mean_dfd",
    "fractal_dimension_box",
    "lacunarity",
    "temporal_arcade_angle_deg",
)


def test_no_vessels_are_an_empty_mask(base):
    words = statuses(changed(base, artery=NOTHING, vein=NOTHING))
    assert {words[name] for name in VESSELS} == {"empty_mask"}


def test_vessels_never_looked_for_are_no_mask(base):
    words = statuses(changed(base, artery=None, vein=None))
    assert {words[name] for name in VESSELS} == {"no_mask"}


def test_vessels_that_cover_everything_are_implausible(base):
    words = statuses(changed(base, artery=~NOTHING, vein=~NOTHING))
    assert {words[name] for name in VESSELS} == {"implausible"}


@pytest.mark.parametrize("disc", [None, NOTHING])
def test_without_a_disc_only_what_needs_none_is_measured(base, disc):
    words = statuses(changed(base, optic_disc=disc, optic_cup=None))
    assert words["area_density"] == words["calibre_mean_um"] == words["length_density_per_mm"] == "ok"
    needing = [name for name in VESSELS if name != "area_density"]
    assert {words[name] for name in needing} == {"no_disc"}


def test_without_a_fovea_only_what_needs_none_is_measured(base):
    words = statuses(changed(base, fovea=False, macula=None))
    assert {words[name] for name in ("sparsity_mean_dfd", "temporal_arcade_angle_deg")} == {"no_fovea"}
    assert {words[name] for name in ("calibre_equivalent_dd", "tortuosity_arc_chord", "bifurcation_count")} == {"ok"}
    found = biomarkers.measure(changed(base, fovea=False, macula=None), "area_density")
    at = found.area_density_status.sel(vessel="artery")
    assert int(at.sel(region="superior")) == int(at.sel(region="etdrs_center")) == Status.NO_FOVEA


def test_disc_at_the_edge_is_out_of_view(base):
    words = statuses(changed(base, optic_disc=np.hypot(Y - SIZE / 2, X - SIZE + 5) < 25, optic_cup=None))
    assert words["calibre_equivalent_dd"] == words["tortuosity_arc_chord"] == words["lacunarity"] == "out_of_view"
    assert words["area_density"] == "ok"


def test_one_vessel_is_too_few(base):
    alone = (np.abs(Y - 160) < 3) & (X > 40) & (X < 300)
    words = statuses(changed(base, artery=alone, vein=NOTHING))
    assert words["calibre_equivalent_dd"] == words["branching_angle_deg"] == "too_few_vessels"
    assert words["temporal_arcade_angle_deg"] == words["length_diameter_ratio"] == "too_few_vessels"
    assert words["bifurcation_count"] == words["area_density"] == words["tortuosity_arc_chord"] == "ok"


def test_specks_have_no_course(base):
    specks = np.random.default_rng(0).random((SIZE, SIZE)) < 0.004
    words = statuses(changed(base, artery=specks, vein=specks))
    assert words["tortuosity_arc_chord"] == "too_short"
    assert words["calibre_mean_dd"] == "too_few_vessels"


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.45])
def test_pixels_at_random_are_no_vessels(base, share):
    noise = np.random.default_rng(0).random((SIZE, SIZE)) < share
    words = statuses(changed(base, artery=noise, vein=NOTHING))
    for name in ("calibre_equivalent_dd", "tortuosity_arc_chord", "bifurcation_count", "area_density"):
        assert words[name] == "implausible", name


@pytest.mark.parametrize("mask", [np.hypot(Y - 100, X - 100) < 60, (X > 200) & (Y > 90)], ids=["blob", "corner"])
def test_what_is_no_vessel_has_a_density_and_no_central_calibre(base, mask):
    eye = changed(base, artery=mask, vein=NOTHING)
    words = statuses(eye)
    assert words["area_density"] == "ok"
    assert words["calibre_equivalent_dd"] != "ok"
    measured = biomarkers.measure(eye, "area_density")["area_density"].sel(vessel="artery", region="image")
    fov = eye["fov"].values
    assert float(measured) == pytest.approx((mask & fov).sum() / fov.sum())


def test_eight_pixels_and_one_pixel():
    line = np.zeros((8, 8), bool)
    line[3] = True
    disc = np.zeros((8, 8), bool)
    disc[2:6, 2:6] = True
    words = statuses(
        new_eye(masks={"artery": line, "vein": line.T, "optic_disc": disc}, landmarks={"fovea": (3.0, 0.0)})
    )
    assert words["tortuosity_arc_chord"] == "implausible"
    statuses(new_eye(masks={"artery": np.ones((1, 1), bool), "optic_disc": np.ones((1, 1), bool)}))


def test_nothing_in_view(base):
    eye = changed(base)
    eye["fov"] = eye.fov & False
    assert statuses(eye)["area_density"] == "out_of_view"


@pytest.mark.slow
def test_four_thousand_pixels():
    words = statuses(phantom.eye(seed=1, size=4000))
    assert {words[name] for name in VESSELS} == {"ok"}


def test_etdrs_fields_need_a_scale_and_a_side(base):
    masks = {str(name): base.mask.sel(structure=name).values for name in base.structure.values}
    fovea = tuple(base.landmark.sel(point="fovea").values)
    bare = biomarkers.measure(new_eye(masks=masks, fov=base.fov.values, landmarks={"fovea": fovea}), "area_density")
    assert int(bare.area_density_status.sel(vessel="vein", region="etdrs_center")) == Status.NO_SCALE


def test_regions_tile_what_they_divide(base):
    regions = biomarkers.Anatomy(base).regions
    image, zone_c = regions.mask("image"), regions.mask("zone_c")
    halves = [regions.mask(name) for name in ("superior", "inferior")]
    np.testing.assert_array_equal(halves[0] ^ halves[1], image)
    quarters = [regions.mask(f"zone_c_{half}{side}") for half in ("supero", "infero") for side in ("temporal", "nasal")]
    assert (sum(quarter.astype(int) for quarter in quarters) == zone_c).all()
    fields = [name for name in biomarkers.measure(base, "area_density").region.values if name.startswith("etdrs")]
    total = sum(regions.mask(str(name)).astype(int) for name in fields)
    assert len(fields) == 9
    assert total.max() == 1
    scale = base.attrs["um_per_pixel"]
    assert total.sum() == pytest.approx(np.pi * (3000 / scale) ** 2, rel=0.01)
    fovea_y, fovea_x = base.landmark.sel(point="fovea").values
    # A right eye: the disc, and so nasal, is on the right of the fovea.
    assert regions.mask("etdrs_inner_nasal")[round(fovea_y), round(fovea_x + 1000 / scale)]
    assert regions.mask("etdrs_outer_superior")[round(fovea_y - 2500 / scale), round(fovea_x)]
