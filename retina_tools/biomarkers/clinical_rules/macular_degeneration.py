"""Age-related macular degeneration: the categories of AREDS for an eye, and its simplified score for a person."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import (
    Evidence,
    Grade,
    Level,
    Limits,
    any_of,
    decide,
    judge,
    threshold,
)
from retina_tools.biomarkers.clinical_rules.findings import Findings
from retina_tools.biomarkers.lesion_load import micrometres_per_pixel

_SCALE: Final = "AREDS category of age-related macular degeneration"
_SCORE: Final = "AREDS simplified severity score"
_NAMES: Final = {1: "No or minimal", 2: "Early", 3: "Intermediate", 4: "Late"}
_SCORE_SOURCE: Final = "Ferris FL et al. Arch Ophthalmol 2005;123:1570-4 (AREDS report 18)"


_REPORT_1: Final = "AREDS Research Group. Control Clin Trials 1999;20:573-600 (report 1)"
_REPORT_6: Final = "AREDS Research Group. Am J Ophthalmol 2001;132:668-81 (report 6)"


@dataclass(frozen=True)
class MacularDegenerationLimits(Limits):
    """Thresholds of the AREDS categories, in um; an eye without a scale is taken to have a disc of 1800 um."""

    source: ClassVar[str] = f"{_REPORT_1}; {_REPORT_6}"

    macula_um: float = threshold(3000.0, "radius around the fovea that counts", _REPORT_6)
    intermediate_um: float = threshold(63.0, "diameter from which drusen are intermediate", _REPORT_6)
    large_um: float = threshold(125.0, "diameter from which drusen are large", _REPORT_6)
    some_drusen_um: float = threshold(
        125.0, "diameter of the circle whose area all drusen together reach in early disease", _REPORT_1
    )
    extensive_drusen_um: float = threshold(
        656.0, "diameter of the circle whose area all drusen together reach in intermediate disease", _REPORT_1
    )
    least_atrophy_um: float = threshold(
        175.0, "least diameter of geographic atrophy (mask choroidal_atrophy)", _REPORT_6
    )
    centre_um: float = threshold(175.0, "atrophy this near to the fovea involves the centre", _REPORT_6)


class _Macula:
    """What of an eye's findings lies in the macula, in um."""

    def __init__(
        self, eye: xr.Dataset | Anatomy, limits: MacularDegenerationLimits, assume_absent: Collection[str]
    ) -> None:
        self.findings, self.limits = Findings(eye, assume_absent), limits

    def diameters_um(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Diameters of those with their centroid in the macula."""
        found = self.findings.objects(name)
        if not found.count:
            return np.empty(0)
        scale = micrometres_per_pixel(self.findings.anatomy)
        away = np.hypot(*(found.centre_yx - np.array(self.findings.anatomy.frame.fovea_yx)).T) * scale
        return np.asarray(found.diameter_px[away <= self.limits.macula_um] * scale)

    def largest(self, name: str, least_um: float, label: str) -> Evidence:
        """Whether the largest of a kind reaches a diameter."""
        return judge(
            f"{label}: largest diameter in um, at least",
            least_um,
            lambda: self.diameters_um(name).max(initial=0.0),
            where=lambda: f"{np.count_nonzero(self.diameters_um(name) >= least_um)} in the macula",
        )

    def drusen_area(self, circle_um: float) -> Evidence:
        """Whether all drusen together cover a circle."""
        return judge(
            "Drusen: diameter in um of the circle of their area together, at least",
            circle_um,
            lambda: math.sqrt(float((self.diameters_um("drusen") ** 2).sum())),
        )

    def pigment(self) -> Evidence:
        """Whether there is pigment change."""
        return judge("Pigment change in the macula, at least", 1, lambda: len(self.diameters_um("pigment_change")))

    def late(self) -> list[Evidence]:
        """Criteria of late disease."""
        return [
            judge(
                "Geographic atrophy: distance from the fovea in um, at most",
                self.limits.centre_um,
                self._atrophy_um,
                operator.le,
            ),
            judge(
                "Neovascularisation in the macula, at least", 1, lambda: len(self.diameters_um("neovascularisation"))
            ),
        ]

    def _atrophy_um(self) -> float:
        """Distance of the nearest atrophy that is large enough."""
        found = self.findings.objects("choroidal_atrophy")
        if not found.count:
            return math.inf
        scale = micrometres_per_pixel(self.findings.anatomy)
        large = found.diameter_px * scale >= self.limits.least_atrophy_um
        nearest = found.nearest_px(self.findings.anatomy.frame.fovea_yx) * scale
        return float(nearest[large].min(initial=math.inf))


def macular_degeneration_severity(
    eye: xr.Dataset | Anatomy,
    limits: MacularDegenerationLimits | None = None,
    *,
    assume_absent: Collection[str] = (),
) -> Grade:
    """AREDS category of an eye, 1 to 4.

    1 none or minimal; 2 early: intermediate drusen, many small ones, or pigment change; 3 intermediate: large drusen,
    extensive drusen, or geographic atrophy away from the centre; 4 late: geographic atrophy of the centre, or
    neovascularisation. Only the macula counts. Soft and hard drusen are not told apart.

    Parameters
    ----------
    eye : xarray.Dataset
        With masks of drusen, pigment_change, choroidal_atrophy (geographic atrophy) and neovascularisation, and a
        fovea where there is any of them.
    limits : MacularDegenerationLimits, optional
    assume_absent : collection of str
        Lesions that count as absent where there is no mask of them.

    Returns
    -------
    Grade

    Raises
    ------
    EyeError
        It is not an eye, or a name is not of the taxonomy.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> eye = phantom.eye("intermediate AMD", size=512)
    >>> macular_degeneration_severity(eye, assume_absent=["choroidal_atrophy", "neovascularisation"]).name
    'Intermediate'
    """
    limits = MacularDegenerationLimits() if limits is None else limits
    macula = _Macula(eye, limits, assume_absent)
    late = macula.late()
    intermediate = [
        macula.largest("drusen", limits.large_um, "Drusen"),
        macula.drusen_area(limits.extensive_drusen_um),
        macula.largest("choroidal_atrophy", limits.least_atrophy_um, "Geographic atrophy"),
    ]
    early = [
        macula.largest("drusen", limits.intermediate_um, "Drusen"),
        macula.drusen_area(limits.some_drusen_um),
        macula.pigment(),
    ]
    levels = [
        Level(grade, _NAMES[grade], any_of(*(row.met for row in rows)))
        for grade, rows in ((4, late), (3, intermediate), (2, early))
    ]
    return decide(_SCALE, levels, (1, _NAMES[1]), [*late, *intermediate, *early], limits.source)


def macular_degeneration_score(
    eye: xr.Dataset | Anatomy,
    fellow: xr.Dataset | Anatomy,
    limits: MacularDegenerationLimits | None = None,
    *,
    assume_absent: Collection[str] = (),
) -> Grade:
    """AREDS simplified severity score of a person, 0 to 4.

    A point for each eye with large drusen and for each with pigment change; an eye with late disease counts two. A
    point, too, where neither has large drusen and both have intermediate ones. The five-year risk of late disease is
    about 0.5, 3, 12, 25 and 50 %.

    Parameters
    ----------
    eye, fellow : xarray.Dataset
        Both eyes of a person.
    limits : MacularDegenerationLimits, optional
    assume_absent : collection of str
        Lesions that count as absent where there is no mask of them.

    Returns
    -------
    Grade

    Raises
    ------
    EyeError
        One is not an eye, or a name is not of the taxonomy.
    """
    limits = MacularDegenerationLimits() if limits is None else limits
    evidence: list[Evidence] = []
    least, most = 0, 0
    large: list[bool | None] = []
    intermediate: list[bool | None] = []
    for which, one in (("first eye", eye), ("second eye", fellow)):
        macula = _Macula(one, limits, assume_absent)
        late = macula.late()
        druse = macula.largest("drusen", limits.large_um, "Drusen")
        pigment = macula.pigment()
        smaller = macula.largest("drusen", limits.intermediate_um, "Drusen")
        advanced = any_of(*(row.met for row in late))
        large.append(any_of(druse.met, advanced))
        intermediate.append(smaller.met)
        # What is unknown may or may not give its point.
        least += 2 if advanced else (druse.met is True) + (pigment.met is True)
        most += 2 if advanced is not False else (druse.met is not False) + (pigment.met is not False)
        evidence += [
            Evidence(f"{which}: {row.criterion}", row.threshold, row.found, row.met, row.where)
            for row in (*late, druse, pigment, smaller)
        ]
    both = (not any(large), all(intermediate)) if None not in (*large, *intermediate) else (None, None)
    least += both == (True, True)
    most += both in ((True, True), (None, None))
    risk = ("0.5 %", "3 %", "12 %", "25 %", "50 %")
    if least == most:
        name = f"Five-year risk of late disease about {risk[least]}"
        return Grade(_SCORE, least, name, least, "", tuple(evidence), _SCORE_SOURCE)
    unknown = sorted({f"{row.criterion} ({row.where})" for row in evidence if row.met is None})
    reason = f"The score is {least} to {min(most, 4)}. Not judged: {'; '.join(unknown)}."
    return Grade(_SCORE, None, "", least, reason, tuple(evidence), _SCORE_SOURCE)
