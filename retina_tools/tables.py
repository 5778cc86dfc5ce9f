"""Result tables in files: written so that every program reads them, read however a spreadsheet saved them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pandas as pd

from retina_tools.io.delimited import decoded, delimiter_of, has_decimal_commas
from retina_tools.schema import EyeError

FORMATS: Final = (".parquet", ".csv", ".xlsx")
# Ids are text: 007 is not 7.
_KEYS: Final = ("image_id", "patient_id")
# What spreadsheets of other languages write for true and false.
_TRUE: Final = ["WAHR", "VRAI", "VERDADERO", "VERO"]
_FALSE: Final = ["FALSCH", "FAUX", "FALSO"]


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table in the format its file name asks for.

    Parameters
    ----------
    table : pandas.DataFrame
    path : pathlib.Path
        Ending in ``.parquet``, ``.csv`` (UTF-8 with a mark that spreadsheets know it by) or ``.xlsx``.

    Raises
    ------
    EyeError
        Another ending.
    """
    check_writable(path)
    if path.suffix.lower() == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix.lower() == ".csv":
        table.to_csv(path, index=False, encoding="utf-8-sig")
    else:
        table.to_excel(path, index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that :func:`write_table` wrote, also one that a spreadsheet program saved again.

    Parameters
    ----------
    path : pathlib.Path
        Parquet, Excel (.xlsx), or text with commas, semicolons, tabs or bars between the cells, decimal points or
        commas, in UTF-8 (with or without its mark), UTF-16 or Windows' Western encoding.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    EyeError
        No such file, or not a table.
    """
    if not path.is_file():
        raise EyeError(f"There is no file {path}; give the table that 'retina-tools measure' wrote.")
    keys = dict.fromkeys(_KEYS, str)
    with path.open("rb") as file:
        start = file.read(4)
    try:
        if start == b"PAR1":
            return pd.read_parquet(path)
        if start.startswith(b"PK"):
            return pd.read_excel(path, dtype=keys)
        text = decoded(path)
        delimiter = delimiter_of(text)
        cells = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str).drop(columns=list(_KEYS), errors="ignore")
        decimal = "," if has_decimal_commas(cells) else "."
        return pd.read_csv(
            io.StringIO(text), sep=delimiter, decimal=decimal, dtype=keys, true_values=_TRUE, false_values=_FALSE
        )
    except (ValueError, OSError) as error:
        raise EyeError(f"{path} could not be read as a table: {error}") from error


def check_writable(path: Path) -> None:
    """Fail before hours of work, not after.

    Raises
    ------
    EyeError
        The path has no ending that says a format, is a folder, or cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise EyeError(f"The result {path} should end in .parquet, .csv or .xlsx, which says its format.")
    if path.is_dir():
        raise EyeError(f"{path} is a folder; give a file name, for example {path / 'results.parquet'}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise EyeError(f"The result {path} cannot be written: {error.strerror}.") from error
    if path.stat().st_size == 0:
        path.unlink()
