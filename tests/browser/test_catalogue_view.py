"""The catalogue on a plain page: searched by hand and by keyboard, safe for any text, in agreement with Python."""

from __future__ import annotations

from typing import Any

import pytest

from retina_tools import biomarkers
from widgets import view_catalogue

CATALOGUE = biomarkers.catalogue()


def shown(page: Any) -> list[str]:
    return page.locator(".rtc-title").evaluate_all("titles => titles.map(title => title.dataset.name)")


def trait(page: Any, name: str) -> Any:
    return page.evaluate("name => model.get(name)", name)


@pytest.fixture
def page(open_widget: Any) -> Any:
    return open_widget(view_catalogue())


def test_all_entries_are_listed_by_structure(page: Any) -> None:
    assert shown(page) == CATALOGUE["name"].tolist()
    parts = page.locator(".rtc-part").all_text_contents()
    counts = CATALOGUE.groupby("structure", sort=False).size()
    assert parts == [f"{structure} ({count})" for structure, count in counts.items()]
    assert page.get_by_role("status").text_content() == f"{len(CATALOGUE)} of {len(CATALOGUE)} biomarkers"


@pytest.mark.parametrize(
    "query", ["cup", "Disc RATIO", "automorph  hubbard", "etdrs", "lesion_count", "1969;82", "zebra"]
)
def test_typing_finds_what_python_finds(page: Any, query: str) -> None:
    page.get_by_role("searchbox", name="Search the catalogue").fill(query)
    known = view_catalogue(query).table["name"].tolist()
    assert shown(page) == known
    assert page.get_by_role("status").text_content() == f"{len(known)} of {len(CATALOGUE)} biomarkers"
    assert page.locator("mark").count() > 0 or not known or "_" in query or ";" in query
    if not known:
        assert "Nothing fits" in page.locator(".rtc-list").inner_text()


def test_filters_and_switches_find_what_python_finds(page: Any) -> None:
    page.get_by_role("combobox", name="Structure").select_option("optic cup and rim")
    assert shown(page) == view_catalogue(structure="optic cup and rim").table["name"].tolist()
    page.get_by_role("combobox", name="Unit").select_option("DD")
    assert shown(page) == view_catalogue(structure="optic cup and rim", unit="DD").table["name"].tolist()
    page.get_by_role("combobox", name="Unit").select_option("")
    for need in ("fovea", "laterality", "scale"):
        button = page.get_by_role("button", name=need, exact=True)
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
    have = ["vessels", "disc", "cup", "lesions", "tessellation", "atrophy"]
    assert trait(page, "have") == have
    assert shown(page) == view_catalogue(structure="optic cup and rim", have=have).table["name"].tolist()


def test_an_entry_opens_with_everything_that_is_known_of_it(page: Any) -> None:
    entry = CATALOGUE.set_index("name").loc["rim_width"]
    title = page.locator("[data-name=rim_width]")
    title.click()
    assert title.get_attribute("aria-expanded") == "true"
    said = page.get_by_role("region", name=entry["label"]).inner_text()
    for part in ("definition", "variables", "units", "needs", "source", "interval"):
        assert " ".join(entry[part].split()) in " ".join(said.split()), part
    assert 'measure(eye, "rim_width")' in said
    assert trait(page, "selected") == "rim_width"
    title.click()
    assert page.locator(".rtc-detail").count() == 0


def test_the_keyboard_alone_is_enough(page: Any) -> None:
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Search the catalogue"
    page.keyboard.type("rim")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = shown(page)[1]
    assert page.evaluate("() => document.activeElement.dataset.name") == second
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert page.get_by_role("region", name=CATALOGUE.set_index("name").loc[second, "label"]).is_visible()
    assert page.evaluate("() => document.activeElement.dataset.name") == second  # focus stays
    page.keyboard.press("End")
    assert page.evaluate("() => document.activeElement.dataset.name") == shown(page)[-1]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.type") == "search"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("/")
    assert page.evaluate("() => document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    assert trait(page, "query") == ""
    assert len(shown(page)) == len(CATALOGUE)


def test_keys_stay_in_the_widget_but_shortcuts_pass(page: Any) -> None:
    page.evaluate("() => { window.heard = []; document.addEventListener('keydown', e => heard.push(e.key)) }")
    page.locator(".rtc-title").first.focus()
    for key in ("x", "ArrowDown", "Escape", "a"):
        page.keyboard.press(key)
    assert page.evaluate("heard") == []
    page.keyboard.press("Control+s")
    assert page.evaluate("heard.at(-1)") == "s"


def test_every_control_has_a_name(page: Any) -> None:
    nameless = """() => [...document.querySelectorAll('.rtc :is(button, input, select)')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim())).length"""
    assert page.evaluate(nameless) == 0
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    ids = page.locator(".rtc [id]").evaluate_all("all => all.map(one => one.id)")
    assert len(set(ids)) == len(ids) == len(CATALOGUE)


def test_the_kernel_changes_the_view_and_hears_of_it(page: Any) -> None:
    page.evaluate("() => { model.set('query', 'fovea'); model.set('structure', 'fovea') }")
    assert page.get_by_role("searchbox").input_value() == "fovea"
    assert page.get_by_role("combobox", name="Structure").input_value() == "fovea"
    assert shown(page) == view_catalogue("fovea", structure="fovea").table["name"].tolist()
    page.get_by_role("searchbox").fill("angle")
    page.wait_for_function("() => sent.at(-1)?.query === 'angle'")


@pytest.mark.parametrize("hostile", ["<img src=x onerror=window.ran=1>", "</script><script>window.ran=1</script>"])
def test_words_of_the_catalogue_are_text(open_widget: Any, hostile: str) -> None:
    table = CATALOGUE.head(2).assign(
        label=hostile, definition=hostile, source=hostile, structure=hostile, units=hostile
    )
    page = open_widget(view_catalogue(hostile.split()[0], catalogue=table, selected=table["name"].iloc[0]))
    assert hostile in page.locator(".rtc-detail").inner_text()
    assert hostile in page.locator(".rtc-label").first.inner_text()
    assert page.locator("#host img, #host script").count() == 0
    assert page.evaluate("window.ran") is None


def test_nothing_stays_behind_and_a_narrow_page_is_wide_enough(open_widget: Any) -> None:
    page = open_widget(view_catalogue(selected="rim_width"), viewport={"width": 480, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 480
    page.evaluate("unmount()")
    assert page.locator(".rtc").count() == 0
    assert page.evaluate("listeners()") == 0
