"""Myopic maculopathy in the categories of META-PM."""

from __future__ import annotations

import operator
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

import xarray as xr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import Grade, Level, Limits, decide, judge, threshold
from retina_tools.biomarkers.clinical_rules.findings import Findings

_SCALE: Final = "Myopic maculopathy (META-PM)"


_META_PM: Final = "Ohno-Matsui K et al. Am J Ophthalmol 2015;159:877-83 (META-PM)"


@dataclass(frozen=True)
class MyopiaLimits(Limits):
    """Thresholds of the categories; ``table()`` has meanings and sources."""

    source: ClassVar[str] = f"{_META_PM}; the coverage is our own choice"

    tessellation_coverage: float = threshold(
        0.05, "share of the visible retina from which an eye counts as tessellated", "own choice; META-PM has no number"
    )
    centre_um: float = threshold(
        175.0, "patchy atrophy this near to the fovea is macular, in um: the radius of the foveola", _META_PM
    )


def myopic_maculopathy(
    eye: xr.Dataset | Anatomy,
    limits: MyopiaLimits | None = None,
    *,
    assume_absent: Collection[str] = (),
) -> Grade:
    """Category of myopic maculopathy, 0 to 4 for C0 to C4; from C2 on the myopia is pathological.

    C0 no lesion; C1 tessellation; C2 diffuse atrophy; C3 patchy atrophy; C4 atrophy of the macula. Peripapillary (arc)
    atrophy alone is no category, and the plus signs (lacquer cracks, new vessels, Fuchs spot) are not judged.

    Parameters
    ----------
    eye : xarray.Dataset
        With masks of patchy_atrophy, diffuse_atrophy and tessellation, and a fovea where there is patchy atrophy.
    limits : MyopiaLimits, optional
    assume_absent : collection of str
        Findings that count as absent where there is no mask of them.

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
    >>> myopic_maculopathy(phantom.eye("pathological myopia", size=512)).name
    'C3, patchy atrophy'
    """
    limits = MyopiaLimits() if limits is None else limits
    findings = Findings(eye, assume_absent)
    macular = judge(
        "Patchy atrophy: distance of the nearest from the fovea in um, at most",
        limits.centre_um,
        lambda: findings.nearest_um("patchy_atrophy"),
        operator.le,
        lambda: findings.nearest_where("patchy_atrophy"),
    )
    patchy, diffuse = findings.present("patchy_atrophy"), findings.present("diffuse_atrophy")
    tessellated = judge(
        "Tessellation: share of the visible retina, at least",
        limits.tessellation_coverage,
        lambda: len(findings.objects("tessellation").pixels) / findings.anatomy.region_area_px2("image"),
    )
    levels = [
        Level(4, "C4, macular atrophy", macular.met),
        Level(3, "C3, patchy atrophy", patchy.met),
        Level(2, "C2, diffuse atrophy", diffuse.met),
        Level(1, "C1, tessellated", tessellated.met),
    ]
    evidence = [macular, patchy, diffuse, tessellated]
    return decide(_SCALE, levels, (0, "C0, no myopic lesion"), evidence, limits.source)
