"""The classical vessel segmenter: against exact masks, against people, and against pictures without vessels."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from retina_tools import datasets
from retina_tools.schema import EyeError, get_mask, new_eye, without_masks
from retina_tools.segmentation import agreement, dice, find_vessels, fit_fov_circle, fit_vessel_weights


def circle(size=300, radius=140):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.hypot(y, x) <= radius


def test_synthetic_vessels_are_found(drawn_eyes):
    for eye in drawn_eyes:
        found = find_vessels(without_masks(eye))
        truth, fov = get_mask(eye, "vessel"), eye["fov"].values
        result = agreement(found.mask, truth, fov, probability=found.probability)
        assert result["dice"] > 0.82
        assert result["auc"] > 0.95


@pytest.mark.parametrize("view", [np.fliplr, np.flipud, np.rot90])
def test_turned_eye_has_the_turned_vessels(drawn_eyes, view):
    eye = without_masks(drawn_eyes[0])
    turned = new_eye(np.ascontiguousarray(view(eye["image"].values)), fov=np.ascontiguousarray(view(eye["fov"].values)))
    assert dice(find_vessels(turned).mask, view(find_vessels(eye).mask)) > 0.995


@pytest.mark.parametrize("brightness", [0.55, 0.8])
def test_darker_photograph_has_the_same_vessels(drawn_eyes, brightness):
    eye = without_masks(drawn_eyes[0])
    darker = new_eye((eye["image"].values * brightness).astype(np.uint8), fov=eye["fov"].values)
    assert dice(find_vessels(darker).mask, find_vessels(eye).mask) > 0.97


def test_even_retina_and_noise_have_no_vessels_and_no_ring():
    fov = circle()
    y, x = np.mgrid[:300, :300] / 299 - 0.5
    falling = np.where(fov, 170 * np.exp(-1.5 * (y**2 + x**2)), 0)
    noisy = falling + np.where(fov, np.random.default_rng(0).normal(0, 3, fov.shape), 0)
    for plane in (falling, noisy):
        picture = np.clip(np.stack([plane, 0.6 * plane, 0.3 * plane], axis=-1), 0, 255).astype(np.uint8)
        assert find_vessels(new_eye(picture, fov=fov)).mask[fov].mean() < 0.005


def test_nothing_is_drawn_outside_the_field_or_on_its_rim(drawn_eyes):
    eye = without_masks(drawn_eyes[1])
    found = find_vessels(eye)
    y, x = np.mgrid[: eye.sizes["y"], : eye.sizes["x"]]
    outer = fit_fov_circle(eye["fov"].values)
    depth = outer.diameter_px / 2 - np.hypot(y - outer.centre_yx[0], x - outer.centre_yx[1])
    assert not found.mask[~eye["fov"].values].any()
    assert not found.mask[depth < 0.005 * outer.diameter_px - 1].any()


@pytest.mark.parametrize("radius", [10, 14])
def test_blot_of_blood_with_soft_edges_is_no_vessel(drawn_eyes, radius):
    for eye in drawn_eyes:
        free = distance_transform_edt(~get_mask(eye, "vessel") & ~get_mask(eye, "optic_disc") & eye["fov"].values)
        centre_y, centre_x = np.unravel_index(int(free.argmax()), free.shape)
        y, x = np.mgrid[: eye.sizes["y"], : eye.sizes["x"]]
        blot = np.hypot(y - centre_y, x - centre_x) < radius
        share = gaussian_filter(blot.astype(float), 2)[..., None]
        picture = (eye["image"].values * (1 - share * (0.2, 0.5, 0.4))).astype(np.uint8)
        assert find_vessels(new_eye(picture, fov=eye["fov"].values)).mask[blot].mean() < 0.1


@pytest.mark.parametrize("size", [8, 20])
@pytest.mark.parametrize("value", [0, 255])
def test_tiny_and_empty_pictures_have_no_vessels(size, value):
    picture = np.full((size, size, 3), value, np.uint8)
    for fov in (np.ones((size, size), bool), np.zeros((size, size), bool)):
        assert not find_vessels(new_eye(picture, fov=fov)).mask.any()


def test_thresholds_out_of_order_are_refused(drawn_eyes):
    with pytest.raises(EyeError, match="low <= high"):
        find_vessels(drawn_eyes[0], low=0.7, high=0.2)


@pytest.mark.parametrize(("name", "chosen"), [("hrf", slice(0, 30, 7)), ("chase_db1", slice(0, 20, 4))])
def test_vessels_agree_with_people(real_data, name, chosen):
    found = mean_dice(datasets.open_dataset(name, real_data).select(chosen))
    assert found >= 0.68


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hrf", "chase_db1"])
def test_vessels_agree_with_people_on_every_photograph(real_data, name):
    assert mean_dice(datasets.open_dataset(name, real_data)) >= 0.70


@pytest.mark.slow
@pytest.mark.parametrize(("given", "asked"), [("hrf", "chase_db1"), ("chase_db1", "hrf")])
def test_weights_of_one_set_serve_the_other(real_data, given, asked):
    weights = fit_vessel_weights(datasets.open_dataset(given, real_data))
    eyes = datasets.open_dataset(asked, real_data)
    assert mean_dice(eyes, weights=weights) > mean_dice(eyes) - 0.02


def mean_dice(eyes, **options):
    found = [
        dice(find_vessels(without_masks(eye), **options).mask, get_mask(eye, "vessel"), eye["fov"].values)
        for eye in eyes
    ]
    return float(np.mean(found))
