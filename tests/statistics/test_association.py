"""Associations: the right number, in every shape a clinical table comes in, or a row that says why there is none."""

import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from retina_tools import statistics
from retina_tools.schema import EyeError
from retina_tools.statistics import adjust, associate

CALIBRE = "calibre_equivalent_um.artery.zone_b"
ODD = 'width (µm), "vein" [C]'


@pytest.fixture(scope="module")
def table():
    """80 patients, both eyes; disease of the patient narrows the arteries, age widens nothing."""
    rng = np.random.default_rng(11)
    patient = np.repeat(np.arange(80), 2)
    ill = (rng.random(80) < 0.5)[patient]

    def biomarker(mean, spread):
        return mean + spread * (0.8 * rng.normal(size=80)[patient] + 0.6 * rng.normal(size=160))

    return pd.DataFrame(
        {
            "image_id": [f"image {i}" for i in range(160)],
            "patient_id": [f"P{i:03d}" for i in patient],
            "laterality": ["OD", "OS"] * 80,
            "disease": np.where(ill, "glaucoma", "healthy"),
            "grade": rng.integers(0, 5, 80)[patient],
            "age": rng.normal(60, 8, 80)[patient],
            "sex": rng.choice(["F", "M"], 80)[patient],
            CALIBRE: biomarker(150, 12) - 9 * ill,
            ODD: biomarker(210, 14),
            "rim_area": biomarker(1.4, 0.3) - 0.3 * ill,
        }
    )


def test_logistic_agrees_with_a_formula_of_statsmodels(table):
    row = associate(table, "disease", CALIBRE, ["age", "sex"], "patient_id", standardise=False).iloc[0]
    data = table.assign(disease=(table["disease"] == "glaucoma").astype(float))
    theirs = smf.gee(
        row["formula"], "patient_id", data, family=sm.families.Binomial(), cov_struct=sm.cov_struct.Independence()
    ).fit(cov_type="bias_reduced")
    term = f"Q('{CALIBRE}')"
    assert row["effect"] == pytest.approx(theirs.params[term], rel=1e-6)
    assert row["odds_ratio"] == pytest.approx(np.exp(theirs.params[term]), rel=1e-6)
    # statsmodels' small-sample error is Mancl and DeRouen's, a little larger than ours; the plain one is smaller.
    plain = np.sqrt(theirs.cov_robust[1:, 1:].diagonal())[theirs.params.index[1:].get_loc(term)]
    assert plain < row["se"] < theirs.bse[term]
    assert (row["n"], row["n_groups"], row["n_events"]) == (160, 80, int(data["disease"].sum()))


def test_linear_agrees_with_a_formula_of_statsmodels(table):
    row = associate(table, CALIBRE, "disease", ["age", "sex"], "patient_id").iloc[0]
    data = table.assign(disease=(table["disease"] == "glaucoma").astype(float))
    theirs = smf.gee(row["formula"], "patient_id", data, cov_struct=sm.cov_struct.Exchangeable()).fit(ctol=1e-9)
    assert row["effect"] == pytest.approx(theirs.params["disease"], rel=1e-6)
    assert row["correlation"] == pytest.approx(theirs.cov_struct.dep_params, rel=1e-6)
    assert row["effect_kind"] == "outcome units, glaucoma vs healthy"
    assert row["ci_low"] < -9 < row["ci_high"]
    assert pd.isna(row["n_events"])
    assert np.isnan(row["odds_ratio"])


def test_standardised_effect_is_the_raw_one_times_the_standard_deviation(table):
    options = {"exposures": [CALIBRE, ODD], "covariates": "age", "groups": "patient_id"}
    per_sd, raw = associate(table, "disease", **options), associate(table, "disease", standardise=False, **options)
    np.testing.assert_allclose(per_sd["effect"], raw["effect"] * table[[CALIBRE, ODD]].std().to_numpy())
    np.testing.assert_allclose(per_sd["p"], raw["p"])
    assert set(per_sd["effect_kind"]) == {"log odds per SD"}
    assert set(raw["effect_kind"]) == {"log odds per unit"}


