"""RetSAM's folders: masks under our names, measurements under names that say what they are."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from retina_tools.io import ReadError, add_masks, read_masks, read_retsam
from retina_tools.schema import TAXONOMY, new_eye

SHAPE = (60, 80)  # the file of measurements says width 60, height 80


def stripes(count: int) -> NDArray[np.uint8]:
    """Labels 0 to count in vertical stripes 10 pixels wide."""
    return np.broadcast_to(np.minimum(np.arange(80) // 10, 99) % (count + 1), SHAPE).astype(np.uint8)


def category(count: int, area: int, coverage: float) -> dict[str, object]:
    return {
        "count": count,
        "area_px": area,
        "coverage_ratio": coverage,
        "avg_size_px": area / count if count else None,
        "shape": {"circularity": 0.7 if count else None, "aspect_ratio": 1.5 if count else None},
        "quadrant_distribution": {"definition": "macula-centered", "superior_temporal": count},
        "severity": "Mild" if count else None,
    }


def measurements() -> dict[str, object]:
    return {
        "meta": {
            "image_id": "P3_left.jpg",
            "image_path": "/home/erika/Patients/Musterfrau/P3_left.jpg",
            "width": 60,
            "height": 80,
            "analysis_resolution": {"width": 640, "height": 640, "unit": "pixels"},
            "schema_version": "2.1.0",
        },
        "measurements": {
            "vessels": {
                "av_ratio": 0.7,
                "CRAE": [140.0, 112.5, 125.0],
                "CRVE": [190.0, 150.0, 170.0],
                "fractal_dimension": {"artery": 1.39, "vein": 1.27},
                "tortuosity": {"artery": 0.04, "vein": 0.22},
                "pixel_length": 18.75,
                "qc_flag": False,
                "fg_rate": 0.011,
            },
            "optic_disc_cup": {
                "cup_disc_ratio": {"value": 0.41},
                "vertical_cd_ratio": {"value": 0.79},
                "axis_angle": {"value": 2.25, "unit": "deg"},
                "isnt": {"inferior": 30.0, "superior": 28.0, "nasal": 25.0, "temporal": 20.0},
                "eye_side": "left",
                "cd_list": [40.0, 46.0, 98.0, 124.0],
                "disc_area_px": 9500,
                "cup_area_px": 1400,
            },
            "macula": {"center": {"x": 30.0, "y": 44.0, "unit": "pixels"}},
            "lesions": {
                "lesion_dr": {
                    "summary": {"category_count": 1},
                    "categories": {"hemorrhage": category(27, 1036, 0.03), "exudate": category(0, 0, 0.0)},
                }
            },
            "tessellation": {
                "overall": {"total_area_px": 16405, "coverage_ratio": 0.046},
                "shape_stats": {"mean_circularity": 0.62, "mean_aspect_ratio": 2.8},
                "centroid_dispersion": {"value": 241.5, "unit": "pixels"},
            },
            "myopia": {
                "overall": {"count": 1},
                "categories": {"arc_lesion": {"count": 1, "area_px": 4085, "coverage_ratio": 0.011}},
            },
        },
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "P3_left" / "masks"
    inside.mkdir(parents=True)
    counts = {
        "artery_vein": 3,
        "od_oc": 2,
        "tessellation": 1,
        "myopia": 3,
        "lesion_dr": 4,
        "lesion_amd": 2,
        "lesion_others": 4,
        "possible_lesions": 3,
    }
    for name, count in counts.items():
        Image.fromarray(stripes(count)).save(inside / f"{name}_mask.png")
    # RetSAM saves classes of lesions a second time, one by one
    Image.fromarray((stripes(4) == 1).astype(np.uint8) * 255).save(inside / "lesion_dr_hemorrhage.png")
    (inside.parent / "quantitative_analysis.json").write_text(json.dumps(measurements()), encoding="utf-8")
    return inside.parent


def test_masks_have_our_names(folder: Path) -> None:
    masks = read_retsam(folder).masks
    assert list(masks) == [name for name in TAXONOMY if name in masks]
    expected = {
        "artery": np.isin(stripes(3), (1, 3)),
        "vein": np.isin(stripes(3), (2, 3)),
        "optic_disc": stripes(2) > 0,
        "optic_cup": stripes(2) == 2,
        "tessellation": stripes(1) == 1,
        "arc_atrophy": stripes(3) == 1,
        "patchy_atrophy": stripes(3) == 3,
        "haemorrhage": stripes(4) == 1,
        "hard_exudate": stripes(4) == 2,
        "laser_scar": stripes(4) == 4,
        "patchy_haemorrhage": stripes(2) == 2,
        "artifact": stripes(4) == 2,
        "macular_hole": stripes(4) == 4,
        "other": stripes(3) == 1,
        "myelinated_nerve_fibre": stripes(3) == 2,
        "venous_tortuosity": stripes(3) == 3,
    }
    for name, mask in expected.items():
        assert (masks[name] == mask).all(), name
    assert len(masks) == 21


def test_masks_are_recognised_and_added(folder: Path) -> None:
    eye = add_masks(new_eye(np.zeros((*SHAPE, 3), np.uint8)), folder)
    assert set(read_masks(folder / "masks")) == set(eye["structure"].values) == set(read_masks(folder, "retsam"))


def test_ratios_are_what_their_names_say(folder: Path) -> None:
    table = read_retsam(folder).table
    assert len(table) == 1
    row = table.iloc[0]
    assert row["cup_disc_ratio_vertical"] == pytest.approx(46 / 124)
    assert row["cup_disc_ratio_horizontal"] == pytest.approx(40 / 98)
    assert row["disc_width_height_ratio"] == pytest.approx(0.79)
    assert not any(column.startswith("vertical_cd_ratio") for column in table)
    assert "which it is not" in table.attrs["definitions"]["disc_width_height_ratio"]
    assert not any("CRAE" in column or column.startswith("calibre_equivalent") for column in table)
    assert row["artery_widest_mean_um"] == 125.0
    assert row["laterality_detected"] == "OS"


def test_width_and_height_are_put_right(folder: Path) -> None:
    row = read_retsam(folder).table.iloc[0]
    assert (row["height_px"], row["width_px"]) == SHAPE
    assert (row["fovea_y_fraction"], row["fovea_x_fraction"]) == (0.55, 0.5)
    for file in (folder / "masks").iterdir():
        file.unlink()
    row = read_retsam(folder).table.iloc[0]  # without masks to tell, as the published version writes it
    assert (row["height_px"], row["width_px"]) == SHAPE


def test_width_and_height_that_are_right_stay(folder: Path) -> None:
    content = measurements()
    content["meta"]["width"], content["meta"]["height"] = 80, 60  # type: ignore[index]
    (folder / "quantitative_analysis.json").write_text(json.dumps(content), encoding="utf-8")
    row = read_retsam(folder).table.iloc[0]
    assert (row["height_px"], row["width_px"]) == SHAPE


def test_classes_have_our_names_and_quadrants_are_left_out(folder: Path) -> None:
    table = read_retsam(folder).table
    row = table.iloc[0]
    assert (row["haemorrhage_count"], row["haemorrhage_area_px"], row["arc_atrophy_coverage"]) == (27, 1036, 0.011)
    assert row["hard_exudate_count"] == 0
    assert np.isnan(row["hard_exudate_circularity"])
    assert not any("quadrant" in column or "superior_temporal" in column for column in table)
    assert any("quadrants" in remark for remark in table.attrs["left_out"])


def test_path_of_the_picture_is_left_behind(folder: Path) -> None:
    table = read_retsam(folder).table
    assert "Musterfrau" not in repr(table.to_dict()) + repr(table.attrs)
    assert table["image_id"].item() == "P3_left"


def test_zero_for_not_found_is_nan(folder: Path) -> None:
    content = measurements()
    content["measurements"]["optic_disc_cup"] = {  # type: ignore[index]
        "cup_disc_ratio": {"value": 0.0},
        "vertical_cd_ratio": {"value": 0.0},
        "isnt": {"inferior": 0.0, "superior": 0.0, "nasal": 0.0, "temporal": 0.0},
        "eye_side": None,
        "cd_list": [0.0, 0.0, 0.0, 0.0],
    }
    content["measurements"]["vessels"] = {"CRAE": None, "fractal_dimension": None}  # type: ignore[index]
    (folder / "quantitative_analysis.json").write_text(json.dumps(content), encoding="utf-8")
    row = read_retsam(folder).table.iloc[0]
    for name in (
        "cup_disc_ratio_vertical",
        "cup_disc_ratio_longest_axis",
        "disc_width_height_ratio",
        "rim_width_nasal_px",
        "artery_widest_mean_um",
        "fractal_dimension_vein",
    ):
        assert np.isnan(row[name]), name
    assert row["laterality_detected"] == ""


def test_black_and_white_files_are_read_but_not_the_mislabelled_one(tmp_path: Path) -> None:
    inside = tmp_path / "masks"
    inside.mkdir()
    for name, mask in {
        "artery_vein_artery": stripes(3) == 2,
        "od_oc_optic_disc": stripes(2) == 1,
        "od_oc_optic_cup": stripes(2) == 2,
        "myopia_arc_lesion": stripes(3) == 1,
        "tessellation_tessellation_region": stripes(1) == 1,
    }.items():
        Image.fromarray(mask.astype(np.uint8) * 255).save(inside / f"{name}.png")
    result = read_retsam(tmp_path)
    assert set(result.masks) == {"optic_disc", "optic_cup", "arc_atrophy", "tessellation"}
    assert (result.masks["optic_disc"] == (stripes(2) > 0)).all()
    assert any("writes the veins under this name" in remark for remark in result.table.attrs["left_out"])


def test_bad_folders(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ReadError, match="is not a folder"):
        read_retsam(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="neither masks/ nor quantitative_analysis"):
        read_retsam(tmp_path / "empty")
    (folder / "quantitative_analysis.json").write_text("{broken", encoding="utf-8")
    with pytest.raises(ReadError, match="is not RetSAM's file of measurements"):
        read_retsam(folder)
    Image.fromarray(stripes(3)).save(folder / "masks" / "od_oc_mask.png")
    with pytest.raises(ReadError, match="coding 'disc_cup' knows"):
        read_masks(folder)
    Image.fromarray(stripes(2)[:, :40]).save(folder / "masks" / "od_oc_mask.png")
    with pytest.raises(ReadError, match="of different sizes"):
        read_masks(folder)
