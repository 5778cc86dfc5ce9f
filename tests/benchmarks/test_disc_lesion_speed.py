"""How long disc, fovea, lesions, atrophy and grades take; opt in with ``-m benchmark --benchmark-enable``.

One process, one core, synthetic eyes of 1024 pixels with many lesions, long streaks of tessellation, or drusen. The
time is that of the processor, so that other work on the machine does not count.
"""

import time

import pytest

from retina_tools import biomarkers, phantom

pytestmark = pytest.mark.benchmark

SECONDS_PER_EYE = 0.15


@pytest.mark.parametrize("caption", ["severe NPDR", "pathological myopia", "intermediate AMD"])
def test_all_but_vessels_of_1024_pixels(benchmark, caption):
    catalogue = biomarkers.catalogue()
    names = catalogue["name"][catalogue["structure"] != "vessels"].tolist()
    eye = phantom.eye(caption, seed=1, size=1024)
    biomarkers.measure(eye, names)
    begin = time.process_time()
    benchmark.pedantic(lambda: biomarkers.measure(eye, names), rounds=10, iterations=1)
    if benchmark.enabled:
        assert (time.process_time() - begin) / 10 < SECONDS_PER_EYE
