"""How biomarkers and disease go together: one regression per pair, patients as the unit, a table out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retina_tools.schema import EyeError
from retina_tools.statistics import gee
from retina_tools.statistics.gee import NotEstimableError, fit_clustered, is_separated
from retina_tools.statistics.multiplicity import adjust
from retina_tools.statistics.roles import (
    Family,
    Variable,
    as_exposure,
    as_outcome,
    effect_kind,
    formula_term,
    quoted,
    units_in_words,
)
from retina_tools.statistics.variables import (
    Floats,
    as_list,
    covariate_columns,
    default_exposures,
    patients,
    require_columns,
)

Correlation = Literal["auto", "exchangeable", "independence"]

COLUMNS: Final = (
    "exposure", "label", "outcome", "outcome_label", "event", "reference", "n", "n_groups", "n_events", "n_missing",
    "effect", "effect_kind", "units", "ci_low", "ci_high", "p", "q", "odds_ratio", "odds_ratio_low", "odds_ratio_high",
    "exposure_sd", "outcome_sd", "se", "df", "working_correlation", "correlation", "formula", "status", "note",
)  # fmt: skip
_NUMBERS: Final = (
    "effect", "ci_low", "ci_high", "p", "q", "odds_ratio", "odds_ratio_low", "odds_ratio_high", "exposure_sd",
    "outcome_sd", "se", "df", "correlation",
)  # fmt: skip
# Below these a sandwich variance is not to be trusted, whatever its correction.
FEWEST_GROUPS: Final = 10
FEWEST_GROUPS_PER_LEVEL: Final = 5
_UNSURE_BELOW_DF: Final = 4
# Above this the eyes of a patient repeat each other, and exchangeable weights turn to differences that are not there.
_SAME_IN_PATIENT: Final = 0.9


@dataclass(frozen=True)
class _Study:
    """What all models of one call share."""

    covariates: dict[str, Floats]
    covariate_terms: tuple[str, ...]
    patient: NDArray[np.intp]
    standardise: bool
    correlation: Correlation
    confidence: float


def associate(
    table: pd.DataFrame,
    outcome: str | Sequence[str],
    exposures: str | Sequence[str] | None = None,
    covariates: str | Sequence[str] = (),
    groups: Any = None,
    *,
    family: Family = "auto",
    event: Any = None,
    reference: Any = None,
    standardise: bool = True,
    correlation: Correlation = "auto",
    correction: str | None = "fdr_bh",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Relate each exposure to each outcome, adjusted for covariates, with patients as the unit.

    One generalised estimating equation per pair: linear for an amount, logistic for yes and no, with a sandwich
    variance over patients that is corrected for their number (:func:`retina_tools.statistics.fit_clustered`). Scan
    biomarkers for a disease with ``associate(table, "glaucoma", groups="patient_id")``, or the other way round, which
    gives differences in the biomarker's own units, with ``associate(table, biomarkers, "glaucoma", ...)``.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per image, as ``cohort.measure_cohort`` and ``biomarkers.to_table`` make it.
    outcome : str or sequence of str
        Column(s) to explain. Booleans, two numbers or two texts are yes and no; other numbers are amounts. The event is
        True, the larger number, or the text beside one that means "without it" (``healthy``, ``no``, ``Kontrolle``,
        ``sain`` ...); where neither text does, ``event`` must say.
    exposures : str or sequence of str, optional
        Column(s) that explain it, one model each. By default all biomarkers: columns with a status column beside
        them, or, where there is none, every numeric column that is not a key, an outcome or a covariate.
    covariates : str or sequence of str
        Columns every model is adjusted for; texts and booleans are coded as categories. A text with more than ten
        levels, or nearly as many as rows, is refused: it is a name.
    groups : str, array_like or False
        Column (or one label per row) that says which rows are of one patient; False says every row is a patient. None
        is refused where ``patient_id`` repeats: two eyes are not two patients.
    family : {'auto', 'gaussian', 'binomial'}
        Linear or logistic; by default as the outcome's values ask for.
    event, reference : level or list of levels, optional
        Which levels of the outcome are 1 and 0. One is enough when all others are the other side; given both, further
        levels are left out. Needed with more than two levels, and with two texts neither of which means "without it":
        ``event=[2, 3, 4]`` for referable retinopathy.
    standardise : bool
        Give effects per standard deviation of the exposure (over the rows of the model). An exposure with two levels is
        always compared level against level.
    correlation : {'auto', 'exchangeable', 'independence'}
        Working correlation between the eyes of a patient. The default is exchangeable, but independence where the
        outcome is yes or no and the exposure differs between fellow eyes, or where the outcome never does: only then is
        the odds ratio that of the whole population (Pepe & Anderson 1994), while exchangeable weights compare fellow
        eyes, and find about no effect where both have the disease. For an amount, exchangeable is more precise where
        fellow eyes differ in exposure; a note says where independence would give another effect.
    correction : str or None
        How p becomes q, over all models of the call: a method of ``statsmodels.stats.multitest.multipletests``
        ('fdr_bh' is Benjamini & Hochberg 1995), or None for q = p.
    confidence : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per pair, in the order given: ``exposure, outcome``, what people call them (``label, outcome_label``,
        from ``biomarkers.label``), ``event`` and ``reference`` (the levels of the outcome coded 1 and 0, empty where it
        is an amount), ``n`` images, ``n_groups`` patients, ``n_events`` images with the event, ``n_missing`` rows left
        out, ``effect`` with ``effect_kind`` (log odds, or units of the outcome), ``units`` in words (``odds ratio per
        SD``, ``difference in µm, glaucoma vs healthy``), ``ci_low, ci_high, p, q``, ``odds_ratio`` with its interval
        where it applies, ``exposure_sd, outcome_sd``, ``se, df`` (of the t distribution, infinite where it is the
        normal one), working correlation, ``formula``, ``status`` and ``note``. A
        pair that cannot be estimated is a row with NaN, its status (``constant, all_missing, not_numeric,
        constant_outcome, too_few_groups, too_few_events, separation, perfect_fit, singular, not_converged``) and the
        reason in words.

    Raises
    ------
    EyeError
        A column does not exist, patients are not told apart, a covariate is a name, or nothing says which level of the
        outcome is the event.

    References
    ----------
    Liang & Zeger, Biometrika 1986;73:13-22. Pepe & Anderson, Commun Stat Simul 1994;23:939-51. Benjamini & Hochberg,
    JRSS B 1995;57:289-300. On two eyes of a patient: Ying et al., Ophthalmic Epidemiol 2017;24:130-40.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> patient = np.repeat(np.arange(120), 2)
    >>> ill = (rng.random(120) < 0.5)[patient]
    >>> table = pd.DataFrame({"patient_id": patient, "disease": np.where(ill, "glaucoma", "healthy")})
    >>> table["rim_area"] = rng.normal(1.5, 0.3, 120)[patient] + rng.normal(0, 0.1, 240) - 0.3 * ill
    >>> row = associate(table, "disease", "rim_area", groups="patient_id").iloc[0]
    >>> print(row.event, row.reference, row.n, row.n_groups, row.effect_kind, row.status, sep="; ")
    glaucoma; healthy; 240; 120; log odds per SD; ok
    >>> bool(row.odds_ratio_high < 1)
    True
    """
    _check_options(family, correlation, confidence)
    outcomes, terms = as_list(outcome), as_list(covariates)
    require_columns(table, outcomes, "outcome")
    require_columns(table, terms, "covariate")
    named = [groups] if isinstance(groups, str) else []
    chosen = default_exposures(table, [*outcomes, *terms, *named]) if exposures is None else as_list(exposures)
    if not chosen:
        raise EyeError("There is no exposure to relate to the outcome; name the columns with exposures=[...].")
    require_columns(table, chosen, "exposure")
    patient, _ = patients(table, groups)
    coded = {name: values for one in terms for name, values in covariate_columns(table[one]).items()}
    formula_terms = tuple(formula_term(table[name]) for name in terms)
    study = _Study(coded, formula_terms, patient, standardise, correlation, confidence)
    outcome_variables = [as_outcome(table[name], family, event, reference) for name in outcomes]
    exposure_variables = [as_exposure(table[name], name in terms) for name in chosen]
    rows = [_row(one, other, study) for one in outcome_variables for other in exposure_variables]
    return _finish(rows, correction)


