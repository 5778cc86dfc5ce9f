"""The photograph shows what the masks say, whatever its size, and the camera does what its parameters say."""

import json

import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.schema import get_mask

CLEAN = {"noise": 0.0, "uneven_illumination": 0.0, "tessellation": 0.0}


@pytest.fixture(scope="module")
def eye():
    lesions = {"haemorrhage": 5, "hard_exudate": 8, "cotton_wool_spot": 2}
    return phantom.eye(seed=21, size=512, lesions=lesions, **CLEAN)


def _mean(eye, mask, channel):
    return eye.image.values[..., channel][mask].mean()


def test_veins_are_darker_than_arteries_and_these_than_the_retina(eye):
    artery, vein, disc = (get_mask(eye, name) for name in ("artery", "vein", "optic_disc"))
    rest = eye.fov.values & ~artery & ~vein & ~disc
    green = [_mean(eye, mask, 1) for mask in (vein & ~artery & ~disc, artery & ~vein & ~disc, rest)]
    assert green[0] < green[1] < green[2]
    # Arterial blood lets more red through.
    assert _mean(eye, vein & ~artery & ~disc, 0) < 0.93 * _mean(eye, artery & ~vein & ~disc, 0)


def test_disc_is_bright_cup_brighter_and_macula_dark(eye):
    vessel, disc, cup, macula = (get_mask(eye, name) for name in ("vessel", "optic_disc", "optic_cup", "macula"))
    rest = eye.fov.values & ~vessel & ~disc & ~macula
    cup_green, rim_green = _mean(eye, cup & ~vessel, 1), _mean(eye, disc & ~cup & ~vessel, 1)
    assert cup_green > rim_green > 1.2 * _mean(eye, rest, 1)
    assert _mean(eye, macula & ~vessel, 1) < 0.85 * _mean(eye, rest, 1)


@pytest.mark.parametrize(
    ("kind", "brighter"), [("haemorrhage", False), ("hard_exudate", True), ("cotton_wool_spot", True)]
)
def test_lesions_stand_out_the_right_way(eye, kind, brighter):
    bare = phantom.eye(seed=21, size=512, **CLEAN)
    mask = get_mask(eye, kind)
    ratio = _mean(eye, mask, 1) / _mean(bare, mask, 1)
    assert ratio > 1.2 if brighter else ratio < 0.75


def test_nothing_is_seen_outside_the_field_of_view(eye):
    axis = np.arange(512) - 255.5
    outside = np.hypot(axis[:, None], axis[None]) > 0.49 * 512 + 1.0
    assert not eye.image.values[outside].any()
    assert not eye.fov.values[outside].any()
    assert not eye.mask.values[:, ~eye.fov.values].any()


def test_a_larger_picture_shows_the_same_eye():
    large, small = (phantom.eye(seed=22, size=size, blur_um=30.0, noise=0.0).image.values for size in (768, 384))
    averaged = large.reshape(384, 2, 384, 2, 3).mean(axis=(1, 3))
    inside = np.hypot(*np.mgrid[-191.5:192.5, -191.5:192.5]) < 184
    assert np.abs(averaged - small)[inside].mean() < 1.5


def test_the_field_of_view_has_the_angle_asked_for():
    for angle in (30.0, 45.0, 60.0):
        eye = phantom.eye(seed=1, size=256, field_angle_deg=angle)
        diameter_um = eye.fov.values.any(axis=0).sum() * eye.attrs["um_per_pixel"]
        assert diameter_um / 288.0 == pytest.approx(angle, rel=0.01)


def test_light_haze_noise_and_compression_do_what_they_say():
    plain = phantom.eye(seed=23, size=256, **CLEAN).image.values.astype(float)
    values = {
        "dim": {"illumination": 0.6},
        "hazy": {"haze": 0.8},
        "noisy": {"noise": 12.0},
        "jpeg": {"jpeg_quality": 30},
    }
    made = {name: phantom.eye(seed=23, size=256, **(CLEAN | value)).image.values for name, value in values.items()}
    inside = np.hypot(*np.mgrid[-127.5:128.5, -127.5:128.5]) < 100
    assert made["dim"][inside].mean() == pytest.approx(0.6 * plain[inside].mean(), rel=0.02)
    assert made["hazy"][inside, 1].std() < 0.55 * plain[inside, 1].std()
    assert (made["noisy"][inside, 1] - plain[inside, 1]).std() == pytest.approx(12.0, rel=0.05)
    assert 0 < np.abs(made["jpeg"] - plain)[inside].mean() < 8


def test_a_darker_fundus_is_darker():
    blond, dark = (phantom.eye(seed=23, size=128, pigmentation=value).image.values.mean() for value in (0.0, 1.0))
    assert dark < 0.75 * blond


def test_the_truth_travels_as_plain_json(eye):
    assert isinstance(eye.attrs["phantom"], str)
    stored = json.loads(eye.attrs["phantom"])
    assert stored["parameters"]["lesions"] == {"haemorrhage": 5, "hard_exudate": 8, "cotton_wool_spot": 2}
    assert phantom.truth(eye)["lesion_count"]["hard_exudate"] == 8


def test_parameters_of_an_eye_make_the_same_eye_again(eye):
    truth = phantom.truth(eye)
    again = phantom.eye(seed=truth["seed"], size=512, **truth["parameters"])
    assert np.array_equal(again.image.values, eye.image.values)
