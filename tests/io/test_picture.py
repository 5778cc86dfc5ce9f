"""Picture files of every kind show the same picture, and bad ones say what is wrong."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageFile

from retina_tools.io import ReadError, read_fundus

Pixels = NDArray[np.uint8]


def retina(height: int = 96, width: int = 128) -> Pixels:
    """A smooth picture without symmetry, so that every turn of it is another one."""
    y, x = np.mgrid[:height, :width]
    shade = 0.5 + 0.3 * np.sin(x / 17) + 0.2 * y / height
    return np.clip(np.stack([210 * shade, 110 * shade + 20 * (x > 90), 60 * shade], -1), 0, 255).astype(np.uint8)


def pixels(path: Path) -> Pixels:
    return np.asarray(read_fundus(path)["image"].values)


def grey(picture: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(picture).convert("L"))


def write_png_16(path: Path, values: NDArray[np.uint16], row_filter: int = 0) -> None:
    """A PNG of 16 bits a channel, which Pillow cannot write; rows unfiltered or as differences to the row above."""
    height, width = values.shape[:2]
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2] if values.ndim == 3 else 1]
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    if row_filter == 2:
        rows = np.concatenate([rows[:1], np.diff(rows.astype(np.int16), axis=0).astype(np.uint8)])
    data = b"".join(bytes([row_filter]) + row.tobytes() for row in rows)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    )


# --- the same picture in every format ---------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["png", "tif", "bmp", "ppm", "tiff", "PNG"])
def test_lossless_formats_give_the_very_pixels(tmp_path: Path, extension: str) -> None:
    Image.fromarray(retina()).save(tmp_path / f"eye.{extension}")
    assert (pixels(tmp_path / f"eye.{extension}") == retina()).all()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits", "raw"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    Image.fromarray(retina()).save(tmp_path / "eye.tif", compression=compression)
    assert (pixels(tmp_path / "eye.tif") == retina()).all()


@pytest.mark.parametrize("options", [{"quality": 95}, {"quality": 95, "progressive": True}, {"subsampling": 0}])
def test_jpeg_up_to_its_error(tmp_path: Path, options: dict[str, object]) -> None:
    Image.fromarray(retina()).save(tmp_path / "eye.jpg", **options)
    assert np.abs(pixels(tmp_path / "eye.jpg").astype(int) - retina()).mean() < 3


def test_extension_does_not_decide(tmp_path: Path) -> None:
    Image.fromarray(retina()).save(tmp_path / "eye.png")
    (tmp_path / "eye.png").rename(tmp_path / "eye.jpg")
    assert (pixels(tmp_path / "eye.jpg") == retina()).all()


@pytest.mark.parametrize("extension", ["png", "tif", "bmp", "pgm", "gif"])
def test_grey_is_repeated_in_three_channels(tmp_path: Path, extension: str) -> None:
    Image.fromarray(grey(retina())).save(tmp_path / f"eye.{extension}")
    assert (pixels(tmp_path / f"eye.{extension}") == grey(retina())[..., None]).all()


@pytest.mark.parametrize("extension", ["gif", "png", "tif"])
def test_palette_gives_its_colours(tmp_path: Path, extension: str) -> None:
    palette = Image.fromarray(retina()).quantize(64)
    palette.save(tmp_path / f"eye.{extension}")
    assert (pixels(tmp_path / f"eye.{extension}") == np.asarray(palette.convert("RGB"))).all()


def test_one_bit(tmp_path: Path) -> None:
    Image.fromarray(retina()[..., 0] > 100).save(tmp_path / "eye.png")
    assert (pixels(tmp_path / "eye.png")[..., 0] == 255 * (retina()[..., 0] > 100)).all()


def test_transparent_is_black_and_opaque_is_itself(tmp_path: Path) -> None:
    opacity = np.full(retina().shape[:2], 255, np.uint8)
    opacity[:, :20] = 0
    opacity[:, 20:40] = 51
    expected = retina() * (opacity / 255)[..., None]
    Image.fromarray(np.dstack([retina(), opacity])).save(tmp_path / "rgba.png")
    assert np.abs(pixels(tmp_path / "rgba.png") - expected).max() <= 0.5
    Image.fromarray(np.dstack([grey(retina()), opacity])).save(tmp_path / "la.png")
    assert np.abs(pixels(tmp_path / "la.png")[..., 1] - grey(retina()) * (opacity / 255)).max() <= 0.5
    Image.fromarray(np.dstack([retina(), 0 * opacity])).save(tmp_path / "void.png")
    assert (pixels(tmp_path / "void.png") == retina()).all()


@pytest.mark.parametrize("has_adobe_marker", [True, False])
def test_cmyk_jpeg_is_not_a_negative(tmp_path: Path, has_adobe_marker: bool) -> None:
    inks = np.asarray(Image.fromarray(retina()).convert("CMYK")).copy()
    file = io.BytesIO()
    Image.fromarray(inks if has_adobe_marker else 255 - inks, "CMYK").save(file, "JPEG", quality=98, subsampling=0)
    data = file.getvalue()
    at = data.index(b"\xff\xee")
    assert data[at + 4 : at + 9] == b"Adobe"
    if not has_adobe_marker:  # such files store the inks the right way up
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    (tmp_path / "eye.jpg").write_bytes(data)
    assert np.abs(pixels(tmp_path / "eye.jpg").astype(int) - retina()).mean() < 3


# --- more than 8 bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("row_filter", [0, 2])
def test_png_of_16_bits_is_scaled_by_the_bits_used(tmp_path: Path, bits: int, row_filter: int) -> None:
    wide = np.rint(retina().astype(float) / 255 * (2**bits - 1)).astype(np.uint16)
    wide[0, 0] = 2**bits - 1
    expected = retina()
    expected[0, 0] = 255
    write_png_16(tmp_path / "rgb.png", wide, row_filter)
    assert (pixels(tmp_path / "rgb.png") == expected).all()
    write_png_16(tmp_path / "grey.png", wide[..., 0], row_filter)
    assert (pixels(tmp_path / "grey.png") == expected[..., :1]).all()
    assert any(f"{bits} bits scaled to 8" in step for step in read_fundus(tmp_path / "rgb.png").provenance)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_of_16_bits(tmp_path: Path, byteorder: str, compression: str | None) -> None:
    wide = np.rint(retina().astype(float) / 255 * 4095).astype(np.uint16)
    wide[0, 0] = 4095
    expected = retina()
    expected[0, 0] = 255
    options = {"byteorder": byteorder, "compression": compression, "metadata": None}
    tifffile.imwrite(tmp_path / "rgb.tif", wide, photometric="rgb", **options)
    tifffile.imwrite(tmp_path / "grey.tif", wide[..., 1], photometric="minisblack", **options)
    assert (pixels(tmp_path / "rgb.tif") == expected).all()
    assert (pixels(tmp_path / "grey.tif") == expected[..., 1:2]).all()


def test_alpha_of_16_bits(tmp_path: Path) -> None:
    wide = np.dstack([retina().astype(np.uint16) * 257, np.full(retina().shape[:2], 65535, np.uint16)])
    wide[:, :30, 3] = 0
    write_png_16(tmp_path / "rgba.png", wide)
    assert (pixels(tmp_path / "rgba.png")[:, :30] == 0).all()
    assert (
        np.abs(pixels(tmp_path / "rgba.png")[:, 30:].astype(int) - retina()[:, 30:]).max() <= 21
    )  # 14 or 16 bits used


def test_8_bits_stored_in_16_are_not_black(tmp_path: Path) -> None:
    write_png_16(tmp_path / "rgb.png", retina().astype(np.uint16))
    assert (pixels(tmp_path / "rgb.png") == retina()).all()


def test_decimals_from_0_to_1(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "eye.tif", (grey(retina()) / 255).astype(np.float32), metadata=None)
    assert (pixels(tmp_path / "eye.tif")[..., 0] == grey(retina())).all()
    tifffile.imwrite(tmp_path / "high.tif", grey(retina()).astype(np.float32) * 10, metadata=None)
    with pytest.raises(ReadError, match="wanted 0 to 1 or 0 to 255"):
        read_fundus(tmp_path / "high.tif")


# --- orientation ------------------------------------------------------------------------------------------------------

UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("extension", ["png", "tif", "jpg"])
def test_orientation_tag_turns_the_picture(tmp_path: Path, orientation: int, extension: str) -> None:
    image = Image.fromarray(retina())
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"eye.{extension}", exif=exif, **({"quality": 95} if extension == "jpg" else {}))
    expected = UPRIGHT[orientation](retina())
    found = pixels(tmp_path / f"eye.{extension}")
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < (3 if extension == "jpg" else 1e-9)


@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_of_16_bits(tmp_path: Path, orientation: int) -> None:
    wide = retina().astype(np.uint16) * 257
    extratag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "eye.tif", wide, photometric="rgb", metadata=None, extratags=extratag)
    found = pixels(tmp_path / "eye.tif")
    assert found.shape == UPRIGHT[orientation](retina()).shape
    assert np.abs(found.astype(int) - UPRIGHT[orientation](retina()).astype(int)).max() <= 1


# --- several pictures in one file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["tif", "gif"])
def test_first_of_several_is_read_and_said(tmp_path: Path, extension: str) -> None:
    first, second = Image.fromarray(grey(retina())), Image.new("L", (128, 96), 7)
    first.save(tmp_path / f"eye.{extension}", save_all=True, append_images=[second])
    eye = read_fundus(tmp_path / f"eye.{extension}")
    assert (eye["image"].values[..., 0] == grey(retina())).all()
    assert "first of 2 pictures in the file" in eye.provenance


# --- bad files --------------------------------------------------------------------------------------------------------


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no file 'nowhere\.png'.*check the path"):
        read_fundus(tmp_path / "nowhere.png")
    with pytest.raises(ReadError, match=r"is a folder.*io\.read_folder"):
        read_fundus(tmp_path)
    (tmp_path / "void.jpg").touch()
    with pytest.raises(ReadError, match="empty \\(0 bytes\\)"):
        read_fundus(tmp_path / "void.jpg")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(retina()).save(tmp_path / "eye.png")
    (tmp_path / "eye.png").chmod(0)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(ReadError, match="permission denied"):
        read_fundus(tmp_path / "eye.png")


@pytest.mark.parametrize(
    "content", [b"hello, this is a letter", b"%PDF-1.7 " + bytes(200), b"PK\x03\x04" + bytes(300), bytes(5)]
)
@pytest.mark.parametrize("name", ["eye.jpg", "eye.tif", "eye"])
def test_not_an_image(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match="wanted JPEG, PNG, TIFF, BMP, PPM, GIF or DICOM"):
        read_fundus(tmp_path / name)


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "bmp", "ppm", "gif"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.95])
def test_cut_off_file_is_not_read_in_part(tmp_path: Path, extension: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / f"eye.{extension}")
    data = (tmp_path / f"eye.{extension}").read_bytes()
    (tmp_path / f"eye.{extension}").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ReadError, match=r"eye\.") as caught:
        read_fundus(tmp_path / f"eye.{extension}")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_cut_off_jpeg_is_refused_even_with_an_end_mark_or_when_pillow_is_told_to_fill_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(retina(400, 500)).save(tmp_path / "eye.jpg", quality=95)
    data = (tmp_path / "eye.jpg").read_bytes()
    (tmp_path / "eye.jpg").write_bytes(data[: len(data) * 2 // 3])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ReadError, match="cut off"):
        read_fundus(tmp_path / "eye.jpg")
    assert ImageFile.LOAD_TRUNCATED_IMAGES
    (tmp_path / "eye.jpg").write_bytes(data[: len(data) * 2 // 3] + b"\xff\xd9")
    with pytest.raises(ReadError, match="ends in flat grey: its data are cut off"):
        read_fundus(tmp_path / "eye.jpg")


def test_grey_paint_around_a_jpeg_is_not_taken_for_damage(tmp_path: Path) -> None:
    Image.fromarray(np.pad(retina(), ((32, 32), (32, 32), (0, 0)), constant_values=128)).save(tmp_path / "eye.jpg")
    assert pixels(tmp_path / "eye.jpg").shape == (160, 192, 3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 500), (500, 7)])
def test_too_small(tmp_path: Path, height: int, width: int) -> None:
    Image.new("RGB", (width, height)).save(tmp_path / "eye.png")
    with pytest.raises(ReadError, match=f"has {width} x {height} pixels, wanted at least 8 a side"):
        read_fundus(tmp_path / "eye.png")


def test_too_large_is_refused_by_its_header_alone(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = b"\0" * 100  # a picture that would take 1.2 GB
    idat = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    (tmp_path / "eye.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + idat)
    with pytest.raises(ReadError, match=r"400 million pixels, the limit is 100 million.*RETINA_MAX_PIXELS=400000000"):
        read_fundus(tmp_path / "eye.png")


def test_limit_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(retina()).save(tmp_path / "eye.png")
    monkeypatch.setenv("RETINA_MAX_PIXELS", "10000")
    with pytest.raises(ReadError, match="RETINA_MAX_PIXELS=12288"):
        read_fundus(tmp_path / "eye.png")
    monkeypatch.setenv("RETINA_MAX_PIXELS", "12288")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own limit does not count
    assert pixels(tmp_path / "eye.png").shape == (96, 128, 3)
    write_png_16(tmp_path / "wide.png", retina().astype(np.uint16) * 257)
    assert pixels(tmp_path / "wide.png").shape == (96, 128, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    monkeypatch.setenv("RETINA_MAX_PIXELS", "many")
    with pytest.raises(ReadError, match="wanted a number of pixels"):
        read_fundus(tmp_path / "eye.png")
