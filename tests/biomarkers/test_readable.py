"""What a person reads: names in words with units, and every missing value said once."""

import itertools
import math

import pytest

from retina_tools import biomarkers, phantom, schema
from retina_tools.biomarkers.registry import REGISTER

COLUMNS = [
    (".".join([variable, *at]), unit)
    for entry in REGISTER.values()
    for variable, unit in entry.variables.items()
    for at in itertools.product(*entry.dims.values())
]


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(seed=4, size=384)


def test_every_column_has_a_name_of_its_own_in_words():
    labels = [biomarkers.label(column) for column, _ in COLUMNS]
    assert len(set(labels)) == len(labels)
    for text, (column, unit) in zip(labels, COLUMNS, strict=True):
        assert text != column
        assert "_" not in text
        assert "." not in text
        assert (text[-1] == ")") or not unit.suffix
        assert "(um)" not in text


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("calibre_equivalent_um.artery.zone_b", "CRAE, zone B (µm)"),
        ("calibre_equivalent_dd.vein.zone_c", "CRVE, zone C (DD)"),
        ("arteriole_venule_ratio.zone_b", "Arteriole-to-venule ratio (AVR), zone B"),
        ("disc_area_mm2", "Disc area (mm²)"),
        ("branching_angle_deg.artery.image", "Branching angle, arteries (°)"),
        ("bifurcation_density_per_mm2.all.zone_c", "Bifurcation density, all vessels, zone C (1/mm²)"),
        ("area_density.all.etdrs_inner_superior", "Vessel area density, all vessels, ETDRS inner superior"),
        ("rim_width_dd.clock_3", "Rim width, clock hour 3 (DD)"),
        ("lesion_count.cotton_wool_spot", "Lesions, cotton-wool spot"),
        ("calibre_equivalent_um_status.artery.zone_b", "Status of CRAE, zone B (µm)"),
        ("tortuosity_arc_chord_status.all.image", "Status of Tortuosity (arc over chord), all vessels"),
        ("calibre_equivalent_um", "Central retinal equivalent (CRAE, CRVE) (µm)"),
        ("true_arteriole_calibre_um", "True arteriole calibre (µm)"),
        ("um_per_pixel", "Scale (µm per pixel)"),
        ("HbA1c_percent", "HbA1c_percent"),
        ("marital_status", "marital_status"),
    ],
)
def test_columns_are_called_what_people_call_them(column, said):
    assert biomarkers.label(column) == said


def test_every_column_of_a_result_is_known(eye):
    table = biomarkers.to_table(biomarkers.measure(eye), status=True)
    labels = [biomarkers.label(column) for column in table]
    assert len(set(labels)) == len(labels)
    assert not [text for text in labels if "_" in text]


def test_without_a_scale_no_micrometres_are_listed_but_where_nothing_else_is(eye):
    unscaled = schema.with_parts(eye, um_per_pixel=math.nan, scale_source="unknown")
    # Few vessels: values missing for another reason than the scale.
    bare = schema.with_parts(unscaled, masks=dict.fromkeys(("artery", "vein"), eye["fov"].values & False))
    for one in (unscaled, bare):
        found = biomarkers.describe(biomarkers.measure(one))
        scaled = found[found["units"].isin(["µm", "mm²", "1/mm", "1/mm²"])]
        only = {name for name, entry in REGISTER.items() if set(entry.units) <= {"um", "mm2", "per_mm", "per_mm2"}}
        assert only == {"calibre_equivalent_hubbard"}
        assert set(scaled["variable"].str.partition(".")[0]) <= {"calibre_equivalent_hubbard_um"}
        assert scaled["value"].isna().all()
        assert not found.duplicated(["biomarker", "where"]).any()


def test_with_a_scale_every_unit_that_has_a_number_is_listed(eye):
    measured = biomarkers.measure(eye)
    found = biomarkers.describe(measured).set_index("variable")
    row = biomarkers.to_table(measured).iloc[0]
    for column in row.drop(["image_id", "patient_id", "laterality"]).dropna().index:
        assert found.loc[column, "value"] == row[column]
    assert not set(found["units"]) & {"um", "DD2", "mm2", "degree"}
