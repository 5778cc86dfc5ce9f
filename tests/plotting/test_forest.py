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
    assert len(label.replace("<br>", "")) <= 64
    assert max(map(len, label.split("<br>"))) <= 33
    assert label.endswith("end")


def test_biomarkers_are_called_by_their_names_unless_told_otherwise(table):
    data = table.rename(columns={"strong": "calibre_equivalent_um.artery.zone_b"})
    rows = associate(data, "ill", ["calibre_equivalent_um.artery.zone_b", "width"], groups="patient_id")
    assert set(drawn(plot_forest(rows))) == {"CRAE, zone B (µm)", "width"}
    assert set(drawn(plot_forest(rows, labels={"width": "Width"}))) == {"CRAE, zone B (µm)", "Width"}
    back = associate(data, ["calibre_equivalent_um.artery.zone_b"], "ill", groups="patient_id")
    assert plot_forest(back).layout.xaxis.title.text.startswith("Difference in CRAE, zone B (µm), True vs False")


def test_small_p_are_bounds_and_never_zero(associations):
    rows = associations.assign(p=[1e-9, 0.00034, 0.0123, 0.34, np.nan], q=[1e-9, 0.00034, 0.0123, 0.34, np.nan])
    texts = [note.text for note in plot_forest(rows).layout.annotations]
    assert {"&lt; 0.0001", "0.0003", "0.012", "0.34"} <= set(texts)
    said = [text for trace in plot_forest(rows).data if trace.hovertext for text in trace.hovertext]
    assert any("p &lt; 0.0001" in text for text in said)
    assert not any("0.0000" in text for text in [*texts, *said])


def test_nothing_is_cut_on_a_narrow_page(associations):
    long = "a biomarker with quite long names, all vessels together, zone C (1/mm²)"
    figure = plot_forest(associations, labels={"width": long}, title=20 * "many words " + "end")
    assert figure.layout.width is None
    assert max(map(len, figure.layout.title.text.split("<br>"))) <= 66
    # The title ends above the legend, which stands in the last of the margin.
    lines = figure.layout.title.text.count("<br>") + 1
    assert lines >= 4
    assert figure.layout.margin.t >= 24 * lines + 16 + 30
    assert (figure.layout.legend.y, figure.layout.legend.yanchor) == (1, "bottom")
    assert (figure.layout.template.layout.title.y, figure.layout.template.layout.title.yanchor) == (1, "top")
    # No label is higher than the row it stands in.
    rows = np.ptp(figure.layout.yaxis.range)
    row_px = (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b) / rows
    assert row_px >= 17 * max(text.count("<br>") + 1 for text in figure.layout.yaxis.ticktext)
    # The columns of figures end inside the right margin, and leave half of a page of 700 px to labels and axes.
    ends = [note.xshift for note in figure.layout.annotations if note.xshift and note.xanchor == "right"]
    assert max(ends) < figure.layout.margin.r < 350


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
