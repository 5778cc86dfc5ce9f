"""From biomarkers to disease: associations that count patients, not eyes, and the table that describes a cohort."""

from retina_tools.statistics.association import associate
from retina_tools.statistics.gee import ClusteredFit, NotEstimableError, fit_clustered, is_separated
from retina_tools.statistics.multiplicity import adjust
from retina_tools.statistics.summary import summarise

__all__ = [
    "ClusteredFit",
    "NotEstimableError",
    "adjust",
    "associate",
    "fit_clustered",
    "is_separated",
    "summarise",
]
