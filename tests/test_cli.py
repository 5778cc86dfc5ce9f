"""The command line, as a person types it."""

import json
import re
import shlex

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
    arguments = ["associate", str(tmp_path / "results.parquet"), "--outcome", "disease", "--out", str(out)]
    assert cli.main([*arguments, "--covariates", "age", "sex"]) == 0
    row = pd.read_csv(out).iloc[0]
    assert cli.main([*arguments, "--covariates", "age,sex"]) == 0
    pd.testing.assert_series_equal(pd.read_csv(out).iloc[0], row)
    assert row["n_groups"] == 40
    assert row["effect"] < 0
    assert row["ci_low"] < row["effect"] < row["ci_high"]
    assert "1 of 1 biomarkers" in capsys.readouterr().out
    assert "calibre_equivalent" in set(pd.read_csv(tmp_path / "associations.dictionary.csv")["name"])
    # The same table as a German spreadsheet program saves it.
    table.to_csv(tmp_path / "results.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    arguments[1] = str(tmp_path / "results.csv")
    assert cli.main([*arguments, "--covariates", "age,sex"]) == 0
    assert pd.read_csv(out).iloc[0]["effect"] == pytest.approx(row["effect"], rel=1e-9)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_table_that_a_spreadsheet_saved_again_is_read_the_same(tmp_path, delimiter, encoding, decimal):
    table = pd.DataFrame(
        {
            "image_id": ["007_OD", "007_OS", "8_OD"],
            "patient_id": ["007", "007", "8"],
            "Größe": ["klein", "mittel, fast groß", "groß"],
            "quality_gradable": [True, False, True],
            "width": [1.5, np.nan, 2.125e-5],
            "count": [3, 4, 5],
        }
    )
    saved = table.assign(quality_gradable=["WAHR", "FALSCH", "WAHR"])
    saved.to_csv(tmp_path / "t.csv", index=False, sep=delimiter, decimal=decimal, encoding=encoding)
    pd.testing.assert_frame_equal(cli.read_table(tmp_path / "t.csv"), table, check_dtype=False)


def test_written_text_says_its_encoding_so_that_spreadsheets_show_it_right(tmp_path):
    cli.write_table(pd.DataFrame({"unit": ["µm"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert cli.read_table(tmp_path / "t.csv")["unit"].item() == "µm"


@pytest.fixture
def study(tmp_path):
    """Forty patients with a diagnosis in words; one biomarker that can be fitted and two that cannot."""
    eyes = phantom.cohort(40, seed=1)
    rng = np.random.default_rng(0)
    table = eyes.clinical.assign(
        error="", dx=np.where(eyes.table["disease"] == 1, "AMD", "RVO"), name="Mr " + eyes.table["patient_id"],
        **{"befund": np.where(eyes.table["disease"] == 1, "AMD", "unauffällig"),
           "grade": 1.0 + eyes.table["disease"] + (np.arange(80) // 2) % 2},
    )  # fmt: skip
    for name, values in {"artery": rng.normal(size=80), "vein": 0.5, "all": np.nan}.items():
        table[f"area_density.{name}.image"] = values
        table[f"area_density_status.{name}.image"] = "ok"
    table.to_parquet(tmp_path / "results.parquet")
    return ["associate", str(tmp_path / "results.parquet"), "--out", str(tmp_path / "a.csv"), "--outcome"]


def test_event_and_reference_are_said_and_kept(study, capsys):
    assert cli.main([*study, "befund"]) == 0
    assert "event AMD, reference unauffällig." in capsys.readouterr().out
    assert cli.main([*study, "dx", "--event", "RVO"]) == 0
    row = pd.read_csv(study[3]).iloc[0]
    assert (row["event"], row["reference"]) == ("RVO", "AMD")
    assert cli.main([*study, "grade", "--event", "2", "3"]) == 0
    assert "event 2, 3, reference 1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dx"], "the levels 'AMD' and 'RVO', and neither is known to mean 'without it'"),
        (["befund", "--covariates", "name"], "'name' has 40 different texts in 80 rows"),
    ],
)
def test_what_is_not_clear_is_asked(study, capsys, arguments, said):
    assert cli.main([*study, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--event" in error or "covariate" in error


def test_when_nothing_could_be_fitted_the_reasons_are_said(study, capsys):
    assert cli.main([*study, "befund", "--exposures", "area_density.vein*", "area_density.all*"]) == 1
    said = capsys.readouterr().out
    assert "0 of 2 biomarkers could be fitted" in said
    assert "not fitted, 1 constant: The exposure is the same in all 80 rows." in said
    assert "not fitted, 1 all missing: The exposure is missing in all rows." in said
    assert pd.read_csv(study[3])["status"].tolist() == ["constant", "all_missing"]
    assert cli.main([*study, "befund"]) == 0
    assert "not fitted, 1 constant" in capsys.readouterr().out


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


# --- what a person is told --------------------------------------------------------------------------------------------


@pytest.fixture
def clinic(tmp_path):
    """Four photographs of no eye, quick to measure, and a table as a German clinic has it."""
    for name in ("007_RE", "007_LE", "8_rechts", "9_L1"):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{name}.png")
    (tmp_path / "t.csv").write_text(
        "Kennung;Seite;Alter;IOD\n7;rechts;64;15,5\n7;links;64;k.A.\n8;beide;71;< 10\n9;L;80;12,5\n10;R;50;14,0\n",
        encoding="cp1252",
    )
    return tmp_path


def measure(folder, *options):
    return cli.main(["measure", str(folder), "--out", str(folder / "r.csv"), *map(str, options)])


def test_what_the_clinical_table_brought_is_told(clinic, capsys):
    columns = ("--patient-column", "Kennung", "--eye-column", "Seite")
    measure(clinic, "--clinical", clinic / "t.csv", *columns)
    said = capsys.readouterr().out
    assert "row 3, column 'IOD' 'k.A.': says that there is none; missing" in said
    assert "row 4, column 'IOD' '< 10': a limit, not a value; missing" in said
    assert "row 4, column 'Seite' 'beide': not a side" in said
    assert "3 of 4 photographs have a row in" in said
    assert "1 image without a row in the clinical table: 8_rechts" in said
    assert "2 rows of the clinical table without an image: 8, 10 OD" in said
    table = cli.read_table(clinic / "r.csv").set_index("image_id")
    assert table["IOD"].dropna().to_dict() == {"007_RE": 15.5, "9_L1": 12.5}
    assert table.loc["007_LE", "patient_id"] == table.loc["007_RE", "patient_id"]
    assert table["laterality_source"].value_counts().to_dict() == {"clinical_table": 3, "file_name": 1}


def test_codes_of_sides_are_declared_as_options(clinic, capsys):
    (clinic / "n.csv").write_text("patient,eye,age\n7,1,64\n7,2,65\n")
    assert measure(clinic, "--clinical", clinic / "n.csv") == 2
    error = capsys.readouterr().err
    assert "--eye-codes 0=OD 1=OS" in error
    assert "--eye-column ''" in error
    assert "eye_codes" not in error
    measure(clinic, "--clinical", clinic / "n.csv", "--eye-codes", "1=OD,2=OS")
    table = cli.read_table(clinic / "r.csv").set_index("image_id")
    assert table["age"].dropna().to_dict() == {"007_RE": 64, "007_LE": 65}


MISTAKES = {
    "no jobs": (["--jobs", "0"], "--jobs is 0, wanted"),
    "scale": (["--um-per-pixel", "-3"], "--um-per-pixel is -3, wanted"),
    "impossible scale": (["--um-per-pixel", "0.001"], "um per pixel, wanted 0.5"),
    "disc": (["--disc-diameter-um", "-3"], "--disc-diameter-um is -3, wanted"),
    "coding alone": (["--coding", "av_rgb"], "give their folder with --masks, or leave --coding out"),
    "masks only": (["--masks-only"], "give their folder with --masks, or leave --masks-only out"),
    "column alone": (["--eye-column", "x"], "give it with --clinical"),
    "unknown coding": (["--masks", "MASKS", "--coding", "rgb"], "'retina-tools codings' explains"),
    "ambiguous coding": (["--masks", "MASKS"], "say which: --coding av_both ("),
    "wrong coding": (["--masks", "MASKS", "--coding", "av_rgb"], "has no colours"),
    "codes": (["--clinical", "TABLE", "--eye-codes", "1"], "--eye-codes has '1', wanted"),
    "no such column": (["--clinical", "TABLE", "--patient-column", "x"], "no column 'x'"),
    "no key": (["--clinical", "TABLE"], "name it with --patient-column COLUMN or --image-column COLUMN."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_once_before_anything_is_measured(clinic, capsys, mistake):
    (clinic / "m").mkdir()
    Image.fromarray((np.arange(64 * 64).reshape(64, 64) % 4).astype(np.uint8)).save(clinic / "m" / "007_RE.png")
    options, says = MISTAKES[mistake]
    places = {"MASKS": str(clinic / "m"), "TABLE": str(clinic / "t.csv")}
    assert measure(clinic, *(places.get(option, option) for option in options)) == 2
    said = capsys.readouterr()
    assert said.err.startswith("retina-tools: ")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert not re.search(r"\b(coding|patient|image|eye|require_key)=|io\.", said.err)
    assert not (clinic / "r.csv").exists()


def test_missing_structures_are_segmented_unless_forbidden(tmp_path, capsys):
    eye = phantom.eye(seed=1, size=256)
    Image.fromarray(eye.image.values).save(tmp_path / "P1_OD.png")
    (tmp_path / "m").mkdir()
    io.write_masks(eye, tmp_path / "m" / "P1_OD.png", "av_rgb")
    assert measure(tmp_path, "--masks", tmp_path / "m") == 0
    assert "1 with artery vein vessel from the masks, optic_disc optic_cup fovea segmented." in capsys.readouterr().out
    completed = cli.read_table(tmp_path / "r.csv").iloc[0]
    assert measure(tmp_path, "--masks", tmp_path / "m", "--masks-only") == 0
    given = cli.read_table(tmp_path / "r.csv").iloc[0]
    assert given["structures_given"] == completed["structures_given"] == "artery vein vessel"
    assert pd.isna(given["structures_segmented"])
    assert given["calibre_equivalent_dd_status.artery.zone_b"] == "no_disc"
    assert completed["calibre_equivalent_dd_status.artery.zone_b"] == "ok"


def test_progress_is_a_bar_on_a_terminal_and_lines_in_a_log(monkeypatch, capsys):
    rows = [{"n": n} for n in range(4)]
    monkeypatch.setattr(cli, "_SECONDS_BETWEEN_LINES", 0.0)
    assert list(cli._with_progress(iter(rows), 4, quiet=False)) == rows
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"{n} of 4 photographs" for n in (1, 2, 3)]
    monkeypatch.setattr(cli, "_SECONDS_BETWEEN_LINES", 30.0)
    assert list(cli._with_progress(iter(rows), 4, quiet=False)) == rows
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(cli._with_progress(iter(rows), 4, quiet=False)) == rows
    assert "eye" in capsys.readouterr().err
    assert list(cli._with_progress(iter(rows), 4, quiet=True)) == rows
    assert capsys.readouterr().err == ""


def helps(capsys):
    texts = {}
    for command in ((), ("measure",), ("associate",)):
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        texts[command] = capsys.readouterr().out
    return texts


def test_every_example_can_be_typed_and_its_columns_exist(capsys):
    texts = helps(capsys)
    header = re.search(r"patient_id;\S+", texts["measure",])[0].split(";")
    examples = [line for text in texts.values() for line in re.findall(r"^  retina-tools (.+)$", text, re.MULTILINE)]
    assert len(examples) >= 8
    for example in examples:
        options = cli._parser().parse_args(shlex.split(example))
        if options.run is cli._associate:
            assert {options.outcome, *cli.cut(options.covariates)} <= set(header), example
        elif options.masks is not None:
            assert options.coding in set(io.codings()["coding"])


def test_exit_codes_are_documented(capsys):
    texts = helps(capsys)
    for command in (("measure",), ("associate",)):
        assert re.search(r"exit code: +0 .*2 nothing could be done", texts[command], re.DOTALL)


def test_codings_are_listed(capsys):
    assert cli.main(["codings"]) == 0
    said = capsys.readouterr().out
    assert all(coding in said for coding in io.codings()["coding"])
