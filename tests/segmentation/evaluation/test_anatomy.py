"""Names of vessels, vertical ratios, and the unit of landmarks."""

import math

import numpy as np
import pytest

from retina_tools import schema
from retina_tools.segmentation.evaluation import (
    artery_vein_agreement,
    disc_diameter_px,
    vertical_extent,
    vertical_ratio,
)

Y, X = np.mgrid[:120, :120] - 59.5


@pytest.fixture
def vessels():
    artery, vein = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    artery[5], vein[:, 20] = True, True
    return artery, vein


def test_swapped_names_are_all_wrong(vessels):
    artery, vein = vessels
    assert artery_vein_agreement(artery, vein, artery, vein) == (1, 1, 1, pytest.approx(1))
    swapped = artery_vein_agreement(vein, artery, artery, vein)
    assert swapped[:3] == (0, 0, 0)
    assert swapped.coverage == 1


def test_all_called_artery_is_right_on_arteries_only(vessels):
    artery, vein = vessels
    both = artery | vein
    found = artery_vein_agreement(both, both & False, artery, vein)
    assert (found.sensitivity, found.specificity) == (1, 0)
    # 29 pixels of artery and 29 of vein, the crossing is neither.
    assert found.accuracy == 0.5


def test_vessels_that_are_not_drawn_lower_the_coverage_not_the_accuracy(vessels):
    artery, vein = vessels
    found = artery_vein_agreement(artery, vein & False, artery, vein)
    assert found.accuracy == 1
    assert math.isnan(found.specificity)
    assert found.coverage == pytest.approx(0.5)


def test_vertical_ratio_of_circles_is_that_of_their_radii():
    cup, disc = np.hypot(Y, X) < 24, np.hypot(Y, X) < 48
    assert vertical_ratio(cup, disc) == pytest.approx(0.5)
    assert vertical_ratio(cup, disc, as_refuge=True) == pytest.approx(0.5)
    assert vertical_ratio(cup & False, disc) == 0
    assert math.isnan(vertical_ratio(cup, disc & False))


def test_a_cup_outside_a_ring_like_disc_counts_to_it():
    rim = (np.hypot(Y, X) < 48) & (np.hypot(Y, X) >= 24)
    cup = np.hypot(Y, X) < 24
    assert vertical_ratio(cup, rim, as_refuge=True) == pytest.approx(0.5)


def test_a_leaning_ellipse_is_higher_than_its_longest_column():
    # Half axes 40 and 20 at 45 degrees: height sqrt(40^2 + 20^2) sqrt(2) = 63.2, longest column
    # 2 / sqrt((1/40^2 + 1/20^2) / 2) = 50.6.
    along, across = (Y + X) / math.sqrt(2), (Y - X) / math.sqrt(2)
    leaning = (along / 40) ** 2 + (across / 20) ** 2 < 1
    assert vertical_extent(leaning) == pytest.approx(63.2, abs=1)
    assert leaning.sum(axis=0).max() == pytest.approx(50.6, abs=1)


def test_disc_diameter_is_that_of_the_disc_or_from_the_scale_or_unknown():
    disc = np.hypot(Y, X) < 30
    assert disc_diameter_px(schema.new_eye(masks={"optic_disc": disc})) == pytest.approx(60, abs=0.3)
    assert disc_diameter_px(schema.new_eye(masks={"vessel": disc}, um_per_pixel=10)) == 180
    assert math.isnan(disc_diameter_px(schema.new_eye(masks={"vessel": disc})))
