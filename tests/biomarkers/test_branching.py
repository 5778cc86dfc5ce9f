"""Bifurcations of figures whose angles and calibres are known."""

import numpy as np
import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers.bifurcations import find_bifurcations, junctional_exponent
from retina_tools.biomarkers.trees import grow_forest
from retina_tools.biomarkers.vessel_graph import build_vessel_graph
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye

DD = 150.0
# Neither parent nor daughters on the rows, columns or diagonals of the pixels, where widths come in steps.
TURNS = (3.0, 17.0, 29.0, 64.0, 77.0, 118.0, 161.0, 203.0, 247.0, 291.0, 331.0)
FORKS = [(10, (8, 8)), (8, (7, 5)), (12, (10, 6)), (9, (8.0, 4.0))]


def forks(width, daughters, opening):
    found = []
    for turn in TURNS:
        graph = build_vessel_graph(shapes.y_junction(width, daughters, opening, 110, turn, 330), 0.1 * DD)
        found.append(find_bifurcations(grow_forest(graph, None), DD, rooted=False))
        assert len(found[-1]) == 1, turn
    return found


@pytest.mark.parametrize("opening", [50, 75, 100])
@pytest.mark.parametrize(("width", "daughters"), FORKS)
def test_fork_has_its_angle_calibres_and_exponent(width, daughters, opening):
    found = forks(width, daughters, opening)
    assert np.median([fork.angle_deg[0] for fork in found]) == pytest.approx(opening, abs=2)
    large, small = daughters
    np.testing.assert_allclose(np.median([f.width_px[0] for f in found], axis=0), [width, large, small], atol=0.15)
    exact = junctional_exponent(np.array([width]), np.array([large]), np.array([small]))[0]
    assert np.median([fork.exponent[0] for fork in found]) == pytest.approx(exact, rel=0.05)
    assert np.median([f.asymmetry[0] for f in found]) == pytest.approx(small**2 / large**2, rel=0.05)
    assert np.median([f.coefficient[0] for f in found]) == pytest.approx((large**2 + small**2) / width**2, rel=0.03)


@pytest.mark.parametrize("opening", [50, 75, 100])
def test_every_fork_has_its_angle_at_a_finer_scale(opening):
    for turn in TURNS:
        mask = shapes.y_junction(20, (16, 14), opening, 220, turn, 660)
        found = find_bifurcations(grow_forest(build_vessel_graph(mask, 30.0), None), 300.0, rooted=False)
        assert found.angle_deg[0] == pytest.approx(opening, abs=2), turn
        assert np.hypot(*(found.yx[0] - 329.5)) < 1.5


def test_exponent_has_no_solution_where_a_daughter_is_as_wide_as_the_trunk():
    widths = np.array([[8.0, 8.0, 5.0], [8.0, 9.0, 3.0], [8.0, np.nan, 3.0], [8.0, 4.0, 4.0]]).T
    found = junctional_exponent(*widths)
    assert np.isnan(found[:3]).all()
    assert found[3] == pytest.approx(1.0)


