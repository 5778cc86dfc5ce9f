"""Claims that only many cohorts can settle: how often nothing is called something, how often the interval holds."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from retina_tools.statistics import associate

# Monte-Carlo error of a share near 5 % is 0.7 points in 1000 tests and 0.3 in 4000.
FEW, MANY = 1000, 4000
PER_TABLE = 10
EXPOSURES = [f"x{i}" for i in range(PER_TABLE)]


def two_eyes(rng, patients, *, agreement=0.6):
    """A standard normal value per eye whose correlation between fellow eyes is the agreement."""
    shared = np.repeat(rng.normal(size=patients), 2)
    return np.sqrt(agreement) * shared + np.sqrt(1 - agreement) * rng.normal(size=2 * patients)


def one_per_patient(rng, patients, share):
    """The given share of the patients, by chance, both eyes of each."""
    return np.repeat(rng.permutation(patients) < round(share * patients), 2)


def cohort_without_effect(kind, patients, rng):
    """One outcome and many exposures, each drawn without regard to it: as many tests of nothing."""
    outcome = {
        "disease of the patient": lambda: one_per_patient(rng, patients, 0.5),
        "rare disease of the patient": lambda: one_per_patient(rng, patients, 0.25),
        "disease of the eye": lambda: two_eyes(rng, patients) > 0,
    }.get(kind, lambda: two_eyes(rng, patients))
    exposure = {
        "amount by group": lambda: one_per_patient(rng, patients, 0.5),
        "amount by small group": lambda: one_per_patient(rng, patients, 0.25),
    }.get(kind, lambda: two_eyes(rng, patients))
    columns = {"patient_id": np.repeat(np.arange(patients), 2), "age": np.repeat(rng.normal(60, 10, patients), 2)}
    return pd.DataFrame(columns | {"outcome": outcome()} | {f"x{i}": exposure() for i in range(PER_TABLE)})


def false_positives(kind, patients, tests, groups="patient_id"):
    rng = np.random.default_rng(patients)
    p = []
    for _ in range(tests // PER_TABLE):
        table = cohort_without_effect(kind, patients, rng)
        p += associate(table, "outcome", EXPOSURES, "age", groups)["p"].tolist()
    p = np.array(p)
    assert np.isfinite(p).mean() > 0.98
    return (p[np.isfinite(p)] < 0.05).mean()


KINDS = [
    "disease of the patient",
    "rare disease of the patient",
    "disease of the eye",
    "amount by eye",
    "amount by group",
    "amount by small group",
]


@pytest.mark.parametrize("patients", [30, 60])
@pytest.mark.parametrize("kind", ["disease of the patient", "amount by eye"])
def test_five_percent_of_cohorts_without_effect_are_called_significant(kind, patients):
    assert 0.035 <= false_positives(kind, patients, FEW) <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize("patients", [30, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_the_share_holds_for_every_design(kind, patients):
    assert 0.035 <= false_positives(kind, patients, MANY) <= 0.065


def test_counting_eyes_as_patients_calls_too_much_significant():
    # Fellow eyes agree at 0.6, so the true variance is 1.6 times the one assumed, and 1.96 errors are really 1.55.
    expected = 2 * norm.sf(1.96 / np.sqrt(1.6))
    assert false_positives("amount by group", 60, FEW, groups=False) == pytest.approx(expected, abs=0.03)


def coverage(make, truth, intervals, groups="patient_id"):
    inside = []
    for seed in range(intervals // PER_TABLE):
        table, outcomes, exposures = make(np.random.default_rng(seed))
        rows = associate(table, outcomes, exposures, groups=groups, standardise=False)
        inside += ((rows["ci_low"] <= truth) & (truth <= rows["ci_high"])).tolist()
    return np.mean(inside)


def disease_shifts_biomarkers(rng, patients=80, shift=0.8):
    """Where a biomarker is normal in the healthy and shifted in the ill, the log odds per unit are the shift."""
    ill = one_per_patient(rng, patients, 0.5)
    columns = {name: two_eyes(rng, patients) + shift * ill for name in EXPOSURES}
    table = pd.DataFrame({"patient_id": np.repeat(np.arange(patients), 2), "outcome": ill} | columns)
    return table, "outcome", EXPOSURES


def biomarkers_follow_exposure(rng, patients=60, slope=2.0):
    exposure = two_eyes(rng, patients)
    columns = {name: 10 + slope * exposure + 3 * two_eyes(rng, patients) for name in EXPOSURES}
    table = pd.DataFrame({"patient_id": np.repeat(np.arange(patients), 2), "exposure": exposure} | columns)
    return table, EXPOSURES, "exposure"


@pytest.mark.parametrize(("make", "truth"), [(disease_shifts_biomarkers, 0.8), (biomarkers_follow_exposure, 2.0)])
def test_a_planted_effect_lies_in_95_percent_of_the_intervals(make, truth):
    assert 0.93 <= coverage(make, truth, 800) <= 0.97


def test_intervals_that_ignore_patients_miss_a_planted_effect_too_often():
    assert coverage(disease_shifts_biomarkers, 0.8, 300, groups=False) < 0.92


def test_exchangeable_weights_lose_the_effect_of_a_disease_that_both_eyes_share():
    # Both eyes of a patient have the disease or neither, but for one patient: comparing fellow eyes then finds nothing.
    table, _, _ = disease_shifts_biomarkers(np.random.default_rng(3), patients=400)
    table.loc[0, "outcome"] = ~table.loc[0, "outcome"]
    found = {
        working: associate(table, "outcome", "x0", groups="patient_id", standardise=False, correlation=working).iloc[0]
        for working in ("auto", "independence")
    }
    assert found["auto"].working_correlation == "independence"
    assert found["auto"].effect == found["independence"].effect
    assert found["auto"].ci_low < 0.8 < found["auto"].ci_high
    # With a few more patients whose eyes differ the exchangeable fit exists, and is far off.
    flipped = table["patient_id"].isin(range(1, 80, 2)) & (np.arange(len(table)) % 2 == 0)
    table.loc[flipped, "outcome"] = ~table.loc[flipped, "outcome"]
    options = {"groups": "patient_id", "standardise": False}
    exchangeable = associate(table, "outcome", "x0", correlation="exchangeable", **options).iloc[0]
    population = associate(table, "outcome", "x0", **options).iloc[0]
    assert exchangeable.working_correlation == "exchangeable"
    assert exchangeable.effect < 0.75 * population.effect