def _check_options(family: str, correlation: str, confidence: float) -> None:
    if family not in ("auto", "gaussian", "binomial"):
        raise EyeError(f"family is {family!r}, wanted 'auto', 'gaussian' (an amount) or 'binomial' (yes or no).")
    if correlation not in ("auto", "exchangeable", "independence"):
        raise EyeError(f"correlation is {correlation!r}, wanted 'auto', 'exchangeable' or 'independence'.")
    if not 0 < confidence < 1:
        raise EyeError(f"confidence is {confidence!r}, wanted a number between 0 and 1, such as 0.95.")


def _row(outcome: Variable, exposure: Variable, study: _Study) -> dict[str, Any]:
    # Biomarkers are many and slow to import.
    from retina_tools.biomarkers import label
    from retina_tools.biomarkers.readable import written_unit

    use = np.isfinite(outcome.values) & np.isfinite(exposure.values) & (study.patient >= 0)
    for values in study.covariates.values():
        use &= np.isfinite(values)
    row: dict[str, Any] = dict.fromkeys(_NUMBERS, np.nan)
    row |= {
        "exposure": exposure.name,
        "label": label(exposure.name),
        "outcome": outcome.name,
        "outcome_label": label(outcome.name),
        "event": outcome.event,
        "reference": outcome.reference,
        "n": int(use.sum()),
        "n_groups": len(np.unique(study.patient[use])),
        "n_events": int(outcome.values[use].sum()) if outcome.binary else pd.NA,
        "n_missing": int((~use).sum()),
        "effect_kind": effect_kind(outcome, exposure, study.standardise),
        "units": units_in_words(outcome, exposure, study.standardise, written_unit),
        "formula": " + ".join([f"{quoted(outcome.name)} ~ {quoted(exposure.name)}", *study.covariate_terms]),
        "working_correlation": "",
        "status": "ok",
    }
    notes = [outcome.note, exposure.note]
    unknown = int((study.patient < 0).sum())
    notes += [f"{unknown} rows without a patient left out"] if unknown else []
    try:
        row |= _estimate(outcome, exposure, study, use, notes)
    except NotEstimableError as problem:
        row["status"] = problem.status
        notes.insert(0, str(problem))
    text = "; ".join(note.rstrip(".") for note in notes if note)
    return row | {"note": text[:1].upper() + text[1:]}


