"""The verdict: good pictures pass, bad ones do not, and the reason says why."""

import numpy as np
import pytest

from retina_tools import phantom, quality
from retina_tools.schema import EyeError, new_eye

WORSE = {
    "blurred": (0, 20, 50, 80, 120),
    "moved": (0, 100, 250, 400, 600),
    "hazy": (0, 0.3, 0.5, 0.7, 0.95),
    "lit": (1, 0.6, 0.35, 0.2, 0.05),
    "compressed": (100, 70, 40, 20, 5),
    "noisy": (0, 5, 15, 30, 60),
}
CAMERA = {
    "blur_um": (0, 15, 40, 80, 140),
}


def test_phantoms_of_all_looks_are_gradable():
    for seed, pigmentation in enumerate((0.0, 0.5, 1.0)):
        eye = phantom.eye(seed=seed, size=512, pigmentation=pigmentation, view_centre=seed / 3)
        found = quality.assess(eye)
        assert found["gradable"].item(), found["reason"].item()
        assert found["reason"].item() == ""
        assert found["score"] > 0.8


def test_lesions_do_not_make_a_picture_worse():
    lesions = {"microaneurysm": 30, "haemorrhage": 20, "hard_exudate": 30, "cotton_wool_spot": 6}
    found = quality.assess(phantom.eye(seed=1, size=600, lesions=lesions))
    assert found["score"] > 0.9


@pytest.mark.parametrize("kind", WORSE)
def test_a_stronger_degradation_never_scores_better(kind, phantoms, degrading, judge):
    for eye in phantoms:
        image, fov = eye["image"].values, eye["fov"].values
        score = [judge(getattr(degrading, kind)(image, fov, level), fov)["score"].item() for level in WORSE[kind]]
        assert np.all(np.diff(score) <= 1e-3), score
        assert score[-1] < 0.5 < score[0]


@pytest.mark.parametrize("kind", CAMERA)
def test_a_worse_camera_never_scores_better(kind):
    eyes = [phantom.eye(seed=4, size=512, **{kind: level}) for level in CAMERA[kind]]
    score = [quality.assess(eye)["score"].item() for eye in eyes]
    assert np.all(np.diff(score) <= 1e-3), score


def test_over_exposure_never_scores_better(phantoms, degrading, judge):
    for eye in phantoms:
        image, fov = eye["image"].values, eye["fov"].values
        found = [judge(degrading.lit(image, fov, factor), fov) for factor in (1, 1.5, 2.2, 3, 6)]
        score = [each["score"].item() for each in found]
        assert np.all(np.diff(score) <= 1e-3), score
        assert found[-1]["reason"].item().startswith("The picture is over-exposed; ")


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("blurred", 110, "The picture is blurred; "),
        ("moved", 600, "The picture is blurred in one direction, as by motion; "),
        ("hazy", 0.9, "The picture is hazy; "),
        ("lit", 0.07, "The picture is dark; "),
        ("compressed", 5, "The picture is compressed too hard; "),
        ("noisy", 50, "The picture is noisy; "),
    ],
)
def test_the_reason_names_what_was_done(kind, level, words, phantoms, degrading, judge):
    image, fov = phantoms[1]["image"].values, phantoms[1]["fov"].values
    found = judge(getattr(degrading, kind)(image, fov, level), fov)
    assert not found["gradable"].item()
    reason = found["reason"].item()
    assert reason.startswith(words), reason
    assert reason.endswith(".")
    assert reason.count(". ") == 0


