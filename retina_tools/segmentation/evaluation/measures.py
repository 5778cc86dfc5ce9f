"""What each measure of an evaluation is: its definition, its source, and which end of it is good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from retina_tools.schema import TAXONOMY, EyeError
from retina_tools.taxonomy import names

__all__ = ["COMPOUND", "MEASURES", "Measure", "measure_table", "measures_of"]

Best = Literal["high", "low", "zero", ""]


@dataclass(frozen=True)
class Measure:
    """One number that says how well a drawing agrees with a reference.

    Attributes
    ----------
    name, label : str
        In tables, and for people.
    group : str
        What it is computed with: ``overlap``, ``ranking``, ``tree``, ``artery_vein``, ``cup_disc``, ``landmark``,
        ``object``.
    best : {"high", "low", "zero", ""}
        Which value is good; none for what only describes.
    definition : str
    source : str
    """

    name: str
    label: str
    group: str
    best: Best
    definition: str
    source: str = ""

    def badness(self, values: pd.Series[float]) -> pd.Series[float]:
        """A column that rises as values get worse."""
        if self.best == "high":
            return -values
        return values.abs() if self.best == "zero" else values


_REFUGE: Final = "Orlando JI et al. Med Image Anal 2020;59:101570"
_TREE: Final = "Araújo RJ et al. MICCAI 2019; Morano J et al. Expert Syst Appl 2024;256:124970"

_EVERY: Final = (
    Measure("dice", "Dice", "overlap", "high", "2 |A and B| / (|A| + |B|)", "Dice LR. Ecology 1945;26:297-302"),
    Measure("sensitivity", "Sensitivity", "overlap", "high", "Share of the reference's pixels that are drawn"),
    Measure("specificity", "Specificity", "overlap", "high", "Share of the field's other pixels that are not drawn"),
    Measure("precision", "Precision", "overlap", "high", "Share of the drawn pixels that are the reference's"),
    Measure(
        "auc", "AUC", "ranking", "high",
        "Area under the receiver operating characteristic of the field's pixels",
        "Hanley JA, McNeil BJ. Radiology 1982;143:29-36",
    ),
    Measure(
        "ap", "AUPR", "ranking", "high",
        "Average precision of the field's pixels: sum of precision times step in recall",
        "Porwal P et al. Med Image Anal 2020;59:101561",
    ),
    Measure(
        "ece", "Calibration error", "ranking", "low",
        "Expected calibration error of the field's pixels, 15 bins of equal width", "Guo C et al. ICML 2017;70:1321-30",
    ),
    Measure(
        "cldice", "clDice", "tree", "high",
        "Harmonic mean of the share of drawn centreline in true vessels and of true centreline in drawn ones",
        "Shit S et al. CVPR 2021",
    ),
    Measure(
        "path_infeasible", "Paths broken (INF)", "tree", "low",
        "Share of random paths along the true tree that cannot be followed along the drawn one", _TREE,
    ),
    Measure(
        "path_correct", "Paths right (COR)", "tree", "high",
        "Share of random paths along the true tree whose length along the drawn one is right to 10 %", _TREE,
    ),
    Measure(
        "accuracy", "A/V accuracy", "artery_vein", "high",
        "Of pixels that both call artery or vein, not both, the share named alike",
        "Hemelings R et al. Comput Med Imaging Graph 2019;76:101636",
    ),
    Measure("accuracy_artery", "A/V accuracy, arteries", "artery_vein", "high", "The same of true arteries"),
    Measure("accuracy_vein", "A/V accuracy, veins", "artery_vein", "high", "The same of true veins"),
    Measure(
        "accuracy_centreline", "A/V accuracy, centreline", "artery_vein", "high",
        "The same on the true vessels' centreline, where a wide vessel counts no more than a thin one",
    ),
    Measure(
        "coverage", "A/V coverage", "artery_vein", "high",
        "Share of true arteries and veins that are drawn as one of the two, and so judged",
    ),
    Measure("vcdr", "vCDR", "cup_disc", "", "Vertical extent of the drawn cup over that of the drawn disc"),
    Measure("vcdr_true", "True vCDR", "cup_disc", "", "The same of the reference"),
    Measure(
        "vcdr_error", "vCDR error", "cup_disc", "zero",
        "Drawn minus true ratio of the rows from the uppermost to the lowest pixel of cup and disc",
    ),
    Measure("vcdr_absolute_error", "vCDR absolute error", "cup_disc", "low", "The same without its sign"),
    Measure(
        "vcdr_refuge", "vCDR (REFUGE)", "cup_disc", "",
        "Largest number of pixels of the drawn cup in a column over that of the drawn disc", _REFUGE,
    ),
    Measure("vcdr_refuge_true", "True vCDR (REFUGE)", "cup_disc", "", "The same of the reference", _REFUGE),
    Measure("vcdr_refuge_error", "vCDR error (REFUGE)", "cup_disc", "zero", "Drawn minus true ratio of these", _REFUGE),
    Measure(
        "vcdr_refuge_absolute_error", "vCDR absolute error (REFUGE)", "cup_disc", "low", "The same without its sign",
        _REFUGE,
    ),
    Measure(
        "error_dd", "Error in disc diameters", "landmark", "low",
        "Distance to the true landmark over the true disc's diameter (that of a circle of its area)",
    ),
    Measure(
        "error_field", "Error as a share of the field", "landmark", "low",
        "Distance to the true landmark over the diameter of the field of view",
    ),
    Measure(
        "within_quarter_dd", "Within 0.25 DD", "landmark", "high",
        "1 where the landmark is found within a quarter of a disc diameter, 0 where farther or not found",
    ),
    Measure(
        "within_half_dd", "Within 0.5 DD", "landmark", "high",
        "1 where the landmark is found within half a disc diameter, 0 where farther or not found",
    ),
    Measure(
        "object_sensitivity", "Lesions found", "object", "high",
        "Share of true objects paired with a drawn one that overlaps it (IoU of 0.1 or more), each once",
    ),
    Measure("object_precision", "Lesions right", "object", "high", "Share of drawn objects paired with a true"),
    Measure("false_objects", "False lesions", "object", "low", "Drawn objects that are paired with no true one"),
)  # fmt: skip

#: Every measure by its name.
MEASURES: Final[Mapping[str, Measure]] = {measure.name: measure for measure in _EVERY}
#: Things that are judged but are no one structure.
COMPOUND: Final[Mapping[str, str]] = {"artery_vein": "Artery or vein", "cup_disc": "Cup and disc", "fovea": "Fovea"}

_VESSELS: Final = ("vessel", "artery", "vein")
_PLANE: Final = ("overlap", "ranking")


def measures_of(structure: str, wanted: Iterable[str] | None = None) -> tuple[Measure, ...]:
    """The measures that make sense for a structure.

    Parameters
    ----------
    structure : str
        A name of the taxonomy, ``"artery_vein"`` (their names), ``"cup_disc"`` (their ratio) or ``"fovea"``.
    wanted : iterable of str, optional
        Only these; all by default.

    Returns
    -------
    tuple of Measure

    Raises
    ------
    EyeError
        There is no such structure or measure.

    Examples
    --------
    >>> [measure.name for measure in measures_of("vessel", ["cldice", "dice", "error_dd"])]
    ['dice', 'cldice']
    """
    groups: tuple[str, ...]
    if structure in COMPOUND:
        groups = ("landmark",) if structure == "fovea" else (structure,)
    elif structure not in TAXONOMY:
        raise EyeError(
            f"{structure!r} cannot be evaluated; wanted a name of the taxonomy, or {', '.join(map(repr, COMPOUND))}."
        )
    elif structure in _VESSELS:
        groups = (*_PLANE, "tree")
    elif structure in names("lesion"):
        groups = (*_PLANE, "object")
    else:
        groups = (*_PLANE, "landmark") if structure == "optic_disc" else _PLANE
    chosen = None if wanted is None else set(wanted)
    if chosen is not None and (unknown := sorted(chosen - set(MEASURES))):
        raise EyeError(f"There is no measure {unknown[0]!r}; wanted some of {', '.join(MEASURES)}.")
    return tuple(
        measure for measure in _EVERY if measure.group in groups and (chosen is None or measure.name in chosen)
    )


def measure_table() -> pd.DataFrame:
    """All measures with their definitions.

    Returns
    -------
    pandas.DataFrame
        Columns ``measure``, ``label``, ``best``, ``definition``, ``source``.
    """
    return pd.DataFrame(
        {
            "measure": one.name,
            "label": one.label,
            "best": one.best,
            "definition": one.definition,
            "source": one.source,
        }
        for one in _EVERY
    )
