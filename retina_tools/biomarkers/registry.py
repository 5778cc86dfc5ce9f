"""The register of biomarkers: the name, definition, units and dimensions of each.

A measure is a plain function of an :class:`~retina_tools.biomarkers.anatomy.Anatomy` that works in pixels and gives one
number, or raises :class:`Unmeasurable` with the reason. Everything else (units, statuses, names of variables, the
catalogue) follows from its entry here, so that axis titles, column names and reports cannot disagree.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal, TypeVar

from retina_tools.biomarkers.catalogue_table import Catalogue
from retina_tools.taxonomy import EyeError, names


class Status(IntEnum):
    """Why a value is, or is not, there; the flags of every ``<name>_status`` variable."""

    OK = 0
    EMPTY_MASK = 1
    NO_DISC = 2
    NO_CUP = 3
    NO_FOVEA = 4
    NO_LATERALITY = 5
    NO_SCALE = 6
    OUT_OF_VIEW = 7
    TOO_FEW_VESSELS = 8
    TOO_SHORT = 9
    IMPLAUSIBLE = 10
    NO_MASK = 11
    NOT_APPLICABLE = 12
    FAILED = 13
    TOO_SMALL = 14
    UNDEFINED = 15

    @property
    def word(self) -> str:
        """The status as it is written in tables, for example ``'too_few_vessels'``."""
        return self.name.lower()


class Unmeasurable(Exception):  # noqa: N818 - not an error: the honest answer of a measure
    """Raised by a measure that has no value to give.

    Parameters
    ----------
    status : Status
        Why not.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(status.word)
        self.status = status


Quantity = Literal["length", "area", "inverse_length", "inverse_area", "angle", "ratio", "count"]
Yardstick = Literal["dd", "dfd", "um", "mm"]


@dataclass(frozen=True)
class Unit:
    """One unit a quantity is given in: ``value = pixels * (yardsticks per pixel) ** power``."""

    suffix: str
    units: str
    words: str
    yardstick: Yardstick | None = None
    power: int = 0


UNITS: Final[Mapping[str, Unit]] = {
    unit.suffix: unit
    for unit in (
        Unit("", "1", ""),
        Unit("deg", "degree", "degrees"),
        Unit("dd", "DD", "disc diameters", "dd", 1),
        Unit("dd2", "DD2", "squared disc diameters", "dd", 2),
        Unit("per_dd", "DD-1", "per disc diameter", "dd", -1),
        Unit("per_dd2", "DD-2", "per squared disc diameter", "dd", -2),
        Unit("dfd", "DFD", "disc-fovea distances", "dfd", 1),
        Unit("dfd2", "DFD2", "squared disc-fovea distances", "dfd", 2),
        Unit("um", "um", "um", "um", 1),
        Unit("mm2", "mm2", "mm2", "mm", 2),
        Unit("per_mm", "mm-1", "per mm", "mm", -1),
        Unit("per_mm2", "mm-2", "per mm2", "mm", -2),
    )
}

_UNITS_OF: Final[Mapping[Quantity, tuple[str, ...]]] = {
    "length": ("dd", "um"),
    "area": ("dd2", "mm2"),
    "inverse_length": ("per_dd", "per_mm"),
    "inverse_area": ("per_dd2", "per_mm2"),
    "angle": ("deg",),
    "ratio": ("",),
    "count": ("",),
}

HEMIFIELDS: Final = ("superior", "inferior")
QUADRANTS: Final = tuple(f"zone_c_{half}{side}" for half in ("supero", "infero") for side in ("temporal", "nasal"))
ETDRS: Final = (
    "etdrs_center",
    *(
        f"etdrs_{ring}_{sector}"
        for ring in ("inner", "outer")
        for sector in ("superior", "nasal", "inferior", "temporal")
    ),
)

# Where every measure of vessels is taken that has a meaning for a part of the retina.
REGIONS: Final = ("image", "zone_b", "zone_c")

# Parts of the disc's rim: quarters centred on the axes, clock hours as in a right eye (9 temporal; left eyes are
# mirrored), and the sectors of Garway-Heath.
RIM_QUARTERS: Final = ("inferior", "superior", "nasal", "temporal")
CLOCK_HOURS: Final = tuple(f"clock_{hour}" for hour in range(1, 13))
GARWAY_HEATH: Final = tuple(
    f"garway_heath_{sector}"
    for sector in ("temporal", "superotemporal", "superonasal", "nasal", "inferonasal", "inferotemporal")
)
FOVEA_QUADRANTS: Final = ("superotemporal", "superonasal", "inferotemporal", "inferonasal")

