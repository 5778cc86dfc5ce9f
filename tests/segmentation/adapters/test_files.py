"""Files: where they are found, what is refused and without harm, and what is said of those that do not fit."""

import builtins
import io
import os
import pickle
import sys
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file

from retina_tools.schema import EyeError
from retina_tools.segmentation import adapters
from retina_tools.segmentation.adapters import files


class Malicious:
    """An object that makes a file when it is unpickled; it might as well delete one."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.fixture
def vessels(formats, tmp_path):
    """A W-Net's state dict and its file."""
    state = formats.random_state(formats.wnet(1))
    path = tmp_path / "model_checkpoint.pth"
    torch.save({"model_state_dict": state}, path)
    return state, path


LOADERS = {
    "lwnet": {},
    "automorph_disc": {},
    "rrwnet": {"trained_on": "rite", "accept_licence": True},
    "fundusegmenter": {"accept_licence": True},
    "retsam": {"accept_licence": True},
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("name", ["weights.pth", "weights.ckpt", "weights.pt", "weights.bin"])
def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(tmp_path, kind, name):
    target, path = tmp_path / "harm", tmp_path / name
    torch.save({"state_dict": {"weight": torch.zeros(2)}, "hyper_parameters": Malicious(target)}, path)
    with pytest.raises(EyeError, match=r"refused.*\(it asks for \w+\.mkdir\).*safetensors") as caught:
        adapters.load_adapter(kind, path, **LOADERS[kind])
    assert not target.exists(), "the object in the file was run"
    # The proof bites: the object does harm wherever it is unpickled.
    pickle.loads(pickle.dumps(Malicious(target)))
    assert target.is_dir()
    assert "python -c" in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_bare_pickle_is_refused_too(tmp_path, protocol):
    target, path = tmp_path / "harm", tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Malicious(target), protocol=protocol))
    with pytest.raises(EyeError, match="refused"):
        files.read_weights(path)
    assert not target.exists()


def test_a_malicious_pickle_by_another_name_is_no_safetensors(tmp_path):
    target, path = tmp_path / "harm", tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Malicious(target)))
    with pytest.raises(EyeError, match="no safetensors file"):
        files.read_weights(path)
    assert not target.exists()


def test_the_line_that_converts_gives_what_is_then_loaded(formats, tmp_path, monkeypatch):
    import argparse

    state = formats.random_state(formats.wnet(1))
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": state, "hyper_parameters": argparse.Namespace(size=512)}, path)
    with pytest.raises(EyeError, match=r"argparse\.Namespace") as caught:
        adapters.lwnet(path)
    line = str(caught.value).split('python -c "')[1].removesuffix('"')
    monkeypatch.chdir(tmp_path)
    exec(line, {})
    written = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(written[key], value) for key, value in state.items())
    assert adapters.lwnet(tmp_path / "model.safetensors").card.structures == ("vessel",)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no checkpoint"), (b"GIF89a", "no checkpoint"), (b"PK\x03\x04cut", "cannot be read")],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content, said):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(EyeError, match=said):
        files.read_weights(path)


def test_a_cut_checkpoint_is_refused(vessels):
    _, path = vessels
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(EyeError, match="cannot be read as a checkpoint"):
        adapters.lwnet(path)


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], {"model_state_dict": {}}])
def test_a_file_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(EyeError, match="holds no weights"):
        files.read_weights(tmp_path / "weights.pth")


def test_missing_unexpected_and_misshapen_keys_are_named(vessels):
    state, path = vessels
    del state["unet2.final.bias"], state["unet1.up_path.0.conv_layer.block.0.weight"]
    state["unet3.extra"] = torch.zeros(2)
    state["unet2.final.weight"] = torch.zeros(1, 9, 1, 1)
    torch.save(state, path)
    with pytest.raises(EyeError) as caught:
        adapters.lwnet(path)
    said = str(caught.value)
    assert "2 missing: unet1.up_path.0.conv_layer.block.0.weight, unet2.final.bias" in said
    assert "1 unexpected: unet3.extra" in said
    assert "1 of another shape: unet2.final.weight is (1, 9, 1, 1), wanted (1, 8, 1, 1)" in said
    assert str(path) in said


