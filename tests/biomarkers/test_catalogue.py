"""Every biomarker says what it is, in what units, from where, and is held to a truth or a law by a test named here."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers.registry import DIMENSIONS, REGISTER, STRUCTURES, UNITS
from retina_tools.schema import EyeError

CATALOGUE = biomarkers.catalogue()

#: Where each biomarker is compared with a value known otherwise: a synthetic eye, a closed form, or a published table.
TRUTHS = {
    "test_rim.py": {
        "test_ratios_and_areas_are_those_of_the_outlines": (
            "cup_disc_ratio_vertical cup_disc_ratio_horizontal cup_disc_ratio_area disc_area cup_area rim_area"
        ),
        "test_the_ratio_of_refuge_is_that_of_the_longest_columns": "cup_disc_ratio_vertical_refuge",
        "test_rim_widths_are_those_of_the_outlines": "rim_width rim_disc_ratio_min",
        "test_rules_follow_from_the_true_widths": "isnt_rule ist_rule",
        "test_shape_and_tilt_of_the_disc": "disc_ovality disc_tilt",
        "test_where_the_fovea_is": "disc_fovea_distance disc_fovea_angle fovea_offset_temporal fovea_offset_superior",
        "test_stages_of_disc_damage_are_those_of_the_published_table": "disc_damage_stage",
        "test_extent_of_a_rim_that_is_gone": "rim_absence_extent",
    },
    "test_lesions.py": {
        "test_counts_are_exact": "lesion_count lesion_count_quadrant",
        "test_areas_are_those_of_the_outlines": "lesion_area lesion_coverage lesion_mean_area",
        "test_sizes_and_distances_are_within_a_pixel": (
            "lesion_mean_diameter lesion_fovea_distance_min lesion_fovea_distance_median"
        ),
        "test_sizes_by_their_published_limits": "lesion_count_size",
        "test_quadrants_and_fields_are_those_of_the_eye": "lesion_count_field",
        "test_ellipses_have_their_perimeter_circularity_and_axes": "lesion_circularity lesion_aspect_ratio",
        "test_visible_fractions_are_those_of_the_regions": "visible_fraction",
    },
    "test_choroid.py": {
        "test_peripapillary_atrophy_is_that_of_the_outlines": "peripapillary_atrophy_area peripapillary_atrophy_extent",
        "test_patches_of_atrophy_are_counted_and_weighed": "atrophy_count atrophy_area atrophy_coverage",
        "test_overlapping_atrophy_covers_once": "myopic_coverage",
        "test_streaks_of_known_shape_and_place": (
            "tessellation_coverage tessellation_circularity tessellation_aspect_ratio tessellation_centroid_dispersion"
        ),
    },
    "test_clinical_rules.py": {
        "test_retinopathy_is_what_the_caption_says": "retinopathy_severity",
        "test_macular_degeneration_is_what_the_caption_says": "macular_degeneration_severity",
        "test_myopia_is_what_the_caption_says": "myopic_maculopathy",
        "test_glaucoma_is_what_the_caption_says": "glaucoma_suspicion",
        "test_oedema_follows_the_nearest_exudate": "macular_oedema_risk",
    },
    "test_phantom_truth.py": {
        "test_six_eyes_measure_as_they_are": (
            "calibre_equivalent area_density length_density tortuosity_arc_chord fractal_dimension_box"
        ),
        "test_fifty_eyes_measure_as_they_are": (
            "calibre_mean calibre_sd fractal_dimension_information fractal_dimension_correlation tortuosity_curvature "
            "tortuosity_squared_curvature inflection_density sparsity_mean sparsity_max temporal_arcade_angle "
        ),
    },
    "test_known_truths.py": {
        "test_ratio_of_radial_eye": "arteriole_venule_ratio calibre_equivalent_hubbard",
    },
    "test_branching.py": {
        "test_tree_has_its_bifurcations_tips_and_orders": (
            "bifurcation_count bifurcation_density tip_count length_diameter_ratio"
        ),
        "test_fork_has_its_angle_calibres_and_exponent": (
            "branching_angle branching_asymmetry branching_coefficient junctional_exponent_deviation"
        ),
    },
    "test_fractals.py": {
        "test_line_has_dimension_one": (
            "fractal_dimension_box_r2 fractal_dimension_information_r2 fractal_dimension_correlation_r2"
        ),
        "test_spectrum_of_uniform_figures_is_narrower_than_of_a_mixture": "singularity_length",
        "test_lacunarity_of_full_and_of_scattered_masks": "lacunarity",
    },
    "test_invariance.py": {"test_mirrored_phantoms_are_alike": "tortuosity_density"},
}


def test_every_biomarker_has_a_test_that_holds_its_truth():
    held = [name for tests in TRUTHS.values() for names in tests.values() for name in names.split()]
    assert sorted(held) == sorted(set(held)), "named twice"
    assert set(REGISTER) - set(held) == set(), "no truth or law: name the test that holds it"
    assert set(held) - set(REGISTER) == set(), "no such biomarker"


@pytest.mark.parametrize("file", TRUTHS)
def test_the_tests_named_are_there(file):
    tree = ast.parse(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    written = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(TRUTHS[file]) <= written


def test_the_catalogue_is_complete_and_sorted_by_structure():
    assert len(CATALOGUE) >= 60
    assert CATALOGUE["name"].is_unique
    assert set(CATALOGUE["structure"]) <= set(STRUCTURES)
    for structure in ("vessels", "optic disc", "optic cup and rim", "fovea", "choroid and atrophy", "lesions"):
        assert (CATALOGUE["structure"] == structure).sum() >= 2, structure


@pytest.mark.parametrize("name", CATALOGUE["name"])
def test_every_entry_says_what_it_is(name):
    entry = CATALOGUE.set_index("name").loc[name]
    for part in ("label", "definition", "units", "source", "variables", "structure"):
        assert entry[part].strip(), part
    assert len(entry["definition"]) > 30
    assert entry["definition"].rstrip().endswith(".")
    assert set(entry["units"].split(", ")) <= {unit.units for unit in UNITS.values()}
    # A source is a paper with its year, or says that the definition is our own.
    assert any(character.isdigit() for character in entry["source"]) or "own definition" in entry["source"].lower()


def test_names_end_in_their_units():
    for entry in REGISTER.values():
        for variable, unit in entry.variables.items():
            assert variable == (f"{entry.name}_{unit.suffix}" if unit.suffix else entry.name)
        assert set(entry.dims) <= set(DIMENSIONS)


def test_labels_tell_biomarkers_apart():
    assert CATALOGUE["label"].is_unique


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"definition": " "}, "no definition"),
        ({"source": ""}, "no source"),
        ({"units": ()}, "has units"),
        ({"units": ("furlong",)}, "has units"),
        ({"needs": ("luck",)}, "needs"),
        ({"structure": "hair"}, "has structure"),
        ({"dims": ("colour",)}, "has dim"),
    ],
)
def test_an_entry_without_its_parts_is_refused(missing, said):
    parts = {"quantity": "ratio", "label": "Test", "definition": "A test.", "source": "Here"} | missing
    with pytest.raises(EyeError, match=said):
        biomarkers.biomarker("never_registered", **parts)(lambda anatomy: 1.0)
    assert "never_registered" not in REGISTER


def test_peers_are_tools_with_the_name_they_use():
    tools = {"AutoMorph", "AutoMorphalyzer", "FVT", "PVBM", "REFUGE", "VascX", "retina-phenotypes"}
    named = [peer for entry in REGISTER.values() for peer in entry.peers]
    assert {peer.partition(": ")[0] for peer in named} == tools
    assert all(peer.partition(": ")[2] for peer in named)


class Cells(HTMLParser):
    """The text of every row of a table, and whether tags are closed in their order."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        if tag != "col":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.rows:
            self.rows[-1] += data


