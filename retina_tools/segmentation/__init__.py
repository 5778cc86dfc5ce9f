"""Structures of the eye from its photograph: by networks where weights ship, by classical methods everywhere.

`segment` draws all of them on an eye; `find_vessels`, `segment_disc` and `segment_exudates` are classical parts.
`shipped_models`, `load_network` and `predict` are the networks, `adapters` public models of others, `training` makes
new weights. `dice` and `agreement` say how well a drawing agrees with a person's, `evaluate` how well a segmenter does
on a set of eyes; the package `evaluation` has the rest of that.
"""

from retina_tools.segmentation.chain import STRUCTURES, segment
from retina_tools.segmentation.disc import DiscFinding, segment_disc
from retina_tools.segmentation.evaluation import evaluate
from retina_tools.segmentation.exudates import ExudateWeights, fit_exudate_weights, segment_exudates
from retina_tools.segmentation.fovea import FoveaFinding, find_fovea
from retina_tools.segmentation.frame import Circle, Frame, fit_fov_circle
from retina_tools.segmentation.metrics import agreement, area_under_curve, dice
from retina_tools.segmentation.networks.predict import Prediction, predict
from retina_tools.segmentation.networks.store import load_network, shipped_models
from retina_tools.segmentation.vessels import VesselFinding, VesselWeights, find_vessels, fit_vessel_weights

__all__ = [
    "STRUCTURES",
    "Circle",
    "DiscFinding",
    "ExudateWeights",
    "FoveaFinding",
    "Frame",
    "Prediction",
    "VesselFinding",
    "VesselWeights",
    "agreement",
    "area_under_curve",
    "dice",
    "evaluate",
    "find_fovea",
    "find_vessels",
    "fit_exudate_weights",
    "fit_fov_circle",
    "fit_vessel_weights",
    "load_network",
    "predict",
    "segment",
    "segment_disc",
    "segment_exudates",
    "shipped_models",
]
