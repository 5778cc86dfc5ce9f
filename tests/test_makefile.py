"""The two commands: set up once, torch first, nothing again on a second run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout in which make only says what it would do."""
    for name in ("Makefile", "pyproject.toml", "tests/browser/install_chromium.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def would_run(checkout, target):
    done = subprocess.run(["make", "-n", target], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout


def set_up(checkout):
    """What a first run leaves behind."""
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("bin/python", ".lab-installed", ".dev-installed"):
        (checkout / ".venv" / name).touch()


def test_a_fresh_checkout_installs_torch_first_and_pinned(checkout):
    commands = would_run(checkout, "demo")
    assert "-m venv" in commands
    assert 0 < commands.index("torch==2.13.0") < commands.index(".[lab]") < commands.index("nbconvert")
    assert ".[lab,dev]" not in commands


def test_a_second_run_does_no_set_up(checkout):
    set_up(checkout)
    for target in ("demo", "lab", "test"):
        commands = would_run(checkout, target)
        assert " pip " not in commands, target
        assert "-m venv" not in commands, target
        assert "install_chromium" not in commands, target


def test_changed_pins_are_installed(checkout):
    set_up(checkout)
    later = (checkout / ".venv/.lab-installed").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (later, later))
    assert ".[lab]" in would_run(checkout, "demo")


def test_tests_cover_style_types_layers_tests_and_notebooks(checkout):
    set_up(checkout)
    commands = would_run(checkout, "test")
    for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports", "-m pytest", "--nbval-lax"):
        assert tool in commands
    assert "RETINA_REQUIRE_BROWSER=1" in commands


def test_the_demo_says_where_the_results_are_and_what_comes_next(checkout):
    set_up(checkout)
    commands = would_run(checkout, "demo")
    for said in ("quickstart.html", "biomarkers.parquet", "associations.csv", "make lab"):
        assert said in commands


def test_an_old_python_is_refused_in_words(checkout, tmp_path):
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\necho "Python 3.11 or newer is needed" >&2\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(["make", "demo", f"PYTHON={old}"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "3.11" in done.stderr
