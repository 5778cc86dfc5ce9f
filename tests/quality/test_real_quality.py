"""Real photographs: nearly all of the public sets are gradable, and made worse they are not."""

import numpy as np
import pytest

from retina_tools import datasets, quality

# Membranes cover this fundus: few vessels are seen in it.
DOUBTFUL = {"Patient053_R"}
SAMPLES = {
    "hrf": ({}, slice(0, 30, 14)),
    "chase_db1": ({}, slice(1, 20, 9)),
    "idrid": ({}, slice(0, 14, 8)),
    "idrid grading": ({"part": "grading"}, slice(0, 280, 100)),
    "srahim_dr": ({}, slice(0, 400, 130)),
    "drions_db": ({}, slice(0, 19, 10)),
    "drishti_gs": ({}, slice(0, 50, 26)),
}
WORSE = {
    "blurred": (0, 20, 40, 70, 110),
    "hazy": (0, 0.2, 0.4, 0.6, 0.9),
    "lit": (1, 0.6, 0.35, 0.15, 0.05),
    "compressed": (100, 60, 40, 20, 8),
    "noisy": (0, 5, 15, 30, 60),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_photographs_of_the_public_sets_are_gradable(name, real_data):
    options, some = SAMPLES[name]
    for eye in datasets.open_dataset(name.split(" ")[0], real_data, **options).select(some):
        found = quality.assess(eye)
        if eye["image_id"].item() not in DOUBTFUL:
            assert found["gradable"].item(), (eye["image_id"].item(), found["reason"].item())


@pytest.mark.parametrize("kind", WORSE)
def test_a_stronger_degradation_of_a_real_photograph_never_scores_better(kind, real_data, degrading, judge):
    eye = datasets.srahim_dr(real_data)[10]
    image, fov = eye["image"].values, eye["fov"].values
    score = [judge(getattr(degrading, kind)(image, fov, level), fov)["score"].item() for level in WORSE[kind]]
    assert np.all(np.diff(score) <= 1e-3), score
    assert score[-1] < 0.5


def test_the_width_of_the_blur_is_right(real_data, degrading, judge):
    """Blurs add in squares: what was there and what was added make what is found."""
    eye = datasets.idrid(real_data, part="grading")[20]
    image, fov = eye["image"].values, eye["fov"].values
    before, *after = [judge(degrading.blurred(image, fov, um), fov)["blur_width"].item() for um in (0, 30, 60, 90)]
    for um, found in zip((30, 60, 90), after, strict=True):
        assert found * 12960 == pytest.approx(np.hypot(before * 12960, um), rel=0.2)
