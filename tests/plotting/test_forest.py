"""Forest plots say what the table says."""

import numpy as np
import pandas as pd
import pytest

from retina_tools.plotting import describe, plot_forest
from retina_tools.schema import EyeError
from retina_tools.statistics import associate


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 2)
    ill = (rng.random(60) < 0.5)[patient]
    columns = {name: rng.normal(size=60)[patient] + rng.normal(size=120) for name in ("width", "length", "angle")}
    columns["strong"] = 1.5 * ill + rng.normal(size=60)[patient] + 0.3 * rng.normal(size=120)
    return pd.DataFrame({"patient_id": patient, "ill": ill, "flat": 1.0, **columns})


@pytest.fixture(scope="module")
def associations(table):
    return associate(table, "ill", ["width", "length", "angle", "strong", "flat"], groups="patient_id")


def drawn(figure):
    """Value, low and high by label, from the marks of the figure."""
    labels = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    found = {}
    for trace in (trace for trace in figure.data if trace.name.startswith("q ")):
        for x, y, up, down in zip(trace.x, trace.y, trace.error_x.array, trace.error_x.arrayminus, strict=True):
            if np.isfinite(x):
                found[labels[y]] = (x, x - down, x + up, trace.marker.symbol)
    return found


def test_odds_ratios_and_intervals_are_those_of_the_table(associations):
    figure = plot_forest(associations)
    marks = drawn(figure)
    rows = associations[associations["status"] == "ok"].set_index("exposure")
    assert set(marks) == set(rows.index)
    for name, row in rows.iterrows():
        wanted = row[["odds_ratio", "odds_ratio_low", "odds_ratio_high"]].astype(float)
        np.testing.assert_allclose(marks[name][:3], wanted)
    assert figure.layout.xaxis.type == "log"
    assert next(trace for trace in figure.data if trace.name == "no effect").x[0] == 1


def test_marks_are_filled_where_q_is_small_and_open_elsewhere(associations):
    marks = drawn(plot_forest(associations))
    q = associations.set_index("exposure")["q"]
    assert q["strong"] < 0.05 < q["width"]
    assert {name: mark[3] for name, mark in marks.items()} == {
        name: "square" if q[name] < 0.05 else "square-open" for name in marks
    }


def test_both_kinds_of_mark_are_explained_even_where_one_occurs(associations):
    only = associations[associations["exposure"] == "strong"]
    assert [trace.name for trace in plot_forest(only).data if trace.showlegend] == ["q < 0.05", "q ≥ 0.05"]


@pytest.mark.parametrize(("sort", "key", "up"), [("effect", "effect", False), ("p", "p", True), ("given", None, None)])
def test_lines_are_in_the_order_asked_for(associations, sort, key, up):
    figure = plot_forest(associations, sort=sort)
    order = [label for _, label in sorted(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))]
    rows = associations[associations["status"] == "ok"]
    wanted = rows if key is None else rows.sort_values(key, ascending=up)
    assert order[::-1] == wanted["exposure"].tolist()


def test_what_has_no_estimate_is_named_not_hidden(associations):
    figure = plot_forest(associations)
    assert any("Without an estimate: 1 constant" in note.text for note in figure.layout.annotations)
    assert "1 constant" in describe(figure)
    assert "strong" in describe(figure)


def test_outcomes_of_different_units_are_drawn_in_their_standard_deviations(table):
    rows = associate(table.assign(strong=1000 * table["strong"]), ["strong", "width"], "ill", groups="patient_id")
    figure = plot_forest(rows)
    marks = drawn(figure)
    for _, row in rows.iterrows():
        assert marks[row["outcome"]][0] == pytest.approx(row["effect"] / row["outcome_sd"])
    assert figure.layout.xaxis.title.text == "Difference in SD of the outcome, True vs False (95 % interval)"
    one = plot_forest(rows.head(1))
    assert drawn(one)["ill"][0] == pytest.approx(rows["effect"][0])
    assert one.layout.xaxis.title.text.startswith("Difference in strong")


def test_labels_are_those_people_use(associations):
    assert "Vein width" in drawn(plot_forest(associations, labels={"width": "Vein width"}))
    assert "WIDTH" in drawn(plot_forest(associations, labels=str.upper))
    long = plot_forest(associations, labels={"width": "beginning " + 80 * "x" + " end"})
    label = next(text for text in long.layout.yaxis.ticktext if text.startswith("beginning"))
    assert len(label) <= 46
    assert label.endswith("end")


def test_too_many_lines_are_cut_by_p_and_said(associations):
    figure = plot_forest(associations, max_rows=2)
    assert set(drawn(figure)) == set(associations.nsmallest(2, "p")["exposure"])
    assert "2 more are in the table" in describe(figure)


def test_ticks_of_odds_ratios_do_not_crowd(associations):
    for figure in (plot_forest(associations), plot_forest(associations[associations["exposure"] == "strong"])):
        ticks = np.log10(np.array(figure.layout.xaxis.tickvals, float))
        span = np.ptp(figure.layout.xaxis.range)
        assert 0 in ticks
        assert (np.diff(ticks) > 0.08 * span).all()


def test_tables_that_cannot_be_drawn_are_answered_in_words(table, associations):
    with pytest.raises(EyeError, match="no column 'outcome'"):
        plot_forest(associations.drop(columns="outcome"))
    with pytest.raises(EyeError, match=r"None of the 1 associations has an estimate \(constant\)"):
        plot_forest(associations[associations["exposure"] == "flat"])
    with pytest.raises(EyeError, match="mix odds ratios and units"):
        plot_forest(associate(table, ["ill", "strong"], "width", groups="patient_id"))
    with pytest.raises(EyeError, match="sort is 'size'"):
        plot_forest(associations, sort="size")
