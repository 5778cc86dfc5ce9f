"""Given structures stay as they are; missing ones are drawn around them, and it is written which is which."""

import numpy as np
import pytest

from retina_tools import completion, phantom, schema
from retina_tools.schema import EyeError, get_landmark, get_mask, has_mask, with_parts, without_masks


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(seed=1, size=384)


def shifted(mask, by):
    return np.roll(mask, by, axis=(0, 1))


def drawer(**parts):
    """A segmenter that draws the same on every eye."""

    def segmenter(bare):
        assert bare.structure.size == 0
        return with_parts(bare, **parts, step="drawn by a test")

    return segmenter


def test_what_is_given_stays_and_the_rest_is_drawn(eye):
    given = with_parts(without_masks(eye), masks={name: get_mask(eye, name) for name in ("artery", "vein")})
    done = completion.complete(given)
    for name in ("artery", "vein"):
        assert (get_mask(done, name) == get_mask(eye, name)).all()
    # Both together are the vessels: those that the segmenter saw must not be added.
    assert (get_mask(done, "vessel") == get_mask(given, "vessel")).all()
    disc = get_mask(done, "optic_disc")
    truth = get_mask(eye, "optic_disc")
    assert 2 * (disc & truth).sum() / (disc.sum() + truth.sum()) > 0.8
    assert get_landmark(done, "fovea") is not None
    assert done.provenance[-1].startswith("given: artery, vein; segmented: optic_disc, optic_cup, fovea (")
    assert given.structure.values.tolist() == ["artery", "vein"]


def test_arteries_and_veins_are_drawn_only_on_given_vessels(eye):
    vessel = get_mask(eye, "vessel") & (np.arange(384) < 192)
    drawn = {name: get_mask(eye, name) for name in ("artery", "vein", "vessel")}
    done = completion.complete(with_parts(without_masks(eye), masks={"vessel": vessel}), drawer(masks=drawn))
    assert (get_mask(done, "vessel") == vessel).all()
    assert (get_mask(done, "artery") == (drawn["artery"] & vessel)).all()


def test_veins_are_not_drawn_on_given_arteries(eye):
    artery = get_mask(eye, "artery")
    done = completion.complete(
        with_parts(without_masks(eye), masks={"artery": artery}), drawer(masks={"vein": get_mask(eye, "vessel")})
    )
    assert (get_mask(done, "artery") == artery).all()
    assert not (get_mask(done, "vein") & artery).any()


def test_a_cup_lies_in_its_disc_and_a_disc_holds_its_cup(eye):
    disc, cup = get_mask(eye, "optic_disc"), get_mask(eye, "optic_cup")
    away = shifted(cup, (0, 20))
    done = completion.complete(
        with_parts(without_masks(eye), masks={"optic_disc": disc}), drawer(masks={"optic_cup": away})
    )
    assert (get_mask(done, "optic_cup") == (away & disc)).all()
    done = completion.complete(
        with_parts(without_masks(eye), masks={"optic_cup": cup}), drawer(masks={"optic_disc": shifted(disc, (0, 20))})
    )
    assert not (cup & ~get_mask(done, "optic_disc")).any()


def test_a_fovea_found_from_another_disc_is_not_taken(eye):
    disc = get_mask(eye, "optic_disc")
    centre = get_landmark(eye, "optic_disc")
    given = with_parts(without_masks(eye), masks={"optic_disc": disc})
    fovea = get_landmark(eye, "fovea")
    right = completion.complete(given, drawer(landmarks={"optic_disc": centre, "fovea": fovea}))
    assert get_landmark(right, "fovea") == fovea
    wrong = completion.complete(given, drawer(landmarks={"optic_disc": fovea, "fovea": centre}))
    assert get_landmark(wrong, "fovea") is None
    assert "no fovea: the segmenter took another place for the disc" in wrong.provenance[-1]


def test_an_empty_mask_was_looked_for_and_is_not_drawn_again(eye):
    given = with_parts(without_masks(eye), masks={"optic_cup": np.zeros((384, 384), bool)})
    done = completion.complete(given, drawer(masks={"optic_cup": get_mask(eye, "optic_cup")}))
    assert not get_mask(done, "optic_cup").any()


def test_a_complete_eye_stays_what_it_is_and_a_bare_one_is_segmented(eye):
    done = completion.complete(eye)
    assert (done["mask"] == eye["mask"]).all()
    bare = completion.complete(without_masks(eye))
    assert has_mask(bare, "artery")
    assert schema.get_probability(bare, "vessel") is not None
    with pytest.raises(EyeError, match="no image to draw"):
        completion.complete(schema.new_eye(masks={"artery": get_mask(eye, "artery")}))
