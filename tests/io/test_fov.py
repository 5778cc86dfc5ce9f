"""The field of view: drawn ones of every shape, and those of real data sets."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from retina_tools.io import describe_fov, find_fov
from retina_tools.schema import EyeError

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def circle(shape: tuple[int, int], y: float, x: float, radius: float) -> Mask:
    rows, columns = np.indices(shape)
    return np.hypot(rows - y, columns - x) <= radius


def photograph(fov: Mask, *, brightness: float = 1.0, surround: float = 2, noise: float = 2, seed: int = 0) -> Picture:
    """A retina-like picture behind a field of view: uneven, with vessels and a disc, and noise everywhere."""
    random = np.random.default_rng(seed)
    height, width = fov.shape
    cloud = ndimage.zoom(random.normal(size=(6, 7)), (height / 6, width / 7), order=1)[:height, :width]
    retina = np.stack([150 + 12 * cloud, 70 + 8 * cloud, 35 + 4 * cloud], axis=-1)
    for offset in (-0.2, 0.1, 0.3):
        rows = (height * (0.5 + offset + 0.1 * np.sin(np.arange(width) / width * 6))).astype(int)
        for thick in range(max(1, height // 150)):
            retina[np.clip(rows + thick, 0, height - 1), np.arange(width)] *= 0.6
    retina[circle((height, width), height * 0.45, width * 0.65, 0.06 * height)] = (240, 220, 150)
    soft = ndimage.gaussian_filter(fov.astype(float), height / 700)[..., None]
    picture = soft * retina * brightness + (1 - soft) * surround + random.normal(0, noise, (height, width, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def as_jpeg(picture: Picture, quality: int = 75) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


FIELDS = {
    "round": circle((600, 640), 300, 320, 280),
    "cut off above and below by the frame": circle((500, 760), 240, 380, 330),
    "cut off on one side": circle((600, 620), 300, 380, 285),
    "in a corner of a large frame": circle((700, 1000), 270, 290, 250),
    "touching all sides": circle((600, 600), 299.5, 299.5, 300),
    "half of it seen": circle((300, 700), 20, 350, 260),
}
BANDS = np.ones((600, 640), bool)
BANDS[:90] = BANDS[-60:] = False
FIELDS["cut straight inside the frame"] = FIELDS["round"] & BANDS
FIELDS["cut straight on all sides"] = np.pad(circle((400, 420), 200, 210, 240), 80)


@pytest.mark.parametrize("name", FIELDS)
def test_drawn_field_is_found(name: str) -> None:
    assert overlap(find_fov(photograph(FIELDS[name])), FIELDS[name]) > 0.99


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("quality", [30, 90])
def test_compression_does_not_move_it(name: str, quality: int) -> None:
    assert overlap(find_fov(as_jpeg(photograph(FIELDS[name]), quality)), FIELDS[name]) > 0.985


@pytest.mark.parametrize(("brightness", "surround", "noise"), [(0.15, 1, 1), (0.6, 25, 6), (1.4, 10, 3)])
def test_under_exposed_noisy_and_bright(brightness: float, surround: float, noise: float) -> None:
    for name in ("round", "cut off above and below by the frame", "cut straight inside the frame"):
        picture = photograph(FIELDS[name], brightness=brightness, surround=surround, noise=noise)
        assert overlap(find_fov(picture), FIELDS[name]) > 0.98, name


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_and_mirroring_the_picture_turns_and_mirrors_the_field(turns: int) -> None:
    picture = photograph(FIELDS["cut off on one side"])
    found = find_fov(picture)
    assert overlap(find_fov(np.rot90(picture, turns)), np.rot90(found, turns)) > 0.995
    assert overlap(find_fov(picture[:, ::-1]), found[:, ::-1]) > 0.995


@pytest.mark.parametrize("factor", [0.25, 2, 4])
def test_size_does_not_matter(factor: float) -> None:
    fov = FIELDS["cut off above and below by the frame"]
    picture = Image.fromarray(photograph(fov))
    size = (round(760 * factor), round(500 * factor))
    expected = np.asarray(Image.fromarray(fov.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)) > 127
    assert overlap(find_fov(np.asarray(picture.resize(size))), expected) > 0.985


def test_dark_periphery_is_inside() -> None:
    fov = FIELDS["round"]
    picture = photograph(fov, noise=1).astype(float)
    fading = np.clip((np.arange(640) - 60) / 300, 0.0, 1)  # down to black on the left
    dark = np.clip(2 + (picture - 2) * fading[None, :, None], 0, 255).astype(np.uint8)
    assert overlap(find_fov(dark), fov) > 0.98


def test_text_frame_counter_and_notches_do_not_move_it() -> None:
    fov = FIELDS["cut off above and below by the frame"]
    image = Image.fromarray(photograph(fov))
    draw = ImageDraw.Draw(image)
    draw.text((5, 200), "0885\n1375", fill=(255, 255, 255), font_size=40)
    draw.text((590, 430), "OD 45 12.03.2014", fill=(255, 255, 255), font_size=20)
    draw.rectangle((0, 470, 60, 499), fill=(200, 200, 200))
    draw.polygon([(650, 40), (690, 60), (660, 90)], fill=(150, 70, 35))  # a tab outside the circle
    draw.polygon([(49, 230), (75, 240), (49, 250)], fill=(0, 0, 0))  # a notch in it
    assert overlap(find_fov(np.asarray(image)), fov) > 0.985


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 160), (128, 128, 128)])
def test_painted_surround_of_any_colour(colour: tuple[int, int, int]) -> None:
    fov = FIELDS["round"]
    picture = photograph(fov)
    picture[~fov] = colour
    assert overlap(find_fov(picture), fov) > 0.985


def test_full_frame_has_no_surround() -> None:
    everywhere = np.ones((400, 500), bool)
    assert find_fov(photograph(everywhere)).all()
    assert find_fov(np.full((50, 60, 3), 255, np.uint8)).all()
    assert find_fov(np.full((50, 60, 3), 90, np.uint8)).all()


def test_disc_in_a_full_frame_is_no_field_of_view() -> None:
    crop = photograph(np.ones((500, 500), bool), noise=1)
    crop[circle((500, 500), 250, 250, 170)] = (240, 220, 150)
    assert find_fov(crop).all()


def test_padded_rectangle_and_squeezed_circle_are_kept_as_they_are() -> None:
    rectangle = np.pad(np.ones((300, 420), bool), ((60, 60), (0, 0)))
    assert overlap(find_fov(photograph(rectangle)), rectangle) > 0.98
    squeezed = np.asarray(Image.fromarray(FIELDS["round"].astype(np.uint8) * 255).resize((640, 400))) > 127
    assert overlap(find_fov(photograph(squeezed)), squeezed) > 0.97


@pytest.mark.parametrize("level", [0, 3, 9])
def test_black_picture_has_no_field_of_view(level: int) -> None:
    noise = np.random.default_rng(1).integers(0, level + 1, (200, 300, 3)).astype(np.uint8)
    assert not find_fov(noise).any()


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "camera", "coffee", "rocket", "brick", "grass"])
def test_photograph_of_something_else_is_all_field(name: str) -> None:
    from skimage import data

    assert find_fov(getattr(data, name)()).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (8, 8), (20, 30), (9, 9000), (5000, 2)])
def test_tiny_pictures_and_strips_do_no_harm(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert find_fov(picture).shape == shape


@pytest.mark.parametrize("wrong", [np.zeros((5, 5)), np.zeros((5, 5, 4), np.uint8), np.zeros((0, 5, 3), np.uint8)])
def test_what_is_no_picture_is_refused(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(EyeError, match=r"wanted \(y, x, 3\) of uint8"):
        find_fov(wrong)


@pytest.mark.parametrize(
    ("name", "shape", "centre_yx", "radius"),
    [
        ("round", "round", (300, 320), 280),
        ("cut off above and below by the frame", "cut", (240, 380), 330),
        ("cut straight on all sides", "cut", (280, 290), 240),
        ("half of it seen", "cut", (20, 350), 260),
    ],
)
def test_description(name: str, shape: str, centre_yx: tuple[float, float], radius: float) -> None:
    about = describe_fov(FIELDS[name])
    assert about.shape == shape
    assert about.centre_yx == pytest.approx(centre_yx, abs=1)
    assert about.diameter_px == pytest.approx(2 * radius, rel=0.005)
    assert about.visible_fraction == pytest.approx(FIELDS[name].sum() / (np.pi * radius**2), rel=0.01)


def test_description_of_large_full_empty_and_other_fields() -> None:
    large = describe_fov(circle((2400, 3000), 1200, 1500, 1100))
    assert large.centre_yx == pytest.approx((1200, 1500), abs=2)
    assert large.radius_px == pytest.approx(1100, rel=0.003)
    full = describe_fov(np.ones((300, 400), bool))
    assert (full.shape, full.centre_yx, full.radius_px) == ("full", (149.5, 199.5), 250)
    empty = describe_fov(np.zeros((300, 400), bool))
    assert empty.shape == "none"
    assert np.isnan(empty.diameter_px)
    assert describe_fov(np.pad(np.ones((100, 300), bool), 50)).shape == "irregular"
    with pytest.raises(EyeError, match="wanted \\(y, x\\)"):
        describe_fov(np.ones(4))


def test_chase_db1(real_data: Path) -> None:
    files = sorted((real_data / "CHASE_DB1").glob("Image_*.jpg"))
    assert len(files) == 20
    for file in files:
        truth = np.asarray(Image.open(real_data / "CHASE_DB1" / "mask" / f"{file.stem}_mask.png")) < 128
        assert overlap(find_fov(np.asarray(Image.open(file))), truth) > 0.99, file.name


def test_hrf(real_data: Path) -> None:
    files = sorted((real_data / "HRF" / "images").iterdir())
    assert len(files) == 30
    for file in files[::3]:
        truth = np.asarray(Image.open(real_data / "HRF" / "mask" / f"{file.stem}_mask.tif").convert("L")) > 127
        assert overlap(find_fov(np.asarray(Image.open(file))), truth) > 0.995, file.name


@pytest.mark.parametrize(
    ("pattern", "radius_of_width", "spread"),
    [
        ("DRIONS-DB/images/*.jpg", 0.456, 0.006),  # with a frame counter
        ("IDRiD/B*/1*/*/IDRiD_*[05].jpg", 0.3974, 0.001),  # one camera, one magnification
        ("SRahimDR/*/*/Patient*[37]_R.jpg", 0.3929, 0.06),
    ],
)
def test_one_camera_has_one_radius(real_data: Path, pattern: str, radius_of_width: float, spread: float) -> None:
    files = sorted(real_data.glob(pattern))[:25]
    assert len(files) >= 15
    for file in files:
        picture = np.asarray(Image.open(file))
        about = describe_fov(find_fov(picture))
        assert about.shape == "cut", file.name
        assert about.radius_px / picture.shape[1] == pytest.approx(radius_of_width, abs=spread), file.name
