"""Grades with the evidence they rest on, in a logic of three values: met, not met, unknown."""

from __future__ import annotations

import dataclasses
import html
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd

from retina_tools.biomarkers.registry import Unmeasurable

#: What every grade says of itself.
NOTE: Final = "Teaching aid, not a diagnosis."
#: How a criterion's answer is written.
VERDICTS: Final = {True: "met", False: "not met", None: "not judged"}


def threshold(value: float, meaning: str, source: str) -> Any:
    """A field of a table of thresholds: its published value, what it means with its unit, and where it is from.

    Parameters
    ----------
    value : float
    meaning, source : str
    """
    return dataclasses.field(default=value, metadata={"meaning": meaning, "source": source})


@dataclass(frozen=True)
class Limits:
    """A table of thresholds of a rule, open to change: ``SomeLimits(radius_dd=2)``, given to the rule.

    Attributes
    ----------
    source : str
        Literature of the rule as a whole.
    """

    source: ClassVar[str] = ""

    def table(self) -> pd.DataFrame:
        """The thresholds, one row each: threshold, value, published value, meaning, source.

        Returns
        -------
        pandas.DataFrame
            Where a value is not the published one, the source says that it was changed.
        """
        rows = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            source = str(field.metadata["source"])
            changed = "" if value == field.default else "changed by the user; the published value is that of "
            rows.append((field.name, value, field.default, field.metadata["meaning"], f"{changed}{source}"))
        return pd.DataFrame(rows, columns=["threshold", "value", "published", "meaning", "source"])

    def _repr_html_(self) -> str:
        return f"<p><em>{html.escape(NOTE)}</em></p>{_html_table(self.table())}"


@dataclass(frozen=True)
class Evidence:
    """One criterion of a rule.

    Attributes
    ----------
    criterion : str
        In words, with the comparison.
    threshold : float
        What is compared with.
    found : float
        The eye's value, NaN where there is none.
    met : bool or None
        None where it could not be judged.
    where : str
        Places, or the reason why it could not be judged.
    """

    criterion: str
    threshold: float
    found: float
    met: bool | None
    where: str = ""


@dataclass(frozen=True)
class Grade:
    """What a rule says of an eye.

    Attributes
    ----------
    scale : str
        Name of the rule.
    grade : int or None
        None where a criterion that could change it is unknown.
    name : str
        Of the grade; empty where there is none.
    at_least : int
        What is certain even so.
    reason : str
        Why there is no grade, else empty.
    evidence : tuple of Evidence
        Every criterion, from the most severe grade down.
    source : str
        Literature.
    note : str
        That this is no diagnosis.
    """

    scale: str
    grade: int | None
    name: str
    at_least: int
    reason: str
    evidence: tuple[Evidence, ...]
    source: str
    note: str = NOTE

    def table(self) -> pd.DataFrame:
        """The evidence as a table, one row per criterion."""
        columns = [field.name for field in dataclasses.fields(Evidence)]
        return pd.DataFrame([dataclasses.asdict(row) for row in self.evidence], columns=columns)

    def __str__(self) -> str:
        return f"{self.scale}: {self.verdict} {self.note}"

    @property
    def verdict(self) -> str:
        """Grade and name as a sentence, or the least that is certain and why no more is."""
        if self.grade is not None:
            return f"{self.grade}, {self.name}."
        return f"no grade, at least {self.at_least}. {self.reason}"

    def _repr_html_(self) -> str:
        table = self.table()
        table["met"] = [VERDICTS[row.met] for row in self.evidence]
        said = f"<strong>{html.escape(self.scale)}:</strong> {html.escape(self.verdict)}"
        foot = f"<em>{html.escape(self.note)}</em> {html.escape(self.source)}"
        return f"<p>{said}</p>{_html_table(table)}<p>{foot}</p>"


def _html_table(table: pd.DataFrame) -> str:
    """A table with its words to the left and its numbers short; nothing in it is markup."""
    shown = table.map(lambda cell: f"{cell:.3g}" if isinstance(cell, float) else cell).replace("nan", "–")
    page = shown.to_html(index=False, escape=True, border=0)
    for tag in ("th", "td"):
        page = page.replace(f"<{tag}>", f'<{tag} style="text-align: left; vertical-align: top">')
    return page


@dataclass(frozen=True)
class Level:
    """One grade of a scale, and whether the eye reaches it: True, False, or None where that is unknown."""

    grade: int
    name: str
    reached: bool | None


def judge(
    criterion: str,
    threshold: float,
    measure: Callable[[], float],
    compare: Callable[[float, float], bool] = operator.ge,
    where: Callable[[], str] = str,
) -> Evidence:
    """Compare a measure with a threshold; unknown, with the status as the reason, where it cannot be measured.

    Parameters
    ----------
    criterion : str
    threshold : float
    measure : callable
        Gives the value or raises Unmeasurable.
    compare : callable
        ``compare(found, threshold)``.
    where : callable
        Gives the places, asked only where the measure gave a value.

    Returns
    -------
    Evidence

    Examples
    --------
    >>> judge("Drusen, at least", 1, lambda: 3.0).met
    True
    """
    try:
        found = float(measure())
        return Evidence(criterion, threshold, found, bool(compare(found, threshold)), where())
    except Unmeasurable as reason:
        return Evidence(criterion, threshold, math.nan, None, reason.status.word)


def any_of(*met: bool | None) -> bool | None:
    """True where one is, else unknown where one is, else False.

    Examples
    --------
    >>> any_of(True, None), any_of(False, None), any_of(False, False)
    (True, None, False)
    """
    return True if True in met else None if None in met else False


def all_of(*met: bool | None) -> bool | None:
    """False where one is, else unknown where one is, else True.

    Examples
    --------
    >>> all_of(False, None), all_of(True, None), all_of(True, True)
    (False, None, True)
    """
    return False if False in met else None if None in met else True


def decide(
    scale: str, levels: Sequence[Level], lowest: tuple[int, str], evidence: Sequence[Evidence], source: str
) -> Grade:
    """The highest level reached; none where a higher one is unknown.

    Parameters
    ----------
    scale : str
    levels : sequence of Level
        From the most severe down.
    lowest : (int, str)
        Grade and name where none is reached.
    evidence : sequence of Evidence
    source : str

    Returns
    -------
    Grade
    """
    unknown: list[Level] = []
    for level in levels:
        if level.reached:
            break
        if level.reached is None:
            unknown.append(level)
    else:
        level = Level(*lowest, True)
    if not unknown:
        return Grade(scale, level.grade, level.name, level.grade, "", tuple(evidence), source)
    missing = sorted({f"{row.criterion} {row.threshold:g} ({row.where})" for row in evidence if row.met is None})
    could = " or ".join(f"{one.grade} ({one.name})" for one in reversed(unknown))
    reason = f"Grade {could} cannot be excluded. Not judged: {'; '.join(missing)}."
    return Grade(scale, None, "", level.grade, reason, tuple(evidence), source)
