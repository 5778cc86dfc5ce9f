"""Every coding of the public drawings gives the masks it means, and a wrong file is refused."""

import numpy as np
import pytest
from PIL import Image

from retina_tools.datasets import DatasetError
from retina_tools.datasets.layers import read_binary, read_layer
from retina_tools.io import ReadError
from retina_tools.schema import EyeError


@pytest.mark.parametrize(
    ("name", "value", "mode"),
    [("a.png", 255, "1"), ("a.gif", 255, "L"), ("a.tif", 1, "L"), ("a.tif", 1, "P"), ("a.tif", 255, "RGB")],
)
def test_two_values_are_read_alike_in_whatever_form(make, tmp_path, name, value, mode):
    mask = make.drawing(tmp_path / name, value, mode)
    np.testing.assert_array_equal(read_binary(tmp_path / name), mask)


@pytest.mark.parametrize(("value", "expected"), [(0, False), (255, True)])
def test_a_uniform_drawing_is_all_or_nothing(tmp_path, value, expected):
    Image.fromarray(np.full((9, 9), value, np.uint8)).save(tmp_path / "a.png")
    assert (read_binary(tmp_path / "a.png") == expected).all()


def test_a_lossy_drawing_is_cut_in_the_middle(tmp_path):
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:40] = True
    Image.fromarray((mask * 255).astype(np.uint8)).save(tmp_path / "a.jpg", quality=60)
    assert (read_binary(tmp_path / "a.jpg") == mask).mean() > 0.995


def test_a_map_of_several_structures_is_not_taken_for_one(tmp_path):
    Image.fromarray(np.tile(np.array([0, 1, 2], np.uint8), (9, 3))).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="values 0, 1, 2"):
        read_binary(tmp_path / "a.png")


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("coding", ["artery_vein_both", "artery_vein_undecided"])
def test_arteries_and_veins_overlap_or_are_undecided_as_the_coding_says(make, tmp_path, colours, coding):
    codes = make.artery_vein(tmp_path / "a.png", colours)
    masks = read_layer(tmp_path / "a.png", coding, codes.shape)
    both = (codes == 3) & (coding == "artery_vein_both")
    np.testing.assert_array_equal(masks["artery"], (codes == 1) | both)
    np.testing.assert_array_equal(masks["vein"], (codes == 2) | both)
    np.testing.assert_array_equal(masks["vessel"], codes > 0)


def test_blends_of_blurred_strokes_go_to_their_colour_and_greys_to_the_background(tmp_path):
    rgb = np.array([[(253, 22, 22), (60, 60, 217), (20, 240, 20), (231, 231, 231), (40, 0, 0)]] * 9, np.uint8)
    Image.fromarray(np.repeat(rgb, 2, axis=1)).save(tmp_path / "a.png")
    masks = read_layer(tmp_path / "a.png", "artery_vein_undecided")
    assert masks["artery"][0, ::2].tolist() == [True, False, False, False, False]
    assert masks["vein"][0, ::2].tolist() == [False, True, False, False, False]
    assert masks["vessel"][0, ::2].tolist() == [True, True, True, False, False]


def test_grey_codes_beyond_three_are_refused(tmp_path):
    Image.fromarray(np.tile(np.array([0, 127, 255], np.uint8), (9, 3))).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="values up to 255"):
        read_layer(tmp_path / "a.png", "artery_vein_both")


def test_rim_and_cup_make_the_disc(tmp_path):
    codes = np.tile(np.array([0, 1, 2], np.uint8), (9, 3))
    Image.fromarray(codes).save(tmp_path / "a.png")
    masks = read_layer(tmp_path / "a.png", "rim_cup")
    np.testing.assert_array_equal(masks["optic_disc"], codes > 0)
    np.testing.assert_array_equal(masks["optic_cup"], codes == 2)


def test_a_contour_fills_to_the_area_it_encloses(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.column_stack([60 + 30 * np.cos(angle), 50 + 20 * np.sin(angle)])  # x, y
    np.savetxt(tmp_path / "c.txt", points, delimiter=" , ", fmt="%.6f")
    mask = read_layer(tmp_path / "c.txt", "contour_optic_disc", (100, 120))["optic_disc"]
    assert mask.sum() == pytest.approx(np.pi * 30 * 20, rel=0.01)
    y, x = (index.mean() for index in np.nonzero(mask))
    assert (y, x) == pytest.approx((50, 60), abs=0.1)


@pytest.mark.parametrize("text", ["", "1,2\n3,4\n", "a,b\nc,d\ne,f\n", "1,2,3\n4,5,6\n7,8,9\n"])
def test_a_file_that_is_no_contour_is_refused(tmp_path, text):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(DatasetError, match="contour"):
        read_layer(tmp_path / "c.txt", "contour_optic_disc", (100, 120))


def test_a_drawing_of_another_size_is_refused(make, tmp_path):
    make.drawing(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="64 x 48 pixels, its photograph 128 x 96"):
        read_layer(tmp_path / "a.png", "vessel", (96, 128))


def test_an_unknown_coding_is_refused(make, tmp_path):
    make.drawing(tmp_path / "a.png")
    with pytest.raises(EyeError, match="'vessels' is not a name"):
        read_layer(tmp_path / "a.png", "vessels")


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(ReadError, match="not an image"):
        read_layer(tmp_path / "a.png", "vessel")
