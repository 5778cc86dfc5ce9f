"""From rows per eye to rows per set, and what is put beside other sets."""

import math

import numpy as np
import pandas as pd
import pytest

from retina_tools import phantom, schema
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import (
    Detections,
    Evaluation,
    Tally,
    card_results,
    evaluation_card,
    leave_one_out,
    pool,
    refuge,
    robustness,
    robustness_table,
    summarise,
)


def table(values, *, measure="dice", structure="vessel", dataset="set", patients=None):
    images = [f"i{place}" for place in range(len(values))]
    found = pd.DataFrame({"image_id": images, "patient_id": patients or images, "value": values})
    missing = found["value"].isna()
    found["status"] = np.where(missing, "empty_truth", "ok")
    found["reason"] = np.where(missing, "nothing there", "")
    return found.assign(dataset=dataset, structure=structure, measure=measure)


def test_summary_of_known_values():
    found = summarise(table([0.2, 0.6, np.nan, 1.0])).iloc[0]
    assert (found.n, found.patients, found.missing, found.why) == (3, 3, 1, "1 x nothing there")
    assert found["mean"] == pytest.approx(0.6)
    assert found["median"] == 0.6
    assert (found.worst, found.worst_image) == (0.2, "i0")
    assert found.ci_low <= found["mean"] <= found.ci_high


@pytest.mark.parametrize(("measure", "image"), [("error_dd", "i2"), ("vcdr_error", "i0"), ("vcdr", "")])
def test_the_worst_end_depends_on_the_measure(measure, image):
    structure = "fovea" if measure == "error_dd" else "cup_disc"
    assert summarise(table([-0.9, 0.1, 0.5], measure=measure, structure=structure)).iloc[0].worst_image == image


def test_eyes_of_a_patient_are_not_patients():
    random = np.random.default_rng(0)
    values = np.repeat(random.normal(0.7, 0.1, 12), 4)
    alone, clustered = table(values), table(values, patients=[f"p{place // 4}" for place in range(48)])
    widths = [float((one.ci_high - one.ci_low).iloc[0]) for one in (summarise(alone), summarise(clustered))]
    # Four copies of each patient say no more than one: the interval is twice as wide.
    assert widths[1] / widths[0] == pytest.approx(2, abs=0.3)
    assert math.isnan(summarise(table([0.5, 0.6], patients=["p", "p"])).iloc[0].ci_low)


def test_all_pixels_together_are_not_the_mean_of_eyes():
    # A small eye ranked wrong and a large one ranked right.
    small, large = Tally.of([0.9, 0.1], [False, True]), Tally.of([0.9] * 50 + [0.1] * 50, [True] * 50 + [False] * 50)
    made = Evaluation("set", "s", table([0.5, 0.5]), {"vessel": [("a", small), ("b", large)]})
    found = pool(made).set_index("measure")
    assert found.value["ap"] == pytest.approx(Tally.total([small, large]).average_precision())
    assert found.value["ap"] > (small.average_precision() + large.average_precision()) / 2
    assert found.ci_low["ap"] == pytest.approx(small.average_precision())
    assert found.ci_high["ap"] == 1


def test_lesions_together_by_free_response():
    one = Detections(np.array([0.9]), np.array([True]), 1)
    none = Detections(np.array([0.9]), np.array([False]), 1)
    made = Evaluation("set", "s", table([0.5]), {}, {"hard_exudate": [("a", (one, one)), ("b", (none, none))]})
    found = pool(made).set_index("measure").value
    # One of two found, with half a false object per image.
    assert found["froc"] == pytest.approx(0.5 * 5 / 7)
    assert found["ap_object_10"] == found["ap_object_50"] == pytest.approx(0.25)


def test_trained_on_by_tested_on():
    on = {name: pd.concat([table([a], dataset="A"), table([b], dataset="B")]) for name, a, b in (("A", 0.8, 0.6),)}
    on["A", "B"] = pd.concat([table([0.7], dataset="A"), table([0.5], dataset="C")])
    found = leave_one_out(on, "vessel")
    assert found.index.tolist() == ["A", "A + B"]
    assert found.loc["A", ["A", "B", "inside", "outside"]].tolist() == [0.8, 0.6, 0.8, 0.6]
    assert math.isnan(found.loc["A", "C"])
    assert found.loc["A + B", "gap"] == pytest.approx(0.2)
    with pytest.raises(EyeError, match="evaluate it first"):
        leave_one_out(on, "artery")


