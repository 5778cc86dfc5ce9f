"""What a caption says is true of the eye."""

import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.phantom.captions import read_caption
from retina_tools.schema import EyeError, get_mask

SEEDS = range(4)


def _truth(caption, seed, **values):
    return phantom.anatomy(seed=seed, **read_caption(caption, seed) | values).truth


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("caption", "grade"),
    [("healthy", 0), ("mild NPDR", 1), ("moderate NPDR", 2), ("severe NPDR", 3), ("PDR", 4)],
)
def test_the_stage_of_retinopathy_follows_from_the_lesions(caption, grade, seed):
    truth = _truth(caption, seed, vessel_density=0.6)
    assert truth["dr_severity"] == grade
    count, quadrants = truth["lesion_count"], truth["lesion_quadrants"]
    if grade == 1:
        assert count["microaneurysm"] > 0 == count["haemorrhage"]
    if grade == 2:
        assert count["haemorrhage"] > 0
        assert min(quadrants["haemorrhage"].values()) <= 20
    if grade == 3:
        # Both arms of the 4-2-1 rule that are drawn are met.
        assert min(quadrants["haemorrhage"].values()) > 20
        assert sum(n > 0 for n in quadrants["venous_beading"].values()) >= 2
    if grade == 4:
        assert count["neovascularisation"] > 0


def test_the_example_is_understood_whole():
    eye = phantom.eye("moderate NPDR, OS, large cup, many temporal microaneurysms", seed=3, size=256)
    truth = phantom.truth(eye)
    assert eye.laterality.item() == "OS"
    assert truth["cup_disc_ratio_vertical"] > 0.6
    found = truth["lesion_quadrants"]["microaneurysm"]
    assert found["superotemporal"] + found["inferotemporal"] == truth["lesion_count"]["microaneurysm"] >= 15
    assert truth["dr_severity"] == 2


def test_words_mean_what_they_say():
    assert read_caption("small disc")["disc_diameter_um"] < 1550
    assert read_caption("30 degrees, blurred, hazy")["field_angle_deg"] == 30.0
    assert read_caption("blond")["pigmentation"] < read_caption("dark fundus")["pigmentation"]
    assert read_caption("dark")["illumination"] < 0.7
    assert read_caption("3 haemorrhages and few nasal drusen") == {
        "lesions": {"haemorrhage": 3, "drusen": 4},
        "lesion_places": {"drusen": "nasal"},
    } | {"lesions": {"haemorrhage": 3, "drusen": read_caption("few nasal drusen")["lesions"]["drusen"]}}
    assert read_caption("large macular drusen")["lesion_sizes"] == {"drusen": 1.6}
    assert read_caption("no haemorrhages, cotton-wool spots")["lesions"]["haemorrhage"] == 0
    assert read_caption("right eye")["laterality"] == "OD"


@pytest.mark.parametrize("seed", SEEDS)
def test_grades_of_other_diseases(seed):
    suspect, glaucoma = (_truth(name, seed, vessel_density=0.0) for name in ("glaucoma suspect", "glaucoma"))
    assert 0.55 < suspect["cup_disc_ratio_vertical"] < 0.7 < glaucoma["cup_disc_ratio_vertical"]
    early, intermediate = (phantom.eye(name, seed=seed, size=64) for name in ("early AMD", "intermediate AMD"))
    small, large = (phantom.truth_tables(eye)["lesions"] for eye in (early, intermediate))
    small, large = (table[table["kind"] == "drusen"] for table in (small, large))
    # AREDS: medium-sized drusen are 63 to 124 um, large ones 125 um or more.
    assert small["diameter_um"].max() < 125
    assert (small["diameter_um"] >= 63).any()
    assert (large["diameter_um"] >= 125).any()
    assert (small["fovea_distance_um"] < 1800).all()
    myopic = phantom.eye("pathological myopia", seed=seed, size=128)
    for name in ("tessellation", "arc_atrophy", "diffuse_atrophy", "patchy_atrophy"):
        assert get_mask(myopic, name).any()


