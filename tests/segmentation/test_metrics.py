"""Agreement of masks: closed forms and their edge cases."""

import numpy as np
import pytest

from retina_tools.schema import EyeError
from retina_tools.segmentation import agreement, area_under_curve, dice


def test_counts_by_hand_inside_the_field_only():
    mask, truth = np.zeros((2, 4, 4), bool)
    mask[0], truth[0, :2], truth[1, 0] = True, True, True
    found = agreement(mask, truth)
    assert found["dice"] == pytest.approx(2 * 2 / (4 + 3))
    assert found["sensitivity"] == pytest.approx(2 / 3)
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["specificity"] == pytest.approx(11 / 13)
    assert found["accuracy"] == pytest.approx(13 / 16)
    fov = np.zeros((4, 4), bool)
    fov[0, :2] = True
    assert dice(mask, truth, fov) == 1.0


def test_nothing_to_agree_on_is_no_number():
    empty = np.zeros((3, 3), bool)
    assert np.isnan(dice(empty, empty))
    assert dice(empty, ~empty) == 0.0
    assert np.isnan(area_under_curve([0.1, 0.9], [True, True]))


def test_area_under_curve_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    score, truth = rng.integers(0, 9, 60), rng.random(60) < 0.4
    pairs = score[truth][:, None] - score[~truth][None]
    assert area_under_curve(score, truth) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_other_sizes_are_refused():
    with pytest.raises(EyeError, match="same size"):
        dice(np.zeros((2, 2)), np.zeros((3, 3)))
