"""What a file name says of the eye, and above all what it does not."""

import pytest

from retina_tools.io import ReadError, laterality_from_name, patient_from_name
from retina_tools.io.names import as_laterality


@pytest.mark.parametrize(
    ("stem", "side"),
    [
        ("P1_OD", "OD"),
        ("P1_OS", "OS"),
        ("p1-od-2", "OD"),
        ("Patient001_L", "OS"),
        ("Patient001_R", "OD"),
        ("patient001_r", "OD"),
        ("Image_01L", "OS"),
        ("Image_14R", "OD"),
        ("01L", "OS"),
        ("P012_R_3", "OD"),
        ("10_left", "OS"),
        ("10_right", "OD"),
        ("Left eye of A", "OS"),
        ("OD_0071", "OD"),
        ("RET002OD", "OD"),
        ("RET002OS", "OS"),
        ("visit 3 (OS) macula", "OS"),
        ("1.2.840.OD.7", "OD"),
        ("P12_RE", "OD"),
        ("P12_LE", "OS"),
        ("p12_le_2", "OS"),
        ("Muster-links", "OS"),
        ("Muster_rechts_3", "OD"),
        ("patient 4 gauche", "OS"),
        ("patient 4 droite", "OD"),
        ("P12_L1", "OS"),
        ("P12_R2", "OD"),
        ("P12_R2_0003", "OD"),
        ("012RE", "OD"),
    ],
)
def test_side_is_read(stem: str, side: str) -> None:
    assert laterality_from_name(stem) == side


@pytest.mark.parametrize(
    "stem",
    [
        "01_dr",
        "drishtiGS_004",
        "LA_Eye_Hospital",
        "IDRiD_01",
        "IDRiD_01_OD",  # the optic disc's mask
        "L_012_fundus",
        "R2",
        "od_os_montage",
        "left_and_right",
        "bright",
        "method",
        "kodak_04",
        "HOSPITAL",
        "image_091",
        "V0001",
        "1ffa92e4-8d87-11e8-9daf-6045cb817f5b",
        "study_R_baseline",
        "le_patient_3",
        "re_scan",
        "R1_baseline",
        "P12_L1_R2",
        "P12_L2024",
        "visit_R2_colour",
        "",
    ],
)
def test_nothing_is_guessed(stem: str) -> None:
    assert laterality_from_name(stem) == ""


@pytest.mark.parametrize(
    ("left", "right", "patient"),
    [
        ("Patient001_L", "Patient001_R", "Patient001"),
        ("Image_01L", "Image_01R", "Image_01"),
        ("10_left", "10_right", "10"),
        ("RET002OS", "RET002OD", "RET002"),
        ("OS_77", "OD_77", "77"),
        ("A OS 2", "A OD 2", "A 2"),
        ("P12_LE", "P12_RE", "P12"),
        ("P12_L1", "P12_R2", "P12"),
        ("P12_links", "P12_rechts", "P12"),
        ("12LE", "12RE", "12"),
    ],
)
def test_both_eyes_have_one_patient(left: str, right: str, patient: str) -> None:
    assert patient_from_name(left) == patient_from_name(right) == patient


@pytest.mark.parametrize("stem", ["IDRiD_01", "01_dr", "IDRiD_01_OD", "left_right", "R", "left"])
def test_name_without_a_side_is_its_own_patient(stem: str) -> None:
    assert patient_from_name(stem) in (stem, "")


@pytest.mark.parametrize(
    ("given", "side"),
    [("OD", "OD"), ("os", "OS"), ("R", "OD"), ("l", "OS"), ("Right", "OD"), (" LEFT ", "OS"), ("", "")],
)
def test_given_side(given: str, side: str) -> None:
    assert as_laterality(given) == side


@pytest.mark.parametrize(
    ("right", "left"),
    [
        ("RE", "LE"), ("RA", "LA"), ("re", "le"), ("rechts", "links"), ("droite", "gauche"), ("O.D.", "O.S."),
        ("o. d.", "o. s."), ("OD", "OG"), ("Right eye", "LEFT EYE"), ("rechtes Auge", "linkes Auge"),
        ("œil droit", "Oeil gauche"),
    ],
)  # fmt: skip
def test_sides_in_other_languages(right: str, left: str) -> None:
    assert (as_laterality(right), as_laterality(left)) == ("OD", "OS")


@pytest.mark.parametrize("given", ["both", "OU", "1", 1, None, "-", "R/L", "eye", "Auge", "?", "beide"])
def test_wrong_side_is_refused(given: object) -> None:
    with pytest.raises(ReadError, match="wanted 'OD' or 'right'"):
        as_laterality(given)  # type: ignore[arg-type]
