"""How long the vessels of an eye take, and what they need; opt in with ``-m benchmark --benchmark-enable``."""

import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from retina_tools import biomarkers, datasets, phantom
from retina_tools.schema import new_eye

pytestmark = pytest.mark.benchmark

SECONDS_PER_EYE = 0.6
FIRST_CALL_SECONDS = 3.0
PEAK_MB = 700


def real_eyes(folder, width, count):
    """Arteries and veins of HRF at a width, with a disc where the picture is brightest."""
    made = []
    for eye in datasets.hrf(folder).select(slice(0, 3 * count, 3)):
        factor = width / eye.sizes["x"]
        size = (width, round(eye.sizes["y"] * factor))

        def resized(mask, size=size):
            return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BICUBIC)) > 127

        bright = ndimage.gaussian_filter(eye.image.values.sum(axis=-1, dtype=float), 0.012 * eye.sizes["x"])
        bright[~eye.fov.values] = 0
        y, x = np.array(np.unravel_index(int(bright.argmax()), bright.shape)) * factor
        rows, columns = np.mgrid[: size[1], : size[0]]
        radius = 0.0525 * width
        side = -1 if x > width / 2 else 1
        masks = {name: resized(eye.mask.sel(structure=name).values) for name in ("artery", "vein", "vessel")}
        made.append(
            new_eye(
                masks={**masks, "optic_disc": np.hypot(rows - y, columns - x) < radius},
                fov=resized(eye.fov.values),
                landmarks={"fovea": (float(y), float(np.clip(x + side * 5.2 * radius, 0, width - 1)))},
                um_per_pixel=900 / radius,
                scale_source="user",
            )
        )
    return made


@pytest.fixture(scope="module")
def eyes(real_data):
    return real_eyes(real_data, 1024, 6)


@pytest.fixture(scope="session")
def real_data(request):
    return request.getfixturevalue("real_data_folder")


def test_real_eye_of_1024_pixels(benchmark, real_data):
    eyes = real_eyes(real_data, 1024, 6)
    biomarkers.measure(eyes[0])
    turn = iter(range(10**6))
    benchmark.pedantic(lambda: biomarkers.measure(eyes[next(turn) % len(eyes)]), rounds=12, iterations=1)
    assert benchmark.stats["median"] < SECONDS_PER_EYE


def test_time_grows_with_the_pixels(benchmark, real_data):
    seconds = {}
    for width in (1024, 1752, 3504):
        (eye,) = real_eyes(real_data, width, 1)
        biomarkers.measure(eye)
        begin = time.perf_counter()
        biomarkers.measure(eye)
        seconds[width] = time.perf_counter() - begin
    benchmark.extra_info.update(seconds)
    benchmark.pedantic(lambda: None, rounds=1)
    assert seconds[3504] < 1.3 * (3504 / 1024) ** 2 * seconds[1024]


def test_first_call_and_memory(benchmark, tmp_path):
    """Import and first measurement of a new process with a warm cache on disk, and its peak memory at 3504 x 2336."""
    eye = phantom.eye(seed=1, size=1024)
    eye.attrs = {name: value for name, value in eye.attrs.items() if name != "provenance"}
    eye.drop_vars("image").to_netcdf(tmp_path / "eye.nc", engine="scipy") if False else None
    code = (
        "import time; begin = time.perf_counter();"
        "import numpy as np; from retina_tools.schema import new_eye; from retina_tools import biomarkers;"
        "y, x = np.mgrid[:1024, :1024]; disc = np.hypot(y - 512, x - 700) < 70;"
        "lines = (np.abs((y + 2 * x) % 160 - 80) < 8) & (np.hypot(y - 512, x - 512) < 480);"
        "eye = new_eye(masks={'artery': lines, 'vein': lines.T, 'optic_disc': disc}, landmarks={'fovea': (520, 330)});"
        "biomarkers.measure(eye); print(time.perf_counter() - begin)"
    )
    run = [sys.executable, "-c", code]
    subprocess.run(run, check=True, capture_output=True)
    seconds = float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    benchmark.extra_info["first_call_seconds"] = seconds
    benchmark.pedantic(lambda: None, rounds=1)
    assert seconds < FIRST_CALL_SECONDS


def test_peak_memory_at_native_size(benchmark, real_data):
    (eye,) = real_eyes(real_data, 3504, 1)
    biomarkers.measure(eye)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    benchmark.extra_info["peak_mb"] = peak_mb
    benchmark.pedantic(lambda: None, rounds=1)
