"""The command line, as a person types it."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retina_tools import cli, cohort, io, phantom


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Ten files: nine photographs of phantoms and one that is broken."""
    folder = tmp_path_factory.mktemp("photographs")
    eyes = phantom.cohort(5, size=256, seed=11)
    for eye in eyes.select(slice(0, 9)):
        Image.fromarray(eye.image.values).save(folder / f"{eye.image_id.item()}.png")
    (folder / "P005_OS.png").write_bytes((folder / "P001_OD.png").read_bytes()[:900])
    clinical = eyes.clinical[["image_id", "age", "sex", "disease"]]
    clinical.to_csv(folder / "patients.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def results(photographs, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results.parquet"
    code = cli.main(["measure", str(photographs), "--out", str(out), "--clinical", str(photographs / "patients.csv")])
    return code, out


def test_nine_of_ten_are_measured_and_the_broken_one_is_a_row(results):
    code, out = results
    table = pd.read_parquet(out).set_index("image_id")
    assert code == 1
    assert len(table) == 10
    assert (table["error"] != "").sum() == 1
    assert "truncated" in table.loc["P005_OS", "error"] or "damaged" in table.loc["P005_OS", "error"]
    assert table.loc["P005_OS", "age"] > 0
    assert table["area_density.all.image"].notna().sum() == 9


def test_sides_and_patients_come_from_the_names(results):
    table = pd.read_parquet(results[1])
    assert table["laterality"].tolist() == ["OD", "OS"] * 5
    assert table["patient_id"].nunique() == 5


def test_the_summary_names_the_broken_file(photographs, tmp_path, capsys):
    cli.main(["measure", str(photographs), "--out", str(tmp_path / "r.csv"), "--quiet"])
    said = capsys.readouterr()
    assert "9 of 10 photographs measured" in said.out
    assert "P005_OS" in said.out
    assert "Traceback" not in said.out + said.err


def test_a_dictionary_explains_every_column(results):
    out = results[1]
    dictionary = pd.read_csv(out.with_name("results.dictionary.csv"))
    assert dictionary[["definition", "units", "source"]].map(len).to_numpy().min() > 0
    explained = {variable for entry in dictionary["variables"] for variable in entry.split(", ")}
    columns = cohort.biomarker_columns(pd.read_parquet(out))
    assert len(columns) > 100
    assert {column.split(".")[0] for column in columns} <= explained


def test_associations_follow_without_a_notebook(tmp_path, capsys):
    eyes = phantom.cohort(40, seed=1)
    rng = np.random.default_rng(0)
    table = eyes.clinical.assign(error="", **{
        "calibre_equivalent_dd.artery.zone_b": -0.1 * eyes.table["disease"] + rng.normal(0, 0.1, len(eyes)),
        "calibre_equivalent_dd_status.artery.zone_b": "ok",
    })  # fmt: skip
    table.to_parquet(tmp_path / "results.parquet")
    out = tmp_path / "associations.csv"
    arguments = ["associate", str(tmp_path / "results.parquet"), "--outcome", "disease", "--covariates", "age", "sex"]
    assert cli.main([*arguments, "--out", str(out)]) == 0
    row = pd.read_csv(out).iloc[0]
    assert row["n_groups"] == 40
    assert row["effect"] < 0
    assert row["ci_low"] < row["effect"] < row["ci_high"]
    assert "1 of 1 biomarkers" in capsys.readouterr().out
    assert "calibre_equivalent" in set(pd.read_csv(tmp_path / "associations.dictionary.csv")["name"])


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.xlsx"])
def test_tables_come_back_as_written(tmp_path, name):
    table = pd.DataFrame({"image_id": ["01", "02"], "value": [1.5, np.nan]})
    cli.write_table(table, tmp_path / name)
    pd.testing.assert_frame_equal(cli.read_table(tmp_path / name), table, check_dtype=False)


def no_arguments_needed(path):
    return {
        "missing folder": ["measure", str(path / "nowhere"), "--out", str(path / "r.parquet")],
        "empty folder": ["measure", str(path), "--out", str(path / "r.parquet")],
        "format": ["measure", str(path), "--out", str(path / "r.doc")],
        "results": ["associate", str(path / "no.parquet"), "--outcome", "x", "--out", str(path / "a.csv")],
    }


@pytest.mark.parametrize(
    ("case", "says"),
    [("missing folder", "nowhere"), ("empty folder", "No image files"), ("format", ".parquet"), ("results", "no file")],
)
def test_mistakes_are_answered_in_words(tmp_path, capsys, case, says):
    assert cli.main(no_arguments_needed(tmp_path)[case]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("retina-tools: ")
    assert "Traceback" not in error


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        cli.main(["measure", "--help"])
    text = capsys.readouterr().out
    for word in ("--clinical", "micrometres", "examples:", "error", "status"):
        assert word in text


def test_the_coding_of_the_example_exists(capsys):
    with pytest.raises(SystemExit):
        cli.main(["measure", "--help"])
    named = re.search(r"--masks \S+/ --coding (\w+)", capsys.readouterr().out)[1]
    assert named in set(io.codings()["coding"])


def test_the_catalogue_can_be_read_and_written(tmp_path, capsys):
    assert cli.main(["catalogue"]) == 0
    assert "calibre_equivalent" in capsys.readouterr().out
    cli.main(["catalogue", "--out", str(tmp_path / "c.csv")])
    assert json.loads(pd.read_csv(tmp_path / "c.csv").head(1).to_json(orient="records"))[0]["definition"]
