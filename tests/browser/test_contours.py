"""Outlines are traced in the browser: their laws, on shapes whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retina_tools import schema
from widgets import view_eye

TRACE = """async ([rows, columns, on, tolerance, exact]) => {
  const { outlinePieces, packBits, walkEdges } = await import('/js/contours.js');
  const rgba = new Uint8ClampedArray(rows * columns * 4);
  for (const i of on) rgba[4 * i + 3] = 255;
  return outlinePieces(walkEdges(packBits(rgba, rows, columns)), tolerance, 1, 1, exact).map(piece => [...piece.xy]);
}"""


@pytest.fixture
def trace(open_widget: Any) -> Any:
    page = open_widget(view_eye(schema.new_eye(np.zeros((8, 8), np.uint8))))

    def run(mask: np.ndarray, tolerance: float = 0.4, exact: bool = False) -> list[np.ndarray]:
        on = np.flatnonzero(mask).tolist()
        return [np.reshape(piece, (-1, 2)) for piece in page.evaluate(TRACE, [*mask.shape, on, tolerance, exact])]

    return run


def enclosed_area(pieces: list[np.ndarray]) -> float:
    """Area inside closed polylines cut into pieces (shoelace; holes count against it)."""
    return abs(sum(float(np.sum(p[:-1, 0] * p[1:, 1] - p[1:, 0] * p[:-1, 1])) for p in pieces)) / 2


def test_a_single_pixel_is_a_diamond_around_its_centre(trace: Any) -> None:
    mask = np.zeros((5, 6), bool)
    mask[2, 3] = True
    (outline,) = trace(mask, 0.0)
    corners = {(2.5, 2.0), (3.5, 2.0), (3.0, 1.5), (3.0, 2.5)}
    assert {tuple(point) for point in outline} == corners
    assert tuple(outline[0]) == tuple(outline[-1])


@pytest.mark.parametrize("tolerance", [0.4, 0.9])
def test_the_outline_of_a_disc_has_its_area_and_lies_on_its_edge(trace: Any, tolerance: float) -> None:
    rows, columns = np.mgrid[:120, :140]
    mask = np.hypot(rows - 60, columns - 70) <= 40
    pieces = trace(mask, tolerance)
    assert enclosed_area(pieces) == pytest.approx(mask.sum(), rel=0.02)
    radii = np.concatenate([np.hypot(piece[:, 0] - 70, piece[:, 1] - 60) for piece in pieces])
    assert np.abs(radii - 40).max() < 1.0


def test_holes_are_traced_and_count_against_the_area(trace: Any) -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    mask[20:40, 20:40] = False
    assert enclosed_area(trace(mask)) == pytest.approx(mask.sum(), abs=4)


def test_pieces_join_to_closed_lines_on_any_mask(trace: Any) -> None:
    mask = np.random.default_rng(0).random((50, 70)) > 0.45
    ends: dict[tuple[float, ...], int] = {}
    for piece in trace(mask):
        ends[tuple(piece[0])] = ends.get(tuple(piece[0]), 0) + 1
        ends[tuple(piece[-1])] = ends.get(tuple(piece[-1]), 0) - 1
    assert ends
    assert set(ends.values()) == {0}


def test_a_mask_that_fills_the_picture_is_outlined_along_its_border(trace: Any) -> None:
    pieces = trace(np.ones((9, 17), bool), 0.0)
    points = np.concatenate(pieces)
    assert (points.min(), points[:, 0].max(), points[:, 1].max()) == (-0.5, 16.5, 8.5)


def test_an_empty_mask_has_no_outline(trace: Any) -> None:
    assert trace(np.zeros((9, 9), bool)) == []


def test_exact_outlines_follow_every_pixel(trace: Any) -> None:
    mask = np.random.default_rng(1).random((30, 40)) > 0.5
    pieces = trace(mask, 0.0, exact=True)
    assert enclosed_area(pieces) == mask.sum()
    points = np.concatenate(pieces)
    assert (np.mod(points, 1) == 0.5).all()  # corners of pixels lie between their centres
