"""How long the vessels of an eye take, and what memory; opt in with ``-m benchmark --benchmark-enable``.

One process, one core. The real eyes are those of HRF-AV with a disc where the picture is brightest.
"""

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from retina_tools import biomarkers, datasets
from retina_tools.schema import new_eye

pytestmark = pytest.mark.benchmark

SECONDS_PER_EYE = 0.6
FIRST_CALL_SECONDS = 3.0
PEAK_MB = 700
NATIVE = 3504


def real_eyes(folder, width, count):
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
        masks["optic_disc"] = np.hypot(rows - y, columns - x) < radius
        made.append(
            new_eye(
                masks=masks,
                fov=resized(eye.fov.values),
                landmarks={"fovea": (float(y), float(np.clip(x + side * 5.2 * radius, 0, width - 1)))},
                um_per_pixel=900 / radius,
                scale_source="user",
            )
        )
    return made


def test_real_eyes_of_1024_pixels(benchmark, real_data):
    """All biomarkers of arteries, veins and both; the limit is on the mean over eyes."""
    eyes = real_eyes(real_data, 1024, 10)
    biomarkers.measure(eyes[0])
    turn = iter(range(10**6))
    benchmark.pedantic(lambda: biomarkers.measure(eyes[next(turn) % len(eyes)]), rounds=20, iterations=1)
    if benchmark.enabled:
        assert benchmark.stats.stats.mean < SECONDS_PER_EYE


def test_time_grows_no_faster_than_the_pixels(benchmark, real_data):
    seconds = {}
    for width in (1024, 1752, NATIVE):
        (eye,) = real_eyes(real_data, width, 1)
        biomarkers.measure(eye)
        begin = time.process_time()
        biomarkers.measure(eye)
        seconds[str(width)] = time.process_time() - begin
    benchmark.extra_info.update(seconds)
    benchmark.pedantic(lambda: None, rounds=1)
    assert seconds[str(NATIVE)] < 1.15 * (NATIVE / 1024) ** 2 * seconds["1024"]


def in_new_process(folder, eye):
    """Seconds from the start of imports to the first result, and peak memory in MB, of a process of its own."""
    np.savez(
        folder / "eye.npz",
        fov=eye.fov.values,
        fovea=eye.landmark.sel(point="fovea").values,
        **{str(name): eye.mask.sel(structure=name).values for name in eye.structure.values},
    )
    code = f"""
import resource, time
begin = time.perf_counter()
import numpy as np
from retina_tools import biomarkers
from retina_tools.schema import new_eye
stored = dict(np.load({str(folder / "eye.npz")!r}))
fov, fovea = stored.pop("fov"), stored.pop("fovea")
biomarkers.measure(new_eye(masks=stored, fov=fov, landmarks={{"fovea": tuple(fovea)}}))
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, peak_mb = map(float, done.stdout.split())
    return seconds, peak_mb


def test_import_and_first_eye_with_the_compiled_code_on_disk(benchmark, real_data, tmp_path):
    (eye,) = real_eyes(real_data, 1024, 1)
    in_new_process(tmp_path, eye)
    seconds, _ = in_new_process(tmp_path, eye)
    benchmark.extra_info["seconds"] = seconds
    benchmark.pedantic(lambda: None, rounds=1)
    assert seconds < FIRST_CALL_SECONDS


def test_peak_memory_at_native_size(benchmark, real_data, tmp_path):
    (eye,) = real_eyes(real_data, NATIVE, 1)
    seconds, peak_mb = in_new_process(tmp_path, eye)
    benchmark.extra_info.update(seconds=seconds, peak_mb=peak_mb)
    benchmark.pedantic(lambda: None, rounds=1)
    assert peak_mb < PEAK_MB
