"""Disc, cup and fovea: found where they are, and not found where they are not."""

import numpy as np
import pytest

from retina_tools import datasets
from retina_tools.schema import get_landmark, get_mask, new_eye, with_parts, without_masks
from retina_tools.segmentation import dice, fit_fov_circle, segment

POINTS = ("optic_disc", "fovea")


def disc_diameter(eye):
    return 2 * np.sqrt(get_mask(eye, "optic_disc").sum() / np.pi)


def apart(found, eye, point, diameter):
    """Distance from the truth in disc diameters, infinite where nothing was found."""
    place = get_landmark(found, point)
    return np.inf if place is None else np.hypot(*np.subtract(place, get_landmark(eye, point))) / diameter


def blank(**patches):
    y, x = np.mgrid[:400, :400]
    fov = np.hypot(y - 199.5, x - 199.5) < 195
    picture = np.where(fov[..., None], np.float32([150, 90, 45]), 0)
    for (centre_y, centre_x), radius, factor in patches.values():
        picture[np.hypot(y - centre_y, x - centre_x) < radius] *= factor
    return new_eye(np.clip(picture, 0, 255).astype(np.uint8), fov=fov)


def test_disc_and_fovea_of_synthetic_eyes(drawn_eyes):
    for eye in drawn_eyes:
        found = segment(without_masks(eye), POINTS)
        diameter = disc_diameter(eye)
        assert apart(found, eye, "optic_disc", diameter) < 0.25
        assert apart(found, eye, "fovea", diameter) < 0.25
        assert dice(get_mask(found, "optic_disc"), get_mask(eye, "optic_disc")) > 0.7


def test_cup_is_inside_the_disc(drawn_eyes):
    for eye in drawn_eyes:
        found = segment(without_masks(eye), ["optic_disc", "optic_cup"])
        disc, cup = get_mask(found, "optic_disc"), get_mask(found, "optic_cup")
        assert cup.any()
        assert not (cup & ~disc).any()


@pytest.mark.parametrize("centre", [(199.5, 290.0), (190.0, 110.0)])
@pytest.mark.parametrize("radius", [24, 34])
def test_outline_of_a_bare_disc(centre, radius):
    eye = blank(disc=(centre, radius, 1.5))
    found = segment(eye, "optic_disc")
    y, x = np.mgrid[:400, :400]
    assert dice(get_mask(found, "optic_disc"), np.hypot(y - centre[0], x - centre[1]) < radius) > 0.95


@pytest.mark.parametrize(("side", "temporal"), [("OD", -1), ("OS", 1)])
def test_fovea_is_looked_for_on_the_stated_side(side, temporal):
    # A dark spot on either side of a disc in the middle of the picture.
    spots = {"disc": ((200, 200), 24, 1.5), "left": ((205, 80), 16, 0.75), "right": ((205, 320), 16, 0.75)}
    found = segment(with_parts(blank(**spots), laterality=side), POINTS)
    assert get_landmark(found, "fovea") == pytest.approx((205, 200 + 120 * temporal), abs=4)


def test_mirrored_eye_has_the_mirrored_landmarks(drawn_eyes):
    eye = without_masks(drawn_eyes[0])
    image, fov = (np.ascontiguousarray(eye[name].values[:, ::-1]) for name in ("image", "fov"))
    found = segment(with_parts(eye, laterality=""), POINTS)
    mirrored = segment(new_eye(image, fov=fov), POINTS)
    for point in POINTS:
        y, x = get_landmark(mirrored, point)
        assert (y, eye.sizes["x"] - 1 - x) == pytest.approx(get_landmark(found, point), abs=0.2)


@pytest.mark.parametrize("kind", ["black", "white", "even", "noise", "tiny", "no field"])
def test_picture_without_a_disc_has_none_and_says_why(kind):
    rng = np.random.default_rng(0)
    picture = {
        "black": np.zeros((200, 200, 3)),
        "white": np.full((200, 200, 3), 255),
        "even": blank()["image"].values,
        "noise": rng.integers(0, 255, (200, 200, 3)),
        "tiny": rng.integers(0, 255, (8, 8, 3)),
        "no field": np.full((64, 64, 3), 90),
    }[kind].astype(np.uint8)
    eye = new_eye(picture, fov=np.zeros(picture.shape[:2], bool) if kind == "no field" else None)
    found = segment(eye)
    assert get_landmark(found, "optic_disc") is None
    assert get_landmark(found, "fovea") is None
    assert not get_mask(found, "optic_disc").any()
    assert not get_mask(found, "optic_cup").any()
    assert "no optic disc: " in found.attrs["provenance"][-1]
    assert "no fovea: " in found.attrs["provenance"][-1]


def test_photograph_with_its_disc_painted_over_has_none(drawn_eyes):
    eye = drawn_eyes[1]
    image = eye["image"].values.copy()
    y, x = np.mgrid[: eye.sizes["y"], : eye.sizes["x"]]
    centre_y, centre_x = get_landmark(eye, "optic_disc")
    disc = np.hypot(y - centre_y, x - centre_x) < 0.9 * disc_diameter(eye)
    image[disc] = np.median(image[eye["fov"].values & ~disc], axis=0)
    assert get_landmark(segment(new_eye(image, fov=eye["fov"].values), POINTS), "optic_disc") is None


def distances(eyes):
    """Disc and fovea from the official centres, in disc diameters (0.157 of the field in these photographs)."""
    found = []
    for eye in eyes:
        drawn = segment(without_masks(eye), POINTS)
        diameter = 0.157 * fit_fov_circle(eye["fov"].values).diameter_px
        found.append([apart(drawn, eye, point, diameter) for point in POINTS])
    return np.array(found).T


def test_disc_of_real_photographs(real_data):
    disc, fovea = distances(datasets.idrid(real_data, part="localisation").select(slice(3, 280, 20)))
    assert (disc < 0.5).mean() >= 0.85
    assert (fovea < 0.5).mean() >= 0.75


@pytest.mark.slow
def test_disc_of_every_real_photograph(real_data):
    disc, fovea = distances(datasets.idrid(real_data, part="localisation"))
    assert (disc < 0.5).mean() >= 0.97
    assert (fovea < 0.5).mean() >= 0.90


def test_disc_outline_agrees_with_people(real_data):
    eyes = datasets.idrid(real_data).select(slice(0, 14, 3))
    found = [
        dice(get_mask(segment(without_masks(eye), "optic_disc"), "optic_disc"), get_mask(eye, "optic_disc"))
        for eye in eyes
    ]
    assert np.mean(found) > 0.9
