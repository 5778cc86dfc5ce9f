"""The pins of pyproject, environment.yml and binder/ agree, and the running versions satisfy them."""

import importlib.metadata
import re
import stat
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# conda-forge calls torch's CPU build by another name.
CONDA_NAMES = {"pytorch-cpu": "torch"}


def split(requirement: str) -> tuple[str, str]:
    name, pin = re.match(r"([\w.-]+)\s*(.*)", requirement).groups()
    return CONDA_NAMES.get(name, name).lower().replace("_", "-"), pin.replace(" ", "")


def pins(requirements) -> dict[str, str]:
    return dict(map(split, requirements))


def environment(path: str) -> dict[str, str]:
    content = yaml.safe_load((ROOT / path).read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    found = []
    for entry in content["dependencies"]:
        found += entry["pip"] if isinstance(entry, dict) else [entry]
    assert len(found) == len({split(entry)[0] for entry in found}), "a package is named twice"
    return {name: pin for name, pin in pins(found).items() if name not in ("python", "pip")}


def test_environment_has_the_pins_of_the_project_with_lab_and_dev():
    assert environment("environment.yml") == pins(PROJECT["dependencies"] + EXTRAS["lab"] + EXTRAS["dev"])


def test_binder_has_the_same_pins_without_development_tools():
    assert environment("binder/environment.yml") == pins(PROJECT["dependencies"] + EXTRAS["lab"])


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_python_is_named_and_no_local_path_stops_the_cached_layer(path):
    text = (ROOT / path).read_text()
    assert re.search(r"^  - python=3\.11$", text, re.M)
    assert PROJECT["requires-python"] == ">=3.11"
    assert not re.search(r"^\s+- (-e |\.)", text, re.M)


def test_extras_are_those_of_the_design():
    assert set(EXTRAS) == {"lab", "dev", "dask", "oct", "hub", "onnx"}


def test_running_versions_satisfy_the_pins():
    for name, pin in pins(PROJECT["dependencies"] + EXTRAS["lab"] + EXTRAS["dev"]).items():
        version = importlib.metadata.version(name).split("+")[0]
        have = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
        for operator, bound in re.findall(r"(>=|<)([\d.]+)", pin):
            wanted = tuple(int(part) for part in bound.split("."))
            length = min(len(have), len(wanted))
            if operator == ">=":
                assert have[:length] >= wanted[:length], (name, version, pin)
            else:
                assert have[:length] < wanted[:length], (name, version, pin)


def test_torchvision_stays_out():
    installed = {(d.metadata["Name"] or "").lower() for d in importlib.metadata.distributions()}
    assert not installed & {"torchvision", "timm", "segmentation-models-pytorch"}


@pytest.mark.parametrize("name", ["binder/postBuild", "binder/start", ".ci/run"])
def test_scripts_are_executable_and_stop_at_errors(name):
    path = ROOT / name
    assert path.stat().st_mode & stat.S_IXUSR
    text = path.read_text()
    assert text.startswith("#!")
    assert "set -e" in text or 'exec "$@"' in text


def test_binder_start_hands_over_and_limits_threads():
    text = (ROOT / "binder/start").read_text()
    assert text.rstrip().endswith('exec "$@"')
    assert "OMP_NUM_THREADS=1" in text
    assert not (ROOT / ".binder").exists()


def test_continuous_integration_calls_the_readme_test_command():
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make demo" in (ROOT / "README.md").read_text()


def test_citation_names_version_and_licence_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == importlib.metadata.version("retina_tools")
    assert citation["license"] == PROJECT["license"] == "BSD-3-Clause"
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text()
