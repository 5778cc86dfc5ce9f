"""Whether a photograph is good enough, and what is wrong with it where it is not.

`assess` judges an eye: a score, whether it is gradable, the reason in one sentence, and every feature with its units.
`features` lists the features with their definitions, `aspects` what the verdict is made of and its limits. `feature`
registers a new one: a plain function of a `Frame`, the photograph at normalised size.
"""

# Importing a module of features registers them.
from retina_tools.quality import (
    artefacts,
    colour,
    contrast,
    exposure,
    gradients,
    likeness,
    moments,
    wavelets,
)
from retina_tools.quality.aspects import GRADABLE_SCORE, aspects
from retina_tools.quality.assessment import assess
from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import FAMILIES, feature, features

__all__ = [
    "FAMILIES",
    "GRADABLE_SCORE",
    "Frame",
    "artefacts",
    "aspects",
    "assess",
    "colour",
    "contrast",
    "exposure",
    "feature",
    "features",
    "gradients",
    "likeness",
    "moments",
    "wavelets",
]
