"""The chain with networks: who draws what, what is said of it, and what happens where there are none."""

import importlib.util

import numpy as np
import pytest
import torch

from retina_tools import phantom
from retina_tools.schema import EyeError, get_mask, get_probability, new_eye, validate, without_masks
from retina_tools.segmentation import STRUCTURES, segment, trained
from retina_tools.segmentation.networks import store
from retina_tools.segmentation.networks.build import build_network
from retina_tools.segmentation.networks.card import ModelCard

LESIONS = {"microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot"}


def card(name, structures, kind):
    return ModelCard(
        name=name,
        title="a network for tests",
        structures=structures,
        frame_px=192,
        input=kind,
        view="field",
        network={"kind": "unet", "widths": [4, 4]},
        thresholds=dict.fromkeys(structures, 0.5),
        data=({"name": "phantom", "eyes": 1, "licence": "BSD-3-Clause", "citation": "synthetic"},),
        licence="BSD-3-Clause",
        commercial_use=True,
    )


def dark_is_vessel():
    """A network that needs no training: what is darker in green than its surroundings is vessel."""
    network = build_network({"kind": "unet", "widths": [4, 4]}, "contrast", 1)
    for part in network.parameters():
        torch.nn.init.zeros_(part)
    first, _, _, second, *_ = network.down[0]
    with torch.no_grad():
        first.weight[0, 1, 1, 1] = -1  # minus green, rectified
        second.weight[0, 0, 1, 1] = 1
        for block in (network.down[0], network.up[0]):
            for layer in block:
                if isinstance(layer, torch.nn.BatchNorm2d):
                    layer.weight.fill_(1)
        up_first, _, _, up_second, *_ = network.up[0]
        up_first.weight[0, 0, 1, 1] = up_second.weight[0, 0, 1, 1] = 1
        network.head.weight[0, 0] = 4
        network.head.bias[0] = -1.5
    return network


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder of shipped weights of our own making."""
    torch.manual_seed(0)
    store.save_network(card("vessels", ("vessel",), "contrast"), dark_is_vessel(), tmp_path)
    kinds = build_network({"kind": "unet", "widths": [4, 4]}, "contrast_vessel", 2)
    store.save_network(card("artery_vein", ("artery", "vein"), "contrast_vessel"), kinds, tmp_path)
    lesions = build_network({"kind": "unet", "widths": [4, 4]}, "contrast", 4)
    store.save_network(card("lesions", tuple(trained.MODELS)[3:], "contrast"), lesions, tmp_path)
    for module in (trained, store):
        monkeypatch.setattr(module, "weight_folder", lambda: tmp_path)
    store.load_network.cache_clear()
    yield tmp_path
    store.load_network.cache_clear()


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(seed=3, size=320)


def test_networks_draw_what_they_can_and_the_rest_is_classical(weights, eye):
    found = validate(segment(without_masks(eye)))
    assert set(found["structure"].values) == set(STRUCTURES) - {"fovea"}
    said = found.attrs["provenance"][-1]
    for part in ("vessels by the network 'vessels'", "veins by the network 'artery_vein'", "lesions by the network"):
        assert part in said
    assert "optic disc found" in said


def test_the_mask_is_where_the_network_says_so(weights, eye):
    found = segment(without_masks(eye), "vessel")
    mask, probability = get_mask(found, "vessel"), get_probability(found, "vessel")
    assert mask.any()
    assert probability[mask].min() >= 0.499
    truth = get_mask(eye, "vessel")
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.6


def test_arteries_and_veins_share_the_vessels_out(weights, eye):
    found = segment(without_masks(eye), ["vessel", "artery", "vein"])
    vessel, artery, vein = (get_mask(found, name) for name in ("vessel", "artery", "vein"))
    assert not (artery & vein).any()
    np.testing.assert_array_equal(artery | vein, vessel)


def test_each_structure_asked_for_alone_comes_alone(weights, eye):
    for name in sorted(LESIONS):
        assert segment(without_masks(eye), name)["structure"].values.tolist() == [name]


def test_a_model_that_is_missing_is_replaced_by_the_classical_method_or_left_out(weights, eye):
    (weights / "artery_vein.safetensors").unlink()
    (weights / "lesions.safetensors").unlink()
    found = segment(without_masks(eye))
    assert "veins by colour along the tree (baseline)" in found.attrs["provenance"][-1]
    assert not LESIONS & set(found["structure"].values)
    with pytest.raises(EyeError, match="'haemorrhage' is drawn by a network; it needs torch, the shipped weights"):
        segment(without_masks(eye), "haemorrhage")
    with pytest.raises(EyeError, match="'artery' is drawn by a network"):
        segment(without_masks(eye), "artery", method="networks")


def test_without_torch_the_classical_methods_draw_and_say_so(weights, eye, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.warns(UserWarning, match="torch is not installed, so classical methods draw"):
        found = segment(without_masks(eye))
    assert "vessels by line filters" in found.attrs["provenance"][-1]
    assert "torch is not installed" in found.attrs["provenance"][-1]


def test_the_classical_method_can_be_asked_for_and_has_no_lesions(weights, eye):
    found = segment(without_masks(eye), method="classical")
    assert "vessels by line filters" in found.attrs["provenance"][-1]
    with pytest.raises(EyeError, match="'haemorrhage' is drawn by a network"):
        segment(without_masks(eye), "haemorrhage", method="classical")
    with pytest.raises(EyeError, match="method is 'magic', wanted one of auto, networks, classical"):
        segment(without_masks(eye), method="magic")


def test_nothing_is_drawn_on_nothing(weights):
    black = new_eye(np.zeros((200, 200, 3), np.uint8))
    found = segment(black)
    assert not found["mask"].values.any()
    tiny = new_eye(np.full((20, 20, 3), 90, np.uint8))
    assert not segment(tiny)["mask"].values.any()
