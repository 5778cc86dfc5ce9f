"""Tiny folders in the official layouts of the datasets, with random pictures and drawings that are known exactly."""

import gzip
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

SIZE = (48, 64)
RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)


class Maker:
    """Writes pictures and remembers nothing but its random numbers."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def photograph(self, path: Path, size=SIZE):
        self._save(self.random.integers(60, 200, (*size, 3), dtype=np.uint8), path)

    def drawing(self, path: Path, value=255, mode="L", size=SIZE) -> np.ndarray:
        """A random binary drawing, saved in one of the forms found in the wild."""
        mask = self.random.random(size) < 0.3
        values = (mask * value).astype(np.uint8)
        if mode == "P":  # the palette's colours are red and black, the indices are what counts
            image = Image.fromarray(values, "L").convert("P")
            image.putdata(values.ravel())
            image.putpalette([0, 0, 0] + [255, 0, 0] * 255)
        elif mode == "RGB":
            image = Image.fromarray(np.repeat(values[..., None], 3, axis=2))
        else:
            image = Image.fromarray(values).convert(mode)
        self._save(image, path)
        return mask

    def artery_vein(self, path: Path, colours=True, size=SIZE) -> np.ndarray:
        """Codes 0 to 3, and 4 for uncertain where there are colours; returned as they are meant."""
        codes = self.random.integers(0, 5 if colours else 4, size)
        palette = np.array([(0, 0, 0), RED, BLUE, GREEN, WHITE], np.uint8)
        self._save(palette[codes] if colours else codes.astype(np.uint8), path)
        return codes

    @staticmethod
    def _save(array, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = array if isinstance(array, Image.Image) else Image.fromarray(array)
        if path.suffix == ".gz":
            plain = path.with_suffix("")
            image.save(plain)
            path.write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
        else:
            image.save(path)


@pytest.fixture
def make():
    return Maker()


@pytest.fixture
def drive_tree(tmp_path, make):
    """Two training and two test photographs, two observers, RITE beside them."""
    home, truth = tmp_path / "DRIVE", {}
    for split, numbers in (("training", (21, 22)), ("test", (1, 2))):
        for number in numbers:
            key = f"{number:02d}"
            make.photograph(home / split / "images" / f"{key}_{split}.tif")
            truth[f"fov{key}"] = make.drawing(home / split / "mask" / f"{key}_{split}_mask.gif")
            truth[f"first{key}"] = make.drawing(home / split / "1st_manual" / f"{key}_manual1.gif")
            truth[f"rite{key}"] = make.artery_vein(tmp_path / f"AV_groundTruth/{split}/av/{key}_{split}.png")
            make.photograph(tmp_path / f"AV_groundTruth/{split}/images/{key}_{split}.tif")
            if split == "test":
                truth[f"second{key}"] = make.drawing(home / split / "2nd_manual" / f"{key}_manual2.gif")
    return SimpleNamespace(home=home, truth=truth)


@pytest.fixture
def idrid_tree(tmp_path, make):
    """All three parts, the numbers of training and test overlapping, the quirks of the official tables included."""
    home, truth = tmp_path / "IDRiD", {}
    a = home / "A. Segmentation"
    for split, numbers in (("a. Training Set", (1, 2)), ("b. Testing Set", (55,))):
        for number in numbers:
            key = f"IDRiD_{number:02d}"
            make.photograph(a / "1. Original Images" / split / f"{key}.jpg")
            for folder, code in (("1. Microaneurysms", "MA"), ("2. Haemorrhages", "HE"), ("5. Optic Disc", "OD")):
                path = a / "2. All Segmentation Groundtruths" / split / folder / f"{key}_{code}.tif"
                truth[f"{key}_{code}"] = make.drawing(path, value=1, mode="P")
            if number == 2:
                path = a / "2. All Segmentation Groundtruths" / split / "4. Soft Exudates" / f"{key}_SE.tif"
                truth[f"{key}_SE"] = make.drawing(path, value=1, mode="P")
    for split, letter, word in (("a. Training Set", "a", "Training"), ("b. Testing Set", "b", "Testing")):
        for number in (1, 2, 3):
            make.photograph(home / "B. Disease Grading/1. Original Images" / split / f"IDRiD_{number:03d}.jpg")
        offset = 0 if word == "Training" else 1
        grades = home / "B. Disease Grading/2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{word} Labels.csv"
        grades.parent.mkdir(parents=True, exist_ok=True)
        rows = "".join(f"IDRiD_{n:03d},{n - 1 + offset},{(n - 1) % 3},,,\r\n" for n in (1, 2, 3))
        grades.write_text(f"Image name,Retinopathy grade,Risk of macular edema ,,,\r\n{rows}", newline="")
        centres = home / "C. Localization/2. Groundtruths"
        disc = centres / f"1. Optic Disc Center Location/{letter}. IDRiD_OD_Center_{word} Set_Markups.csv"
        fovea = centres / f"2. Fovea Center Location/IDRiD_Fovea_Center_{word} Set_Markups.csv"
        for path, x in ((disc, 45), (fovea, 30)):
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = "".join(f"IDRiD_{n:03d},{x + n},{20 + n + offset},,\r\n" for n in (1, 2, 3)) + ",,,,\r\n" * 4
            path.write_text(f"Image No,X- Coordinate,Y - Coordinate,,\r\n{rows}", newline="")
    return SimpleNamespace(home=home, truth=truth)


@pytest.fixture
def drishti_tree(tmp_path, make):
    """One training and one test photograph; the table of diagnoses has its header in the fifth row."""
    home, truth = tmp_path / "Drishti-GS1_files" / "Drishti-GS1_files", {}
    levels = np.array([0, 64, 128, 191, 255], np.uint8)
    for split, gt, key in (("Training", "GT", "drishtiGS_002"), ("Test", "Test_GT", "drishtiGS_001")):
        make.photograph(home / split / "Images" / f"{key}.png")
        for name in ("ODsegSoftmap", "cupsegSoftmap"):
            experts = make.random.integers(0, 5, SIZE)
            make._save(levels[experts], home / split / gt / key / "SoftMap" / f"{key}_{name}.png")
            truth[f"{key}_{name}"] = experts >= 2
    table = pd.DataFrame(
        [[None] * 4] * 4
        + [[None, "Drishti-GS File", "Patient ID", "Total"], [None] * 4]
        + [[None, "drishtiGS_001'", "P7", "Normal"], [None, "drishtiGS_002'", "P7", "Glaucomatous"]]
    )
    table.to_excel(home / "Drishti-GS1_diagnosis.xlsx", header=False, index=False)
    return SimpleNamespace(home=home, truth=truth)
