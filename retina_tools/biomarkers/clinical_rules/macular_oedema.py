"""Risk of macular oedema from hard exudates, as the IDRiD set grades it."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import Grade, Level, Limits, decide, judge, threshold
from retina_tools.biomarkers.clinical_rules.findings import Findings

_SCALE: Final = "Risk of macular oedema (IDRiD)"


_SOURCE: Final = (
    "Porwal P et al. Data 2018;3:25 (IDRiD); Decenciere E et al. Image Anal Stereol 2014;33:231-4 (Messidor)"
)


@dataclass(frozen=True)
class MacularOedemaLimits(Limits):
    """How near to the fovea exudates have to be; ``table()`` has meaning and source."""

    source: ClassVar[str] = _SOURCE

    radius_dd: float = threshold(1.0, "nearest pixel of an exudate from the fovea, in disc diameters, at most", _SOURCE)


def macular_oedema_risk(
    eye: xr.Dataset | Anatomy,
    limits: MacularOedemaLimits | None = None,
    *,
    assume_absent: Collection[str] = (),
) -> Grade:
    """Risk of macular oedema, 0 to 2.

    0 no hard exudate; 1 exudates, none within a disc diameter of the fovea; 2 within. Exudates stand for the swelling,
    which a photograph does not show.

    Parameters
    ----------
    eye : xarray.Dataset
        With a mask of hard exudates; where there are any, also with a disc and a fovea.
    limits : MacularOedemaLimits, optional
    assume_absent : collection of str
        ``['hard_exudate']`` counts an eye without the mask as free of them.

    Returns
    -------
    Grade
        Without a grade where exudates were not looked for, or their distance from the fovea is unknown.

    Raises
    ------
    EyeError
        It is not an eye, or a name is not of the taxonomy.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> risk = macular_oedema_risk(phantom.eye("3 macular hard exudates", size=512))
    >>> risk.grade, risk.name
    (2, 'Exudates within 1 DD of the fovea')
    """
    limits = MacularOedemaLimits() if limits is None else limits
    findings = Findings(eye, assume_absent)
    anatomy = findings.anatomy

    def nearest_dd() -> float:
        nearest = findings.nearest_px("hard_exudate")
        return nearest / anatomy.frame.diameter_px if math.isfinite(nearest) else nearest

    within = judge(
        "Hard exudate: distance of the nearest from the fovea in DD, at most",
        limits.radius_dd,
        nearest_dd,
        operator.le,
        lambda: findings.nearest_where("hard_exudate"),
    )
    present = findings.present("hard_exudate")
    levels = [
        Level(2, f"Exudates within {limits.radius_dd:g} DD of the fovea", within.met),
        Level(1, f"Exudates beyond {limits.radius_dd:g} DD of the fovea", present.met),
    ]
    return decide(_SCALE, levels, (0, "No hard exudate"), [within, present], limits.source)
