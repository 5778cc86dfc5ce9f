"""Measuring an eye: the registered measures applied, with units, statuses and provenance."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

import retina_tools
from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.draws import BOUNDARY_ERROR_DD, CORRELATION_DD, draw_masks
from retina_tools.biomarkers.registry import DIMENSIONS, Biomarker, Status, Unmeasurable, select
from retina_tools.schema import ASSUMED_DISC_DIAMETER_UM, EyeError, has_mask, with_parts

_KEYS: Final = ("image_id", "patient_id", "laterality")


def measure(
    eye: xr.Dataset,
    names: Sequence[str] | str | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    boundary_error_dd: float = BOUNDARY_ERROR_DD,
    correlation_dd: float = CORRELATION_DD,
) -> xr.Dataset:
    """Measure the biomarkers of an eye.

    Parameters
    ----------
    eye : xarray.Dataset
        With the masks of what is to be measured; see :mod:`retina_tools.schema`.
    names : sequence of str, optional
        Biomarkers without units, as :func:`catalogue` lists them; all of them by default.
    draws : int, optional
        Measure so many drawn masks instead of the eye's own, along a dimension ``draw``: from the probabilities where a
        structure has them, else with its outline moved; see :mod:`retina_tools.biomarkers.draws`. Then
        ``.quantile([0.025, 0.5, 0.975], "draw")`` is the interval; the column ``interval`` of the catalogue says for
        which biomarkers it holds what it promises.
    seed : int
        Of the draws.
    boundary_error_dd : float
        Standard deviation of the place of outlines without probabilities, in disc diameters. The default makes
        central equivalents uncertain by some 4 %, as much as careful readers differ; take what is known of the drawing.
    correlation_dd : float
        Distance in disc diameters over which errors go together.

    Returns
    -------
    xarray.Dataset
        One variable per biomarker and unit, its name ending in the unit, along ``vessel``, ``region``, ``lesion`` and
        the other ``DIMENSIONS`` as far as it has them, and for each a variable ``<name>_status`` that says why a value
        is NaN. Kinds of lesions and atrophy that were not looked for are left out, so that a dimension may be empty.
        A measure that breaks down is NaN with the status ``failed`` and a warning; the others are not affected.

    Raises
    ------
    EyeError
        A name is not a biomarker, or the eye is not one.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> y, x = np.mgrid[:200, :200]
    >>> disc, cup = np.hypot(y - 100, x - 120) < 30, np.hypot(y - 100, x - 120) < 15
    >>> found = measure(new_eye(masks={"optic_disc": disc, "optic_cup": cup}), ["cup_disc_ratio_area", "disc_area"])
    >>> round(float(found.cup_disc_ratio_area), 2), Status(int(found.disc_area_mm2_status)).word
    (0.25, 'no_scale')
    """
    entries = select(names)
    if not isinstance(eye, xr.Dataset) or "structure" not in eye.coords:
        raise EyeError("measure needs an eye, as schema.new_eye or io.read_fundus makes one.")
    if draws is None:
        return _measure_one(eye, entries)
    drawn = draw_masks(eye, draws, seed, boundary_error_dd=boundary_error_dd, correlation_dd=correlation_dd)
    found = xr.concat([_measure_one(one, entries) for one in drawn], dim="draw", join="exact", combine_attrs="override")
    step = f"biomarkers.draw_masks(draws={draws}, seed={seed}, {boundary_error_dd=:g}, {correlation_dd=:g})"
    found.attrs["provenance"] = "\n".join([*eye.attrs.get("provenance", []), step, "biomarkers.measure"])
    return found.assign_coords(draw=np.arange(draws))


def _measure_one(eye: xr.Dataset, entries: Sequence[Biomarker]) -> xr.Dataset:
    """The biomarkers of an eye as it is drawn."""
    anatomy = Anatomy(eye)
    coords = _coordinates(eye, entries)
    variables: dict[str, xr.DataArray] = {}
    for entry in entries:
        variables |= _measure_entry(anatomy, entry, coords)
    results = xr.Dataset(variables, coords={dim: list(at) for dim, at in coords.items()})
    results = results.assign_coords({key: str(eye[key].item()) if key in eye.coords else "" for key in _KEYS})
    results.attrs = {
        "title": "Retinal biomarkers",
        "package_version": retina_tools.__version__,
        "um_per_pixel": anatomy.um_per_pixel,
        "scale_source": anatomy.scale_source,
        # One string, one step a line: lists of strings do not survive every netCDF backend.
        "provenance": "\n".join([*eye.attrs.get("provenance", []), "biomarkers.measure"]),
    }
    return results


def _coordinates(eye: xr.Dataset, entries: Sequence[Biomarker]) -> dict[str, tuple[str, ...]]:
    """Every dimension that is used, with the coordinates at which at least one biomarker is defined."""
    coords = {}
    for dim, every in DIMENSIONS.items():
        used = {at for entry in entries for at in entry.dims.get(dim, ())}
        if used:
            coords[dim] = tuple(at for at in every if at in used and _is_looked_for(eye, dim, at))
    return coords


def _is_looked_for(eye: xr.Dataset, dim: str, at: str) -> bool:
    """Whether a coordinate has a mask, for those dimensions that are kinds of findings."""
    if dim == "lesion":
        return has_mask(eye, at)
    return dim != "atrophy" or has_mask(eye, f"{at}_atrophy")


def _measure_entry(
    anatomy: Anatomy, entry: Biomarker, coords: Mapping[str, tuple[str, ...]]
) -> dict[str, xr.DataArray]:
    """All variables of one biomarker."""
    axes = {dim: coords[dim] for dim in entry.dims}
    shape = tuple(len(at) for at in axes.values())
    pixels = np.full(shape, np.nan)
    status = np.full(shape, Status.NOT_APPLICABLE, np.int8)
    failures: list[str] = []
    for place in np.ndindex(*shape):
        at = {dim: axes[dim][k] for dim, k in zip(axes, place, strict=True)}
        if all(value in entry.dims[dim] for dim, value in at.items()):
            pixels[place], status[place], failure = _measure_once(anatomy, entry, at)
            failures += [failure] if failure else []
    if failures:
        warnings.warn(
            f"The biomarker {entry.name!r} failed on {anatomy.eye['image_id'].item()!r} and is NaN there: "
            f"{failures[0]}",
            RuntimeWarning,
            stacklevel=4,
        )
    found: dict[str, xr.DataArray] = {}
    for name in entry.variables:
        found |= _in_unit(anatomy, entry, name, pixels, status, tuple(axes))
    return found


def _measure_once(anatomy: Anatomy, entry: Biomarker, at: Mapping[str, str]) -> tuple[float, Status, str]:
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(entry.function(anatomy, **at))
    except Unmeasurable as reason:
        return math.nan, reason.status, ""
    except Exception as error:  # one broken measure must never lose the others
        return math.nan, Status.FAILED, f"{type(error).__name__}: {error}"
    return (value, Status.OK, "") if math.isfinite(value) else (math.nan, Status.IMPLAUSIBLE, "")


def _in_unit(
    anatomy: Anatomy,
    entry: Biomarker,
    name: str,
    pixels: np.ndarray[Any, np.dtype[np.float64]],
    status: np.ndarray[Any, np.dtype[np.int8]],
    dims: tuple[str, ...],
) -> dict[str, xr.DataArray]:
    """One variable and its status."""
    unit = entry.variables[name]
    values, flags = pixels, status
    try:
        values = values * anatomy.per_pixel(unit, measured_scale=entry.measured_scale)
    except Unmeasurable as reason:
        flags = np.where(flags == Status.OK, np.int8(reason.status), flags)
        values = np.full_like(values, np.nan)
    title = f"{entry.label} [{unit.words}]" if unit.words else entry.label
    return {
        name: xr.DataArray(
            values,
            dims=dims,
            attrs={
                "units": unit.units,
                "long_name": title,
                "definition": entry.definition,
                "source": entry.source,
                "ancillary_variables": f"{name}_status",
            },
        ),
        f"{name}_status": xr.DataArray(
            flags,
            dims=dims,
            attrs={
                "long_name": f"Status of {entry.label}",
                "standard_name": "status_flag",
                "flag_values": np.array(list(Status), np.int8),
                "flag_meanings": " ".join(code.word for code in Status),
            },
        ),
    }


def to_table(results: xr.Dataset, *, status: bool = False) -> pd.DataFrame:
    """Flatten the biomarkers of an eye to one row.

    Parameters
    ----------
    results : xarray.Dataset
        As :func:`measure` gives it.
    status : bool
        Also the statuses, as words, in columns ``<name>_status.<coordinates>``.

    Returns
    -------
    pandas.DataFrame
        One row; columns ``image_id, patient_id, laterality`` and then one per value, for example
        ``calibre_equivalent_um.artery.zone_b``. Coordinates a biomarker is not defined at have no column.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> mask = np.zeros((50, 50), bool); mask[20:22] = True
    >>> table = to_table(measure(new_eye(masks={"hard_exudate": mask}, image_id="a"), "lesion_count"))
    >>> table.to_dict("records")
    [{'image_id': 'a', 'patient_id': '', 'laterality': '', 'lesion_count.hard_exudate': 1.0}]
    """
    row: dict[str, Any] = {key: str(results[key].item()) for key in _KEYS if key in results.coords}
    names = [str(name) for name in results.data_vars if f"{name}_status" in results.data_vars]
    for name in names:
        for label, value, flag in cells(results, name):
            row[f"{name}{label}"] = value
            if status:
                row[f"{name}_status{label}"] = flag.word
    return pd.DataFrame([row])


def cells(results: xr.Dataset, name: str) -> Iterator[tuple[str, float, Status]]:
    """Label, value and status of every coordinate a variable is defined at."""
    values, flags = results[name].values, results[f"{name}_status"].values
    coords = [[str(at) for at in results[dim].values] for dim in results[name].dims]
    for place, at in zip(np.ndindex(*values.shape), itertools.product(*coords), strict=True):
        flag = Status(int(flags[place]))
        if flag is not Status.NOT_APPLICABLE:
            yield "".join(f".{part}" for part in at), float(values[place]), flag


def scale_from_disc(eye: xr.Dataset, disc_diameter_um: float = ASSUMED_DISC_DIAMETER_UM) -> xr.Dataset:
    """A new eye whose scale is set by assuming the size of its disc.

    Discs vary by a tenth or so from eye to eye, and so will everything in micrometres; this is a choice to be made, and
    the scale's source says ``disc_diameter`` from then on.

    Parameters
    ----------
    eye : xarray.Dataset
        With an optic disc.
    disc_diameter_um : float
        Diameter taken for granted, by default the anatomical mean of 1800 um.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    EyeError
        The eye has no whole optic disc, or the diameter is not one.

    Examples
    --------
    >>> import numpy as np
    >>> from retina_tools.schema import new_eye
    >>> y, x = np.mgrid[:200, :200]
    >>> eye = scale_from_disc(new_eye(masks={"optic_disc": np.hypot(y - 100, x - 100) < 45}))
    >>> round(eye.attrs["um_per_pixel"]), eye.attrs["scale_source"]
    (20, 'disc_diameter')
    """
    if not 800 <= disc_diameter_um <= 3500:
        raise EyeError(f"disc_diameter_um is {disc_diameter_um!r}, wanted the diameter of a disc, 800 to 3500 um.")
    try:
        diameter = Anatomy(eye).frame.diameter_px
    except Unmeasurable as reason:
        raise EyeError(
            f"The scale cannot be taken from the disc ({reason.status.word}); draw a whole optic disc first."
        ) from None
    return with_parts(
        eye,
        um_per_pixel=disc_diameter_um / diameter,
        scale_source="disc_diameter",
        step=f"biomarkers.scale_from_disc(disc_diameter_um={disc_diameter_um:g})",
    )