def disc_table(dice, ratios, true):
    parts = [
        table(dice, structure="optic_disc"),
        table(dice, structure="optic_cup"),
        table(ratios, structure="cup_disc", measure="vcdr_refuge"),
        table(true, structure="cup_disc", measure="vcdr_refuge_true"),
    ]
    return pd.concat(parts).assign(status="ok")


def test_refuge_protocol_by_hand():
    found = refuge(disc_table([0.9, 0.7], [0.5, 0.8], [0.4, 0.7])).value
    assert found["disc_dice"] == pytest.approx(0.8)
    assert found["vcdr_mae"] == pytest.approx(0.1)


def test_refuge_counts_a_missed_disc_as_nothing():
    found = refuge(disc_table([0.9, np.nan], [0.5, np.nan], [0.4, 0.7]))
    assert found.value["disc_dice"] == pytest.approx(0.45)
    assert found.value["vcdr_mae"] == pytest.approx((0.1 + 0.7) / 2)
    assert found.missed["vcdr_mae"] == 1


def test_refuge_grades_glaucoma_by_the_ratio_or_by_scores():
    discs = disc_table([0.9] * 4, [0.3, 0.4, 0.6, 0.7], [0.3, 0.4, 0.6, 0.7])
    labels = pd.Series([False, True, False, True], index=["i0", "i1", "i2", "i3"])
    assert refuge(discs, labels).value["glaucoma_auc"] == 0.75
    scores = {"i0": 0.0, "i1": 1.0, "i2": 0.0, "i3": 1.0}
    assert refuge(discs, labels, scores).value["glaucoma_auc"] == 1
    with pytest.raises(EyeError, match="all the same"):
        refuge(discs, {"i0": True, "i1": True})


@pytest.fixture(scope="module")
def robust():
    """A segmenter that draws less the darker the picture, and gives up on the darkest."""
    eye = schema.with_parts(phantom.eye(seed=1, size=128), image_id="a")
    vessels = schema.get_mask(eye, "vessel")
    order = np.cumsum(vessels.ravel()).reshape(vessels.shape) / vessels.sum()

    def darken(given, kind, severity):
        changed = given.copy()
        factor = 1 - severity / 5 if kind == "dark" else 1
        changed["image"] = (given["image"] * factor).astype(np.uint8)
        return changed

    def draw(given):
        light = float(given["image"].max()) / float(eye["image"].max())
        if light < 0.1:
            raise EyeError("too dark")
        return schema.with_parts(given, masks={"vessel": vessels & (order <= light)})

    return robustness([eye], draw, darken, ["dark", "same"], structures=["vessel"], measures=["dice"])


def test_robustness_table_follows_the_damage(robust):
    found = robustness_table(robust, "vessel")
    assert found.index.tolist() == ["dark", "same"]
    assert found.columns.tolist() == [0, 1, 2, 3, 4, 5, "loss"]
    assert found.loc["same"].tolist() == pytest.approx([1] * 6 + [0])
    dark = found.loc["dark"]
    assert dark[0] == 1
    # Of a share s of the vessels the Dice is 2s / (1 + s).
    for severity in (1, 2, 3, 4):
        share = 1 - severity / 5
        assert dark[severity] == pytest.approx(2 * share / (1 + share), abs=0.02)
    assert dark[5] == 0  # giving up is not robust
    assert dark["loss"] == pytest.approx(1 - dark[[1, 2, 3, 4, 5]].mean())


def test_robustness_can_be_summarised_by_kind_and_severity(robust):
    found = summarise(robust)
    assert len(found) == 11
    assert found.set_index(["kind", "severity"]).why["dark", 5] == "1 x too dark"


def test_severity_zero_is_not_asked_for():
    with pytest.raises(EyeError, match="more than 0"):
        robustness([], None, lambda eye, kind, severity: eye, ["blur"], [0, 1])


def test_the_card_has_every_number_and_its_meaning():
    rows = pd.concat([table([0.5, 0.75]), table([np.nan, np.nan], measure="auc")])
    text = evaluation_card(Evaluation("HRF", "line filters", rows), trained_on="nothing")
    assert text.startswith("# line filters on HRF\n")
    assert "| Vessel | Dice | 0.625" in text
    assert "0.500 (i0)" in text
    assert "- Vessel, AUC: 2 x nothing there" in text
    assert "2 |A and B| / (|A| + |B|)" in text
    (result,) = card_results(summarise(rows), "nothing")
    assert result == {
        "dataset": "set",
        "structure": "vessel",
        "measure": "dice",
        "value": 0.625,
        "eyes": 2,
        "trained_on": "nothing",
    }
