"""Official layouts, as trees of tiny pictures: what is drawn in the files is what the eyes carry."""

import gzip
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest

from retina_tools import datasets
from retina_tools.datasets import DatasetError
from retina_tools.io import ReadError
from retina_tools.schema import get_landmark, get_mask, has_mask, validate


def mask_of(eye, name):
    return eye["mask"].sel(structure=name).values


def test_chase_db1_has_both_eyes_of_a_child(make, tmp_path):
    drawn = {}
    for key in ("01L", "01R", "02L"):
        make.photograph(tmp_path / f"Image_{key}.jpg")
        for who in ("1stHO", "2ndHO"):
            drawn[key, who] = make.drawing(tmp_path / f"Image_{key}_{who}.png", mode="1")
    eyes = datasets.chase_db1(tmp_path)
    assert eyes.table[["image_id", "patient_id", "laterality"]].to_numpy().tolist() == [
        ["Image_01L", "01", "OS"],
        ["Image_01R", "01", "OD"],
        ["Image_02L", "02", "OS"],
    ]
    for observer, who in ((1, "1stHO"), (2, "2ndHO")):
        eye = datasets.chase_db1(tmp_path, observer=observer)["Image_01R"]
        np.testing.assert_array_equal(mask_of(eye, "vessel"), drawn["01R", who])
    assert eye.attrs["licence"] == "CC-BY-4.0"
    assert "10.1109/TBME.2012.2205687" in eye.attrs["citation"]
    with pytest.raises(DatasetError, match="observers 1 and 2, got 3"):
        datasets.chase_db1(tmp_path, observer=3)
    for key in ("01L", "01R", "02L"):
        (tmp_path / f"Image_{key}_2ndHO.png").unlink()
    with pytest.raises(DatasetError, match=r"no drawing of the second observer, files named Image_01L_2ndHO\.png, "):
        datasets.chase_db1(tmp_path, observer=2)
    assert len(datasets.chase_db1(tmp_path, observer=1)) == 3


@pytest.fixture
def hrf_tree(make, tmp_path):
    home, truth = tmp_path / "HRF", {}
    for key, suffix in (("01_h", "jpg"), ("01_dr", "JPG"), ("01_g", "jpg")):
        make.photograph((home / "images" / f"{key}.jpg").with_suffix(f".{suffix}"))
        truth[key] = make.artery_vein(home / "HRF_AV_GT" / f"{key}_AVmanual.png", colours=False)
        make._save(((truth[key] > 0) * 255).astype(np.uint8), home / "manual1" / f"{key}.tif")
        truth[f"fov_{key}"] = make.drawing(home / "mask" / f"{key}_mask.tif", mode="RGB")
    return home, truth


def test_hrf_groups_come_from_the_name_and_the_third_class_is_vessel_only(hrf_tree):
    home, truth = hrf_tree
    eyes = datasets.hrf(home)
    assert dict(zip(eyes.table["image_id"], eyes.table["group"], strict=True)) == {
        "01_dr": "diabetic_retinopathy",
        "01_g": "glaucoma",
        "01_h": "healthy",
    }
    assert eyes.table["patient_id"].is_unique
    eye = eyes["01_dr"]
    np.testing.assert_array_equal(mask_of(eye, "artery"), truth["01_dr"] == 1)
    np.testing.assert_array_equal(mask_of(eye, "vein"), truth["01_dr"] == 2)
    np.testing.assert_array_equal(mask_of(eye, "vessel"), truth["01_dr"] > 0)
    np.testing.assert_array_equal(eye["fov"].values, truth["fov_01_dr"])


def test_hrf_loads_without_the_parts_that_are_missing(hrf_tree):
    home, _ = hrf_tree
    shutil.rmtree(home / "HRF_AV_GT")
    eye = datasets.hrf(home)["01_h"]
    assert eye["structure"].values.tolist() == ["vessel"]
    shutil.rmtree(home / "manual1")
    shutil.rmtree(home / "mask")
    eye = datasets.hrf(home)["01_h"]
    assert not has_mask(eye, "vessel")
    assert get_mask(eye, "artery") is None


def test_a_drawing_of_another_size_is_named(hrf_tree, make):
    home, _ = hrf_tree
    make.drawing(home / "manual1" / "01_h.tif", size=(24, 32))
    with pytest.raises(DatasetError, match=r"01_h\.tif' has 32 x 24 pixels, its photograph 64 x 48"):
        datasets.hrf(home)["01_h"]


def test_drive_takes_arteries_and_vessels_from_one_hand(drive_tree):
    eyes, truth = datasets.drive(drive_tree.home), drive_tree.truth
    assert eyes.table[["image_id", "split"]].to_numpy().tolist() == [
        ["21_training", "training"],
        ["22_training", "training"],
        ["01_test", "test"],
        ["02_test", "test"],
    ]
    eye = eyes["01_test"]
    np.testing.assert_array_equal(mask_of(eye, "artery"), np.isin(truth["rite01"], (1, 3)))
    np.testing.assert_array_equal(mask_of(eye, "vein"), np.isin(truth["rite01"], (2, 3)))
    np.testing.assert_array_equal(get_mask(eye, "vessel"), truth["rite01"] > 0)
    np.testing.assert_array_equal(eye["fov"].values, truth["fov01"])


