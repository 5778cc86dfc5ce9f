"""All rules on one eye, or on the two eyes of a person, at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import Grade, Limits
from retina_tools.biomarkers.clinical_rules.findings import Findings
from retina_tools.biomarkers.clinical_rules.glaucoma import GlaucomaLimits, glaucoma_suspicion
from retina_tools.biomarkers.clinical_rules.macular_degeneration import (
    MacularDegenerationLimits,
    macular_degeneration_score,
    macular_degeneration_severity,
)
from retina_tools.biomarkers.clinical_rules.macular_oedema import MacularOedemaLimits, macular_oedema_risk
from retina_tools.biomarkers.clinical_rules.myopia import MyopiaLimits, myopic_maculopathy
from retina_tools.biomarkers.clinical_rules.retinopathy import RetinopathyLimits, retinopathy_severity
from retina_tools.schema import EyeError

#: The rules of one eye and the kind of thresholds each takes.
RULES: Final[Mapping[str, tuple[Any, type[Limits]]]] = {
    "retinopathy_severity": (retinopathy_severity, RetinopathyLimits),
    "macular_oedema_risk": (macular_oedema_risk, MacularOedemaLimits),
    "macular_degeneration_severity": (macular_degeneration_severity, MacularDegenerationLimits),
    "myopic_maculopathy": (myopic_maculopathy, MyopiaLimits),
    "glaucoma_suspicion": (glaucoma_suspicion, GlaucomaLimits),
}


def grade_all(
    eye: xr.Dataset,
    *,
    fellow: xr.Dataset | None = None,
    assume_absent: Collection[str] = (),
    limits: Mapping[str, Limits] | None = None,
) -> dict[str, Grade]:
    """Every rule on an eye. Teaching aids, not diagnoses.

    Parameters
    ----------
    eye : xarray.Dataset
    fellow : xarray.Dataset, optional
        The other eye of the person; then the cups of both are compared, and ``macular_degeneration_score`` is added.
    assume_absent : collection of str
        Findings that count as looked for and not there where there is no mask of them.
    limits : mapping of str to Limits, optional
        Other thresholds than the published ones, by the name of the rule.

    Returns
    -------
    dict of str to Grade

    Raises
    ------
    EyeError
        It is not an eye, a name is not of the taxonomy, or thresholds are for no rule or for another.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> grades = grade_all(phantom.eye("3 macular hard exudates", seed=1, size=512))
    >>> grades["macular_oedema_risk"].grade, grades["myopic_maculopathy"].verdict[:20]
    (2, 'no grade, at least 0')
    """
    chosen = dict(limits or {})
    for name, given in chosen.items():
        if name not in RULES:
            raise EyeError(f"There is no rule {name!r}, wanted one of {', '.join(RULES)}.")
        if not isinstance(given, RULES[name][1]):
            raise EyeError(
                f"{name} got thresholds of the kind {type(given).__name__}, wanted {RULES[name][1].__name__}."
            )
    # What the rules look at is worked out once.
    anatomy = Findings(eye, assume_absent).anatomy
    other = None if fellow is None else Findings(fellow, assume_absent).anatomy
    found = {name: _applied(name, anatomy, other, assume_absent, chosen.get(name)) for name in RULES}
    if other is not None:
        thresholds = chosen.get("macular_degeneration_severity")
        found["macular_degeneration_score"] = macular_degeneration_score(
            anatomy,
            other,
            thresholds if isinstance(thresholds, MacularDegenerationLimits) else None,
            assume_absent=assume_absent,
        )
    return found


def _applied(
    name: str, anatomy: Anatomy, other: Anatomy | None, assume_absent: Collection[str], limits: Limits | None
) -> Grade:
    rule, _ = RULES[name]
    further = {"fellow": other} if name == "glaucoma_suspicion" else {"assume_absent": assume_absent}
    grade: Grade = rule(anatomy, limits, **further)
    return grade


def grades_table(grades: Mapping[str, Grade]) -> pd.DataFrame:
    """Grades as a table, one row per rule; each row says that it is no diagnosis.

    Parameters
    ----------
    grades : mapping of str to Grade
        As :func:`grade_all` gives them.

    Returns
    -------
    pandas.DataFrame
        Columns ``rule, scale, grade, name, at_least, met`` (the criteria that are met), ``reason, note``; the grade is
        missing where it is unknown.
    """
    rows = [
        {
            "rule": rule,
            "scale": one.scale,
            "grade": one.grade,
            "name": one.name,
            "at_least": one.at_least,
            "met": "; ".join(f"{row.criterion} {row.threshold:g}: {row.found:.3g}" for row in one.evidence if row.met),
            "reason": one.reason,
            "note": one.note,
        }
        for rule, one in grades.items()
    ]
    columns = ["rule", "scale", "grade", "name", "at_least", "met", "reason", "note"]
    return pd.DataFrame(rows, columns=columns).astype({"grade": "Int64"})


def thresholds_table() -> pd.DataFrame:
    """Every threshold of every rule with its published value, meaning and source, one row each.

    Returns
    -------
    pandas.DataFrame
        Columns ``rule, threshold, value, published, meaning, source``.
    """
    parts = [limits().table().assign(rule=name) for name, (_, limits) in RULES.items()]
    table = pd.concat(parts, ignore_index=True)
    return table[["rule", *(column for column in table if column != "rule")]]
