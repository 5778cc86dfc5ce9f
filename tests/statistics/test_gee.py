"""The clustered regression against statsmodels and against formulas that can be worked out by hand."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from retina_tools.schema import EyeError
from retina_tools.statistics import NotEstimableError, fit_clustered, is_separated

FAMILIES = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial}
WORKING = {"exchangeable": sm.cov_struct.Exchangeable, "independence": sm.cov_struct.Independence}


def clustered_rows(family, seed=0, groups=70):
    """Groups of one to four rows in scrambled order, columns of very different size."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(1, 5, groups)))
    columns = rng.normal(size=(len(group), 2)) * [3, 0.01] + [50, 2]
    outcome = columns @ [1, 30] + 4 * rng.normal(size=groups)[group] + 4 * rng.normal(size=len(group))
    if family == "binomial":
        outcome = (outcome > np.median(outcome)).astype(float)
    return outcome, np.column_stack([np.ones(len(group)), columns]), group


@pytest.mark.parametrize("working", WORKING)
@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_statsmodels(family, working):
    outcome, design, group = clustered_rows(family)
    order = np.argsort(group, kind="stable")
    # Columns centred for statsmodels' sake: its convergence test is not free of units.
    model = sm.GEE(
        outcome[order], design[order], group[order], family=FAMILIES[family](), cov_struct=WORKING[working]()
    )
    theirs = model.fit(cov_type="bias_reduced", ctol=1e-9, maxiter=300)
    plain = fit_clustered(outcome, design, group, family=family, correlation=working, sandwich="uncorrected")
    corrected = fit_clustered(outcome, design, group, family=family, correlation=working, sandwich="mancl_derouen")
    np.testing.assert_allclose(plain.coefficients, theirs.params, rtol=1e-6)
    np.testing.assert_allclose(plain.covariance, theirs.cov_robust, rtol=1e-5)
    np.testing.assert_allclose(corrected.covariance, theirs.cov_robust_bc, rtol=1e-5)
    assert plain.working == working
    if working == "exchangeable":
        assert plain.correlation == pytest.approx(theirs.cov_struct.dep_params, abs=1e-6)


def test_two_groups_of_patients_give_welchs_test():
    # With one value per patient, both eyes averaged, the corrected sandwich is the sum of the two s^2 / n.
    rng = np.random.default_rng(1)
    ill = np.repeat([True, False], [12, 20])
    mean = rng.normal(size=32) + ill
    fellow = rng.normal(size=32)
    outcome = np.column_stack([mean - fellow, mean + fellow]).ravel()
    design = np.column_stack([np.ones(64), np.repeat(ill, 2)])
    fit = fit_clustered(outcome, design, np.repeat(np.arange(32), 2), correlation="independence")
    welch = mean[ill].var(ddof=1) / 12 + mean[~ill].var(ddof=1) / 20
    assert fit.coefficients[1] == pytest.approx(mean[ill].mean() - mean[~ill].mean())
    assert fit.covariance[1, 1] == pytest.approx(welch)
    # and the degrees of freedom are Welch's where both groups vary alike: weights 1/12 and 1/20 of one variance
    wanted = (1 / 12 + 1 / 20) ** 2 / (1 / 12**2 / 11 + 1 / 20**2 / 19)
    assert fit.degrees_of_freedom[1] == pytest.approx(wanted, rel=1e-9)


def test_one_row_per_patient_gives_the_hc2_errors_of_least_squares():
    rng = np.random.default_rng(2)
    design = np.column_stack([np.ones(40), rng.normal(size=40)])
    outcome = design @ [1, 2] + rng.normal(size=40) * np.abs(design[:, 1])
    fit = fit_clustered(outcome, design, np.arange(40))
    theirs = sm.OLS(outcome, design).fit(cov_type="HC2")
    np.testing.assert_allclose(fit.coefficients, theirs.params)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), theirs.bse)
    assert fit.working == "independence"


def test_a_table_of_four_counts_gives_its_odds_ratio():
    # 30 of 40 ill when exposed, 20 of 60 when not: odds ratio (30 * 40) / (10 * 20) = 6, Woolf's variance.
    exposed = np.repeat([1.0, 1.0, 0.0, 0.0], [30, 10, 20, 40])
    ill = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 10, 20, 40])
    design = np.column_stack([np.ones(100), exposed])
    fit = fit_clustered(ill, design, np.arange(100), family="binomial", sandwich="uncorrected")
    assert np.exp(fit.coefficients[1]) == pytest.approx(6)
    assert fit.covariance[1, 1] == pytest.approx(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40)
    assert fit.degrees_of_freedom[1] == np.inf


def test_the_correlation_of_fellow_eyes_is_found():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(3000), 2)
    outcome = 2 * rng.normal(size=3000)[patient] + rng.normal(size=6000)
    fit = fit_clustered(outcome, np.ones((6000, 1)), patient)
    assert fit.correlation == pytest.approx(4 / 5, abs=0.02)


