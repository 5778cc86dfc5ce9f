"""One eye under several tools' definitions: where they must differ, and where they agree."""

import numpy as np
import pytest

from retina_tools import biomarkers
from retina_tools.phantom import shapes
from retina_tools.schema import new_eye


@pytest.fixture(scope="module")
def table():
    return biomarkers.compare_definitions(shapes.radial_vessels()).set_index(["biomarker", "tool", "vessel"])


def test_every_row_has_a_reason_and_a_ratio(table):
    assert (table.ours_status == "ok").all()
    assert table.why.str.len().min() > 20
    np.testing.assert_allclose(table.ratio, table.theirs / table.ours)
    assert set(table.index.get_level_values("tool")) == {"PVBM 3.0", "VascX 2.1", "AutoMorph"}


def test_straight_vessels_read_as_long_as_pixel_chains_are(table):
    for vessel in ("artery", "vein"):
        rows = table.loc["tortuosity_arc_chord"].xs(vessel, level="vessel")
        assert rows.ours.max() < 1.003
        assert rows.theirs["VascX 2.1"] < 1.003
        assert 1.03 < rows.theirs["PVBM 3.0"] < 1.1


def test_pixels_in_the_order_of_a_search_zigzag():
    """An arch, whose topmost pixel is in its middle: the search goes down both sides in turn."""
    y, x = np.mgrid[:500, :500]
    arch = (np.abs(np.hypot(y - 420, x - 250) - 300) < 4) & (y < 300)
    eye = new_eye(masks={"artery": arch, "vein": x < 0, "optic_disc": np.hypot(y - 420, x - 250) < 60})
    rows = biomarkers.compare_definitions(eye).set_index(["biomarker", "tool", "vessel"]).loc["tortuosity_arc_chord"]
    assert rows.ours["AutoMorph", "artery"] < 1.3
    assert rows.theirs["AutoMorph", "artery"] > 10


def test_calibres_of_straight_vessels(table):
    for vessel in ("artery", "vein"):
        rows = table.loc["calibre_equivalent"].xs(vessel, level="vessel")
        # Six pixels wide: a middle pixel that is not counted is a tenth and more.
        assert rows.ratio["PVBM 3.0"] < 0.95
        assert rows.ratio["VascX 2.1"] == pytest.approx(1, abs=0.01)
        assert rows.ratio["AutoMorph"] == pytest.approx(1, abs=0.15)


def test_density_over_the_frame_is_less_where_corners_are_black():
    y, x = np.mgrid[:400, :600]
    eye = new_eye(
        masks={
            "artery": np.abs(y - 200) < 5,
            "vein": np.abs(x - 330) < 6,
            "optic_disc": np.hypot(y - 200, x - 300) < 40,
        },
        fov=np.hypot(y - 200, x - 300) < 190,
    )
    rows = biomarkers.compare_definitions(eye).set_index(["biomarker", "tool", "vessel"]).loc["area_density"]
    visible = np.pi * 190**2
    assert rows.ratio["AutoMorph", "artery"] == pytest.approx(visible / 600**2, rel=0.01)
    assert rows.ratio["VascX 2.1", "vein"] == 1


def test_without_vessels_nothing_is_compared():
    y, x = np.mgrid[:200, :200]
    table = biomarkers.compare_definitions(new_eye(masks={"optic_disc": np.hypot(y - 100, x - 100) < 20}))
    assert table[["ours", "theirs"]].isna().all(axis=None)
    assert set(table.ours_status) == {"no_mask"}
