"""What travels to the browser: masks exactly, photographs nearly, large ones made smaller without losing anything."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from widgets.encoding import decode_mask, display_shape, encode_mask, encode_photograph, shrink_mask

RNG = np.random.default_rng(5)
BLOBS = ndimage.gaussian_filter(RNG.normal(size=(257, 301)), 4) > 0.05


@pytest.mark.parametrize(
    "mask",
    [
        BLOBS,
        RNG.random((40, 33)) > 0.5,
        np.zeros((9, 17), bool),
        np.ones((9, 17), bool),
        np.ones((1, 1), bool),
        np.eye(8, dtype=bool),
    ],
)
def test_a_mask_arrives_exactly(mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask, (1, 2, 3))), mask)


def test_a_mask_is_its_colour_where_on_and_clear_where_off() -> None:
    with Image.open(io.BytesIO(encode_mask(BLOBS, (230, 74, 52)))) as picture:
        rgba = np.asarray(picture.convert("RGBA"))
    assert (rgba[BLOBS] == (230, 74, 52, 255)).all()
    assert (rgba[~BLOBS, 3] == 0).all()


def test_a_shrunk_mask_keeps_its_area_and_place() -> None:
    rows, columns = np.mgrid[:3000, :4000]
    disc = np.hypot(rows - 1000, columns - 2500) <= 400
    small = shrink_mask(disc, 1024)
    factor = 4000 / 1024
    assert small.shape == (768, 1024)
    assert small.sum() * factor**2 == pytest.approx(disc.sum(), rel=0.005)
    at = (np.argwhere(small).mean(0) + 0.5) * factor - 0.5
    assert at == pytest.approx([1000, 2500], abs=0.5)


def test_nothing_small_vanishes_in_a_shrunk_mask() -> None:
    mask = np.zeros((1500, 4000), bool)
    spots = [(100 + 211 * k, 300 + 517 * k) for k in range(6)]
    for y, x in spots:
        mask[y, x] = True  # a single pixel
    mask[1400, 200:3800] = True  # a line of one pixel
    small = shrink_mask(mask, 1000)
    for y, x in spots:
        assert small[y // 4, x // 4]
    assert small[350, 50:950].all()
    assert small.sum() < 1000


def test_a_small_mask_is_not_touched() -> None:
    assert shrink_mask(BLOBS, 301) is BLOBS


def test_a_photograph_looks_the_same() -> None:
    rows, columns = np.mgrid[:300, :400]
    image = np.stack([120 + rows // 4, 60 + columns // 5, 40 + (rows + columns) // 10], -1).astype(np.uint8)
    with Image.open(io.BytesIO(encode_photograph(image))) as picture:
        assert picture.size == (400, 300)
        assert np.abs(np.asarray(picture).astype(int) - image).max() <= 6


def test_even_noise_stays_under_its_budget() -> None:
    noise = RNG.integers(0, 255, (1200, 1200, 3)).astype(np.uint8)
    smooth = ndimage.gaussian_filter(noise, (1.2, 1.2, 0))
    assert len(encode_photograph(smooth)) <= 500_000


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [((2848, 4288), 2048, (1360, 2048)), ((4288, 2848), 2048, (2048, 1360)), ((2, 9000), 2048, (1, 2048))],
)
def test_display_shape_keeps_the_proportions(shape: tuple[int, int], most: int, expected: tuple[int, int]) -> None:
    assert display_shape(shape, most) == expected
