"""The loaders on real eyes: counts, sizes, and drawings that agree with each other."""

import csv

import numpy as np
import pandas as pd
import pytest

from retina_tools import datasets
from retina_tools.io import find_fov
from retina_tools.schema import get_landmark, get_mask, has_mask


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_the_folder_is_recognised_as_a_whole_and_one_by_one(real_data):
    found = datasets.detect(real_data)
    assert set(found) == {"chase_db1", "hrf", "idrid", "srahim_dr", "drishti_gs", "drions_db"}
    for name, home in found.items():
        # A dataset's own folder holds nothing else; IDRiD's part B has no folder that another set would claim.
        assert datasets.detect(home) == {name: home}


@pytest.mark.parametrize(
    ("name", "options", "count", "pixels"),
    [
        ("chase_db1", {}, 20, (960, 999)),
        ("hrf", {}, 30, (1168, 1752)),
        ("idrid", {}, 14, (1424, 2144)),
        ("idrid", {"part": "grading"}, 280, (712, 1072)),
        ("idrid", {"part": "localisation"}, 280, (712, 1072)),
        ("srahim_dr", {}, 400, (685, 1024)),
        ("drishti_gs", {}, 50, (512, 512)),
        ("drions_db", {}, 19, (400, 600)),
    ],
)
def test_counts_and_sizes(real_data, name, options, count, pixels):
    eyes = datasets.open_dataset(name, real_data, **options)
    assert len(eyes) == count
    eye = eyes[0]
    assert (eye.sizes["y"], eye.sizes["x"]) == pixels
    assert 0.3 < eye["fov"].values.mean() <= 1
    assert eye.attrs["dataset"] == eyes.name
    assert eye.attrs["licence"]


