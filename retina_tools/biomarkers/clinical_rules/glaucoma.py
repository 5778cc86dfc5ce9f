"""Suspicion of glaucoma from the shape of the disc: cup, rim and the difference between the eyes."""

from __future__ import annotations

import math
import operator
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
    all_of,
    any_of,
    decide,
    judge,
    threshold,
)
from retina_tools.biomarkers.clinical_rules.findings import Findings
from retina_tools.biomarkers.disc_shape import cup_disc_ratio_vertical
from retina_tools.biomarkers.margins import in_sector, margins_of
from retina_tools.biomarkers.registry import CLOCK_HOURS, Unmeasurable
from retina_tools.biomarkers.rim import disc_damage_stage, isnt_rule, ist_rule

_SCALE: Final = "Suspicion of glaucoma"


_ISGEO: Final = "Foster PJ et al. Br J Ophthalmol 2002;86:238-42 (ISGEO)"
_DDLS: Final = "Spaeth GL et al. Trans Am Ophthalmol Soc 2002;100:181-6 (DDLS)"


@dataclass(frozen=True)
class GlaucomaLimits(Limits):
    """Thresholds of suspicion; ``table()`` has meanings and sources."""

    source: ClassVar[str] = (
        f"{_ISGEO}; {_DDLS}; Harizman N et al. Arch Ophthalmol 2006;124:1579-83 (ISNT); Poon LY et al. Am J Ophthalmol "
        "2017;184:19-27 (IST)"
    )

    cup_disc_ratio: float = threshold(
        0.6,
        "vertical cup-to-disc ratio from which an eye is suspect",
        "own choice, as screening often has it; ISGEO names only the higher one",
    )
    cup_disc_ratio_high: float = threshold(
        0.7, "the ratio that, with loss of rim at a pole, makes glaucoma probable: the 97.5th centile", _ISGEO
    )
    asymmetry: float = threshold(0.2, "difference between the vertical ratios of two eyes", _ISGEO)
    rim_disc_ratio: float = threshold(
        0.1, "rim over disc at the upper or lower pole (11 to 1 and 5 to 7 o'clock) that counts as loss", _ISGEO
    )
    damage_stage: int = threshold(5, "stage of disc damage (DDLS) from which an eye is suspect", _DDLS)


def glaucoma_suspicion(
    eye: xr.Dataset | Anatomy, limits: GlaucomaLimits | None = None, *, fellow: xr.Dataset | Anatomy | None = None
) -> Grade:
    """Suspicion of glaucoma, 0 to 2, from disc and cup alone.

    1 suspect: a large cup, asymmetry of two eyes, loss of rim at a pole, or an advanced stage of disc damage. 2
    probable: a larger cup together with loss of rim at a pole or the IST rule broken. Healthy eyes often break the
    ISNT rule, so that by itself it is shown and raises nothing. The stage of disc damage needs a measured scale, the
    asymmetry the other eye, the rules the side; without them the grade is that of what there is.

    Parameters
    ----------
    eye : xarray.Dataset
        With disc and cup.
    limits : GlaucomaLimits, optional
    fellow : xarray.Dataset, optional
        The other eye of the person.

    Returns
    -------
    Grade
        Without a grade where disc or cup are not there or not whole.

    Raises
    ------
    EyeError
        It is not an eye.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> glaucoma_suspicion(phantom.eye("glaucoma suspect", size=512)).name
    'Suspect'
    """
    limits = GlaucomaLimits() if limits is None else limits
    anatomy = Findings(eye).anatomy
    ratio = "Vertical cup-to-disc ratio, at least"
    large = judge(ratio, limits.cup_disc_ratio, lambda: cup_disc_ratio_vertical(anatomy))
    larger = judge(ratio, limits.cup_disc_ratio_high, lambda: cup_disc_ratio_vertical(anatomy))
    pole = judge(
        "Rim-to-disc ratio at the upper and lower pole, narrowest, at most",
        limits.rim_disc_ratio,
        lambda: _poles(anatomy).min(),
        operator.le,
        lambda: f"superior {_poles(anatomy)[0]:.2f}, inferior {_poles(anatomy)[1]:.2f}",
    )
    stage = judge(
        "Disc damage likelihood stage, at least",
        limits.damage_stage,
        lambda: disc_damage_stage(anatomy),
        where=lambda: _narrowest(anatomy),
    )
    isnt = judge("ISNT rule (1 holds, 0 broken), below", 1, lambda: isnt_rule(anatomy), operator.lt)
    ist = judge("IST rule (1 holds, 0 broken), below", 1, lambda: ist_rule(anatomy), operator.lt)
    apart = _asymmetry(anatomy, None if fellow is None else Findings(fellow).anatomy, limits)
    # What may well be unknown (scale, side, other eye) raises the grade where it is met and never takes it away.
    probable = all_of(larger.met, any_of(pole.met, bool(ist.met)))
    suspect = any_of(large.met, pole.met, bool(stage.met), bool(apart.met))
    levels = [Level(2, "Probable", probable), Level(1, "Suspect", suspect)]
    return decide(_SCALE, levels, (0, "Not suspect"), [larger, pole, ist, large, stage, apart, isnt], limits.source)


def _poles(anatomy: Anatomy) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Narrowest rim-to-disc ratio from 11 to 1 and from 5 to 7 o'clock."""
    ratio = margins_of(anatomy).rim_disc_ratio
    # Hours of 30 degrees around 12 and 6 with half of each neighbour: the poles need no side of the eye.
    found = []
    for hour in ("clock_12", "clock_6"):
        inside = in_sector(anatomy, hour)
        wide = inside | np.roll(inside, 15) | np.roll(inside, -15)
        found.append(float(ratio[wide].min()))
    return np.array(found)


def _narrowest(anatomy: Anatomy) -> str:
    """Clock hour at which the rim is narrowest."""
    ratio = margins_of(anatomy).rim_disc_ratio
    try:
        hour = min(CLOCK_HOURS, key=lambda hour: float(ratio[in_sector(anatomy, hour)].min()))
    except Unmeasurable:  # without a side only the ratio is known
        return f"narrowest {ratio.min():.2f}"
    return f"narrowest {ratio.min():.2f}, at {hour.removeprefix('clock_')} o'clock of a right eye"


def _asymmetry(anatomy: Anatomy, fellow: Anatomy | None, limits: GlaucomaLimits) -> Evidence:
    criterion = "Difference of the vertical cup-to-disc ratio between the eyes, at least"
    if fellow is None:
        return Evidence(criterion, limits.asymmetry, math.nan, None, "no other eye given")
    return judge(
        criterion, limits.asymmetry, lambda: abs(cup_disc_ratio_vertical(anatomy) - cup_disc_ratio_vertical(fellow))
    )
