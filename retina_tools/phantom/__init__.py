"""Synthetic eyes whose anatomy, and so every biomarker, is known exactly.

`eye` makes one photograph with exact masks, `cohort` many of them with a clinical table and a known effect of disease,
`anatomy` the geometry alone, `truth` the true biomarkers, and `shapes` bare figures with closed-form answers.
"""

from retina_tools.phantom.anatomy import Anatomy, anatomy
from retina_tools.phantom.measures import truth
from retina_tools.phantom.parameters import LESIONS, RANGES, Parameters
from retina_tools.phantom.synthesis import eye

__all__ = ["LESIONS", "RANGES", "Anatomy", "Parameters", "anatomy", "eye", "truth"]
