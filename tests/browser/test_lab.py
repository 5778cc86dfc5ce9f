"""The viewer in a real JupyterLab: kernel to browser, browser to kernel, and back after a reload."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

SHOW = """from retina_tools import phantom
from widgets import view_eye
view = view_eye(phantom.eye(seed=3, size=512))
view"""
QUICKSTART = Path(__file__).parents[2] / "notebooks/00_quickstart.ipynb"
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"
TELL = "print(round(view.zoom, 3), view.visible[0], view.points)"
CHANGE = "view.zoom, view.photograph = 8, 'red_free'"


@pytest.fixture
def page(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def test_hands_and_kernel_share_one_view_that_survives_a_reload(lab: Any, page: Any) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    lab.write_notebook("eye.ipynb", SHOW, TELL, CHANGE)
    lab.open(page, "eye.ipynb")
    lab.run_cell(page, 0)
    stage = page.locator(".rtv-stage[aria-busy=false]")
    stage.wait_for(timeout=60_000)

    stage.focus()
    for key in ("+", "+", "m", "x", "1"):  # x would cut the cell if it reached the notebook
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == 3
    expect(page.locator(".rtv-percent")).to_have_text("196 %")
    page.wait_for_function(  # the line of code comes back from the kernel, which has then heard everything
        "() => document.querySelector('.rtv-code').value.includes('points=')"
    )
    said = lab.run_cell(page, 1)
    expect(said).to_contain_text("1.96 vein ((")

    lab.run_cell(page, 2)
    expect(page.locator(".rtv-percent")).to_have_text("800 %")
    expect(page.get_by_role("button", name="Red-free photograph")).to_have_attribute("aria-pressed", "true")

    lab.save(page)
    page.reload()
    lab.wait_for_kernel(page)
    page.locator(".rtv-stage[aria-busy=false]").wait_for(timeout=60_000)
    expect(page.locator(".rtv-percent")).to_have_text("800 %")
    assert not page.get_by_role("checkbox", name="Artery").is_checked()
    assert errors == []
    saved = json.loads((lab.folder / "eye.ipynb").read_text())
    assert len(json.dumps(saved)) < 20_000


@pytest.mark.slow
def test_the_quickstart_runs_from_top_to_bottom(lab: Any, page: Any) -> None:
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("request", lambda one: None if "127.0.0.1" in one.url or ":" in one.url[:5] else trouble.append(one.url))
    shutil.copy(QUICKSTART, lab.folder)
    lab.open(page, QUICKSTART.name)
    page.evaluate(RUN_ALL)
    said = page.locator(".jp-OutputArea-output", has_text="This notebook took")
    expect(said).to_be_visible(timeout=300_000)
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator(".js-plotly-plot").count() == 5
    page.locator(".rtv-stage").scroll_into_view_if_needed()
    expect(page.locator(".rtv-stage")).to_have_attribute("aria-busy", "false")
    assert page.get_by_role("checkbox", name="Artery").is_checked()
    assert trouble == []
    assert (lab.folder / "out/associations.csv").is_file()
