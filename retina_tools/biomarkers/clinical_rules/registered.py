"""The grades as biomarkers, so that tables of many eyes have them; the evidence is in the rules themselves."""

from __future__ import annotations

from typing import Final

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.clinical_rules.evidence import NOTE, Grade
from retina_tools.biomarkers.clinical_rules.glaucoma import GlaucomaLimits, glaucoma_suspicion
from retina_tools.biomarkers.clinical_rules.macular_degeneration import (
    MacularDegenerationLimits,
    macular_degeneration_severity,
)
from retina_tools.biomarkers.clinical_rules.macular_oedema import MacularOedemaLimits, macular_oedema_risk
from retina_tools.biomarkers.clinical_rules.myopia import MyopiaLimits, myopic_maculopathy
from retina_tools.biomarkers.clinical_rules.retinopathy import RetinopathyLimits, retinopathy_severity
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker

_STRUCTURE: Final = "clinical grades"


def _known(grade: Grade) -> float:
    """The grade as a number; the first reason among its criteria where there is none."""
    if grade.grade is not None:
        return float(grade.grade)
    words = [row.where for row in grade.evidence if row.met is None]
    statuses = [Status[word.upper()] for word in words if word.upper() in Status.__members__]
    raise Unmeasurable(statuses[0] if statuses else Status.UNDEFINED)


@biomarker(
    "retinopathy_severity",
    quantity="count",
    needs=("lesions", "fovea"),
    structure=_STRUCTURE,
    label="Diabetic retinopathy severity (ICDR)",
    definition=(
        "0 none, 1 microaneurysms only, 2 more, 3 severe (more than 20 haemorrhages in each of 4 quadrants or venous "
        f"beading in 2), 4 proliferative. NaN where a lesion that could raise it was not looked for. {NOTE}"
    ),
    source=RetinopathyLimits().source,
)
def retinopathy_grade(anatomy: Anatomy) -> float:
    """ICDR grade."""
    return _known(retinopathy_severity(anatomy))


@biomarker(
    "macular_oedema_risk",
    quantity="count",
    needs=("lesions", "disc", "fovea"),
    structure=_STRUCTURE,
    label="Risk of macular oedema (IDRiD)",
    definition=f"0 no hard exudate, 1 exudates none of which lies within 1 DD of the fovea, 2 within. {NOTE}",
    source=MacularOedemaLimits().source,
)
def macular_oedema_grade(anatomy: Anatomy) -> float:
    """Risk of macular oedema."""
    return _known(macular_oedema_risk(anatomy))


@biomarker(
    "macular_degeneration_severity",
    quantity="count",
    needs=("lesions", "fovea"),
    structure=_STRUCTURE,
    label="Macular degeneration severity (AREDS)",
    definition=(
        "AREDS category: 1 none or minimal, 2 early, 3 intermediate, 4 late, from drusen (size and area), pigment "
        f"change, geographic atrophy and neovascularisation within 3 mm of the fovea. {NOTE}"
    ),
    source=MacularDegenerationLimits().source,
)
def macular_degeneration_grade(anatomy: Anatomy) -> float:
    """AREDS category."""
    return _known(macular_degeneration_severity(anatomy))


@biomarker(
    "myopic_maculopathy",
    quantity="count",
    needs=("atrophy", "tessellation", "fovea"),
    structure=_STRUCTURE,
    label="Myopic maculopathy category (META-PM)",
    definition=f"0 none, 1 tessellation, 2 diffuse atrophy, 3 patchy atrophy, 4 atrophy of the macula. {NOTE}",
    source=MyopiaLimits().source,
)
def myopic_maculopathy_grade(anatomy: Anatomy) -> float:
    """META-PM category."""
    return _known(myopic_maculopathy(anatomy))


@biomarker(
    "glaucoma_suspicion",
    quantity="count",
    needs=("disc", "cup"),
    structure=_STRUCTURE,
    label="Suspicion of glaucoma",
    definition=(
        "0 not suspect; 1 suspect: vertical cup-to-disc ratio from 0.6, rim-to-disc ratio at a pole up to 0.1, or disc "
        f"damage stage from 5; 2 probable: ratio from 0.7 with loss of rim at a pole or the IST rule broken. {NOTE}"
    ),
    source=GlaucomaLimits().source,
)
def glaucoma_grade(anatomy: Anatomy) -> float:
    """Suspicion of glaucoma from one eye."""
    return _known(glaucoma_suspicion(anatomy))
