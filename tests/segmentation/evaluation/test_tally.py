"""Pixels counted by probability give the numbers of the pixels themselves."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import Tally
from retina_tools.segmentation.metrics import area_under_curve


@pytest.fixture(scope="module")
def pixels():
    random = np.random.default_rng(0)
    truth = random.random(3000) < 0.2
    score = np.clip(random.normal(0.3 + 0.3 * truth, 0.2), 0, 1).astype(np.float16)
    return score, truth


def test_ranking_is_that_of_the_pixels_themselves(pixels):
    score, truth = pixels
    tally = Tally.of(score, truth)
    assert tally.average_precision() == pytest.approx(average_precision_score(truth, score.astype(float)), abs=1e-12)
    assert tally.area_under_curve() == pytest.approx(roc_auc_score(truth, score.astype(float)), abs=1e-12)
    assert tally.area_under_curve() == pytest.approx(area_under_curve(score, truth), abs=1e-12)


def test_pictures_add_up_to_their_pixels_together(pixels):
    score, truth = pixels
    whole = Tally.of(score, truth)
    parts = Tally.total(Tally.of(score[part], truth[part]) for part in (slice(0, 500), slice(500, None)))
    for name in ("probability", "true", "false"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert Tally.total([]).pixels == 0


def test_only_the_field_of_view_counts(pixels):
    score, truth = pixels
    fov = np.arange(len(truth)) < 1000
    inside, wanted = Tally.of(score, truth, fov), Tally.of(score[:1000], truth[:1000])
    assert inside.pixels == 1000
    assert inside.average_precision() == wanted.average_precision()


def test_perfect_ranking_is_one_and_none_is_the_share_of_true_pixels():
    truth = np.array([True, True, False, False, False])
    assert Tally.of(truth.astype(float), truth).average_precision() == 1
    assert Tally.of(truth.astype(float), truth).area_under_curve() == 1
    flat = Tally.of(np.full(5, 0.5), truth)
    assert flat.average_precision() == pytest.approx(0.4)
    assert flat.area_under_curve() == 0.5


def test_without_true_pixels_there_is_no_ranking():
    tally = Tally.of([0.1, 0.9], [False, False])
    assert math.isnan(tally.average_precision())
    assert math.isnan(tally.area_under_curve())
    with pytest.raises(EyeError, match="no recall"):
        tally.precision_recall()


def test_area_of_the_curve_is_the_average_precision(pixels):
    tally = Tally.of(*pixels)
    curve = tally.precision_recall()
    assert -np.diff(curve.recall) @ curve.precision[:-1] == pytest.approx(tally.average_precision())


def test_calibration_error_of_a_map_known_to_be_wrong_by_a_known_amount():
    # 100 pixels claim 0.75 and 60 of them are true; 300 claim 0.25 and 75 of them are: 0.15 on a quarter, else 0.
    claimed = np.repeat([0.75, 0.25], [100, 300])
    truth = np.concatenate([np.arange(100) < 60, np.arange(300) < 75])
    tally = Tally.of(claimed, truth)
    assert tally.calibration_error(bins=10) == pytest.approx(0.15 / 4)
    found = tally.calibration(bins=10)
    np.testing.assert_allclose(found.claimed, [0.25, 0.75])
    np.testing.assert_allclose(found.observed, [0.25, 0.6])
    assert found.pixels.tolist() == [300, 100]


def test_certain_and_right_is_calibrated_certain_and_wrong_is_not():
    truth = np.array([True, False, False])
    assert Tally.of(truth.astype(float), truth).calibration_error() == 0
    assert Tally.of((~truth).astype(float), truth).calibration_error() == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # theirs, at import
def test_calibration_error_agrees_with_torchmetrics(pixels):
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    import torch

    score, truth = pixels
    theirs = metrics.binary_calibration_error(
        torch.from_numpy(score.astype(np.float32)), torch.from_numpy(truth.astype(int)), n_bins=15
    )
    assert Tally.of(score, truth).calibration_error(15) == pytest.approx(float(theirs), abs=1e-4)


def test_what_is_no_probability_is_refused():
    with pytest.raises(EyeError, match="not logits"):
        Tally.of([0.5, 1.5], [True, False])
    with pytest.raises(EyeError, match="same size"):
        Tally.of([0.5, 0.5], [True])
