"""The truth about disc, cup and lesions, from their outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from retina_tools.phantom.habits import LESIONS
from retina_tools.phantom.outlines import Outline
from retina_tools.phantom.placing import QUADRANTS, quadrant
from retina_tools.phantom.vessel_truth import NAN, Row

if TYPE_CHECKING:
    from retina_tools.phantom.geometry import Anatomy
    from retina_tools.phantom.visible import VisibleGraph

#: Lesions of diabetic retinopathy beyond microaneurysms, and those of its proliferative stage.
_MODERATE: Final = ("haemorrhage", "hard_exudate", "cotton_wool_spot", "venous_beading")
_PROLIFERATIVE: Final = ("neovascularisation", "fibrous_proliferation", "patchy_haemorrhage")
# The 4-2-1 rule: more than so many haemorrhages in each of four quadrants, or beading in two.
_MANY_HAEMORRHAGES: Final = 20


def disc_truth(geometry: Anatomy) -> dict[str, Any]:
    """True values of disc, cup, peripapillary atrophy and the fovea's place."""
    p, disc, cup = geometry.parameters, geometry.disc, geometry.cup
    (disc_height, disc_width), (cup_height, cup_width) = disc.extents_um, cup.extents_um
    return {
        "cup_disc_ratio_vertical": cup_height / disc_height,
        "cup_disc_ratio_horizontal": cup_width / disc_width,
        "cup_disc_ratio_area": cup.area_um2 / disc.area_um2,
        "disc_area_mm2": disc.area_um2 / 1e6,
        "cup_area_mm2": cup.area_um2 / 1e6,
        "disc_diameter_um": p.disc_diameter_um,
        "disc_fovea_distance_um": p.disc_fovea_distance_um,
        "disc_fovea_distance_dd": p.disc_fovea_distance_um / p.disc_diameter_um,
        "disc_fovea_angle_deg": p.disc_fovea_angle_deg,
        "arc_atrophy_area_mm2": _beyond(geometry.arc_atrophy, disc) / 1e6,
    }


def findings_row(geometry: Anatomy, graph: VisibleGraph) -> Row:
    """Disc, cup, fovea and lesions under the flat names of measured biomarkers.

    The disc-fovea angle is that of the fovea as seen from the disc, so that a fovea below the disc is negative.
    """
    p, regions = geometry.parameters, graph.regions
    truth = disc_truth(geometry)
    centre = regions.view.centre_um
    seen = np.hypot(*(geometry.disc_yx - centre)) + geometry.disc.radius_um.max() < regions.field_um
    row = {name: truth[name] for name in truth if name.startswith("cup_disc_ratio")}
    for name in ("disc", "cup"):
        row[f"{name}_area_mm2"] = truth[f"{name}_area_mm2"]
        row[f"{name}_area_dfd2"] = truth[f"{name}_area_mm2"] * 1e6 / p.disc_fovea_distance_um**2
    row["disc_ovality"] = p.disc_ovality
    row["disc_fovea_distance_um"] = p.disc_fovea_distance_um
    row["disc_fovea_distance_dd"] = truth["disc_fovea_distance_dd"]
    row["disc_fovea_angle_deg"] = -p.disc_fovea_angle_deg
    row = {name: value if seen else NAN for name, value in row.items()}
    for kind in p.lesions:
        found = [lesion for lesion in geometry.lesions if lesion.kind == kind]
        area_um2 = sum(lesion.area_um2 for lesion in found)
        row[f"lesion_count.{kind}"] = float(len(found))
        row[f"lesion_area_mm2.{kind}"] = area_um2 / 1e6
        row[f"lesion_area_dd2.{kind}"] = area_um2 / p.disc_diameter_um**2
        row[f"lesion_coverage.{kind}"] = area_um2 / regions.area_um2("image")
    return row


def _beyond(arc: Outline | None, disc: Outline) -> float:
    return 0.0 if arc is None else arc.area_um2 - disc.area_um2


def lesion_truth(geometry: Anatomy) -> dict[str, Any]:
    """Counts, areas, distances and quadrants of all kinds of lesions, and the grades that follow."""
    of = {kind: [lesion for lesion in geometry.lesions if lesion.kind == kind] for kind in LESIONS}
    count = {kind: len(found) for kind, found in of.items()}
    quadrants = {
        kind: {at: sum(quadrant(lesion.centre_um) == at for lesion in of[kind]) for at in QUADRANTS} for kind in LESIONS
    }
    distances = {kind: [float(np.hypot(*lesion.centre_um)) for lesion in found] for kind, found in of.items()}
    return {
        "lesion_count": count,
        "lesion_area_mm2": {kind: sum(lesion.area_um2 for lesion in found) / 1e6 for kind, found in of.items()},
        "lesion_quadrants": {kind: quadrants[kind] for kind in LESIONS if count[kind]},
        "lesion_fovea_distance_um": {
            kind: {"min": min(found), "median": float(np.median(found))} for kind, found in distances.items() if found
        },
        "dr_severity": dr_severity(count, quadrants),
    }


def dr_severity(count: dict[str, int], quadrants: dict[str, dict[str, int]]) -> int:
    """International clinical grade of diabetic retinopathy, 0 to 4 (Wilkinson et al. 2003).

    0 nothing of it, 1 microaneurysms only, 2 more, 3 more than 20 haemorrhages in each quadrant or venous beading in
    two, 4 new vessels, fibrous proliferation or preretinal haemorrhage.

    Examples
    --------
    >>> dr_severity({"microaneurysm": 4}, {}), dr_severity({"microaneurysm": 4, "haemorrhage": 1}, {})
    (1, 2)
    """
    if any(count.get(kind, 0) for kind in _PROLIFERATIVE):
        return 4
    bleeding = quadrants.get("haemorrhage", {})
    beaded = sum(number > 0 for number in quadrants.get("venous_beading", {}).values())
    if beaded >= 2 or (len(bleeding) == 4 and min(bleeding.values()) > _MANY_HAEMORRHAGES):
        return 3
    if any(count.get(kind, 0) for kind in _MODERATE):
        return 2
    return 1 if count.get("microaneurysm", 0) else 0
