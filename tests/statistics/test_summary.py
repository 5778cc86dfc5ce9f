"""The table of a cohort: patients counted once, groups compared fairly."""

import numpy as np
import pandas as pd
import pytest

from retina_tools.schema import EyeError
from retina_tools.statistics import summarise


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "image_id": list("abcdefg"),
            "patient_id": ["1", "1", "2", "2", "3", "4", "4"],
            "laterality": ["OD", "OS", "OD", "OS", "OD", "OD", "OS"],
            "group": ["ill", "ill", "healthy", "healthy", "healthy", "ill", "ill"],
            "age": [70.0, 70.0, 50.0, 50.0, 60.0, 80.0, np.nan],
            "sex": ["F", "F", "M", "M", "F", "M", "M"],
            "rim_area": [1.0, 1.2, 1.5, 1.6, 1.7, 0.9, np.nan],
            "rim_area_status": ["ok"] * 7,
        }
    )


def test_counts_eyes_and_patients(table):
    rows = summarise(table, by="group")
    assert rows.loc[("eyes", ""), ["all", "healthy", "ill"]].tolist() == ["7", "3", "4"]
    assert rows.loc[("patients", ""), ["all", "healthy", "ill"]].tolist() == ["4", "2", "2"]


def test_what_both_eyes_share_is_counted_once_per_patient(table):
    rows = summarise(table, by="group")
    age = rows.loc[("age", "")]
    # ages 70, 50, 60, 80: mean 65, SD of four 12.9; the empty age of the second eye is known from the first
    assert (age["counted"], age["all"], age["missing"]) == ("patients", "65 (13)", 0)
    assert rows.loc[("sex", "F"), "all"] == "2 (50 %)"
    rim = rows.loc[("rim_area", "")]
    assert (rim["counted"], rim["missing"]) == ("eyes", 1)
    assert rim["healthy"] == "1.60 (0.10)"


def test_without_grouping_every_row_counts(table):
    rows = summarise(table, groups=False)
    assert rows.loc[("patients", ""), "all"] == "7"
    assert rows.loc[("sex", "F"), "all"] == "3 (43 %)"
    assert "standardised_difference" not in rows


def test_standardised_differences_are_austins(table):
    rows = summarise(table, by="group")
    # age: 50, 60 against 70, 80: 20 over the root of the mean variance, 50
    assert rows.loc[("age", ""), "standardised_difference"] == pytest.approx(20 / np.sqrt(50))
    # sex: one half in both groups
    assert rows.loc[("sex", "F"), "standardised_difference"] == 0
    shares = table.assign(sex=["F", "F", "M", "M", "M", "M", "M"])
    # none of the healthy, half of the ill: 0.5 over the root of (0 + 0.25) / 2
    assert summarise(shares, by="group").loc[("sex", "F"), "standardised_difference"] == pytest.approx(np.sqrt(2))


def test_of_three_groups_the_largest_difference_is_given():
    table = pd.DataFrame({"arm": np.repeat(["a", "b", "c"], 3), "x": [0, 1, 2, 0.5, 1.5, 2.5, 3, 4, 5.0]})
    assert summarise(table, by="arm").loc[("x", ""), "standardised_difference"] == pytest.approx(3)


def test_the_healthy_come_first(table):
    assert list(summarise(table.replace({"healthy": "normal"}), by="group").columns[2:4]) == ["normal", "ill"]


def test_keys_and_statuses_are_not_described(table):
    assert set(summarise(table).index.get_level_values(0)) == {"eyes", "patients", "group", "age", "sex", "rim_area"}


@pytest.mark.parametrize(
    ("options", "said"),
    [({"by": "grup"}, "did you mean 'group'"), ({"columns": "agee"}, "did you mean 'age'"), ({"by": "x"}, "bin it")],
)
def test_mistakes_are_answered_in_words(table, options, said):
    longer = pd.concat([table] * 3, ignore_index=True).assign(x=np.arange(21))
    with pytest.raises(EyeError, match=said):
        summarise(longer, **options)


def test_empty_columns_and_empty_ids_are_no_obstacle(table):
    rows = summarise(table.assign(patient_id="", nothing=np.nan), by="group")
    assert rows.loc[("nothing", ""), ["all", "ill", "missing"]].tolist() == ["-", "-", 7]
    assert rows.loc[("patients", ""), "all"] == "7"
