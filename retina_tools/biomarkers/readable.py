"""Results as a person reads them: one line per value, with unit, status and definition."""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from retina_tools.biomarkers.registry import Status
from retina_tools.biomarkers.results import cells


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
        ``status`` and ``variable``. A value that lacks only a scale is left out where the same is given in disc
        diameters.

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
        for place, value, flag in cells(results, str(name)):
            row = {
                "biomarker": variable.attrs["long_name"].split(" [")[0],
                "where": " ".join(place.strip(".").split(".")).replace("_", " "),
                "value": value,
                "units": variable.attrs["units"],
                "status": flag.word,
                "variable": f"{name}{place}",
            }
            if definitions:
                row |= {part: variable.attrs[part] for part in ("definition", "source")}
            rows.append(row)
    table = pd.DataFrame(rows, columns=list(rows[0]) if rows else ["biomarker", "where", "value", "units", "status"])
    same = table.groupby(["biomarker", "where"])["status"]
    spoken_for = same.transform(lambda status: (status != Status.NO_SCALE.word).any())
    return table[~(spoken_for & (table["status"] == Status.NO_SCALE.word))].reset_index(drop=True)
