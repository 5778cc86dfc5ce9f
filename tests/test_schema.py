"""The eye: what its constructors promise and what validate says."""

import itertools

import numpy as np
import pytest
import xarray as xr
from skimage.color import deltaE_ciede2000, rgb2lab

from retina_tools import schema
from retina_tools.schema import EyeError


@pytest.fixture
def disc():
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:40] = True
    return mask


@pytest.fixture
def eye(disc):
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    return schema.new_eye(
        image, {"optic_disc": disc}, landmarks={"optic_disc": (14.5, 34.5)}, laterality="OD", um_per_pixel=8.0
    )


def test_taxonomy_has_every_name_of_the_general_model():
    assert schema.names("structure") == ("artery", "vein", "vessel", "optic_disc", "optic_cup", "macula")
    assert len(schema.names("phenotype")) == 4
    assert len(schema.names("lesion")) == 23
    assert len(set(schema.names())) == len(schema.names()) == 33


def lightness(name):
    return rgb2lab(np.array([[schema.term(name).rgb]]) / 255)[0, 0]


def test_every_pair_of_colours_differs_in_lightness_and_to_the_eye():
    for a, b in itertools.combinations(schema.names(), 2):
        assert abs(lightness(a)[0] - lightness(b)[0]) > 1, (a, b)
        assert deltaE_ciede2000(lightness(a), lightness(b)) > 2.5, (a, b)


def test_structures_shown_together_differ_clearly_in_lightness():
    for a, b in itertools.combinations(schema.names("structure"), 2):
        assert abs(lightness(a)[0] - lightness(b)[0]) > 5, (a, b)


def test_unknown_name_offers_the_nearest():
    with pytest.raises(EyeError, match="did you mean 'haemorrhage'"):
        schema.term("hemorrhage")


def test_masks_keep_the_order_of_the_taxonomy_whatever_the_order_given(disc):
    eye = schema.new_eye(masks={"drusen": disc, "vein": disc, "artery": disc})
    assert eye.structure.values.tolist() == ["artery", "vein", "drusen"]


def test_an_overlap_belongs_to_both(disc):
    eye = schema.new_eye(masks={"artery": disc, "vein": np.roll(disc, 5, 1)})
    both = schema.get_mask(eye, "artery") & schema.get_mask(eye, "vein")
    assert both.sum() == 50
    assert schema.get_mask(eye, "vessel").sum() == 150


def test_vessel_is_the_union_of_what_is_there(disc):
    undecided = np.roll(disc, 20, 0)
    eye = schema.new_eye(masks={"artery": disc, "vessel": undecided})
    assert schema.get_mask(eye, "vessel").sum() == 200
    assert schema.get_mask(eye, "vein") is None
    assert not schema.has_mask(eye, "vein")


def test_an_empty_mask_is_not_an_absent_one(disc):
    eye = schema.new_eye(masks={"haemorrhage": np.zeros_like(disc)})
    assert schema.has_mask(eye, "haemorrhage")
    assert not schema.has_mask(eye, "microaneurysm")


def test_with_parts_leaves_the_eye_given_as_it_was(eye, disc):
    before = eye.copy(deep=True)
    new = schema.with_parts(
        eye, masks={"optic_cup": disc}, landmarks={"fovea": (5, 5)}, laterality="OS", step="drawn by hand"
    )
    xr.testing.assert_identical(eye, before)
    assert new.structure.values.tolist() == ["optic_disc", "optic_cup"]
    assert schema.get_landmark(new, "fovea") == (5, 5)
    assert new.laterality.item() == "OS"
    assert new.attrs["provenance"] == ["drawn by hand"]


def test_a_hand_drawn_mask_drops_the_probability_it_replaces(eye, disc):
    probable = schema.with_parts(eye, probabilities={"artery": disc * 0.8, "vein": disc * 0.3})
    assert schema.get_mask(probable, "artery").sum() == 100
    assert schema.get_mask(probable, "vein").sum() == 0
    edited = schema.with_parts(probable, masks={"artery": ~disc})
    assert schema.get_probability(edited, "artery") is None
    assert schema.get_probability(edited, "vein").max() == pytest.approx(0.3, abs=1e-3)


