"""A cohort has the effects it was given, fellow eyes that agree as asked, and rows that always give the same eye."""

import pickle

import numpy as np
import pytest

from retina_tools import phantom
from retina_tools.schema import EyeError, get_mask, validate


def test_two_eyes_of_each_patient_and_disease_of_the_patient():
    table = phantom.cohort(20, seed=3, prevalence=0.3).table
    assert table["image_id"].tolist()[:4] == ["P001_OD", "P001_OS", "P002_OD", "P002_OS"]
    assert table["image_id"].is_unique
    by_patient = table.groupby("patient_id")
    assert (by_patient["laterality"].nunique() == 2).all()
    for column in ("disease", "age", "sex", "systolic_bp", "hba1c"):
        assert (by_patient[column].nunique() == 1).all(), column
    assert by_patient["disease"].first().sum() == 6


@pytest.mark.parametrize(
    ("name", "column", "effect"),
    [
        ("arteriole_calibre", "true_arteriole_calibre_um", -8.0),
        ("cup_disc_ratio", "true_cup_disc_ratio", 0.1),
        ("microaneurysm", "true_microaneurysm", 5.0),
    ],
)
def test_the_difference_between_groups_is_the_effect(name, column, effect):
    table = phantom.cohort(1500, {name: effect}, seed=1).table
    means = table.groupby(["patient_id", "disease"])[column].mean().reset_index()
    ill, well = (means[column][means["disease"] == group] for group in (1, 0))
    error = np.hypot(ill.std() / len(ill) ** 0.5, well.std() / len(well) ** 0.5)
    assert abs(ill.mean() - well.mean() - effect) < 3.5 * error
    assert error < 0.2 * abs(effect)


def test_the_same_seed_with_other_effects_gives_the_same_people():
    without, with_effect = (
        phantom.cohort(30, {}, seed=2).table,
        phantom.cohort(30, {"venule_calibre": 9.0}, seed=2).table,
    )
    gained = with_effect["true_venule_calibre_um"] - without["true_venule_calibre_um"]
    assert np.allclose(gained, 9.0 * with_effect["disease"])
    untouched = ["age", "sex", "disease", "true_arteriole_calibre_um", "true_microaneurysm", "_seed"]
    assert without[untouched].equals(with_effect[untouched])


@pytest.mark.parametrize("icc", [0.0, 0.5, 0.9])
def test_fellow_eyes_correlate_as_asked(icc):
    table = phantom.cohort(2000, {}, seed=4, icc=icc).table
    right, left = (table["true_disc_fovea_angle_deg"][table["laterality"] == side].to_numpy() for side in ("OD", "OS"))
    assert np.corrcoef(right, left)[0, 1] == pytest.approx(icc, abs=0.07)


def test_arterioles_narrow_with_age_and_pressure_goes_with_narrow_ones():
    table = phantom.cohort(2000, {}, seed=5).table
    slope = np.polyfit(table["age"], table["true_arteriole_calibre_um"], 1)[0]
    assert slope * 10 == pytest.approx(-2.0, abs=0.7)
    assert np.corrcoef(table["systolic_bp"], table["true_arteriole_calibre_um"])[0, 1] < -0.15


def test_an_age_gap_makes_the_ill_older():
    table = phantom.cohort(2000, {}, seed=5, age_gap_years=6.0).table
    ages = table.groupby("disease")["age"].mean()
    assert ages[1] - ages[0] == pytest.approx(6.0, abs=1.5)


def test_an_eye_is_the_one_its_row_describes():
    eyes = phantom.cohort(2, seed=6, size=256, field_angle_deg=50.0)
    row, eye = eyes.table.iloc[3], eyes[3]
    truth = phantom.truth(validate(eye))
    assert (eye.image_id.item(), eye.patient_id.item(), eye.laterality.item()) == ("P002_OS", "P002", "OS")
    assert truth["calibre_equivalent_um"]["artery"] == pytest.approx(row["true_arteriole_calibre_um"])
    assert truth["cup_disc_ratio_vertical"] == pytest.approx(row["true_cup_disc_ratio"])
    assert truth["parameters"]["field_angle_deg"] == 50.0
    for kind in phantom.LESIONS[:5]:
        assert truth["lesion_count"][kind] == row[f"true_{kind}"]
        assert get_mask(eye, kind) is not None


def test_the_same_row_gives_the_same_eye_also_in_a_worker():
    eyes = phantom.cohort(1, seed=7, size=128)
    sent = pickle.loads(pickle.dumps(eyes))
    assert np.array_equal(eyes[1].image.values, sent[1].image.values)
    assert not np.array_equal(eyes[0].image.values, eyes[1].image.values[:, ::-1])


def test_a_value_given_holds_for_every_eye():
    eyes = phantom.cohort(4, seed=1, size=128, cup_disc_ratio=0.3, pigmentation=0.9)
    assert (eyes.table["true_cup_disc_ratio"] == 0.3).all()
    assert phantom.truth(eyes[0])["parameters"]["pigmentation"] == 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"effects": {"arteriole_caliber": -8.0}}, r"Did you mean 'arteriole_calibre'\?.*microaneurysm"),
        ({"effects": {"tortuosity": float("nan")}}, "effect on tortuosity is nan"),
        ({"n": 0}, "n is 0"),
        ({"prevalence": 1.5}, r"prevalence is 1\.5"),
        ({"icc": -0.1}, r"icc is -0\.1"),
        ({"cup_disc_ratio": 2.0}, "cup_disc_ratio is 2"),
        ({"effects": {"cup_disc_ratio": 0.1}, "cup_disc_ratio": 0.3}, "cup_disc_ratio is fixed"),
        ({"cup": 2.0}, "not a parameter"),
    ],
)
def test_what_makes_no_cohort_is_refused(arguments, message):
    with pytest.raises(EyeError, match=message):
        phantom.cohort(**({"n": 3} | arguments))
