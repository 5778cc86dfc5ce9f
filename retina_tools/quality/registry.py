"""The register of quality features: name, family, units, definition and source of each.

A feature is a plain function of a :class:`~retina_tools.quality.frame.Frame` that gives one number, NaN where it is not
defined. Its entry here makes the variable of the result and the row of the table, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import pandas as pd

from retina_tools.quality.frame import Frame
from retina_tools.schema import EyeError

FAMILIES: Final = (
    "field",
    "statistical",
    "gradient",
    "wavelet",
    "illumination",
    "contrast",
    "colour",
    "artefact",
    "likeness",
)

# What assess() itself writes.
RESERVED: Final = ("score", "gradable", "reason", "aspect", "aspect_score")

Measure = TypeVar("Measure", bound=Callable[[Frame], float])


@dataclass(frozen=True)
class Feature:
    """One entry of the register.

    Attributes
    ----------
    name : str
        Also the name of the variable.
    function : callable
        ``function(frame) -> float``.
    family : str
        One of ``FAMILIES``.
    units : str
        ``'1'`` for a pure number.
    label, definition, source : str
        Title on an axis, definition in words, literature.
    """

    name: str
    function: Callable[[Frame], float]
    family: str
    units: str
    label: str
    definition: str
    source: str


FEATURES: Final[dict[str, Feature]] = {}


def feature(
    name: str, *, family: str, label: str, definition: str, source: str, units: str = "1"
) -> Callable[[Measure], Measure]:
    """Register a feature under a name.

    Parameters
    ----------
    name : str
        Lower case; the name of the variable in the result.
    family : str
        One of ``FAMILIES``.
    label, definition, source : str
        Axis title, definition in words, literature. None of them may be empty.
    units : str
        ``'1'`` for a pure number.

    Returns
    -------
    callable
        A decorator that hands the function back unchanged.

    Raises
    ------
    EyeError
        The name is taken, or a part of the entry is missing or unknown.

    Examples
    --------
    >>> @feature("example", family="colour", label="Mean red", definition="Mean.", source="This example")
    ... def example(frame):
    ...     return float(frame.red[frame.inside].mean())
    >>> FEATURES.pop("example").units
    '1'
    """
    if name in FEATURES or name in RESERVED:
        raise EyeError(f"The name {name!r} is taken; give the new feature another one.")
    if family not in FAMILIES:
        raise EyeError(f"The feature {name!r} has family {family!r}, wanted one of {', '.join(FAMILIES)}.")
    for part, text in {"label": label, "definition": definition, "source": source, "units": units}.items():
        if not text.strip():
            raise EyeError(f"The feature {name!r} has no {part}; every entry needs a label, definition and source.")

    def register(function: Measure) -> Measure:
        FEATURES[name] = Feature(name, function, family, units, label, definition, source)
        return function

    return register


def features() -> pd.DataFrame:
    """Every feature with its family, units, definition and source, one row each.

    Returns
    -------
    pandas.DataFrame
        Columns ``name, family, units, label, definition, source``, family by family.

    Examples
    --------
    >>> features().set_index("name").loc["vessel_contrast", "family"]
    'contrast'
    """
    columns = ["name", "family", "units", "label", "definition", "source"]
    rows = [{column: getattr(entry, column) for column in columns} for entry in FEATURES.values()]
    table = pd.DataFrame(rows, columns=columns)
    order = table["family"].map(FAMILIES.index)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)