def read_rows(table):
    parser = Cells()
    parser.feed(table._repr_html_())
    assert parser.open == []
    return parser.rows


def test_a_notebook_shows_every_entry_whole():
    rows = read_rows(CATALOGUE)
    assert len(rows) == 1 + len(set(CATALOGUE["structure"])) + len(CATALOGUE)
    text = "\n".join(rows)
    for part in ("label", "name", "definition", "source", "units", "peers"):
        assert all(words in text for words in CATALOGUE[part]), part


def test_a_selection_is_shown_alike_and_other_columns_as_a_plain_table():
    some = CATALOGUE[CATALOGUE["structure"] == "fovea"]
    assert [row.split("disc")[0] for row in read_rows(some)][1] == "Fovea (4)"
    assert "rt-catalogue" not in CATALOGUE[["name", "units"]]._repr_html_()
    assert "rt-catalogue" not in CATALOGUE.set_index("name")._repr_html_()


def test_words_of_the_catalogue_are_never_markup():
    hostile = CATALOGUE.head(1).assign(label="<script>alert(1)</script>", source="<b>", structure="<i>")
    page = hostile._repr_html_()
    assert not re.search("<script|<b>|<i>", page)
    assert "&lt;script&gt;" in page


def test_the_dictionary_beside_results_is_the_catalogue(tmp_path):
    path = biomarkers.write_dictionary(tmp_path / "study.2024.parquet")
    assert path == tmp_path / "study.2024.dictionary.csv"
    pd.testing.assert_frame_equal(pd.read_csv(path, keep_default_na=False), pd.DataFrame(CATALOGUE))
