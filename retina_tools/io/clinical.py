"""Clinical tables: one row per eye or patient, with the keys that join them to photographs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd

from retina_tools.io.delimited import as_number, has_decimal_commas, read_cells
from retina_tools.io.errors import ReadError
from retina_tools.io.names import as_laterality

KEYS: Final = ("image_id", "patient_id", "laterality")
# Spellings of the keys, without blanks, signs and capitals, the surest first.
_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "image_id": (
        "imageid", "imgid", "imagename", "imgname", "filename", "imagefile", "filepath", "imagepath", "imageno",
        "imagenumber", "imagenr", "photoid", "photo", "fundus", "image", "img", "file", "path",
    ),
    "patient_id": (
        "patientid", "patid", "subjectid", "participantid", "patientno", "patientnumber", "patientnr", "subjectno",
        "subjectnumber", "patient", "subject", "participant", "pid", "eid",
    ),
    "laterality": ("laterality", "eyelaterality", "eyeside", "eye", "side", "odos", "rl", "lr", "lat"),
}  # fmt: skip
_PERSONAL: Final = frozenset(
    {
        "patientname", "surname", "lastname", "familyname", "firstname", "forename", "givenname", "fullname", "dob",
        "dateofbirth", "birthdate", "birthday", "address", "street", "phone", "telephone", "email", "ssn", "nhsnumber",
    }
)  # fmt: skip
_SEXES: Final = frozenset({"m", "f", "male", "female", "man", "woman", "w", "0", "1", "2", "0.0", "1.0", "2.0"})
# Beyond these a value is a typing error or another unit: pattern of the plain column name, least, most, unit.
_POSSIBLE: Final = (
    (re.compile(r"(?:^|.+_)age(?:_.*)?$"), 0, 120, "years"),
    (re.compile(r"(?:^|.*_)(?:iop|ocular_pressure|intraocular_pressure)(?:_.*)?$"), 0, 90, "mmHg"),
    (re.compile(r"(?:^|.*_)(?:axial_length|axl)(?:_.*)?$"), 10, 45, "mm"),
    (re.compile(r"(?:^|.*_)(?:cct|pachymetry|cornea\w*_thickness)(?:_.*)?$"), 200, 1000, "um"),
    (re.compile(r"(?:^|.*_)v?cdr$"), 0, 1, "ratio"),
    (re.compile(r"(?:^|.*_)(?:dioptre|dioptres|diopter|diopters|sphere|spherical_equivalent)(?:_.*)?$"), -50, 40, "D"),
    (re.compile(r"^(?:md|mtd|.*mean_defect|.*mean_deviation)$"), -40, 20, "dB"),
    (re.compile(r"^(?:sbp|systolic.*|dbp|diastolic.*)$"), 20, 320, "mmHg"),
    (re.compile(r"^bmi$"), 8, 120, "kg/m2"),
)
_IMAGE_EXTENSION: Final = re.compile(r"\.(jpe?g|png|tiff?|bmp|gif|p[pgb]m|dcm|dicom|svs)$", re.IGNORECASE)


@dataclass
class _Problems:
    """What was found wrong in a table, with the row of the file."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: int, column: str, value: object, problem: str) -> None:
        self.found.append({"row": int(row), "column": column, "value": str(value), "problem": problem})