@pytest.mark.parametrize("outcome", ["disease", "rim_area"])
def test_scale_sign_and_order_are_no_matter(table, outcome):
    def result(data):
        return associate(data, outcome, CALIBRE, ["age", "sex"], "patient_id").iloc[0]

    here = result(table)
    scaled = result(table.assign(**{CALIBRE: 1e-3 * table[CALIBRE] + 7}))
    flipped = result(table.assign(**{CALIBRE: -table[CALIBRE]}))
    shuffled = result(table.sample(frac=1, random_state=0))
    for column in ("effect", "ci_low", "ci_high", "p", "df"):
        assert scaled[column] == pytest.approx(here[column], rel=1e-6)
        assert shuffled[column] == pytest.approx(here[column], rel=1e-6)
    assert flipped["effect"] == pytest.approx(-here["effect"])
    assert flipped["ci_low"] == pytest.approx(-here["ci_high"])
    assert flipped["p"] == pytest.approx(here["p"])


def test_swapping_event_and_reference_inverts_the_odds_ratio(table):
    there = associate(table, "disease", CALIBRE, groups="patient_id", event="healthy").iloc[0]
    here = associate(table, "disease", CALIBRE, groups="patient_id").iloc[0]
    assert (there["event"], there["reference"]) == ("healthy", "glaucoma")
    assert there["odds_ratio"] == pytest.approx(1 / here["odds_ratio"])
    assert there["p"] == pytest.approx(here["p"])


@pytest.mark.parametrize(
    ("outcome", "exposure", "options"),
    [
        ("disease", CALIBRE, {}),
        (CALIBRE, "disease", {}),
        (CALIBRE, "rim_area", {"correlation": "independence"}),
    ],
)
def test_copies_of_eyes_add_no_evidence_when_patients_are_known(table, outcome, exposure, options):
    doubled = pd.concat([table, table], ignore_index=True)

    def p(data, groups):
        return associate(data, outcome, exposure, groups=groups, **options)["p"].iloc[0]

    assert p(doubled, "patient_id") == pytest.approx(p(table, "patient_id"), rel=1e-6)
    assert p(doubled, False) < 0.5 * p(table, False)


def test_exchangeable_weights_that_change_the_effect_say_so(table):
    # Both follow the patient, and the eye adds noise to each: patients show the link, fellow eyes do not.
    rng = np.random.default_rng(0)
    of_patient, rest = np.repeat(rng.normal(size=(2, 80)), 2, axis=1)
    outcome = of_patient + rest + 0.5 * rng.normal(size=160)
    data = table.assign(x=of_patient + 0.7 * rng.normal(size=160), y=outcome)
    there = associate(data, "y", "x", groups="patient_id", correlation="independence").iloc[0]
    here = associate(data, "y", "x", groups="patient_id").iloc[0]
    assert here["working_correlation"] == "exchangeable"
    assert here["effect"] < 0.8 * there["effect"]
    assert f"the effect is {there['effect']:.3g} with correlation='independence'" in here["note"].lower()
    assert associate(data, "y", "disease", groups="patient_id").iloc[0]["note"] == ""


def test_two_eyes_are_not_two_patients_unless_said_so(table):
    with pytest.raises(EyeError, match="two eyes are not two patients"):
        associate(table, "disease", CALIBRE)
    on_purpose = associate(table, "disease", CALIBRE, groups=False).iloc[0]
    assert on_purpose["n_groups"] == 160
    one_eye = associate(table[table["laterality"] == "OD"], "disease", CALIBRE).iloc[0]
    assert (one_eye["n"], one_eye["n_groups"], one_eye["status"]) == (80, 80, "ok")


def test_unknown_patients_are_left_out_and_counted(table):
    gaps = table.assign(patient_id=table["patient_id"].where(np.arange(160) >= 4, ""))
    row = associate(gaps, "disease", CALIBRE, groups="patient_id").iloc[0]
    assert (row["n"], row["n_groups"], row["n_missing"]) == (156, 78, 4)
    assert "4 rows without a patient" in row["note"]
    with pytest.raises(EyeError, match="empty in every row"):
        associate(table.assign(patient_id=""), "disease", CALIBRE, groups="patient_id")
    with pytest.raises(EyeError, match="patient_id is empty in 160 of 160"):
        associate(table.assign(patient_id=""), "disease", CALIBRE)


