"""The catalogue's view as seen from Python: filters in traits, the entries they leave, errors in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retina_tools import biomarkers
from retina_tools.biomarkers.registry import NEEDS, REGISTER
from retina_tools.schema import EyeError
from widgets import view_catalogue

CATALOGUE = biomarkers.catalogue()


def test_everything_is_there_at_first() -> None:
    view = view_catalogue()
    assert view.table["name"].tolist() == CATALOGUE["name"].tolist()
    assert repr(view).startswith(f"Catalogue of biomarkers, {len(CATALOGUE)} of {len(CATALOGUE)};")


@pytest.mark.parametrize("name", CATALOGUE["name"])
def test_every_biomarker_is_found_by_its_name_and_its_label(name: str) -> None:
    entry = REGISTER[name]
    for query in (name, name.replace("_", " "), entry.label.upper(), f"  {entry.label}  "):
        assert name in view_catalogue(query).table["name"].tolist(), query


def test_all_words_have_to_occur_wherever_they_stand() -> None:
    found = view_catalogue("disc cup vertical automorph").table["name"].tolist()
    assert found == ["cup_disc_ratio_vertical"]
    assert view_catalogue("cup zebra").table.empty


def test_filters_leave_what_they_say() -> None:
    assert set(view_catalogue(structure="lesions").table["structure"]) == {"lesions"}
    in_degrees = view_catalogue(unit="degree").table["name"].tolist()
    assert in_degrees == [entry for entry in CATALOGUE["name"] if "deg" in REGISTER[entry].units]
    only_disc = view_catalogue(have=["disc"]).table["name"].tolist()
    assert only_disc == [name for name in CATALOGUE["name"] if set(REGISTER[name].needs) <= {"disc"}]
    assert "disc_ovality" in only_disc
    assert view_catalogue(have=[]).table.empty


def test_traits_go_both_ways_as_the_browser_sends_them() -> None:
    view = view_catalogue()
    view.set_state(
        json.loads(json.dumps({"have": ["cup", "disc"], "query": "area", "selected": "cup_disc_ratio_area"}))
    )
    assert view.have == ("disc", "cup")
    assert view.table["name"].tolist() == ["cup_disc_ratio_area"]
    assert len(json.dumps(view.get_state()["_entries"])) < 200_000


def test_some_rows_of_the_catalogue_are_enough() -> None:
    some = CATALOGUE[CATALOGUE["structure"] == "fovea"]
    view = view_catalogue(catalogue=some)
    assert len(view.table) == len(some)
    assert isinstance(view.table, biomarkers.Catalogue)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"structure": "hair"}, "structure is 'hair', wanted one of"),
        ({"unit": "furlong"}, "unit is 'furlong'"),
        ({"have": ["luck"]}, "have names luck"),
        ({"selected": "disc_colour"}, "selected is 'disc_colour'"),
        ({"height": 3}, "height is 3"),
        ({"catalogue": CATALOGUE[["name"]]}, r"biomarkers\.catalogue\(\)"),
        ({"catalogue": 5}, r"biomarkers\.catalogue\(\)"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(EyeError, match=said):
        view_catalogue(**options)


def test_the_switches_are_what_biomarkers_need() -> None:
    assert view_catalogue().have == NEEDS
