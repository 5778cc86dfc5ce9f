"""Small networks: their shapes, what they are shown, how they are stored and asked."""

import json

import numpy as np
import pytest
import torch

from retina_tools import phantom, schema
from retina_tools.schema import EyeError
from retina_tools.segmentation.frame import Frame
from retina_tools.segmentation.networks.build import build_network
from retina_tools.segmentation.networks.card import ModelCard, read_card
from retina_tools.segmentation.networks.inputs import network_input
from retina_tools.segmentation.networks.predict import predict
from retina_tools.segmentation.networks.store import load_network, save_network, shipped_models, weight_file
from retina_tools.segmentation.vessel_features import inner_field

CASCADE = {"kind": "cascade", "coarse": [4, 8], "fine": [4, 4]}


def a_card(name="tiny", structures=("vessel",), network=CASCADE, kind="contrast"):
    return ModelCard(
        name=name,
        title="a network for tests",
        structures=structures,
        frame_px=128,
        input=kind,
        view="field",
        network=network,
        thresholds=dict.fromkeys(structures, 0.5),
        data=({"name": "phantom", "eyes": 1, "licence": "BSD-3-Clause", "citation": "synthetic"},),
        licence="BSD-3-Clause",
        commercial_use=True,
    )


@pytest.fixture(scope="module")
def eye():
    return schema.without_masks(phantom.eye(seed=4, size=160))


@pytest.fixture
def tiny(tmp_path):
    torch.manual_seed(1)
    return save_network(a_card(), build_network(CASCADE, "contrast", 1), tmp_path)


@pytest.mark.parametrize(
    ("description", "outputs"),
    [
        ({"kind": "unet", "widths": [4, 8, 8]}, 1),
        (CASCADE, 3),
        ({"kind": "recursive", "widths": [4, 8], "refiner": [4, 8], "rounds": 2}, 2),
    ],
)
def test_every_network_gives_a_logit_per_structure_and_pixel(description, outputs):
    network = build_network(description, "contrast", outputs).eval()
    side = 3 * network.multiple
    assert network(torch.zeros(2, 3, side, side + network.multiple)).shape == (
        2,
        outputs,
        side,
        side + network.multiple,
    )


def test_a_refiner_of_no_effect_leaves_the_first_look():
    network = build_network({"kind": "recursive", "widths": [4], "refiner": [4], "rounds": 3}, "contrast", 2).eval()
    torch.nn.init.zeros_(network.refiner.head.weight)
    torch.nn.init.zeros_(network.refiner.head.bias)
    planes = torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(network(planes), network.first(planes))


@pytest.mark.parametrize(
    ("description", "said"),
    [({"kind": "transformer"}, "'transformer', wanted one of unet"), ({"kind": "unet"}, "cannot be built")],
)
def test_networks_that_do_not_exist_are_refused(description, said):
    with pytest.raises(EyeError, match=said):
        build_network(description, "contrast", 1)


def test_exposure_does_not_change_the_contrast_a_network_sees(eye):
    dark = eye.copy(deep=True)
    dark["image"].values = np.rint(eye["image"].values * 0.6).astype(np.uint8)
    given, darker = (network_input(Frame.of(one, diameter_px=128), "contrast") for one in (eye, dark))
    # What remains is the rounding of the darker picture to whole grey values.
    assert np.abs(given[:2] - darker[:2]).mean() < 0.1 * np.abs(given[:2]).mean()


def test_gain_and_offset_of_a_channel_do_not_change_the_colours_a_network_sees(eye):
    frame = Frame.of(eye, diameter_px=128)
    changed = Frame(frame.image * np.float32([0.5, 0.8, 1.1]) + 0.1, frame.fov, frame.circle, 1.0, frame.native_shape)
    # Blue of this eye is so even that it is not stretched to the full spread.
    given, other = (network_input(each, "colour")[:2] for each in (frame, changed))
    np.testing.assert_allclose(given, other, atol=1e-3)


@pytest.mark.parametrize("kind", ["contrast", "colour"])
def test_a_mirrored_eye_shows_mirrored_planes(eye, kind):
    frame = Frame.of(eye, diameter_px=128)
    mirrored = Frame(frame.image[:, ::-1], frame.fov[:, ::-1], frame.circle, 1.0, frame.native_shape)
    np.testing.assert_allclose(network_input(mirrored, kind), network_input(frame, kind)[..., ::-1], atol=1e-4)


def test_nothing_is_shown_outside_the_field(eye):
    frame = Frame.of(eye, diameter_px=128)
    assert not network_input(frame, "contrast")[:, ~inner_field(frame)].any()


