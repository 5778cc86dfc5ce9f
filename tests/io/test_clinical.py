"""Clinical tables: keys found, sides understood, and nothing wrong passed on in silence."""

import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retina_tools.io import ReadError, clinical_problems, read_clinical

ROWS = [("P1", "OD", 64, 15.5), ("P1", "OS", 64, 16.25), ("P2", "OD", 71, np.nan)]


def text(delimiter: str = ",", header: str = "patient_id,laterality,age,iop") -> str:
    lines = [header.replace(",", delimiter)]
    for patient, side, age, pressure in ROWS:
        number = "" if np.isnan(pressure) else str(pressure)
        lines.append(delimiter.join((patient, side, str(age), number)))
    return "\n".join(lines) + "\n"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def assert_rows(table: pd.DataFrame) -> None:
    assert table.columns.tolist() == ["image_id", "patient_id", "laterality", "age", "iop"]
    assert table["patient_id"].tolist() == ["P1", "P1", "P2"]
    assert table["laterality"].tolist() == ["OD", "OS", "OD"]
    assert table["age"].tolist() == [64, 64, 71]
    np.testing.assert_array_equal(table["iop"].to_numpy(float), [15.5, 16.25, np.nan])
    assert table.attrs["problems"] == []


# --- the same table in every dress ------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_and_encodings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    assert_rows(read_clinical(written(tmp_path / "a.csv", text(delimiter).encode(encoding))))


def test_windows_line_ends_quotes_and_blanks(tmp_path: Path) -> None:
    content = text().replace("\n", "\r\n").replace("P1", '"P1"').replace("OD", " OD ")
    assert_rows(read_clinical(written(tmp_path / "a.csv", content)))


def test_excel_and_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=["patient_id", "laterality", "age", "iop"])
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    assert_rows(read_clinical(tmp_path / "a.xlsx"))
    frame.to_parquet(tmp_path / "a.parquet")
    assert_rows(read_clinical(tmp_path / "a.parquet"))


