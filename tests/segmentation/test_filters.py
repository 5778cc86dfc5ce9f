"""Local contrast and line strength: what they see, and what they are blind to."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from retina_tools.segmentation.background import local_contrast
from retina_tools.segmentation.lines import line_strength

STRIP = {"sigma_px": 1.6, "length_px": 12.0, "offset_px": 4.0}


def lined(angle_deg, width=4.0, size=96, depth=-0.3):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    across = y * np.cos(np.radians(angle_deg)) - x * np.sin(np.radians(angle_deg))
    return np.where(np.abs(across) < width / 2, depth, 0).astype(np.float32)


def disc_field(size=128, radius=60):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.hypot(y, x) <= radius


def test_contrast_does_not_depend_on_the_light():
    fov, even = disc_field(), 0.5 * np.exp(lined(20, size=128))
    y, x = np.mgrid[:128, :128] / 127
    seen = local_contrast(even * fov, fov, sigma_px=12)
    for light in (np.full(fov.shape, 0.5), 0.3 + 0.6 * x, np.exp(-1.2 * ((y - 0.5) ** 2 + (x - 0.5) ** 2))):
        lit = local_contrast(even * light * fov, fov, sigma_px=12)
        assert np.abs(lit - seen)[disc_field(radius=54)].max() < 0.05


def test_edge_of_the_field_draws_no_ring():
    fov = disc_field()
    y, x = np.mgrid[:128, :128] / 127 - 0.5
    falling = 0.6 * np.exp(-2.0 * (y**2 + x**2))
    rim = fov & ~disc_field(radius=54)
    seen = local_contrast(falling * fov, fov, sigma_px=12)[rim]
    share = gaussian_filter(fov.astype(float), 12)
    mean = gaussian_filter(np.where(fov, np.log(np.maximum(falling, 1e-3)), 0), 12) / np.maximum(share, 1e-3)
    local_mean = (np.log(falling) - mean)[rim]
    assert np.abs(seen).mean() < 0.2 * np.abs(local_mean).mean()
    assert np.abs(seen).max() < 0.05


@pytest.mark.parametrize("angle_deg", [0, 11.25, 30, 45, 78, 90, 135])
def test_line_is_seen_as_strongly_in_every_direction(angle_deg):
    middle = slice(32, 64)
    # Flanks lie on whole pixels, up to half a pixel nearer or farther than asked for.
    strength = line_strength(lined(angle_deg), **STRIP)[middle, middle].max()
    assert strength == pytest.approx(line_strength(lined(0), **STRIP)[middle, middle].max(), rel=0.15)


def test_step_dot_and_bright_line_are_not_seen():
    step, dot = np.zeros((2, 96, 96), np.float32)
    step[:, 48:] = -0.3
    y, x = np.mgrid[:96, :96] - 47.5
    dot[np.hypot(y, x) < 3] = -0.3
    line = line_strength(lined(0), **STRIP)[24:72, 24:72].max()
    for plane in (step, dot, -lined(0)):
        assert line_strength(plane, **STRIP)[24:72, 24:72].max() < 0.3 * line


@pytest.mark.parametrize("view", [np.fliplr, np.flipud, np.rot90])
def test_filters_turn_with_the_picture(view):
    noise = np.random.default_rng(0).normal(0, 0.1, (96, 96)).astype(np.float32)
    np.testing.assert_allclose(line_strength(view(noise), **STRIP), view(line_strength(noise, **STRIP)), atol=1e-5)
    fov = disc_field(96, 46)
    seen = local_contrast(np.exp(noise) * 0.5 * fov, fov, sigma_px=12)
    turned = local_contrast(
        np.ascontiguousarray(view(np.exp(noise) * 0.5 * fov)), np.ascontiguousarray(view(fov)), sigma_px=12
    )
    np.testing.assert_allclose(turned, view(seen), atol=1e-4)
