"""Centrelines and paths: closed forms on lines, and laws on a tree."""

import numpy as np
import pytest

from retina_tools import phantom, schema
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import centreline_dice, compare_paths
from retina_tools.segmentation.evaluation.topology import centreline

TURNS = (lambda mask: mask[:, ::-1], lambda mask: mask[::-1], np.rot90, np.transpose)


@pytest.fixture(scope="module")
def tree():
    return schema.get_mask(phantom.eye(seed=4, size=320), "vessel")


@pytest.fixture
def line():
    """A vessel five pixels wide and 200 long."""
    mask = np.zeros((60, 220), bool)
    mask[28:33, 10:210] = True
    return mask


def test_the_same_tree_is_perfect(tree):
    paths = compare_paths(tree, tree)
    assert centreline_dice(tree, tree) == 1
    assert (paths.infeasible, paths.correct) == (0, 1)
    np.testing.assert_allclose(paths.drawn_px, paths.true_px)


def test_nothing_drawn_is_worth_nothing(tree):
    nothing = np.zeros_like(tree)
    paths = compare_paths(nothing, tree)
    assert centreline_dice(nothing, tree) == 0
    assert (paths.infeasible, paths.correct) == (1, 0)


def test_without_a_true_tree_there_is_nothing_to_compare(tree):
    nothing = np.zeros_like(tree)
    assert np.isnan(centreline_dice(tree, nothing))
    assert compare_paths(tree, nothing) is None


def test_centreline_dice_of_a_line_with_a_gap(line):
    gapped = line.copy()
    gapped[:, 90:130] = False  # a fifth of its length
    # All that is drawn is right, four fifths of the truth are drawn: 2 * 1 * 0.8 / 1.8.
    assert centreline_dice(gapped, line) == pytest.approx(2 * 0.8 / 1.8, abs=0.01)


def test_centreline_dice_forgives_a_vessel_too_thin_where_dice_does_not(line):
    thin = np.zeros_like(line)
    thin[30, 10:210] = True
    assert centreline_dice(thin, line) > 0.99


def test_paths_across_a_cut_are_broken_and_the_others_are_not(line):
    cut = line.copy()
    cut[:, 110] = False  # in the middle
    paths = compare_paths(cut, line, pairs=400, shortest=0.05)
    # Two random points lie on different sides of the middle in half of all pairs, a little more for those far apart.
    assert 0.42 < paths.infeasible < 0.65
    assert paths.infeasible + paths.correct == pytest.approx(1)


def test_a_detour_is_a_path_of_the_wrong_length(line):
    detour = line.copy()
    detour[:, 100:121] = False
    detour[5:33, 96:100] = detour[5:33, 121:125] = detour[3:8, 96:125] = True
    paths = compare_paths(detour, line, pairs=200)
    longer = paths.drawn_px - paths.true_px
    # Up 25 pixels and down again, less four corners that are cut; points in the gap have no vessel near.
    around = np.isfinite(longer) & (longer > 10)
    assert around.any()
    assert np.abs(longer[around] - 47).max() < 7
    assert paths.correct == pytest.approx(1 - paths.infeasible - around.mean(), abs=0.02)


def test_a_line_beside_the_tolerance_is_not_followed(line):
    near, far = np.roll(line, 2, axis=0), np.roll(line, 12, axis=0)
    assert compare_paths(near, line).correct == 1
    assert compare_paths(far, line).infeasible == 1


@pytest.mark.parametrize("turn", TURNS)
def test_mirrored_and_turned_trees_give_exactly_the_same(tree, turn):
    drawn = tree & (np.random.default_rng(1).random(tree.shape) < 0.97)
    wanted, found = compare_paths(drawn, tree), compare_paths(turn(drawn), turn(tree))
    assert centreline_dice(turn(drawn), turn(tree)) == centreline_dice(drawn, tree)
    np.testing.assert_allclose(found.drawn_px, wanted.drawn_px)
    np.testing.assert_array_equal(centreline(turn(tree)), turn(centreline(tree)))


def test_masks_of_two_sizes_are_refused(line):
    with pytest.raises(EyeError, match="same size"):
        centreline_dice(line, line[:, :-1])
