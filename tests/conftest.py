"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real eyes; tests that need it are skipped where it is absent.

    ``RETINA_TEST_DATA`` names it, otherwise ``../shared/data`` beside the checkout is looked for.
    """
    folder = Path(os.environ.get("RETINA_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "manifest.csv").is_file():
        pytest.skip("no real data here; set RETINA_TEST_DATA to a folder that has them")
    return folder
