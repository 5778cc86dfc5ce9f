"""From rows per eye to rows per set: means with intervals, all pixels and lesions together, sets against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retina_tools.schema import EyeError
from retina_tools.segmentation.evaluation.compare import IOUS
from retina_tools.segmentation.evaluation.detection import Detections, free_response, object_precision
from retina_tools.segmentation.evaluation.examine import COLUMNS, Evaluation
from retina_tools.segmentation.evaluation.measures import MEASURES
from retina_tools.segmentation.evaluation.tally import Tally

__all__ = ["leave_one_out", "pool", "summarise"]

Floats = NDArray[np.float64]
_KEYS: Final = ("dataset", "kind", "severity", "structure", "measure")


def summarise(table: pd.DataFrame, *, draws: int = 1000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean, median and worst of each measure over the eyes of a set, with an interval that counts patients.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`evaluate` or :func:`robustness`; tables of several sets may be joined.
    draws : int
        Bootstrap samples. Patients are drawn with all their eyes: two eyes of a patient are not two patients.
    level : float
        Coverage of the interval.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row per set (and degradation), structure and measure, in the order of the table: ``n`` eyes with a value,
        ``patients``, ``missing`` eyes without and ``why`` in words, ``mean``, ``ci_low``, ``ci_high`` (percentiles; NaN
        with fewer than two patients), ``median``, ``worst`` and ``worst_image`` (empty for what has no good end).
        For the shares within a distance the mean is the share of eyes.

    Raises
    ------
    EyeError
        A column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image_id": ["a", "b", "c"], "patient_id": ["1", "1", "2"], "value": [0.5, 0.7, 0.9]})
    >>> table = table.assign(dataset="set", structure="vessel", measure="dice", status="ok", reason="")
    >>> found = summarise(table).iloc[0]
    >>> int(found.n), int(found.patients), float(found["mean"].round(3)), found.worst_image
    (3, 2, 0.7, 'a')
    """
    checked = _checked(table)
    keys = [key for key in _KEYS if key in checked]
    rows = []
    for group, part in checked.groupby(keys, sort=False, dropna=False):
        measure = str(group[-1])
        shown = part.dropna(subset="value")
        counts = part.loc[part["value"].isna(), "reason"].value_counts()
        why = "; ".join(f"{count} x {reason}" for reason, count in counts.items())
        row: dict[str, Any] = dict(zip(keys, group, strict=True))
        row |= {
            "n": len(shown),
            "patients": shown["patient_id"].nunique(),
            "missing": len(part) - len(shown),
            "why": why,
        }
        low, high = _interval(shown, draws, level, seed)
        row |= {"mean": shown["value"].mean(), "ci_low": low, "ci_high": high, "median": shown["value"].median()}
        row |= {"worst": math.nan, "worst_image": ""}
        if len(shown) and MEASURES[measure].best:
            place = int(MEASURES[measure].badness(shown["value"]).argmax())
            row |= {"worst": shown["value"].iloc[place], "worst_image": shown["image_id"].iloc[place]}
        rows.append(row)
    return pd.DataFrame(rows)