def test_weights_come_back_as_they_were(tiny):
    torch.manual_seed(1)
    network = build_network(CASCADE, "contrast", 1)
    card, loaded = load_network(tiny)
    assert card == read_card(tiny.with_suffix(".json"))
    for key, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-3)


def test_a_changed_weight_file_is_noticed(tiny):
    content = bytearray(tiny.read_bytes())
    content[-1] ^= 1
    tiny.write_bytes(content)
    with pytest.raises(EyeError, match="sha256 differs"):
        load_network(tiny)


def test_weights_of_another_network_are_refused_by_name_of_key(tiny):
    card = json.loads(tiny.with_suffix(".json").read_text())
    card["network"] = {"kind": "unet", "widths": [4, 8]}
    tiny.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(EyeError, match=r"does not fit .* keys are missing.*'coarse.down"):
        load_network(tiny)


def test_what_is_no_weight_file_is_refused(tmp_path, tiny):
    with pytest.raises(EyeError, match=r"There is no model 'cornea'; wanted a .safetensors file or one of"):
        weight_file("cornea")
    with pytest.raises(EyeError, match="no weight file"):
        weight_file(tmp_path / "absent.safetensors")
    card = json.loads(tiny.with_suffix(".json").read_text()) | {"sha256": ""}
    tiny.with_suffix(".json").write_text(json.dumps(card))
    tiny.write_bytes(b"a picture of a cat")
    with pytest.raises(EyeError, match="no safetensors file"):
        load_network(tiny)
    tiny.with_suffix(".json").unlink()
    with pytest.raises(EyeError, match="no model card"):
        load_network(tiny)


def test_probabilities_lie_between_zero_and_one_inside_the_field(eye, tiny):
    found = predict(eye, [tiny]).probability["vessel"]
    assert found.shape == eye["fov"].shape
    assert 0 <= found.min() <= found.max() <= 1
    assert found.max() > 0
    assert not found[~eye["fov"].values].any()


def test_four_views_of_a_mirrored_eye_say_the_mirrored_same(eye, tiny):
    mirrored = schema.new_eye(eye["image"].values[:, ::-1], fov=eye["fov"].values[:, ::-1])
    plain = schema.new_eye(eye["image"].values, fov=eye["fov"].values)
    one, other = (predict(each, [tiny], views=4) for each in (plain, mirrored))
    np.testing.assert_allclose(one.probability["vessel"], other.probability["vessel"][:, ::-1], atol=2e-3)
    assert one.spread["vessel"].max() > 0


def test_members_that_agree_have_no_spread(eye, tiny):
    twice = predict(eye, [tiny, tiny])
    np.testing.assert_allclose(twice.probability["vessel"], predict(eye, [tiny]).probability["vessel"], atol=1e-6)
    assert twice.spread["vessel"].max() < 1e-6


def test_tiles_say_what_the_whole_says(tmp_path):
    big = schema.without_masks(phantom.eye(seed=4, size=448))
    network = {"kind": "unet", "widths": [4, 8]}
    path = save_network(
        ModelCard(**{**vars(a_card(network=network)), "frame_px": 448}), build_network(network, "contrast", 1), tmp_path
    )
    whole, tiled = (predict(big, [path], memory_mb=memory).probability["vessel"] for memory in (800, 25))
    # A tile lacks its neighbours' planes at its seam only, where the overlap's weights are small.
    assert np.abs(whole - tiled).max() < 0.05
    assert np.abs(whole - tiled).mean() < 1e-3


def test_ensembles_draw_the_same_and_views_are_few(eye, tiny, tmp_path):
    other = save_network(a_card("pair", ("artery", "vein")), build_network(CASCADE, "contrast", 2), tmp_path / "other")
    with pytest.raises(EyeError, match="pair draws artery, vein and tiny draws vessel"):
        predict(eye, [tiny, other])
    with pytest.raises(EyeError, match="views is 3, wanted 1, 2 or 4"):
        predict(eye, [tiny], views=3)
    with pytest.raises(EyeError, match="no image"):
        predict(schema.new_eye(masks={"vessel": np.zeros((64, 64), bool)}), [tiny])


def test_all_shipped_weights_fit_their_cards_and_are_small():
    shipped = shipped_models()
    for name in shipped.index:
        card, network = load_network(name)
        assert card.sha256
        assert set(card.thresholds) == set(card.structures)
        assert not network.training
    assert shipped["megabytes"].sum() < 25
