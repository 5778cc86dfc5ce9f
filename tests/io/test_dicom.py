"""Ophthalmic photographs in DICOM: the picture, its scale and side come over, the patient does not."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from retina_tools.io import ReadError, read_fundus

PHOTOGRAPHY_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
PATIENT = {
    "PatientName": "Musterfrau^Erika",
    "PatientID": "MRN-4711-0815",
    "PatientBirthDate": "19640229",
    "PatientComments": "Lives in Elm Street",
    "StudyDate": "20140312",
    "AcquisitionDateTime": "20140312101500",
    "InstitutionName": "Klinik am Walde",
    "ReferringPhysicianName": "Doktor^Berta",
    "AccessionNumber": "ACC99177",
    "StudyInstanceUID": "1.2.3.4.5.6.7.8.9.99177",
    "ImageComments": "Erika, OD, follow-up",
    "DeviceSerialNumber": "SN-55512",
}


def retina(height: int = 64, width: int = 80) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    shade = 0.5 + 0.3 * np.sin(x / 17) + 0.2 * y / height
    return np.clip(np.stack([210 * shade, 110 * shade, 60 * shade], -1), 0, 255).astype(np.uint8)


def grey() -> NDArray[np.uint8]:
    return retina()[..., 1]


def write(
    path: Path,
    values: NDArray[np.generic],
    *,
    syntax: str = ExplicitVRLittleEndian,
    data: bytes | None = None,
    bits: int | None = None,
    **attributes: object,
) -> Path:
    """A DICOM file of an ophthalmic photograph that names its patient everywhere it can."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = PHOTOGRAPHY_8_BIT
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    little = syntax != ExplicitVRBigEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128), is_little_endian=little)
    frames = values if values.ndim == 4 else values[None]
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = PHOTOGRAPHY_8_BIT, "1.2.3.4", "OP"
    for keyword, value in (PATIENT | attributes).items():
        setattr(dataset, keyword, value)
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    if "PhotometricInterpretation" not in attributes:
        dataset.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.PixelData = values.tobytes() if data is None else encapsulate([data])
    dataset["PixelData"].VR = "OW" if values.dtype.itemsize == 2 else "OB"
    if syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_rgb_scale_and_side(tmp_path: Path) -> None:
    eye = read_fundus(write(tmp_path / "a.dcm", retina(), PixelSpacing=[0.0064, 0.0064], ImageLaterality="R"))
    assert (eye["image"].values == retina()).all()
    assert eye.um_per_pixel == pytest.approx(6.4)
    assert eye.scale_source == "metadata"
    assert eye.laterality.item() == "OD"


def test_nothing_names_the_patient(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", retina(), PixelSpacing=[0.0064, 0.0064], Laterality="L")
    eye = read_fundus(path)
    eye.attrs["provenance"] = "\n".join(eye.attrs["provenance"])
    eye[["image", "fov"]].astype("int16").to_netcdf(tmp_path / "eye.nc", engine="scipy")
    said = repr(eye) + repr(eye.attrs) + repr({name: eye[name].values.tolist() for name in eye.coords})
    stored = (tmp_path / "eye.nc").read_bytes()
    for value in PATIENT.values():
        for part in str(value).split("^"):
            assert part not in said
            assert part.encode() not in stored
    assert str(tmp_path) not in said
    assert str(tmp_path).encode() not in stored
    assert eye.source == "a.dcm"
    assert eye.patient_id.item() == ""


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless])
def test_lossless_syntaxes(tmp_path: Path, syntax: str) -> None:
    assert (read_fundus(write(tmp_path / "a.dcm", retina(), syntax=syntax))["image"].values == retina()).all()


def test_big_endian_of_16_bits(tmp_path: Path) -> None:
    wide = grey().astype(">u2") * np.uint16(257)
    path = write(tmp_path / "a.dcm", wide.astype(">u2"), syntax=ExplicitVRBigEndian)
    assert (read_fundus(path)["image"].values == grey()[..., None]).all()


