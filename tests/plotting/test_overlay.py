"""The eye as it is shown: the right pixels in the right colours, light, and named."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from retina_tools.plotting import describe, plot_overlay, structure_table
from retina_tools.schema import EyeError, new_eye, term


@pytest.fixture
def eye():
    """Disc with a cup inside and two crossing vessels that also cross the disc."""
    rows, columns = np.mgrid[:120, :160]
    disc = (rows - 60) ** 2 + (columns - 110) ** 2 < 20**2
    cup = (rows - 60) ** 2 + (columns - 110) ** 2 < 8**2
    artery, vein = np.abs(rows - 60) < 3, np.abs(columns - 40) < 3
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    masks = {"optic_disc": disc, "optic_cup": cup, "artery": artery, "vein": vein}
    return new_eye(
        image,
        masks,
        landmarks={"optic_disc": (60, 110)},
        laterality="OD",
        um_per_pixel=40,
        image_id="A",
        patient_id="1",
    )


def decoded(picture):
    head, data = picture.source.split(",")
    return head, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_pixels_of_a_mask_have_its_colour_and_the_rest_is_clear(eye):
    head, pixels = decoded(plot_overlay(eye, ["artery"], opacity=0.4).layout.images[1])
    mask = eye["mask"].sel(structure="artery").values
    assert head == "data:image/png;base64"
    assert (pixels[mask] == (*term("artery").rgb, 102)).all()
    assert (pixels[~mask] == 0).all()


def test_fine_structures_lie_over_large_ones(eye):
    _, pixels = decoded(plot_overlay(eye).layout.images[1])

    def colour(y, x):
        return tuple(pixels[y, x, :3])

    assert colour(60, 110) == term("artery").rgb  # over the cup
    assert colour(54, 110) == term("optic_cup").rgb  # over the disc
    assert colour(45, 110) == term("optic_disc").rgb
    assert colour(60, 40) == term("artery").rgb  # at the crossing
    assert colour(20, 40) == term("vein").rgb


def test_outlines_are_opaque_rims_inside_the_mask(eye):
    figure = plot_overlay(eye, ["optic_disc", "artery"], outline="optic_disc")
    areas, rims = (decoded(picture)[1] for picture in figure.layout.images[1:])
    disc = eye["mask"].sel(structure="optic_disc").values
    assert set(np.unique(rims[..., 3])) == {0, 255}
    assert (rims[disc == 0] == 0).all()
    assert rims[60, 110, 3] == 0
    assert rims[60, 91, 3] == 255
    assert (areas[45, 110] == 0).all()


def test_overlapping_pictures_differ_in_place_or_the_browser_draws_only_one(eye):
    figure = plot_overlay(eye, outline="optic_disc")
    places = {(one.x, one.y, one.sizex, one.sizey) for one in figure.layout.images}
    assert len(figure.layout.images) == len(places) == 3
    assert all(abs(width - 160) < 1e-3 for _, _, width, _ in places)


def test_the_photograph_is_shown_in_its_place_and_nearly_as_it_is(eye):
    smooth = np.repeat(np.linspace(20, 220, 160).astype(np.uint8)[None, :, None], 120, axis=0).repeat(3, axis=2)
    figure = plot_overlay(new_eye(smooth), [])
    (picture,) = figure.layout.images
    head, pixels = decoded(picture)
    assert head == "data:image/jpeg;base64"
    assert np.abs(pixels.astype(int) - smooth).max() <= 6
    assert (picture.x, picture.y, picture.sizex, picture.sizey) == (-0.5, -0.5, 160, 120)
    assert tuple(figure.layout.xaxis.range) == (-0.5, 159.5)
    assert tuple(figure.layout.yaxis.range) == (119.5, -0.5)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert decoded(plot_overlay(new_eye(smooth), [], image_format="webp").layout.images[0])[0].startswith(
        "data:image/webp"
    )


def test_a_large_photograph_stays_under_a_megabyte():
    # As rough as a retina: noise of a few grey levels on a slow background, and a fifth of it covered by masks.
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:2000, :2000]
    background = 120 + 60 * np.sin(rows / 300) * np.cos(columns / 250)
    image = (background[..., None] + rng.normal(0, 2, (2000, 2000, 1)) + [40, 0, -40]).clip(0, 255).astype(np.uint8)
    vessels = {"artery": np.sin(rows / 40 + np.sin(columns / 90)) > 0.95, "vein": np.sin(columns / 50) > 0.95}
    assert len(plot_overlay(new_eye(image, vessels)).to_json()) < 1_000_000


def test_larger_eyes_are_shrunk_but_axes_stay_in_their_pixels(eye):
    figure = plot_overlay(eye, max_size=80)
    _, pixels = decoded(figure.layout.images[1])
    assert pixels.shape == (60, 80, 4)
    assert figure.layout.images[1].sizex == pytest.approx(160, abs=1e-3)
    assert tuple(pixels[30, 10]) == (*term("artery").rgb, 128)


def test_legend_names_what_is_drawn_and_landmarks_are_where_they_are(eye):
    figure = plot_overlay(eye)
    shown = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in shown] == ["Artery", "Vein", "Optic cup", "Optic disc", "Disc centre"]
    assert shown[0].marker.color == term("artery").colour
    (point,) = [trace for trace in figure.data if trace.name == "Disc centre" and trace.marker.opacity == 0]
    assert (point.x[0], point.y[0]) == (110, 60)
    assert figure.layout.title.text == "A, right eye"


def test_the_mark_of_the_disc_points_at_its_centre_and_hides_neither_disc_nor_cup(eye):
    strokes = [trace for trace in plot_overlay(eye).data if trace.name == "Disc centre" and trace.mode == "lines"]
    assert len(strokes) == 2  # a white line under a black one
    disc = eye["mask"].sel(structure="optic_disc").values
    for trace in strokes:
        assert trace.line.width <= 4
        ends = np.array([trace.y, trace.x], float).T
        ends = ends[np.isfinite(ends).all(axis=1)]
        assert len(ends) == 8
        np.testing.assert_allclose(ends.mean(axis=0), (60, 110))
        inside = (ends >= 0).all(axis=1) & (ends < disc.shape).all(axis=1)
        assert not disc[tuple(ends[inside].round().astype(int).T)].any()


def test_scale_bar_is_as_long_as_it_says(eye):
    figure = plot_overlay(eye)
    (bar,) = figure.layout.shapes
    assert (bar.x1 - bar.x0) * 40 == pytest.approx(1000)
    assert any(note.text == "1 mm" for note in figure.layout.annotations)
    unknown = new_eye(masks={"artery": np.eye(20, dtype=bool)})
    assert not any("mm" in note.text for note in plot_overlay(unknown).layout.annotations)


def test_the_union_of_vessels_is_drawn_only_where_it_is_not_split(eye):
    def names(figure):
        return [trace.name for trace in figure.data if trace.showlegend is not False]

    vessel = eye["mask"].sel(structure="artery").values
    assert "Vessel" in names(plot_overlay(new_eye(masks={"vessel": vessel})))
    assert "Vessel" not in names(plot_overlay(new_eye(masks={"vessel": vessel, "artery": vessel, "vein": vessel})))
    assert names(plot_overlay(eye, "vessel", landmarks=False)) == ["Vessel"]


def test_the_table_counts_what_the_figure_shows(eye):
    table = structure_table(eye).set_index("structure")
    assert table.loc["artery", "pixels"] == 5 * 160
    assert table.loc["artery", "visible_percent"] == pytest.approx(100 * 5 / 120)
    assert list(table.index) == ["artery", "vein", "optic_disc", "optic_cup"]
    said = describe(plot_overlay(eye))
    assert "160 by 120 pixels" in said
    assert "artery 4.2 %" in said
    assert "disc centre at (60, 110)" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"structures": "drusen"}, "Drusen was not looked for"),
        ({"structures": "artry"}, "did you mean 'artery'"),
        ({"outline": "disk"}, "not a name of the taxonomy"),
        ({"opacity": 50}, "from 0"),
    ],
)
def test_what_cannot_be_drawn_is_answered_in_words(eye, options, said):
    with pytest.raises(EyeError, match=said):
        plot_overlay(eye, **options)


def test_an_eye_without_image_or_masks_is_drawn_too(eye):
    assert len(plot_overlay(new_eye(masks={"artery": np.eye(30, dtype=bool)})).layout.images) == 1
    assert "Nothing is drawn" in describe(plot_overlay(new_eye(eye["image"].values)))