def test_every_photograph_and_drawing_listed_is_read(real_data):
    """The tables name exactly the files the manifest has, so none is passed over or taken twice."""
    with (real_data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        listed = [row["path"] for row in csv.DictReader(file)]
    tables = [datasets.open_dataset(name, real_data).table for name in datasets.detect(real_data)]
    tables.append(datasets.idrid(real_data, part="grading").table)
    named = {
        str(path)
        for table in tables
        for column in table.columns
        if column.startswith("_")
        for path in table[column]
        if path not in ("", "(empty)")
    }
    pictures = (".jpg", ".png", ".tif")
    folders = tuple(f"{home.name}/" for home in datasets.detect(real_data).values())
    wanted = {str(real_data / path) for path in listed if path.lower().endswith(pictures) and path.startswith(folders)}
    assert named == wanted


def test_chase_has_both_eyes_of_every_child(real_data):
    table = datasets.chase_db1(real_data).table
    sides = table.groupby("patient_id")["laterality"].agg(sorted)
    assert len(sides) == 10
    assert all(both == ["OD", "OS"] for both in sides)


@pytest.mark.parametrize("name", ["chase_db1", "hrf"])
def test_vessels_are_drawn_inside_the_field_of_view(real_data, name):
    """Whichever way round a copy's files of the field are: those of CHASE_DB1 mark what is outside it."""
    for eye in datasets.open_dataset(name, real_data).select(slice(0, 20, 7)):
        vessel, fov = get_mask(eye, "vessel"), eye["fov"].values
        assert (vessel & ~fov).sum() < 0.01 * vessel.sum()
        assert dice(fov, find_fov(eye["image"].values)) > 0.98


def test_hrf_arteries_and_veins_colour_the_vessels_of_hrf(real_data):
    eyes = datasets.hrf(real_data)
    assert eyes.table["group"].value_counts().to_dict() == dict.fromkeys(
        ("healthy", "diabetic_retinopathy", "glaucoma"), 10
    )
    for image_id in ("01_h", "02_dr", "03_g"):
        eye = eyes[image_id]
        artery, vein, vessel = (eye["mask"].sel(structure=name).values for name in ("artery", "vein", "vessel"))
        assert not (artery & vein).any()
        decided = artery | vein
        assert dice(decided & vessel, decided) > 0.9999  # nothing is coloured that is not a vessel
        undecided = vessel & ~decided
        assert 0 < undecided.sum() < 0.1 * vessel.sum()
        assert dice(get_mask(eye, "vessel"), vessel) > 0.9999
        assert (vessel & ~eye["fov"].values).sum() < 0.01 * vessel.sum()


def test_idrid_lesions(real_data):
    eyes = datasets.idrid(real_data)
    names = ("microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot", "optic_disc")
    drawn = dict.fromkeys(names, 0)
    for eye in eyes.select([0, 2, 7, 13]):
        for name in names:
            assert has_mask(eye, name)
            drawn[name] += bool(get_mask(eye, name).any())
        y, x = get_landmark(eye, "optic_disc")
        assert get_mask(eye, "optic_disc")[round(y), round(x)]
    assert drawn == {**dict.fromkeys(names, 4), "cotton_wool_spot": 3}  # IDRiD_01 has none


def test_idrid_grades(real_data):
    table = datasets.idrid(real_data, part="grading").table
    assert table["dr_grade"].value_counts().sort_index().tolist() == [92, 13, 94, 50, 31]
    assert set(table["dme_risk"]) == {0, 1, 2}
    assert set(table["split"]) == {"training"}


def test_idrid_centres_lie_on_discs_and_foveas(real_data):
    """Around the centres given, discs are brighter and foveas darker than the retina around the picture's middle."""
    eyes = datasets.idrid(real_data, part="localisation")
    ranks = {"optic_disc": [], "fovea": []}
    for eye in eyes.select(slice(0, 280, 20)):
        green = eye["image"].values[..., 1]
        inside = green[eye["fov"].values]
        for point, found in ranks.items():
            y, x = (round(value) for value in get_landmark(eye, point))
            found.append((inside < np.median(green[y - 8 : y + 9, x - 8 : x + 9])).mean())
    assert np.median(ranks["optic_disc"]) > 0.95
    assert np.median(ranks["fovea"]) < 0.35


def test_idrid_tables_of_the_official_size_are_refused_for_smaller_pictures(real_data, tmp_path):
    home = real_data / "IDRiD"
    (tmp_path / "B. Disease Grading").symlink_to(home / "B. Disease Grading")
    expected = datasets.idrid(home, part="localisation").table
    for point in ("1. Optic Disc Center Location", "2. Fovea Center Location"):
        folder = tmp_path / "C. Localization/2. Groundtruths" / point
        folder.mkdir(parents=True)
        for path in (home / "C. Localization/2. Groundtruths" / point).glob("*.csv"):
            official = pd.read_csv(path)
            official.iloc[:, 1:] = (official.iloc[:, 1:] + 0.5) * 4 - 0.5
            official.to_csv(folder / path.name, index=False)
    with pytest.raises(datasets.DatasetError, match="made for another size than the 1072 x 712 pixels"):
        datasets.idrid(tmp_path, part="localisation")
    scaled = datasets.idrid(tmp_path, part="localisation", coordinates_for=(2848, 4288)).table
    np.testing.assert_allclose(scaled["fovea_x"], expected["fovea_x"])


def test_drishti_cups_lie_in_discs(real_data):
    eyes = datasets.drishti_gs(real_data)
    assert set(eyes.table["glaucoma"]) == {0, 1}
    assert set(eyes.table["split"]) == {"training", "test"}
    for eye in eyes.select(slice(0, 50, 10)):
        disc, cup = get_mask(eye, "optic_disc"), get_mask(eye, "optic_cup")
        assert cup.any()
        assert not (cup & ~disc).any()
        y, x = get_landmark(eye, "optic_disc")
        assert disc[round(y), round(x)]


def test_drions_discs_are_the_bright_spot(real_data):
    for eye in datasets.drions_db(real_data).select(slice(0, 19, 6)):
        disc = get_mask(eye, "optic_disc")
        assert 0.005 < disc.mean() < 0.2
        green = eye["image"].values[..., 1].astype(float)
        assert green[disc].mean() > green[eye["fov"].values & ~disc].mean() + 10


def test_srahim_agrees_with_its_table_of_labels(real_data):
    table = datasets.srahim_dr(real_data).table.set_index("image_id")
    assert table["patient_id"].nunique() == 200
    labels = pd.read_csv(real_data / "SRahimDR" / "labels.csv")
    labels.index = labels["image"].str.split("/").str[-1].str.removesuffix(".jpg")
    labels = labels.loc[table.index]
    assert (labels["patient"] == table["patient_id"]).all()
    assert (labels["eye"].map({"L": "OS", "R": "OD"}) == table["laterality"]).all()
    np.testing.assert_array_equal(labels["dr_grade"].to_numpy(float), table["dr_grade"])
    maculopathy = labels["maculopathy"].map({True: 1.0, False: 0.0, "True": 1.0, "False": 0.0})
    np.testing.assert_array_equal(maculopathy.to_numpy(float), table["maculopathy"])
    assert (labels["class_name"] == table["class_name"]).all()
