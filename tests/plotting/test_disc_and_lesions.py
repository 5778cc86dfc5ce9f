"""Figures of the rim, of lesions by field and of evidence show the numbers that were measured, where they were."""

import numpy as np
import pytest

from retina_tools import biomarkers, phantom, plotting
from retina_tools.biomarkers import clinical_rules
from retina_tools.plotting import describe
from retina_tools.schema import EyeError, new_eye, with_parts

NOTCH = {"cup_disc_ratio": 0.5, "notch_depth": 0.8, "notch_angle_deg": 280.0, "vessel_density": 0.0}


@pytest.fixture(scope="module", params=["OD", "OS"])
def notched(request):
    return phantom.anatomy(seed=2, **NOTCH).render(640, request.param)


@pytest.fixture(scope="module")
def lesioned():
    return phantom.eye("moderate NPDR, left eye", seed=3, size=640)


def named(figure, name):
    (trace,) = [trace for trace in figure.data if (trace.name or "").split(" (")[0] == name]
    return trace


def labels(figure):
    return {annotation.text: (annotation.y, annotation.x) for annotation in figure.layout.annotations}


def test_the_profile_has_the_rim_of_every_direction(notched):
    profile = biomarkers.rim_profile(notched)
    table = biomarkers.rim_table(notched).set_index("sector")
    for sector, first in (("temporal", 315), ("superior", 45), ("nasal", 135), ("inferior", 225)):
        inside = (profile["angle_deg"] - first) % 360 < 90
        assert profile["width_px"][inside].mean() == pytest.approx(table.loc[sector, "width_px"])
        assert profile["rim_disc_ratio"][inside].min() == pytest.approx(table.loc[sector, "rim_disc_ratio"])
    across = np.hypot(profile["disc_y"] - profile["cup_y"], profile["disc_x"] - profile["cup_x"])
    np.testing.assert_allclose(across, profile["width_px"], atol=1e-9)
    temporal = profile.iloc[int((profile["angle_deg"] - 0.5).abs().argmin())]
    centre_x = biomarkers.Frame(notched).centre_yx[1]
    assert (temporal["disc_x"] < centre_x) == (str(notched.laterality.item()) == "OD")


def test_the_rim_is_drawn_as_measured(notched):
    figure = plotting.plot_rim(notched)
    profile = biomarkers.rim_profile(notched)
    rim = named(figure, "Rim")
    assert len(rim.x) == 360
    assert list(rim.x) == sorted(rim.x)
    np.testing.assert_allclose(sorted(rim.y), sorted(profile["width_dd"]), atol=1e-4)
    table = biomarkers.rim_table(notched).set_index("sector")
    said = labels(figure)
    for sector in ("inferior", "superior", "nasal", "temporal"):
        assert f"{sector[0].upper()} {table.loc[sector, 'width_dd']:.3f} DD" in said
    _, x = said[next(text for text in said if text.startswith("T "))]
    assert (x < biomarkers.Frame(notched).centre_yx[1]) == (str(notched.laterality.item()) == "OD")
    ratio = float(profile["rim_disc_ratio"].min())
    assert f"narrowest rim-to-disc ratio {ratio:.2f} at" in describe(figure)
    # The ray of the narrowest rim begins on the cup.
    ray, at = named(figure, "Narrowest rim"), profile["rim_disc_ratio"].argmin()
    assert (ray.y[0], ray.x[0]) == pytest.approx(tuple(profile.loc[at, ["cup_y", "cup_x"]]), abs=1)


@pytest.mark.parametrize("grid", ["etdrs", "quadrants"])
def test_every_lesion_is_drawn_where_it_is_and_counted_in_its_field(lesioned, grid):
    figure = plotting.plot_lesion_fields(lesioned, grid=grid)
    table = biomarkers.lesions_table(lesioned)
    shown = [trace for trace in figure.data if trace.mode == "markers" and trace.name != "Fovea"]
    assert sum(len(trace.x) for trace in shown) == len(table) > 10
    places = np.concatenate([np.stack([trace.y, trace.x], axis=1) for trace in shown])
    known = table[["y", "x"]].to_numpy()
    np.testing.assert_allclose(places[np.lexsort(places.T)], known[np.lexsort(known.round(1).T)], atol=0.06)
    counts = table["etdrs_field" if grid == "etdrs" else "quadrant"].value_counts().drop("", errors="ignore")
    written = sorted(int(text.text) for text in figure.layout.annotations if text.text.isdigit())
    assert written == sorted([*counts, *[0] * ((9 if grid == "etdrs" else 4) - len(counts))])
    assert all(f" {count}" in describe(figure) for count in counts)


