"""The catalogue of biomarkers as a table: to compute with, to read in a notebook, to leave beside a file of results."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Final

import pandas as pd

# What a notebook shows of an entry; a selection that lacks one of them is shown as any table is.
_SHOWN: Final = ("name", "structure", "label", "definition", "units", "needs", "source", "peers")
# The class twice, so that it counts for more than what notebooks have for tables.
_STYLE: Final = """
.rt-catalogue { max-height: 34em; overflow: auto; border: 1px solid #8884; font-size: 90%; }
.rt-catalogue table { width: 100%; min-width: 52em; border-collapse: collapse; table-layout: fixed; }
.rt-catalogue.rt-catalogue :is(th, td) { padding: 0.45em 0.7em; border-bottom: 1px solid #8883; text-align: left;
  vertical-align: top; white-space: normal; overflow-wrap: anywhere; }
.rt-catalogue.rt-catalogue thead th { position: sticky; top: 0; z-index: 1; color: var(--jp-ui-font-color1, #1f2328);
  background: var(--jp-layout-color2, #eef1f4); }
.rt-catalogue.rt-catalogue tbody th { font-weight: normal; }
.rt-catalogue.rt-catalogue tbody.rt-part th { padding-top: 1em; font-weight: 600; }
.rt-catalogue small { display: block; opacity: 0.75; }
""".strip()
_HEADINGS: Final = (("Biomarker", 22), ("Definition", 37), ("Units", 8), ("Needs", 9), ("Source and peers", 24))


class Catalogue(pd.DataFrame):
    """The table that :func:`retina_tools.biomarkers.catalogue` gives: a DataFrame that reads well in a notebook.

    Examples
    --------
    >>> from retina_tools.biomarkers import catalogue
    >>> table = catalogue()
    >>> len(table[table["structure"] == "fovea"])
    4
    >>> table[table["structure"] == "fovea"]._repr_html_().count("<tr")  # a heading, the structure, four entries
    6
    """

    @property
    def _constructor(self) -> type[Catalogue]:
        # So that a selection of rows is shown in the same way.
        return Catalogue

    def _repr_html_(self) -> str:
        if not set(_SHOWN) <= set(self.columns):
            return str(super()._repr_html_())  # type: ignore[misc]
        widths = "".join(f'<col style="width: {width}%">' for _, width in _HEADINGS)
        heads = "".join(f'<th scope="col">{title}</th>' for title, _ in _HEADINGS)
        parts = []
        for structure, entries in self.groupby("structure", sort=False):
            said = f"{str(structure).capitalize()} ({len(entries)})"
            parts.append(f'<tbody class="rt-part"><tr><th colspan="5" scope="rowgroup">{html.escape(said)}</th></tr>')
            parts.append("</tbody><tbody>")
            parts += [_row(entry) for entry in entries.to_dict("records")]
            parts.append("</tbody>")
        return (
            f"<style>{_STYLE}</style>"
            f'<div class="rt-catalogue" role="region" aria-label="Catalogue of biomarkers" tabindex="0"><table>'
            f"<colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead>{''.join(parts)}</table></div>"
        )


def _row(entry: dict[Any, Any]) -> str:
    said = {name: html.escape(str(entry[name])) for name in _SHOWN}
    peers = f"<small>Compare {said['peers']}</small>" if said["peers"] else ""
    return (
        f'<tr><th scope="row">{said["label"]}<small><code>{said["name"]}</code></small></th><td>{said["definition"]}'
        f"</td><td>{said['units']}</td><td>{said['needs']}</td><td>{said['source']}{peers}</td></tr>"
    )


def write_dictionary(results: Path | str) -> Path:
    """Write the catalogue beside a file of results, so that its columns explain themselves.

    Parameters
    ----------
    results : path
        The file of results; ``study.parquet`` gets ``study.dictionary.csv`` beside it.

    Returns
    -------
    pathlib.Path
        The dictionary: CSV, one row per biomarker; its ``variables`` are what names of columns begin with.

    Raises
    ------
    OSError
        The folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dictionary(Path(folder) / "study.parquet").name
    'study.dictionary.csv'
    """
    from retina_tools.biomarkers.registry import catalogue

    path = Path(results)
    dictionary = path.with_name(f"{path.stem}.dictionary.csv")
    # With its mark, by which spreadsheet programs know the encoding.
    catalogue().to_csv(dictionary, index=False, encoding="utf-8-sig")
    return dictionary
