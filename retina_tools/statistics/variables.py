"""Columns of a clinical table as numbers for a regression: yes and no, amounts, categories, patients.

Everything a table may bring (text, booleans with gaps, pandas' nullable types, infinities) becomes a float array with
NaN for what is missing, or an error that says what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retina_tools.schema import EyeError
from retina_tools.statistics.levels import reference_of

Floats = NDArray[np.float64]

KEYS: Final = ("image_id", "patient_id", "laterality")
# What a run over many eyes writes beside the biomarkers.
_RUN_COLUMNS: Final = ("error", "error_stage", "seconds", "um_per_pixel", "scale_source")
# A text with more levels than this is a name or an identifier, not a category, unless pandas is told otherwise.
_MOST_LEVELS: Final = 10
# So is one that has a level for about every row, or for every patient of two eyes.
_LEVELS_PER_ROW: Final = 0.4


@dataclass(frozen=True)
class TwoLevels:
    """A column with two levels as 0 and 1.

    Attributes
    ----------
    values : ndarray, shape (n,)
        1 for the event, 0 for the reference, NaN for neither.
    event, reference : str
        What 1 and 0 stand for.
    n_other : int
        Rows with another level, left out.
    """

    values: Floats
    event: str
    reference: str
    n_other: int = 0


def as_list(names: str | Iterable[str]) -> list[str]:
    """One name or several as a list, each once."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def require_columns(table: pd.DataFrame, names: Sequence[str], role: str) -> None:
    """Refuse names that are not columns, offering the nearest.

    Parameters
    ----------
    table : pandas.DataFrame
    names : sequence of str
    role : str
        What the columns were wanted for, in the message.

    Raises
    ------
    EyeError
        The table is none, is empty, has a column twice, or lacks one.
    """
    if not isinstance(table, pd.DataFrame):
        raise EyeError(f"The table is a {type(table).__name__}, wanted a pandas DataFrame with one row per image.")
    if not len(table):
        raise EyeError("The table has no rows; wanted one row per image.")
    present = list(table.columns)
    for name in names:
        count = present.count(name)
        if count > 1:
            raise EyeError(f"The table has {count} columns called {name!r}; rename or drop all but one.")
        if count == 0:
            near = difflib.get_close_matches(str(name), [str(column) for column in present], n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {_some(present)}."
            raise EyeError(f"The table has no column {name!r} to use as {role}; {hint}")


def is_amount(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers, booleans not among them."""
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def amounts(column: pd.Series[Any]) -> Floats:
    """A numeric column as floats; infinity counts as missing."""
    values: Floats = column.to_numpy(dtype=float, na_value=np.nan).copy()
    values[~np.isfinite(values)] = np.nan
    return values


def levels_of(column: pd.Series[Any]) -> list[Any]:
    """The distinct values of a column in order: the category order, else sorted; missing and empty ones left out."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = set(column.dropna().unique())
        return [level for level in column.cat.categories if level in used]
    present = [level for level in column.dropna().unique() if not (isinstance(level, str) and not level.strip())]
    if is_amount(column):
        return sorted(level for level in present if np.isfinite(level))
    return sorted(present, key=lambda level: (str(type(level)), level) if isinstance(level, bool) else ("", str(level)))


def two_levels(
    column: pd.Series[Any],
    *,
    event: Any = None,
    reference: Any = None,
    name: str | None = None,
    any_order: bool = False,
) -> TwoLevels:
    """Code a column with two levels as 1 (event) and 0 (reference).

    Parameters
    ----------
    column : pandas.Series
        Booleans, two numbers, or text.
    event, reference : level or list of levels, optional
        Which levels are 1 and which 0. With one of them given, all other levels are the other side; with both, rows of
        further levels are left out. With neither there must be two levels, and the event is True, the larger number,
        the later of ordered categories or, of text, the level beside one that means "none" in one of several languages
        (``no``, ``healthy``, ``Kontrolle``, ``sain`` ...). Never the later in the alphabet.
    name : str, optional
        Of the column, for messages.
    any_order : bool
        Take two texts that say nothing about which is the event as they come: for an exposure, whose effect is named
        by both levels, so that its sign cannot be misread.

    Returns
    -------
    TwoLevels

    Raises
    ------
    EyeError
        There are more than two levels and none was chosen, nothing says which of two is the event, or the level chosen
        does not occur.

    Examples
    --------
    >>> import pandas as pd
    >>> coded = two_levels(pd.Series(["healthy", "glaucoma", None]))
    >>> coded.event, coded.reference, coded.values.tolist()
    ('glaucoma', 'healthy', [0.0, 1.0, nan])
    """
    name = str(column.name) if name is None else name
    present = levels_of(column)
    if event is None and reference is None:
        zeros = [_reference_level(column, present, name, any_order)]
        ones = [level for level in present if level not in zeros]
    else:
        ones = _chosen(event, present, name)
        zeros = _chosen(reference, present, name)
        ones = ones or [level for level in present if level not in zeros]
        zeros = zeros or [level for level in present if level not in ones]
        if both := [level for level in ones if level in zeros]:
            raise EyeError(f"The level {both[0]!r} of {name!r} is both event and reference; choose one.")
    is_event, is_reference = column.isin(ones).to_numpy(bool), column.isin(zeros).to_numpy(bool)
    values = np.where(is_event, 1.0, np.where(is_reference, 0.0, np.nan))
    other = column.isin([level for level in present if level not in ones and level not in zeros])
    return TwoLevels(values, _names(ones), _names(zeros), int(other.sum()))


def _reference_level(column: pd.Series[Any], present: list[Any], name: str, any_order: bool) -> Any:
    """The level to be 0 where the caller has chosen none."""
    known = reference_of(present)
    if len(present) > 2:
        zero = present[0] if known is None else known
        other = next(level for level in reversed(present) if level != zero)
        raise EyeError(
            f"The column {name!r} has {len(present)} levels ({_some(present)}), wanted two; choose with "
            f"event={other!r} and, to leave other levels out, reference={zero!r} (on the command line --event and "
            "--reference)."
        )
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and bool(column.cat.ordered)
    in_words = all(isinstance(level, str) for level in present)
    if known is not None or ordered or any_order or not in_words or len(present) < 2:
        return present[0] if known is None else known
    one, other = present
    raise EyeError(
        f"The outcome {name!r} has the levels {one!r} and {other!r}, and neither is known to mean 'without it'; say "
        f"which one is the event: event={one!r} or event={other!r} (on the command line --event)."
    )


def covariate_columns(column: pd.Series[Any]) -> dict[str, Floats]:
    """A covariate as columns of a regression: an amount as it is, a category as one column per level but the first.

    Parameters
    ----------
    column : pandas.Series

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Rows where the covariate is missing are NaN.

    Raises
    ------
    EyeError
        It holds dates, numbers written as text, or names: text with more than ten levels, or nearly as many as rows.

    Examples
    --------
    >>> import pandas as pd
    >>> list(covariate_columns(pd.Series(["F", "M", "M"], name="sex")))
    ['sex[M]']
    """
    name = str(column.name)
    if is_amount(column):
        return {name: amounts(column)}
    refuse_odd_text(column)
    present = levels_of(column)
    _refuse_names(column, present)
    missing = ~column.isin(present).to_numpy(bool)
    coded = {}
    for level in present[1:] or present:
        values = (column == level).to_numpy(dtype=float, na_value=np.nan)
        values[missing] = np.nan
        coded[f"{name}[{level}]"] = values
    return coded or {name: np.full(len(column), np.nan)}


def _refuse_names(column: pd.Series[Any], present: list[Any]) -> None:
    """Refuse a covariate of names: a coefficient for each would explain everything, and nothing."""
    rows = int(column.isin(present).sum())
    meant = isinstance(column.dtype, pd.CategoricalDtype)
    nearly_all = len(present) > 3 and len(present) > _LEVELS_PER_ROW * rows
    if nearly_all or (len(present) > _MOST_LEVELS and not meant):
        raise EyeError(
            f"The covariate {column.name!r} has {len(present)} different texts in {rows} rows ({_some(present, 3)}), "
            f"wanted a number or at most {_MOST_LEVELS} categories; leave it out if it is a name, merge its levels, or "
            "make it a number."
        )


def refuse_odd_text(column: pd.Series[Any]) -> None:
    """Refuse dates and numbers written as text, which would become a category with a level per row."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        raise EyeError(
            f"The column {column.name!r} holds dates; turn it into a number first, for example age in years."
        )
    present = levels_of(column)
    is_text = len(present) > 2 and all(isinstance(level, str) for level in present)
    if is_text and pd.to_numeric(pd.Series(present), errors="coerce").notna().all():
        raise EyeError(
            f"The column {column.name!r} holds numbers written as text; convert it first: "
            f"table[{column.name!r}] = pd.to_numeric(table[{column.name!r}])."
        )


def patients(table: pd.DataFrame, groups: Any) -> tuple[NDArray[np.intp], str]:
    """Which rows belong to one patient.

    Parameters
    ----------
    table : pandas.DataFrame
    groups : str, array_like, None or False
        A column, one label per row, or False for "every row is a patient". None is accepted only where nothing in the
        table says otherwise.

    Returns
    -------
    codes : ndarray of int, shape (n,)
        -1 where the patient is unknown.
    description : str
        The name of the column, ``'given'``, or empty where every row is its own.

    Raises
    ------
    EyeError
        Two rows share a patient and ``groups`` does not say what to do about it, or no row has one.
    """
    if groups is None:
        _refuse_silent_independence(table)
        return np.arange(len(table)), ""
    if groups is False:
        return np.arange(len(table)), ""
    if isinstance(groups, str):
        require_columns(table, [groups], "groups")
        labels, description = table[groups], groups
    else:
        labels, description = pd.Series(np.asarray(groups)), "given"
        if groups is True or labels.shape != (len(table),):
            raise EyeError(
                f"groups has {np.size(groups)} labels for {len(table)} rows; give a column name, one label per row, or "
                "False where every row is a patient."
            )
    if not isinstance(labels.dtype, pd.CategoricalDtype):
        labels = labels.mask(labels.astype(str).str.strip() == "")
    codes = pd.factorize(labels, use_na_sentinel=True)[0]
    if (codes < 0).all():
        raise EyeError(
            f"The groups ({description}) are empty in every row, so nothing says which eyes are of one patient; fill "
            "them in, or pass groups=False if every row is a patient."
        )
    return codes, description


def default_exposures(table: pd.DataFrame, taken: Sequence[str]) -> list[str]:
    """The biomarkers of a table: columns with a status beside them, else every numeric column but keys.

    Parameters
    ----------
    table : pandas.DataFrame
    taken : sequence of str
        Columns with another part in the regression.

    Returns
    -------
    list of str
    """
    columns = [str(column) for column in table.columns]
    status = {column for column in columns if column.split(".")[0].endswith("_status")}
    measured = [column for column in columns if _status_of(column) in status]
    skipped = {*KEYS, *_RUN_COLUMNS, *taken, *status}
    candidates = measured or [column for column in columns if is_amount(table[column])]
    return [
        column for column in candidates if column not in skipped and not column.startswith(("_", "true_", "quality_"))
    ]


def _status_of(column: str) -> str:
    variable, dot, rest = column.partition(".")
    return f"{variable}_status{dot}{rest}"


def _refuse_silent_independence(table: pd.DataFrame) -> None:
    if "patient_id" not in table.columns:
        return
    ids = table["patient_id"].dropna().astype(str)
    ids = ids[ids.str.strip() != ""]
    if ids.duplicated().any():
        shared = int(ids.duplicated(keep=False).sum())
        raise EyeError(
            f"{shared} of {len(table)} rows share a patient with another row, and two eyes are not two patients; "
            "pass groups='patient_id', or groups=False to treat every row as a patient on purpose."
        )
    if len(ids) < len(table):
        raise EyeError(
            f"patient_id is empty in {len(table) - len(ids)} of {len(table)} rows, so nothing says which eyes are of "
            "one patient; fill it in, or pass groups=False if every row is a patient."
        )


def _chosen(wanted: Any, present: list[Any], name: str) -> list[Any]:
    if wanted is None:
        return []
    wanted = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    found = []
    for level in wanted:
        match = [one for one in present if one == level] or [one for one in present if _same(one, level)]
        if not match:
            raise EyeError(f"The level {level!r} does not occur in {name!r}, which has {_some(present)}.")
        found += match
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two levels are written alike: a table read from a file may have 1.0 for what was typed as 1."""
    return _names([one]).strip().casefold() == _names([other]).strip().casefold()


def _names(levels: Sequence[Any]) -> str:
    return ", ".join(f"{level:g}" if isinstance(level, float) else str(level) for level in levels)


def _some(values: Iterable[Any], most: int = 6) -> str:
    shown = [repr(value) if isinstance(value, str) else str(value) for value in values]
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")
