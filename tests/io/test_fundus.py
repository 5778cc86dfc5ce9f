"""One photograph: its names, its scale, its field of view, and what is not carried along."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from retina_tools.io import ReadError, read_fundus
from retina_tools.schema import EyeError


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    y, x = np.mgrid[:200, :240]
    disc = np.hypot(y - 100, x - 120) < 90
    Image.fromarray((disc[..., None] * (160, 80, 40)).astype(np.uint8)).save(tmp_path / "Patient007_L.png")
    return tmp_path / "Patient007_L.png"


def test_names_and_side_from_the_file_name(picture: Path) -> None:
    eye = read_fundus(picture)
    assert eye.image_id.item() == "Patient007_L"
    assert eye.patient_id.item() == ""
    assert eye.laterality.item() == "OS"
    assert eye.source == "Patient007_L.png"
    assert eye.provenance[0] == "read from Patient007_L.png"
    assert np.isnan(eye.um_per_pixel)


def test_arguments_count(picture: Path) -> None:
    eye = read_fundus(str(picture), laterality="R", um_per_pixel=7.1, image_id="i", patient_id="p")
    assert (eye.image_id.item(), eye.patient_id.item(), eye.laterality.item()) == ("i", "p", "OD")
    assert (eye.um_per_pixel, eye.scale_source) == (7.1, "user")
    assert any("laterality given as OD, but the file says OS" in step for step in eye.provenance)


def test_field_of_view_is_found_or_given(picture: Path) -> None:
    y, x = np.mgrid[:200, :240]
    assert (read_fundus(picture)["fov"].values != (np.hypot(y - 100, x - 120) < 90)).mean() < 0.01
    given = np.zeros((200, 240), bool)
    given[50:150, 50:150] = True
    assert (read_fundus(picture, fov=given)["fov"].values == given).all()
    with pytest.raises(ReadError, match=r"shape \(10, 10\), the picture \(200, 240\)"):
        read_fundus(picture, fov=np.ones((10, 10), bool))
    with pytest.raises(ReadError, match="wanted bool"):
        read_fundus(picture, fov=given.astype(np.uint8) * 255)


def test_black_picture_is_an_eye_without_a_field_of_view(tmp_path: Path) -> None:
    Image.new("RGB", (60, 50), (3, 2, 1)).save(tmp_path / "dark.png")
    eye = read_fundus(tmp_path / "dark.png")
    assert not eye["fov"].values.any()
    assert "warning: no field of view, the picture is black" in eye.provenance


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_comments_and_exif_are_left_behind(tmp_path: Path, extension: str) -> None:
    image = Image.new("RGB", (64, 64), (120, 60, 30))
    exif = image.getexif()
    exif[0x010E], exif[0x013B], exif[0x0132] = "Erika Musterfrau", "MRN-4711", "2014:03:12 10:15:00"
    text = PngInfo()
    text.add_text("Comment", "Erika Musterfrau")
    extra = {"png": {"pnginfo": text}, "jpg": {"comment": b"MRN-4711"}, "tif": {}}[extension]
    image.save(tmp_path / f"a.{extension}", exif=exif, **extra)
    assert b"Erika" in (tmp_path / f"a.{extension}").read_bytes()
    eye = read_fundus(tmp_path / f"a.{extension}")
    said = repr(eye) + repr(eye.attrs) + repr(eye["image"].attrs) + repr(eye.encoding) + repr(eye["image"].encoding)
    for secret in ("Erika", "4711", "2014", str(tmp_path)):
        assert secret not in said


@pytest.mark.parametrize("scale", ["wide", [7]])
def test_wrong_scale_is_refused(picture: Path, scale: object) -> None:
    with pytest.raises(ReadError, match="wanted a number"):
        read_fundus(picture, um_per_pixel=scale)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0.007, -3, 1e6])
def test_implausible_scale_is_refused(picture: Path, scale: float) -> None:
    with pytest.raises(EyeError, match="is it in millimetres"):
        read_fundus(picture, um_per_pixel=scale)


def test_real_photographs(real_data: Path) -> None:
    eye = read_fundus(real_data / "CHASE_DB1" / "Image_03R.jpg")
    assert eye.laterality.item() == "OD"
    assert eye["image"].shape == (960, 999, 3)
    assert 0.6 < float(eye["fov"].mean()) < 0.75
    eye = read_fundus(real_data / "HRF" / "images" / "01_dr.JPG")
    assert eye.laterality.item() == ""
    assert 0.8 < float(eye["fov"].mean()) < 0.88
