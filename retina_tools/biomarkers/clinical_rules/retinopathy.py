"""Diabetic retinopathy on the international clinical scale (ICDR), with the 4-2-1 rule."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import Evidence, Grade, Level, Limits, any_of, decide, threshold
from retina_tools.biomarkers.clinical_rules.findings import Findings

_SCALE: Final = "International clinical diabetic retinopathy severity (ICDR)"
_PROLIFERATIVE: Final = ("neovascularisation", "patchy_haemorrhage", "fibrous_proliferation")
_MODERATE: Final = ("haemorrhage", "hard_exudate", "cotton_wool_spot", "venous_beading")


_SOURCE: Final = "Wilkinson CP et al. Ophthalmology 2003;110:1677-82"


@dataclass(frozen=True)
class RetinopathyLimits(Limits):
    """Thresholds of the 4-2-1 rule; ``table()`` has meanings and sources."""

    source: ClassVar[str] = _SOURCE

    haemorrhages: int = threshold(20, "a quadrant counts when it holds more haemorrhages than so many", _SOURCE)
    haemorrhage_quadrants: int = threshold(4, "so many such quadrants make it severe", _SOURCE)
    beading_quadrants: int = threshold(2, "so many quadrants with venous beading make it severe", _SOURCE)


def retinopathy_severity(
    eye: xr.Dataset | Anatomy,
    limits: RetinopathyLimits | None = None,
    *,
    assume_absent: Collection[str] = (),
) -> Grade:
    """Severity of diabetic retinopathy, 0 to 4.

    0 no apparent retinopathy; 1 mild, microaneurysms only; 2 moderate, more than that; 3 severe, by the 4-2-1 rule; 4
    proliferative, new vessels, fibrous proliferation, or preretinal (patchy) haemorrhage. Quadrants are those around
    the fovea. The rule's last part, intraretinal microvascular abnormality, has no mask in this package: it is listed
    as not judged, and an eye that is severe by it alone is graded lower.

    Parameters
    ----------
    eye : xarray.Dataset
        With masks of the lesions, of which an empty one says "looked for, not there".
    limits : RetinopathyLimits, optional
    assume_absent : collection of str
        Lesions that count as absent where there is no mask of them, for sets in which they were not drawn.

    Returns
    -------
    Grade
        Without a grade where a lesion that could raise it was not looked for.

    Raises
    ------
    EyeError
        It is not an eye, or a name is not of the taxonomy.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> eye = phantom.eye("mild NPDR", size=512)
    >>> retinopathy_severity(eye).at_least
    1
    >>> others = [*"haemorrhage hard_exudate cotton_wool_spot venous_beading neovascularisation".split()]
    >>> others += ["patchy_haemorrhage", "fibrous_proliferation"]
    >>> retinopathy_severity(eye, assume_absent=others).name
    'Mild non-proliferative'
    """
    limits = RetinopathyLimits() if limits is None else limits
    findings = Findings(eye, assume_absent)
    proliferative = [findings.present(name) for name in _PROLIFERATIVE]
    severe = [
        findings.quadrants_with_more("haemorrhage", limits.haemorrhages, limits.haemorrhage_quadrants),
        findings.quadrants_with_more("venous_beading", 0, limits.beading_quadrants),
    ]
    moderate = [findings.present(name) for name in _MODERATE]
    mild = [findings.present("microaneurysm")]
    unseen = Evidence(
        "Intraretinal microvascular abnormality: quadrants with it, at least", 1, math.nan, None, "no such mask"
    )
    levels = [
        Level(4, "Proliferative", any_of(*(row.met for row in proliferative))),
        Level(3, "Severe non-proliferative", any_of(*(row.met for row in severe))),
        Level(2, "Moderate non-proliferative", any_of(*(row.met for row in moderate))),
        Level(1, "Mild non-proliferative", any_of(*(row.met for row in mild))),
    ]
    evidence = [*proliferative, *severe, unseen, *moderate, *mild]
    return decide(_SCALE, levels, (0, "No apparent retinopathy"), evidence, limits.source)
