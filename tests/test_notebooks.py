"""Notebooks are committed clean, small and readable; running them is nbval's work."""

import ast
import json
import re
import subprocess
from pathlib import Path

import plotly.graph_objects as go
import plotly.io as pio
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_the_quickstart_is_there():
    assert "00_quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_carries_no_outputs_and_no_widget_state(path):
    notebook = json.loads(path.read_text())
    assert "widgets" not in notebook["metadata"]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short_and_the_first_says_what_to_expect(path):
    notebook = json.loads(path.read_text())
    first = "".join(notebook["cells"][0]["source"])
    assert "minute" in first
    assert "GB" in first or "MB" in first
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert len("".join(cell["source"]).splitlines()) <= 15


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_class_or_function_belongs_in_the_package(path):
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    assert node.end_lineno - node.lineno < 10, node.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_numbers_are_computed_not_typed(path):
    for cell in json.loads(path.read_text())["cells"][1:]:
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            for harmless in (r"`[^`]*`", r"\]\([^)]*\)", r"(?m)^#+ \d+\."):
                text = re.sub(harmless, "", text)
            assert re.findall(r"[^\n]*\d[^\n]*", text) == []


def test_the_page_of_the_demo_fetches_nothing(tmp_path):
    """Plotly puts a script from elsewhere beside every figure; the recipe of ``make demo`` takes it out."""
    page = tmp_path / "quickstart.html"
    figure = pio.renderers["notebook"].to_mimebundle(go.Figure().to_dict())["text/html"]
    page.write_text(f"<p>before</p>{figure}<p>after</p>")
    assert re.search(r'src="https?:', page.read_text()), "plotly has stopped it; so may the Makefile"
    (recipe,) = re.findall(r"(?m)^\t@(sed .*)$", (ROOT / "Makefile").read_text())
    subprocess.run(["sh", "-c", recipe.replace("$(OUT)", str(tmp_path))], check=True)
    assert not re.search(r'src="https?:', page.read_text())
    assert page.read_text().startswith("<p>before</p>")
    assert page.read_text().endswith("<p>after</p>")
    assert "Plotly.newPlot" in page.read_text()
    assert list(tmp_path.iterdir()) == [page]