def test_units_only_rescale():
    outcome, design, group = clustered_rows("gaussian")
    here = fit_clustered(outcome, design, group)
    there = fit_clustered(1e6 * outcome, design * [1, 1e-5, 1e3], group)
    back = np.array([1e6, 1e11, 1e3])
    np.testing.assert_allclose(there.coefficients, here.coefficients * back, rtol=1e-6)
    np.testing.assert_allclose(there.covariance, here.covariance * np.outer(back, back), rtol=1e-6)


@pytest.mark.parametrize(
    ("outcome", "exposure", "separated"),
    [
        ([0, 0, 1, 1], [1, 2, 3, 4], True),
        ([0, 0, 1, 1], [1, 2, 2, 4], True),  # quasi-complete: one tie
        ([0, 1, 0, 1], [1, 2, 3, 4], False),
        ([0, 1, 1, 1], [0, 0, 1, 1], True),  # an empty cell
    ],
)
def test_separation_is_decided_exactly(outcome, exposure, separated):
    assert is_separated(outcome, np.column_stack([np.ones(4), exposure])) is separated


def test_a_separated_outcome_is_refused_rather_than_given_a_huge_odds_ratio():
    rng = np.random.default_rng(4)
    exposure = rng.normal(size=60)
    design = np.column_stack([np.ones(60), exposure])
    with pytest.raises(NotEstimableError, match="perfectly") as error:
        fit_clustered(exposure > 0.2, design, np.arange(60) // 2, family="binomial")
    assert error.value.status == "separation"


def test_a_strong_effect_that_does_not_separate_is_estimated():
    rng = np.random.default_rng(5)
    exposure = rng.normal(size=4000) * 8
    ill = rng.random(4000) < 1 / (1 + np.exp(-2 * exposure))
    fit = fit_clustered(ill, np.column_stack([np.ones(4000), exposure]), np.arange(4000) // 2, family="binomial")
    assert abs(fit.coefficients[1] - 2) < 3.5 * np.sqrt(fit.covariance[1, 1])


@pytest.mark.parametrize("family", FAMILIES)
def test_columns_that_follow_from_each_other_are_refused(family):
    outcome, design, group = clustered_rows(family)
    with pytest.raises(NotEstimableError) as error:
        fit_clustered(outcome, np.column_stack([design, design[:, 1] + 3 * design[:, 2]]), group, family=family)
    assert error.value.status == "singular"


@pytest.mark.parametrize("working", WORKING)
def test_an_outcome_explained_without_remainder_is_refused(working):
    _, design, group = clustered_rows("gaussian")
    with pytest.raises(NotEstimableError) as error:
        fit_clustered(design @ [1.0, 2.0, 3.0], design, group, correlation=working)
    assert error.value.status == "perfect_fit"


def test_identical_eyes_fall_back_to_independence_and_count_once():
    rng = np.random.default_rng(6)
    patient = np.repeat(np.arange(50), 2)
    exposure, outcome = rng.normal(size=50), rng.normal(size=50)
    twice = fit_clustered(outcome[patient], np.column_stack([np.ones(100), exposure[patient]]), patient)
    once = fit_clustered(outcome, np.column_stack([np.ones(50), exposure]), np.arange(50))
    assert twice.working == "independence"
    assert "independence used" in twice.note
    np.testing.assert_allclose(twice.covariance, once.covariance)
    np.testing.assert_allclose(twice.degrees_of_freedom, once.degrees_of_freedom)


def test_a_column_of_one_patient_alone_does_not_spoil_the_others():
    # Leverage one: the patient fits itself, its residual is zero, and the slope is that of the rest.
    rng = np.random.default_rng(7)
    patient = np.repeat(np.arange(30), 2)
    exposure, outcome = rng.normal(size=60), rng.normal(size=60)
    mine = (patient == 0).astype(float)
    options = {"correlation": "independence"}
    with_all = fit_clustered(outcome, np.column_stack([np.ones(60), exposure, mine]), patient, **options)
    assert np.isfinite(with_all.covariance).all()
    assert stats.t.sf(0, with_all.degrees_of_freedom[1]) == 0.5
    assert with_all.covariance[1, 1] > 0


@pytest.mark.parametrize(
    ("outcome", "design", "groups", "family", "said"),
    [
        ([1, 2, 3], np.ones((2, 1)), [1, 2, 3], "gaussian", "shapes"),
        ([1, np.nan], np.ones((2, 1)), [1, 2], "gaussian", "NaN"),
        ([1, 2], np.ones((2, 1)), [1, 2], "binomial", "0 or 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(outcome, design, groups, family, said):
    with pytest.raises(EyeError, match=said):
        fit_clustered(outcome, design, groups, family=family)
