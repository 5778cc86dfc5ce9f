"""The features: laws they obey, values that are known, and the table that lists them."""

import numpy as np
import pytest

from retina_tools import io, phantom, quality
from retina_tools.quality import Frame, likeness, noise, registry
from retina_tools.schema import EyeError, new_eye

TURNS = {
    "mirrored": lambda plane: plane[:, ::-1],
    "upside down": lambda plane: plane[::-1],
    "turned": np.rot90,
    "transposed": lambda plane: np.swapaxes(plane, 0, 1),
}
# What belongs to the pixels of the photograph: its size, its file format, its noise, and the finest detail.
OF_PIXELS = {"fov_width", "blockiness", "noise", "relative_noise", "wavelet_share_1"}


def values(found):
    return {name: found[name].item() for name in quality.features()["name"]}


def test_no_feature_changes_when_the_picture_is_mirrored_or_turned(judge):
    eye = phantom.eye(seed=2, size=611, uneven_illumination=0.8)
    # An odd part of the frame, so that the field of view is cut on one side.
    image, fov = eye["image"].values[13:570], eye["fov"].values[13:570]
    straight = judge(image, fov)
    for turn in TURNS.values():
        turned = judge(*(np.ascontiguousarray(turn(array)) for array in (image, fov)))
        for name, value in values(straight).items():
            assert turned[name].item() == pytest.approx(value, rel=0.01, abs=1e-3), name
        assert abs(straight["score"] - turned["score"]) < 1e-3


@pytest.mark.parametrize(("factor", "size"), [(0.5, 1101), (2, 601)])
def test_the_size_of_the_picture_matters_little(factor, size, degrading, judge):
    image = phantom.eye(seed=1, size=size, blur_um=45)["image"].values
    resized = degrading.resized(image, factor)
    one, other = judge(image, io.find_fov(image)), judge(resized, io.find_fov(resized))
    assert abs(one["score"] - other["score"]) < 0.05
    for name, value in values(one).items():
        if name not in OF_PIXELS:
            assert other[name].item() == pytest.approx(value, rel=0.12, abs=0.02), name


def test_brightness_does_not_change_what_is_relative(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    one, other = judge(image, fov), judge(degrading.lit(image, fov, 0.6), fov)
    for name in ("blur_width", "evenness", "red_share", "line_asymmetry", "wavelet_share_3", "blue_red_ratio"):
        assert other[name].item() == pytest.approx(one[name].item(), rel=0.06, abs=2e-4), name


def test_known_values(judge):
    y, x = np.mgrid[:401, :401] - 200
    fov = np.hypot(y, x) < 180
    left, right = np.array([200, 100, 40]), np.array([100, 50, 20])
    picture = np.where((x < 0)[..., None], left, right).astype(np.uint8)
    picture[~fov] = 0
    found = values(judge(picture, fov))
    assert found["fov_width"] == pytest.approx(360, abs=1.5)
    assert found["fov_coverage"] == pytest.approx(1, abs=0.01)
    assert found["red_mean"] == pytest.approx(150, rel=0.01)
    assert found["green_sd"] == pytest.approx(25, rel=0.02)
    assert found["red_skewness"] == pytest.approx(0, abs=0.03)
    assert found["blue_red_ratio"] == pytest.approx(0.2, rel=0.01)
    assert found["green_red_ratio"] == pytest.approx(0.5, rel=0.01)
    assert found["red_first_share"] == 1
    assert found["bright_share"] == found["dark_share"] == found["dim_share"] == 0
    assert found["evenness"] == pytest.approx(0.5, rel=0.05)
    assert found["noise"] == pytest.approx(0, abs=0.05)


def test_shares_of_black_and_white(judge):
    x = np.arange(300)[None] + np.zeros((300, 1))
    fov = np.ones((300, 300), bool)
    fov[0, 0] = False  # a whole frame would be searched for a dark surround
    picture = np.where((x < 75)[..., None], 255, np.where((x > 224)[..., None], 3, 120)).astype(np.uint8)
    found = judge(np.repeat(picture, 3, axis=2), fov)
    # The border of the field of view, 2 % of its width wide, is left out of both.
    border = 0.02 * np.hypot(300, 300)
    assert found["bright_share"] == pytest.approx((75 - border) / (300 - 2 * border), abs=0.01)
    assert found["dark_share"] == pytest.approx((75 - border) / (300 - 2 * border), abs=0.01)


@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.5, 3.0])
def test_white_noise_is_measured_at_any_size(zoom, judge):
    side = round(512 * zoom)
    fov = np.hypot(*(np.mgrid[:side, :side] - (side - 1) / 2)) < side / 2
    picture = np.where(fov, np.random.default_rng(1).normal(120, 12, (side, side)), 0).astype(np.uint8)
    found = judge(picture, fov)["noise"].item()
    assert found == pytest.approx(12 / zoom, rel=0.05)


def test_noise_does_not_look_sharp(phantoms, degrading, judge):
    """The blur found in a noisy picture is the blur of the picture without noise."""
    image, fov = phantoms[1]["image"].values, phantoms[1]["fov"].values
    blurred = degrading.blurred(image, fov, 60)
    clean = judge(blurred, fov)["blur_width"].item()
    for sd in (4, 10):
        assert judge(degrading.noisy(blurred, fov, sd), fov)["blur_width"].item() == pytest.approx(clean, rel=0.15)


