"""Many synthetic patients with two eyes each, a clinical table, and a disease whose effect on the eye is known."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from retina_tools.collection import EyeCollection
from retina_tools.phantom.geometry import anatomy
from retina_tools.phantom.habits import HABITS, LESIONS
from retina_tools.phantom.parameters import RANGES, parameters
from retina_tools.phantom.vessels import Floats
from retina_tools.schema import EyeError


@dataclass(frozen=True)
class Trait:
    """How an anatomical parameter varies between people: mean at 60 years, standard deviation, ageing, sex."""

    parameter: str
    mean: float
    sd: float
    per_decade: float = 0.0
    men: float = 0.0


# Norms as in the parameters; arterioles narrow by about 2 um per decade (Wong et al. 2003, Beaver Dam Eye Study).
TRAITS: Final[Mapping[str, Trait]] = {
    "arteriole_calibre": Trait("arteriole_calibre_um", 150.0, 12.0, -2.0, -1.0),
    "venule_calibre": Trait("venule_calibre_um", 220.0, 16.0, -1.8, 2.0),
    "vessel_density": Trait("vessel_density", 1.0, 0.10, -0.03),
    "tortuosity": Trait("tortuosity", 1.0, 0.2, 0.02),
    "cup_disc_ratio": Trait("cup_disc_ratio", 0.4, 0.1, 0.01, 0.01),
    "disc_diameter": Trait("disc_diameter_um", 1800.0, 130.0, 0.0, 20.0),
    "disc_fovea_distance": Trait("disc_fovea_distance_um", 4750.0, 220.0),
    "disc_fovea_angle": Trait("disc_fovea_angle_deg", 6.5, 2.5),
}

#: What the disease does by default: narrow arterioles, wide, tortuous veins, rarefied branches, and lesions of diabetic
#: retinopathy. It leaves the optic disc alone, so that a study has true nulls to find as well.
DEFAULT_EFFECTS: Final[Mapping[str, float]] = {
    "arteriole_calibre": -8.0,
    "venule_calibre": 6.0,
    "vessel_density": -0.10,
    "tortuosity": 0.20,
    "microaneurysm": 5.0,
    "haemorrhage": 2.0,
    "hard_exudate": 4.0,
}

# Every cohort counts these; others where the disease brings them.
_COUNTED: Final = ("microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot", "drusen")
# Expected lesions of an eye without the disease.
_HEALTHY_LESIONS: Final[Mapping[str, float]] = {"microaneurysm": 0.3, "drusen": 0.7}


def cohort(
    n: int,
    effects: Mapping[str, float] | None = None,
    *,
    seed: int = 0,
    size: int = 512,
    prevalence: float = 0.5,
    icc: float = 0.8,
    age_gap_years: float = 0.0,
    **values: Any,
) -> EyeCollection:
    """Synthetic patients with two eyes each, a disease, and its true effect on the anatomy.

    Parameters
    ----------
    n : int
        Patients, each with a right and a left eye.
    effects : mapping of str to float, optional
        What the disease adds: to ``arteriole_calibre`` and ``venule_calibre`` (um), ``vessel_density``,
        ``tortuosity``, ``cup_disc_ratio`` (1), ``disc_diameter``, ``disc_fovea_distance`` (um), ``disc_fovea_angle``
        (degrees), and to the expected number of lesions of an eye, any of `LESIONS`.
        Default: `DEFAULT_EFFECTS`; ``{}`` is a disease without effect.
    seed : int
        The only source of chance. The same seed with other effects gives the same people otherwise.
    size : int
        Pixels along one side of each picture.
    prevalence : float
        Share of patients with the disease, met exactly up to rounding.
    icc : float
        Intraclass correlation of the two eyes of a patient, given age, sex and disease.
    age_gap_years : float
        How much older patients with the disease are on average: a confounder, since vessels narrow with age.
    **values
        Parameters that hold for every eye alike, for example ``field_angle_deg=50`` or ``cup_disc_ratio=0.3``.

    Returns
    -------
    EyeCollection
        Table: image_id, patient_id, laterality, age, sex, disease (0 or 1), systolic_bp (mmHg; higher with narrower
        arterioles, without changing them), hba1c (%; higher with the disease), and the anatomy of each eye in columns
        that begin with ``true_``. The calibres are CRAE and CRVE. Eyes are drawn when asked for.

    Raises
    ------
    EyeError
        An unknown effect or parameter, or a value out of range.

    Examples
    --------
    >>> eyes = cohort(3, effects={"arteriole_calibre": -10.0}, seed=1, size=128)
    >>> eyes.table["image_id"].tolist()[:3], eyes["P001_OS"].laterality.item()
    (['P001_OD', 'P001_OS', 'P002_OD'], 'OS')
    """
    effects = dict(DEFAULT_EFFECTS if effects is None else effects)
    _check(n, effects, prevalence, icc, seed, values)
    fixed = parameters(**values)
    rng = np.random.default_rng([seed, 40])
    patients = _patients(n, prevalence, age_gap_years, rng)
    table = pd.DataFrame(
        {
            "image_id": [f"{patient}_{side}" for patient in patients["patient_id"] for side in ("OD", "OS")],
            **{column: np.repeat(patients[column].to_numpy(), 2) for column in patients.columns},
        }
    )
    table.insert(2, "laterality", ["OD", "OS"] * n)
    for column, drawn in _eyes(table, effects, icc, rng).items():
        name = column.removeprefix("true_")
        table[column] = getattr(fixed, name) if name in values else drawn
    narrow = 150.0 - table.groupby("patient_id", sort=False)["true_arteriole_calibre_um"].mean().to_numpy()
    pressure = 128.0 + 0.4 * (patients["age"] - 60.0) + 0.35 * narrow + rng.normal(0.0, 12.0, n)
    table.insert(6, "systolic_bp", np.repeat(pressure.round(0).to_numpy(), 2))
    sugar = 5.6 + 1.2 * patients["disease"] + rng.normal(0.0, 0.5, n)
    table.insert(7, "hba1c", np.repeat(sugar.clip(4.2, 13.0).round(1).to_numpy(), 2))
    for column, drawn in _looks(n, rng).items():
        if column.removeprefix("_") not in values:
            table[column] = drawn
    table["_seed"] = rng.integers(0, 2**31, 2 * n)
    return EyeCollection(
        name="synthetic cohort",
        table=table,
        read=_Reader(int(size), {name: value for name, value in values.items() if name != "lesions"}),
        licence="BSD-3-Clause",
        citation="Synthetic eyes made by retina_tools.phantom.",
    )


@dataclass(frozen=True)
class _Reader:
    """Draws the eye of one row; a plain class, so that it can be sent to worker processes."""

    size: int
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, row: Mapping[str, Any]) -> xr.Dataset:
        values: dict[str, Any] = {}
        lesions: dict[str, int] = {}
        for column, value in row.items():
            name = column.removeprefix("true_").removeprefix("_")
            if column.startswith("true_") and name in LESIONS:
                lesions[name] = int(value)
            elif column.startswith(("true_", "_")) and name in RANGES:
                values[name] = float(value)
        geometry = anatomy(seed=int(row["_seed"]), **(values | dict(self.fixed)), lesions=lesions)
        return geometry.render(
            self.size, str(row["laterality"]), image_id=str(row["image_id"]), patient_id=str(row["patient_id"])
        )


def _check(
    n: int, effects: Mapping[str, float], prevalence: float, icc: float, seed: int, values: Mapping[str, Any]
) -> None:
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise EyeError(f"n is {n!r}, wanted a whole number of patients from 1.")
    if seed < 0:
        raise EyeError(f"seed is {seed}, wanted a whole number from 0.")
    for name, share in (("prevalence", prevalence), ("icc", icc)):
        if not 0.0 <= share <= 1.0:
            raise EyeError(f"{name} is {share!r}, wanted 0 to 1.")
    known = (*TRAITS, *LESIONS)
    for name, size in effects.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise EyeError(f"{name!r} is not something the disease can change. {hint}Known: {', '.join(known)}.")
        if not np.isfinite(size):
            raise EyeError(f"The effect on {name} is {size!r}, wanted a number.")
        if name in TRAITS and TRAITS[name].parameter in values:
            raise EyeError(
                f"{TRAITS[name].parameter} is fixed for all eyes, so the disease cannot change it; drop one."
            )


def _patients(n: int, prevalence: float, age_gap_years: float, rng: np.random.Generator) -> pd.DataFrame:
    width = max(3, len(str(n)))
    disease = rng.permutation((np.arange(n) < round(n * prevalence)).astype(int))
    age = rng.normal(60.0, 10.0, n) + age_gap_years * (disease - prevalence)
    return pd.DataFrame(
        {
            "patient_id": [f"P{number:0{width}d}" for number in range(1, n + 1)],
            "age": np.clip(age, 30.0, 90.0).round(1),
            "sex": np.where(rng.random(n) < 0.5, "female", "male"),
            "disease": disease,
        }
    )


def _eyes(table: pd.DataFrame, effects: Mapping[str, float], icc: float, rng: np.random.Generator) -> dict[str, Floats]:
    """True anatomy of every eye: norm, age, sex, disease, and the share each patient and each eye has in the rest."""
    from scipy.stats import norm, poisson  # takes a third of a second to import

    n = len(table) // 2
    decades = (table["age"].to_numpy() - 60.0) / 10.0
    men, disease = (table["sex"] == "male").to_numpy(), table["disease"].to_numpy()
    columns: dict[str, Floats] = {}
    for name, trait in TRAITS.items():
        value = trait.mean + trait.per_decade * decades + trait.men * men + effects.get(name, 0.0) * disease
        low, high = RANGES[trait.parameter]
        columns[f"true_{trait.parameter}"] = np.clip(value + trait.sd * _shared(n, icc, rng), low, high)
    for name in (*_COUNTED, *(kind for kind in LESIONS if kind in effects and kind not in _COUNTED)):
        expected = _HEALTHY_LESIONS.get(name, 0.0) + effects.get(name, 0.0) * disease
        quantile = norm.cdf(_shared(n, icc, rng))
        most = HABITS[name].most if name in HABITS else 50
        columns[f"true_{name}"] = poisson.ppf(quantile, np.maximum(expected, 0.0)).clip(0, most).astype(int)
    return columns


def _shared(n: int, icc: float, rng: np.random.Generator) -> Floats:
    """Standard normal values for 2 n eyes, correlated by ``icc`` within a patient."""
    patient, eye = np.repeat(rng.standard_normal(n), 2), rng.standard_normal(2 * n)
    values: Floats = np.sqrt(icc) * patient + np.sqrt(1.0 - icc) * eye
    return values


def _looks(n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Colour of the fundus per patient, light and focus per picture."""
    return {
        "_pigmentation": np.repeat(rng.beta(2.0, 3.0, n), 2),
        "_tessellation": np.repeat(rng.beta(1.5, 4.0, n), 2),
        "_uneven_illumination": rng.uniform(0.1, 0.6, 2 * n),
        "_blur_um": rng.uniform(7.0, 14.0, 2 * n),
    }