@pytest.mark.parametrize(
    ("syntax", "kind", "encoder", "options", "error"),
    [
        (JPEGBaseline8Bit, "YBR_FULL_422", "JPEG", {"quality": 95}, 3),
        (JPEG2000Lossless, "YBR_RCT", "JPEG2000", {"no_jp2": True, "mct": 1}, 0),
    ],
)
def test_compressed(
    tmp_path: Path, syntax: str, kind: str, encoder: str, options: dict[str, object], error: float
) -> None:
    file = io.BytesIO()
    Image.fromarray(retina()).save(file, encoder, **options)
    path = write(tmp_path / "a.dcm", retina(), syntax=syntax, data=file.getvalue(), PhotometricInterpretation=kind)
    assert np.abs(read_fundus(path)["image"].values.astype(int) - retina()).mean() <= error


def test_uncompressed_ybr_comes_as_rgb(tmp_path: Path) -> None:
    ybr = np.asarray(Image.fromarray(retina()).convert("YCbCr"))
    path = write(tmp_path / "a.dcm", ybr, PhotometricInterpretation="YBR_FULL")
    assert np.abs(read_fundus(path)["image"].values.astype(int) - retina()).max() <= 3


def test_grey_and_its_negative(tmp_path: Path) -> None:
    assert (read_fundus(write(tmp_path / "a.dcm", grey()))["image"].values == grey()[..., None]).all()
    path = write(tmp_path / "b.dcm", 255 - grey(), PhotometricInterpretation="MONOCHROME1")
    assert (read_fundus(path)["image"].values == grey()[..., None]).all()


@pytest.mark.parametrize(("bits_used", "bits_said"), [(12, 12), (12, 16), (16, 16), (10, 10)])
def test_depth_is_the_one_used(tmp_path: Path, bits_used: int, bits_said: int) -> None:
    wide = np.rint(grey() / 255 * (2**bits_used - 1)).astype(np.uint16)
    wide[0, 0] = 2**bits_used - 1
    found = read_fundus(write(tmp_path / "a.dcm", wide, bits=bits_said))["image"].values[..., 0]
    assert found[0, 0] == 255
    assert (found.ravel()[1:] == grey().ravel()[1:]).all()


def test_palette(tmp_path: Path) -> None:
    indices = Image.fromarray(retina()).quantize(256)
    table = np.asarray(indices.getpalette("RGB"), np.uint16).reshape(-1, 3)
    table = np.pad(table, ((0, 256 - len(table)), (0, 0)))
    tables = {}
    for channel, name in enumerate(("Red", "Green", "Blue")):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = (table[:, channel] * 257).tobytes()
    path = write(tmp_path / "a.dcm", np.asarray(indices), PhotometricInterpretation="PALETTE COLOR", **tables)
    expected = np.asarray(indices.convert("RGB")).astype(int)
    assert np.abs(read_fundus(path)["image"].values - expected).max() <= 1


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"ImageLaterality": "R"}, "OD"),
        ({"Laterality": "L"}, "OS"),
        ({"ImageLaterality": "L", "Laterality": "R"}, "OS"),
        ({"ImageLaterality": "B"}, ""),
        ({"ImageLaterality": "U"}, ""),
        ({}, ""),
    ],
)
def test_side(tmp_path: Path, attributes: dict[str, str], side: str) -> None:
    assert read_fundus(write(tmp_path / "a.dcm", grey(), **attributes)).laterality.item() == side


def test_file_counts_before_its_name_and_the_argument_before_both(tmp_path: Path) -> None:
    path = write(tmp_path / "P1_OS.dcm", grey(), ImageLaterality="R")
    eye = read_fundus(path)
    assert eye.laterality.item() == "OD"
    assert any("OD in the file but OS in its name" in step for step in eye.provenance)
    eye = read_fundus(path, laterality="left")
    assert eye.laterality.item() == "OS"
    assert any("warning: laterality given as OS, but the file says OD" in step for step in eye.provenance)
    agreed = read_fundus(path, laterality="right")
    assert not any("warning" in step for step in agreed.provenance)
    assert read_fundus(path, laterality="").laterality.item() == ""


def test_given_scale_counts_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", grey(), PixelSpacing=[0.008, 0.008])
    eye = read_fundus(path, um_per_pixel=12)
    assert (eye.um_per_pixel, eye.scale_source) == (12, "user")
    assert any("the file says 8 um" in step for step in eye.provenance)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"PixelSpacing": [0.006, 0.009]}, "resample the picture to square pixels"),
        ({"PixelSpacing": [6.4, 6.4]}, "6400 x 6400 um is not between 1 and 100"),
        ({"PixelSpacing": [0, 0]}, "0 x 0 um"),
        (
            {"PixelSpacing": [0.01, 0.01], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.5.5"},
            "a wide-field projection has no one scale",
        ),
    ],
)
def test_doubtful_spacing_is_left_out_and_said(tmp_path: Path, attributes: dict[str, object], reason: str) -> None:
    eye = read_fundus(write(tmp_path / "a.dcm", grey(), **attributes))
    assert np.isnan(eye.um_per_pixel)
    assert eye.scale_source == "unknown"
    assert any(reason in step for step in eye.provenance)


