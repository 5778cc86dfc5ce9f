"""Masks: every coding read as what it means, written and read back the same, and never guessed between."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from retina_tools import phantom
from retina_tools.io import ReadError, add_masks, codings, read_masks, write_masks
from retina_tools.io.codings import CODINGS
from retina_tools.io.errors import CodingError
from retina_tools.schema import TAXONOMY, get_mask, new_eye

Mask = NDArray[np.bool_]
SHAPE = (24, 30)


def bars(*values: object) -> NDArray[np.uint8]:
    """A picture of vertical bars of the given values, after a black one."""
    picture = np.zeros((*SHAPE, *np.shape(values[0])), np.uint8)
    for number, value in enumerate(values, start=1):
        picture[:, 4 * number : 4 * number + 4] = value
    return picture


def bar(*numbers: int) -> Mask:
    """The mask of some of these bars."""
    mask = np.zeros(SHAPE, bool)
    for number in numbers:
        mask[:, 4 * number : 4 * number + 4] = True
    return mask


def save(path: Path, picture: NDArray[np.generic], **options: object) -> Path:
    Image.fromarray(picture).save(path, **options)
    return path


def assert_masks(found: dict[str, Mask], expected: dict[str, Mask]) -> None:
    assert list(found) == [name for name in TAXONOMY if name in expected]
    for name, mask in expected.items():
        assert found[name].dtype == bool
        assert (found[name] == mask).all(), name


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
AV_RGB = {"artery": bar(1, 3), "vein": bar(2, 3), "vessel": bar(1, 2, 3, 4)}
CASES = {
    "av_both": (bars(1, 2, 3), {"artery": bar(1, 3), "vein": bar(2, 3)}),
    "av_uncertain": (bars(1, 2, 3), {"artery": bar(1), "vein": bar(2), "vessel": bar(1, 2, 3)}),
    "av_unknown": (bars(1, 2, 3, 4), AV_RGB),
    "av_lwnet": (bars(1, 2, 3), {"artery": bar(2), "vein": bar(3), "vessel": bar(1, 2, 3)}),
    "av_automorphalyzer": (bars(191, 127, 255), {"artery": bar(1, 3), "vein": bar(2, 3)}),
    "av_ravir": (bars(128, 255), {"artery": bar(1), "vein": bar(2)}),
    "av_rgb": (bars(RED, BLUE, GREEN, WHITE), AV_RGB),
    "av_bgr": (bars(BLUE, RED, GREEN, WHITE), AV_RGB),
    "av_channels": (
        bars((255, 0, 255), (0, 255, 255), WHITE, BLUE),
        {"artery": bar(1, 3), "vein": bar(2, 3), "vessel": bar(1, 2, 3, 4)},
    ),
    "disc_cup": (bars(1, 2), {"optic_disc": bar(1, 2), "optic_cup": bar(2)}),
    "disc_cup_refuge": (255 - bars(127, 255), {"optic_disc": bar(1, 2), "optic_cup": bar(2)}),
    "disc_cup_automorphalyzer": (bars(127, 255), {"optic_disc": bar(1, 2), "optic_cup": bar(2)}),
    "labels": (bars(1, 4, 11), {"artery": bar(1), "optic_disc": bar(2), "microaneurysm": bar(3)}),
}
FILES = sorted(CASES)


def eye_of(coding: str) -> xr.Dataset:
    return new_eye(masks=CASES[coding][1])


def test_every_coding_has_a_case_and_a_row() -> None:
    assert set(CASES) == {name for name, coding in CODINGS.items() if coding.form != "folder"}
    table = codings()
    assert set(CODINGS) < set(table["coding"])
    assert (table["meaning"].str.len() > 10).all()
    for coding in CODINGS.values():
        assert {name for members in coding.values.values() for name in members} <= set(TAXONOMY)


@pytest.mark.parametrize("coding", FILES)
@pytest.mark.parametrize("extension", ["png", "tif", "bmp"])
def test_coding_means_what_it_says(tmp_path: Path, coding: str, extension: str) -> None:
    picture, expected = CASES[coding]
    assert_masks(read_masks(save(tmp_path / f"x.{extension}", picture), coding, SHAPE), expected)


@pytest.mark.parametrize("coding", FILES)
def test_written_file_is_read_back_the_same_without_being_told_its_coding(tmp_path: Path, coding: str) -> None:
    eye = eye_of(coding)
    (path,) = write_masks(eye, tmp_path / "x.png", coding)
    assert_masks(read_masks(path), CASES[coding][1])
    assert_masks(read_masks(path, coding), CASES[coding][1])
    picture = np.asarray(Image.open(path))
    assert picture.shape == CASES[coding][0].shape
    if coding != "disc_cup_refuge":  # of which 128 is written and 127 read too
        assert (picture == CASES[coding][0]).all()


def test_folder_keeps_overlapping_and_empty_masks(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    masks = {name: random.random(SHAPE) < 0.3 for name in TAXONOMY}
    masks["drusen"][:] = False
    masks["macula"][:] = True
    files = write_masks(new_eye(masks=masks), tmp_path / "masks")
    assert [file.stem for file in files] == list(TAXONOMY)
    assert_masks(read_masks(tmp_path / "masks"), masks)
    assert_masks(read_masks(tmp_path / "masks", "folder"), masks)


def test_empty_masks_survive_every_coding(tmp_path: Path) -> None:
    for coding in FILES:
        empty = {name: np.zeros(SHAPE, bool) for name in CASES[coding][1]}
        (path,) = write_masks(new_eye(masks=empty), tmp_path / f"{coding}.png", coding)
        assert_masks(read_masks(path), empty)


# --- black and white --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "picture",
    [bars(255), bars(1), bars(1).astype(bool), bars(RED), bars(WHITE), bars(255).astype(np.uint16) * 257],
    ids=["0/255", "0/1", "1 bit", "red", "three channels", "16 bits"],
)
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_black_and_white_in_every_dress(tmp_path: Path, picture: NDArray[np.generic], extension: str) -> None:
    assert_masks(read_masks(save(tmp_path / f"x.{extension}", picture), "vessel"), {"vessel": bar(1)})


@pytest.mark.parametrize("extension", ["gif", "png", "tif"])
@pytest.mark.parametrize("colour", [(128, 0, 0), (0, 0, 100), (255, 255, 0)])
def test_palette_is_read_by_index_not_by_luminance(tmp_path: Path, extension: str, colour: tuple[int, ...]) -> None:
    image = Image.new("P", SHAPE[::-1])
    image.frombytes(bars(1).tobytes())
    image.putpalette([0, 0, 0, *colour])
    image.save(tmp_path / f"x.{extension}")
    assert_masks(read_masks(tmp_path / f"x.{extension}", "microaneurysm"), {"microaneurysm": bar(1)})


@pytest.mark.parametrize("mostly_white", [True, False])
def test_gif_of_grey_levels_is_not_inverted_by_its_palette_order(tmp_path: Path, mostly_white: bool) -> None:
    mask = ~bar(1) if mostly_white else bar(1)
    path = save(tmp_path / "x.gif", mask.astype(np.uint8) * 255)
    assert_masks(read_masks(path, "vessel"), {"vessel": mask})


def test_gif_of_display_levels(tmp_path: Path) -> None:
    picture, expected = CASES["disc_cup_refuge"]
    assert_masks(read_masks(save(tmp_path / "x.gif", picture), "disc_cup_refuge"), expected)


def test_jpeg_is_cut_at_the_middle(tmp_path: Path) -> None:
    disc = np.hypot(*np.mgrid[-50:50, -60:60]) < 30
    for picture in (disc.astype(np.uint8) * 255, np.repeat(disc[..., None], 3, 2).astype(np.uint8) * 255):
        path = save(tmp_path / "x.jpg", picture, quality=80)
        found = read_masks(path, "optic_disc")["optic_disc"]
        assert (found != disc).sum() <= 0.02 * disc.sum()


def test_jpeg_of_labels_is_refused_and_of_colours_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", np.kron(CASES["disc_cup_refuge"][0], np.ones((8, 8), np.uint8)))
    with pytest.raises(ReadError, match="JPEG, which blurs labels"):
        read_masks(path, "disc_cup_refuge")
    colours = np.kron(bars(RED, BLUE), np.ones((8, 8, 1), np.uint8))
    found = read_masks(save(tmp_path / "y.jpg", colours, quality=95, subsampling=0), "av_rgb")
    assert (found["artery"] != np.kron(bar(1), np.ones((8, 8), bool))).mean() < 0.02


def test_blurred_colour_edges_go_to_the_nearest(tmp_path: Path) -> None:
    picture = bars(RED, BLUE)
    picture[:, 7] = (140, 0, 0)
    picture[:, 12] = (0, 0, 100)
    found = read_masks(save(tmp_path / "x.png", picture), "av_rgb")
    assert (found["artery"] == bar(1)).all()
    assert (found["vein"] == bar(2)).all()


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("IDRiD_01_MA.tif", "microaneurysm"),
        ("IDRiD_01_HE.tif", "haemorrhage"),
        ("IDRiD_01_EX.tif", "hard_exudate"),
        ("IDRiD_01_SE.tif", "cotton_wool_spot"),
        ("IDRiD_01_OD.tif", "optic_disc"),
        ("artery.png", "artery"),
        ("eye7_patchy_haemorrhage.png", "patchy_haemorrhage"),
        ("eye7-optic_disc.png", "optic_disc"),
        ("Image_01L_1stHO.png", "vessel"),
    ],
)
def test_name_says_the_structure(tmp_path: Path, name: str, structure: str) -> None:
    assert_masks(read_masks(save(tmp_path / name, bars(255))), {structure: bar(1)})


@pytest.mark.parametrize("name", ["Patient1_OD.png", "mask.png", "IDRiD_01.tif", "smart_ma_x.png", "OD.png"])
def test_name_that_does_not_say_it_is_not_guessed(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReadError, match="its name does not say of what; say so with coding='vessel'"):
        read_masks(save(tmp_path / name, bars(255)))


# --- what is ambiguous or wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "names"),
    [
        (bars(1, 2, 3), ["av_both", "av_uncertain", "av_lwnet"]),
        (bars(1, 2), ["av_both", "disc_cup"]),
        (bars(RED, BLUE, GREEN), ["av_rgb", "av_bgr"]),
        (bars(128, 255), ["disc_cup_refuge", "av_ravir", "disc_cup_automorphalyzer"]),
    ],
)
def test_several_candidates_are_all_named_with_their_meaning(
    tmp_path: Path, picture: NDArray[np.uint8], names: list[str]
) -> None:
    with pytest.raises(ReadError, match="fits more than one coding, say which") as caught:
        read_masks(save(tmp_path / "x.png", picture))
    for name in names:
        assert f"coding={name!r} ({CODINGS[name].meaning})" in str(caught.value)


@pytest.mark.parametrize(
    ("picture", "coding"), [(bars(1, 2, 3, 4), "av_unknown"), (bars(191, 127, 255), "av_automorphalyzer")]
)
def test_one_candidate_is_taken(tmp_path: Path, picture: NDArray[np.uint8], coding: str) -> None:
    assert_masks(read_masks(save(tmp_path / "x.png", picture)), read_masks(tmp_path / "x.png", coding))


@pytest.mark.parametrize(
    ("picture", "coding", "message"),
    [
        (bars(1, 2, 7), "av_both", r"values 0, 1, 2, 7, coding 'av_both' knows 0 background, 1 artery"),
        (bars(1, 2, 3), "vessel", r"values 0, 1, 2, 3, wanted black and white.*coding='av_both'"),
        (bars(RED, BLUE), "av_both", "is coloured, coding 'av_both' is for grey label maps"),
        (bars(1, 2, 3), "av_rgb", "has no colours, coding 'av_rgb' knows black background"),
        (bars(255), "av_rgb", "has no colours"),
        (bars(255), "av_channels", "has no colours"),
        (bars(RED, (255, 255, 0)), "av_rgb", r"96 pixels of colours such as \(255, 255, 0\)"),
        (bars(RED, (255, 0, 255), BLUE), "av_rgb", r"\(255, 0, 255\)"),
        (bars(RED, BLUE), "vessel", "has several colours, wanted black and one"),
        (bars(50) + 50, "vessel", "wanted 0 for the background"),
        (bars(1), "retsam", "give its folder"),
        (bars(1), "folder", "give its folder"),
        (bars(1), "automorph", "There is no coding 'automorph'; wanted one of av_both"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, picture: NDArray[np.uint8], coding: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        read_masks(save(tmp_path / "x.png", picture), coding)


@pytest.mark.parametrize("coding", ["vessel", "av_rgb", "av_channels", "av_both", None])
@pytest.mark.parametrize("extension", ["jpg", "png"])
@pytest.mark.parametrize("grey", [True, False])
def test_a_photograph_is_no_mask(tmp_path: Path, coding: str | None, extension: str, grey: bool) -> None:
    photograph = phantom.eye(seed=1, size=256).image.values
    path = save(tmp_path / f"x_vessel.{extension}", photograph[..., 1] if grey else photograph)
    with pytest.raises(CodingError, match=r"'x_vessel\..*looks like a photograph, not a mask: \d+% of its pixels"):
        read_masks(path, coding)


def test_a_soft_or_blurred_mask_is_no_photograph(tmp_path: Path) -> None:
    distance = 40 - np.hypot(*np.mgrid[-100:100, -100:100])
    soft = (255 / (1 + np.exp(-distance / 3))).astype(np.uint8)
    assert len(np.unique(soft)) > 64
    found = read_masks(save(tmp_path / "x.jpg", soft), "optic_disc")["optic_disc"]
    assert abs(found.sum() / (np.pi * 40**2) - 1) < 0.02


def test_an_artery_vein_map_on_white_is_refused(tmp_path: Path) -> None:
    eye = phantom.eye(seed=1, size=256)
    picture = np.full((256, 256, 3), 255, np.uint8)
    picture[get_mask(eye, "vein")] = BLUE
    picture[get_mask(eye, "artery")] = RED
    with pytest.raises(CodingError, match=r"'av\.png' read as 'av_rgb' has vessel on \d+% .*background white"):
        add_masks(eye, save(tmp_path / "av.png", picture), "av_rgb")
    inverted = np.where(get_mask(eye, "vessel"), 0, 255).astype(np.uint8)
    with pytest.raises(CodingError, match=r"'v\.png' read has vessel on \d+% of the field"):
        add_masks(eye, save(tmp_path / "v.png", inverted), "vessel")
    picture[(picture == 255).all(axis=2)] = 0
    drawn = add_masks(eye, save(tmp_path / "black.png", picture), "av_rgb")
    assert (get_mask(drawn, "artery") == get_mask(eye, "artery")).all()


def test_a_coding_that_is_nearly_spelt_is_offered(tmp_path: Path) -> None:
    with pytest.raises(CodingError, match="no coding 'AV-RGB'; did you mean 'av_rgb'"):
        read_masks(save(tmp_path / "x.png", bars(RED)), "AV-RGB")


def test_another_size_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x_vessel.png", bars(255))
    with pytest.raises(ReadError, match=r"24 x 30 pixels, the picture 48 x 60; resample the mask"):
        read_masks(path, shape=(48, 60))
    with pytest.raises(ReadError, match="resample the mask"):
        add_masks(new_eye(np.zeros((48, 60, 3), np.uint8)), path)


def test_missing_damaged_and_empty(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no file"):
        read_masks(tmp_path / "vessel.png")
    (tmp_path / "vessel.png").write_bytes(b"nothing")
    with pytest.raises(ReadError, match="not an image"):
        read_masks(tmp_path / "vessel.png")
    (tmp_path / "none").mkdir()
    with pytest.raises(ReadError, match="holds no mask files"):
        read_masks(tmp_path / "none")


def test_folders_of_several_pictures_or_unknown_names_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a_artery.png", bars(255))
    save(tmp_path / "b_artery.png", bars(255))
    with pytest.raises(ReadError, match="two files for 'artery'"):
        read_masks(tmp_path)
    (tmp_path / "b_artery.png").rename(tmp_path / "photo.png")
    with pytest.raises(ReadError, match="does not end with a structure"):
        read_masks(tmp_path)
    with pytest.raises(ReadError, match="is a folder, coding 'av_both' is for one file"):
        read_masks(tmp_path, "av_both")


# --- writing without loss, or not at all ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("masks", "coding", "message"),
    [
        (CASES["av_both"][1], "labels", "96 pixels are artery and vein, which coding 'labels' cannot hold"),
        ({**CASES["av_both"][1], "vessel": bar(5)}, "av_both", "96 pixels are vessel but neither artery nor vein"),
        (CASES["av_both"][1], "av_lwnet", "artery and vein"),
        ({"artery": bar(1)}, "av_both", "the eye has no vein; it would be read back as looked for"),
        ({"optic_disc": bar(1), "optic_cup": bar(2)}, "disc_cup", "96 pixels are optic_cup alone"),
        ({"artery": bar(1)}, "vein", "The eye has no mask 'vein'; it has artery"),
        ({"artery": bar(1)}, "retsam", "cannot be written as 'retsam'"),
        ({"artery": bar(1)}, "nonsense", "cannot be written as 'nonsense'"),
        ({}, "folder", "no masks to write"),
    ],
)
def test_lossy_writing_is_refused(tmp_path: Path, masks: dict[str, Mask], coding: str, message: str) -> None:
    eye = new_eye(np.zeros((*SHAPE, 3), np.uint8), masks)
    with pytest.raises(ReadError, match=message):
        write_masks(eye, tmp_path / "x.png", coding)
    assert not (tmp_path / "x.png").exists()


def test_only_png_and_only_where_nothing_else_is(tmp_path: Path) -> None:
    eye = new_eye(masks={"artery": bar(1)})
    with pytest.raises(ReadError, match="written as PNG"):
        write_masks(eye, tmp_path / "x.jpg", "artery")
    save(tmp_path / "vein.png", bars(255))
    with pytest.raises(ReadError, match=r"already holds 'vein\.png'"):
        write_masks(eye, tmp_path)
    with pytest.raises(ReadError, match="is a file, wanted a folder"):
        write_masks(eye, tmp_path / "vein.png")
    with pytest.raises(ReadError, match="could not be written"):
        write_masks(eye, tmp_path / "nowhere" / "x.png", "artery")
    write_masks(eye, tmp_path / "new" / "masks")
    assert len(write_masks(eye, tmp_path / "new" / "masks")) == 1  # its own files may be written again


def test_one_structure_and_the_union_of_vessels(tmp_path: Path) -> None:
    eye = new_eye(masks={"artery": bar(1), "vein": bar(2)})
    (path,) = write_masks(eye, tmp_path / "x.png", "vessel")
    assert_masks(read_masks(path), {"vessel": bar(1, 2)})
    (path,) = write_masks(eye, tmp_path / "y.png", "av_rgb")
    again = new_eye(masks=read_masks(path))
    assert (get_mask(again, "vessel") == get_mask(eye, "vessel")).all()


def test_adding_leaves_the_eye_as_it_was(tmp_path: Path) -> None:
    eye = new_eye(np.zeros((*SHAPE, 3), np.uint8), {"optic_disc": bar(1)})
    path = save(tmp_path / "x.png", CASES["av_both"][0])
    more = add_masks(eye, path, "av_both")
    assert more["structure"].values.tolist() == ["artery", "vein", "optic_disc"]
    assert more.provenance[-1] == "masks artery, vein read from x.png as av_both"
    assert eye["structure"].values.tolist() == ["optic_disc"]


# --- real files -------------------------------------------------------------------------------------------------------


def test_real_masks(real_data: Path) -> None:
    av = read_masks(real_data / "HRF" / "HRF-AV" / "01_h_AVmanual.png", "av_uncertain", (1168, 1752))
    vessel = read_masks(real_data / "HRF" / "manual1" / "01_h.tif", "vessel", (1168, 1752))["vessel"]
    assert 2 * (av["vessel"] & vessel).sum() / (av["vessel"].sum() + vessel.sum()) > 0.999
    assert not (av["artery"] & av["vein"]).any()
    with pytest.raises(ReadError, match="more than one coding"):
        read_masks(real_data / "HRF" / "HRF-AV" / "01_h_AVmanual.png")

    chase = read_masks(real_data / "CHASE_DB1" / "Image_01L_1stHO.png", shape=(960, 999))
    assert 0.05 < chase["vessel"].mean() < 0.15
    crop = next((real_data / "Drishti-GS1_crops" / "masks").iterdir())
    disc_cup = read_masks(crop, "disc_cup")
    assert not (disc_cup["optic_cup"] & ~disc_cup["optic_disc"]).any()
    for code, name in (("MA", "microaneurysm"), ("OD", "optic_disc")):
        (path,) = (real_data / "IDRiD" / "A. Segmentation").rglob(f"IDRiD_03_{code}.tif")
        assert read_masks(path, shape=(1424, 2144))[name].any()
