"""The part a column plays in a regression: outcome or exposure, an amount or yes and no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from retina_tools.schema import EyeError
from retina_tools.statistics.variables import Floats, amounts, is_amount, levels_of, refuse_odd_text, two_levels

Family = Literal["auto", "gaussian", "binomial"]


@dataclass(frozen=True)
class Variable:
    """One column in its part: numbers with NaN where missing, and what they mean."""

    name: str
    values: Floats
    binary: bool = False
    event: str = ""
    reference: str = ""
    problem: tuple[str, str] | None = None
    note: str = ""


def as_outcome(column: pd.Series[Any], family: Family, event: Any, reference: Any) -> Variable:
    """A column as what is to be explained.

    Parameters
    ----------
    column : pandas.Series
    family : {'auto', 'gaussian', 'binomial'}
    event, reference : level or list of levels, or None

    Returns
    -------
    Variable

    Raises
    ------
    EyeError
        Its levels do not suit the family.
    """
    name = str(column.name)
    refuse_odd_text(column)
    present = levels_of(column)
    if not present:
        return Variable(
            name, np.full(len(column), np.nan), problem=("all_missing", "the outcome is missing in all rows")
        )
    chosen = event is not None or reference is not None
    yes_no = chosen or not is_amount(column) or len(present) == 2
    if family == "gaussian" or (family == "auto" and not yes_no):
        if not is_amount(column):
            raise EyeError(f"The outcome {name!r} is not a number; use family='binomial', or code it as a number.")
        few = 2 < len(present) <= 6 and all(float(level).is_integer() for level in present)
        note = f"{len(present)} grades treated as an amount; event=... makes them yes and no" if few else ""
        return Variable(name, amounts(column), note=note)
    coded = two_levels(column, event=event, reference=reference)
    note = f"{coded.n_other} rows of other levels left out" if coded.n_other else ""
    return Variable(name, coded.values, True, coded.event, coded.reference, note=note)


def as_exposure(column: pd.Series[Any], is_covariate: bool) -> Variable:
    """A column as what may explain; what cannot becomes a variable with a problem, so that a scan goes on."""
    name, nothing = str(column.name), np.full(len(column), np.nan)
    present = levels_of(column)
    if is_covariate:
        return Variable(name, nothing, problem=("singular", "the exposure is also a covariate; leave it out of one"))
    if not present:
        return Variable(name, nothing, problem=("all_missing", "the exposure is missing in all rows"))
    if is_amount(column) and present != [0, 1]:
        return Variable(name, amounts(column))
    try:
        refuse_odd_text(column)
        coded = two_levels(column, any_order=True)
    except EyeError as error:
        hint = "make one column per comparison" if "levels" in str(error) else "convert it first"
        return Variable(name, nothing, problem=("not_numeric", f"{str(error).split(';')[0]}; {hint}"))
    return Variable(name, coded.values, True, coded.event, coded.reference)


def effect_kind(outcome: Variable, exposure: Variable, standardise: bool) -> str:
    """What the effect of an exposure is counted in.

    Parameters
    ----------
    outcome, exposure : Variable
    standardise : bool
        Whether an amount counts per standard deviation.

    Returns
    -------
    str
    """
    kind = "log odds" if outcome.binary else "outcome units"
    if exposure.binary:
        return f"{kind}, {exposure.event} vs {exposure.reference}"
    return f"{kind} per SD" if standardise else f"{kind} per unit"


def units_in_words(
    outcome: Variable, exposure: Variable, standardise: bool, unit_of: Callable[[str], str | None]
) -> str:
    """What is reported of an exposure, for people: an odds ratio, or a difference in the outcome's own unit.

    Parameters
    ----------
    outcome, exposure : Variable
    standardise : bool
        Whether an amount counts per standard deviation.
    unit_of : callable
        Name of a column to its unit as people write it; empty where it has none, None where that is not known.

    Returns
    -------
    str
    """
    what = "odds ratio"
    if not outcome.binary:
        unit = unit_of(outcome.name)
        what = "difference in outcome units" if unit is None else f"difference in {unit}" if unit else "difference"
    if exposure.binary:
        return f"{what}, {exposure.event} vs {exposure.reference}"
    return f"{what} per {'SD' if standardise else unit_of(exposure.name) or 'unit'}"


def quoted(name: str) -> str:
    """A column name as a formula of patsy and statsmodels takes it."""
    return name if name.isidentifier() else f"Q({name!r})"


def formula_term(column: pd.Series[Any]) -> str:
    """A covariate as a formula takes it."""
    name = quoted(str(column.name))
    return name if is_amount(column) else f"C({name})"
