"""The vessel network on figures whose geometry is known, and the laws it obeys."""

import numpy as np
import pytest

from retina_tools.biomarkers.orientation import canonical_turn
from retina_tools.biomarkers.skeleton import thin, trace
from retina_tools.biomarkers.vessel_graph import build_vessel_graph
from retina_tools.phantom import shapes

# Off the rows, columns and diagonals of the pixels: there a mask holds the width only to the next whole step.
ANGLES = np.arange(12) * 15 + 4.0


def only_segment(mask):
    graph = build_vessel_graph(mask)
    assert len(graph) == 1
    path = graph.path(0)
    return graph, float(graph.length_px[0] / np.hypot(*(path[-1] - path[0])))


@pytest.mark.parametrize("width", [3, 4, 5, 7, 10, 15])
def test_straight_line_has_its_width_and_no_tortuosity_at_any_angle(width):
    for angle in ANGLES:
        graph, arc_chord = only_segment(shapes.line(angle, width, length=200))
        assert np.nanmedian(graph.width_px) == pytest.approx(width, abs=0.15), angle
        assert 1 <= arc_chord < 1.003, angle
        assert graph.length_px[0] == pytest.approx(200, rel=0.015), angle


@pytest.mark.parametrize("width", [3, 4.5, 6])
def test_width_is_unbiased_over_positions_on_the_pixel_grid(width):
    y, x = np.mgrid[:120, :120].astype(float)
    found = []
    for angle in (0.0, 45.0):
        for shift in np.linspace(0, 1, 8, endpoint=False):
            across = (y - 60) * np.cos(np.radians(angle)) + (x - 60) * np.sin(np.radians(angle)) + shift
            found.append(np.nanmedian(build_vessel_graph(np.abs(across) < width / 2).width_px))
    assert np.mean(found) == pytest.approx(width, abs=0.1)


@pytest.mark.parametrize("width", [3, 5, 8])
@pytest.mark.parametrize("span_deg", [40, 90, 140])
def test_arc_has_its_arc_over_chord(width, span_deg):
    half = np.radians(span_deg) / 2
    _, arc_chord = only_segment(shapes.arc(80, span_deg, width, angle_deg=13))
    assert arc_chord == pytest.approx(half / np.sin(half), rel=0.005)


@pytest.mark.parametrize("width", [3, 5, 8])
@pytest.mark.parametrize(("amplitude", "wavelength"), [(12, 60), (6, 60), (5, 90)])
def test_sinusoid_has_its_arc_over_chord(width, amplitude, wavelength):
    mask = shapes.sinusoid(amplitude, wavelength, 3, width, angle_deg=20, size=320)
    _, arc_chord = only_segment(mask)
    assert arc_chord == pytest.approx(shapes.sinusoid_arc_chord(amplitude, wavelength), rel=0.005)


def test_y_junction_has_one_bifurcation_and_three_segments():
    y, x = np.mgrid[:200, :200].astype(float)
    stem = (np.abs(x - 100) < 4) & (y > 100) & (y < 190)
    arms = (np.abs(np.abs(x - 100) - 0.7 * (100 - y)) < 4) & (y <= 102) & (y > 20)
    graph = build_vessel_graph(stem | arms)
    kinds = [graph.node_kind(node) for node in range(len(graph.node_yx))]
    assert len(graph) == 3
    assert kinds.count("bifurcation") == 1
    assert kinds.count("tip") == 3


@pytest.mark.parametrize("turn_deg", [25, 35, 50, 70, 90])
@pytest.mark.parametrize("widths", [(7, 5), (6, 6), (9, 4)])
def test_vessels_go_straight_on_over_a_crossing(turn_deg, widths):
    """At acute angles the skeleton of a crossing falls into two branchings, which are still one crossing."""
    graph = build_vessel_graph(shapes.line(7, widths[0], 200) | shapes.line(7 + turn_deg, widths[1], 200))
    assert len(graph) == 2
    assert sorted(graph.degree[graph.degree > 0]) == [1, 1, 1, 1]
    assert np.hypot(*(graph.crossing_yx[0] - 127.5)) < 2
    assert sorted(graph.crossing_segments[0]) == [0, 1]
    found = [np.nanmedian(graph.width_px[graph.bounds[k] : graph.bounds[k + 1]]) for k in range(2)]
    assert sorted(found) == pytest.approx(sorted(widths), abs=0.3)
    assert graph.length_px == pytest.approx([200, 200], rel=0.01)


