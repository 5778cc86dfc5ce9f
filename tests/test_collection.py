"""Collections of eyes: lazy reading, look-up, selection."""

import numpy as np
import pandas as pd
import pytest

from retina_tools.collection import EyeCollection
from retina_tools.schema import EyeError, new_eye


@pytest.fixture
def eyes():
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "patient_id": ["1", "1", "2"],
            "laterality": ["OD", "OS", "OD"],
            "age": [50, 50, np.nan],
            "_seed": [3, 4, 5],
        }
    )

    def read(row):
        read.asked.append(row["image_id"])
        return new_eye(np.full((4, 4), row["_seed"], np.uint8), image_id=row["image_id"])

    read.asked = []
    return EyeCollection("three", table, read)


def test_eyes_are_read_only_when_asked_for(eyes):
    assert len(eyes) == 3
    assert eyes.read.asked == []
    assert [eye.image_id.item() for eye in eyes] == ["a", "b", "c"]
    assert eyes["c"].image.values.max() == 5
    assert eyes[-1].image_id.item() == "c"
    assert eyes.read.asked == ["a", "b", "c", "c", "c"]


def test_selection_by_condition_slice_and_positions(eyes):
    assert eyes.select(eyes.table.laterality == "OD").table.image_id.tolist() == ["a", "c"]
    assert eyes.select(slice(1, None))[0].image_id.item() == "b"
    assert eyes.select([2, 0]).table.image_id.tolist() == ["c", "a"]


def test_the_clinical_table_has_no_reading_columns(eyes):
    assert list(eyes.clinical) == ["image_id", "patient_id", "laterality", "age"]


def test_errors_say_what_there_is(eyes):
    with pytest.raises(KeyError, match="which has a, b, c"):
        eyes["z"]
    with pytest.raises(IndexError, match="it has 3"):
        eyes[3]
    with pytest.raises(EyeError, match="no column 'laterality'"):
        EyeCollection("x", eyes.table.drop(columns="laterality"), eyes.read)
    with pytest.raises(EyeError, match="twice"):
        EyeCollection("x", pd.concat([eyes.table, eyes.table]), eyes.read)