def _estimate(
    outcome: Variable, exposure: Variable, study: _Study, use: NDArray[np.bool_], notes: list[str]
) -> dict[str, Any]:
    """Fit one model on its complete rows; what is worth knowing is added to the notes."""
    y, x, patient = outcome.values[use], exposure.values[use], study.patient[use]
    _refuse_hopeless(outcome, exposure, y, x, patient)
    covariates = {name: values[use] for name, values in study.covariates.items()}
    constant = [name for name, values in covariates.items() if _is_constant(values)]
    notes += [f"covariate {name} has one value here and is left out" for name in constant]
    adjusting = [(values - values.mean()) / values.std() for name, values in covariates.items() if name not in constant]
    sd = float(x.std(ddof=1))
    unit = sd if study.standardise and not exposure.binary else 1.0
    # Centring changes no slope, and keeps a biomarker with a large mean from looking like the intercept.
    design = np.column_stack([np.ones(len(y)), (x - x.mean()) / unit, *adjusting])
    _refuse_small(len(np.unique(patient)), design.shape[1])
    try:
        fit = _fit_safely(y, design, patient, outcome, study)
    except NotEstimableError as problem:
        raise _explained(problem, y, design) from None
    notes.append(fit.note)

    from scipy.special import stdtr, stdtrit

    effect, se, df = float(fit.coefficients[1]), float(np.sqrt(fit.covariance[1, 1])), float(fit.degrees_of_freedom[1])
    if not (np.isfinite(effect) and se > 0 and df > 0):
        raise NotEstimableError("too_few_groups", "too few patients carry the effect for its uncertainty to be known")
    if df < _UNSURE_BELOW_DF:
        notes.append(f"rests on few patients ({df:.1f} degrees of freedom)")
    half = float(stdtrit(df, 0.5 + study.confidence / 2)) * se
    found = {"effect": effect, "ci_low": effect - half, "ci_high": effect + half, "se": se, "df": df}
    found |= {"p": float(2 * stdtr(df, -abs(effect / se))), "exposure_sd": sd, "outcome_sd": float(y.std(ddof=1))}
    if outcome.binary:
        with np.errstate(over="ignore"):
            odds = np.exp([effect, effect - half, effect + half])
        found |= dict(zip(("odds_ratio", "odds_ratio_low", "odds_ratio_high"), map(float, odds), strict=True))
    return found | {"working_correlation": fit.working, "correlation": fit.correlation}