def test_a_caption_leaves_room_for_chance_and_keywords_count_more():
    counts = {read_caption("moderate NPDR", seed)["lesions"]["haemorrhage"] for seed in range(12)}
    assert len(counts) > 4
    one, again = (phantom.eye("PDR", seed=2, size=64) for _ in range(2))
    assert np.array_equal(one.image.values, again.image.values)
    other = phantom.eye("large cup, OS", seed=2, size=64, cup_disc_ratio=0.3, laterality="OD")
    assert (phantom.truth(other)["cup_disc_ratio_vertical"], other.laterality.item()) == (pytest.approx(0.3), "OD")


def test_what_is_said_twice_alike_is_said_once():
    for caption in ("large cup", "many nasal drusen", "no DR", "45 degrees"):
        assert read_caption(f"{caption}, {caption}", 3) == read_caption(caption, 3)
    assert read_caption("many drusen, nasal drusen", 1) == read_caption("many nasal drusen", 1)
    assert _truth("no DR, glaucoma suspect", 1, vessel_density=0.0)["dr_severity"] == 0
    # Words that change how a grade looks, and do not make it another one, are taken.
    assert 60 <= read_caption("glaucoma, superior notch")["notch_angle_deg"] <= 95
    assert read_caption("glaucoma, large cup")["cup_disc_ratio"] > 0.6


def test_every_word_of_the_vocabulary_is_understood():
    words = phantom.caption_words()
    for group in ("grade", "side", "look"):
        for phrase in words[group]:
            read_caption(phrase)
    for lesion in words["lesion"]:
        for number in ("", "s"):
            read_caption(f"one {lesion}{number}")
    for place in words["place"]:
        assert read_caption(f"many {place} drusen")["lesion_places"] == {"drusen": place}


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("moderate NPDR, large cop", "'cop' is not a word of captions; did you mean 'cup'"),
        ("many microaneurisms", "'microaneurisms' is not a word of captions; did you mean 'microaneurysm'"),
        ("many temporal", "'many temporal' has no noun"),
        ("OD, left eye", "both OD and OS"),
        ("mild NPDR, PDR", "both 'mild npdr' and 'pdr'"),
        ("mild NPDR, few haemorrhages", "haemorrhage is not 'mild npdr'"),
        ("healthy, one microaneurysm", "microaneurysm is not 'healthy'"),
        ("moderate NPDR, new vessels", "neovascularisation is not 'moderate npdr'"),
        ("moderate NPDR, many venous beadings", "severe NPDR"),
        ("PDR, no new vessels", "no longer 'pdr'"),
        (7, "A caption is text"),
        # Sizes, counts, places and looks that exclude each other.
        ("large cup, small cup", "both 'large cup' and 'small cup'"),
        ("30 degrees, 45 degrees", "both '30 degrees' and '45 degrees'"),
        ("small drusen, large drusen", "drusen both 'small' and 'large'"),
        ("many drusen, no drusen", "drusen both 'many' and 'no'"),
        ("many few drusen", "drusen both 'many' and 'few'"),
        ("nasal drusen, temporal drusen", "drusen both 'nasal' and 'temporal'"),
        # Grades that exclude each other, or what is said beside them.
        ("no DR, severe NPDR", "both 'no dr' and 'severe npdr'"),
        ("severe NPDR, no retinopathy", "both 'severe npdr' and 'no dr'"),
        ("no DR, one microaneurysm", "microaneurysm is not 'no dr'"),
        ("glaucoma, healthy", "both 'glaucoma' and 'healthy'"),
        ("early AMD, intermediate AMD", "both 'early amd' and 'intermediate amd'"),
        ("glaucoma, glaucoma suspect", "give one stage"),
        ("glaucoma, small cup", "small cup is not 'glaucoma'"),
        # A part of a phrase, or almost one.
        ("slightly", "did you mean 'slightly blurred'"),
        ("severe", "did you mean 'severe npdr'"),
        ("OS, large", "did you mean 'large cup' or 'large disc'"),
        ("inferior", "did you mean 'inferior notch'"),
        ("macula", "did you mean 'macula centred'"),
        ("veins", "did you mean 'tortuous veins' or 'wide veins'"),
        ("tilted disk", "did you mean 'tilted disc'"),
        ("many temporal", "did you mean 'many temporal drusen'"),
    ],
)
def test_captions_that_make_no_sense_are_refused(caption, message):
    with pytest.raises(EyeError, match=message):
        phantom.eye(caption, size=64)
