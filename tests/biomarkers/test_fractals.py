"""Fractal dimensions of figures with known ones, and laws of the spectrum and of lacunarity."""

import numpy as np
import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers.multifractal import box_dimension, measure_dimensions, singularity_span
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye

KOCH, CARPET = np.log(4) / np.log(3), np.log(8) / np.log(3)


def koch(turn_deg, level=6, size=2187):
    """The Koch curve turned off the rows of the grid, on which whole generations of it fall into one row of boxes."""
    points = np.array([-0.4 + 0j, 0.4 + 0j])
    for _ in range(level):
        step = np.diff(points) / 3
        turned = points[:-1] + step + step * np.exp(1j * np.pi / 3)
        points = np.append(np.stack([points[:-1], points[:-1] + step, turned, points[:-1] + 2 * step], 1), points[-1])
    points = points * np.exp(1j * np.radians(turn_deg))
    middle = (size - 1) / 2
    return shapes.path(np.column_stack([middle - size * points.imag, middle + size * points.real]), 1.0, size)


@pytest.mark.parametrize("angle_deg", [None, 31, 45, 77])
def test_line_has_dimension_one(angle_deg):
    line = np.zeros((900, 900), bool)
    line[450, 50:850] = True
    mask = line if angle_deg is None else shapes.line(angle_deg, 1.5, 800, 900)
    dimensions = measure_dimensions(mask, 5, 50)
    for value, r2 in (dimensions.box, dimensions.information, dimensions.correlation):
        assert value == pytest.approx(1.0, abs=0.02)
        assert r2 > 0.999


def test_square_has_dimension_two():
    square = np.zeros((900, 900), bool)
    square[100:700, 200:800] = True
    assert box_dimension(square, 5, 50)[0] == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("turn_deg", [11, 37])
def test_koch_curve_has_its_dimension(turn_deg):
    dimensions = measure_dimensions(koch(turn_deg), 6, 54)
    for value, _ in (dimensions.box, dimensions.information, dimensions.correlation):
        assert value == pytest.approx(KOCH, abs=0.03)


def test_sierpinski_carpet_has_its_dimension():
    dimension, r2 = box_dimension(shapes.sierpinski_carpet(6), 3, 27)
    assert dimension == pytest.approx(CARPET, abs=0.03)
    assert r2 > 0.995


def test_spectrum_of_uniform_figures_is_narrower_than_of_a_mixture():
    line = shapes.line(31, 1.5, 800, 900)
    mixed = line.copy()
    mixed[300:600, 300:600] = True
    assert singularity_span(line, 5, 50) < 0.25
    assert singularity_span(mixed, 5, 50) > 0.7


def test_lacunarity_of_full_and_of_scattered_masks():
    y, x = np.mgrid[:600, :600]
    disc = np.hypot(y - 300, x - 300) < 50
    # Stripes every 30 px: a box as wide as the period always holds the same; sparse points leave gaps.
    stripes = (x % 30) < 6
    points = np.zeros((600, 600), bool)
    points[40::120, 40::120] = True
    found = [
        float(
            biomarkers.measure(new_eye(masks={"vein": mask, "optic_disc": disc}), "lacunarity")
            .lacunarity.sel(vessel="vein")
            .item()
        )
        for mask in (stripes, points)
    ]
    assert 1 <= found[0] < 2.5
    assert found[1] > 10


def test_dimensions_do_not_move_with_the_frame():
    mask = shapes.sinusoid(40, 200, 3, 4, 20, 900)
    for moved in (mask[:, ::-1], mask[::-1], np.rot90(mask), np.pad(mask, ((13, 0), (0, 7)))):
        assert measure_dimensions(moved, 5, 50) == measure_dimensions(mask, 5, 50)
