"""An open laboratory for retinal images: from photographs of the eye to biomarkers and their relation to disease."""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "biomarkers",
        "cohort",
        "completion",
        "datasets",
        "io",
        "phantom",
        "plotting",
        "quality",
        "schema",
        "segmentation",
        "statistics",
    ],
)