def read_clinical(
    path: str | os.PathLike[str],
    *,
    patient: str | None = None,
    eye: str | None = None,
    image: str | None = None,
    eye_codes: Mapping[Any, str] | None = None,
    sheet: int | str = 0,
    require_key: bool = True,
    allow_repeats: bool = False,
    strict: bool = False,
) -> pd.DataFrame:
    r"""Read a clinical table and find the columns that join it to photographs.

    Parameters
    ----------
    path : path
        CSV with any delimiter, Excel (.xlsx) or Parquet.
    patient, eye, image : str, optional
        Titles of the columns with the patient, the side and the photograph. Common spellings (``Patient ID``, ``eye``,
        ``side``, ``Image No``, ``filename``, ...) are recognised; an empty string says that there is no such column.
    eye_codes : mapping, optional
        What the side's codes mean, such as ``{0: "OD", 1: "OS"}``. OD, OS, R, L, right and left need none; numbers are
        not guessed.
    sheet : int or str
        Sheet of an Excel file.
    require_key : bool
        Refuse a table with neither a patient nor an image column.
    allow_repeats : bool
        Accept several rows for one eye, such as visits.
    strict : bool
        Refuse a table with any problem instead of reporting it.

    Returns
    -------
    pandas.DataFrame
        The columns ``image_id`` (file name without folder and extension), ``patient_id``, ``laterality`` ('OD', 'OS' or
        ''), empty strings where unknown, then the others under their own titles. ``attrs["problems"]`` lists what was
        found wrong; :func:`clinical_problems` gives it as a table.

    Raises
    ------
    ReadError
        No table, no key column, a column asked for is not there, sides in numbers without ``eye_codes``, two rows for
        one image or eye, or, if ``strict``, any problem.

    Notes
    -----
    Empty rows and columns are dropped. Empty cells, NA, N/A, NaN, NULL, ``-``, ``.`` and ``?`` are missing values (the
    word None is not: it may be a grade). Decimal commas are understood where they cannot be thousands. Impossible
    values (age 412, negative pressure) and words among numbers (``<10``) become missing and are reported. Columns that
    name a person (name, date of birth, address) are left out.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "clinic.csv"
    >>> _ = path.write_text("Patient ID;Eye;age;IOP\n007;R;64;15,5\n007;L;64;-3\n")
    >>> table = read_clinical(path)
    >>> print(table.to_string(index=False))
    image_id patient_id laterality  age  IOP
                    007         OD   64 15.5
                    007         OS   64  NaN
    >>> clinical_problems(table)[["row", "column", "value"]].values.tolist()
    [[3, 'IOP', '-3']]
    """
    file = Path(path)
    cells = read_cells(file, sheet)
    problems = _Problems()
    titles = _key_columns(cells, {"patient_id": patient, "laterality": eye, "image_id": image}, file.name)
    if require_key and not ({"patient_id", "image_id"} & set(titles)):
        raise ReadError(
            f"{file.name!r} has no column for the patient or the image among {_some(cells.columns)}; name it with "
            "patient='...' or image='...', or read it without keys with require_key=False."
        )
    keys = _keys(cells, titles, eye_codes, file.name, problems)
    others = _other_columns(cells, titles, problems)
    table = pd.concat([keys, others], axis=1)
    table = _with_keys_only(table, titles, problems) if require_key else table
    table = _without_repeats(table, titles, file.name, allow_repeats, problems)
    if strict and problems.found:
        raise ReadError(_first_problems(file.name, problems.found))
    table = table.reset_index(drop=True)
    table.attrs["problems"] = problems.found
    return table


def clinical_problems(table: pd.DataFrame) -> pd.DataFrame:
    """What was found wrong in a clinical table.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`read_clinical`.

    Returns
    -------
    pandas.DataFrame
        Columns ``row`` (of the file, as a spreadsheet counts), ``column``, ``value`` and ``problem``.
    """
    return pd.DataFrame(table.attrs.get("problems", []), columns=["row", "column", "value", "problem"])


def _key_columns(cells: pd.DataFrame, given: Mapping[str, str | None], name: str) -> dict[str, str]:
    """Which column is which key."""
    plain = {re.sub(r"[^a-z0-9]", "", title.lower()): title for title in reversed(list(cells.columns))}
    titles: dict[str, str] = {}
    for key, title in given.items():
        if title:
            if title not in cells.columns:
                raise ReadError(f"{name!r} has no column {title!r}; it has {_some(cells.columns)}.")
            titles[key] = title
        elif title is None:
            spelt = next((word for word in _SPELLINGS[key] if word in plain), None)
            if spelt is not None:
                titles[key] = plain[spelt]
    return titles


def _keys(
    cells: pd.DataFrame, titles: Mapping[str, str], codes: Mapping[Any, str] | None, name: str, problems: _Problems
) -> pd.DataFrame:
    keys = pd.DataFrame({key: pd.Series("", index=cells.index, dtype="str") for key in KEYS})
    if "image_id" in titles:
        keys["image_id"] = _image_ids([_key_text(cell) for cell in cells[titles["image_id"]]])
    if "patient_id" in titles:
        keys["patient_id"] = [_key_text(cell) for cell in cells[titles["patient_id"]]]
    if "laterality" in titles:
        keys["laterality"] = _sides(cells[titles["laterality"]], codes, name, problems)
    return keys.astype("str")


