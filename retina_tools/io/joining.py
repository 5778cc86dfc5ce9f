"""Photographs and the rows of a clinical table that belong to them, and a word on those without a partner."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from retina_tools.io.clinical import KEYS, key_text
from retina_tools.io.errors import ReadError
from retina_tools.io.names import as_laterality

_NUMBER: Final = re.compile(r"0*(\d+)(?:\.0+)?")
_SHOWN: Final = 20


@dataclass
class _Match:
    """For each photograph the place of its row, or None; and those of which several might be it."""

    places: list[int | None]
    unclear: list[str] = field(default_factory=list)  # 007 and 7 are both there
    repeated: list[str] = field(default_factory=list)  # several rows for the eye


def join(table: pd.DataFrame, rows: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """Photographs with their clinical columns.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per photograph: the keys and columns with a leading underscore.
    rows : pandas.DataFrame
        Clinical table: some of the keys, and other columns.
    name : str
        Of the folder, for messages.
    notes : list of str
        Is added to: what found no partner, and why.

    Returns
    -------
    pandas.DataFrame
        The keys (those of the clinical table where it has them), clinical columns, and the columns of ``table`` with
        a leading underscore; ``_clinical_row`` says whether a photograph has a row, ``_laterality_source`` becomes
        ``clinical_table`` where the side is the table's.

    Raises
    ------
    ReadError
        The clinical table has no key, or no row of it belongs to any photograph.

    Notes
    -----
    Rows are joined by image, else by patient and side, else, where the table knows no sides at all, by patient. Numbers
    match whatever zeros they begin with (7 in a spreadsheet, 007 in a file name) where only one is meant. A row without
    a side in a table with sides joins to no photograph: it is not known whose eye it speaks of.
    """
    if not {"image_id", "patient_id"} & set(rows.columns):
        raise ReadError(
            "The clinical table has neither a column 'image_id' nor 'patient_id'; read its file with io.read_clinical."
        )
    rows = _with_tidy_keys(rows, notes)
    by_image = bool((rows["image_id"] != "").any())
    match = _by_image(table, rows) if by_image else _by_eye(table, rows)
    if not any(place is not None for place in match.places):
        why = " " + "; ".join(_unmatched(table, match)) + "." if match.unclear or match.repeated else ""
        raise ReadError(
            f"No row of the clinical table belongs to an image in {name!r}: the table has {_sample(rows)}, the folder "
            f"{_sample(table, by_image)}.{why} Name the column that holds the file names with "
            "io.read_clinical(..., image='...')."
        )
    clinical = rows.reset_index(drop=True).reindex([-1 if place is None else place for place in match.places])
    clinical = clinical.reset_index(drop=True)
    given = {key: clinical[key].fillna("").astype("str") for key in ("patient_id", "laterality")}
    differs = (given["laterality"] != "") & (table["laterality"] != "") & (given["laterality"] != table["laterality"])
    notes += _said(table, rows, match, list(table["image_id"][differs]))
    keys = table[list(KEYS)].assign(
        patient_id=given["patient_id"].where(given["patient_id"] != "", _patients(table, rows, by_image)),
        laterality=given["laterality"].where(given["laterality"] != "", table["laterality"]),
    )
    own = table[[column for column in table.columns if str(column).startswith("_")]].assign(
        _clinical_row=[place is not None for place in match.places]
    )
    if "_laterality_source" in own:
        own["_laterality_source"] = own["_laterality_source"].mask(given["laterality"] != "", "clinical_table")
    return pd.concat([keys, clinical.drop(columns=[*KEYS, *own.columns], errors="ignore"), own], axis=1)


def _with_tidy_keys(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows with all three keys as text, sides as OD and OS, whoever made the table."""
    keys = {key: [key_text(cell) for cell in rows[key]] if key in rows.columns else [""] * len(rows) for key in KEYS}
    for place, text in enumerate(keys["laterality"]):
        try:
            keys["laterality"][place] = as_laterality(text)
        except ReadError:
            notes.append(f"row {place} (from 0) of the clinical table has {text!r} for a side; it joins to no image")
            keys["laterality"][place] = "?"
    return rows.assign(**{key: pd.Series(values, index=rows.index, dtype="str") for key, values in keys.items()})


def _by_image(table: pd.DataFrame, rows: pd.DataFrame) -> _Match:
    rows.loc[rows["laterality"] == "?", "laterality"] = ""  # the name of the photograph is enough
    names = [str(name) for name in rows["image_id"]]
    counts = Counter(name.lower() for name in names)
    places = places_by_name(names)
    images = [str(name) for name in table["image_id"]]
    stems = Counter(last_part(image) for image in images)
    match = _Match([])
    others = _Numbers(map(last_part, images), map(last_part, names))
    for image in images:
        stem = last_part(image)
        place = places.get(image.lower())
        if place is None and stems[stem] == 1:
            place = places.get(stem)
            if place is None and (like := others.partner(stem)) is not None:
                place = places.get(like)
        if place is None and others.is_unclear(stem):
            match.unclear.append(image)
        if place is not None and counts[names[place].lower()] > 1:
            match.repeated.append(image)
            place = None
        match.places.append(place)
    return match


