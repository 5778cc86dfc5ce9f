"""What is no fundus photograph is said to be none; what has no colour is not."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage import data

from retina_tools import io

UNLIKE = "The picture does not look like a fundus photograph: "
# Only pictures that come with scikit-image itself.
THINGS = ("astronaut", "camera", "cat", "coffee", "coins", "gravel", "page", "text")


def as_colour(picture):
    array = np.asarray(picture)
    return np.ascontiguousarray(array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2))


def in_a_circle(picture, side=500):
    """The middle of a picture behind a round aperture."""
    height, width = picture.shape[:2]
    half = min(height, width) // 2
    middle = picture[height // 2 - half : height // 2 + half, width // 2 - half : width // 2 + half]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    square = np.asarray(Image.fromarray(middle).resize((side, side)))
    return np.where((np.hypot(y, x) < 0.47 * side)[..., None], square, 0).astype(np.uint8)


def coloured(texture, spread):
    """A texture in the colours of a fundus."""
    planes = [level + spread * level / 180 * texture for level in (180.0, 90.0, 50.0)]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def cloud(seed, exponent, side=400):
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    field = np.fft.ifft2(np.fft.fft2(np.random.default_rng(seed).normal(size=(side, side))) / frequency**exponent).real
    return (field - field.mean()) / field.std()


@pytest.mark.parametrize("name", THINGS)
def test_photographs_of_other_things(name, judge):
    picture = as_colour(getattr(data, name)())
    found = judge(picture)
    assert found["reason"].item().startswith(UNLIKE), found["reason"].item()
    assert not found["gradable"].item()


@pytest.mark.parametrize("name", ["camera", "cat", "coffee", "page"])
def test_a_round_aperture_does_not_make_them_fundi(name, judge):
    found = judge(in_a_circle(as_colour(getattr(data, name)())))
    assert not found["gradable"].item(), name


def test_noise_and_clouds(judge):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (400, 400, 3)).astype(np.uint8)
    grain = rng.normal(size=(400, 400))
    clouds = [coloured(texture, 30) for texture in (cloud(0, 1.0), cloud(0, 2.0), grain)]
    for picture in (colours, *clouds):
        assert not judge(in_a_circle(picture))["gradable"].item()


def test_a_landscape(judge):
    y, x = np.mgrid[:480, :640]
    sky = np.stack([120 + y / 8, 160 + y / 12, 230 - y / 16], -1)
    land = 30 * ndimage.zoom(cloud(1, 1.0), 1.6, order=1)[:480, :640, None] + np.array([90, 120, 60])
    picture = np.where((y > 260 + 20 * np.sin(x / 60))[..., None], land, sky)
    found = judge(np.clip(picture, 0, 255).astype(np.uint8))
    assert found["reason"].item().startswith(UNLIKE)
    assert "its colour is not that of a fundus" in found["reason"].item()


def test_the_cat_is_told_by_its_fur_and_colour(judge):
    reason = judge(data.cat())["reason"].item()
    assert reason == UNLIKE + "no dark vessels that run through it are seen and its colour is not that of a fundus."


def test_an_orange_disc_has_no_vessels(judge):
    y, x = np.mgrid[:400, :400] - 199.5
    disc = np.where((np.hypot(y, x) < 180)[..., None], (200, 100, 50), 0).astype(np.uint8)
    assert not judge(disc)["gradable"].item()


def test_the_retina_of_scikit_image(judge):
    picture = data.retina()
    found = judge(picture, io.find_fov(picture))
    assert found["gradable"].item(), found["reason"].item()
    assert found["score"] > 0.9


def test_grey_photographs_are_fundi(phantoms, judge):
    retina = data.retina()
    for picture in (retina, phantoms[0]["image"].values):
        for plane in (picture[..., 1], picture.mean(2).astype(np.uint8)):
            found = judge(plane, io.find_fov(picture))
            assert found["gradable"].item(), found["reason"].item()


def test_a_blurred_fundus_is_called_blurred_not_something_else(phantoms, degrading, judge):
    for eye in phantoms:
        image, fov = eye["image"].values, eye["fov"].values
        for um in (100, 200):
            assert "blurred" in judge(degrading.blurred(image, fov, um), fov)["reason"].item()