def test_labels_beside_the_table_are_groups_too(table):
    by_name = associate(table, "disease", CALIBRE, groups="patient_id")
    by_array = associate(table.drop(columns="patient_id"), "disease", CALIBRE, groups=table["patient_id"].to_numpy())
    pd.testing.assert_frame_equal(by_name, by_array)
    with pytest.raises(EyeError, match="3 labels for 160 rows"):
        associate(table, "disease", CALIBRE, groups=["a", "b", "c"])


def test_missing_and_infinite_values_leave_the_model_they_are_in(table):
    holes = table.copy()
    holes.loc[:9, CALIBRE] = np.nan
    holes.loc[10:14, CALIBRE] = np.inf
    holes.loc[155:, "age"] = np.nan
    rows = associate(holes, "disease", [CALIBRE, ODD], "age", "patient_id").set_index("exposure")
    assert rows.loc[CALIBRE, ["n", "n_missing"]].tolist() == [140, 20]
    assert rows.loc[ODD, ["n", "n_missing"]].tolist() == [155, 5]
    complete = associate(holes.iloc[15:155], "disease", CALIBRE, "age", "patient_id").iloc[0]
    assert rows.loc[CALIBRE, "effect"] == pytest.approx(complete["effect"])


@pytest.mark.parametrize(
    ("event", "reference"),
    [
        (True, False),
        (1, 0),
        (2.0, 1.0),
        ("yes", "no"),
        ("AMD", "Control"),
        ("AMD", "none"),
        ("1", "0"),
        ("Glaukom", "gesund"),
        ("Diabetes", "Kontrolle"),
        ("Ja", "Nein"),
        ("DMLA", "Sain"),
        ("glaucome", "Témoin"),
        ("oui", "non"),
        ("enfermo", "sano"),
        ("DR", "no DR"),
        ("DR", "healthy_control"),
        ("abnormal", "normal"),
        ("Y", "N"),
        # In each of these the alphabet would have it the other way round.
        ("a", "healthy"),
        ("krank", "ohne Befund"),
        ("case", "control"),
    ],
)
def test_the_event_of_two_levels_is_the_one_people_mean_and_is_named(table, event, reference):
    ill = table["disease"] == "glaucoma"
    coded = pd.Series(np.where(ill, event, reference))
    row = associate(table.assign(state=coded.to_numpy()), "state", CALIBRE, groups="patient_id").iloc[0]
    assert (row["event"], row["reference"]) == (
        f"{event:g}" if isinstance(event, float) else str(event),
        f"{reference:g}" if isinstance(reference, float) else str(reference),
    )
    assert row["effect"] < 0
    assert row["n_events"] == ill.sum()


@pytest.mark.parametrize(("one", "other"), [("AMD", "RVO"), ("M", "F"), ("normal", "no"), ("N", "T"), ("A+", "A-")])
def test_two_texts_that_do_not_say_which_is_the_event_are_asked_about(table, one, other):
    state = np.where(table["disease"] == "glaucoma", one, other)
    with pytest.raises(EyeError, match=re.escape(f"event={min(one, other)!r} or event={max(one, other)!r}")) as asked:
        associate(table.assign(state=state), "state", CALIBRE, groups="patient_id")
    assert "--event" in str(asked.value)
    chosen = [
        associate(table.assign(state=state), "state", CALIBRE, groups="patient_id", event=level).iloc[0]
        for level in (one, other)
    ]
    assert chosen[0]["event"] == chosen[1]["reference"] == one
    assert chosen[0]["effect"] == pytest.approx(-chosen[1]["effect"])
    # Unordered categories stand in the order of the alphabet, ordered ones in that of their meaning.
    category = pd.Categorical(state, categories=[other, one])
    with pytest.raises(EyeError, match="event="):
        associate(table.assign(state=category), "state", CALIBRE, groups="patient_id")
    ordered = associate(table.assign(state=category.as_ordered()), "state", CALIBRE, groups="patient_id").iloc[0]
    assert (ordered["event"], ordered["effect"]) == (one, chosen[0]["effect"])


