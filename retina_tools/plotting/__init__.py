"""Static figures: the eye, what was measured on it, associations, a cohort. Each says in words what it shows."""

from retina_tools.plotting.agreement import plot_agreement, plot_leave_one_out, plot_robustness
from retina_tools.plotting.closeups import plot_bifurcation, plot_calibre, plot_crossing
from retina_tools.plotting.coverage import plot_boxes, plot_distances
from retina_tools.plotting.curves import plot_calibration, plot_free_response, plot_precision_recall
from retina_tools.plotting.evaluation_report import evaluation_report
from retina_tools.plotting.evidence import plot_evidence
from retina_tools.plotting.forest import plot_forest
from retina_tools.plotting.lesion_fields import plot_lesion_fields
from retina_tools.plotting.overlay import plot_overlay, structure_table
from retina_tools.plotting.ratios import plot_ratios
from retina_tools.plotting.rim import plot_rim
from retina_tools.plotting.scatter import plot_cohort
from retina_tools.plotting.segments import plot_segments
from retina_tools.plotting.theme import OKABE_ITO, SYMBOLS, describe, plain, register, template
from retina_tools.plotting.zones import plot_regions, plot_zones

register()

__all__ = [
    "OKABE_ITO",
    "SYMBOLS",
    "describe",
    "evaluation_report",
    "plain",
    "plot_agreement",
    "plot_bifurcation",
    "plot_boxes",
    "plot_calibration",
    "plot_calibre",
    "plot_cohort",
    "plot_crossing",
    "plot_distances",
    "plot_evidence",
    "plot_forest",
    "plot_free_response",
    "plot_leave_one_out",
    "plot_lesion_fields",
    "plot_overlay",
    "plot_precision_recall",
    "plot_ratios",
    "plot_regions",
    "plot_rim",
    "plot_robustness",
    "plot_segments",
    "plot_zones",
    "register",
    "structure_table",
    "template",
]
