"""Clinical tables: one row per eye or patient, with the keys that join them to photographs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd

from retina_tools.io.clinical_values import Problems, possible, typed
from retina_tools.io.delimited import has_decimal_commas, is_gap, is_unknown, read_cells
from retina_tools.io.errors import ReadError
from retina_tools.io.names import as_laterality

KEYS: Final = ("image_id", "patient_id", "laterality")
# Spellings of the keys, without blanks, signs and capitals, the surest first.
_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "image_id": (
        "imageid", "imgid", "imagename", "imgname", "filename", "imagefile", "filepath", "imagepath", "imageno",
        "imagenumber", "imagenr", "photoid", "photo", "fundus", "image", "img", "file", "path",
        "bildname", "bildid", "bildnr", "dateiname", "bilddatei", "bild", "datei", "foto",
    ),
    "patient_id": (
        "patientid", "patid", "subjectid", "participantid", "patientno", "patientnumber", "patientnr", "subjectno",
        "subjectnumber", "patient", "subject", "participant", "pid", "eid",
        "patientenid", "patientennr", "patientennummer", "patnr", "pat",
    ),
    "laterality": (
        "laterality", "eyelaterality", "eyeside", "eye", "side", "odos", "rl", "lr", "lat", "auge", "augenseite",
        "seite", "oeil",
    ),
}  # fmt: skip
# Letters with an accent are left out of the plain title: Straße is strae.
_PERSONAL: Final = frozenset(
    {
        "patientname", "surname", "lastname", "familyname", "firstname", "forename", "givenname", "fullname", "dob",
        "patientenname", "nachname", "familienname", "vorname", "geburtsdatum", "gebdatum", "gebdat", "geburtstag",
        "adresse", "anschrift", "strasse", "telefon", "handy", "nom", "prenom", "prnom", "strae",
        "dateofbirth", "birthdate", "birthday", "address", "street", "phone", "telephone", "email", "ssn", "nhsnumber",
    }
)  # fmt: skip
_IMAGE_EXTENSION: Final = re.compile(r"\.(jpe?g|png|tiff?|bmp|gif|p[pgb]m|dcm|dicom|svs)$", re.IGNORECASE)


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
        What the side's codes mean, such as ``{1: "OD", 2: "OS"}``. OD, OS, R, L, RE, LE, RA, LA, right, left, rechts,
        links, droite and gauche need none, with points or without; numbers are not guessed.
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
        No table, no key column, a column asked for is not there, no side that can be read without ``eye_codes``, two
        rows for one image or eye, or, if ``strict``, any problem.

    Notes
    -----
    Empty rows and columns are dropped. Empty cells, NA, NaN and NULL are missing values (the word None is not, it may
    be a grade). Among numbers, what says that there is none (``n/a``, ``-``, ``k.A.``, ``unbekannt``), limits
    (``< 10``), a few other words, and impossible values (age 412, negative pressure) become missing and are reported; a
    column of words and numbers alike stays text, and is reported. Decimal commas are understood where they cannot be
    thousands. A side that cannot be read is unknown and reported; such a row never stands for both eyes. Columns that
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
    problems = Problems()
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
    table.attrs |= {"problems": problems.found, "has_sides": "laterality" in titles and bool(keys["laterality"].any())}
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
    cells: pd.DataFrame, titles: Mapping[str, str], codes: Mapping[Any, str] | None, name: str, problems: Problems
) -> pd.DataFrame:
    keys = pd.DataFrame({key: pd.Series("", index=cells.index, dtype="str") for key in KEYS})
    if "image_id" in titles:
        keys["image_id"] = _image_ids([key_text(cell) for cell in cells[titles["image_id"]]])
    if "patient_id" in titles:
        keys["patient_id"] = [key_text(cell) for cell in cells[titles["patient_id"]]]
    if "laterality" in titles:
        by_patient = "image_id" not in titles
        keys["laterality"] = _sides(cells[titles["laterality"]], codes, name, by_patient, problems)
    return keys.astype("str")


def key_text(cell: Any) -> str:
    """A key as text: 7.0, as spreadsheets store 7 and programs write it, is 7; 007 stays 007."""
    if is_gap(cell) or is_unknown(cell) or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return re.sub(r"^(\d+)\.0$", r"\1", str(cell))


def _image_ids(names: list[str]) -> list[str]:
    """Names of images without folder and extension; with the folder where they would coincide otherwise."""
    paths = [_IMAGE_EXTENSION.sub("", name.replace("\\", "/").strip("/")) for name in names]
    stems = [PurePosixPath(path).name for path in paths]
    filled = [stem for stem in stems if stem]
    return stems if len(set(filled)) == len(filled) else paths


def _sides(
    column: pd.Series[Any], codes: Mapping[Any, str] | None, name: str, by_patient: bool, problems: Problems
) -> list[str]:
    """Sides of a column, empty where unknown; ``by_patient`` says that nothing else tells the two eyes apart."""
    meanings = {key_text(code): as_laterality(side) for code, side in (codes or {}).items()}
    texts = [key_text(cell) for cell in column]
    sides: list[str] = []
    for text in texts:
        try:
            sides.append(meanings[text] if text in meanings else as_laterality(text))
        except ReadError:
            sides.append("")
    if any(texts) and not any(sides):
        found = sorted(set(texts) - {""})
        raise ReadError(
            f"The column {str(column.name)!r} of {name!r} codes the side as {_listed(found)}; say which is which with "
            "eye_codes={0: 'OD', 1: 'OS'}, or leave it out with eye=''."
        )
    consequence = ", so the row joins to no photograph" if by_patient else ""
    for row, cell, text, side in zip(column.index, column, texts, sides, strict=True):
        if not side and any(texts):
            what = "not a side (OD, OS, R, L, RE, LE, right, left, rechts, links, ...)" if text else "no side"
            problems.add(row, str(column.name), "" if cell is None else cell, f"{what}; taken as unknown{consequence}")
    return sides


def _other_columns(cells: pd.DataFrame, titles: Mapping[str, str], problems: Problems) -> pd.DataFrame:
    # Keys are no numbers: 7.0 for a patient says nothing of how the others are written.
    decimal_commas = has_decimal_commas(cells.drop(columns=list(titles.values())))
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
        column = typed(cells[title], decimal_commas, problems)
        columns[title] = possible(column, title, plain, problems)
    return pd.DataFrame(columns, index=cells.index)


def _is_path(column: pd.Series[Any]) -> bool:
    """Whether names of images say more than the image id: a folder or an extension."""
    return any("/" in text or "\\" in text or _IMAGE_EXTENSION.search(text) for text in map(key_text, column))


def _with_keys_only(table: pd.DataFrame, titles: Mapping[str, str], problems: Problems) -> pd.DataFrame:
    """Without rows that no photograph can be found for."""
    key = "image_id" if "image_id" in titles else "patient_id"
    for row in table.index[table[key] == ""]:
        problems.add(int(row), titles[key], "", f"no {key}; row left out")
    return table[table[key] != ""]


def _without_repeats(
    table: pd.DataFrame, titles: Mapping[str, str], name: str, allow: bool, problems: Problems
) -> pd.DataFrame:
    keys = ["image_id"] if "image_id" in titles else [key for key in ("patient_id", "laterality") if key in titles]
    if "patient_id" not in titles and "image_id" not in titles:
        return table
    for row in table.index[table.duplicated()]:
        problems.add(int(row), titles[keys[0]], table.loc[row, keys[0]], "the same row again; left out")
    table = table.drop_duplicates()
    sided = table if "laterality" not in keys else table[table["laterality"] != ""]
    repeated = sided[sided.duplicated(keys, keep=False)]
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
    return _listed([repr(str(title)) for title in titles])


def _listed(texts: list[str]) -> str:
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")
