"""Drawn masks: how often they hold each pixel, how far outlines move, and intervals that cover the truth."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom
from retina_tools.biomarkers.draws import outline_level, signed_distance, smooth_field
from retina_tools.phantom import shapes
from retina_tools.schema import EyeError, get_mask, new_eye, with_parts

Y, X = np.mgrid[:200, :200]
DISC = np.hypot(Y - 100, X - 100) < 20


def test_field_has_its_variance_and_correlation():
    fields = np.stack([smooth_field((160, 160), 12.0, np.random.default_rng(k)) for k in range(60)])
    assert fields.mean() == pytest.approx(0, abs=0.05)
    assert fields.std() == pytest.approx(1, abs=0.03)
    # White noise smoothed with a standard deviation s has the correlation exp(-d^2 / 4 s^2) at the distance d.
    for distance in (6, 12, 24):
        along = (fields[:, :, :-distance] * fields[:, :, distance:]).mean()
        assert along == pytest.approx(np.exp(-((distance / 12) ** 2) / 4), abs=0.06)


def test_pixels_are_drawn_as_often_as_their_probability_and_together():
    probability = np.tile(np.linspace(0.02, 0.98, 200), (200, 1))
    eye = new_eye(masks={"optic_disc": DISC}, probabilities={"vein": probability})
    drawn = np.stack([get_mask(one, "vein") for one in biomarkers.draw_masks(eye, 150, correlation_dd=0.4)])
    np.testing.assert_allclose(drawn.mean(axis=(0, 1)), probability[0], atol=0.06)
    # Neighbours agree far more often than independent ones would.
    middle = drawn[:, :, 100]
    assert (middle[:, 1:] == middle[:, :-1]).mean() > 0.95


def test_sure_pixels_never_change():
    eye = new_eye(masks={"optic_disc": DISC}, probabilities={"vein": np.where(X < 80, 1.0, 0.0)})
    for one in biomarkers.draw_masks(eye, 5):
        np.testing.assert_array_equal(get_mask(one, "vein"), X < 80)


@pytest.mark.parametrize("error_px", [0.15, 0.3, 0.5, 1.0, 2.0])
def test_outline_moves_by_its_error(error_px):
    eye = new_eye(masks={"optic_disc": DISC, "vein": X < 90})
    diameter = biomarkers.Frame(eye).diameter_px
    drawn = biomarkers.draw_masks(eye, 150, boundary_error_dd=error_px / diameter, correlation_dd=0.2)
    edges = np.stack([get_mask(one, "vein").sum(axis=1) for one in drawn]).astype(float)
    assert edges.mean() == pytest.approx(90, abs=0.25)
    assert edges.std() == pytest.approx(error_px, rel=0.2)


def test_without_error_nothing_moves():
    eye = phantom.eye(seed=1, size=256)
    (same,) = biomarkers.draw_masks(eye, 1, boundary_error_dd=0.0)
    np.testing.assert_array_equal(same.mask.values, eye.mask.values)


def test_thin_vessels_do_not_vanish_for_an_error_of_their_outline():
    thin = shapes.line(20, 1.6, 160, 200)
    assert (signed_distance(thin)[thin] > 0).all()
    assert outline_level(thin, 5.0)[thin].max() == pytest.approx(3, abs=0.01)


def test_draws_are_a_dimension_with_an_interval():
    eye = phantom.eye(seed=2, size=384)
    found = biomarkers.measure(eye, ["calibre_equivalent", "area_density"], draws=8, seed=3)
    assert found.sizes["draw"] == 8
    assert found.calibre_equivalent_um.attrs["units"] == "um"
    assert "draws=8" in found.attrs["provenance"]
    table = found[["area_density"]].sel(region="image").quantile([0.025, 0.5, 0.975], "draw")
    low, middle, high = table.area_density.sel(vessel="all").values
    assert low < middle < high
    point = float(biomarkers.measure(eye, "area_density").area_density.sel(vessel="all", region="image"))
    assert low < point < high
    again = biomarkers.measure(eye, ["calibre_equivalent", "area_density"], draws=8, seed=3)
    assert found.identical(again)
    other = biomarkers.measure(eye, ["calibre_equivalent", "area_density"], draws=8, seed=4)
    assert not np.array_equal(found.area_density, other.area_density)


@pytest.mark.parametrize(
    ("options", "said"), [({"draws": 0}, "draws is 0"), ({"draws": 2, "correlation_dd": -1}, "correlation_dd is -1")]
)
def test_what_is_no_draw_is_refused(options, said):
    with pytest.raises(EyeError, match=said):
        biomarkers.measure(new_eye(masks={"vein": DISC}), "area_density", **options)


def test_simulated_probabilities_are_calibrated():
    shares, said = [], []
    for seed in range(4):
        eye = phantom.eye(seed=seed, size=512)
        seen = biomarkers.SimulatedSegmenter(seed=seed, boundary_error_dd=0.012)(eye)
        for vessel in ("artery", "vein"):
            said.append(seen.probability.sel(structure=vessel).values.astype(float).ravel())
            shares.append(get_mask(eye, vessel).ravel())
    said, true = np.concatenate(said), np.concatenate(shares)
    for low in (0.1, 0.3, 0.5, 0.7):
        chosen = (said > low) & (said <= low + 0.2)
        assert true[chosen].mean() == pytest.approx(said[chosen].mean(), abs=0.08), low


def test_simulated_segmenter_drops_and_invents_vessels():
    eye = phantom.eye(seed=5, size=512)
    seen = biomarkers.SimulatedSegmenter(seed=1, boundary_error_dd=0.0)(eye)
    true, found = get_mask(eye, "artery"), get_mask(seen, "artery")
    assert 0.01 < (true & ~found).sum() / true.sum() < 0.2
    assert 0.01 < (found & ~true).sum() / true.sum() < 0.2
    (exact,) = [biomarkers.SimulatedSegmenter(boundary_error_dd=0.0, uncertain=0.0)(eye)]
    np.testing.assert_array_equal(exact.mask.values, eye.mask.values)


EYES, DRAWS = 200, 40
COVERED = [
    "calibre_equivalent_um.artery.zone_b",
    "calibre_equivalent_um.vein.zone_b",
    "area_density.artery.image",
    "area_density.vein.image",
    "length_density_per_dd.artery.image",
    "length_density_per_dd.vein.image",
    "tortuosity_arc_chord.artery.zone_b",
    "tortuosity_arc_chord.vein.zone_b",
]


@pytest.mark.slow
def test_intervals_cover_the_truth_on_two_hundred_eyes():
    names = ["calibre_equivalent", "area_density", "length_density", "tortuosity_arc_chord"]
    inside = {name: [] for name in COVERED}
    for seed in range(EYES):
        share = (seed * np.array([0.618, 0.755, 0.570, 0.820]) + 0.1) % 1
        eye = phantom.eye(
            seed=1000 + seed,
            size=1024,
            arteriole_calibre_um=120 + 60 * share[0],
            venule_calibre_um=180 + 80 * share[1],
            vessel_density=0.6 + 0.8 * share[2],
            tortuosity=0.3 + 1.7 * share[3],
        )
        true, seen = phantom.truth_row(eye), biomarkers.SimulatedSegmenter(seed=seed)(eye)
        found = biomarkers.measure(seen, names, draws=DRAWS, seed=seed)
        for name in COVERED:
            variable, vessel, region = name.split(".")
            low, high = np.quantile(found[variable].sel(vessel=vessel, region=region), [0.025, 0.975])
            if np.isfinite(true[name]) and np.isfinite(low):
                inside[name].append(low <= true[name] <= high)
    shares = {name: np.mean(hits) for name, hits in inside.items()}
    assert all(len(hits) > 0.8 * EYES for hits in inside.values())
    assert min(shares.values()) >= 0.9, shares


def test_intervals_without_probabilities_know_outlines_only():
    """Masks alone cannot say what was missed; their draws hold every vessel that was drawn."""
    eye = phantom.eye(seed=7, size=512)
    bare = with_parts(eye, masks={str(name): get_mask(eye, str(name)) for name in eye.structure.values})
    for one in biomarkers.draw_masks(bare, 3):
        drawn, given = get_mask(one, "vein"), get_mask(eye, "vein")
        assert (drawn & given).sum() > 0.8 * given.sum()