def pool(evaluation: Evaluation, *, draws: int = 200, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Measures of all pixels, and of all lesions, of a set taken together.

    This is how IDRiD ranks lesion segmentations: one precision-recall curve of every pixel of the test set, in which an
    eye counts by its pixels. Eyes without the lesion are in it, with what was drawn on them.

    Parameters
    ----------
    evaluation : Evaluation
        From :func:`examine`.
    draws : int
        Bootstrap samples of patients, each with all their eyes.
    level : float
        Coverage of the interval.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``structure``, ``measure`` (``auc``, ``ap``, ``ece`` of pixels; ``froc`` the mean
        sensitivity at 1/8 to 8 false objects per image; ``ap_object_10``, ``ap_object_50`` the average precision of
        objects that overlap by an IoU of 0.1 and 0.5), ``value``, ``ci_low``, ``ci_high``, ``n`` eyes, ``patients``.
    """
    rows: list[dict[str, Any]] = []
    for structure, counted in evaluation.tallies.items():
        stacked = _Stacked([tally for _, tally in counted])
        for measure, of_pixels in _PIXELS.items():
            compute = partial(_of_pixels, of_pixels, stacked)
            rows.append(_pooled(structure, measure, [patient for patient, _ in counted], compute, draws, level, seed))
    for lesion, found in evaluation.detections.items():
        for measure, at, of_objects in _OBJECTS:
            compute = partial(_of_objects, of_objects, [objects[at] for _, objects in found])
            rows.append(_pooled(lesion, measure, [patient for patient, _ in found], compute, draws, level, seed))
    table = pd.DataFrame(rows, columns=["structure", "measure", "value", "ci_low", "ci_high", "n", "patients"])
    table.insert(0, "dataset", evaluation.dataset)
    return table


def leave_one_out(
    tables: Mapping[str | tuple[str, ...], pd.DataFrame], structure: str, measure: str = "dice"
) -> pd.DataFrame:
    """What a segmenter trained on one set is worth on the others.

    Parameters
    ----------
    tables : mapping of str or tuple of str to pandas.DataFrame
        The set or sets a segmenter was trained on, and its table from :func:`evaluate`; where it was tested on several
        sets, their tables joined. Names are those in the column ``dataset``.
    structure, measure : str

    Returns
    -------
    pandas.DataFrame
        Rows are what was trained on, columns what was tested on, cells the mean over eyes (NaN where not tested);
        then ``inside``, the mean of the sets it was trained on (whose test eyes they must be), ``outside``, that of the
        others, and ``gap``, the loss from one to the other.

    Raises
    ------
    EyeError
        There is no table, or none has the measure.

    Examples
    --------
    >>> import pandas as pd
    >>> def table(**means):
    ...     rows = pd.DataFrame({"dataset": list(means), "value": list(means.values()), "image_id": "a"})
    ...     return rows.assign(patient_id="1", structure="vessel", measure="dice", status="ok", reason="")
    >>> leave_one_out({"A": table(A=0.8, B=0.6), "B": table(A=0.7, B=0.9)}, "vessel")
               A    B  inside  outside  gap
    A        0.8  0.6     0.8      0.6  0.2
    B        0.7  0.9     0.9      0.7  0.2
    """
    means: dict[tuple[str, ...], pd.Series[float]] = {}
    for trained, table in tables.items():
        part = _checked(table)
        part = part[(part["structure"] == structure) & (part["measure"] == measure)]
        means[(trained,) if isinstance(trained, str) else tuple(trained)] = part.groupby("dataset", sort=False)[
            "value"
        ].mean()
    tested = list(dict.fromkeys(name for one in means.values() for name in one.index))
    if not tested:
        raise EyeError(f"None of the {len(tables)} tables has {measure!r} of {structure!r}; evaluate it first.")
    rows = []
    for trained, found in means.items():
        inside = found[[name for name in found.index if name in trained]].mean()
        outside = found[[name for name in found.index if name not in trained]].mean()
        lost = outside - inside if MEASURES[measure].best == "low" else inside - outside
        rows.append([*(found.get(name, math.nan) for name in tested), inside, outside, lost])
    index = [" + ".join(trained) for trained in means]
    return pd.DataFrame(rows, index=index, columns=[*tested, "inside", "outside", "gap"])


_PIXELS: Final[dict[str, Callable[[Tally], float]]] = {
    "auc": Tally.area_under_curve,
    "ap": Tally.average_precision,
    "ece": Tally.calibration_error,
}


def _froc_score(detections: Sequence[Detections]) -> float:
    return free_response(detections).score if any(one.lesions for one in detections) else math.nan


_OBJECTS: Final[tuple[tuple[str, int, Callable[[Sequence[Detections]], float]], ...]] = (
    ("froc", 0, _froc_score),
    *((f"ap_object_{100 * iou:.0f}", place, object_precision) for place, iou in enumerate(IOUS)),
)


class _Stacked:
    """Tallies of many eyes on the same probabilities, so that a bootstrap sample is one product."""

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.probability = Tally.total(tallies).probability
        shape = (len(tallies), len(self.probability))
        self.true, self.false = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, tally in enumerate(tallies):
            place = np.searchsorted(self.probability, tally.probability)
            self.true[row, place], self.false[row, place] = tally.true, tally.false

    def weighted(self, weight: NDArray[np.int64]) -> Tally:
        return Tally(self.probability, weight @ self.true, weight @ self.false)


def _of_pixels(method: Callable[[Tally], float], stacked: _Stacked, weight: NDArray[np.int64]) -> float:
    return method(stacked.weighted(weight))


def _of_objects(
    method: Callable[[Sequence[Detections]], float], detections: Sequence[Detections], weight: NDArray[np.int64]
) -> float:
    return method([one for one, times in zip(detections, weight, strict=True) for _ in range(times)])


def _pooled(
    structure: str,
    measure: str,
    patients: Sequence[str],
    compute: Callable[[NDArray[np.int64]], float],
    draws: int,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """Value of all eyes, and the percentiles of samples of patients."""
    codes, names = pd.factorize(np.asarray(patients, object))
    value, low, high = compute(np.ones(len(patients), np.int64)), math.nan, math.nan
    if len(names) > 1 and not math.isnan(value):
        random = np.random.default_rng(seed)
        weights = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        low, high = _percentiles(np.array([compute(weight[codes]) for weight in weights]), level)
    row: dict[str, Any] = {"structure": structure, "measure": measure, "value": value}
    return row | {"ci_low": low, "ci_high": high, "n": len(patients), "patients": len(names)}


def _interval(shown: pd.DataFrame, draws: int, level: float, seed: int) -> tuple[float, float]:
    """Percentiles of the mean over samples of patients."""
    sums = shown.groupby("patient_id")["value"].agg(["sum", "count"]).to_numpy(float)
    if len(sums) < 2:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    totals = weights @ sums
    return _percentiles(totals[:, 0] / totals[:, 1], level)


def _percentiles(values: Floats, level: float) -> tuple[float, float]:
    # A sample without any patient that has the lesion says nothing.
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    if missing := [column for column in COLUMNS if column not in table]:
        raise EyeError(f"The table has no column {missing[0]!r}; pass the one that evaluate gives.")
    if unknown := sorted(set(table["measure"]) - set(MEASURES)):
        raise EyeError(f"The table has a measure {unknown[0]!r}, which is not one of evaluate's.")
    return table.reset_index(drop=True)