def test_drive_gives_the_drawing_asked_for(drive_tree):
    truth = drive_tree.truth
    first = datasets.drive(drive_tree.home, truth="observer1")
    np.testing.assert_array_equal(get_mask(first["21_training"], "vessel"), truth["first21"])
    second = datasets.drive(drive_tree.home, truth="Observer 2")
    np.testing.assert_array_equal(get_mask(second["02_test"], "vessel"), truth["second02"])
    assert not has_mask(second["21_training"], "vessel")  # nobody drew it a second time
    with pytest.raises(DatasetError, match="got 'rites'"):
        datasets.drive(drive_tree.home, truth="rites")


def test_drive_without_rite_has_the_first_observer(drive_tree):
    shutil.rmtree(drive_tree.home.parent / "AV_groundTruth")
    eye = datasets.drive(drive_tree.home)["01_test"]
    assert eye["structure"].values.tolist() == ["vessel"]
    np.testing.assert_array_equal(mask_of(eye, "vessel"), drive_tree.truth["first01"])
    with pytest.raises(DatasetError, match=r"no drawing 'rite', files named AV_groundTruth/training/av/21_tr"):
        datasets.drive(drive_tree.home, truth="rite")


def test_rite_has_photographs_too_but_is_not_drive(drive_tree):
    assert datasets.detect(drive_tree.home.parent) == {"drive": drive_tree.home}
    with pytest.raises(DatasetError, match="not DRIVE"):
        datasets.drive(drive_tree.home.parent / "AV_groundTruth")


@pytest.mark.parametrize("folder", ["stare-images", "images", ""])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_stare_is_read_packed_and_unpacked_in_one_folder_or_several(make, tmp_path, folder, packed):
    drawn = {}
    for key in ("im0001", "im0077"):
        make.photograph(tmp_path / folder / f"{key}.ppm{packed}")
        for who in ("ah", "vk"):
            place = tmp_path / f"labels-{who}" if folder else tmp_path
            drawn[key, who] = make.drawing(place / f"{key}.{who}.ppm{packed}")
    for who in ("ah", "vk"):
        eyes = datasets.stare(tmp_path, observer=who)
        assert eyes.table["image_id"].tolist() == ["im0001", "im0077"]
        np.testing.assert_array_equal(mask_of(eyes["im0077"], "vessel"), drawn["im0077", who])
    with pytest.raises(DatasetError, match="observers ah and vk, got 'xy'"):
        datasets.stare(tmp_path, observer="xy")
    assert len(datasets.stare(tmp_path, observer="VK")) == 2
    for path in tmp_path.rglob("*.vk.ppm*"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"no drawing of 'vk', files named im0001\.vk\.ppm, "):
        datasets.stare(tmp_path, observer="vk")