# The coordinates of every dimension a biomarker may have, in the order they are written.
DIMENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "vessel": ("artery", "vein", "all"),
    "region": (*REGIONS, *HEMIFIELDS, *QUADRANTS, *ETDRS),
    "lesion": names("lesion"),
    "quadrant": FOVEA_QUADRANTS,
    "size": ("small", "medium", "large"),
    "atrophy": ("arc", "diffuse", "patchy"),
    "sector": (*RIM_QUARTERS, *CLOCK_HOURS, *GARWAY_HEATH),
}

#: What a biomarker is about, as the catalogue sorts them.
STRUCTURES: Final = (
    "vessels",
    "optic disc",
    "optic cup and rim",
    "fovea",
    "choroid and atrophy",
    "lesions",
    "clinical grades",
    "field of view",
)

NEEDS: Final = ("vessels", "disc", "cup", "fovea", "laterality", "scale", "lesions", "tessellation", "atrophy")

Measure = TypeVar("Measure", bound=Callable[..., float])


@dataclass(frozen=True)
class Biomarker:
    """One entry of the register.

    Attributes
    ----------
    name : str
        Without units, for example ``'calibre_mean'``.
    function : callable
        ``function(anatomy, **coordinates) -> float`` in pixels.
    quantity : str
        Length, area, ...; decides the units unless they are named.
    units : tuple of str
        Suffixes of the variables, keys of ``UNITS``.
    dims : mapping of str to tuple of str
        Dimensions, and the coordinates the biomarker is defined at.
    needs : tuple of str
        What the eye must have.
    label, definition, source : str
        Title on an axis, definition in words, literature.
    peers : tuple of str
        Names of comparable outputs of other tools.
    measured_scale : bool
        Micrometres only from a scale that was not itself derived from the disc.
    structure : str
        What it is about, one of ``STRUCTURES``.
    interval : str
        What is known of how often the interval of draws covers the truth.
    """

    name: str
    function: Callable[..., float]
    quantity: Quantity
    units: tuple[str, ...]
    dims: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...]
    label: str
    definition: str
    source: str
    peers: tuple[str, ...]
    measured_scale: bool
    structure: str
    interval: str

    @property
    def variables(self) -> dict[str, Unit]:
        """Name of each variable and its unit."""
        return {f"{self.name}_{suffix}" if suffix else self.name: UNITS[suffix] for suffix in self.units}


REGISTER: Final[dict[str, Biomarker]] = {}


def biomarker(
    name: str,
    *,
    quantity: Quantity,
    label: str,
    definition: str,
    source: str,
    dims: Mapping[str, Sequence[str]] | Sequence[str] = (),
    needs: Sequence[str] = (),
    units: Sequence[str] | None = None,
    peers: Sequence[str] = (),
    measured_scale: bool = False,
    structure: str | None = None,
    interval: str = "",
) -> Callable[[Measure], Measure]:
    """Register a measure under a name.

    Parameters
    ----------
    name : str
        Lower case, without units.
    quantity : {'length', 'area', 'inverse_length', 'inverse_area', 'angle', 'ratio', 'count'}
        What the function gives, in pixels (or degrees, or none); decides the units of the variables.
    label, definition, source : str
        Axis title, definition in words, literature. None of them may be empty.
    dims : sequence of str, or mapping of str to sequence of str
        Dimensions the function takes as keyword arguments; a mapping restricts the coordinates it is defined at, and
        the others are ``not_applicable``.
    needs : sequence of str
        What the eye must have: names of ``NEEDS``.
    units : sequence of str, optional
        Suffixes, keys of ``UNITS``, where they differ from those of the quantity.
    peers : sequence of str
        Comparable outputs of other tools, as ``'tool: name'``.
    measured_scale : bool
        Refuse micrometres from a scale that assumes the disc's size.
    structure : str, optional
        What it is about, one of ``STRUCTURES``; by default what it needs first.
    interval : str
        How often the 95 % interval of draws covers the truth, in words; empty where that was not tested.

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
    >>> @biomarker("example_ratio", quantity="ratio", label="Example", definition="One.", source="This example")
    ... def example_ratio(anatomy):
    ...     return 1.0
    >>> list(REGISTER.pop("example_ratio").variables)
    ['example_ratio']
    """
    given = dims if isinstance(dims, Mapping) else {dim: DIMENSIONS.get(dim, ()) for dim in dims}
    suffixes = _UNITS_OF.get(quantity, ()) if units is None else tuple(units)
    about = _structure(needs, given) if structure is None else structure
    _check_entry(name, {"label": label, "definition": definition, "source": source}, suffixes, given, needs, about)

    def register(function: Measure) -> Measure:
        REGISTER[name] = Biomarker(
            name=name,
            function=function,
            quantity=quantity,
            units=suffixes,
            dims={dim: tuple(given[dim]) for dim in DIMENSIONS if dim in given},
            needs=tuple(needs),
            label=label,
            definition=definition,
            source=source,
            peers=tuple(peers),
            measured_scale=measured_scale,
            structure=about,
            interval=interval,
        )
        return function

    return register


