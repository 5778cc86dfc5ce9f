"""What holds for every figure: our look, no upload, no foreign HTML, a description; and that a browser draws it."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest

from retina_tools.plotting import OKABE_ITO, describe, plain, plot_cohort, plot_forest, plot_overlay
from retina_tools.schema import new_eye
from retina_tools.statistics import associate

EVIL = "<img src=x onerror=alert(1)><a href='http://evil'>P</a>%{x}</script>"


def make_figures(name):
    """One figure of each kind in which every text from outside is the name given."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    mask = {"artery": np.eye(40, dtype=bool), "optic_disc": np.eye(40, dtype=bool)[::-1]}
    eye = new_eye(image, mask, landmarks={"fovea": (20, 20)}, image_id=name, patient_id=name)
    ill = np.arange(60) % 2 == 0
    table = pd.DataFrame({"image_id": name, "ill": np.where(ill, name, "no"), name: rng.normal(size=60), "y": 1.0})
    table["y"] = rng.normal(size=60)
    rows = associate(table, "ill", [name, "y"], groups=False)
    back = associate(table, [name, "y"], "ill", groups=False)
    return {
        "overlay": plot_overlay(eye, outline="optic_disc"),
        "forest": plot_forest(rows, title=name),
        "differences": plot_forest(back.head(1), labels={"ill": name}),
        "cohort": plot_cohort(table, name, "y", "ill", title=name, margins=True, join_eyes=True, groups="ill"),
        "scaled": plot_cohort(table, "y", name, name, "ill", labels={name: name}),
    }


@pytest.fixture(scope="module")
def figures():
    return make_figures("plain name")


KINDS = ["overlay", "forest", "differences", "cohort", "scaled"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_our_look_and_cannot_be_uploaded(figures, kind):
    layout = figures[kind].layout
    assert "sendChartToCloud" in layout.template.layout.modebar.remove
    assert not layout.modebar.remove
    assert tuple(layout.template.layout.colorway) == OKABE_ITO
    assert layout.template.layout.font.size >= 14


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_says_in_words_what_it_shows(figures, kind):
    assert len(describe(figures[kind])) > 40


def texts(node, path=""):
    """Every text a figure holds, but for pictures and ids, which plotly does not read as HTML."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("source", "ids", "meta", "template"):
                yield from texts(value, f"{path}.{key}")
    elif isinstance(node, list | tuple | np.ndarray):
        for value in node:
            yield from texts(value, path)
    elif isinstance(node, str):
        yield path, node


@pytest.mark.parametrize("kind", KINDS)
def test_names_from_outside_are_shown_letter_by_letter(kind):
    figure = make_figures(EVIL)[kind]
    held = list(texts(figure.to_dict()))
    assert any("&lt;" in text for _, text in held)
    for path, text in held:
        assert "<img" not in text, path
        assert "<a" not in text, path
        if path.endswith("hovertemplate"):
            assert "alert" not in text
    page = figure.to_html(include_plotlyjs=False)
    assert EVIL not in page
    assert page.count("</script>") == figures_without_names(kind).to_html(include_plotlyjs=False).count("</script>")


def figures_without_names(kind):
    return make_figures("plain name")[kind]


def test_plain_text_is_what_was_given():
    assert plain("a < b & c > d") == "a &lt; b &amp; c &gt; d"


def test_describing_a_figure_from_elsewhere_is_empty():
    import plotly.graph_objects as go

    assert describe(go.Figure()) == ""
    assert describe(go.Figure(layout={"meta": "text"})) == ""


def test_plotlys_own_default_is_left_alone():
    assert "retina" in pio.templates
    code = "import retina_tools.plotting, plotly.io as pio; print(pio.templates.default)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "plotly"


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_draws_it_without_error_and_without_the_upload_button(figures, kind, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here")
    page = tmp_path / "figure.html"
    figures[kind].write_html(page, include_plotlyjs=True)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-logging=stderr",
    ]
    done = subprocess.run(
        [chromium, *flags, f"--user-data-dir={tmp_path}", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert 'data-title="Download plot as a PNG"' in done.stdout
    assert "Share" not in "".join(part.split('"')[0] for part in done.stdout.split('data-title="')[1:])
    assert "Uncaught" not in done.stderr
    assert done.stdout.count("<image ") == len(figures[kind].layout.images)
