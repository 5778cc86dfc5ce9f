"""Synthetic eyes whose anatomy, and so every biomarker, is known exactly.

`eye` makes one photograph with exact masks, `cohort` many of them with a clinical table and a known effect of disease,
`anatomy` the geometry alone, `truth`, `truth_row` and `truth_tables` the true biomarkers, and `shapes` bare figures
with closed-form answers.
"""

from retina_tools.phantom import shapes
from retina_tools.phantom.captions import caption_words, read_caption
from retina_tools.phantom.geometry import Anatomy, anatomy
from retina_tools.phantom.habits import LESIONS, PLACES
from retina_tools.phantom.measures import truth
from retina_tools.phantom.parameters import RANGES, Parameters
from retina_tools.phantom.patients import DEFAULT_EFFECTS, TRAITS, cohort
from retina_tools.phantom.synthesis import eye
from retina_tools.phantom.tables import truth_tables
from retina_tools.phantom.truth_row import truth_row

__all__ = [
    "DEFAULT_EFFECTS",
    "LESIONS",
    "PLACES",
    "RANGES",
    "TRAITS",
    "Anatomy",
    "Parameters",
    "anatomy",
    "caption_words",
    "cohort",
    "eye",
    "read_caption",
    "shapes",
    "truth",
    "truth_row",
    "truth_tables",
]
