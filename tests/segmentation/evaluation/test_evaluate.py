"""A segmenter held against references: laws that hold for every structure and measure."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from retina_tools import datasets, phantom, schema
from retina_tools.schema import EyeError
from retina_tools.segmentation import evaluate
from retina_tools.segmentation.evaluation import MEASURES, compare, examine, measures_of

LESIONS = ("microaneurysm", "hard_exudate")


@pytest.fixture(scope="module")
def eye():
    """An eye with every structure, and two kinds of lesion of which one is absent."""
    eye = phantom.eye(seed=1, size=256)
    exudates = np.zeros((256, 256), bool)
    exudates[100:104, 120:124] = exudates[140:145, 90:95] = True
    return schema.with_parts(eye, masks={"hard_exudate": exudates, "microaneurysm": exudates & False})


def perfect(eye):
    probabilities = {name: schema.get_mask(eye, name).astype(float) for name in eye.structure.values}
    return schema.with_parts(eye, probabilities=probabilities)


def mirrored(eye):
    """The same eye from the other side, x running the other way."""
    flipped = eye.isel(x=slice(None, None, -1)).assign_coords(x=eye.x.values)
    flipped["landmark"] = eye["landmark"].copy()
    flipped["landmark"].loc[{"axis": "x"}] = eye.sizes["x"] - 1 - eye["landmark"].sel(axis="x")
    return schema.validate(flipped)


def values(comparison):
    return {(row.structure, row.measure): row.value for row in comparison.rows}


def test_a_perfect_drawing_is_perfect_by_every_measure(eye):
    for row in compare(eye, perfect(eye)).rows:
        if row.status == "empty_truth":
            assert row.structure == "microaneurysm"
        elif row.status == "nothing_drawn":
            assert (row.structure, row.measure) == ("microaneurysm", "object_precision")
        elif best := MEASURES[row.measure].best:
            assert row.value == (1 if best == "high" else 0), row


def test_an_empty_drawing_has_nothing_right(eye):
    nothing = np.zeros((256, 256))
    empty = schema.with_parts(
        schema.without_masks(eye), probabilities={str(name): nothing for name in eye.structure.values}
    )
    found = values(compare(eye, empty))
    for name in ("vessel", "artery", "optic_disc", "hard_exudate"):
        assert found[name, "dice"] == found[name, "sensitivity"] == 0
        assert found[name, "specificity"] == 1
        assert math.isnan(found[name, "precision"])
        assert found[name, "auc"] == 0.5
    assert found["vessel", "cldice"] == found["vessel", "path_correct"] == 0
    assert found["vessel", "path_infeasible"] == 1
    assert found["hard_exudate", "object_sensitivity"] == 0
    assert found["artery_vein", "coverage"] == 0
    assert math.isnan(found["artery_vein", "accuracy"])
    assert math.isnan(found["fovea", "error_dd"])
    assert found["fovea", "within_half_dd"] == 0  # a miss counts against the share


def test_an_empty_reference_gives_no_value_and_a_reason(eye):
    drawn = schema.with_parts(eye, probabilities={"microaneurysm": schema.get_mask(eye, "hard_exudate").astype(float)})
    rows = {row.measure: row for row in compare(eye, drawn, ["microaneurysm"]).rows}
    for name in ("dice", "sensitivity", "precision", "auc", "ap", "object_sensitivity"):
        assert math.isnan(rows[name].value)
        assert rows[name].status == "empty_truth"
        assert "no such pixel" in rows[name].reason
    assert rows["specificity"].value < 1
    assert rows["false_objects"].value == 2


def test_every_missing_value_has_a_reason_and_no_other_value_has(eye):
    for row in compare(eye, schema.without_masks(eye)).rows:
        assert math.isnan(row.value) == (row.status != "ok")
        assert bool(row.reason) == (row.status != "ok")


def test_mirroring_the_eye_changes_nothing(eye):
    random = np.random.default_rng(0)
    noise = random.random((256, 256)) < 0.02
    drawn = schema.with_parts(
        eye,
        probabilities={
            str(name): np.where(noise, 0.4, 0.8 * np.roll(schema.get_mask(eye, name), 1, axis=0))
            for name in eye.structure.values
        },
        landmarks={"fovea": (120.0, 80.0), "optic_disc": (110.0, 200.0)},
    )
    wanted, found = values(compare(eye, drawn)), values(compare(mirrored(eye), mirrored(drawn)))
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, abs=1e-9, nan_ok=True), key


def test_the_segmenter_sees_the_bare_photograph(eye):
    seen = []

    def blind(given):
        seen.append(given)
        return schema.with_parts(given, masks={"vessel": np.ones((256, 256), bool)})

    named = schema.with_parts(eye, image_id="a", patient_id="p", laterality="OS")
    table = evaluate([named], blind, "vessel", measures=["dice", "sensitivity"], dataset="mine")
    assert not seen[0].sizes["structure"]
    assert np.isnan(seen[0]["landmark"]).all()
    assert seen[0].laterality.item() == "OS"
    assert table[["dataset", "image_id", "patient_id"]].drop_duplicates().values.tolist() == [["mine", "a", "p"]]
    assert table.set_index("measure").value["sensitivity"] == 1


def test_distance_of_a_landmark_is_in_disc_diameters(eye):
    y, x = schema.get_landmark(eye, "fovea")
    diameter = math.sqrt(4 * schema.get_mask(eye, "optic_disc").sum() / math.pi)
    drawn = schema.with_parts(eye, landmarks={"fovea": (y + 0.3 * diameter, x - 0.4 * diameter)})
    found = values(compare(eye, drawn, ["fovea"]))
    assert found["fovea", "error_dd"] == pytest.approx(0.5)
    assert found["fovea", "within_quarter_dd"] == 0


def test_the_middle_of_a_drawn_disc_and_macula_is_their_landmark(eye):
    masks = {name: schema.get_mask(eye, name) for name in ("optic_disc", "macula")}
    drawn = schema.with_parts(schema.without_masks(eye), masks=masks)
    found = values(compare(eye, drawn, ["optic_disc", "fovea"]))
    assert found["optic_disc", "error_dd"] < 0.02
    assert found["fovea", "error_dd"] < 0.05


def test_a_miss_counts_unless_the_landmark_is_found_on_no_eye(eye):
    places = iter([schema.get_landmark(eye, "fovea"), None, None, None])

    def sometimes(given):
        return schema.with_parts(given, landmarks={"fovea": next(places)})

    two = [schema.with_parts(eye, image_id=name) for name in "ab"]
    half, never = (evaluate(two, sometimes, "fovea", measures=["within_half_dd", "error_dd"]) for _ in range(2))
    assert half[half.measure == "within_half_dd"].value.tolist() == [1, 0]
    assert set(never.status) == {"never_found"}
    assert never.value.isna().all()


def test_a_segmenter_that_refuses_is_a_row_with_its_reason(eye):
    def refuses(given):
        raise EyeError("too dark")

    table = evaluate([eye], refuses, ["vessel", "fovea"])
    assert set(table.status) == {"failed"}
    assert set(table.reason) == {"too dark"}
    assert set(table.measure) == {one.name for name in ("vessel", "fovea") for one in measures_of(name)}


def test_what_cannot_be_evaluated_is_said_in_words(eye):
    with pytest.raises(EyeError, match="cannot be evaluated"):
        evaluate([eye], perfect, "vessels")
    with pytest.raises(EyeError, match="no measure 'f1'"):
        evaluate([eye], perfect, measures=["f1"], structures=["vessel"])
    with pytest.raises(EyeError, match="reference of drusen"):
        evaluate([eye], perfect, "drusen")
    with pytest.raises(EyeError, match="own size"):
        compare(eye, phantom.eye(seed=1, size=128))


def test_curves_are_those_of_all_eyes_together(eye):
    other = phantom.eye(seed=2, size=256)
    found = examine([eye, other], lambda given: perfect(eye), ["vessel", "hard_exudate"], name="constant")
    assert found.segmenter == "constant"
    assert found.pixels("vessel").pixels == int(eye.fov.sum() + other.fov.sum())
    assert found.free_response("hard_exudate").at(0) == 1
    with pytest.raises(EyeError, match="no probability of 'artery'"):
        found.pixels("artery")


@pytest.mark.skipif("RETINA_DATA" not in os.environ, reason="needs RETINA_DATA, a folder with the public datasets")
def test_two_real_eyes():
    home = datasets.detect(Path(os.environ["RETINA_DATA"])).get("chase_db1")
    if home is None:
        pytest.skip("CHASE_DB1 is not at hand")
    table = evaluate(datasets.chase_db1(home).select(slice(0, 2)), structures="vessel")
    found = table.pivot_table(index="measure", values="value", aggfunc="mean")["value"]
    assert (table.status == "ok").all()
    assert 0.6 < found["dice"] < 0.85
    assert found["auc"] > 0.9
    assert found["path_correct"] + found["path_infeasible"] <= 1
