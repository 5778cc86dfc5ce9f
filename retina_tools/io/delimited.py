"""Table files to text cells: any delimiter, encoding and spreadsheet, with the row each record came from."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from retina_tools.io.errors import ReadError
from retina_tools.io.picture import quiet

_DELIMITERS: Final = (",", ";", "\t", "|")
# What programs write for a missing value, and what people do.
_MISSING: Final = frozenset({"", "na", "#n/a", "#nv", "nan", "null"})
_GAPS: Final = frozenset(
    {"n/a", "n.a.", "n. a.", "missing", "-", "--", "---", "–", "—", ".", "?", "k.a.", "k. a.", "k.a", "k. a"}
    | {"keine angabe", "keine angaben", "fehlt", "fehlend", "leer"}
)
# Words that may be a level of their own in a column of words, but among numbers and keys only say that there is none.
_UNKNOWN: Final = frozenset(
    {"unbekannt", "nicht bekannt", "nicht gemessen", "unknown", "unk", "not known", "not available", "not done"}
    | {"inconnu", "inconnue"}
)
_POINT: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA: Final = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


def read_cells(path: Path, sheet: int | str) -> pd.DataFrame:
    """Rows and columns of a table file as they are, without empty ones at the ends.

    Parameters
    ----------
    path : Path
        Delimited text, Excel (.xlsx) or Parquet.
    sheet : int or str
        Which sheet of an Excel file, by place from 0 or by name.

    Returns
    -------
    pandas.DataFrame
        Cells of text (or the types of the file), None where empty; the index is the row as a spreadsheet counts it, the
        header being the first row that is not empty.

    Raises
    ------
    ReadError
        The file is missing, empty or no table.
    """
    _check(path)
    start = path.read_bytes()[:8]
    try:
        if start.startswith(b"PAR1"):
            table = pd.read_parquet(path)
            table.index = pd.RangeIndex(2, len(table) + 2)
            return table.rename(columns=str)
        if start.startswith(b"PK"):
            with quiet():
                cells = pd.read_excel(path, sheet_name=sheet, header=None, dtype=object, keep_default_na=False)
            rows = [[_text(cell) for cell in row] for row in cells.itertuples(index=False)]
        else:
            rows = _delimited(path)
    except ReadError:
        raise
    except Exception:
        raise ReadError(
            f"{path.name!r} cannot be read as a table (sheet {sheet!r}); wanted CSV, Excel (.xlsx) or Parquet. "
            "Open it in a spreadsheet program and save it as CSV."
        ) from None
    return _framed(rows, path.name)


def _check(path: Path) -> None:
    if path.is_dir():
        raise ReadError(f"{path.name!r} is a folder, wanted a table file (CSV, Excel or Parquet).")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except PermissionError:
        raise ReadError(f"{path.name!r} may not be read: permission denied. Ask its owner, or copy it.") from None
    except OSError:
        raise ReadError(f"There is no table {path.name!r} in {str(path.parent)!r}; check the path.") from None
    if not start:
        raise ReadError(f"{path.name!r} is empty (0 bytes), wanted a table; export it again.")
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise ReadError(
            f"{path.name!r} is an old Excel file (.xls) or protected by a password; save it as .xlsx or CSV."
        )


def decoded(path: Path) -> str:
    """The text of a file, in UTF-8 (with or without its mark), UTF-16, or else Windows' Western encoding.

    Raises
    ------
    ReadError
        It is no text.
    """
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    if b"\0" in data[:4000]:
        raise ReadError(f"{path.name!r} is not a table; wanted CSV, Excel (.xlsx) or Parquet.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _delimited(path: Path) -> list[list[str | None]]:
    text = decoded(path)
    return [[_text(cell) for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter_of(text))]


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first rows into the same number of cells, the most of them."""
    sample = text[:50_000].splitlines(keepends=True)[:60]

    def regularity(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if any(row)]
        common = max(set(widths), key=widths.count) if widths else 0
        return (widths.count(common) / len(widths), common) if common > 1 else (0.0, 0)

    best = max(_DELIMITERS, key=regularity)
    return best if regularity(best)[1] else ","


def _text(cell: Any) -> Any:
    """A cell without blanks around it; None for one that says that there is nothing."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return None
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell.lower() in _MISSING else cell
    return cell


def is_gap(cell: Any) -> bool:
    """Whether a cell is what people write where there is nothing to write: a dash, n/a, k.A., keine Angabe."""
    return cell is None or (isinstance(cell, str) and cell.lower() in _GAPS)


def is_unknown(cell: Any) -> bool:
    """Whether a cell says in a word that something is not known, which a column of words may mean as a level."""
    return isinstance(cell, str) and cell.lower() in _UNKNOWN


def _framed(rows: Sequence[Sequence[Any]], name: str) -> pd.DataFrame:
    """Cells under their header, without empty rows and without nameless empty columns."""
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(cell is not None for cell in row)]
    if not filled:
        raise ReadError(f"{name!r} has no filled cells, wanted a header and rows; export it again.")
    (_, header), *records = filled
    width = max(len(row) for _, row in filled)
    titles = _titles([*header, *[None] * (width - len(header))])
    cells = [[*row, *[None] * (width - len(row))] for _, row in records]
    table = pd.DataFrame(cells, columns=titles, index=[number for number, _ in records], dtype=object)
    unnamed = [title for title, named in zip(titles, [*header, *[None] * width], strict=False) if named is None]
    return table.drop(columns=[title for title in unnamed if table[title].isna().all()])


def _titles(header: Sequence[Any]) -> list[str]:
    """Column titles: a nameless one by its place, a repeated one numbered."""
    titles: list[str] = []
    for place, cell in enumerate(header, start=1):
        title = wanted = f"column_{place}" if cell is None else str(cell)
        number = 1
        while title in titles:
            number += 1
            title = f"{wanted}_{number}"
        titles.append(title)
    return titles


def has_decimal_commas(table: pd.DataFrame) -> bool:
    """Whether the numbers of a table are written with decimal commas, beyond doubt.

    Beyond doubt: somewhere a comma is followed by other than three digits, and no number has a decimal point.
    """
    cells = [cell for column in table for cell in table[column] if isinstance(cell, str)]
    with_comma = [cell for cell in cells if _COMMA.fullmatch(cell)]
    if not any(len(re.split("[,eE]", cell)[1]) != 3 for cell in with_comma):
        return False
    return not any("." in cell and _POINT.fullmatch(cell) for cell in cells)


def as_number(cell: Any, decimal_commas: bool) -> float | None:
    """A cell as a number, or None where it is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, (int, float)):
        return float(cell)
    if not isinstance(cell, str):
        return None
    if decimal_commas and _COMMA.fullmatch(cell):
        return float(cell.replace(",", "."))
    return float(cell) if _POINT.fullmatch(cell) else None