def test_an_eye_survives_netcdf_like_round_trip(eye):
    again = xr.Dataset.from_dict(eye.to_dict())
    again["image"] = again["image"].astype("uint8")
    xr.testing.assert_equal(again, eye)
    assert schema.validate(again) is again


def test_the_bare_photograph_keeps_scale_and_side(eye):
    bare = schema.without_masks(eye)
    assert not schema.has_mask(bare, "optic_disc")
    assert schema.get_landmark(bare, "optic_disc") is None
    assert (bare.attrs["um_per_pixel"], bare.laterality.item()) == (8.0, "OD")
    with pytest.raises(EyeError, match="no image"):
        schema.without_masks(eye.drop_vars("image"))


def test_a_grey_picture_is_repeated_in_three_channels():
    eye = schema.new_eye(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert (eye.image.sel(channel="red") == eye.image.sel(channel="blue")).all()


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "image or at least one mask"),
        ({"image": np.zeros((4, 4, 3))}, "float64, wanted uint8"),
        ({"image": np.zeros((4, 4, 7), np.uint8)}, "wanted .y, x, 3."),
        ({"masks": {"disc": np.zeros((4, 4), bool)}}, "did you mean 'optic_disc'"),
        ({"masks": {"vein": np.full((4, 4), 255)}}, "other values than 0 and 1"),
        ({"masks": {"vein": np.zeros((4, 4, 1), bool)}}, "has shape"),
        ({"image": np.zeros((4, 5), np.uint8), "masks": {"vein": np.zeros((5, 4), bool)}}, "5 x 4 .* 4 x 5"),
        ({"image": np.zeros((4, 5), np.uint8), "laterality": "left"}, "wanted 'OD'"),
        ({"image": np.zeros((4, 5), np.uint8), "um_per_pixel": 0.008}, "millimetres"),
        ({"image": np.zeros((4, 5), np.uint8), "scale_source": "metadata"}, "give both or neither"),
        ({"image": np.zeros((4, 5), np.uint8), "um_per_pixel": 8, "scale_source": "guess"}, "wanted one of"),
        ({"image": np.zeros((4, 5), np.uint8), "landmarks": {"fovea": (2, 9)}}, "check their order"),
        ({"image": np.zeros((4, 5), np.uint8), "landmarks": {"fovea": (2, np.nan)}}, "both coordinates or neither"),
        ({"image": np.zeros((4, 5), np.uint8), "landmarks": {"macula": (2, 2)}}, "not a landmark"),
        ({"probabilities": {"vein": np.full((4, 4), 1.5)}}, "wanted 0 to 1"),
        ({"probabilities": {"vein": np.full((4, 4), -0.5)}}, "wanted 0 to 1"),
    ],
)
def test_errors_say_what_was_got_and_wanted_in_one_sentence(parts, says):
    with pytest.raises(EyeError, match=says) as error:
        schema.new_eye(**parts)
    assert str(error.value).count("\n") == 0
    assert len(str(error.value)) < 400


def test_validate_names_what_a_foreign_dataset_lacks(eye):
    with pytest.raises(EyeError, match="got dict"):
        schema.validate({})
    with pytest.raises(EyeError, match="no dimension 'y'"):
        schema.validate(xr.Dataset())
    with pytest.raises(EyeError, match="'landmark'"):
        schema.validate(eye.drop_vars("landmark"))
    with pytest.raises(EyeError, match="coordinate 'laterality'"):
        schema.validate(eye.drop_vars("laterality"))
    with pytest.raises(EyeError, match="transpose"):
        schema.validate(eye.transpose("x", "y", ...))
    with pytest.raises(EyeError, match="has no masks"):
        schema.validate(eye.drop_vars("mask"))
    twice = xr.concat([eye["mask"], eye["mask"]], "structure").astype(bool)
    with pytest.raises(EyeError, match="there twice"):
        schema.validate(eye.drop_dims("structure").assign(mask=twice))


def test_changing_something_else_is_refused(eye):
    with pytest.raises(EyeError, match="not a part"):
        schema.with_parts(eye, colour="red")
    with pytest.raises(EyeError, match="same size"):
        schema.with_parts(eye, fov=np.ones((3, 3), bool))
