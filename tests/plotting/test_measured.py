"""Figures of what was measured show the numbers that were measured, where they were."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from retina_tools import biomarkers, phantom, plotting
from retina_tools.phantom import shapes
from retina_tools.plotting import describe
from retina_tools.schema import EyeError, get_mask, new_eye, term


@pytest.fixture(scope="module")
def eye():
    return phantom.eye(seed=7, size=640)


def named(figure, name):
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def curves(trace):
    """The (y, x) curves that a trace joins by gaps."""
    points = np.stack([trace.y, trace.x], axis=1).astype(float)
    cuts = np.flatnonzero(np.isnan(points[:, 0]))
    return [part[~np.isnan(part[:, 0])] for part in np.split(points, cuts) if (~np.isnan(part[:, 0])).any()]


def decoded(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.source.split(",")[1]))))


def every_figure(eye):
    counted = biomarkers.bifurcations_table(eye, "vein").query("counted")
    usable = biomarkers.crossings_table(eye).query("nicking_status == 'ok'")
    density = biomarkers.measure(eye, "area_density")["area_density"].sel(vessel="all")
    table = pd.DataFrame({"biomarker": ["a"], "measured": [1.0], "true": [2.0]})
    return {
        "zones": plotting.plot_zones(eye),
        "regions": plotting.plot_regions(eye, density),
        "calibre": plotting.plot_calibre(eye, 0, "vein"),
        "bifurcation": plotting.plot_bifurcation(eye, counted.index[0], "vein"),
        "crossing": plotting.plot_crossing(eye, usable.index[0]),
        "segments": plotting.plot_segments(eye),
        "boxes": plotting.plot_boxes(eye),
        "distances": plotting.plot_distances(eye),
        "ratios": plotting.plot_ratios(table),
    }


def test_every_figure_is_light_says_what_it_shows_and_offers_no_upload(eye):
    for name, figure in every_figure(eye).items():
        assert len(figure.to_json()) < 700_000, name
        assert len(describe(figure)) > 30, name
        assert "sendChartToCloud" in figure.layout.template.layout.modebar.remove, name
        assert all(picture.source.startswith("data:image/") for picture in figure.layout.images), name
        places = [(one.x, one.y, one.sizex, one.sizey, one.xref) for one in figure.layout.images]
        assert len(set(places)) == len(places), f"{name}: a browser draws only one of two pictures at one place"


def test_zones_show_the_circles_and_the_widths_that_are_combined():
    eye = shapes.radial_vessels()
    figure = plotting.plot_zones(eye)
    frame = biomarkers.Frame(eye)
    for reach in (2, 3, 5):
        (ring,) = curves(named(figure, f"{reach} disc radii"))
        np.testing.assert_allclose(np.hypot(*(ring - frame.centre_yx).T), reach * frame.radius_px, atol=0.01)
    table = biomarkers.zone_vessels_table(eye)
    for vessel in ("artery", "vein"):
        trace = named(figure, term(vessel).label)
        assert trace.line.color == term(vessel).colour
        assert len(curves(trace)) == 6
        own = table[(table["vessel"] == vessel) & table["combined"]]
        labels = [note.text for note in figure.layout.annotations if note.font.color == term(vessel).colour]
        assert sorted(labels) == sorted(f"{row['rank']}: {row['calibre_um']:.0f} µm" for _, row in own.iterrows())
    assert "6 arteries cross it" in describe(figure)


def test_zones_without_a_scale_speak_of_disc_diameters_and_too_few_vessels_have_no_label():
    eye = shapes.radial_vessels(artery_widths_um=(90.0, 80.0))
    bare = new_eye(masks={name: get_mask(eye, name) for name in ("artery", "vein", "optic_disc")})
    figure = plotting.plot_zones(bare)
    words = [note.text for note in figure.layout.annotations]
    assert sum(text.endswith(" DD") for text in words) == 6
    assert "2 arteries cross it, too few for an equivalent" in describe(figure)


def test_normals_end_at_the_walls_and_the_median_is_the_segments_calibre(eye):
    segments = biomarkers.segments_table(eye, "vein")
    number = int(segments["calibre_px"].idxmax())
    figure = plotting.plot_calibre(eye, number, "vein", reach_dd=1.5)
    mask = get_mask(eye, "vein")
    lines = curves(named(figure, "Width measured"))
    assert len(lines) > 5
    for one, other in lines:
        inward, outward = ((one + share * (other - one)).round().astype(int) for share in (0.15, -0.15))
        assert mask[tuple(inward)]
        assert not mask[tuple(outward)]
    assert named(figure, "Median").y[0] == pytest.approx(segments.loc[number, "calibre_um"])
    assert f"{segments.loc[number, 'calibre_um']:.0f} µm" in describe(figure)


def test_walls_are_where_a_straight_vessel_ends():
    y, x = np.mgrid[:120, :160]
    eye = new_eye(masks={"vein": (np.abs(y - 60) < 4) & (x > 10) & (x < 150)})
    figure = plotting.plot_calibre(eye, 0, "vein")
    wall = np.concatenate(curves(named(figure, "Vein, wall of the mask")))
    assert set(np.unique(wall[(wall[:, 1] > 70) & (wall[:, 1] < 90), 0])) == {56.5, 63.5}
    assert named(figure, "Median").y[0] == pytest.approx(7, abs=0.01)
    assert "7.0 px" in describe(figure)


def test_bifurcation_shows_its_own_angle_and_calibres(eye):
    table = biomarkers.bifurcations_table(eye, "artery").query("counted and exponent_status == 'ok'")
    row = table.loc[table["parent_calibre_px"].idxmax()]
    figure = plotting.plot_bifurcation(eye, int(row["bifurcation"]), "artery")
    one, two = curves(named(figure, "Chords of the angle"))
    np.testing.assert_allclose(one[0], two[0])
    a, b = one[1] - one[0], two[1] - two[0]
    angle = np.degrees(np.arccos(a @ b / np.hypot(*a) / np.hypot(*b)))
    assert angle == pytest.approx(row["angle_deg"], abs=0.2)
    words = [note.text for note in figure.layout.annotations]
    assert f"{row['angle_deg']:.0f}°" in words
    scale = eye.attrs["um_per_pixel"]
    for name, arm in (("d₀", "parent"), ("d₁", "daughter_1"), ("d₂", "daughter_2")):
        assert f"{name} = {row[f'{arm}_calibre_px'] * scale:.0f} µm" in words


def test_crossing_shows_the_two_widths_of_its_ratio(eye):
    table = biomarkers.crossings_table(eye).query("nicking_status == 'ok'")
    number = int(table["nicking_ratio"].idxmin())
    figure = plotting.plot_crossing(eye, number)
    beside, away = (named(figure, name).y[0] for name in ("Narrowest beside it", "Median farther away"))
    assert beside / away == pytest.approx(table.loc[number, "nicking_ratio"])
    alone = biomarkers.crossings_table(eye, "artery")
    if len(alone):
        with pytest.raises(EyeError, match="not one of an artery and a vein"):
            plotting.plot_crossing(eye, 0, "artery")


def test_segments_keep_their_colour_and_the_extremes_are_the_extremes(eye):
    figure = plotting.plot_segments(eye, "arc_chord", "vein")
    long = biomarkers.segments_table(eye, "vein").query("length_dd >= 0.25")
    coloured = [trace for trace in figure.data if trace.line.width == 3.5 and trace.xaxis == "x"]
    assert sum(len(curves(trace)) for trace in coloured) == long["arc_chord"].notna().sum()
    pulled = long[long["length_dd"] >= 0.5]["arc_chord"]
    words = [note.text for note in figure.layout.annotations]
    assert f"straightest: {pulled.min():.3f}" in words
    assert f"most tortuous: {pulled.max():.3f}" in words
    mean = np.average(long["arc_chord"], weights=long["length_dd"])
    assert f"weighted by length {mean:.3f}" in describe(figure)
    assert mean == pytest.approx(float(biomarkers.measure(eye).tortuosity_arc_chord.sel(vessel="vein", region="image")))


def test_boxes_drawn_cover_the_vessels_and_are_as_many_as_counted(eye):
    counts = biomarkers.box_counts(eye, "artery")
    for size in (-1, 4):
        figure = plotting.plot_boxes(eye, "artery", size)
        covered, vessels = (decoded(picture)[..., 3] > 0 for picture in figure.layout.images)
        assert (covered | ~vessels).all()
        side, down, right, boxes = (counts.iloc[size][name] for name in ("side_px", "offset_y", "offset_x", "boxes"))
        y, x = np.nonzero(covered)
        assert len(set(zip((y - down) // side, (x - right) // side, strict=True))) == boxes
        assert f"{boxes:.0f} cover the vessels" in describe(figure)
        (dots,) = [trace for trace in figure.data if trace.mode == "markers"]
        np.testing.assert_array_equal(dots.y, counts["boxes"])


def test_distances_are_dark_on_vessels_and_name_mean_and_maximum(eye):
    figure = plotting.plot_distances(eye, "vein")
    measured = biomarkers.measure(eye, ["sparsity_mean", "sparsity_max"]).sel(vessel="vein", region="image")
    assert f"mean {float(measured.sparsity_mean_dfd):.3f} DFD" in describe(figure)
    assert f"greatest {float(measured.sparsity_max_dfd):.3f} DFD" in describe(figure)
    picture = decoded(figure.layout.images[0]).astype(int)
    assert picture[get_mask(eye, "vein")].mean() < 60
    assert picture[~eye["fov"].values].mean() > 250


def test_fields_have_the_values_given_and_a_half_is_no_quadrant(eye):
    figure = plotting.plot_regions(eye, {"superior": 0.25, "inferior": 0.75, "image": 9.0}, label="Share", digits=2)
    words = [note.text for note in figure.layout.annotations]
    assert sorted(words) == ["0.25", "0.75", "Hemifields"]
    assert describe(figure) == "Share by field. Hemifields: superior 0.25, inferior 0.75."
    placed = {note.text: note.y for note in figure.layout.annotations}
    assert placed["0.25"] < placed["0.75"]
    with pytest.raises(EyeError, match="need a disc, a fovea"):
        plotting.plot_regions(new_eye(eye["image"].values), {"superior": 0.25})


def test_ratios_are_what_the_table_says_and_what_is_missing_is_counted():
    table = pd.DataFrame(
        {
            "biomarker": ["a", "a", "b", "c"],
            "measured": [2.0, 4.0, 3.0, np.nan],
            "true": [2.0, 2.0, 6.0, 1.0],
            "eye": ["one", "two", "one", "one"],
            "low": [1.0, 3.0, 2.0, 0.0],
            "high": [3.0, 5.0, 4.0, 0.0],
        }
    )
    figure = plotting.plot_ratios(table, colour="eye", low="low", high="high")
    one, two = (named(figure, name) for name in ("one", "two"))
    assert list(one.x) == [1.0, 0.5]
    assert list(two.x) == [2.0]
    assert one.marker.symbol != two.marker.symbol
    assert list(one.error_x.array) == [0.5, pytest.approx(1 / 6)]
    assert list(one.error_x.arrayminus) == [0.5, pytest.approx(1 / 6)]
    assert figure.layout.xaxis.type == "log"
    assert "1 rows have no ratio" in describe(figure)
    assert any("1 of 4 rows left out" in note.text for note in figure.layout.annotations)


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda eye: plotting.plot_zones(new_eye(eye["image"].values)), "no_disc"),
        (lambda eye: plotting.plot_calibre(eye, 100_000, "vein"), "segments_table has"),
        (lambda eye: plotting.plot_bifurcation(eye, 100_000, "vein"), "bifurcations_table has"),
        (lambda eye: plotting.plot_crossing(eye, 100_000), "crossings_table has"),
        (lambda eye: plotting.plot_segments(eye, "beauty"), "wanted one of arc_chord"),
        (lambda eye: plotting.plot_segments(eye, least_dd=99), "99 disc diameters long"),
        (lambda eye: plotting.plot_distances(new_eye(eye["image"].values)), "no_mask"),
        (lambda eye: plotting.plot_ratios(pd.DataFrame({"biomarker": []})), "no column 'measured'"),
    ],
)
def test_what_cannot_be_drawn_is_answered_in_words(eye, draw, said):
    with pytest.raises(EyeError, match=said):
        draw(eye)


def test_names_from_outside_are_shown_letter_by_letter():
    table = pd.DataFrame({"biomarker": ["<a href='x'>b</a>"], "measured": [1.0], "true": [1.0]})
    figure = plotting.plot_ratios(table, title="<b>t</b>")
    assert figure.layout.yaxis.ticktext == ("&lt;a href='x'&gt;b&lt;/a&gt;",)
    assert figure.layout.title.text == "&lt;b&gt;t&lt;/b&gt;"
