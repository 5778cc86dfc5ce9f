"""Many eyes: one row each, whatever happens to them."""

import numpy as np
import pandas as pd
import pytest

from retina_tools import cohort, phantom, schema, segmentation
from retina_tools.collection import EyeCollection
from retina_tools.schema import EyeError

GIVEN = cohort.Pipeline(masks="given")


@pytest.fixture(scope="module")
def eyes():
    return phantom.cohort(2, size=256, seed=3)


@pytest.fixture(scope="module")
def measured(eyes):
    return cohort.measure_cohort(eyes, GIVEN, progress=False)


def breaking(eyes, bad, error):
    """The same collection with one eye that raises."""

    def read(row):
        if row["image_id"] == bad:
            raise error
        return eyes.read(row)

    return EyeCollection(eyes.name, eyes.table, read)


def test_one_row_per_eye_with_keys_clinical_columns_and_biomarkers(eyes, measured):
    assert measured["image_id"].tolist() == eyes.table["image_id"].tolist()
    assert (measured["error"] == "").all()
    assert {"age", "sex", "quality_score", "scale_source"} <= set(measured)
    values = cohort.biomarker_columns(measured)
    assert "calibre_equivalent_dd.artery.zone_b" in values
    assert not {"age", "quality_score", "seconds"} & set(values)
    assert set(measured["calibre_equivalent_dd_status.artery.zone_b"]) <= {"ok", "too_few_vessels", "out_of_view"}


def test_what_is_missing_says_why(measured):
    for column in cohort.biomarker_columns(measured):
        variable, dot, rest = column.partition(".")
        status = measured[f"{variable}_status{dot}{rest}"]
        assert (measured[column].notna() == (status == "ok")).all(), column


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (EyeError("The file is empty; copy it again."), "The file is empty; copy it again."),
        (MemoryError(), "Not enough memory"),
        (ZeroDivisionError("float"), "unexpected ZeroDivisionError"),
    ],
)
def test_an_eye_that_fails_is_a_row_and_the_others_are_untouched(eyes, measured, error, says):
    table = cohort.measure_cohort(breaking(eyes, "P001_OS", error), GIVEN, progress=False)
    bad = table.set_index("image_id").loc["P001_OS"]
    assert says in bad["error"]
    assert bad["error_stage"] == "read"
    assert bad["patient_id"] == "P001"
    assert bad["age"] == eyes.table["age"][0]
    kept = table["image_id"] != "P001_OS"
    same = [column for column in measured if column not in ("seconds",)]
    pd.testing.assert_frame_equal(table.loc[kept, same], measured.loc[kept, same], check_dtype=False)
    assert f"P001_OS: {bad['error']}" in cohort.summarise_run(table)


def test_the_stage_that_failed_is_named_and_earlier_results_are_kept(eyes):
    def broken(eye):
        raise EyeError("No weights here; fetch them first.")

    table = cohort.measure_cohort(eyes.select([0]), cohort.Pipeline(segmenter=broken), progress=False)
    assert table["error_stage"].item() == "segment"
    assert np.isfinite(table["quality_score"].item())


def test_the_segmenter_never_sees_what_is_drawn(eyes):
    seen = []

    def segmenter(eye):
        seen.append(eye.structure.values.tolist())
        return segmentation.segment(eye)

    cohort.measure_cohort(eyes.select([0]), cohort.Pipeline(segmenter=segmenter), progress=False)
    assert seen == [[]]


def only_vessels(eyes):
    """The same eyes with nothing drawn but arteries and veins."""

    def read(row):
        eye = eyes.read(row)
        return schema.with_parts(
            schema.without_masks(eye), masks={name: schema.get_mask(eye, name) for name in ("artery", "vein")}
        )

    return EyeCollection("vessels", eyes.table, read)


