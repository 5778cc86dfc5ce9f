"""Results as a person reads them: columns with their names in words, one line per value with unit and status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools.biomarkers.registry import REGISTER, Biomarker, Status, Unit
from retina_tools.biomarkers.results import cells
from retina_tools.taxonomy import TAXONOMY, term

# Units as people write them; files keep those of the register, which are plain ASCII.
_WRITTEN: Final = {
    "": "", "deg": "°", "dd": "DD", "dd2": "DD²", "per_dd": "1/DD", "per_dd2": "1/DD²", "dfd": "DFD", "dfd2": "DFD²",
    "um": "µm", "mm2": "mm²", "per_mm": "1/mm", "per_mm2": "1/mm²",
}  # fmt: skip
# What a biomarker of one kind of vessel goes by.
_OWN_NAMES: Final = {
    ("calibre_equivalent", "artery"): "CRAE",
    ("calibre_equivalent", "vein"): "CRVE",
    ("calibre_equivalent_hubbard", "artery"): "CRAE after Parr and Hubbard",
    ("calibre_equivalent_hubbard", "vein"): "CRVE after Parr and Hubbard",
}
# The whole image is where a value comes from when nothing else is said.
_PLACES: Final = {
    "artery": "arteries",
    "vein": "veins",
    "all": "all vessels",
    "image": "",
    "etdrs_center": "ETDRS centre",
}
_BEGINNINGS: Final = {
    "zone_b": "zone B", "zone_c": "zone C", "etdrs": "ETDRS", "clock": "clock hour", "garway_heath": "Garway-Heath",
}  # fmt: skip
_RUN_COLUMNS: Final = {
    "image_id": "Image", "patient_id": "Patient", "laterality": "Eye", "error": "Error", "error_stage": "Failed at",
    "seconds": "Time (s)", "quality_score": "Quality score", "quality_gradable": "Gradable",
    "quality_reason": "Why not gradable", "um_per_pixel": "Scale (µm per pixel)", "scale_source": "Source of the scale",
}  # fmt: skip


def label(column: str) -> str:
    """What people call a column of a result table, with its unit.

    Parameters
    ----------
    column : str
        Of :func:`to_table` or ``cohort.measure_cohort``, its status columns among them; or a variable of
        :func:`measure`.

    Returns
    -------
    str
        A column that is not of this package, such as one of a clinical table, keeps its name.

    Examples
    --------
    >>> label("calibre_equivalent_um.artery.zone_b")
    'CRAE, zone B (µm)'
    >>> label("length_density_per_mm.all.image"), label("lesion_count.hard_exudate"), label("HbA1c")
    ('Vessel length density, all vessels (1/mm)', 'Lesions, hard exudate', 'HbA1c')
    """
    variable, *places = str(column).split(".")
    measured = variable.removesuffix("_status")
    if measured != variable and _entry(measured):
        return f"Status of {label('.'.join([measured, *places]))}"
    found = _entry(variable)
    if found is None:
        return _RUN_COLUMNS.get(str(column), _of_truth(str(column)))
    entry, unit = found
    own = [_OWN_NAMES[entry.name, place] for place in places if (entry.name, place) in _OWN_NAMES]
    said = [_place(place) for place in places if (entry.name, place) not in _OWN_NAMES]
    words = ", ".join(filter(None, [own[0] if own else entry.label, *said]))
    return f"{words} ({_WRITTEN[unit.suffix]})" if unit.suffix else words


def written_unit(column: str) -> str | None:
    """The unit of a column of a result table as people write it.

    Parameters
    ----------
    column : str

    Returns
    -------
    str or None
        Empty for ratios and counts, None for a column that is not a biomarker.

    Examples
    --------
    >>> written_unit("disc_area_mm2"), written_unit("cup_disc_ratio_area"), written_unit("age")
    ('mm²', '', None)
    """
    found = _entry(str(column).partition(".")[0])
    return None if found is None else _WRITTEN[found[1].suffix]


def _entry(variable: str) -> tuple[Biomarker, Unit] | None:
    """The biomarker a variable is of, and its unit."""

    def candidates() -> Iterator[str]:
        yield variable
        for suffix in filter(None, _WRITTEN):
            if variable.endswith(f"_{suffix}"):
                yield variable.removesuffix(f"_{suffix}")

    for name in candidates():
        if name in REGISTER and variable in REGISTER[name].variables:
            return REGISTER[name], REGISTER[name].variables[variable]
    return None


def _place(coordinate: str) -> str:
    if coordinate in _PLACES:
        return _PLACES[coordinate]
    if coordinate in TAXONOMY:
        return term(coordinate).label.lower()
    for beginning, words in _BEGINNINGS.items():
        if coordinate == beginning or coordinate.startswith(f"{beginning}_"):
            return f"{words} {coordinate.removeprefix(beginning).replace('_', ' ').strip()}".strip()
    return coordinate.replace("_", " ")


def _of_truth(column: str) -> str:
    """Columns of synthetic eyes that hold what was planted; any other name as it is."""
    if not column.startswith("true_"):
        return column
    words = column.removeprefix("true_")
    unit = next((suffix for suffix in filter(None, _WRITTEN) if words.endswith(f"_{suffix}")), "")
    name = "True " + (words.removesuffix(f"_{unit}") if unit else words).replace("_", " ")
    return f"{name} ({_WRITTEN[unit]})" if unit else name


def describe(results: xr.Dataset, *, definitions: bool = False) -> pd.DataFrame:
    """List every value with its unit and status, one row each.

    Parameters
    ----------
    results : xarray.Dataset
        As :func:`measure` gives it.
    definitions : bool
        Add the definition and the source of each.

    Returns
    -------
    pandas.DataFrame
        Columns ``biomarker`` (its label), ``where`` (vessel, region, lesion, sector ...), ``value``, ``units``,
        ``status`` and ``variable``. What lacks only a scale is left out where the same is given in disc diameters, and
        what is missing in every unit for the same reason is listed once, in disc diameters.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.biomarkers import measure
    >>> from retina_tools.schema import new_eye
    >>> y, x = np.mgrid[:200, :200]
    >>> disc, cup = np.hypot(y - 100, x - 120) < 30, np.hypot(y - 100, x - 120) < 15
    >>> found = measure(new_eye(masks={"optic_disc": disc, "optic_cup": cup}), "cup_disc_ratio_area")
    >>> describe(found)[["biomarker", "value", "status"]].round(2).values.tolist()
    [['Cup-to-disc area ratio', 0.25, 'ok']]
    """
    rows: list[dict[str, Any]] = []
    for name in results.data_vars:
        if f"{name}_status" not in results.data_vars:
            continue
        variable = results[name]
        unit = written_unit(str(name))
        for place, value, flag in cells(results, str(name)):
            row = {
                "biomarker": variable.attrs["long_name"].split(" [")[0],
                "where": " ".join(place.strip(".").split(".")).replace("_", " "),
                "value": value,
                "units": variable.attrs["units"] if unit is None else unit,
                "status": flag.word,
                "variable": f"{name}{place}",
            }
            if definitions:
                row |= {part: variable.attrs[part] for part in ("definition", "source")}
            rows.append(row)
    table = pd.DataFrame(rows, columns=list(rows[0]) if rows else ["biomarker", "where", "value", "units", "status"])
    missing, unscaled = table["value"].isna(), table["status"] == Status.NO_SCALE.word
    same = [table["biomarker"], table["where"]]
    elsewhere = (~unscaled).groupby(same).transform("any")
    # A value missing in every unit for one reason is missing once, in the unit that asks least.
    again = missing & table[missing].duplicated(["biomarker", "where", "status"]).reindex(table.index, fill_value=False)
    return table[~(unscaled & elsewhere) & ~again].reset_index(drop=True)
