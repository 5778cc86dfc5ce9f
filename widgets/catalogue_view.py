"""The catalogue of biomarkers, searched and filtered in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import anywidget
import pandas as pd
import traitlets as t

from retina_tools import biomarkers
from retina_tools.biomarkers.registry import NEEDS
from retina_tools.schema import EyeError
from widgets import assets

HEIGHT_RANGE: Final = (120, 4000)
# What the browser gets of an entry, and where words are searched for.
_SHOWN: Final = (
    "name", "structure", "label", "definition", "variables", "units", "dims", "needs", "source", "peers", "interval",
)  # fmt: skip


class CatalogueView(anywidget.AnyWidget):
    """The catalogue with a search box and filters; made by :func:`view_catalogue`.

    Attributes
    ----------
    query : str
        Words that all have to occur in an entry, in any case and order, as parts of words too.
    structure : str
        What entries are about, empty for everything.
    unit : str
        A unit the entry is given in, empty for any.
    have : tuple of str
        What the eye has, of ``vessels, disc, cup, fovea, laterality, scale, lesions, tessellation, atrophy``; entries
        that need anything else are left out.
    selected : str
        Name of the entry that is open, empty for none.
    height : int
        Of the list at most, in CSS pixels.
    table : retina_tools.biomarkers.Catalogue
        The entries shown, to go on with; read only.
    """

    _esm = assets.joined_module("catalogue")
    _css = assets.stylesheet("catalogue_view")

    query = t.Unicode("").tag(sync=True)
    structure = t.Unicode("").tag(sync=True)
    unit = t.Unicode("").tag(sync=True)
    have = t.Tuple(default_value=NEEDS).tag(sync=True)
    selected = t.Unicode("").tag(sync=True)
    height = t.CInt(420).tag(sync=True)

    _entries: Any = t.List().tag(sync=True)
    _needs = t.Tuple(default_value=NEEDS).tag(sync=True)

    def __init__(self, catalogue: pd.DataFrame | None = None, **options: Any) -> None:
        table = biomarkers.catalogue() if catalogue is None else catalogue
        if not isinstance(table, pd.DataFrame) or not set(_SHOWN) <= set(table.columns):
            raise EyeError("catalogue has to be the table that biomarkers.catalogue() gives, or some rows of it.")
        self._table = table
        entries: list[dict[str, str]] = [
            {str(part): str(value) for part, value in row.items()} for row in table[list(_SHOWN)].to_dict("records")
        ]
        for entry in entries:
            said = " ".join(entry.values())
            entry["text"] = f"{said} {said.replace('_', ' ')}".lower()
        super().__init__(_entries=entries)
        for name, value in options.items():
            setattr(self, name, value)

    @property
    def table(self) -> pd.DataFrame:
        """The entries shown."""
        return self._table[[self._fits(entry) for entry in self._entries]]

    def __repr__(self) -> str:
        # Stands in for the view where none can be drawn: in a terminal, on a page saved from a notebook.
        return f"Catalogue of biomarkers, {len(self.table)} of {len(self._entries)}; live in a running notebook only"

    def _fits(self, entry: dict[str, str]) -> bool:
        """Whether an entry is asked for; the same rule as ``fits`` in the browser."""
        return (
            self.structure in ("", entry["structure"])
            and (not self.unit or self.unit in entry["units"].split(", "))
            and {need for need in entry["needs"].split(", ") if need} <= set(self.have)
            and all(word in entry["text"] for word in self.query.lower().split())
        )

    def _checked(self, what: str, value: str, known: set[str]) -> str:
        if value and value not in known:
            raise EyeError(f"{what} is {value!r}, wanted one of {', '.join(sorted(known))}, or '' for all.")
        return value

    @t.validate("structure")
    def _valid_structure(self, proposal: dict[str, Any]) -> str:
        return self._checked("structure", proposal["value"], {entry["structure"] for entry in self._entries})

    @t.validate("unit")
    def _valid_unit(self, proposal: dict[str, Any]) -> str:
        known = {unit for entry in self._entries for unit in entry["units"].split(", ")}
        return self._checked("unit", proposal["value"], known)

    @t.validate("selected")
    def _valid_selected(self, proposal: dict[str, Any]) -> str:
        return self._checked("selected", proposal["value"], {entry["name"] for entry in self._entries})

    @t.validate("have")
    def _valid_have(self, proposal: dict[str, Any]) -> tuple[str, ...]:
        given = proposal["value"]
        if unknown := set(given) - set(NEEDS):
            raise EyeError(f"have names {', '.join(sorted(unknown))}, wanted some of {', '.join(NEEDS)}.")
        return tuple(need for need in NEEDS if need in given)

    @t.validate("height")
    def _valid_height(self, proposal: dict[str, Any]) -> int:
        low, high = HEIGHT_RANGE
        if not low <= proposal["value"] <= high:
            raise EyeError(f"height is {proposal['value']!r}, wanted {low} to {high} pixels on the screen.")
        return int(proposal["value"])


def view_catalogue(
    query: str = "",
    *,
    structure: str = "",
    unit: str = "",
    have: Sequence[str] | None = None,
    selected: str = "",
    height: int = 420,
    catalogue: pd.DataFrame | None = None,
) -> CatalogueView:
    """Search the catalogue of biomarkers: what each is, in what units, what it needs, where it is from.

    Keys: ``/`` goes to the search box, arrows go through the entries, Enter opens one, Escape goes back.

    Parameters
    ----------
    query : str
        Words to search for, such as ``'cup ratio'`` or the name of another tool.
    structure : str
        For example ``'lesions'``; empty for all.
    unit : str
        For example ``'um'``; empty for all.
    have : sequence of str, optional
        What the eye has; only what can be measured with it is shown. By default everything.
    selected : str
        Name of the entry that is open.
    height : int
        Of the list at most, CSS pixels.
    catalogue : pandas.DataFrame, optional
        Some rows of :func:`retina_tools.biomarkers.catalogue`; by default all of it.

    Returns
    -------
    CatalogueView
        A widget; its traits are the state of the view.

    Raises
    ------
    EyeError
        A filter that is none, or not the catalogue.

    Examples
    --------
    >>> view = view_catalogue("refuge", have=["disc", "cup"])
    >>> view
    Catalogue of biomarkers, 2 of ...; live in a running notebook only
    >>> view.table["name"].tolist()
    ['cup_disc_ratio_vertical', 'cup_disc_ratio_vertical_refuge']
    """
    chosen = {"query": query, "structure": structure, "unit": unit, "selected": selected, "height": height}
    return CatalogueView(catalogue, **chosen, have=tuple(NEEDS if have is None else have))
