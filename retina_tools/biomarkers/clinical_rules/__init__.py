"""Clinical gradings as rules that show their evidence: teaching aids, not diagnoses.

Each rule takes an eye and gives a :class:`Grade` with the criteria it looked at, the thresholds, what was found and
whether it is met. Thresholds come from the literature and are arguments. A criterion whose mask is missing is unknown,
and where it could change the grade there is none, only the least that is certain.
"""

from retina_tools.biomarkers.clinical_rules import registered
from retina_tools.biomarkers.clinical_rules.evidence import NOTE, Evidence, Grade, Limits
from retina_tools.biomarkers.clinical_rules.glaucoma import GlaucomaLimits, glaucoma_suspicion
from retina_tools.biomarkers.clinical_rules.macular_degeneration import (
    MacularDegenerationLimits,
    macular_degeneration_score,
    macular_degeneration_severity,
)
from retina_tools.biomarkers.clinical_rules.macular_oedema import MacularOedemaLimits, macular_oedema_risk
from retina_tools.biomarkers.clinical_rules.myopia import MyopiaLimits, myopic_maculopathy
from retina_tools.biomarkers.clinical_rules.overview import grade_all, grades_table, thresholds_table
from retina_tools.biomarkers.clinical_rules.retinopathy import RetinopathyLimits, retinopathy_severity

__all__ = [
    "NOTE",
    "Evidence",
    "GlaucomaLimits",
    "Grade",
    "Limits",
    "MacularDegenerationLimits",
    "MacularOedemaLimits",
    "MyopiaLimits",
    "RetinopathyLimits",
    "glaucoma_suspicion",
    "grade_all",
    "grades_table",
    "macular_degeneration_score",
    "macular_degeneration_severity",
    "macular_oedema_risk",
    "myopic_maculopathy",
    "registered",
    "retinopathy_severity",
    "thresholds_table",
]