def _key_text(cell: Any) -> str:
    """A key as text: 7.0, as spreadsheets store 7, is 7; 007 stays 007."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def _image_ids(names: list[str]) -> list[str]:
    """Names of images without folder and extension; with the folder where they would coincide otherwise."""
    paths = [_IMAGE_EXTENSION.sub("", name.replace("\\", "/").strip("/")) for name in names]
    stems = [PurePosixPath(path).name for path in paths]
    filled = [stem for stem in stems if stem]
    return stems if len(set(filled)) == len(filled) else paths


def _sides(column: pd.Series[Any], codes: Mapping[Any, str] | None, name: str, problems: _Problems) -> list[str]:
    meanings = {_key_text(code): as_laterality(side) for code, side in (codes or {}).items()}
    texts = [_key_text(cell) for cell in column]
    if not meanings and any(texts) and all(text.lstrip("-").isdigit() for text in texts if text):
        found = ", ".join(sorted(set(texts) - {""}))
        raise ReadError(
            f"The column {str(column.name)!r} of {name!r} codes the side as {found}; say which is which with "
            "eye_codes={0: 'OD', 1: 'OS'}, or leave it out with eye=''."
        )
    sides = []
    for row, text in zip(column.index, texts, strict=True):
        if text in meanings:
            sides.append(meanings[text])
            continue
        try:
            sides.append(as_laterality(re.sub(r"\s*eye$", "", text, flags=re.IGNORECASE)))
        except ReadError:
            problems.add(row, str(column.name), text, "not a side (OD, OS, R, L, right, left); taken as unknown")
            sides.append("")
    return sides


def _other_columns(cells: pd.DataFrame, titles: Mapping[str, str], problems: _Problems) -> pd.DataFrame:
    decimal_commas = has_decimal_commas(cells)
    columns: dict[str, pd.Series[Any]] = {}
    header = min(cells.index, default=2) - 1
    for title in cells.columns:
        is_key = title in (titles.get("patient_id"), titles.get("laterality")) or title in KEYS
        if is_key or (title == titles.get("image_id") and not _is_path(cells[title])):
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
        if plain.replace("_", "") in _PERSONAL:
            problems.add(header, title, "", "names a person; left out")
            continue
        column = _typed(cells[title], decimal_commas, problems)
        columns[title] = _possible(column, title, plain, problems)
    return pd.DataFrame(columns, index=cells.index)


def _is_path(column: pd.Series[Any]) -> bool:
    """Whether names of images say more than the image id: a folder or an extension."""
    return any("/" in text or "\\" in text or _IMAGE_EXTENSION.search(text) for text in map(_key_text, column))


def _typed(column: pd.Series[Any], decimal_commas: bool, problems: _Problems) -> pd.Series[Any]:
    """A column as numbers, truth values or text."""
    if column.dtype != object and not pd.api.types.is_string_dtype(column.dtype):
        return column
    filled = column.dropna()
    words = {str(cell).lower() for cell in filled}
    if words and words <= {"true", "false"}:
        truth = column.map(lambda cell: None if cell is None else str(cell).lower() == "true")
        return truth.astype("bool" if len(filled) == len(column) else "boolean")
    numbers = {int(row): as_number(cell, decimal_commas) for row, cell in zip(filled.index, filled, strict=True)}
    strange = [row for row, number in numbers.items() if number is None]
    if len(filled) and (len(strange) == len(filled) or len(strange) > 0.2 * len(filled)):
        if all(re.fullmatch(r"[+-]?\d{1,3}(,\d{3})*", str(cell)) for cell in filled):
            problems.add(min(filled.index), str(column.name), filled.iloc[0], "comma may be decimal or thousands; kept")
        return column.where(column.notna(), np.nan).astype("str")
    for row in strange:
        problems.add(row, str(column.name), filled[row], "not a number, as the others are; missing")
    values = np.array([np.nan if (n := numbers.get(int(row))) is None else n for row in column.index], float)
    is_whole = len(values) > 0 and bool(np.isfinite(values).all() and (values % 1 == 0).all())
    return pd.Series(values.astype(np.int64) if is_whole else values, index=column.index)


def _possible(column: pd.Series[Any], title: str, plain: str, problems: _Problems) -> pd.Series[Any]:
    """The column with impossible values missing and reported."""
    if plain in ("sex", "gender"):
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


def _with_keys_only(table: pd.DataFrame, titles: Mapping[str, str], problems: _Problems) -> pd.DataFrame:
    """Without rows that no photograph can be found for."""
    key = "image_id" if "image_id" in titles else "patient_id"
    for row in table.index[table[key] == ""]:
        problems.add(int(row), titles[key], "", f"no {key}; row left out")
    return table[table[key] != ""]


def _without_repeats(
    table: pd.DataFrame, titles: Mapping[str, str], name: str, allow: bool, problems: _Problems
) -> pd.DataFrame:
    keys = ["image_id"] if "image_id" in titles else [key for key in ("patient_id", "laterality") if key in titles]
    if "patient_id" not in titles and "image_id" not in titles:
        return table
    for row in table.index[table.duplicated()]:
        problems.add(int(row), titles[keys[0]], table.loc[row, keys[0]], "the same row again; left out")
    table = table.drop_duplicates()
    repeated = table[table.duplicated(keys, keep=False)]
    if allow or not len(repeated):
        return table
    first = repeated.iloc[0][keys]
    rows = [int(row) for row in repeated.index[(repeated[keys] == first).all(axis=1)]]
    remedy = "name the image's column with image='...', or" if keys != ["image_id"] else "correct the table, or"
    raise ReadError(
        f"Rows {', '.join(map(str, rows[:4]))} of {name!r} are all for {' '.join(filter(None, first))!r}, wanted one "
        f"each; {remedy} accept several visits with allow_repeats=True."
    )


def _first_problems(name: str, found: list[dict[str, Any]]) -> str:
    shown = "; ".join(f"row {p['row']}, {p['column']} {p['value']!r}: {p['problem']}" for p in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{name!r} has {len(found)} problems: {shown}{more}. Correct the table, or read it with strict=False."


def _some(titles: Any) -> str:
    listed = [repr(str(title)) for title in titles]
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
