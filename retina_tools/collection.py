"""Many eyes at once: a table with one row per photograph, and the way to read each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools.schema import EyeError

KEYS: Final = ("image_id", "patient_id", "laterality")


@dataclass(frozen=True)
class EyeCollection:
    """Eyes that are read one by one, only when asked for.

    Parameters
    ----------
    name : str
        What the collection is called.
    table : pandas.DataFrame
        One row per eye. The columns ``image_id`` (unique), ``patient_id`` and ``laterality`` are always there, clinical
        columns follow; whatever ``read`` needs (a file name, a seed) may be among them, with a leading underscore.
    read : callable
        Takes one row as a mapping and returns the eye.
    licence, citation : str
        What using the eyes asks for.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from retina_tools.schema import new_eye
    >>> table = pd.DataFrame({"image_id": ["a", "b"], "patient_id": ["1", "1"], "laterality": ["OD", "OS"]})
    >>> def read(row):
    ...     return new_eye(np.zeros((8, 8), np.uint8), image_id=row["image_id"], laterality=row["laterality"])
    >>> eyes = EyeCollection("two", table, read)
    >>> len(eyes), eyes["b"].laterality.item(), len(eyes.select(eyes.table.laterality == "OD"))
    (2, 'OS', 1)
    """

    name: str
    table: pd.DataFrame = field(repr=False)
    read: Callable[[Mapping[str, Any]], xr.Dataset] = field(repr=False)
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        if missing := [key for key in KEYS if key not in self.table.columns]:
            raise EyeError(f"The table of {self.name!r} has no column {missing[0]!r}; it needs {', '.join(KEYS)}.")
        twice = self.table["image_id"][self.table["image_id"].duplicated()]
        if len(twice):
            raise EyeError(f"The image {twice.iloc[0]!r} is in the table of {self.name!r} twice; image ids are unique.")
        object.__setattr__(self, "table", self.table.reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[xr.Dataset]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, which: int | str) -> xr.Dataset:
        """The eye at a position, or with an image id.

        Raises
        ------
        IndexError, KeyError
            No such eye; the message says how many, or which, there are.
        """
        if isinstance(which, str):
            found = self.table.index[self.table["image_id"] == which]
            if not len(found):
                some = ", ".join(self.table["image_id"].head(4))
                raise KeyError(f"{which!r} is not an image of {self.name!r}, which has {some}, ...")
            which = int(found[0])
        if not -len(self) <= which < len(self):
            raise IndexError(f"Eye {which} of {self.name!r} was asked for, but it has {len(self)}.")
        return self.read(self.rows()[which])

    def rows(self) -> list[dict[str, Any]]:
        """The table as one mapping per eye, ready for ``read``."""
        return [{str(key): value for key, value in row.items()} for row in self.table.to_dict("records")]

    @property
    def clinical(self) -> pd.DataFrame:
        """The table without the columns that only say how to read an eye (those with a leading underscore)."""
        return self.table[[column for column in self.table.columns if not str(column).startswith("_")]]

    def select(self, which: Any) -> EyeCollection:
        """The eyes chosen by a boolean series, a slice or positions, in a new collection.

        Parameters
        ----------
        which : slice, sequence of int, or boolean Series as long as the table

        Returns
        -------
        EyeCollection
        """
        if isinstance(which, pd.Series) and which.dtype == bool:
            return replace(self, table=self.table[which.to_numpy()])
        return replace(self, table=self.table.iloc[which])
