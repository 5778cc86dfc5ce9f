"""Which level of an outcome in words means "without it": control words of several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

# Without accents, in lower case.
_CONTROL_WORDS: Final = {
    "English": "0 0.0 no none nil false absent absence negative neg healthy normal control controls unaffected",
    "German": (
        "nein keine falsch gesund gesunde gesunder kontrolle kontrollen kontrollgruppe negativ unauffallig normalbefund"
    ),
    "French": "non aucun aucune faux absente negatif sain saine sains temoin temoins controle normale",
    "Spanish": "sano sana sanos ninguno ninguna falso ausente negativo",
    "Italian": "nessuno nessuna assente controllo controlli",
    "Portuguese": "nao nenhum nenhuma saudavel saudaveis",
    "Dutch": "nee geen gezond afwezig negatief",
}
_REFERENCE: Final = frozenset(word for words in _CONTROL_WORDS.values() for word in words.split())
# What denies the words after it: "no DR", "ohne Glaukom", "non-smoker".
_DENYING: Final = frozenset(
    ("no", "non", "not", "without", "kein", "keine", "ohne", "nicht", "sans", "pas", "sin", "senza", "sem", "nao",
     "geen", "zonder", "niet")
)  # fmt: skip
# Words that may stand beside a control word: "healthy controls", "control group", "normal eyes".
_BESIDE: Final = frozenset(
    ("group", "groupe", "gruppe", "grupo", "gruppo", "groep", "eye", "eyes", "subject", "subjects", "patient",
     "patients")
)  # fmt: skip
# "N" is no only beside the first letter of yes; beside "T" it may be nasal.
_YES_LETTERS: Final = frozenset("yjosp")


def means_none(level: Any) -> bool:
    """Whether a level says that the disease is not there.

    Parameters
    ----------
    level : object
        Text in any of seven languages, a boolean or a number.

    Returns
    -------
    bool

    Examples
    --------
    >>> [means_none(level) for level in ("Healthy", "gesund", "témoin", "no DR", "healthy controls", False, 0)]
    [True, True, True, True, True, True, True]
    >>> [means_none(level) for level in ("AMD", "abnormal", "normal tension glaucoma", "uncontrolled", 1)]
    [False, False, False, False, False]
    """
    words = _words(level)
    if not words:
        return False
    denied = len(words) > 1 and words[0] in _DENYING and not set(words[1:]) <= _REFERENCE
    return denied or (any(word in _REFERENCE for word in words) and set(words) <= _REFERENCE | _BESIDE)


def reference_of(levels: Sequence[Any]) -> Any:
    """The one of several levels that means "without it"; None where none does, or more than one.

    Parameters
    ----------
    levels : sequence
        Distinct levels of a column.

    Returns
    -------
    object or None

    Examples
    --------
    >>> reference_of(["diabetic retinopathy", "healthy"]), reference_of(["N", "Y"]), reference_of(["AMD", "glaucoma"])
    ('healthy', 'N', None)
    """
    found = [level for level in levels if means_none(level)]
    letters = {"".join(_words(level)): level for level in levels}
    if len(levels) == 2 and "n" in letters and set(letters) & _YES_LETTERS:
        found = [letters["n"]]
    return found[0] if len(found) == 1 else None


def _words(level: Any) -> list[str]:
    """Words in lower case without accents; the point of a number stays in it."""
    bare = unicodedata.normalize("NFKD", str(level)).encode("ascii", "ignore").decode()
    return re.findall(r"\d+\.\d+|[a-z0-9]+", bare.lower())