def test_labels_and_units_are_in_words(table):
    there = associate(table, "disease", [CALIBRE, "rim_area", "sex"], groups="patient_id")
    assert there["label"].tolist() == ["CRAE, zone B (µm)", "rim_area", "sex"]
    assert there["outcome_label"].tolist() == ["disease"] * 3
    assert there["units"].tolist() == ["odds ratio per SD"] * 2 + ["odds ratio, M vs F"]
    raw = associate(table, "disease", [CALIBRE, "rim_area"], groups="patient_id", standardise=False)
    assert raw["units"].tolist() == ["odds ratio per µm", "odds ratio per unit"]
    back = associate(
        table.assign(cup_disc_ratio_area=table["rim_area"]),
        [CALIBRE, "cup_disc_ratio_area", "rim_area"],
        "disease",
        groups="patient_id",
    )
    assert back["outcome_label"].tolist() == ["CRAE, zone B (µm)", "Cup-to-disc area ratio", "rim_area"]
    assert back["units"].tolist() == [
        f"{what}, glaucoma vs healthy" for what in ("difference in µm", "difference", "difference in outcome units")
    ]


def test_an_exposure_in_words_is_named_by_both_levels(table):
    row = associate(table, CALIBRE, "sex", groups="patient_id").iloc[0]
    assert row["effect_kind"] == "outcome units, M vs F"
    assert (row["event"], row["reference"]) == ("", "")


def test_levels_are_found_as_people_type_them(table):
    data = table.assign(state=np.where(table["disease"] == "glaucoma", 2.0, 1.0))
    assert associate(data, "state", CALIBRE, groups="patient_id", event="1").iloc[0]["event"] == "1"
    assert associate(table, "disease", CALIBRE, groups="patient_id", event="Glaucoma").iloc[0]["event"] == "glaucoma"


def test_booleans_with_gaps_and_categories_are_outcomes(table):
    ill = (table["disease"] == "glaucoma").astype("boolean")
    ill[:6] = pd.NA
    severity = pd.Categorical(table["disease"], categories=["healthy", "glaucoma"], ordered=True)
    data = table.assign(ill=ill, as_objects=ill.astype(object), severity=severity)
    rows = associate(data, ["ill", "as_objects", "severity"], CALIBRE, groups="patient_id")
    assert rows["n"].tolist() == [154, 154, 160]
    assert rows["effect"][0] == rows["effect"][1]
    assert (rows["event"][2], rows["reference"][2]) == ("glaucoma", "healthy")


def test_more_than_two_levels_ask_which(table):
    three = table.assign(group=np.resize(["AMD", "DR", "healthy"], 160))
    with pytest.raises(EyeError, match=r"3 levels \('AMD', 'DR', 'healthy'\).*event='DR'.*reference='healthy'"):
        associate(three, "group", CALIBRE, groups="patient_id")
    row = associate(three, "group", CALIBRE, groups="patient_id", event="DR", reference="healthy").iloc[0]
    assert (row["event"], row["reference"]) == ("DR", "healthy")
    assert (row["n"], row["n_missing"]) == ((three["group"] != "AMD").sum(), (three["group"] == "AMD").sum())
    assert "54 rows of other levels left out" in row["note"]
    rest = associate(three, "group", CALIBRE, groups="patient_id", reference="healthy").iloc[0]
    assert (rest["event"], rest["reference"]) == ("AMD, DR", "healthy")
    with pytest.raises(EyeError, match=r"'RVO' does not occur in 'group', which has 'AMD', 'DR', 'healthy'"):
        associate(three, "group", CALIBRE, groups="patient_id", event="RVO")


def test_grades_are_an_amount_unless_cut(table):
    amount = associate(table, "grade", CALIBRE, groups="patient_id").iloc[0]
    assert amount["effect_kind"] == "outcome units per SD"
    assert "5 grades treated as an amount" in amount["note"]
    cut = associate(table, "grade", CALIBRE, groups="patient_id", event=[2, 3, 4]).iloc[0]
    assert (cut["event"], cut["reference"]) == ("2, 3, 4", "0, 1")
    assert cut["n_events"] == (table["grade"] >= 2).sum()


def hopeless_columns(table):
    ill = table["disease"].eq("glaucoma").to_numpy()
    few = np.where(np.arange(160) < 12, table[CALIBRE], np.nan)
    return table.assign(
        constant=3.0,
        empty=np.nan,
        letters=np.resize(["a", "b", "c"], 160),
        text=[str(value) for value in table["age"]],
        dates=pd.Timestamp("2024-01-01"),
        separating=10.0 * ill + np.linspace(0, 1, 160),
        copy_of_age=2 * table["age"] + 1,
        few=few,
        one_patient=np.arange(160) < 2,
    )


