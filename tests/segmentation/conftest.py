"""Synthetic photographs that several tests of the segmentation look at."""

import pytest

from retina_tools import phantom


@pytest.fixture(scope="session")
def drawn_eyes():
    """Three photographs with exact masks, one of them a left eye."""
    return [
        phantom.eye(seed=3, size=512),
        phantom.eye(seed=5, size=512),
        phantom.eye(seed=2, size=512, laterality="OS"),
    ]
