"""The whole chain on one eye: what it draws, keeps, says and refuses."""

import functools

import numpy as np
import pytest

from retina_tools import datasets
from retina_tools.schema import EyeError, get_mask, get_probability, new_eye, validate, without_masks
from retina_tools.segmentation import segment as segment_by

CLASSICAL = {"vessel", "artery", "vein", "optic_disc", "optic_cup", "fovea"}
segment = functools.partial(segment_by, method="classical")


@pytest.fixture(scope="module")
def segmented(drawn_eyes):
    return segment(without_masks(drawn_eyes[0]))


def artery_accuracy(found, eye):
    """Share of pixels both call vessel that are told apart rightly."""
    artery, vein = get_mask(eye, "artery"), get_mask(eye, "vein")
    judged = (get_mask(found, "artery") | get_mask(found, "vein")) & (artery ^ vein)
    return float((get_mask(found, "artery") == artery)[judged].mean())


def test_all_structures_are_drawn_and_the_eye_is_valid(segmented, drawn_eyes):
    validate(segmented)
    assert set(segmented.structure.values) == CLASSICAL - {"fovea"}
    assert segmented.sizes["y"] == drawn_eyes[0].sizes["y"]
    np.testing.assert_array_equal(segmented["image"], drawn_eyes[0]["image"])


def test_arteries_and_veins_share_the_vessels_out(segmented):
    vessel, artery, vein = (segmented["mask"].sel(structure=name).values for name in ("vessel", "artery", "vein"))
    assert not (artery & vein).any()
    np.testing.assert_array_equal(artery | vein, vessel)
    total = get_probability(segmented, "artery") + get_probability(segmented, "vein")
    np.testing.assert_allclose(total, get_probability(segmented, "vessel"), atol=2e-3)


def test_arteries_and_veins_are_told_apart_in_synthetic_eyes(drawn_eyes):
    found = [artery_accuracy(segment(without_masks(eye)), eye) for eye in drawn_eyes]
    assert np.mean(found) > 0.75


def test_arteries_and_veins_are_told_apart_in_real_eyes(real_data):
    eyes = datasets.hrf(real_data).select(slice(0, 30, 7))
    assert np.mean([artery_accuracy(segment(without_masks(eye)), eye) for eye in eyes]) > 0.75


def test_only_what_is_asked_for_is_drawn_and_the_rest_is_kept(drawn_eyes):
    eye = drawn_eyes[0]
    found = segment(eye, "optic_disc")
    assert found.structure.values.tolist() == eye.structure.values.tolist()
    np.testing.assert_array_equal(get_mask(found, "artery"), get_mask(eye, "artery"))
    assert segment(without_masks(eye), ["vessel"]).structure.values.tolist() == ["vessel"]


def test_the_eye_given_is_not_changed(drawn_eyes):
    eye = without_masks(drawn_eyes[0])
    before = eye.copy(deep=True)
    segment(eye)
    assert before.identical(eye)


def test_the_provenance_tells_methods_and_settings(segmented):
    step = segmented.attrs["provenance"][-1]
    for part in ("vessels by line filters", "low=0.27", "baseline", "optic disc found", "fovea found"):
        assert part in step


def test_two_runs_agree_to_the_last_bit(drawn_eyes, segmented):
    assert segment(without_masks(drawn_eyes[0])).identical(segmented)


def test_grey_photograph_is_segmented_too(drawn_eyes):
    eye = drawn_eyes[0]
    red_free = new_eye(eye["image"].values[..., 1], fov=eye["fov"].values)
    found = segment(red_free)
    truth = get_mask(eye, "vessel")
    assert 2 * (get_mask(found, "vessel") & truth).sum() / (get_mask(found, "vessel").sum() + truth.sum()) > 0.8


def test_what_cannot_be_segmented_is_refused(drawn_eyes):
    with pytest.raises(EyeError, match="'macula' cannot be segmented; wanted some of vessel"):
        segment(drawn_eyes[0], ["macula"])
    with pytest.raises(EyeError, match="no image"):
        segment(new_eye(masks={"vessel": np.zeros((9, 9), bool)}))