def test_motion_has_a_direction(phantoms, degrading, judge):
    for eye in phantoms[:1]:
        image, fov = eye["image"].values, eye["fov"].values
        still, moved = judge(image, fov), judge(degrading.moved(image, fov, 250), fov)
        assert still["blur_direction"] < 0.2 < moved["blur_direction"]


def test_jpeg_blocks_are_seen_wherever_the_frame_begins(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    hard = degrading.compressed(image, fov, 15)
    whole = judge(hard, fov)["blockiness"].item()
    assert whole > 4 * abs(judge(image, fov)["blockiness"].item()) + 0.5
    for shift in (3,):
        assert judge(hard[shift:, shift:], fov[shift:, shift:])["blockiness"].item() == pytest.approx(whole, rel=0.1)


def test_wavelet_shares_add_to_one_and_move_with_the_scale(phantoms, degrading, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    names = [f"wavelet_share_{level}" for level in range(1, 6)]
    sharp, blurred = judge(image, fov), judge(degrading.blurred(image, fov, 60), fov)
    for found in (sharp, blurred):
        assert sum(found[name].item() for name in names) == pytest.approx(1)
    assert blurred["wavelet_share_1"] < 0.3 * sharp["wavelet_share_1"]
    assert blurred["wavelet_share_5"] > sharp["wavelet_share_5"]


def test_sharpness_measures_fall_with_blur(phantoms, degrading, judge):
    image, fov = phantoms[1]["image"].values, phantoms[1]["fov"].values
    found = [judge(degrading.blurred(image, fov, um), fov) for um in (0, 25, 70)]
    for name in ("tenengrad", "laplacian_variance", "brenner", "fine_vessel_contrast", "vessel_contrast"):
        assert np.all(np.diff([each[name].item() for each in found]) < 0), name


def test_dark_lines_are_told_from_bright_ones(phantoms, judge):
    image, fov = phantoms[0]["image"].values, phantoms[0]["fov"].values
    negative = np.where(fov[..., None], 255 - image, 0).astype(np.uint8)
    assert judge(image, fov)["line_asymmetry"] > 1.2
    assert judge(negative, fov)["line_asymmetry"] < 0.9


def test_a_frame_has_one_size():
    sizes = set()
    for size in (256, 600, 1100):
        eye = phantom.eye(seed=0, size=size)
        frame = Frame.of(eye["image"].values, eye["fov"].values, eye.attrs["um_per_pixel"])
        assert frame.planes.shape[0] == 3
        assert frame.scale_known
        assert frame.um_per_pixel * frame.side_px == pytest.approx(eye.attrs["um_per_pixel"] * frame.width_px)
        sizes.add(frame.planes.shape[1] // 8)
    assert max(sizes) - min(sizes) <= 1


def test_the_table_lists_every_variable(phantoms):
    table = quality.features().set_index("name")
    found = quality.assess(phantoms[0])
    assert set(table.index) == set(found.data_vars) - {"score", "gradable", "reason", "aspect_score"}
    assert set(table["family"]) == set(quality.FAMILIES)
    assert (table[["units", "label", "definition", "source"]].map(len) > 0).all(axis=None)
    for name in table.index:
        assert found[name].ndim == 0
        assert found[name].attrs["units"] == table.loc[name, "units"]
        assert found[name].attrs["long_name"] == table.loc[name, "label"]
        assert np.isfinite(found[name]), name


def test_a_new_feature_becomes_a_variable(phantoms):
    @quality.feature("example", family="colour", label="Example", definition="One.", source="This test", units="1")
    def example(frame):
        return 1.0

    try:
        assert quality.assess(phantoms[0])["example"].item() == 1
    finally:
        registry.FEATURES.pop("example")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "noise"}, "'noise' is taken"),
        ({"name": "score"}, "'score' is taken"),
        ({"family": "magic"}, "family 'magic', wanted one of field, statistical"),
        ({"source": " "}, "has no source"),
    ],
)
def test_wrong_entries_are_refused(changes, words):
    entry = {"name": "other", "family": "colour", "label": "A", "definition": "B", "source": "C"} | changes
    with pytest.raises(EyeError, match=words):
        quality.feature(entry.pop("name"), **entry)


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_what_a_gradient_leaves_of_white_noise(sigma):
    """A Gaussian of scale s leaves 1 / (4 pi s**2) of the variance, correlated by exp(-d**2 / (4 s**2)) at d."""
    central = (1 - np.exp(-(2**2) / (4 * sigma**2))) / 2
    expected = central / (4 * np.pi * sigma**2)
    assert noise.gradient_of_noise(1.0, sigma) == pytest.approx(expected, rel=0.08)


def test_evidence_adds_up(phantoms):
    eye = phantoms[0]
    frame = Frame.of(eye["image"].values, eye["fov"].values)
    assert sum(likeness.evidence(frame)) == pytest.approx(quality.assess(eye)["fundus_evidence"].item())


@pytest.mark.benchmark
def test_time_per_photograph(benchmark):
    eye = new_eye(phantom.eye(seed=0, size=1500)["image"].values)
    benchmark(quality.assess, eye)
    assert benchmark.stats["median"] < 0.35
