"""What the rules ask of an eye's findings: whether they are there, in how many quadrants, how near to the fovea."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import Evidence, judge
from retina_tools.biomarkers.findings import objects_of
from retina_tools.biomarkers.lesion_load import micrometres_per_pixel
from retina_tools.biomarkers.objects import Objects
from retina_tools.biomarkers.registry import FOVEA_QUADRANTS, Unmeasurable
from retina_tools.schema import EyeError, has_mask
from retina_tools.taxonomy import term


class Findings:
    """The findings of one eye, those assumed to be absent included.

    Parameters
    ----------
    eye : xarray.Dataset or Anatomy
    assume_absent : collection of str
        Findings that count as looked for and not there where the eye has no mask of them.

    Raises
    ------
    EyeError
        A name is not of the taxonomy.
    """

    def __init__(self, eye: xr.Dataset | Anatomy, assume_absent: Collection[str] = ()) -> None:
        if not isinstance(eye, Anatomy) and (not isinstance(eye, xr.Dataset) or "structure" not in eye.coords):
            raise EyeError("A clinical rule needs an eye, as schema.new_eye or io.read_fundus makes one.")
        if isinstance(assume_absent, str):
            raise EyeError(f"assume_absent is {assume_absent!r}, wanted a list of names such as [{assume_absent!r}].")
        self.anatomy = eye if isinstance(eye, Anatomy) else Anatomy(eye)
        self.assumed = frozenset(term(name).name for name in assume_absent)

    def objects(self, name: str) -> Objects:
        """The connected parts of a finding; Unmeasurable where it was neither looked for nor assumed absent."""
        if name in self.assumed and not has_mask(self.anatomy.eye, name):
            return Objects(np.zeros((1, 1), bool))
        return objects_of(self.anatomy, name)

    def present(self, name: str) -> Evidence:
        """Whether there is any of a finding at all."""

        def where() -> str:
            if name in self.assumed and not has_mask(self.anatomy.eye, name):
                return "assumed absent"
            return self._listed(name)

        return judge(f"{term(name).label}, number at least", 1, lambda: self.objects(name).count, where=where)

    def quadrants(self, name: str) -> dict[str, int]:
        """Number in each quadrant around the fovea, by the eye's directions or, without a side, by the picture's."""
        found = self.objects(name)
        names, which = self._quadrant_of(found.centre_yx)
        return dict(zip(names, np.bincount(which, minlength=4).tolist(), strict=True))

    def _quadrant_of(self, points_yx: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Names of the quadrants around the fovea, and which of them each point lies in."""
        frame = self.anatomy.frame
        y, x = (points_yx - np.array(frame.fovea_yx)).T
        try:
            frame.check_side()
            names, right = FOVEA_QUADRANTS, x >= 0 if frame.laterality == "OD" else x <= 0
        except Unmeasurable:
            names, right = ("upper left", "upper right", "lower left", "lower right"), x >= 0
        return names, (2 * (y >= 0) + right).astype(np.int64)

    def quadrants_with_more(self, name: str, than: int, quadrants: int) -> Evidence:
        """Whether enough quadrants hold more than so many."""
        said = f"more than {than} of it, at least" if than else "it, at least"
        criterion = f"{term(name).label}: quadrants with {said}"

        def involved() -> float:
            # Too few in all to be in so many quadrants, wherever the fovea is.
            if self.objects(name).count < (than + 1) * quadrants:
                return float(self._most_quadrants(name, than))
            return float(sum(count > than for count in self.quadrants(name).values()))

        return judge(criterion, quadrants, involved, operator.ge, lambda: self._listed(name))

    def _most_quadrants(self, name: str, than: int) -> int:
        try:
            return sum(count > than for count in self.quadrants(name).values())
        except Unmeasurable:
            return self.objects(name).count // (than + 1)

    def _listed(self, name: str) -> str:
        if not self.objects(name).count:
            return ""
        try:
            return ", ".join(f"{at} {count}" for at, count in self.quadrants(name).items())
        except Unmeasurable:
            return f"{self.objects(name).count} in all"

    def nearest_px(self, name: str) -> float:
        """Distance of the nearest pixel of a finding from the fovea; infinite where there is none."""
        found = self.objects(name)
        return float(found.nearest_px(self.anatomy.frame.fovea_yx).min()) if found.count else math.inf

    def nearest_um(self, name: str) -> float:
        """The same in um, by a disc of the usual size where the eye has no scale."""
        nearest = self.nearest_px(name)
        return nearest * micrometres_per_pixel(self.anatomy) if math.isfinite(nearest) else nearest

    def nearest_where(self, name: str) -> str:
        """In which quadrant the nearest pixel of a finding lies; empty where there is none."""
        found = self.objects(name)
        if not found.count:
            return ""
        points = np.stack(np.divmod(found.pixels, found.shape[1]), axis=1).astype(np.float64)
        nearest = np.hypot(*(points - np.array(self.anatomy.frame.fovea_yx)).T).argmin()
        names, which = self._quadrant_of(points[nearest : nearest + 1])
        return f"the nearest is {names[int(which[0])]}"