def test_a_packed_file_that_is_cut_off_is_named(make, tmp_path):
    make.photograph(tmp_path / "im0001.ppm.gz")
    packed = (tmp_path / "im0001.ppm.gz").read_bytes()
    (tmp_path / "im0001.ppm.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DatasetError, match=r"im0001\.ppm\.gz' cannot be unpacked"):
        datasets.stare(tmp_path)[0]
    (tmp_path / "im0001.ppm.gz").write_bytes(gzip.compress(b"P6 but no picture"))
    with pytest.raises(ReadError, match=r"im0001\.ppm"):
        datasets.stare(tmp_path)[0]


def test_les_av_has_arteries_veins_field_and_the_table_beside_it(make, tmp_path):
    home, drawn = tmp_path / "LES-AV", {}
    for key in ("276", "3"):
        make.photograph(home / "images" / f"{key}.png")
        drawn[key] = make.artery_vein(home / "arteries-and-veins" / f"{key}.png")
        make._save(((drawn[key] > 0) * 255).astype(np.uint8), home / "vessel-segmentations" / f"{key}.png")
        drawn[f"fov{key}"] = make.drawing(home / "masks" / f"{key}_mask.gif")
    eyes = datasets.les_av(tmp_path)
    assert eyes.table["image_id"].tolist() == ["276", "3"]
    eye = eyes["276"]
    np.testing.assert_array_equal(mask_of(eye, "artery"), np.isin(drawn["276"], (1, 3)))
    np.testing.assert_array_equal(mask_of(eye, "vein"), np.isin(drawn["276"], (2, 3)))
    np.testing.assert_array_equal(eye["fov"].values, drawn["fov276"])
    (home / "labels.csv").write_text("image,glaucoma,pressure\n276.png,NTG,17.5\n3.png,,21\n")
    table = datasets.les_av(home).table.set_index("image_id")
    assert table.loc["276", "glaucoma"] == "NTG"
    assert pd.isna(table.loc["3", "glaucoma"])
    assert table["pressure"].tolist() == [17.5, 21.0]


def test_drishti_takes_what_half_of_the_experts_drew(drishti_tree):
    eyes, truth = datasets.drishti_gs(drishti_tree.home), drishti_tree.truth
    columns = ["image_id", "patient_id", "glaucoma", "split"]
    assert eyes.table[columns].to_numpy().tolist() == [
        ["drishtiGS_002", "P7", 1, "training"],
        ["drishtiGS_001", "P7", 0, "test"],
    ]
    for key in ("drishtiGS_001", "drishtiGS_002"):
        np.testing.assert_array_equal(mask_of(eyes[key], "optic_disc"), truth[f"{key}_ODsegSoftmap"])
        np.testing.assert_array_equal(mask_of(eyes[key], "optic_cup"), truth[f"{key}_cupsegSoftmap"])


def test_drishti_without_its_table_or_sorted_by_diagnosis_still_loads(drishti_tree):
    home = drishti_tree.home
    (home / "Drishti-GS1_diagnosis.xlsx").unlink()
    (home / "Test/Images/NORMAL").mkdir()
    (home / "Test/Images/drishtiGS_001.png").rename(home / "Test/Images/NORMAL/drishtiGS_001.png")
    eyes = datasets.drishti_gs(home.parent.parent)
    assert eyes.table["patient_id"].tolist() == ["drishtiGS_002", "drishtiGS_001"]
    assert eyes.table["glaucoma"].isna().all()
    assert has_mask(eyes["drishtiGS_001"], "optic_cup")


def test_a_table_that_is_no_table_is_named(drishti_tree):
    (drishti_tree.home / "Drishti-GS1_diagnosis.xlsx").write_bytes(b"<html>login</html>")
    with pytest.raises(DatasetError, match=r"Drishti-GS1_diagnosis\.xlsx' cannot be read"):
        datasets.drishti_gs(drishti_tree.home)


def test_drions_fills_the_contour_of_the_expert_asked_for(make, tmp_path):
    make.photograph(tmp_path / "images" / "image_001.jpg")
    corners = {1: [(20, 10), (40, 10), (40, 30), (20, 30)], 2: [(22, 12), (38, 12), (38, 28), (22, 28)]}
    (tmp_path / "experts_anotation").mkdir()
    for expert, points in corners.items():
        text = "".join(f"{x} , {y}\n" for x, y in points)
        (tmp_path / "experts_anotation" / f"anotExpert{expert}_001.txt").write_text(text)
    for expert, side in ((1, 20), (2, 16)):
        eye = datasets.drions_db(tmp_path, expert=expert)["image_001"]
        assert get_landmark(eye, "optic_disc") == pytest.approx((20, 30), abs=0.51)
        assert side**2 <= mask_of(eye, "optic_disc").sum() <= (side + 1) ** 2
    with pytest.raises(DatasetError, match="experts 1 and 2"):
        datasets.drions_db(tmp_path, expert=0)


def test_drions_falls_back_on_binary_masks_which_are_nobodys_in_particular(make, tmp_path):
    make.photograph(tmp_path / "images" / "image_007.jpg")
    drawn = make.drawing(tmp_path / "masks" / "image_007.png")
    np.testing.assert_array_equal(mask_of(datasets.drions_db(tmp_path)[0], "optic_disc"), drawn)
    with pytest.raises(DatasetError, match="no contours of expert 2"):
        datasets.drions_db(tmp_path, expert=2)


def test_srahim_reads_grade_and_maculopathy_from_the_folder(make, tmp_path):
    expected = {
        "1 - No DR/Patient001_L.jpg": (0, 0),
        "3 - Mild DR with maculopathy/Patient001_R.jpg": (1, 1),
        "4 - Moderate DR without maculopathy/Patient002_L.jpg": (2, 0),
        "9 - PDR with maculopathy/Patient002_R.jpg": (4, 1),
        "10 - ADED/Patient003_L.jpg": (np.nan, np.nan),
    }
    for name in expected:
        make.photograph(tmp_path / "DR and maculopathy 10 classes" / name)
    table = datasets.srahim_dr(tmp_path).table
    np.testing.assert_array_equal(table[["dr_grade", "maculopathy"]].to_numpy(), list(expected.values()))
    assert table["patient_id"].tolist() == ["Patient001"] * 2 + ["Patient002"] * 2 + ["Patient003"]
    assert table["laterality"].tolist() == ["OS", "OD", "OS", "OD", "OS"]


def test_eyes_are_read_when_asked_for_and_can_be_sent_to_another_process(drive_tree):
    (drive_tree.home / "test/images/02_test.tif").write_bytes(b"damaged")
    eyes = pickle.loads(pickle.dumps(datasets.drive(drive_tree.home)))
    assert len(eyes) == 4
    assert validate(eyes["01_test"]).attrs["dataset"] == "DRIVE"
    with pytest.raises(ReadError, match=r"02_test\.tif"):
        eyes["02_test"]
    assert not any(column.startswith("_") for column in eyes.clinical.columns)
