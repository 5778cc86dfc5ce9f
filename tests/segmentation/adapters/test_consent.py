"""Noncommercial licences are shown, accepted once, remembered for that user and that model alone."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import save_file

from retina_tools.schema import EyeError
from retina_tools.segmentation import adapters
from retina_tools.segmentation.adapters import cards, consent


@pytest.fixture
def rrwnet_file(formats, tmp_path):
    path = tmp_path / "rrwnet_RITE_1.safetensors"
    save_file(formats.without_second_names(formats.random_state(formats.rrwnet(4))), path)
    return path


def test_a_noncommercial_licence_is_shown_and_nothing_loaded_without_consent(rrwnet_file, settings_folder):
    with pytest.raises(EyeError, match=r"CC-BY-NC-4\.0 \(https://creativecommons.*accept_licence=True"):
        adapters.rrwnet(rrwnet_file)
    assert not settings_folder.exists()


def test_consent_is_given_once_and_remembered(rrwnet_file, settings_folder):
    adapters.rrwnet(rrwnet_file, accept_licence=True)
    assert json.loads((settings_folder / "accepted_licences.json").read_text()) == {"RRWNet": "CC-BY-NC-4.0"}
    assert adapters.rrwnet(rrwnet_file).card.licence == cards.CC_BY_NC


@pytest.mark.parametrize(
    ("load", "licence"), [(adapters.fundusegmenter, "CC-BY-NC-4.0"), (adapters.retsam, "PolyForm-Noncommercial-1.0.0")]
)
def test_consent_to_one_model_is_none_to_another(rrwnet_file, load, licence):
    adapters.rrwnet(rrwnet_file, accept_licence=True)
    with pytest.raises(EyeError, match=licence):
        load(rrwnet_file)


def test_consent_to_other_terms_does_not_count():
    consent.require_consent("a model", cards.CC_BY_NC, accept=True)
    with pytest.raises(EyeError, match="PolyForm"):
        consent.require_consent("a model", cards.POLYFORM, accept=False)


def test_permissive_licences_ask_nothing(settings_folder):
    for licence in (cards.MIT, cards.APACHE, cards.UNSTATED):
        consent.require_consent("a model", licence, accept=False)
        consent.require_consent("a model", licence, accept=True)
    assert not settings_folder.exists()


@pytest.mark.parametrize("content", ["no json", "[]", "3"])
def test_unreadable_settings_are_said_and_not_overwritten(settings_folder, content):
    settings_folder.mkdir()
    file = settings_folder / "accepted_licences.json"
    file.write_text(content)
    with pytest.raises(EyeError, match="cannot be read; delete that file"):
        consent.require_consent("a model", cards.CC_BY_NC, accept=True)
    assert file.read_text() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RETINA_CONFIG", str(tmp_path / "file" / "below"))
    with pytest.raises(EyeError, match=r"cannot be re(ad|membered)"):
        consent.require_consent("a model", cards.CC_BY_NC, accept=True)


@pytest.mark.parametrize(
    ("platform", "variables", "end"),
    [
        ("linux", {"XDG_CONFIG_HOME": "/somewhere"}, "/somewhere/retina_tools"),
        ("linux", {"HOME": "/home/ada"}, "/home/ada/.config/retina_tools"),
        ("darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Application Support/retina_tools"),
        ("win32", {"APPDATA": "/ada/Roaming"}, "/ada/Roaming/retina_tools"),
    ],
)
def test_settings_lie_where_the_platform_keeps_them(monkeypatch, platform, variables, end):
    for name in ("RETINA_CONFIG", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert consent.config_folder().as_posix() == end


def test_importing_makes_no_folder_and_imports_no_heavy_library(settings_folder):
    code = (
        "import sys, retina_tools.segmentation.adapters as a; a.KINDS; "
        "print([n for n in ('torch', 'monai', 'onnxruntime', 'huggingface_hub', 'safetensors') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert not settings_folder.exists()


def test_a_card_tells_what_has_to_be_known(rrwnet_file):
    text = str(adapters.rrwnet(rrwnet_file, accept_licence=True).card)
    for part in (
        "RRWNet: Arteries and veins",
        "draws      artery, vein, vessel",
        "540 x 540 px",
        "RITE",
        "CC-BY-NC-4.0",
        "rrwnet_RITE_1.safetensors, sha256 ",
        "Morano",
    ):
        assert part in text
