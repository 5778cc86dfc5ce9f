"""IDRiD's three parts: lesions that are absent, numbers that begin twice, coordinates of another size."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retina_tools import datasets
from retina_tools.datasets import DatasetError
from retina_tools.schema import get_landmark, has_mask


def test_lesions_are_drawn_empty_or_not_looked_for(idrid_tree):
    eyes, truth = datasets.idrid(idrid_tree.home), idrid_tree.truth
    assert eyes.table[["image_id", "split"]].to_numpy().tolist() == [
        ["IDRiD_01", "training"],
        ["IDRiD_02", "training"],
        ["IDRiD_55", "test"],
    ]
    first, second, third = eyes
    for code, name in (("MA", "microaneurysm"), ("HE", "haemorrhage"), ("OD", "optic_disc")):
        np.testing.assert_array_equal(first["mask"].sel(structure=name).values, truth[f"IDRiD_01_{code}"])
    np.testing.assert_array_equal(second["mask"].sel(structure="cotton_wool_spot").values, truth["IDRiD_02_SE"])
    # The folder of soft exudates is there, the file is not: looked for, and none.
    assert has_mask(first, "cotton_wool_spot")
    assert not first["mask"].sel(structure="cotton_wool_spot").values.any()
    # Neither hard exudates, nor soft ones of the test set, have a folder here: not looked for.
    assert not has_mask(first, "hard_exudate")
    assert not has_mask(third, "cotton_wool_spot")


def test_the_disc_centre_is_the_centroid_of_its_mask(idrid_tree):
    y, x = (index.mean() for index in np.nonzero(idrid_tree.truth["IDRiD_55_OD"]))
    assert get_landmark(datasets.idrid(idrid_tree.home)["IDRiD_55"], "optic_disc") == pytest.approx((y, x))


def test_grades_of_training_and_test_do_not_mix(idrid_tree):
    table = datasets.idrid(idrid_tree.home, part="grading").table.set_index("image_id")
    assert len(table) == 6
    assert table.loc["training_IDRiD_002", ["dr_grade", "dme_risk"]].tolist() == [1, 1]
    assert table.loc["test_IDRiD_002", ["dr_grade", "dme_risk"]].tolist() == [2, 1]
    assert table["dr_grade"].dtype == np.int64


def test_centres_come_as_y_x_despite_the_quirks_of_the_tables(idrid_tree):
    eyes = datasets.idrid(idrid_tree.home, part="localisation")
    assert len(eyes) == 6
    assert get_landmark(eyes["training_IDRiD_003"], "optic_disc") == (23, 48)
    assert get_landmark(eyes["test_IDRiD_003"], "fovea") == (24, 33)


@pytest.mark.parametrize("spelt", ["localization", "Localisation", "LOCALIZATION", "C", "c. localization"])
def test_a_part_is_known_however_it_is_spelt(idrid_tree, spelt):
    wanted = datasets.idrid(idrid_tree.home, part="localisation").table
    pd.testing.assert_frame_equal(datasets.idrid(idrid_tree.home, part=spelt).table, wanted)


def test_a_part_missing_leaves_its_columns_out(idrid_tree):
    shutil.rmtree(idrid_tree.home / "C. Localization")
    eyes = datasets.idrid(idrid_tree.home, part="grading")
    assert "fovea_y" not in eyes.table
    assert get_landmark(eyes[0], "fovea") is None
    with pytest.raises(DatasetError, match=r"not its part 'C\. Localization'"):
        datasets.idrid(idrid_tree.home, part="localisation")
    with pytest.raises(DatasetError, match="got 'grades'"):
        datasets.idrid(idrid_tree.home, part="grades")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_a_part_is_found_alone_and_in_a_folder_of_its_own_name(idrid_tree, nested, alone):
    part = idrid_tree.home / "A. Segmentation"
    if nested:
        inner = idrid_tree.home / "inner"
        part.rename(inner)
        part.mkdir()
        inner.rename(part / part.name)
    assert len(datasets.idrid(part if alone else idrid_tree.home)) == 3


def resize(home, factor):
    for path in home.rglob("*.jpg"):
        with Image.open(path) as image:
            resized = image.resize((round(image.width * factor), round(image.height * factor)))
        resized.save(path)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5, 2, 4])
def test_coordinates_of_another_size_are_refused_and_scaled_on_demand(idrid_tree, factor):
    before = datasets.idrid(idrid_tree.home, part="localisation").table
    resize(idrid_tree.home / "B. Disease Grading", factor)
    for part in ("localisation", "grading"):
        with pytest.raises(DatasetError, match="another size than"):
            datasets.idrid(idrid_tree.home, part=part)
    after = datasets.idrid(idrid_tree.home, part="localisation", coordinates_for=(48, 64)).table
    for column in ("optic_disc_y", "optic_disc_x", "fovea_y", "fovea_x"):
        # the same fraction of the picture, whose corner is at -0.5
        np.testing.assert_allclose(after[column] + 0.5, (before[column] + 0.5) * factor)


def test_a_table_of_something_else_is_refused(idrid_tree):
    folder = idrid_tree.home / "B. Disease Grading" / "2. Groundtruths"
    (folder / "a. IDRiD_Disease Grading_Training Labels.csv").write_text("name,grade\nIDRiD_001,1\n")
    with pytest.raises(DatasetError, match="columns name, grade"):
        datasets.idrid(idrid_tree.home, part="grading")


def test_a_grade_that_is_no_number_is_refused(idrid_tree):
    path = idrid_tree.home / "B. Disease Grading/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv"
    path.write_text(path.read_text().replace("IDRiD_001,0", "IDRiD_001,mild"))
    with pytest.raises(DatasetError, match="'mild' where a number belongs"):
        datasets.idrid(idrid_tree.home, part="grading")
