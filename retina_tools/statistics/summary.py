"""The table that opens a paper: who is in the cohort, and how the groups compare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from retina_tools.schema import EyeError
from retina_tools.statistics.levels import means_none
from retina_tools.statistics.variables import (
    KEYS,
    amounts,
    as_list,
    is_amount,
    levels_of,
    patients,
    require_columns,
)

_MOST_LEVELS: Final = 12
_UNITS: Final = ("eyes", "patients")


def summarise(
    table: pd.DataFrame,
    by: str | None = None,
    columns: str | Sequence[str] | None = None,
    groups: Any = None,
) -> pd.DataFrame:
    """Describe a cohort, overall and by a column: numbers of eyes and patients, means, counts, balance.

    What is the same in both eyes of every patient (age, sex) is counted once per patient, everything else per eye.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per image.
    by : str, optional
        Column whose levels are compared; rows where it is missing are in no level, but in ``all``.
    columns : str or sequence of str, optional
        What to describe; by default every column but keys, status columns and texts with more than 12 levels.
    groups : str, array_like, False or None
        Which rows are of one patient; ``patient_id`` by default, where the table has it and it is filled in. False
        says every row is a patient.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``variable`` and ``level``. ``counted`` says whether eyes or patients are counted; ``all`` and one
        column per level of ``by`` are ready to print, ``mean (SD)`` or ``count (percent)``, of what is not missing;
        ``missing`` counts, and ``standardised_difference`` is that of two levels, or the largest between any two
        (0.1 is the usual mark of imbalance).

    Raises
    ------
    EyeError
        A column does not exist, or ``by`` has too many levels to be a group.

    References
    ----------
    Austin, Commun Stat Simul 2009;38:1228-34 (standardised differences).

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"patient_id": ["a", "a", "b", "b"], "ill": [True, True, False, False],
    ...                       "age": [60, 60, 70, 70], "rim_area": [1.0, 1.2, 1.5, 1.3]})
    >>> summarise(table, by="ill")[["counted", "all", "False", "True"]].reset_index("level", drop=True)
                counted          all        False         True
    variable
    eyes                           4            2            2
    patients                       2            1            1
    age        patients   65.0 (7.1)     70.0 (-)     60.0 (-)
    rim_area       eyes  1.25 (0.21)  1.40 (0.14)  1.10 (0.14)
    """
    require_columns(table, [by] if by else [], "by")
    chosen = _default_columns(table, by) if columns is None else as_list(columns)
    require_columns(table, chosen, "column")
    patient = _patients_or_rows(table, groups)
    parts = {"all": np.ones(len(table), bool)}
    if by:
        levels = sorted(levels_of(table[by]), key=lambda level: not means_none(level))
        if len(levels) > _MOST_LEVELS:
            raise EyeError(f"The column {by!r} has {len(levels)} levels, wanted at most {_MOST_LEVELS}; bin it first.")
        parts |= {str(level): (table[by] == level).to_numpy(bool, na_value=False) for level in levels}
    rows = [_count_row("eyes", parts, {name: int(part.sum()) for name, part in parts.items()})]
    known = patient.ge(0).to_numpy()
    rows.append(_count_row("patients", parts, {name: patient[part & known].nunique() for name, part in parts.items()}))
    for column in chosen:
        rows += _describe(table[column], patient, parts)
    result = pd.DataFrame(rows).set_index(["variable", "level"])
    return result.drop(columns=[] if by else ["standardised_difference"])


def _default_columns(table: pd.DataFrame, by: str | None) -> list[str]:
    chosen = []
    for column in map(str, table.columns):
        is_status = column.split(".")[0].endswith("_status")
        if (
            column in (*KEYS, by)
            or column.startswith("_")
            or is_status
            or pd.api.types.is_datetime64_any_dtype(table[column])
        ):
            continue
        if is_amount(table[column]) or len(levels_of(table[column])) <= _MOST_LEVELS:
            chosen.append(column)
    return chosen


def _patients_or_rows(table: pd.DataFrame, groups: Any) -> pd.Series[int]:
    if groups is None and "patient_id" in table.columns:
        ids = table["patient_id"].astype("string").str.strip()
        groups = "patient_id" if bool((ids.notna() & (ids != "")).any()) else False
    codes, _ = patients(table, False if groups is None else groups)
    return pd.Series(codes, index=table.index)


def _count_row(name: str, parts: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    shown = {part: str(counts[part]) for part in parts}
    return {"variable": name, "level": "", "counted": ""} | shown | {"missing": 0, "standardised_difference": np.nan}


def _describe(column: pd.Series[Any], patient: pd.Series[int], parts: dict[str, Any]) -> list[dict[str, Any]]:
    numeric = is_amount(column) and levels_of(column) != [0, 1]
    values = pd.Series(amounts(column), index=column.index) if numeric else column
    keys = pd.DataFrame({"patient": patient.to_numpy(), "value": values.to_numpy()})
    shared = keys.dropna().groupby("patient")["value"].nunique()
    once = bool(patient.duplicated().any()) and bool((shared <= 1).all())
    kept = {}
    for name, part in parts.items():
        rows = keys[part]
        # A missing value in one eye is filled by the other's where both are known to agree.
        kept[name] = rows.sort_values("value", kind="stable").drop_duplicates("patient") if once else rows
    head = {"variable": str(column.name), "counted": _UNITS[once], "missing": int(kept["all"]["value"].isna().sum())}
    samples = {name: rows["value"].dropna() for name, rows in kept.items()}
    if numeric:
        digits = _digits(samples["all"])
        shown = {name: _mean_sd(sample, digits) for name, sample in samples.items()}
        moments = [(s.mean(), s.var(ddof=1)) for name, s in samples.items() if name != "all"]
        return [head | {"level": ""} | shown | {"standardised_difference": _largest_difference(moments)}]
    out = []
    for level in levels_of(column):
        shares = {name: (sample == level) for name, sample in samples.items()}
        shown = {name: f"{int(is_level.sum())} ({_percent(is_level)})" for name, is_level in shares.items()}
        fractions = [float(s.mean()) if len(s) else np.nan for name, s in shares.items() if name != "all"]
        difference = _largest_difference([(share, share * (1 - share)) for share in fractions])
        out.append(head | {"level": str(level)} | shown | {"standardised_difference": difference})
    return out


def _largest_difference(moments: list[tuple[float, float]]) -> float:
    """Largest |mean difference| over the root of the mean variance, between any two groups."""
    found = []
    for (mean, variance), (other_mean, other_variance) in combinations(moments, 2):
        spread = float(np.sqrt((variance + other_variance) / 2))
        distance = abs(mean - other_mean)
        found.append(distance / spread if spread > 0 else (0.0 if distance == 0 else np.nan))
    finite = [value for value in found if np.isfinite(value)]
    return float(max(finite)) if finite else float("nan")


def _digits(sample: pd.Series[Any]) -> int:
    """Decimals that show three figures of the mean or two of the spread, whichever is more telling."""
    spread = float(sample.std(ddof=1)) if len(sample) > 1 else float("nan")
    size = spread if np.isfinite(spread) and spread > 0 else abs(float(sample.mean())) if len(sample) else 1.0
    return int(np.clip(1 - np.floor(np.log10(size)), 0, 8)) if size > 0 else 1


def _mean_sd(sample: pd.Series[Any], digits: int) -> str:
    if not len(sample):
        return "-"
    spread = f"{sample.std(ddof=1):.{digits}f}" if len(sample) > 1 else "-"
    return f"{sample.mean():.{digits}f} ({spread})"


def _percent(is_level: pd.Series[Any]) -> str:
    return f"{100 * is_level.mean():.0f} %" if len(is_level) else "-"
