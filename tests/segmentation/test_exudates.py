"""Hard exudates: found in synthetic eyes, not where there are none; the same in a mirror and in other light."""

import numpy as np
import pytest

from retina_tools import datasets, phantom, schema, segmentation
from retina_tools.biomarkers.objects import Objects
from retina_tools.schema import EyeError, get_mask, with_parts, without_masks


def only_disc(eye, **parts):
    return with_parts(without_masks(eye), masks={"optic_disc": get_mask(eye, "optic_disc")}, **parts)


def found_in(eye, **options):
    return get_mask(segmentation.segment_exudates(eye, **options), "hard_exudate")


@pytest.mark.parametrize("caption", ["moderate NPDR", "12 macular hard exudates, left eye"])
@pytest.mark.parametrize("size", [600, 1000])
def test_exudates_of_synthetic_eyes_are_found_and_hardly_anything_else(caption, size):
    eye = phantom.eye(caption, seed=2, size=size)
    true = Objects(get_mask(eye, "hard_exudate"))
    mask = found_in(only_disc(eye))
    hit = np.unique(true.owner[mask.flat[true.pixels]])
    assert len(hit) >= 0.9 * true.count
    found = Objects(mask)
    right = np.unique(found.owner[get_mask(eye, "hard_exudate").flat[found.pixels]])
    assert found.count - len(right) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_where_nothing_is(seed):
    assert not found_in(only_disc(phantom.eye("healthy", seed=seed, size=600))).any()


def test_the_disc_is_no_exudate():
    eye = phantom.eye("healthy", seed=4, size=600)
    blind = with_parts(without_masks(eye), masks={"optic_disc": np.zeros((600, 600), bool)})
    assert found_in(blind, least_probability=0.0).sum() > found_in(only_disc(eye), least_probability=0.0).sum()
    disc = get_mask(eye, "optic_disc")
    assert not (found_in(only_disc(eye), least_probability=0.0) & disc).any()


def test_a_mirrored_photograph_has_mirrored_exudates():
    eye = only_disc(phantom.eye("8 hard exudates", seed=1, size=600))
    mirrored = schema.new_eye(
        eye.image.values[:, ::-1],
        {"optic_disc": get_mask(eye, "optic_disc")[:, ::-1]},
        fov=eye.fov.values[:, ::-1],
    )
    one, other = found_in(eye), found_in(mirrored)[:, ::-1]
    assert (one & other).sum() >= 0.98 * max(one.sum(), other.sum()) > 0


def test_a_darker_photograph_has_the_same_exudates():
    eye = only_disc(phantom.eye("8 hard exudates", seed=1, size=600))
    dark = eye.assign(image=(eye.image * 0.7).round().astype(np.uint8))
    one, other = found_in(eye), found_in(dark)
    assert (one & other).sum() >= 0.9 * max(one.sum(), other.sum()) > 0


def test_higher_probability_finds_less():
    eye = only_disc(phantom.eye("moderate NPDR", seed=3, size=600))
    counts = [found_in(eye, least_probability=p).sum() for p in (0.0, 0.5, 0.95, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_weights_can_be_fitted_to_drawn_exudates():
    eyes = [phantom.eye("moderate NPDR", seed=seed, size=600) for seed in (5, 6)]
    weights = segmentation.fit_exudate_weights(eyes)
    assert len(weights.weight) == 6
    eye = phantom.eye("8 hard exudates", seed=7, size=600)
    true = Objects(get_mask(eye, "hard_exudate"))
    mask = found_in(only_disc(eye), weights=weights, least_probability=0.5)
    assert len(np.unique(true.owner[mask.flat[true.pixels]])) >= 0.8 * true.count


def test_what_cannot_be_searched_is_said():
    eye = phantom.eye("healthy", seed=1, size=300)
    with pytest.raises(EyeError, match="draw it first"):
        segmentation.segment_exudates(without_masks(eye))
    with pytest.raises(EyeError, match="from 0 to 1"):
        segmentation.segment_exudates(only_disc(eye), least_probability=2)
    with pytest.raises(EyeError, match="no image"):
        segmentation.segment_exudates(schema.new_eye(masks={"optic_disc": np.ones((50, 50), bool)}))
    with pytest.raises(EyeError, match="drawn exudates"):
        segmentation.fit_exudate_weights([only_disc(eye)])
    empty = only_disc(eye, fov=np.zeros((300, 300), bool)) if "fov" in eye else eye
    assert not found_in(empty).any()


@pytest.mark.slow
def test_the_weights_shipped_are_those_fitted_to_real_eyes(real_data):
    from retina_tools.segmentation.exudates import FITTED

    weights = segmentation.fit_exudate_weights(datasets.idrid(real_data))
    np.testing.assert_allclose(weights.weight, FITTED.weight, rtol=0.01)
    assert weights.bias == pytest.approx(FITTED.bias, rel=0.01)
