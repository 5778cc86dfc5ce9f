import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.schema import EyeError, get_landmark, get_mask


@pytest.fixture(scope="module")
def right_eye():
    return phantom.eye(seed=7, size=512, lesions={"microaneurysm": 6, "drusen": 0}, blur_um=9.0)


def test_a_left_eye_is_the_mirror_image_of_the_right_one(right_eye):
    left = phantom.eye(seed=7, size=512, laterality="OS", lesions={"microaneurysm": 6, "drusen": 0})
    assert np.array_equal(left.image.values, right_eye.image.values[:, ::-1])
    assert np.array_equal(left.mask.values, right_eye.mask.values[..., ::-1])
    for point in ("optic_disc", "fovea"):
        (y, x), (left_y, left_x) = get_landmark(right_eye, point), get_landmark(left, point)
        assert (left_y, left_x) == pytest.approx((y, 511 - x))


def test_the_disc_of_a_right_eye_is_image_right_of_the_fovea_and_above_it(right_eye):
    disc, fovea = get_landmark(right_eye, "optic_disc"), get_landmark(right_eye, "fovea")
    assert disc[1] > fovea[1]
    assert disc[0] < fovea[0]


def test_a_lesion_looked_for_but_absent_has_an_empty_mask(right_eye):
    assert get_mask(right_eye, "microaneurysm").any()
    assert not get_mask(right_eye, "drusen").any()
    assert get_mask(right_eye, "haemorrhage") is None


def test_an_unknown_parameter_is_answered_with_the_known_ones():
    with pytest.raises(EyeError, match=r"Did you mean 'cup_disc_ratio'\?.*vessel_density"):
        phantom.eye(cup_disk_ratio=0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cup_disc_ratio": 1.4}, "cup_disc_ratio is 1.4, wanted 0.05 to 0.95"),
        ({"tortuosity": float("nan")}, "tortuosity is nan"),
        ({"noise": "much"}, "noise is 'much', wanted a number"),
        ({"size": 12}, "size is 12"),
        ({"laterality": "left"}, "wanted 'OD'"),
        ({"seed": -1}, "seed is -1"),
        ({"lesions": {"wart": 2}}, "'wart' is not a lesion"),
        ({"lesions": {"drusen": 2.5}}, "count of drusen is 2.5"),
        ({"lesions": 4}, "wanted a mapping"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(EyeError, match=message):
        phantom.eye(**values)
