"""The scatter of a cohort: every point from its row, every group told apart twice."""

import numpy as np
import pandas as pd
import pytest

from retina_tools.plotting import OKABE_ITO, SYMBOLS, describe, plot_cohort
from retina_tools.schema import EyeError


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(40)],
            "patient_id": [f"p{k // 2}" for k in range(40)],
            "laterality": ["OD", "OS"] * 20,
            "age": np.repeat(rng.normal(60, 9, 20), 2),
            "width": rng.normal(150, 12, 40),
            "group": np.repeat(["ill", "healthy"], 20),
        }
    )
    table.loc[[3, 7], "width"] = [np.nan, np.inf]
    return table


def points(figure):
    return [trace for trace in figure.data if trace.mode == "markers"]


def test_points_are_the_rows_of_the_table(table):
    for trace in points(plot_cohort(table, "age", "width", "group")):
        rows = table.set_index("image_id").loc[list(trace.ids)]
        np.testing.assert_array_equal(trace.x, rows["age"])
        np.testing.assert_array_equal(trace.y, rows["width"])
        assert set(rows["group"]) == {trace.name}
        assert trace.hovertext[0].startswith(f"<b>{trace.ids[0]}</b>")


def test_groups_differ_in_colour_and_in_shape(table):
    table["group"] = np.resize(list("abcdefgh"), 40)
    traces = points(plot_cohort(table, "age", "width", "group"))
    assert [trace.name for trace in traces] == list("abcdefgh")
    assert [trace.marker.color for trace in traces] == list(OKABE_ITO)
    assert [trace.marker.symbol for trace in traces] == list(SYMBOLS)
    with pytest.raises(EyeError, match="9 groups"):
        plot_cohort(table.assign(group=np.resize(list("abcdefghi"), 40)), "age", "width", "group")


def test_missing_values_are_counted_on_the_figure(table):
    figure = plot_cohort(table, "age", "width")
    assert sum(len(trace.x) for trace in points(figure)) == 38
    assert any("2 of 40 rows left out" in note.text for note in figure.layout.annotations)
    assert "2 rows without both values" in describe(figure)


def test_unknown_groups_are_a_group_of_their_own(table):
    table.loc[10:12, "group"] = None
    names = [trace.name for trace in points(plot_cohort(table, "age", "width", "group"))]
    assert names == ["healthy", "ill", "not known"]


def test_colour_and_symbol_may_say_different_things(table):
    traces = points(plot_cohort(table, "age", "width", "group", "laterality"))
    looks = {trace.name: (trace.marker.color, trace.marker.symbol) for trace in traces}
    assert set(looks) == {"healthy, OD", "healthy, OS", "ill, OD", "ill, OS"}
    assert looks["ill, OD"][0] == looks["ill, OS"][0] != looks["healthy, OD"][0]
    assert looks["ill, OD"][1] == looks["healthy, OD"][1] != looks["ill, OS"][1]


def test_an_amount_becomes_a_colour_scale(table):
    table["hba1c"] = np.linspace(5, 9, 40)
    figure = plot_cohort(table, "age", "width", "hba1c", labels={"hba1c": "HbA1c (%)"})
    (trace,) = points(figure)
    assert trace.marker.color[0] == 5
    assert figure.layout.coloraxis.colorbar.title.text == "HbA1c (%)"


def test_fellow_eyes_are_joined_and_others_are_not(table):
    joins = next(trace for trace in plot_cohort(table, "age", "width", join_eyes=True).data if trace.mode == "lines")
    # 20 patients, two of whom have one eye with a value
    assert np.isnan(joins.x).sum() == 18
    np.testing.assert_array_equal(joins.x[:2], table["age"][:2])


def test_histograms_stand_on_the_axes_they_count(table):
    figure = plot_cohort(table, "age", "width", "group", margins=True)
    bars = [trace for trace in figure.data if trace.type == "histogram"]
    assert len(bars) == 4
    assert sum(len(bar.x) for bar in bars if bar.x is not None) == 38
    assert {bar.yaxis for bar in bars if bar.x is not None} == {"y2"}
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]


def test_axes_have_names_and_the_page_decides_the_width(table):
    data = table.rename(columns={"width": "calibre_equivalent_um.artery.zone_b"})
    figure = plot_cohort(data, "age", "calibre_equivalent_um.artery.zone_b", "group", labels={"age": "Age (years)"})
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("Age (years)", "CRAE, zone B (µm)")
    assert figure.layout.width is None
    narrow = plot_cohort(data, "age", "calibre_equivalent_um.artery.zone_b", width=500)
    assert narrow.layout.width == 500
    named = data.assign(group="proliferative diabetic retinopathy with a long name")
    (trace,) = points(plot_cohort(named, "age", "calibre_equivalent_um.artery.zone_b", "group"))
    assert max(map(len, trace.name.split("<br>"))) <= 20


def test_description_says_what_is_seen(table):
    said = describe(plot_cohort(table, "age", "width", "group", labels={"width": "CRAE (µm)"}))
    assert said.startswith("Scatter plot of 38 images: age from")
    assert "CRAE (µm) from" in said
    assert "healthy 20, ill 18" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("age", "wide"), "no column 'wide'"),
        (("age", "group"), "'group' is not numeric"),
        (("age", "nothing"), "nothing to draw"),
    ],
)
def test_columns_that_cannot_be_drawn_are_answered_in_words(table, arguments, said):
    with pytest.raises(EyeError, match=said):
        plot_cohort(table.assign(nothing=np.nan), *arguments)


def test_nullable_and_whole_numbers_are_axes_too(table):
    table["grade"] = pd.array([1, 2, None, 4] * 10, dtype="Int64")
    figure = plot_cohort(table, "grade", "width", "grade")
    assert sum(len(trace.x) for trace in points(figure)) == 28  # ten without a grade, two others without a width
    assert [trace.name for trace in points(figure)] == ["1", "2", "4"]
