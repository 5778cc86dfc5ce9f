"""Phantoms to be judged, made once."""

import importlib.util
from pathlib import Path

import pytest

from retina_tools import phantom, quality
from retina_tools.schema import new_eye


@pytest.fixture(scope="session")
def degrading():
    """Ways to make pictures worse."""
    spec = importlib.util.spec_from_file_location("degrading", Path(__file__).with_name("degrading.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def phantoms():
    """Two eyes of different seeds."""
    return [phantom.eye(seed=seed, size=600) for seed in range(2)]


@pytest.fixture(scope="session")
def judge():
    """Judge a picture; the field of view is found unless given."""

    def judged(image, fov=None, **more):
        return quality.assess(new_eye(image, fov=fov, **more))

    return judged
