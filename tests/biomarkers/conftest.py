"""Other views of the same eye, and its numbers by flat name."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from retina_tools import biomarkers
from retina_tools.schema import get_landmark, new_eye


def rebuilt(eye, mask_of, point_of, laterality, um_factor=1.0):
    """The same eye with its masks and fovea moved."""
    fovea = get_landmark(eye, "fovea")
    return new_eye(
        masks={str(name): mask_of(eye.mask.sel(structure=name).values) for name in eye.structure.values},
        fov=mask_of(eye.fov.values) if "fov" in eye else None,
        landmarks={"fovea": None if fovea is None else point_of(fovea, (eye.sizes["y"], eye.sizes["x"]))},
        laterality=laterality,
        um_per_pixel=eye.attrs["um_per_pixel"] * um_factor,
        scale_source=eye.attrs["scale_source"],
    )


def mirrored(eye):
    """As the other eye of the pair."""
    other = {"OD": "OS", "OS": "OD", "": ""}[str(eye.laterality.item())]
    return rebuilt(eye, lambda m: np.ascontiguousarray(m[:, ::-1]), lambda p, s: (p[0], s[1] - 1 - p[1]), other)


def turned(eye):
    """A quarter counter-clockwise; there is no left and right eye any more."""
    return rebuilt(eye, lambda m: np.ascontiguousarray(np.rot90(m)), lambda p, s: (s[1] - 1 - p[1], p[0]), "")


def resampled(eye, factor):
    """In more or fewer pixels."""

    def mask_of(mask):
        size = (round(mask.shape[1] * factor), round(mask.shape[0] * factor))
        return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BICUBIC)) > 127

    def point_of(point, _):
        return tuple((value + 0.5) * factor - 0.5 for value in point)

    return rebuilt(eye, mask_of, point_of, str(eye.laterality.item()), 1 / factor)


@pytest.fixture(scope="session")
def views():
    """Ways to see an eye again: mirrored, turned, resampled."""
    return SimpleNamespace(mirrored=mirrored, turned=turned, resampled=resampled)


@pytest.fixture(scope="session")
def numbers():
    """Values of an eye as a Series by flat name, those that need not be named left out."""

    def numbers_of(eye, names, *, status=False):
        found = biomarkers.to_table(biomarkers.measure(eye, names), status=status).iloc[0]
        found = found.drop(["image_id", "patient_id", "laterality"])
        return found if status else found.astype(float)

    return numbers_of


@pytest.fixture(scope="session")
def statuses(numbers):
    """Statuses as words by flat name; a value is there exactly where it is ok, and nothing breaks down."""

    def statuses_of(eye, names):
        found = numbers(eye, names, status=True)
        words = {}
        for name in found.index:
            variable, dot, rest = str(name).partition(".")
            flag = found.get(f"{variable}_status{dot}{rest}")
            if flag is not None:
                assert (flag == "ok") == bool(np.isfinite(found[name])), name
                assert flag != "failed", name
                words[str(name)] = flag
        return words

    return statuses_of
