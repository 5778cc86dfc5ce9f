"""The command line's evaluation: from drawings in a folder to tables and a page."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retina_tools import cli, phantom, plotting, schema
from retina_tools.segmentation.evaluation import examine, robustness


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two photographs with drawings of vessel and disc."""
    photographs, drawings = (tmp_path_factory.mktemp(name) for name in ("photographs", "drawings"))
    for seed in (1, 2):
        eye = phantom.eye(seed=seed, size=192)
        Image.fromarray(eye.image.values).save(photographs / f"P{seed}_OD.png")
        for name in ("vessel", "optic_disc"):
            mask = schema.get_mask(eye, name)
            Image.fromarray((255 * mask).astype(np.uint8)).save(drawings / f"P{seed}_OD_{name}.png")
    return photographs, drawings


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    photographs, drawings = folders
    asked = ["--structures", "vessel", "optic_disc", "--measures", "dice", "ap", "cldice"]
    files = ["--out", str(out / "found.csv"), "--report", str(out / "found.html")]
    code = cli.main(["evaluate", str(photographs), "--masks", str(drawings), *asked, *files, "--quiet"])
    return code, out


def test_every_eye_and_measure_is_a_row(run):
    code, out = run
    table = pd.read_csv(out / "found.csv", keep_default_na=True)
    assert code == 0
    assert len(table) == 2 * (3 + 2)
    vessels = table[(table.structure == "vessel") & (table.measure == "dice")]
    assert vessels.image_id.tolist() == ["P1_OD", "P2_OD"]
    assert (vessels.value > 0.5).all()


def test_summary_and_pooled_lie_beside_it(run):
    out = run[1]
    summary = pd.read_csv(out / "found.summary.csv").set_index(["structure", "measure"])
    assert summary.n["vessel", "dice"] == 2
    assert summary.why["optic_disc", "ap"] == "2 x the segmenter gives no probability of this"
    assert (pd.read_csv(out / "found.pooled.csv").structure == "vessel").all()


def test_the_page_needs_no_network_and_says_what_it_shows(run):
    page = (run[1] / "found.html").read_text()
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="http', page)
    assert page.count("<figure>") == 4  # Dice, clDice, precision and recall, calibration
    assert "Dice of 2 eyes. " in page
    assert "Harmonic mean of the share of drawn centreline" in page


def test_names_in_the_page_are_text(tmp_path):
    eye = schema.with_parts(phantom.eye(seed=1, size=128), image_id="<img src=x>", patient_id="p")

    def draw(given):
        return schema.with_parts(given, masks={"vessel": schema.get_mask(eye, "vessel")})

    made = examine([eye], draw, ["vessel"], measures=["dice"], name="<script>", dataset="set")
    damaged = robustness([eye], draw, lambda one, kind, severity: one, ["<b>"], [1])
    page = plotting.evaluation_report(made, robustness=damaged)
    body = page[page.index("<body>") :]
    assert "&lt;img src=x&gt;" in body
    assert "<h1>&lt;script&gt; on" in body
    assert "<td>&lt;b&gt;</td>" in body
    assert "<img" not in body


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hrff"], "did you mean 'hrf'"),
        (["{photographs}"], "give the drawings of people with --masks"),
        (["{photographs}", "--masks", "{drawings}", "--first", "0"], "wanted 1 or more"),
        (["{photographs}", "--masks", "{drawings}", "--structures", "vesel"], "cannot be evaluated"),
        (["{photographs}", "--masks", "{drawings}", "--report", "page.pdf"], "should end in .html"),
    ],
)
def test_mistakes_are_said_in_one_sentence(folders, arguments, said, capsys):
    places = dict(zip(("photographs", "drawings"), map(str, folders), strict=True))
    assert cli.main(["evaluate", *(one.format(**places) for one in arguments), "--quiet"]) == 2
    assert said in capsys.readouterr().err
