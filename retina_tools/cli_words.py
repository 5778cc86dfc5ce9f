"""What the command line says: messages with its options in place of Python's arguments, and lists cut to size."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd

_ROWS_SHOWN: Final = 20


def _codes(match: re.Match[str]) -> str:
    pairs = re.findall(r"'?([^\s',:]+)'?\s*:\s*'(\w+)'", match[1])
    return "--eye-codes " + " ".join(f"{code}={side}" for code, side in pairs)


def _option(name: str) -> Callable[[re.Match[str]], str]:
    def written(match: re.Match[str]) -> str:
        value = match[1].strip("'\"")
        return f"--{name} {'COLUMN' if value == '...' else shlex.quote(value)}"

    return written


_VALUE: Final = r"=('[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?|True|False)"
# What is said for Python, in the order it is looked for, and how the command line says it.
_IN_OPTIONS: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r",? or read it without keys with require_key=False", ""),
    (r",? or accept several visits with allow_repeats=True", ""),
    (r",? or (?:pass )?groups=False (?:if every row is a patient|to treat every row as a patient on purpose)", ""),
    (r"use family='binomial', or code", "code"),
    (r"with io\.read_clinical\(\.\.\., image='\.\.\.'\)", "with --image-column COLUMN"),
    (r"io\.read_fundus reads one", "give the folder it is in"),
    (r"see io\.codings\(\)", "'retina-tools codings' lists them"),
    (r"io\.codings\(\) explains", "'retina-tools codings' explains"),
    (r"eye_codes=\{([^}]*)\}", _codes),
    *((rf"\b{key}{_VALUE}", _option(f"{key}-column")) for key in ("patient", "eye", "image")),
    *((rf"\b{key}{_VALUE}", _option(key)) for key in ("coding", "event", "reference", "groups")),
    (r"masks='given'", "--masks-only"),
)


def in_options(message: str) -> str:
    """A message with the options of the command line in place of the arguments of Python.

    Parameters
    ----------
    message : str

    Returns
    -------
    str

    Examples
    --------
    >>> in_options("Say which is which with eye_codes={0: 'OD', 1: 'OS'}, or leave it out with eye=''.")
    "Say which is which with --eye-codes 0=OD 1=OS, or leave it out with --eye-column ''."
    """
    for pattern, words in _IN_OPTIONS:
        message = re.sub(pattern, words, message)
    return message


def cut(words: Sequence[str] | None, known: Sequence[str] = ()) -> list[str]:
    """Words separated by commas or blanks, each once; one that is known stays whole whatever commas it has.

    Parameters
    ----------
    words : sequence of str or None
        As the shell hands them over.
    known : sequence of str
        Names with commas in them.

    Returns
    -------
    list of str

    Examples
    --------
    >>> cut(["age,sex", "bmi", "IOP, max"], known=["IOP, max"])
    ['age', 'sex', 'bmi', 'IOP, max']
    """
    found = [part for word in words or () for part in ([word] if word in known else word.split(","))]
    return list(dict.fromkeys(part.strip() for part in found if part.strip()))


def problems_in_words(problems: pd.DataFrame) -> list[str]:
    """What was found wrong in a clinical table, a line for each kind, with the rows of the file.

    Parameters
    ----------
    problems : pandas.DataFrame
        From ``io.clinical_problems``.

    Returns
    -------
    list of str
    """
    lines = []
    for (column, problem), alike in problems.groupby(["column", "problem"], sort=False):
        rows = ", ".join(map(str, alike["row"][:_ROWS_SHOWN]))
        more = f" and {len(alike) - _ROWS_SHOWN} more" if len(alike) > _ROWS_SHOWN else ""
        values = [repr(value) for value in dict.fromkeys(alike["value"]) if value]
        shown = " " + ", ".join(values[:5]) + (", ..." if len(values) > 5 else "") if values else ""
        lines.append(f"row{'s' if len(alike) > 1 else ''} {rows}{more}, column {column!r}{shown}: {problem}")
    return lines
