"""Figures of an evaluation say what its tables say."""

import numpy as np
import pandas as pd
import pytest

from retina_tools.plotting import (
    describe,
    plot_agreement,
    plot_calibration,
    plot_free_response,
    plot_leave_one_out,
    plot_precision_recall,
    plot_robustness,
)
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation import Detections, Tally, free_response, robustness_table


def rows(values, structure="vessel", dataset="HRF", measure="dice"):
    found = pd.DataFrame({"image_id": [f"e{place}" for place in range(len(values))], "value": values})
    return found.assign(dataset=dataset, structure=structure, measure=measure)


def drawn(figure, mode="markers"):
    return [trace for trace in figure.data if trace.type == "scatter" and trace.mode == mode]


def test_every_eye_is_a_mark_with_its_name():
    figure = plot_agreement(pd.concat([rows([0.7, 0.8, np.nan]), rows([0.5, 0.9, 0.4], "artery")]))
    artery, vessel = drawn(figure)
    assert (list(vessel.x), list(vessel.ids)) == ([0.7, 0.8], ["e0", "e1"])
    assert (list(artery.x), list(artery.ids)) == ([0.5, 0.9, 0.4], ["e0", "e1", "e2"])
    assert list(figure.layout.yaxis.ticktext) == ["Artery", "Vessel"]


def test_mean_and_worst_are_in_words():
    figure = plot_agreement(rows([0.7, 0.8]))
    assert describe(figure) == "Dice of 2 eyes. Vessel, HRF: mean 0.75, worst 0.70 (e0)."
    (said,) = (annotation.text for annotation in figure.layout.annotations)
    assert "<b>0.75</b> · 2 eyes" in said
    assert "worst 0.70, e0" in said
    (mean,) = drawn(figure, "lines")
    assert list(mean.x) == [0.75, 0.75]


def test_the_worst_error_is_the_farthest_from_zero():
    figure = plot_agreement(rows([-0.3, 0.2], "cup_disc", measure="vcdr_error"), "vcdr_error")
    assert "worst -0.30 (e0)" in describe(figure)
    assert "worst −0.30, e0" in figure.layout.annotations[0].text


def test_sets_differ_in_colour_and_shape_and_names_are_plain_text():
    table = pd.concat([rows([0.7], dataset="<b>A</b>"), rows([0.8], dataset="B")])
    figure = plot_agreement(table)
    marks = drawn(figure)
    assert len({trace.marker.color for trace in marks}) == len({trace.marker.symbol for trace in marks}) == 2
    assert {trace.name for trace in marks} == {"&lt;b&gt;A&lt;/b&gt;", "B"}
    assert figure.layout.showlegend


def test_structures_come_in_the_order_asked_for():
    table = pd.concat([rows([0.7]), rows([0.5], "artery"), rows([0.6], "vein")])
    figure = plot_agreement(table, structures=["vein", "vessel"])
    assert list(figure.layout.yaxis.ticktext) == ["Vessel", "Vein"]  # from below


def test_nothing_to_draw_is_said():
    with pytest.raises(EyeError, match="reason"):
        plot_agreement(rows([np.nan]))
    with pytest.raises(EyeError, match="no measure"):
        plot_agreement(rows([0.5]), "iou")
    with pytest.raises(EyeError, match="no column 'dataset'"):
        plot_agreement(rows([0.5]).drop(columns="dataset"))


def test_heat_map_has_the_numbers_of_the_table():
    steps = [
        ("", 0, 0.8),
        *((kind, s, 0.8 - loss * s) for kind, loss in (("blur", 0.1), ("haze", 0.02)) for s in (1, 2)),
    ]
    table = pd.DataFrame(steps, columns=["kind", "severity", "value"])
    table = table.assign(dataset="HRF", image_id="a", patient_id="a", structure="vessel", measure="dice", reason="")
    table["status"] = "ok"
    figure = plot_robustness(table)
    grid = figure.data[0]
    wide = robustness_table(table, "vessel")
    assert list(grid.y) == ["haze", "blur"]  # from below: the worst is on top
    np.testing.assert_allclose(grid.z[1], wide.loc["blur", [0, 1, 2]].to_numpy(float))
    assert "from the largest mean loss: blur 0.60, haze 0.76" in describe(figure)
    assert "−0.15" in {annotation.text for annotation in figure.layout.annotations}


@pytest.fixture(scope="module")
def tally():
    random = np.random.default_rng(0)
    score = random.random(20000)
    return Tally.of(score, random.random(20000) < score)


def test_precision_recall_has_the_area_in_its_legend_and_few_points(tally):
    curve = plot_precision_recall({"Vessel": tally}).data[0]
    assert curve.name == f"Vessel, area {tally.average_precision():.3f}"
    assert len(curve.x) <= 400
    assert (curve.x[0], curve.x[-1]) == (1, 0)


def test_a_calibrated_segmenter_lies_on_the_diagonal(tally):
    diagonal, curve = plot_calibration({"Vessel": tally}).data
    assert list(diagonal.x) == list(diagonal.y)
    assert np.abs(np.subtract(curve.x, curve.y)).max() < 0.05


@pytest.mark.parametrize(("power", "said"), [(0.5, "too timid"), (2, "too sure")])
def test_which_way_probabilities_lean_is_said(power, said):
    random = np.random.default_rng(1)
    score = random.random(5000)
    figure = plot_calibration({"Vessel": Tally.of(score, random.random(5000) < score**power)})
    assert said in describe(figure)


def test_free_response_reads_as_its_curve():
    one = Detections(np.array([0.9, 0.8, 0.3]), np.array([True, False, True]), lesions=2)
    curve = free_response([one])
    figure = plot_free_response({"Exudate": curve})
    line = figure.data[0]
    assert list(line.y) == [0.5, 0.5, 1.0]
    assert line.x[1] == 1
    assert line.name == f"Exudate, mean {curve.score:.3f}"
    assert describe(figure).endswith(f"Exudate: mean {curve.score:.2f}, 1.00 at one false object per image.")


def test_too_many_curves_are_refused(tally):
    with pytest.raises(EyeError, match="1 to 8"):
        plot_calibration({str(place): tally for place in range(9)})
    with pytest.raises(EyeError, match="0 curves"):
        plot_precision_recall({})


def test_sets_trained_on_are_framed():
    table = pd.DataFrame(
        {"A": [0.8, 0.7], "B": [0.6, 0.9], "inside": [0.8, 0.8], "outside": [0.6, np.nan], "gap": [0.2, np.nan]},
        index=["A", "A + B"],
    )
    figure = plot_leave_one_out(table)
    assert list(figure.data[0].y) == ["A + B", "A"]
    assert figure.data[0].z.tolist() == [[0.7, 0.9], [0.8, 0.6]]
    frames = {(round(shape.x0 + 0.47), round(shape.y0 + 0.45)) for shape in figure.layout.shapes}
    assert frames == {(0, 1), (0, 0), (1, 0)}
    assert "Mean loss from sets trained on to others 0.20" in describe(figure)