def test_branches_on_both_sides_are_no_crossing():
    y, x = np.mgrid[:256, :256].astype(float)
    stem = np.abs(x - 128) < 5
    left = (np.abs((x - 128) + 0.9 * (150 - y)) < 3.5) & (x < 128) & (y > 30)
    right = (np.abs((x - 128) - 0.9 * (132 - y)) < 3.5) & (x > 128) & (y > 30)
    graph = build_vessel_graph(stem | left | right)
    assert len(graph.crossing_yx) == 0
    assert (graph.degree == 3).sum() == 2
    assert len(graph) == 5


def test_vessel_goes_on_under_another():
    """A mask cut by a vessel above it is one vessel; the same cut in the open, if it is long, is two."""
    lower, upper = shapes.line(80, 6, 220), shapes.line(10, 12, 220)
    wide = shapes.line(10, 20, 220)
    assert len(build_vessel_graph(lower & ~upper, cover=upper)) == 1
    assert len(build_vessel_graph(lower & ~wide)) == 2


def test_branch_hidden_at_its_origin_is_attached():
    y, x = np.mgrid[:256, :256].astype(float)
    stem, vein = np.abs(x - 100) < 5, (np.abs(x - 112) < 6)
    branch = (np.abs(y - 140 + 0.5 * (x - 100)) < 3) & (x > 100) & (x < 200)
    hidden = (stem | branch) & ~vein
    apart = build_vessel_graph(hidden)
    joined = build_vessel_graph(hidden, cover=vein)
    assert (apart.degree == 3).sum() == 0
    assert (joined.degree == 3).sum() == 1
    assert joined.node_yx[joined.degree == 3][0] == pytest.approx([140, 100], abs=3)


def test_rough_walls_grow_no_branches():
    rng = np.random.default_rng(1)
    mask = shapes.line(22, 8, 180)
    near_wall = mask ^ np.roll(mask, 1, 0) | mask ^ np.roll(mask, 1, 1)
    mask = mask ^ (near_wall & (rng.random(mask.shape) < 0.3))
    assert len(build_vessel_graph(mask)) == 1


def test_ring_is_one_closed_segment():
    graph = build_vessel_graph(shapes.ring(60, 6))
    assert len(graph) == 1
    assert graph.length_px[0] == pytest.approx(2 * np.pi * 60, rel=0.02)


@pytest.mark.parametrize("view", [np.fliplr, np.flipud, np.rot90, np.transpose])
def test_mirrored_and_turned_masks_have_the_same_network(view):
    mask = shapes.line(33, 6, 200) | shapes.sinusoid(10, 70, 3, 4, angle_deg=80) | shapes.arc(60, 200, 5)
    graph, turned = build_vessel_graph(mask), build_vessel_graph(view(mask))
    np.testing.assert_allclose(turned.length_px, graph.length_px, rtol=1e-6)
    np.testing.assert_allclose(turned.width_px, graph.width_px, rtol=1e-6)


def test_network_points_lie_on_the_vessel_in_every_view():
    mask = shapes.arc(70, 120, 6, angle_deg=20)
    for view in (mask, mask[::-1], mask[:, ::-1], mask.T, np.rot90(mask)):
        y, x = np.rint(build_vessel_graph(np.ascontiguousarray(view)).points_yx).astype(int).T
        assert view[y, x].mean() > 0.98


def test_canonical_turn_undoes_itself():
    mask = np.random.default_rng(4).random((7, 12)) < 0.2
    turn = canonical_turn(mask)
    where = np.argwhere(turn.apply(mask)).astype(float)
    np.testing.assert_array_equal(sorted(map(tuple, turn.undo(where))), sorted(map(tuple, np.argwhere(mask))))


def test_thinning_keeps_the_topology():
    from scipy.ndimage import label

    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random((40, 40)) < 0.5
        skeleton = thin(mask)
        assert not (skeleton & ~mask).any()
        assert label(skeleton, np.ones((3, 3)))[1] == label(mask, np.ones((3, 3)))[1]
        assert label(np.pad(~skeleton, 1, constant_values=True))[1] == label(np.pad(~mask, 1, constant_values=True))[1]


def test_every_pixel_of_a_skeleton_is_traced_once():
    plus = np.zeros((21, 21), bool)
    plus[10, 2:19] = plus[2:19, 10] = True
    traces = trace(plus)
    inner = np.concatenate([chain[1:-1] for chain in traces.chains])
    assert len(np.unique(inner, axis=0)) == len(inner)
    assert sorted(np.bincount(traces.ends.ravel())) == [1, 1, 1, 1, 4]


@pytest.mark.parametrize("mask", [np.zeros((30, 30), bool), np.eye(8, dtype=bool)[:1], np.ones((1, 1), bool)])
def test_nothing_to_trace_gives_an_empty_network(mask):
    graph = build_vessel_graph(mask)
    assert len(graph) == 0
    assert graph.length_px.sum() == 0
