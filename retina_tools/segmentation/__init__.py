"""Structures of the eye from its photograph, by classical methods that need no weights.

`segment` draws all of them on an eye; `find_vessels` and `segment_disc` are two of its parts. `segment_exudates` adds
bright lesions. `dice` and `agreement`
say how well a drawing agrees with a person's.
"""

from retina_tools.segmentation.chain import STRUCTURES, segment
from retina_tools.segmentation.disc import DiscFinding, segment_disc
from retina_tools.segmentation.exudates import ExudateWeights, fit_exudate_weights, segment_exudates
from retina_tools.segmentation.fovea import FoveaFinding, find_fovea
from retina_tools.segmentation.frame import Circle, Frame, fit_fov_circle
from retina_tools.segmentation.metrics import agreement, area_under_curve, dice
from retina_tools.segmentation.vessels import VesselFinding, VesselWeights, find_vessels, fit_vessel_weights

__all__ = [
    "STRUCTURES",
    "Circle",
    "DiscFinding",
    "ExudateWeights",
    "FoveaFinding",
    "Frame",
    "VesselFinding",
    "VesselWeights",
    "agreement",
    "area_under_curve",
    "dice",
    "find_fovea",
    "find_vessels",
    "fit_exudate_weights",
    "fit_fov_circle",
    "fit_vessel_weights",
    "segment",
    "segment_disc",
    "segment_exudates",
]
