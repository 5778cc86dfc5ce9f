"""How well a segmenter draws: measures of an eye, of a set, between sets, and under damage.

:func:`evaluate` gives a row per eye, structure and measure, :func:`examine` the curves as well; :func:`summarise` and
:func:`pool` make them rows per set, :func:`leave_one_out` and :func:`robustness` a table between sets and degradations,
:func:`evaluation_card` a page. :func:`measure_table` says what each number means.
"""

from retina_tools.segmentation.evaluation.anatomy import (
    ArteryVein,
    artery_vein_agreement,
    disc_diameter_px,
    vertical_extent,
    vertical_ratio,
)
from retina_tools.segmentation.evaluation.card import card_results, evaluation_card, label_of
from retina_tools.segmentation.evaluation.compare import Comparison, compare
from retina_tools.segmentation.evaluation.detection import (
    Detections,
    FreeResponse,
    free_response,
    match_objects,
    object_precision,
)
from retina_tools.segmentation.evaluation.examine import Evaluation, evaluate, examine
from retina_tools.segmentation.evaluation.measures import MEASURES, Measure, measure_table, measures_of
from retina_tools.segmentation.evaluation.refuge import refuge
from retina_tools.segmentation.evaluation.robustness import robustness, robustness_table
from retina_tools.segmentation.evaluation.summary import leave_one_out, pool, summarise
from retina_tools.segmentation.evaluation.tally import Calibration, Curve, Tally
from retina_tools.segmentation.evaluation.topology import Paths, centreline_dice, compare_paths

__all__ = [
    "MEASURES",
    "ArteryVein",
    "Calibration",
    "Comparison",
    "Curve",
    "Detections",
    "Evaluation",
    "FreeResponse",
    "Measure",
    "Paths",
    "Tally",
    "artery_vein_agreement",
    "card_results",
    "centreline_dice",
    "compare",
    "compare_paths",
    "disc_diameter_px",
    "evaluate",
    "evaluation_card",
    "examine",
    "free_response",
    "label_of",
    "leave_one_out",
    "match_objects",
    "measure_table",
    "measures_of",
    "object_precision",
    "pool",
    "refuge",
    "robustness",
    "robustness_table",
    "summarise",
    "vertical_extent",
    "vertical_ratio",
]