def test_only_the_first_few_keys_are_named(vessels):
    state, path = vessels
    torch.save({key: value for key, value in state.items() if "up_path" not in key}, path)
    with pytest.raises(EyeError, match=r"\d{2,} missing: ") as caught:
        adapters.lwnet(path)
    assert str(caught.value).count("up_path") == 3
    assert " ..." in str(caught.value)


@pytest.mark.parametrize("kind", LOADERS)
def test_another_models_checkpoint_is_refused(formats, tmp_path, kind):
    path = tmp_path / "weights.safetensors"
    save_file({"encoder.weight": torch.zeros(3)}, path)
    with pytest.raises(EyeError, match=r"no checkpoint of .*its first keys are encoder\.weight"):
        adapters.load_adapter(kind, path, **LOADERS[kind])


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("lwnet", "unet1.first.block.0.weight"),
        ("rrwnet", "first_u.conv1.conv1.weight"),
        ("fundusegmenter", "encoder.pos_embed"),
        ("retsam", "swinViT.patch_embed.proj.weight"),
    ],
)
def test_a_key_with_other_axes_is_named(tmp_path, kind, key):
    path = tmp_path / "weights.safetensors"
    save_file({key: torch.zeros(3, 4, 5, 6, 7)}, path)
    with pytest.raises(EyeError, match=rf"{key} is \(3, 4, 5, 6, 7\), wanted \d axes"):
        adapters.load_adapter(kind, path, **LOADERS[kind])


def test_two_names_of_one_tensor_have_to_agree(formats, tmp_path):
    state = formats.random_state(formats.rrwnet(4))
    state["second_u.conv2.conv_block.0.weight"] = state["second_u.conv2.conv_block.0.weight"] + 1
    torch.save(state, tmp_path / "rrwnet_RITE_1.pth")
    with pytest.raises(EyeError, match=r"1 unequal: second_u\.conv2\.conv_block\.0\.weight and second_u"):
        adapters.rrwnet(tmp_path / "rrwnet_RITE_1.pth", accept_licence=True)


def test_retsam_with_the_heads_of_its_private_version_is_refused(formats, tmp_path):
    keys = formats.retsam(width=8, heads=(1, 2, 4, 8), depths=(1, 1, 1, 1), window=4, outputs=(2, 3, 2, 4, 6))
    save_file(formats.random_state(keys), tmp_path / "retsam.safetensors")
    with pytest.raises(EyeError, match=r"heads of \(2, 3, 2, 4, 6\) channels, wanted .*\(2, 3, 2, 4, 5\)"):
        adapters.retsam(tmp_path / "retsam.safetensors", accept_licence=True)


def test_vessels_and_discs_are_told_apart(formats, tmp_path, vessels):
    _, path = vessels
    with pytest.raises(EyeError, match=r"1 output channels, wanted 3.*adapters\.lwnet"):
        adapters.automorph_disc(path)
    save_file(formats.random_state(formats.wnet(3)), tmp_path / "disc.safetensors")
    with pytest.raises(EyeError, match=r"3 output channels, wanted 1.*adapters\.automorph_disc"):
        adapters.lwnet(tmp_path / "disc.safetensors")
    with pytest.raises(EyeError, match="no files"):
        adapters.automorph_disc([])


def test_rrwnet_does_not_guess_its_resolution(formats, tmp_path):
    path = tmp_path / "favourite.safetensors"
    save_file(formats.without_second_names(formats.random_state(formats.rrwnet(4))), path)
    with pytest.raises(EyeError, match="trained_on='rite' or 'hrf'"):
        adapters.rrwnet(path, accept_licence=True)
    with pytest.raises(EyeError, match="'drive'"):
        adapters.rrwnet(path, accept_licence=True, trained_on="drive")
    assert adapters.rrwnet(path, accept_licence=True, trained_on="hrf").card.size_px == 953
    assert adapters.rrwnet(path.rename(tmp_path / "rrwnet_RITE_1.safetensors"), accept_licence=True).card.size_px == 540


def test_rrwnets_refinement_of_other_drawings_is_no_segmenter(tmp_path):
    with pytest.raises(EyeError, match="draws none from photographs"):
        adapters.rrwnet(tmp_path / "rrwnet_RITE_refinement.pth", accept_licence=True)