def test_nearly_square_pixels_are_square(tmp_path: Path) -> None:
    eye = read_fundus(write(tmp_path / "a.dcm", grey(), PixelSpacing=[0.00800, 0.00808]))
    assert eye.um_per_pixel == pytest.approx(8.04, abs=0.001)


def test_first_frame(tmp_path: Path) -> None:
    frames = np.stack([retina(), 255 - retina()])
    eye = read_fundus(write(tmp_path / "a.dcm", frames, NumberOfFrames=2))
    assert (eye["image"].values == retina()).all()
    assert "first of 2 frames" in eye.provenance


def test_no_extension_needed(tmp_path: Path) -> None:
    assert (read_fundus(write(tmp_path / "IM000001", retina()))["image"].values == retina()).all()


# --- bad files --------------------------------------------------------------------------------------------------------


def test_tomogram_and_report_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", grey(), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.5.4", Modality="OPT")
    with pytest.raises(ReadError, match="OCT volume, wanted a fundus photograph"):
        read_fundus(path)
    dataset = pydicom.dcmread(write(tmp_path / "b.dcm", grey()))
    del dataset.PixelData
    dataset.save_as(tmp_path / "b.dcm")
    with pytest.raises(ReadError, match="without a picture"):
        read_fundus(tmp_path / "b.dcm")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_cut_off(tmp_path: Path, kept: float) -> None:
    data = write(tmp_path / "a.dcm", retina()).read_bytes()
    (tmp_path / "a.dcm").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ReadError, match=r"a\.dcm"):
        read_fundus(tmp_path / "a.dcm")


def test_broken_compression(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", retina(), syntax=JPEGBaseline8Bit, data=b"\xff\xd8 no jpeg")
    with pytest.raises(ReadError, match="cannot be decoded"):
        read_fundus(path)


def test_cut_off_jpeg_inside_is_not_filled_up(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(retina(200, 240)).save(file, "JPEG", quality=95)
    for data in (file.getvalue()[:2000], file.getvalue()[:2000] + b"\xff\xd9"):
        path = write(
            tmp_path / "a.dcm",
            retina(200, 240),
            syntax=JPEGBaseline8Bit,
            data=data,
            PhotometricInterpretation="YBR_FULL_422",
        )
        with pytest.raises(ReadError, match=r"cannot be decoded|its data are cut off"):
            read_fundus(path)


def recoded(path: Path, syntax: str) -> Path:
    """The same file compressed anew by GDCM."""
    gdcm = pytest.importorskip("gdcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path.with_suffix(".new.dcm")))
    assert writer.Write()
    return path.with_suffix(".new.dcm")


@pytest.mark.parametrize("syntax", ["JPEGLosslessProcess14_1", "JPEGLSLossless"])
def test_lossless_jpeg_and_a_damaged_one(tmp_path: Path, syntax: str) -> None:
    path = recoded(write(tmp_path / "a.dcm", retina()), syntax)
    assert (read_fundus(path)["image"].values == retina()).all()
    data = bytearray(path.read_bytes())
    start = data.rindex(b"\xff\xd8\xff")
    data[start + 2 : start + 40] = bytes(38)  # damage on which GDCM may end its process
    path.write_bytes(data)
    with pytest.raises(ReadError, match="cannot be decoded"):
        read_fundus(path)


def test_other_file_with_the_extension(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"This is not an image of an eye, but a letter to the editor. " * 5)
    with pytest.raises(ReadError, match="DICOM"):
        read_fundus(tmp_path / "a.dcm")
    Image.fromarray(retina()).save(tmp_path / "b.dcm", "PNG")
    assert (read_fundus(tmp_path / "b.dcm")["image"].values == retina()).all()


def test_huge_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.dcm", retina())
    monkeypatch.setenv("RETINA_MAX_PIXELS", "5000")
    with pytest.raises(ReadError, match="RETINA_MAX_PIXELS=5120"):
        read_fundus(path)