def test_missing_structures_are_drawn_beside_given_ones_only_when_asked_for(eyes):
    one = only_vessels(eyes).select([0])
    given = cohort.measure_cohort(one, GIVEN, progress=False).iloc[0]
    assert (given["structures_given"], given["structures_segmented"]) == ("artery vein", "")
    assert given["calibre_equivalent_dd_status.artery.zone_b"] == "no_disc"
    completed = cohort.measure_cohort(one, cohort.Pipeline("complete"), progress=False).iloc[0]
    assert completed["structures_given"] == "artery vein"
    assert completed["structures_segmented"] == "optic_disc optic_cup fovea"
    # What needs no disc is what it was: not one pixel of the given vessels was changed.
    assert completed["area_density.all.image"] == given["area_density.all.image"]
    assert completed["calibre_equivalent_dd_status.artery.zone_b"] == "ok"
    segmented = cohort.measure_cohort(one, cohort.Pipeline("segment"), progress=False).iloc[0]
    assert segmented["structures_given"] == ""
    assert segmented["area_density.all.image"] != given["area_density.all.image"]


def test_an_inferred_side_is_written_with_its_source(eyes):
    def read(row):
        return schema.with_parts(eyes[row["image_id"]], laterality=row["laterality"])

    table = eyes.table.assign(laterality=["", *eyes.table["laterality"][1:]])
    result = cohort.measure_cohort(EyeCollection("x", table, read), GIVEN, progress=False)
    assert result["laterality"].tolist() == eyes.table["laterality"].tolist()
    assert result["laterality_source"].tolist() == ["fovea", "dataset", "dataset", "dataset"]


def test_the_side_of_the_file_goes_before_the_one_of_its_name(eyes):
    def read(row):
        return schema.with_parts(eyes.read(row), laterality="OS")

    table = eyes.table.head(2).assign(_laterality_source="file_name")
    result = cohort.measure_cohort(EyeCollection("x", table, read), GIVEN, progress=False)
    assert result["laterality"].tolist() == ["OS", "OS"]
    assert result["laterality_source"].tolist() == ["metadata", "file_name"]


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_processes_cannot_measure(eyes, jobs):
    with pytest.raises(EyeError, match=f"jobs is {jobs}, wanted"):
        cohort.measure_cohort(eyes, GIVEN, jobs=jobs, progress=False)


@pytest.mark.parametrize("diameter", [-3, 0, 1.8, float("nan")])
def test_a_disc_of_no_size_is_refused_before_anything_is_measured(diameter):
    with pytest.raises(EyeError, match=r"disc_diameter_um is .* 800 to 3500"):
        cohort.Pipeline(disc_diameter_um=diameter)


def test_two_processes_give_the_same_table(eyes, measured):
    table = cohort.measure_cohort(eyes, GIVEN, jobs=2, progress=False)
    same = [column for column in measured if column != "seconds"]
    pd.testing.assert_frame_equal(table[same], measured[same])


def test_the_disc_gives_a_scale_only_when_asked_for_and_needed(eyes):
    def read(row):
        return schema.with_parts(eyes.read(row), um_per_pixel=float("nan"), scale_source="unknown")

    unscaled = EyeCollection("unscaled", eyes.table.head(1), read)
    plain = cohort.measure_cohort(unscaled, GIVEN, progress=False)
    assert plain["scale_source"].item() == "unknown"
    assert plain["calibre_mean_um.artery.image"].isna().item()
    assert plain["calibre_mean_um_status.artery.image"].item() == "no_scale"
    assumed = cohort.measure_cohort(unscaled, cohort.Pipeline("given", disc_diameter_um=1800), progress=False)
    assert assumed["scale_source"].item() == "disc_diameter"
    ratio = assumed["calibre_mean_um.artery.image"].item() / plain["calibre_mean_dd.artery.image"].item()
    assert ratio == pytest.approx(1800)


def test_a_clinical_column_never_hides_a_measured_one(eyes):
    table = eyes.table.assign(seconds=99)
    clash = EyeCollection("clash", table.head(1), eyes.read)
    result = cohort.measure_cohort(clash, GIVEN, progress=False)
    assert result["clinical_seconds"].item() == 99
    assert result["seconds"].item() != 99


def test_results_keep_their_provenance_in_parquet(measured, tmp_path):
    measured.to_parquet(tmp_path / "r.parquet")
    assert pd.read_parquet(tmp_path / "r.parquet").attrs["software"].startswith("retina_tools ")


def test_a_wrong_choice_is_refused():
    with pytest.raises(EyeError, match=r"'segment' .* 'given' .* or 'complete'"):
        cohort.Pipeline(masks="drawn")
