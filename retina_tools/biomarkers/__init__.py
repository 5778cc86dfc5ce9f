"""Biomarkers of an eye: numbers with units, a definition, a source, and a status where there is no number.

`measure` gives them as a Dataset, `to_table` as one row of a table, `catalogue` lists their definitions, `label` says
what a column is called, and `biomarker` registers a new one. `segments_table`, `bifurcations_table`, `crossings_table`,
`lesions_table`, `atrophy_table` and `rim_table` have the objects they are computed from. `clinical_rules` grades an eye
and shows the evidence, and `callipers` measure between points and masks with units and an error.
"""

# Importing a module of measures registers them.
from retina_tools.biomarkers import (
    callipers,
    choroid,
    clinical_rules,
    disc_shape,
    fractal,
    lesion_load,
    rim,
    temporal_arcade,
    vessel_branching,
    vessel_calibre,
    vessel_density,
    vessel_tortuosity,
)
from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.branch_tables import bifurcations_table, crossing_points, crossings_table
from retina_tools.biomarkers.catalogue_table import Catalogue, write_dictionary
from retina_tools.biomarkers.choroid import atrophy_table
from retina_tools.biomarkers.comparison import compare_definitions
from retina_tools.biomarkers.draws import draw_masks
from retina_tools.biomarkers.frame import Frame
from retina_tools.biomarkers.lesion_load import lesions_table
from retina_tools.biomarkers.readable import describe, label
from retina_tools.biomarkers.registry import Status, Unmeasurable, biomarker, catalogue
from retina_tools.biomarkers.results import measure, scale_from_disc, to_table
from retina_tools.biomarkers.rim import rim_profile, rim_table
from retina_tools.biomarkers.segments import segment_paths, segments_table
from retina_tools.biomarkers.simulated import SimulatedSegmenter
from retina_tools.biomarkers.traces import (
    bifurcation_arms,
    box_counts,
    calibre_points,
    region_fields,
    vessel_distances,
    zone_vessel_paths,
    zone_vessels_table,
)

__all__ = [
    "Anatomy",
    "Catalogue",
    "Frame",
    "SimulatedSegmenter",
    "Status",
    "Unmeasurable",
    "atrophy_table",
    "bifurcation_arms",
    "bifurcations_table",
    "biomarker",
    "box_counts",
    "calibre_points",
    "callipers",
    "catalogue",
    "choroid",
    "clinical_rules",
    "compare_definitions",
    "crossing_points",
    "crossings_table",
    "describe",
    "disc_shape",
    "draw_masks",
    "fractal",
    "label",
    "lesion_load",
    "lesions_table",
    "measure",
    "region_fields",
    "rim",
    "rim_profile",
    "rim_table",
    "scale_from_disc",
    "segment_paths",
    "segments_table",
    "temporal_arcade",
    "to_table",
    "vessel_branching",
    "vessel_calibre",
    "vessel_density",
    "vessel_distances",
    "vessel_tortuosity",
    "write_dictionary",
    "zone_vessel_paths",
    "zone_vessels_table",
]
