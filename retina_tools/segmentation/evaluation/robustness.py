"""How much of a segmenter's quality survives when the photograph gets worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools.collection import EyeCollection
from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation.examine import (
    COLUMNS,
    Segmenter,
    counted,
    default_segmenter,
    examine_eye,
    keys_of,
)
from retina_tools.segmentation.evaluation.measures import MEASURES, measures_of

__all__ = ["robustness", "robustness_table"]

Degrade = Callable[[xr.Dataset, str, float], xr.Dataset]
_CLEAN: Final = ""


def robustness(
    eyes: EyeCollection | Iterable[xr.Dataset],
    segmenter: Segmenter | None,
    degrade: Degrade,
    kinds: Iterable[str],
    severities: Iterable[float] = (1, 2, 3, 4, 5),
    *,
    structures: Iterable[str] = ("vessel",),
    measures: Iterable[str] = ("dice",),
    dataset: str = "",
    progress: bool = False,
) -> pd.DataFrame:
    """Evaluate a segmenter on photographs made worse on purpose, against the same reference.

    Parameters
    ----------
    eyes : EyeCollection or iterable of xarray.Dataset
        With photograph and reference. Each is read once.
    segmenter : callable or None
        Eye in, eye with masks out; ``segmentation.segment`` where None.
    degrade : callable
        Takes an eye, a kind and a severity and returns the worse eye, nothing in it moved; ``quality.degrade_eye``.
    kinds : iterable of str
        Kinds that ``degrade`` knows.
    severities : iterable of float
        Above 0; the eye as it is, severity 0, is always there.
    structures, measures : iterable of str
        As for :func:`evaluate`; each more costs its time once per kind and severity.
    dataset : str
        Name of the set, where the eyes do not carry one.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        The table of :func:`evaluate` with columns ``kind`` (empty for the eye as it is) and ``severity``.

    Raises
    ------
    EyeError
        No eye has a reference of what was asked for, a severity is not above 0, or a name is unknown.

    References
    ----------
    Hendrycks D, Dietterich T. Benchmarking neural network robustness to common corruptions. ICLR 2019.
    """
    asked, wanted = tuple(structures), tuple(measures)
    for one in asked:
        measures_of(one, wanted)
    steps = [(kind, severity) for kind in kinds for severity in severities]
    if bad := [severity for _, severity in steps if not severity > 0]:
        raise EyeError(f"The severity is {bad[0]!r}, wanted more than 0; the eye as it is, is evaluated anyway.")
    draw = default_segmenter(asked) if segmenter is None else segmenter
    given = dataset or (eyes.name if isinstance(eyes, EyeCollection) else "")
    rows: list[tuple[Any, ...]] = []
    for eye in counted(eyes, progress):
        keys = keys_of(eye, given)
        for kind, severity in [(_CLEAN, 0.0), *steps]:
            worse = degrade(eye, kind, severity) if severity else eye
            rows += [(kind, severity, *keys, *row) for row in examine_eye(worse, draw, asked, wanted).rows]
    if not rows:
        raise EyeError(f"No eye has a reference of {', '.join(asked)}; choose structures that were drawn by a person.")
    return pd.DataFrame(rows, columns=["kind", "severity", *COLUMNS])


def robustness_table(table: pd.DataFrame, structure: str, measure: str = "dice") -> pd.DataFrame:
    """Mean of a measure by kind and severity of degradation.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`robustness`.
    structure, measure : str

    Returns
    -------
    pandas.DataFrame
        Rows are kinds, columns severities from 0, the eyes as they are; then ``loss``, how much worse than as it is the
        mean over the severities is. A drawing that failed counts as the worst value, so that a segmenter that gives up
        does not look robust: 0 where high is good; where it is not there is no such value and it is left out.

    Raises
    ------
    EyeError
        The table is none of :func:`robustness`, or has no such measure.
    """
    if missing := [column for column in ("kind", "severity", *COLUMNS) if column not in table]:
        raise EyeError(f"The table has no column {missing[0]!r}; pass the one that robustness gives.")
    part = table[(table["structure"] == structure) & (table["measure"] == measure)]
    if not len(part):
        raise EyeError(f"The table has no {measure!r} of {structure!r}; ask robustness for it.")
    value = part["value"]
    if MEASURES[measure].best == "high":
        value = value.mask(value.isna() & (part["status"] == "failed"), 0.0)
    damaged = part["kind"] != _CLEAN
    clean = value[~damaged].mean()
    worse = (
        part.assign(value=value)[damaged]
        .pivot_table(values="value", index="kind", columns="severity", aggfunc="mean", sort=False, dropna=False)
        .sort_index(axis=1)
    )
    change = worse.mean(axis=1) - clean
    wide = worse.copy()
    wide.insert(0, 0.0, clean)
    wide["loss"] = -change if MEASURES[measure].best == "high" else change
    wide.columns.name = None
    return wide