def test_second_sheet(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as writer:
        pd.DataFrame({"readme": ["see the other sheet"]}).to_excel(writer, sheet_name="about", index=False)
        pd.DataFrame(ROWS, columns=["patient_id", "eye", "age", "iop"]).to_excel(writer, sheet_name="eyes", index=False)
    assert_rows(read_clinical(tmp_path / "a.xlsx", sheet="eyes"))
    assert_rows(read_clinical(tmp_path / "a.xlsx", sheet=1))
    with pytest.raises(ReadError, match="cannot be read as a table"):
        read_clinical(tmp_path / "a.xlsx", sheet="nowhere")


def test_empty_rows_and_columns_are_dropped(tmp_path: Path) -> None:
    lines = [line + ",,," for line in text().splitlines()]
    content = "\n".join([",,,,,,", *lines[:2], ",,,,,,", *lines[2:], ",,,,,,", ",,,,,,"])
    assert_rows(read_clinical(written(tmp_path / "a.csv", content)))


def test_decimal_commas(tmp_path: Path) -> None:
    assert_rows(read_clinical(written(tmp_path / "a.csv", text(";").replace(".", ","))))


def test_keys_say_nothing_of_decimal_commas(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient;eye;iop\n7.0;R;15,5\n7.0;L;16,0\n"))
    assert table["patient_id"].tolist() == ["7", "7"]
    assert table["iop"].tolist() == [15.5, 16.0]


def test_commas_that_may_be_thousands_stay_text(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient_id;cells\nP1;1,250\nP2;2,100\n"))
    assert table["cells"].tolist() == ["1,250", "2,100"]
    assert "decimal or thousands" in clinical_problems(table)["problem"].item()


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patient", ["Patient ID", "patient", "PatID", "Subject", "PATIENT_NO"])
@pytest.mark.parametrize("side", ["eye", "Eye", "side", "Laterality", "RL"])
def test_common_spellings(tmp_path: Path, patient: str, side: str) -> None:
    assert_rows(read_clinical(written(tmp_path / "a.csv", text(header=f"{patient},{side},age,iop"))))


@pytest.mark.parametrize("image", ["image_id", "Image No", "Image name", "filename", "File_Path", "image"])
def test_image_is_its_file_name_without_folder_and_extension(tmp_path: Path, image: str) -> None:
    content = f"{image},grade\n/data/a/IDRiD_001.jpg,2\n\\\\server\\IDRiD_002.TIF,0\nIDRiD_003,1\n"
    table = read_clinical(written(tmp_path / "a.csv", content))
    assert table["image_id"].tolist() == ["IDRiD_001", "IDRiD_002", "IDRiD_003"]
    if image != "image_id":
        assert table[image].iloc[0] == "/data/a/IDRiD_001.jpg"


def test_image_names_that_coincide_keep_their_folder(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "image\nv1/eye.jpg\nv2/eye.jpg\n"))
    assert table["image_id"].tolist() == ["v1/eye", "v2/eye"]


def test_named_columns_and_none(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "code,which,eye\nA,left,brown\nB,right,blue\n")
    table = read_clinical(path, patient="code", eye="which")
    assert table["laterality"].tolist() == ["OS", "OD"]
    assert table["eye"].tolist() == ["brown", "blue"]
    assert read_clinical(path, patient="code", eye="")["laterality"].tolist() == ["", ""]
    with pytest.raises(ReadError, match="no column 'kode'; it has 'code', 'which', 'eye'"):
        read_clinical(path, patient="kode")


def test_leading_zeros_stay_and_spreadsheet_numbers_lose_their_point(tmp_path: Path) -> None:
    assert read_clinical(written(tmp_path / "a.csv", "pid\n007\n010\n"))["patient_id"].tolist() == ["007", "010"]
    pd.DataFrame({"pid": [7.0, 10.0]}).to_excel(tmp_path / "a.xlsx", index=False)
    assert read_clinical(tmp_path / "a.xlsx")["patient_id"].tolist() == ["7", "10"]


@pytest.mark.parametrize("codes", [("R", "L"), ("right", "left"), ("OD", "OS"), ("Right eye", "LEFT EYE"), ("r", "l")])
def test_sides_in_words(tmp_path: Path, codes: tuple[str, str]) -> None:
    path = written(tmp_path / "a.csv", f"patient,eye\nA,{codes[0]}\nB,{codes[1]}\n")
    assert read_clinical(path)["laterality"].tolist() == ["OD", "OS"]


def test_sides_in_numbers_are_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "patient,eye\nA,0\nB,1\n")
    with pytest.raises(ReadError, match=r"codes the side as 0, 1; say which is which with eye_codes"):
        read_clinical(path)
    assert read_clinical(path, eye_codes={0: "OS", 1: "OD"})["laterality"].tolist() == ["OS", "OD"]
    assert read_clinical(path, eye_codes={"0": "R", "1": "L"})["laterality"].tolist() == ["OD", "OS"]


def test_unknown_side_is_reported(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,eye\nA,OU\nB,\nC,L\n"))
    assert table["laterality"].tolist() == ["", "", "OS"]
    assert clinical_problems(table)[["row", "value"]].values.tolist() == [[2, "OU"], [3, ""]]
    assert clinical_problems(table)["problem"].str.contains("joins to no photograph").all()


@pytest.mark.parametrize(
    ("right", "left"), [("RE", "LE"), ("RA", "LA"), ("rechts", "links"), ("droite", "gauche"), ("O.D.", "O.S.")]
)
def test_sides_in_other_languages_are_understood(tmp_path: Path, right: str, left: str) -> None:
    table = read_clinical(written(tmp_path / "a.csv", f"patient,eye\nA,{right}\nA,{left}\n"))
    assert table["laterality"].tolist() == ["OD", "OS"]
    assert table.attrs["problems"] == []


def test_rows_of_unknown_side_are_no_repeats(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,eye,iop\nA,both,12\nA,?,13\nB,L,14\n"))
    assert table["laterality"].tolist() == ["", "", "OS"]
    assert clinical_problems(table)[["row", "value"]].values.tolist() == [[2, "both"], [3, "?"]]


def test_a_column_without_any_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"codes the side as X, Y; say which is which with eye_codes"):
        read_clinical(written(tmp_path / "a.csv", "patient,eye\nA,X\nA,Y\n"))


def test_table_without_keys(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "name_of_thing,age\nx,5\n")
    with pytest.raises(ReadError, match="no column for the patient or the image among 'name_of_thing', 'age'"):
        read_clinical(path)
    assert read_clinical(path, require_key=False)["age"].tolist() == [5]


# --- what is wrong is said, with the row of the file ------------------------------------------------------------------


def test_impossible_values_are_missing_and_reported(tmp_path: Path) -> None:
    content = "patient,age,IOP,iop_perkins,axial_length,sex\nA,412,-3,12,23.5,f\n\nB,64,15,99,235,x\n"
    path = written(tmp_path / "a.csv", content)
    table = read_clinical(path)
    found = clinical_problems(table)
    assert found[["row", "column", "value"]].values.tolist() == [
        [2, "age", "412"],
        [2, "IOP", "-3"],
        [4, "iop_perkins", "99"],
        [4, "axial_length", "235"],
        [4, "sex", "x"],
    ]
    for column in ("age", "IOP"):
        assert np.isnan(table[column].iloc[0])
    assert table["age"].iloc[1] == 64
    assert table["sex"].tolist() == ["f", "x"]
    with pytest.raises(ReadError, match=r"has 5 problems: row 2, age '412': impossible.*and 2 more"):
        read_clinical(path, strict=True)


def test_columns_that_only_look_alike_are_left_alone(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,stage,image_count,biopsy,coverage\nA,412,-3,-5,500\n"))
    assert table.iloc[0, 3:].tolist() == [412, -3, -5, 500]
    assert table.attrs["problems"] == []


def test_words_among_numbers(tmp_path: Path) -> None:
    content = "patient,iop\n" + "".join(f"P{n},{n}\n" for n in range(9, 18)) + "P99,<10\n"
    table = read_clinical(written(tmp_path / "a.csv", content))
    assert np.isnan(table["iop"].iloc[-1])
    assert table["iop"].iloc[0] == 9
    assert clinical_problems(table)[["row", "value"]].values.tolist() == [[11, "<10"]]


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NULL", "#N/A"])
def test_missing_values_are_missing(tmp_path: Path, missing: str) -> None:
    table = read_clinical(written(tmp_path / "a.csv", f"patient,iop,note\nA,12.5,x\nB,{missing},{missing}\n"))
    assert np.isnan(table["iop"].iloc[1])
    assert pd.isna(table["note"].iloc[1])
    assert table.attrs["problems"] == []


WORDS_FOR_NOTHING = (
    ("k.A.", "there is none"), ("n/a", "there is none"), ("-", "there is none"), ("?", "there is none"),
    ("unbekannt", "not known"), ("< 10", "a limit"), (">=60", "a limit"), ("#DIV/0!", "an error of the spreadsheet"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "why", "kind"),
    [(*case, kind) for case in WORDS_FOR_NOTHING for kind in ("csv", "xlsx") if (case[0][0], kind) != ("#", "xlsx")],
)
def test_numbers_stay_numbers_whatever_stands_for_none(tmp_path: Path, said: str, why: str, kind: str) -> None:
    frame = pd.DataFrame({"patient": ["A", "B", "C", "D"], "iop": [12.5, said, said, said]})
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_excel(path, index=False)
    table = read_clinical(path)
    assert table["iop"].dtype == float
    np.testing.assert_array_equal(table["iop"], [12.5, np.nan, np.nan, np.nan])
    found = clinical_problems(table)
    assert found[["row", "column", "value"]].values.tolist() == [[row, "iop", said] for row in (3, 4, 5)]
    assert found["problem"].str.contains(why).all()


def test_a_column_of_words_and_numbers_stays_text_and_is_reported(tmp_path: Path) -> None:
    content = "patient,iop,grade,note\nA,12,2,-\nB,high,3a,ok\nC,14,1,unknown\n"
    table = read_clinical(written(tmp_path / "a.csv", content))
    assert table["iop"].tolist() == ["12", "high", "14"]
    assert table["note"].isna().tolist() == [True, False, False]
    found = clinical_problems(table)
    assert found[["row", "column"]].values.tolist() == [[3, "iop"], [3, "grade"]]
    assert found["problem"].str.contains("kept as text").all()


def test_patients_who_are_not_known_are_no_patient(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,age\nunbekannt,50\nk.A.,60\nB,70\n"))
    assert table["patient_id"].tolist() == ["B"]
    assert clinical_problems(table)["row"].tolist() == [2, 3]


def test_none_is_a_word_in_a_spreadsheet_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"patient": ["A", "B", "C"], "retinopathy": ["None", "Mild", ""]})
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    assert read_clinical(tmp_path / "a.xlsx")["retinopathy"].fillna("?").tolist() == ["None", "Mild", "?"]


def test_none_is_a_word_and_truth_is_truth(tmp_path: Path) -> None:
    content = "patient,retinopathy,oedema,smoker\nA,None,True,true\nB,Mild,,false\n"
    table = read_clinical(written(tmp_path / "a.csv", content))
    assert table["retinopathy"].tolist() == ["None", "Mild"]
    assert table["smoker"].tolist() == [True, False]
    assert table["smoker"].dtype == bool
    assert table["oedema"].isna().tolist() == [False, True]


def test_rows_without_a_key_are_left_out_and_reported(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,age\nA,50\n,60\nC,70\n"))
    assert table["patient_id"].tolist() == ["A", "C"]
    assert clinical_problems(table)[["row", "problem"]].values.tolist() == [[3, "no patient_id; row left out"]]


def test_two_rows_for_one_eye_are_refused_unless_visits_are_expected(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "patient,eye,visit\nA,OD,1\nA,OS,1\nA,R,2\n")
    with pytest.raises(ReadError, match=r"Rows 2, 4 of 'a\.csv' are all for 'A OD'.*allow_repeats=True"):
        read_clinical(path)
    assert len(read_clinical(path, allow_repeats=True)) == 3
    path = written(tmp_path / "b.csv", "image,grade\nx.jpg,1\ny.jpg,0\nx.jpg,2\n")
    with pytest.raises(ReadError, match="Rows 2, 4"):
        read_clinical(path)


def test_the_same_row_twice_is_dropped_and_reported(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "image,grade\nx,1\ny,0\nx,1\n"))
    assert table["image_id"].tolist() == ["x", "y"]
    assert clinical_problems(table)["row"].tolist() == [4]


def test_columns_of_one_title_are_told_apart(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient,iop,iop\nA,12,14\n"))
    assert table[["iop", "iop_2"]].values.tolist() == [[12, 14]]


def test_names_and_birthdays_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Patient ID": ["1"],
            "Surname": ["Musterfrau"],
            "Date of Birth": [datetime.date(1964, 2, 29)],
            "E-Mail": ["erika@example.org"],
            "iop": [12.0],
        }
    )
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    table = read_clinical(tmp_path / "a.xlsx")
    assert table.columns.tolist() == ["image_id", "patient_id", "laterality", "iop"]
    assert clinical_problems(table)["column"].tolist() == ["Surname", "Date of Birth", "E-Mail"]
    said = table.to_csv() + json.dumps(table.attrs)
    for secret in ("Musterfrau", "1964", "erika"):
        assert secret not in said


def test_a_table_with_german_titles(tmp_path: Path) -> None:
    content = (
        "Patienten-Nr.;Auge;Alter;IOD (mmHg);Geschlecht;Nachname;Vorname;Geburtsdatum\n"
        "7;RA;64;15,5;w;Musterfrau;Erika;12.08.1964\n7;LA;640;16,0;w;Musterfrau;Erika;12.08.1964\n"
    )
    table = read_clinical(written(tmp_path / "a.csv", content.encode("cp1252")))
    assert table["patient_id"].tolist() == ["7", "7"]
    assert table["laterality"].tolist() == ["OD", "OS"]
    assert table.columns[3:].tolist() == ["Alter", "IOD (mmHg)", "Geschlecht"]
    assert "Musterfrau" not in table.to_csv() + json.dumps(table.attrs)
    found = clinical_problems(table)
    assert found[found["row"] > 1][["row", "column", "value"]].values.tolist() == [[3, "Alter", "640"]]


def test_problems_do_not_keep_a_table_from_being_joined_and_stored(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "patient,age\nA,412\nB,50\n")
    both = pd.concat([read_clinical(path), read_clinical(path)])
    assert len(both) == 4
    both.to_parquet(tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet").attrs["problems"][0]["value"] == "412"


# --- no tables --------------------------------------------------------------------------------------------------------


def test_no_tables(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no table 'nowhere.csv'".replace(".", r"\.")):
        read_clinical(tmp_path / "nowhere.csv")
    with pytest.raises(ReadError, match="is a folder"):
        read_clinical(tmp_path)
    for content, message in (
        (b"", "is empty"),
        (b"\n\n,,\n", "no filled cells"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "is not a table"),
        (b"PK\x03\x04 no workbook", "cannot be read as a table"),
        (b"PAR1 no table", "cannot be read as a table"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "old Excel file"),
    ):
        with pytest.raises(ReadError, match=message):
            read_clinical(written(tmp_path / "bad", content))


def test_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    table = read_clinical(written(tmp_path / "a.csv", "patient_id,age\n"))
    assert len(table) == 0
    assert table.columns.tolist() == ["image_id", "patient_id", "laterality", "age"]


# --- real tables ------------------------------------------------------------------------------------------------------


def test_papila_and_its_typing_errors(real_data: Path) -> None:
    table = read_clinical(real_data / "tables" / "papila_clinical.csv")
    assert len(table) == 488
    assert table["patient_id"].nunique() == 244
    assert table.groupby("laterality").size().to_dict() == {"OD": 244, "OS": 244}
    found = clinical_problems(table)
    assert set(found["column"]) == {"refractive_dioptre_2"}
    assert "-200" in set(found["value"])


def test_kim_2017_has_no_patients(real_data: Path) -> None:
    path = real_data / "tables" / "kim2017_glaucoma_ds_train.csv"
    with pytest.raises(ReadError, match="no column for the patient or the image"):
        read_clinical(path)
    table = read_clinical(path, require_key=False)
    assert len(table) == 399
    assert set(table["laterality"]) == {"OD", "OS"}
    assert set(clinical_problems(table)["column"]) <= {"MD"}  # defects above +20 dB, whose sign was lost


def test_idrid_srahim_and_olives(real_data: Path) -> None:
    files = sorted((real_data / "IDRiD").rglob("*Training*.csv"))
    assert len(files) == 3
    for file in files:
        table = read_clinical(file)
        assert len(table) == 280
        assert table.shape[1] == 5  # the keys and two columns, without the empty ones
        assert table["image_id"].iloc[0] == "IDRiD_001"
    labels = read_clinical(real_data / "SRahimDR" / "labels.csv")
    assert labels["image_id"].iloc[0] == "Patient001_L"
    assert labels["laterality"].iloc[0] == "OS"
    assert labels["dr_grade"].isna().sum() == (labels["class_name"].str.contains("ADED")).sum()
    (olives,) = (real_data / "fixtures" / "OLIVES" / "OLIVES_Dataset_Labels" / "full_labels").glob("Clinical*.xlsx")
    table = read_clinical(olives)
    assert table["image_id"].is_unique
    assert table["image_id"].iloc[0] == "TREX DME/GILA/0201GOD/V1/OD/TREXJ_000000"
