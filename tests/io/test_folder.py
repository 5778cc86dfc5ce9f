"""Folders: photographs told from masks, patients from names, tables joined without losing a row in silence."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retina_tools.io import ReadError, add_mask_folder, read_clinical, read_folder
from retina_tools.schema import EyeError


def picture(path: Path, level: int = 150) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 24), (level, level // 2, level // 4)).save(path)
    return path


def mask(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.eye(24, 32, dtype=bool)).save(path)
    return path


def test_natural_order_sides_and_patients(tmp_path: Path) -> None:
    for name in ("P10_L.png", "P2_R.jpg", "P2_L.tif", "other.bmp"):
        picture(tmp_path / name)
    eyes = read_folder(tmp_path)
    assert eyes.name == tmp_path.name
    assert eyes.table["image_id"].tolist() == ["other", "P2_L", "P2_R", "P10_L"] or eyes.table["image_id"].tolist() == [
        "P2_L",
        "P2_R",
        "P10_L",
        "other",
    ]
    table = eyes.table.set_index("image_id")
    assert table["laterality"].to_dict() == {"other": "", "P2_L": "OS", "P2_R": "OD", "P10_L": "OS"}
    assert table["patient_id"].to_dict() == {"other": "other", "P2_L": "P2", "P2_R": "P2", "P10_L": "P10"}
    eye = eyes["P2_R"]
    assert (eye.image_id.item(), eye.patient_id.item(), eye.laterality.item()) == ("P2_R", "P2", "OD")
    assert str(tmp_path) not in repr(eye) + repr(eye.attrs)
    assert str(tmp_path) not in eyes.clinical.to_csv()


def test_masks_hidden_files_and_other_files_are_left_out_with_a_note(tmp_path: Path) -> None:
    kept = ["Image_01L.jpg", "IDRiD_01.jpg", "P1_OD.png", "P1_disc.jpg", "emma.png", "training/images/21_training.tif"]
    for name in kept:
        picture(tmp_path / name)
    for name in (
        "Image_01L_1stHO.png",
        "IDRiD_01_MA.tif",
        "IDRiD_01_OD.tif",
        "01_dr_mask.tif",
        "01_h_AVmanual.png",
        "P1_OD_vessel.png",
        "masks/P1_OD.png",
        "mask/deep/P1_OD.png",
        "manual1/P1_OD.tif",
        "training/1st_manual/21_manual1.gif",
        "2. All Segmentation Groundtruths/a/b.tif",
        ".hidden.png",
        ".cache/x.png",
        "__MACOSX/x.png",
    ):
        mask(tmp_path / name)
    (tmp_path / "readme.txt").write_text("no image")
    (tmp_path / "labels.csv").write_text("no,image")
    eyes = read_folder(tmp_path)
    assert sorted(eyes.table["image_id"]) == sorted(Path(name).stem for name in kept)
    notes = "\n".join(eyes.table.attrs["notes"])
    assert "folders named like masks left out: " in notes
    assert "6 files named like a mask left out: " in notes


def test_a_folder_inside_can_be_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "v1" / "P1_OD.png")
    picture(tmp_path / "v1" / "other tool" / "P1_OD.png")
    eyes = read_folder(tmp_path, leave_out=tmp_path / "v1" / "other tool")
    assert eyes.table["image_id"].tolist() == ["P1_OD"]
    assert len(read_folder(tmp_path)) == 2


def test_pattern_and_depth(tmp_path: Path) -> None:
    for name in ("a_OD.png", "a_OS.png", "deep/b_OD.png"):
        picture(tmp_path / name)
    assert read_folder(tmp_path, pattern="*_OD*").table["image_id"].tolist() == ["a_OD", "b_OD"]
    assert read_folder(tmp_path, pattern="deep/*").table["image_id"].tolist() == ["b_OD"]
    assert read_folder(tmp_path, recursive=False).table["image_id"].tolist() == ["a_OD", "a_OS"]
    with pytest.raises(ReadError, match="whose name fits 'z\\*'"):
        read_folder(tmp_path, pattern="z*")


def test_repeated_names_get_their_folder_and_then_their_extension(tmp_path: Path) -> None:
    picture(tmp_path / "v1" / "eye_OD.png")
    picture(tmp_path / "v2" / "eye_OD.png")
    eyes = read_folder(tmp_path)
    assert eyes.table["image_id"].tolist() == ["v1/eye_OD", "v2/eye_OD"]
    assert eyes.table["patient_id"].tolist() == ["eye", "eye"]
    picture(tmp_path / "v1" / "eye_OD.tif")
    assert read_folder(tmp_path).table["image_id"].tolist() == ["v1/eye_OD.png", "v1/eye_OD.tif", "v2/eye_OD.png"]


def test_bad_file_fails_only_when_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    eyes = read_folder(tmp_path)
    assert len(eyes) == 2
    assert eyes["good"]["fov"].any()
    with pytest.raises(ReadError, match=r"'bad\.png' is not an image"):
        eyes["bad"]


def test_black_file_is_an_eye_that_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "black.png", 0)
    eye = read_folder(tmp_path)["black"]
    assert not eye["fov"].values.any()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is not there"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(ReadError, match="is a file, wanted a folder"):
        read_folder(picture(tmp_path / "x.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="No image files in 'empty'"):
        read_folder(tmp_path / "empty")
    mask(tmp_path / "only" / "masks" / "a.png")
    with pytest.raises(ReadError, match="1 folder named like masks left out"):
        read_folder(tmp_path / "only")


def test_eyes_can_be_sent_to_other_processes(tmp_path: Path) -> None:
    picture(tmp_path / "a_OD.png")
    eyes = pickle.loads(pickle.dumps(read_folder(tmp_path, um_per_pixel=8)))
    assert eyes[0].um_per_pixel == 8


# --- with a clinical table --------------------------------------------------------------------------------------------


@pytest.fixture
def six(tmp_path: Path) -> Path:
    for patient in (1, 2, 3):
        for side in "LR":
            picture(tmp_path / "images" / f"P{patient}_{side}.png")
    return tmp_path


def test_join_by_image_with_and_without_extension(six: Path) -> None:
    (six / "a.csv").write_text("filename,patient,grade\nP1_L.png,A,0\nimages/P2_R.jpg,B,3\nP9_L.png,C,1\n")
    eyes = read_folder(six / "images", clinical=six / "a.csv")
    table = eyes.table.set_index("image_id")
    assert table["grade"].dropna().to_dict() == {"P1_L": 0, "P2_R": 3}
    assert table["patient_id"].to_dict() == {
        "P1_L": "A", "P1_R": "P1", "P2_L": "P2", "P2_R": "B", "P3_L": "P3", "P3_R": "P3"
    }  # fmt: skip
    notes = eyes.table.attrs["notes"]
    assert "4 images without a row in the clinical table: P1_R, P2_L, P3_L, P3_R" in notes
    assert "1 row of the clinical table without an image: P9_L C" in notes
    assert eyes["P2_R"].patient_id.item() == "B"


def test_join_by_patient_and_side(six: Path) -> None:
    (six / "a.csv").write_text("Patient ID,Eye,iop\nP1,OD,11\nP1,OS,12\nP2,R,13\n")
    table = read_folder(six / "images", clinical=six / "a.csv").table.set_index("image_id")
    assert table["iop"].dropna().to_dict() == {"P1_R": 11, "P1_L": 12, "P2_R": 13}


def test_join_by_patient_gives_both_eyes_the_same(six: Path) -> None:
    (six / "a.csv").write_text("subject,age\nP1,64\nP3,71\n")
    table = read_folder(six / "images", clinical=six / "a.csv").table.set_index("image_id")
    assert table["age"].dropna().to_dict() == {"P1_L": 64, "P1_R": 64, "P3_L": 71, "P3_R": 71}


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Both eyes of the patients 007, 8 and 12."""
    for name in ("007_OD", "007_OS", "8_OD", "8_OS", "12_rechts", "12_LE"):
        picture(tmp_path / "images" / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_numbers_join_whatever_zeros_they_begin_with(numbered: Path, kind: str) -> None:
    path = numbered / f"a.{kind}"
    frame = pd.DataFrame({"patient": [7, 8, 12], "Auge": ["RA", "LA", "links"], "iop": [11, 12, 13]})
    write = {"csv": frame.to_csv, "xlsx": frame.to_excel, "parquet": frame.to_parquet}[kind]
    write(path, index=False)
    rows = read_clinical(path, eye="Auge")
    table = read_folder(numbered / "images", clinical=rows).table.set_index("image_id")
    assert table["iop"].dropna().to_dict() == {"007_OD": 11, "8_OS": 12, "12_LE": 13}
    # The fellow eye without a row is the same patient's.
    patients = {image: patient.lstrip("0") for image, patient in table["patient_id"].items()}
    assert table["patient_id"].to_dict() == patients
    assert table["_clinical_row"].sum() == 3


def test_zeros_are_kept_apart_where_they_tell_patients_apart(numbered: Path) -> None:
    (numbered / "a.csv").write_text("patient,age\n7,50\n007,60\n08,70\n008,80\n12,90\n")
    eyes = read_folder(numbered / "images", clinical=numbered / "a.csv")
    table = eyes.table.set_index("image_id")
    assert table["age"].dropna().to_dict() == {"007_OD": 60, "007_OS": 60, "12_rechts": 90, "12_LE": 90}
    (said,) = [note for note in eyes.table.attrs["notes"] if "zeros" in note]
    assert said.endswith(": 8_OD, 8_OS")
    picture(numbered / "images" / "7_OD.png")
    (numbered / "b.csv").write_text("patient,age\n07,50\n12,90\n")
    eyes = read_folder(numbered / "images", clinical=numbered / "b.csv")
    assert "3 images could belong to several rows" in "\n".join(eyes.table.attrs["notes"])
    assert eyes.table["age"].count() == 2


def test_images_named_by_numbers_join_too(tmp_path: Path) -> None:
    for name in ("001", "002", "010"):
        picture(tmp_path / "images" / f"{name}.png")
    pd.DataFrame({"image": [1.0, 2.0, 10.0], "grade": [0, 1, 2]}).to_excel(tmp_path / "a.xlsx", index=False)
    table = read_folder(tmp_path / "images", clinical=tmp_path / "a.xlsx").table
    assert table.set_index("image_id")["grade"].to_dict() == {"001": 0, "002": 1, "010": 2}


def test_a_side_that_cannot_be_read_joins_to_no_eye(six: Path) -> None:
    (six / "a.csv").write_text("patient,eye,iop\nP1,R,11\nP2,both,12\nP3,,13\n")
    rows = read_clinical(six / "a.csv")
    eyes = read_folder(six / "images", clinical=rows)
    assert eyes.table.set_index("image_id")["iop"].dropna().to_dict() == {"P1_R": 11}
    assert "2 rows of the clinical table without an image: P2, P3" in eyes.table.attrs["notes"]
    assert [problem["row"] for problem in eyes.table.attrs["problems"]] == [3, 4]
    # Nor does a part of the table in which no side could be read.
    with pytest.raises(ReadError, match="No row of the clinical table"):
        read_folder(six / "images", clinical=rows[rows["laterality"] == ""])
    frame = pd.DataFrame({"patient_id": ["P1", "P2"], "laterality": ["rechts", "beide"], "iop": [11, 12]})
    eyes = read_folder(six / "images", clinical=frame)
    assert eyes.table.set_index("image_id")["iop"].dropna().to_dict() == {"P1_R": 11}
    assert "'beide' for a side" in eyes.table.attrs["notes"][0]


def test_of_several_rows_for_an_eye_none_is_chosen_in_silence(six: Path) -> None:
    (six / "a.csv").write_text("patient,eye,visit\nP1,R,1\nP1,R,2\nP2,L,1\n")
    rows = read_clinical(six / "a.csv", allow_repeats=True)
    eyes = read_folder(six / "images", clinical=rows)
    assert eyes.table.set_index("image_id")["visit"].dropna().to_dict() == {"P2_L": 1}
    assert any("1 image with several rows" in note and "P1_R" in note for note in eyes.table.attrs["notes"])


def test_where_a_side_comes_from_is_kept(six: Path) -> None:
    picture(six / "images" / "other.png")
    (six / "a.csv").write_text("image,eye\nP1_L,OD\nP1_R,OD\nP2_L,\n")
    eyes = read_folder(six / "images", clinical=six / "a.csv")
    source = eyes.table.set_index("image_id")["_laterality_source"].to_dict()
    assert source["P1_L"] == source["P1_R"] == "clinical_table"
    assert source["P2_L"] == source["P3_R"] == "file_name"
    assert source["other"] == ""
    assert any("another side in the clinical table" in note and "P1_L" in note for note in eyes.table.attrs["notes"])


@pytest.mark.parametrize("scale", [-3, 0, float("nan"), 1e6])
def test_a_scale_that_is_none_is_refused_at_once(six: Path, scale: float) -> None:
    with pytest.raises(EyeError, match="um per pixel, wanted"):
        read_folder(six / "images", um_per_pixel=scale)


def test_side_and_scale_of_the_table_count(six: Path) -> None:
    (six / "a.csv").write_text("image,eye,um_per_pixel\nP1_L,OD,7.5\nP1_R,OD,\n")
    eyes = read_folder(six / "images", clinical=six / "a.csv", um_per_pixel=9)
    assert eyes["P1_L"].laterality.item() == "OD"
    assert eyes["P1_L"].um_per_pixel == 7.5
    assert eyes["P1_R"].um_per_pixel == 9
    assert any("laterality given as OD, but the file says OS" in step for step in eyes["P1_L"].provenance)


def test_own_data_frame(six: Path) -> None:
    frame = pd.DataFrame({"image_id": ["p1_l", "P3_R"], "group": ["case", "control"]})
    eyes = read_folder(six / "images", clinical=frame)
    assert eyes.table.set_index("image_id")["group"].dropna().to_dict() == {"P1_L": "case", "P3_R": "control"}
    with pytest.raises(ReadError, match="neither a column 'image_id' nor 'patient_id'"):
        read_folder(six / "images", clinical=pd.DataFrame({"age": [4]}))


def test_table_of_other_images_is_refused(six: Path) -> None:
    (six / "a.csv").write_text("image,grade\nx,1\ny,2\n")
    with pytest.raises(ReadError, match=r"No row of the clinical table .* 'x', 'y', the folder 'P1_L'"):
        read_folder(six / "images", clinical=six / "a.csv")


def test_join_with_folders_in_the_names(tmp_path: Path) -> None:
    for visit in ("v1", "v2"):
        picture(tmp_path / "images" / visit / "eye.png")
    (tmp_path / "a.csv").write_text("image,bcva\n/v1/eye.png,70\n/v2/eye.png,75\n")
    table = read_folder(tmp_path / "images", clinical=read_clinical(tmp_path / "a.csv")).table
    assert table.set_index("image_id")["bcva"].to_dict() == {"v1/eye": 70, "v2/eye": 75}


# --- with masks -------------------------------------------------------------------------------------------------------


def test_masks_are_found_by_name(six: Path) -> None:
    mask(six / "m" / "P1_L.png")
    mask(six / "m" / "inner" / "P1_R_vessel.png")
    mask(six / "m" / "inner" / "P1_R_optic_disc.png")
    mask(six / "m" / "P2_L" / "artery.png")
    mask(six / "m" / "P2_L" / "vein.png")
    eyes = add_mask_folder(read_folder(six / "images"), six / "m", coding=None)
    assert set(eyes["P1_R"]["structure"].values) == {"vessel", "optic_disc"}
    assert set(eyes["P2_L"]["structure"].values) == {"artery", "vein"}
    with pytest.raises(ReadError, match="its name does not say of what"):
        eyes["P1_L"]
    with pytest.raises(ReadError, match="no mask named after 'P3_L'"):
        eyes["P3_L"]
    with_coding = add_mask_folder(read_folder(six / "images", pattern="P1_L*"), six / "m", coding="vessel")
    assert with_coding["P1_L"]["structure"].values.tolist() == ["vessel"]
    assert pickle.loads(pickle.dumps(with_coding))["P1_L"]["mask"].values.sum() == 24


@pytest.mark.parametrize(
    ("values", "coding", "says"),
    [
        ((1, 2, 3), None, "fits more than one coding, say which"),
        ((1, 2, 3), "av_rgb", "has no colours"),
        ((1, 2, 7), "av_both", "has the values 0, 1, 2, 7"),
        ((1, 2, 3), "av-both", "did you mean 'av_both'"),
    ],
)
def test_a_wrong_or_missing_coding_is_refused_before_any_eye_is_read(
    six: Path, values: tuple[int, ...], coding: str | None, says: str
) -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[2, : len(values)] = values
    (six / "m").mkdir()
    for patient in (1, 2, 3):
        Image.fromarray(labels).save(six / "m" / f"P{patient}_L.png")
    with pytest.raises(ReadError, match=says):
        add_mask_folder(read_folder(six / "images"), six / "m", coding=coding)


def test_one_damaged_mask_does_not_refuse_the_folder(six: Path) -> None:
    (six / "m").mkdir()
    for name in ("P1_L", "P1_R", "P2_L"):
        (six / "m" / f"{name}_vessel.png").write_bytes(b"nothing")
    mask(six / "m" / "P2_R_vessel.png")
    eyes = add_mask_folder(read_folder(six / "images"), six / "m")
    assert eyes["P2_R"]["mask"].any()
    with pytest.raises(ReadError, match="not an image"):
        eyes["P1_L"]


def test_longer_names_are_not_taken_for_shorter_ones(tmp_path: Path) -> None:
    for name in ("P1", "P1_2", "P12"):
        picture(tmp_path / "images" / f"{name}.png")
        mask(tmp_path / "m" / f"{name}_vessel.png")
    eyes = add_mask_folder(read_folder(tmp_path / "images"), tmp_path / "m")
    assert {row["image_id"]: Path(row["_masks"]).name for row in eyes.rows()} == {
        "P1": "P1_vessel.png", "P1_2": "P1_2_vessel.png", "P12": "P12_vessel.png"
    }  # fmt: skip


def test_photographs_beside_their_masks_are_no_masks(tmp_path: Path) -> None:
    picture(tmp_path / "P1.png")
    mask(tmp_path / "P1_vessel.png")
    eyes = add_mask_folder(read_folder(tmp_path), tmp_path)
    assert eyes["P1"]["structure"].values.tolist() == ["vessel"]


def test_masks_of_repeated_names_lie_in_the_same_folders(tmp_path: Path) -> None:
    for visit in ("v1", "v2"):
        picture(tmp_path / "images" / visit / "eye.png")
        mask(tmp_path / "m" / visit / "eye_vessel.png")
    eyes = add_mask_folder(read_folder(tmp_path / "images"), tmp_path / "m")
    assert [Path(row["_masks"]).parent.name for row in eyes.rows()] == ["v1", "v2"]


def test_no_masks_at_all(six: Path) -> None:
    (six / "m").mkdir()
    with pytest.raises(ReadError, match="has no masks for any of the 6 images"):
        add_mask_folder(read_folder(six / "images"), six / "m")
    with pytest.raises(ReadError, match="There is no folder of masks"):
        add_mask_folder(read_folder(six / "images"), six / "nowhere")


# --- real folders -----------------------------------------------------------------------------------------------------


def test_real_folders(real_data: Path) -> None:
    chase = read_folder(real_data / "CHASE_DB1")
    assert len(chase) == 20
    assert chase.table["patient_id"].nunique() == 10
    assert chase.table.groupby("laterality").size().to_dict() == {"OD": 10, "OS": 10}
    hrf = read_folder(real_data / "HRF")
    assert len(hrf) == 30
    assert set(hrf.table["laterality"]) == {""}
    with_masks = add_mask_folder(hrf, real_data / "HRF" / "HRF-AV", coding="av_uncertain")
    assert with_masks["02_g"]["structure"].values.tolist() == ["artery", "vein", "vessel"]
    rahim = read_folder(real_data / "SRahimDR", clinical=real_data / "SRahimDR" / "labels.csv")
    assert len(rahim) == 400
    assert rahim.table["class_name"].notna().all()
    assert rahim.table["patient_id"].nunique() == 200
    assert rahim.table.attrs["notes"] == []
    idrid = read_folder(real_data / "IDRiD" / "A. Segmentation")
    assert len(idrid) == 14