@pytest.mark.parametrize(
    ("exposure", "status", "said"),
    [
        ("constant", "constant", "same in all 160 rows"),
        ("empty", "all_missing", "missing in all rows"),
        ("letters", "not_numeric", "3 levels"),
        ("text", "not_numeric", "numbers written as text"),
        ("dates", "not_numeric", "dates"),
        ("separating", "separation", "exposure alone predicts the outcome perfectly"),
        ("copy_of_age", "singular", "exposure follows from the covariates"),
        ("few", "too_few_groups", "6 patients"),
        ("one_patient", "too_few_groups", "is True in 1 patient, wanted 5"),
        ("age", "singular", "also a covariate"),
        ("disease", "singular", "outcome itself"),
    ],
)
def test_what_cannot_be_estimated_is_a_row_with_its_reason(table, exposure, status, said):
    outcome = ODD if exposure == "few" else "disease"
    rows = associate(hopeless_columns(table), outcome, [exposure, CALIBRE], "age", "patient_id")
    assert rows["status"].tolist() == [status, "ok"]
    assert said in rows["note"][0].lower() or said in rows["note"][0]
    assert rows.loc[0, ["effect", "ci_low", "ci_high", "p", "q", "odds_ratio"]].isna().all()
    # A row without a test is no test: it must not make the others' q larger.
    assert rows["q"][1] == rows["p"][1]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("always", "constant_outcome"), ("nowhere", "all_missing"), ("seldom", "too_few_events"), ("age", "perfect_fit")],
)
def test_outcomes_without_an_answer_are_rows_too(table, outcome, status):
    data = table.assign(always=True, nowhere=np.nan, seldom=np.arange(160) < 6)
    row = associate(data, outcome, CALIBRE, ["age"], "patient_id").iloc[0]
    assert row["status"] == status
    assert np.isnan(row["p"])
    assert row["note"]


def test_covariates_that_separate_are_told_from_exposures_that_do(table):
    data = table.assign(only_in_ill=np.where(table["disease"] == "glaucoma", "treated", "untreated"))
    row = associate(data, "disease", CALIBRE, "only_in_ill", "patient_id").iloc[0]
    assert row["status"] == "separation"
    assert "Exposure and covariates together" in row["note"]


def test_a_covariate_with_one_value_is_left_out_and_named(table):
    women = table[table["sex"] == "F"]
    with_sex = associate(women.assign(sex="F"), "disease", CALIBRE, ["age", "sex"], "patient_id").iloc[0]
    without = associate(women, "disease", CALIBRE, ["age"], "patient_id").iloc[0]
    assert with_sex["effect"] == pytest.approx(without["effect"])
    assert "sex[F] has one value" in with_sex["note"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"outcome": "diseas"}, "no column 'diseas' to use as outcome; did you mean 'disease'"),
        ({"exposures": ["calibre_equivalent_um.artery.zone_c"]}, f"did you mean '{CALIBRE}'"),
        ({"covariates": ["agee"]}, "did you mean 'age'"),
        ({"groups": "patient"}, "did you mean 'patient_id'"),
        ({"family": "poisson"}, "wanted 'auto', 'gaussian'"),
        ({"correction": "fdr"}, "wanted 'fdr_bh'"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"correlation": "ar1"}, "'exchangeable'"),
        ({"family": "gaussian"}, "'disease' is not a number"),
        ({"exposures": []}, "no exposure"),
    ],
)
def test_mistyped_arguments_are_answered_in_words(table, arguments, said):
    options = {"outcome": "disease", "exposures": CALIBRE, "groups": "patient_id"} | arguments
    with pytest.raises(EyeError, match=said):
        associate(table, **options)


@pytest.mark.parametrize("column", ["dates", "text"])
def test_dates_and_text_numbers_are_no_covariates(table, column):
    with pytest.raises(EyeError, match=r"convert it first|turn it into a number"):
        associate(hopeless_columns(table), "disease", CALIBRE, column, "patient_id")


