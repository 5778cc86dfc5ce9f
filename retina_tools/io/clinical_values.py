"""Values of a clinical table: numbers told from words, and from what cannot be true."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from retina_tools.io.delimited import as_number, is_gap, is_unknown

_SHEET_ERROR: Final = re.compile(r"#[A-Z/0]+[!?]?")
_LIMIT: Final = re.compile(r"[<>≤≥]\s*=?\s*[+-]?\d+(?:[.,]\d+)?\s*\S*")
_COMMAS: Final = re.compile(r"[+-]?\d+(?:,\d+)+")
_SEXES: Final = frozenset(
    {"m", "f", "male", "female", "man", "woman", "w", "männlich", "weiblich", "0", "1", "2", "0.0", "1.0", "2.0"}
)
# Above this share of words a column is one of words.
_FEW: Final = 0.2
# Beyond these a value is a typing error or another unit: pattern of the plain column name, least, most, unit.
_POSSIBLE: Final = (
    (re.compile(r"(?:^|.+_)(?:age|alter)(?:_.*)?$"), 0, 120, "years"),
    (
        re.compile(r"(?:^|.*_)(?:iop|iod|ocular_pressure|intraocular_pressure|augen(?:innen)?druck)(?:_.*)?$"),
        0,
        90,
        "mmHg",
    ),
    (re.compile(r"(?:^|.*_)(?:axial_length|axl)(?:_.*)?$"), 10, 45, "mm"),
    (re.compile(r"(?:^|.*_)(?:cct|pachymetry|cornea\w*_thickness)(?:_.*)?$"), 200, 1000, "um"),
    (re.compile(r"(?:^|.*_)v?cdr$"), 0, 1, "ratio"),
    (re.compile(r"(?:^|.*_)(?:dioptre|dioptres|diopter|diopters|sphere|spherical_equivalent)(?:_.*)?$"), -50, 40, "D"),
    (re.compile(r"^(?:md|mtd|.*mean_defect|.*mean_deviation)$"), -40, 20, "dB"),
    (re.compile(r"^(?:sbp|systolic.*|dbp|diastolic.*)$"), 20, 320, "mmHg"),
    (re.compile(r"^bmi$"), 8, 120, "kg/m2"),
)


@dataclass
class Problems:
    """What was found wrong in a table, with the row of the file."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: int, column: str, value: object, problem: str) -> None:
        """Note one more."""
        self.found.append({"row": int(row), "column": column, "value": str(value), "problem": problem})


def typed(column: pd.Series[Any], decimal_commas: bool, problems: Problems) -> pd.Series[Any]:
    """A column as numbers, truth values or text.

    Numbers stay numbers whatever says that there is none (``k.A.``, ``-``, ``unbekannt``), whatever gives only a limit
    (``< 10``), and a few other words among them: each becomes missing and is reported.

    Parameters
    ----------
    column : pandas.Series
        Cells, None where empty; the index is the row of the file.
    decimal_commas : bool
        Whether the table has decimal commas beyond doubt.
    problems : Problems
        Is added to.

    Returns
    -------
    pandas.Series
    """
    if column.dtype != object and not pd.api.types.is_string_dtype(column.dtype):
        return column
    filled = {int(row): cell for row, cell in column.dropna().items()}  # type: ignore[call-overload]
    said = {row: cell for row, cell in filled.items() if not is_gap(cell)}
    if said and {str(cell).lower() for cell in said.values()} <= {"true", "false"}:
        truth = column.map(lambda cell: None if is_gap(cell) else str(cell).lower() == "true")
        return truth.astype("bool" if len(said) == len(column) else "boolean")
    numbers = {row: as_number(cell, decimal_commas) for row, cell in said.items()}
    reasons = {row: _reason(said[row]) for row, number in numbers.items() if number is None}
    words = [row for row, reason in reasons.items() if not reason]
    amount = len(numbers) - len(reasons)
    if said and (not amount or len(words) > _FEW * (amount + len(words))):
        _report_text(column, said, words, amount, problems)
        return column.map(lambda cell: np.nan if cell is None or is_gap(cell) else cell).astype("str")
    for row, cell in filled.items():
        if row not in said:
            problems.add(row, str(column.name), cell, "says that there is none; missing")
        elif row in reasons:
            problems.add(row, str(column.name), cell, reasons[row] or "not a number, as the others are; missing")
    values = np.array([np.nan if (n := numbers.get(int(row))) is None else n for row in column.index], float)
    is_whole = len(values) > 0 and bool(np.isfinite(values).all() and (values % 1 == 0).all())
    return pd.Series(values.astype(np.int64) if is_whole else values, index=column.index)


def _reason(cell: Any) -> str:
    """Why a cell that is no number may stand among numbers, or nothing."""
    text = str(cell)
    if is_unknown(cell):
        return "says that it is not known; missing"
    if _SHEET_ERROR.fullmatch(text):
        return "an error of the spreadsheet; missing"
    return "a limit, not a value; missing" if _LIMIT.fullmatch(text) else ""


def _report_text(
    column: pd.Series[Any], said: dict[int, Any], words: list[int], amount: int, problems: Problems
) -> None:
    """Report a column that is kept as text though a person may have meant numbers."""
    if words and all(_COMMAS.fullmatch(str(said[row])) for row in words):
        problems.add(words[0], str(column.name), said[words[0]], "comma may be decimal or thousands; kept as text")
    elif amount >= len(words) > 0:
        text = f"one of {len(words)} words among {amount} numbers; the column is kept as text"
        problems.add(words[0], str(column.name), said[words[0]], text)


def possible(column: pd.Series[Any], title: str, plain: str, problems: Problems) -> pd.Series[Any]:
    """A column with impossible values (age 412, negative pressure) missing and reported.

    Parameters
    ----------
    column : pandas.Series
        As :func:`typed` gives it.
    title, plain : str
        Title of the column, and the same in lower case with underscores, by which its range is found.
    problems : Problems
        Is added to.

    Returns
    -------
    pandas.Series
    """
    if plain in ("sex", "gender", "geschlecht"):
        for row, value in zip(column.index, column, strict=True):
            if pd.notna(value) and str(value).lower() not in _SEXES:
                problems.add(row, title, value, "sex coded otherwise than M/F, male/female, 0/1/2")
        return column
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return column
    for pattern, least, most, unit in _POSSIBLE:
        if pattern.fullmatch(plain):
            values = column.astype(float)
            wrong = (values < least) | (values > most)
            for row in column.index[wrong]:
                text = f"impossible, wanted {least} to {most} {unit}; missing"
                problems.add(row, title, f"{values[row]:g}", text)
            return column.astype(float).mask(wrong) if wrong.any() else column
    return column
