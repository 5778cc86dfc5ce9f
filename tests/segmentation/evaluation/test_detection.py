"""Lesions one by one: closed forms of a few blobs."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import Detections, free_response, match_objects, object_precision


def blobs(*places, size=4, shape=(40, 40)):
    mask = np.zeros(shape, bool)
    for y, x in places:
        mask[y : y + size, x : x + size] = True
    return mask


def scored(*pairs, shape=(40, 40)):
    """Probability of blobs at given places."""
    probability = np.zeros(shape)
    for place, value in pairs:
        probability[blobs(place)] = value
    return probability


TRUTH = blobs((2, 2), (20, 20))


def test_two_lesions_found_with_one_false_alarm_between_them():
    probability = scored(((2, 2), 0.9), ((2, 20), 0.7), ((20, 20), 0.5))
    found = match_objects(probability > 0, TRUTH, probability=probability)
    curve = free_response([found])
    assert found.lesions == 2
    assert curve.false_per_image.tolist() == [0, 0, 1, 1]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 1]
    # At 1/8, 1/4 and 1/2 false objects per image one of two is found, at 1, 2, 4 and 8 both.
    assert curve.score == pytest.approx((3 * 0.5 + 4 * 1) / 7)
    # Precision 1 on the first half of sensitivity, 2/3 on the second.
    assert object_precision([found]) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_pictures_without_lesions_count_as_pictures():
    found = match_objects(TRUTH, TRUTH)
    clean = match_objects(blobs((5, 5)), np.zeros_like(TRUTH))
    assert clean.lesions == 0
    curve = free_response([found, clean])
    assert curve.at(0.5) == 1
    assert curve.at(0.25) == 0  # all scores are alike, so the false one comes with the true ones
    assert object_precision([found, clean]) == pytest.approx(2 / 3)


def test_perfect_is_one_and_nothing_is_zero():
    perfect, nothing = match_objects(TRUTH, TRUTH), match_objects(np.zeros_like(TRUTH), TRUTH)
    assert object_precision([perfect]) == free_response([perfect]).score == 1
    assert object_precision([nothing]) == free_response([nothing]).score == 0


def test_one_object_over_two_lesions_finds_one():
    truth = blobs((10, 2), (10, 8))
    bridge = blobs((10, 2), (10, 8))
    bridge[11, 2:12] = True
    found = match_objects(bridge, truth)
    assert found.hit.tolist() == [True]
    assert object_precision([found]) == 0.5


def test_two_objects_on_one_lesion_are_one_hit_that_of_the_surer():
    truth = np.zeros((10, 20), bool)
    truth[2:8, 2:18] = True
    probability = np.zeros((10, 20))
    probability[2:8, 2:8], probability[2:8, 10:18] = 0.9, 0.6
    found = match_objects(probability > 0, truth, probability=probability)
    assert sorted(zip(found.score.tolist(), found.hit.tolist(), strict=True)) == [(0.6, False), (0.9, True)]


def test_overlap_decides_what_is_the_same_lesion():
    shifted = blobs((2, 4))  # shares 8 of 24 pixels with the lesion at (2, 2)
    assert match_objects(shifted, TRUTH, least_iou=0.33).hit.tolist() == [True]
    assert match_objects(shifted, TRUTH, least_iou=0.34).hit.tolist() == [False]


def test_precision_of_objects_is_scikit_learns_where_every_lesion_is_found():
    random = np.random.default_rng(0)
    score, hit = random.random(60).round(1), random.random(60) < 0.4
    found = Detections(score, hit, int(hit.sum()))
    assert object_precision([found]) == pytest.approx(average_precision_score(hit, score))
    missed = Detections(score, hit, 2 * int(hit.sum()))
    assert object_precision([missed]) == pytest.approx(average_precision_score(hit, score) / 2)


def test_mirroring_changes_no_match():
    random = np.random.default_rng(3)
    truth, drawn = (random.random((60, 60)) < 0.15 for _ in range(2))
    one, other = match_objects(drawn, truth), match_objects(drawn[:, ::-1], truth[:, ::-1])
    assert one.hit.sum() == other.hit.sum()
    assert len(one.hit) == len(other.hit)
    assert one.lesions == other.lesions


def test_outside_the_field_of_view_nothing_counts():
    fov = np.zeros_like(TRUTH)
    fov[:, :15] = True
    found = match_objects(TRUTH, TRUTH, fov=fov)
    assert (found.lesions, found.hit.tolist()) == (1, [True])


def test_without_a_lesion_there_is_no_curve():
    with pytest.raises(EyeError, match="no sensitivity"):
        free_response([match_objects(TRUTH, np.zeros_like(TRUTH))])
    assert np.isnan(object_precision([]))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # theirs, at import
def test_the_curve_agrees_with_monais():
    froc = pytest.importorskip("monai.metrics.froc")
    random = np.random.default_rng(1)
    score, hit = random.random(200), random.random(200) < 0.3
    ours = free_response([Detections(score, hit, 90)] + [Detections(np.zeros(0), np.zeros(0, bool), 0)] * 9)
    false, sensitivity = froc.compute_froc_curve_data(score[~hit], score[hit], 90, 10)
    for rate in (0.5, 1, 2, 4, 8):
        assert ours.at(rate) == pytest.approx(np.interp(rate, false[::-1], sensitivity[::-1]), abs=0.02)
