"""A folder as folders are: whatever is in it, what can be measured is measured, and the rest says what was wrong."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from retina_tools import cli, io, phantom
from retina_tools.schema import EyeError

GOOD = ("P1_OD", "P1_OS", "P2_OD")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("clinic")
    for seed, name in enumerate(GOOD):
        Image.fromarray(phantom.eye(seed=seed, size=320).image.values).save(place / f"{name}.png")
    whole = (place / "P1_OD.png").read_bytes()
    (place / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (place / "letter.jpg").write_text("Dear colleague, please find enclosed the photograph of the patient.")
    (place / "empty.tif").touch()
    Image.new("RGB", (1, 1), "red").save(place / "one_pixel.png")
    Image.new("RGB", (300, 300)).save(place / "black.png")
    Image.new("1", (20_000, 20_000)).save(place / "huge.png")
    Image.fromarray(data.chelsea()).save(place / "cat.png")
    clinical = pd.DataFrame(
        {"image_id": [*GOOD, "cat"], "age": [61, np.nan, 412, 3], "disease": ["yes", "no", None, "no"]}
    )
    clinical.to_csv(place / "clinical.csv", index=False)
    return place


@pytest.fixture(scope="module")
def measured(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results.parquet"
    code = cli.main(["measure", str(folder), "--out", str(out), "--clinical", str(folder / "clinical.csv"), "--quiet"])
    return code, pd.read_parquet(out).set_index("image_id")


def test_every_file_is_a_row_and_the_good_ones_are_measured(measured):
    code, table = measured
    assert code == 1
    assert len(table) == 10
    for name in GOOD:
        assert table.loc[name, "error"] == ""
        assert table.loc[name, "area_density.all.image"] > 0.02


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truncated", "truncated"),
        ("letter", "not an image"),
        ("empty", "empty"),
        ("one_pixel", "1 x 1"),
        ("huge", "RETINA_MAX_PIXELS"),
    ],
)
def test_what_cannot_be_read_says_why(measured, name, says):
    row = measured[1].loc[name]
    assert row["error_stage"] == "read"
    assert says in row["error"]
    assert np.isnan(row["area_density.all.image"])


@pytest.mark.parametrize(("name", "says"), [("black", "black"), ("cat", "not look like")])
def test_what_is_no_eye_is_measured_but_not_gradable(measured, name, says):
    row = measured[1].loc[name]
    assert row["error"] == ""
    assert not row["quality_gradable"]
    assert says in row["quality_reason"]
    assert np.isnan(row["calibre_equivalent_dd.artery.zone_b"])


def test_clinical_values_that_cannot_be_true_are_missing_and_named_by_row(folder, measured):
    table = measured[1]
    assert table.loc["P1_OD", "age"] == 61
    assert np.isnan(table.loc["P1_OS", "age"])
    assert np.isnan(table.loc["P2_OD", "age"])
    problems = io.clinical_problems(io.read_clinical(folder / "clinical.csv"))
    impossible = problems[problems["value"].astype(str).str.startswith("412")]
    assert len(impossible) == 1
    assert impossible["row"].item() == 4  # the header is row 1


def test_the_summary_names_each_file_that_failed(folder, tmp_path, capsys):
    cli.main(["measure", str(folder), "--out", str(tmp_path / "r.csv"), "--quiet"])
    said = capsys.readouterr().out
    assert "5 of 10 photographs measured" in said
    for name in ("truncated", "letter", "empty", "one_pixel", "huge"):
        assert f"failed (read): {name}: " in said
    assert "not gradable: cat: " in said


def test_mask_of_another_size_is_refused_with_both_sizes(folder, tmp_path):
    Image.new("L", (100, 90), 255).save(tmp_path / "vessel.png")
    with pytest.raises(EyeError, match=r"90 x 100.*320 x 320"):
        io.add_masks(io.read_fundus(folder / "P1_OD.png"), tmp_path / "vessel.png", coding="vessel")