def tree_eye(levels=4, size=1100, seed=0):
    """A binary tree of straight branches, none shorter than 0.1 DD, with the disc at its root."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), bool)
    joints, tips = [], []

    def grow(start, heading, length, width, level):
        stop = start + length * np.array([-np.sin(heading), np.cos(heading)])
        mask[:] |= shapes.path(np.array([start, stop]), width, size)
        if level == levels:
            tips.append(stop)
            return
        joints.append(stop)
        spread = np.radians(rng.uniform(55, 80)) * 0.62**level + np.radians(12)
        for side in (0.5, -0.5):
            grow(stop, heading + side * spread, length * 0.78, width * 0.8, level + 1)

    grow(np.array([size / 2, 90.0]), np.radians(rng.uniform(-6, 6)), 270.0, 12.0, 0)
    y, x = np.mgrid[:size, :size]
    return new_eye(masks={"vein": mask, "optic_disc": np.hypot(y - size / 2, x - 90) < 70}), joints, tips


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tree_has_its_bifurcations_tips_and_orders(seed):
    eye, joints, tips = tree_eye(seed=seed)
    found = biomarkers.measure(eye, ["bifurcation_count", "tip_count", "bifurcation_density", "length_diameter_ratio"])
    at = {"vessel": "vein", "region": "image"}
    assert found.bifurcation_count.sel(at) == len(joints)
    assert found.tip_count.sel(at) == len(tips)
    area_dd2 = 1100**2 / biomarkers.Frame(eye).diameter_px ** 2
    assert float(found.bifurcation_density_per_dd2.sel(at)) == pytest.approx(len(joints) / area_dd2)
    table = biomarkers.segments_table(eye, "vein")
    assert len(table) == len(joints) + len(tips)
    assert (table.parent < 0).sum() == 1
    assert table.generation.max() == 5
    assert table.strahler.max() == 5
    assert (table.generation + table.strahler == 6).all()
    # Each segment begins where its parent ends, and half of the daughters go on as their parent's vessel.
    children = table[table.parent >= 0]
    parents = table.set_index("segment").loc[children.parent]
    ends = np.stack([parents[["start_y", "start_x"]], parents[["end_y", "end_x"]]])
    begins = np.stack([children[["start_y", "start_x"]], children[["end_y", "end_x"]]])
    gaps = np.hypot(*np.moveaxis(ends[:, None] - begins[None], -1, 0)).min(axis=(0, 1))
    assert gaps.max() < 0.01
    assert table.vessel_id.nunique() == len(tips)
    assert (children.vessel_id.to_numpy() == parents.vessel_id.to_numpy()).sum() == len(joints)


def test_bifurcations_table_names_the_arms():
    eye, joints, _ = tree_eye()
    table = biomarkers.bifurcations_table(eye, "vein")
    assert len(table) == len(joints)
    assert table.counted.all()
    places = table[["y", "x"]].to_numpy()
    for joint in joints:
        assert np.hypot(*(places - joint).T).min() < 3
    assert (table.parent_calibre_px > table.daughter_1_calibre_px).all()
    assert (table.exponent_status == "ok").all()
    # Widths go down by 0.8 at every branching: 2 * 0.8**x = 1.
    assert table.exponent.median() == pytest.approx(np.log(2) / np.log(1 / 0.8), rel=0.07)


def test_arteries_and_veins_that_cross_are_no_bifurcations():
    y, x = np.mgrid[:500, :500]
    artery = (np.abs(y - 150 - 0.21 * x) < 4) | (np.abs(y - 330 + 0.13 * x) < 4)
    vein = (np.abs(x - 180 - 0.17 * y) < 6) | (np.abs(x - 330 - 0.1 * y) < 6)
    disc = np.hypot(y - 250, x - 60) < 45
    for masks in ({"artery": artery, "vein": vein}, {"vessel": artery | vein}):
        eye = new_eye(masks={**masks, "optic_disc": disc})
        found = biomarkers.measure(eye, "bifurcation_count")
        assert found.bifurcation_count.sel(vessel="all", region="image") == 0
        crossings = biomarkers.crossings_table(eye)
        assert len(crossings) == 4
        assert len(biomarkers.segments_table(eye)) == 4
        assert crossings.angle_deg.between(60, 91).all()


def test_nicking_is_the_narrowing_of_the_vein_beside_the_artery():
    y, x = np.mgrid[:400, :400].astype(float)
    disc = np.hypot(y - 200, x - 60) < 45
    artery = np.abs(x - 250 - 0.1 * (y - 200)) < 5
    for narrowest in (1.0, 0.6):
        half = 8 * (1 - (1 - narrowest) * np.exp(-(((x - 250) / 14) ** 2)))
        vein = np.abs(y - 200 - 0.12 * (x - 250)) < half * np.hypot(1, 0.12)
        (row,) = biomarkers.crossings_table(
            new_eye(masks={"artery": artery, "vein": vein, "optic_disc": disc})
        ).itertuples()
        assert {row.kind_1, row.kind_2} == {"artery", "vein"}
        assert row.nicking_ratio == pytest.approx(narrowest, abs=0.08)
        assert row.nicking_status == "ok"


def test_without_a_disc_the_widest_arm_is_the_parent():
    mask = shapes.y_junction(12, (9, 7), 70, 110, 23, 330)
    (row,) = biomarkers.bifurcations_table(new_eye(masks={"artery": mask}), "artery").itertuples()
    assert row.parent_calibre_px == pytest.approx(12, abs=0.3)
    assert np.isnan(row.distance_dd)