def test_counts_are_written_in_their_own_fields(lesioned):
    table = biomarkers.lesions_table(lesioned, "haemorrhage")
    figure = plotting.plot_lesion_fields(lesioned, "haemorrhage", "quadrants")
    fovea, nasal = biomarkers.Frame(lesioned).fovea_yx, -1  # a left eye
    for text, (y, x) in ((a.text, (a.y, a.x)) for a in figure.layout.annotations if a.text.isdigit()):
        half = "supero" if y < fovea[0] else "infero"
        side = "nasal" if (x - fovea[1]) * nasal > 0 else "temporal"
        assert int(text) == (table["quadrant"] == f"{half}{side}").sum()


def test_what_places_no_fields_is_said(lesioned, notched):
    with pytest.raises(EyeError, match="scale_from_disc"):
        plotting.plot_lesion_fields(with_parts(lesioned, um_per_pixel=np.nan, scale_source="unknown"))
    with pytest.raises(EyeError, match="fovea"):
        plotting.plot_lesion_fields(new_eye(masks={"drusen": np.eye(64, dtype=bool)}, um_per_pixel=20.0))
    with pytest.raises(EyeError, match="temporal of the disc"):
        plotting.plot_lesion_fields(with_parts(lesioned, laterality="OD"))
    with pytest.raises(EyeError, match="wanted a lesion"):
        plotting.plot_lesion_fields(lesioned, "optic_disc")
    with pytest.raises(EyeError, match="quadrants"):
        plotting.plot_lesion_fields(lesioned, grid="clock")
    other = {"OD": "OS", "OS": "OD"}[str(notched.laterality.item())]
    with pytest.raises(EyeError, match="stated laterality"):
        plotting.plot_rim(with_parts(notched, laterality=other))
    with pytest.raises(EyeError, match="no_mask"):
        plotting.plot_rim(new_eye(masks={"optic_disc": notched.mask.sel(structure="optic_disc").values}))


def test_an_eye_without_lesions_has_empty_fields(notched):
    figure = plotting.plot_lesion_fields(notched)
    assert sorted(text.text for text in figure.layout.annotations if text.text.isdigit()) == ["0"] * 9
    assert "Lesions: none." in describe(figure)


def test_evidence_is_drawn_by_verdict_and_says_that_it_is_no_diagnosis(lesioned):
    for grade in (
        clinical_rules.retinopathy_severity(lesioned),
        clinical_rules.macular_oedema_risk(lesioned, assume_absent=["hard_exudate"]),
        clinical_rules.glaucoma_suspicion(lesioned),
    ):
        figure = plotting.plot_evidence(grade)
        drawn = {verdict: trace.y for trace in figure.data for verdict in [trace.name]}
        words = {True: "met", False: "not met", None: "not judged"}
        for met, verdict in words.items():
            rows = [k for k, row in enumerate(grade.evidence) if row.met is met]
            assert list(drawn.get(verdict, ())) == rows
        assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)  # not by colour alone
        assert grade.note in describe(figure)
        assert any(text.text.startswith(grade.note) for text in figure.layout.annotations)


def test_names_in_a_grade_are_text():
    row = clinical_rules.Evidence("<a href='x'>c</a>", 1, 2, True, "<b>w</b>")
    figure = plotting.plot_evidence(clinical_rules.Grade("<i>s</i>", 1, "<u>n</u>", 1, "", (row,), "source"))
    assert not any(tag in figure.to_json() for tag in ("<i>s", "<a href='x'>c</a>\"", '<b>w</b>"'))


def test_figures_are_light_and_offer_no_upload(notched, lesioned):
    for figure in (plotting.plot_rim(notched), plotting.plot_lesion_fields(lesioned)):
        assert len(figure.to_json()) < 700_000
        assert "sendChartToCloud" in figure.layout.template.layout.modebar.remove