def test_names_are_no_covariates(table):
    sites = np.resize([f"site {k}" for k in range(12)], 160)
    data = table.assign(name=table["patient_id"] + " Smith", site=sites, ten=np.resize(list("abcdefghij"), 160))
    with pytest.raises(EyeError, match=r"'name' has 80 different texts in 160 rows \('P000 Smith', .*leave it out"):
        associate(data, "disease", CALIBRE, ["age", "name"], "patient_id")
    with pytest.raises(EyeError, match="'site' has 12 different texts"):
        associate(data, "disease", CALIBRE, "site", "patient_id")
    few = data.iloc[:16]  # eight patients, and eight names
    with pytest.raises(EyeError, match="'name' has 8 different texts in 16 rows"):
        associate(few, "disease", CALIBRE, "name", "patient_id")
    meant = data.assign(site=data["site"].astype("category"))
    for covariate in ("ten", "site"):
        assert associate(meant, "disease", CALIBRE, covariate, "patient_id")["status"].tolist() == ["ok"]


def test_a_column_that_is_there_twice_is_refused(table):
    with pytest.raises(EyeError, match="2 columns called 'age'"):
        associate(pd.concat([table, table[["age"]]], axis=1), "disease", CALIBRE, "age", "patient_id")


def test_default_exposures_are_the_biomarkers(table):
    plain = associate(table, "disease", covariates="age", groups="patient_id")
    assert plain["exposure"].tolist() == ["grade", CALIBRE, ODD, "rim_area"]
    status = {"calibre_equivalent_um_status.artery.zone_b": "ok", "rim_area_status": "ok", "true_rim_area": 1.0}
    measured = associate(table.assign(**status, seconds=0.1), "disease", groups="patient_id")
    assert measured["exposure"].tolist() == [CALIBRE, "rim_area"]


def test_a_disease_is_scanned_against_many_biomarkers_in_their_units(table):
    rows = associate(table, [CALIBRE, "rim_area"], "disease", groups="patient_id")
    assert rows["outcome"].tolist() == [CALIBRE, "rim_area"]
    ill = table["disease"] == "glaucoma"
    difference = table.loc[ill, CALIBRE].mean() - table.loc[~ill, CALIBRE].mean()
    assert rows["effect"][0] == pytest.approx(difference)
    assert rows["outcome_sd"][0] == pytest.approx(table[CALIBRE].std())


def test_q_is_benjamini_and_hochbergs():
    # Worked by hand: sorted p times 5 / rank is .005, .02, .065, .0625, .5; from the largest down, the running minimum.
    q = adjust([0.5, 0.001, 0.05, 0.008, 0.039])
    np.testing.assert_allclose(q, [0.5, 0.005, 0.0625, 0.02, 0.0625])
    np.testing.assert_allclose(adjust([0.01, np.nan, 0.02], "bonferroni"), [0.02, np.nan, 0.04])
    np.testing.assert_array_equal(adjust([0.01, np.nan], None), [0.01, np.nan])


def test_all_tests_of_a_call_are_corrected_together(table):
    rows = associate(table, ["disease", "grade"], [CALIBRE, ODD, "rim_area"], groups="patient_id")
    np.testing.assert_allclose(rows["q"], adjust(rows["p"]))
    assert (rows["q"] >= rows["p"]).all()


def test_the_table_given_is_left_alone(table):
    before = table.copy(deep=True)
    associate(table, "disease", covariates=["age", "sex"], groups="patient_id")
    pd.testing.assert_frame_equal(table, before)


def test_importing_the_subpackage_does_not_load_statsmodels():
    assert statistics.associate is associate  # the import itself is checked in a fresh interpreter
    import subprocess
    import sys

    code = "import sys, retina_tools.statistics; print('statsmodels' in sys.modules, 'scipy.optimize' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_effects_planted_in_a_phantom_cohort_are_found():
    from retina_tools import phantom

    planted = {"arteriole_calibre": -8.0, "tortuosity": 0.15}
    table = phantom.cohort(150, effects=planted, seed=5, size=128).table
    truth = {"true_arteriole_calibre_um": -8.0, "true_tortuosity": 0.15, "true_venule_calibre_um": 0.0}
    rows = associate(table, list(truth), "disease", ["age", "sex"], "patient_id").set_index("outcome")
    for outcome, effect in truth.items():
        assert rows.loc[outcome, "ci_low"] < effect < rows.loc[outcome, "ci_high"]
    assert rows.loc["true_arteriole_calibre_um", "q"] < 0.01
    disease = associate(table, "disease", ["true_arteriole_calibre_um"], ["age", "sex"], "patient_id").iloc[0]
    assert disease["odds_ratio_high"] < 1
    assert disease["working_correlation"] == "independence"