def _by_eye(table: pd.DataFrame, rows: pd.DataFrame) -> _Match:
    # The table may be a part of one that has sides, of which the sides of this part could not be read.
    has_sides = bool((rows["laterality"] != "").any()) or bool(rows.attrs.get("has_sides"))
    places: dict[tuple[str, str], list[int]] = {}
    for place, (patient, side) in enumerate(zip(rows["patient_id"], rows["laterality"], strict=True)):
        if side in ("OD", "OS") or not has_sides:
            places.setdefault((patient, side), []).append(place)
    ids = _Numbers(table["patient_id"], rows["patient_id"])
    match = _Match([])
    for image, patient, side in zip(table["image_id"], table["patient_id"], table["laterality"], strict=True):
        partner = ids.partner(patient)
        found = [] if partner is None else places.get((partner, side if has_sides else ""), [])
        if partner is None and ids.is_unclear(patient):
            match.unclear.append(image)
        if len(found) > 1:
            match.repeated.append(image)
        match.places.append(found[0] if len(found) == 1 else None)
    return match


class _Numbers:
    """Ids of photographs and of rows, matched as spelt, else as numbers where one id on either side has the number."""

    def __init__(self, photographs: Iterable[str], rows: Iterable[str]) -> None:
        self._rows: dict[str, set[str]] = {}
        self._photographs: dict[str, set[str]] = {}
        for ids, spelt in ((photographs, self._photographs), (rows, self._rows)):
            for text in ids:
                spelt.setdefault(_plain(str(text)), set()).add(str(text))

    def partner(self, photograph: str) -> str | None:
        """The id of the rows that a photograph's is, or None."""
        spelt = self._rows.get(_plain(photograph), set())
        if photograph in spelt:
            return photograph
        return next(iter(spelt)) if spelt and not self.is_unclear(photograph) else None

    def is_unclear(self, photograph: str) -> bool:
        """Whether an id that no row has could be that of several."""
        plain = _plain(photograph)
        spelt = self._rows.get(plain, set())
        return bool(spelt) and photograph not in spelt and len(spelt) + len(self._photographs[plain]) > 2


def _plain(text: str) -> str:
    """An id in lower case; a number without the zeros it begins with and that follow its point."""
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text.lower()


def _patients(table: pd.DataFrame, rows: pd.DataFrame, by_image: bool) -> pd.Series[str]:
    """Patients of the photographs, spelt as in the clinical table also where an eye has no row: eyes stay together."""
    if by_image:
        return table["patient_id"]
    ids = _Numbers(table["patient_id"], rows["patient_id"])
    return table["patient_id"].map(lambda patient: ids.partner(patient) or patient)


def _said(table: pd.DataFrame, rows: pd.DataFrame, match: _Match, differing: Sequence[str]) -> list[str]:
    """Notes on what found no partner."""
    missing = [str(image) for image, place in zip(table["image_id"], match.places, strict=True) if place is None]
    unused = sorted(set(range(len(rows))) - {place for place in match.places if place is not None})
    notes = []
    if missing:
        notes.append(f"{counted(missing, 'image')} without a row in the clinical table: {first_of(missing)}")
    notes += _unmatched(table, match)
    if unused:
        labels = [" ".join(filter(None, map(str, rows.iloc[place][list(KEYS)]))) for place in unused]
        notes.append(f"{counted(labels, 'row')} of the clinical table without an image: {first_of(labels)}")
    if differing:
        which = f"{counted(list(differing), 'image')} with another side in the clinical table than in the name"
        notes.append(f"{which} (the table's was taken): {first_of(list(differing))}")
    return notes


def _unmatched(table: pd.DataFrame, match: _Match) -> list[str]:
    notes = []
    if match.unclear:
        notes.append(
            f"{counted(match.unclear, 'image')} could belong to several rows, or several to one, as numbers differ "
            f"only in the zeros before them: {first_of(match.unclear)}"
        )
    if match.repeated:
        notes.append(
            f"{counted(match.repeated, 'image')} with several rows in the clinical table, none of which was taken "
            f"(keep one row per eye): {first_of(match.repeated)}"
        )
    return notes


def places_by_name(names: list[str]) -> dict[str, int]:
    """Places by whole name and, where it is the only one, by the last part of the name, in lower case."""
    ends = Counter(map(last_part, names))
    places = {name.lower(): place for place, name in enumerate(names) if name}
    for place, name in enumerate(names):
        end = last_part(name)
        if end and ends[end] == 1:
            places.setdefault(end, place)
    return places


def last_part(name: str) -> str:
    """The name without its folders, in lower case."""
    return name.rsplit("/", 1)[-1].lower()


def counted(items: Sequence[str], noun: str) -> str:
    """How many there are, in words."""
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def first_of(items: Sequence[str]) -> str:
    """The first of some items, in words."""
    return ", ".join(items[:_SHOWN]) + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def _sample(table: pd.DataFrame, by_image: bool = True) -> str:
    key = "image_id" if by_image and (table["image_id"] != "").any() else "patient_id"
    sides = [f" {side}" if side and key == "patient_id" else "" for side in table["laterality"].head(3)]
    return ", ".join(repr(f"{value}{side}") for value, side in zip(table[key].head(3), sides, strict=True))