def test_the_worst_comes_first(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    both = judge(degrading.lit(degrading.hazy(image, fov, 0.85), fov, 0.1), fov)
    assert both["aspect_score"].sel(aspect="contrast") < both["aspect_score"].sel(aspect="brightness") < 0.5
    assert both["reason"].item().startswith("The picture is hazy; ")
    assert "; it is also " in both["reason"].item()
    assert "dark" in both["reason"].item()


def test_the_score_is_that_of_the_worst_aspect(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    for level in (0, 80):
        found = judge(degrading.blurred(image, fov, level), fov)
        assert found["score"] == found["aspect_score"].min()
        assert found["gradable"] == (found["score"] >= quality.GRADABLE_SCORE)
        assert found["aspect"].values.tolist() == quality.aspects()["name"].tolist()


def test_limits_are_in_order():
    table = quality.aspects()
    rising = table["score_0"] < table["score_half"]
    assert ((table["score_half"] < table["score_1"]) == rising).all()
    assert (table["score_half"] != table["score_1"]).all()


def test_a_known_scale_is_used_for_the_blur(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    blurred = degrading.blurred(image, fov, 100)
    assumed = judge(blurred, fov)
    known = judge(blurred, fov, um_per_pixel=12960 / degrading.width(fov))
    assert "45 degrees" in assumed["reason"].item()
    assert "degrees" not in known["reason"].item()
    assert abs(known["score"] - assumed["score"]) < 0.01
    closer = judge(blurred, fov, um_per_pixel=4000 / degrading.width(fov))
    assert closer["aspect_score"].sel(aspect="sharpness") > 0.8


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((300, 400, 3)), "The picture is black; nothing can be seen."),
        (np.full((300, 400, 3), 255), "The picture is over-exposed; 100% of it is white"),
        (np.full((300, 400, 3), 128), "The picture does not look like a fundus photograph: no dark vessels"),
        (np.full((8, 8, 3), (180, 90, 50)), "The picture is too small; its field of view is only"),
        (np.zeros((8, 8, 3)), "The picture is black; nothing can be seen."),
        (np.full((1, 1, 3), 100), "The picture is too small; its field of view is only"),
        (np.full((2, 4000, 3), 100), "The picture is too small"),
        (np.full((64, 9000, 3), 100), "The field of view is no more than a strip"),
    ],
)
def test_pictures_without_anything(picture, words, judge):
    found = judge(picture.astype(np.uint8))
    assert found["score"] == 0
    assert not found["gradable"].item()
    assert found["reason"].item().startswith(words), found["reason"].item()


def test_an_empty_field_of_view(phantoms, judge):
    image = phantoms[0]["image"].values
    found = judge(image, np.zeros(image.shape[:2], bool))
    assert (found["score"].item(), found["gradable"].item()) == (0, False)
    assert found["reason"].item() == "The field of view is empty; there is nothing to be judged."
    assert np.isnan([found[name] for name in quality.features()["name"]]).all()


def test_a_few_pixels_of_view(phantoms, judge):
    image = phantoms[0]["image"].values
    fov = np.zeros(image.shape[:2], bool)
    fov[300:308, 300:308] = True
    assert judge(image, fov)["reason"].item() == "The picture is too small; its field of view is only 11 pixels wide."


def test_a_scattered_field_of_view_is_no_error(phantoms, judge):
    image = phantoms[0]["image"].values
    rng = np.random.default_rng(0)
    found = judge(image, rng.random(image.shape[:2]) < 0.2)
    assert 0 <= found["score"] <= 1


def test_a_dark_surround_is_found_where_no_field_of_view_is_given(phantoms, judge):
    eye = phantoms[0]
    given, found = quality.assess(eye), judge(eye["image"].values)
    assert abs(given["score"] - found["score"]) < 0.01
    assert abs(given["fov_width"] / found["fov_width"] - 1) < 0.01


def test_an_eye_without_a_picture_is_an_error():
    with pytest.raises(EyeError, match="no image, so its quality cannot be judged"):
        quality.assess(new_eye(masks={"optic_disc": np.zeros((50, 50), bool)}))
    with pytest.raises(EyeError, match=r"An eye is an xarray\.Dataset"):
        quality.assess(np.zeros((50, 50, 3), np.uint8))


def test_the_eye_is_left_as_it_was(phantoms):
    eye = phantoms[0].copy(deep=True)
    quality.assess(eye)
    assert eye.identical(phantoms[0])


def test_ids_are_kept():
    eye = new_eye(np.zeros((40, 40), np.uint8), image_id="P1_OD", patient_id="P1", laterality="OD")
    found = quality.assess(eye)
    assert [found[key].item() for key in ("image_id", "patient_id", "laterality")] == ["P1_OD", "P1", "OD"]