@pytest.mark.parametrize("size_px", [0, 64, 600])
def test_retsam_takes_only_sizes_its_levels_fit(tmp_path, size_px):
    with pytest.raises(EyeError, match="multiple of 64"):
        adapters.retsam(tmp_path / "x.ckpt", size_px=size_px, accept_licence=True)


def test_a_folder_with_one_weight_file_is_enough(vessels, tmp_path):
    _, path = vessels
    (tmp_path / "config.cfg").write_text("{}")
    assert adapters.lwnet(tmp_path).card.files == {path.name: files.digest(path)}
    (tmp_path / "other.pth").write_bytes(b"")
    with pytest.raises(EyeError, match=r"2 weight files \(model_checkpoint\.pth, other\.pth\)"):
        adapters.lwnet(tmp_path)


@pytest.mark.parametrize("name", ["nowhere.pth", "some/where.safetensors", "a b/c", "/nowhere/at/all"])
def test_what_is_nowhere_is_said_to_be(name):
    with pytest.raises(EyeError, match="There is no file"):
        adapters.lwnet(name)


def test_a_hub_id_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(EyeError, match=r"pip install 'retina_tools\[hub\]'"):
        adapters.rrwnet("j-morano/rrwnet-rite", accept_licence=True)


@pytest.fixture
def hub(monkeypatch):
    """A hub that notes what is asked of it, and gives a file or raises."""
    asked, answer = [], []

    def hf_hub_download(repo, file, revision=None):
        asked.append((repo, file, revision))
        if isinstance(answer[0], Exception):
            raise answer[0]
        return str(answer[0])

    module = ModuleType("huggingface_hub")
    module.hf_hub_download = hf_hub_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return asked, answer


def test_a_hub_id_asks_for_the_usual_file_or_for_another(hub, formats, tmp_path):
    asked, answer = hub
    save_file(formats.without_second_names(formats.random_state(formats.rrwnet(4))), tmp_path / "model.safetensors")
    answer.append(tmp_path / "model.safetensors")
    segmenter = adapters.rrwnet("j-morano/rrwnet-hrf", accept_licence=True)
    assert segmenter.card.size_px == 953
    adapters.rrwnet("j-morano/rrwnet-rite@v1:weights/rite.safetensors", accept_licence=True)
    assert asked == [
        ("j-morano/rrwnet-hrf", "model.safetensors", None),
        ("j-morano/rrwnet-rite", "weights/rite.safetensors", "v1"),
    ]


def test_what_the_hub_says_is_passed_on(hub):
    asked, answer = hub
    answer.append(OSError("404: no such repository\nand a page of text"))
    with pytest.raises(EyeError, match=r"could not be fetched .*404: no such repository Check the name") as caught:
        adapters.retsam(accept_licence=True)
    assert "page of text" not in str(caught.value)
    assert asked == [("JerryWzh/RetSAM_public", "retsam_v1_for_public.ckpt", None)]


@pytest.mark.parametrize("kind", [*LOADERS, "torchscript"])
def test_without_torch_one_sentence_says_so(monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EyeError, match="needs PyTorch"):
        adapters.load_adapter(kind, "weights.pth", **LOADERS.get(kind, {}))


def test_unknown_kinds_options_and_devices_are_refused(vessels):
    _, path = vessels
    with pytest.raises(EyeError, match="'unet', wanted one of lwnet, automorph_disc, rrwnet"):
        adapters.load_adapter("unet", path)
    with pytest.raises(EyeError, match="no option 'accept_licence'; it has size_px, data, device"):
        adapters.load_adapter("lwnet", path, accept_licence=True)
    with pytest.raises(EyeError, match="device is 'abacus'"):
        adapters.lwnet(path, device="abacus")


def test_loading_reads_nothing_but_the_file(vessels, monkeypatch):
    """No network, no settings: a permissive licence asks nothing of the user."""
    _, path = vessels
    opened = []
    real = io.open

    def noted(file, mode="r", *arguments, **options):
        if "w" in mode or "a" in mode or "x" in mode:
            opened.append(file)
        return real(file, mode, *arguments, **options)

    monkeypatch.setattr(builtins, "open", noted)
    adapters.lwnet(path)
    assert opened == []