def _structure(needs: Sequence[str], dims: Mapping[str, Sequence[str]]) -> str:
    if "vessel" in dims or "vessels" in needs:
        return "vessels"
    if "lesion" in dims or "lesions" in needs:
        return "lesions"
    if "atrophy" in needs or "tessellation" in needs:
        return "choroid and atrophy"
    if "cup" in needs:
        return "optic cup and rim"
    return "optic disc" if "disc" in needs else "field of view"


def _check_entry(
    name: str,
    texts: Mapping[str, str],
    suffixes: Sequence[str],
    dims: Mapping[str, Sequence[str]],
    needs: Sequence[str],
    structure: str,
) -> None:
    if name in REGISTER:
        raise EyeError(f"The biomarker {name!r} is registered already; give the new measure another name.")
    for part, text in texts.items():
        if not text.strip():
            raise EyeError(f"The biomarker {name!r} has no {part}; every entry needs a label, definition and source.")
    if not suffixes or any(suffix not in UNITS for suffix in suffixes):
        raise EyeError(f"The biomarker {name!r} has units {tuple(suffixes)}, wanted some of {', '.join(UNITS)[2:]}.")
    for dim, coordinates in dims.items():
        if dim not in DIMENSIONS or not set(coordinates) <= set(DIMENSIONS[dim]):
            raise EyeError(f"The biomarker {name!r} has dim {dim!r} at {tuple(coordinates)}, wanted {DIMENSIONS}.")
    if unknown := set(needs) - set(NEEDS):
        raise EyeError(f"The biomarker {name!r} needs {sorted(unknown)}, wanted some of {', '.join(NEEDS)}.")
    if structure not in STRUCTURES:
        raise EyeError(f"The biomarker {name!r} has structure {structure!r}, wanted one of {', '.join(STRUCTURES)}.")


def select(wanted: Sequence[str] | str | None) -> list[Biomarker]:
    """Entries of the register by name, all of them for None.

    Raises
    ------
    EyeError
        No such biomarker; the message offers the nearest name.
    """
    if wanted is None:
        return list(REGISTER.values())
    chosen = []
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in REGISTER:
            near = difflib.get_close_matches(str(name), REGISTER, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else "biomarkers.catalogue() lists them."
            raise EyeError(f"{name!r} is not a biomarker; {hint}")
        chosen.append(REGISTER[name])
    return chosen


def _listed(coordinates: tuple[str, ...]) -> str:
    return "all with a mask" if coordinates == DIMENSIONS["lesion"] else ", ".join(coordinates)


def catalogue() -> Catalogue:
    """Every biomarker with its definition, units, dimensions and source, one row each, in the order of ``STRUCTURES``.

    Returns
    -------
    Catalogue
        A DataFrame that a notebook shows to be read. Columns ``name, structure, variables, label, definition, units,
        dims, needs, source, peers, interval``; the last says in words how far the interval of ``measure(eye,
        draws=...)`` can be trusted.

    Examples
    --------
    >>> catalogue().set_index("name").loc["cup_disc_ratio_area", "units"]
    '1'
    """
    rows: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "structure": entry.structure,
            "variables": ", ".join(entry.variables),
            "label": entry.label,
            "definition": entry.definition,
            "units": ", ".join(unit.units for unit in entry.variables.values()),
            "dims": "; ".join(f"{dim}: {_listed(at)}" for dim, at in entry.dims.items()),
            "needs": ", ".join(entry.needs),
            "source": entry.source,
            "peers": "; ".join(entry.peers),
            "interval": entry.interval or "not tested",
        }
        for entry in sorted(REGISTER.values(), key=lambda entry: STRUCTURES.index(entry.structure))
    ]
    return Catalogue(rows)
