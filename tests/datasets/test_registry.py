"""The catalogue, finding datasets in folders, and what is said when one is not there."""

import math
import shutil
import subprocess
import sys

import pytest

from retina_tools import datasets
from retina_tools.datasets import DatasetError, registry
from retina_tools.schema import EyeError, term

NAMES = datasets.catalogue()["name"].tolist()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No data of the user's own: neither the environment variable nor a cache."""
    monkeypatch.delenv("RETINA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_catalogue_describes_every_loader():
    table = datasets.catalogue()
    assert table["name"].is_unique
    assert set(table["loader"]) == {f"datasets.{name}" for name in NAMES}
    for row in table.itertuples():
        assert callable(getattr(datasets, row.name))
        assert callable(getattr(datasets, f"fetch_{row.name}"))
        assert row.images > 0
        assert row.licence
        assert row.citation
        assert row.homepage.startswith("http")
        assert math.isnan(row.field_angle_deg) or 20 <= row.field_angle_deg <= 60
        for structure in filter(None, row.structures.split(", ")):
            term(structure)
    assert (table["doi"].str.startswith("10.") | (table["doi"] == "")).all()


def test_permission_is_claimed_for_open_licences_only():
    table = datasets.catalogue()
    granted = table["redistribution"] | table["commercial_use"]
    assert granted.equals(table["licence"].str.startswith("CC-BY-4.0"))


def test_checksums_are_sha256_or_none():
    for card, _ in registry._LOADERS.values():
        for archive in card.archives:
            assert archive.url.startswith("https://")
            assert archive.sha256 is None or (len(archive.sha256) == 64 and int(archive.sha256, 16))


def test_a_dataset_is_found_in_its_folder_and_up_to_two_above(drive_tree, tmp_path):
    inner = tmp_path / "x" / "y"
    inner.mkdir(parents=True)
    home = drive_tree.home.rename(inner / "DRIVE")
    for root in (home, home.parent, home.parent.parent, str(home)):
        assert datasets.detect(root) == {"drive": home}
        assert len(datasets.drive(root)) == 4
    assert datasets.detect(tmp_path) == {}


def test_several_datasets_lie_beside_each_other(drive_tree, idrid_tree, drishti_tree, tmp_path):
    found = datasets.detect(tmp_path)
    assert found == {"drive": drive_tree.home, "idrid": idrid_tree.home, "drishti_gs": drishti_tree.home}
    assert list(found) == [name for name in NAMES if name in found]
    for name, home in found.items():
        assert len(datasets.open_dataset(name, home)) == len(datasets.open_dataset(name, tmp_path)) > 0


def test_the_environment_variable_is_where_to_look(drive_tree, monkeypatch, tmp_path):
    with pytest.raises(DatasetError, match=r"RETINA_DATA is not set"):
        datasets.drive()
    monkeypatch.setenv("RETINA_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DatasetError, match=r"elsewhere'\) does not hold it"):
        datasets.drive()
    monkeypatch.setenv("RETINA_DATA", str(drive_tree.home))
    assert len(datasets.open_dataset("DRIVE")) == 4
    assert datasets.detect() == {"drive": drive_tree.home}


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_folder_is_told_what_was_looked_for_found_and_where_to_get_it(name, tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(DatasetError) as caught:
        datasets.open_dataset(name, tmp_path)
    message = str(caught.value)
    row = datasets.catalogue().set_index("name").loc[name]
    assert row["title"] in message
    assert "looked there" in message
    assert "found 'holiday.jpg'" in message
    assert row["obtain"] in message
    assert (f"datasets.fetch_{name}()" in message) == row["direct_download"]
    assert isinstance(caught.value, EyeError)


@pytest.mark.parametrize("name", NAMES)
def test_no_folder_at_all_is_told_so(name, tmp_path):
    with pytest.raises(DatasetError, match="There is no folder"):
        datasets.open_dataset(name, tmp_path / "missing")


def test_an_empty_folder_and_a_folder_without_the_pictures_are_told_apart(tmp_path):
    with pytest.raises(DatasetError, match="an empty folder"):
        datasets.srahim_dr(tmp_path)
    (tmp_path / "DR and maculopathy 10 classes").mkdir()
    with pytest.raises(DatasetError, match="no photographs under the official names"):
        datasets.srahim_dr(tmp_path)


def test_names_are_forgiving_and_unknown_ones_get_a_hint(drishti_tree, tmp_path):
    for name in ("Drishti-GS", "drishti gs", "Drishti-GS1", "drishti_gs"):
        assert len(datasets.open_dataset(name, tmp_path)) == 2
    with pytest.raises(DatasetError, match="did you mean 'stare'"):
        datasets.open_dataset("stair")
    with pytest.raises(DatasetError, match=r"there are chase_db1, hrf"):
        datasets.open_dataset("EyePACS")
    with pytest.raises(DatasetError, match="There is no folder"):
        datasets.detect(tmp_path / "missing")


def test_hidden_and_foreign_files_are_passed_over(drive_tree):
    images = drive_tree.home / "test" / "images"
    shutil.copy(images / "01_test.tif", images / "._01_test.tif")  # as some archives carry them
    (images / "Thumbs.db").touch()
    assert len(datasets.drive(drive_tree.home)) == 4


def test_importing_creates_nothing_and_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; import retina_tools.datasets as d; d.catalogue(); d.detect()\n"
        "print(*sorted(m for m in ('torch', 'plotly', 'skimage', 'requests') if m in sys.modules))"
    )
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == []
    assert not (tmp_path / "cache").exists()