def _fit_safely(
    y: Floats, design: Floats, patient: NDArray[np.intp], outcome: Variable, study: _Study
) -> gee.ClusteredFit:
    """The fit with the working correlation asked for, or the one that suits the data."""
    family: gee.Family = "binomial" if outcome.binary else "gaussian"
    if study.correlation != "auto":
        return fit_clustered(y, design, patient, family=family, correlation=study.correlation)
    if _same_within(y, patient) or (outcome.binary and not _same_within(design[:, 1], patient)):
        return fit_clustered(y, design, patient, family=family, correlation="independence")
    fit = fit_clustered(y, design, patient, family=family, correlation="exchangeable")
    if fit.correlation > _SAME_IN_PATIENT:
        plain = fit_clustered(y, design, patient, family=family, correlation="independence")
        return replace(plain, note=f"eyes of a patient agree at {fit.correlation:.2f}, independence used")
    return fit if outcome.binary or _same_within(design[:, 1], patient) else _compared(fit, y, design, patient)


def _compared(fit: gee.ClusteredFit, y: Floats, design: Floats, patient: NDArray[np.intp]) -> gee.ClusteredFit:
    """The exchangeable fit, noting where fellow eyes and different patients tell different stories."""
    plain = fit_clustered(y, design, patient, family="gaussian", correlation="independence")
    other = float(plain.coefficients[1])
    if abs(other - fit.coefficients[1]) <= np.sqrt(plain.covariance[1, 1]):
        return fit
    note = f"the effect is {other:.3g} with correlation='independence': fellow eyes differ otherwise than patients do"
    return replace(fit, note="; ".join(filter(None, [fit.note, note])))


def _explained(problem: NotEstimableError, y: Floats, design: Floats) -> NotEstimableError:
    """The same problem, naming who causes it: the exposure (second column) or the covariates."""
    if problem.status == "separation":
        alone = is_separated(y, design[:, :2])
        who = "the exposure alone predicts" if alone else "exposure and covariates together predict"
        return NotEstimableError("separation", f"{who} the outcome perfectly in some or all rows")
    if problem.status == "singular":
        others = np.delete(design, 1, axis=1)
        guilty = np.linalg.matrix_rank(others) == others.shape[1]
        who = "the exposure follows from the covariates" if guilty else "the covariates determine each other"
        return NotEstimableError("singular", f"{who}; leave one out")
    return problem


def _refuse_hopeless(outcome: Variable, exposure: Variable, y: Floats, x: Floats, patient: NDArray[np.intp]) -> None:
    for problem in (outcome.problem, exposure.problem):
        if problem:
            raise NotEstimableError(*problem)
    if exposure.name == outcome.name:
        raise NotEstimableError("singular", "the exposure is the outcome itself")
    if not len(y):
        raise NotEstimableError("all_missing", "no row has outcome, exposure, covariates and patient all present")
    if _is_constant(y):
        raise NotEstimableError("constant_outcome", f"the outcome is the same in all {len(y)} rows")
    if _is_constant(x):
        raise NotEstimableError("constant", f"the exposure is the same in all {len(x)} rows")
    for variable, values, status in ((outcome, y, "too_few_events"), (exposure, x, "too_few_groups")):
        for level, name in ((1.0, variable.event), (0.0, variable.reference)) if variable.binary else ():
            count = len(np.unique(patient[values == level]))
            if count < FEWEST_GROUPS_PER_LEVEL:
                some = f"{count} patient{'s' * (count != 1)}"
                raise NotEstimableError(
                    status, f"{variable.name!r} is {name} in {some}, wanted {FEWEST_GROUPS_PER_LEVEL}"
                )


def _refuse_small(groups: int, parameters: int) -> None:
    if groups < FEWEST_GROUPS:
        raise NotEstimableError("too_few_groups", f"there are {groups} patients, wanted {FEWEST_GROUPS}")
    if groups - parameters < FEWEST_GROUPS_PER_LEVEL:
        raise NotEstimableError(
            "too_few_groups", f"there are {groups} patients for {parameters} coefficients; use fewer covariates"
        )


def _is_constant(values: Floats) -> bool:
    """One value throughout, but for rounding."""
    return bool(np.ptp(values) <= 1e-10 * np.abs(values).max())


def _same_within(values: Floats, patient: NDArray[np.intp]) -> bool:
    """Whether no patient has two different values."""
    order = np.lexsort((values, patient))
    same_patient = np.diff(patient[order]) == 0
    return bool((np.diff(values[order])[same_patient] <= 1e-12 * max(np.abs(values).max(), 1e-300)).all())


def _finish(rows: Iterable[dict[str, Any]], correction: str | None) -> pd.DataFrame:
    result = pd.DataFrame(list(rows), columns=list(COLUMNS))
    result["n_events"] = result["n_events"].astype("Int64")
    result["q"] = adjust(result["p"].to_numpy(float), correction)
    result.attrs = {"correction": correction or "none"}
    return result
