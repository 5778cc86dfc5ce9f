"""The vocabulary of the eye, and what a valid eye is.

An eye is one :class:`xarray.Dataset`: a photograph, its field of view, the masks and probabilities of the structures
drawn on it, and two landmarks. This module names everything that may be in it, builds one from arrays, and says in one
sentence what is wrong with one. Functions are pure: an eye in, a new eye out.

Points and shapes are in array order (y, x), y down, in pixels; pixel centres lie on whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from retina_tools.taxonomy import TAXONOMY, EyeError, Kind, Term, names, term

__all__ = [
    "ASSUMED_DISC_DIAMETER_UM",
    "AXES",
    "CHANNELS",
    "LATERALITIES",
    "POINTS",
    "SCALE_SOURCES",
    "TAXONOMY",
    "EyeError",
    "Kind",
    "Term",
    "check_scale",
    "get_landmark",
    "get_mask",
    "get_probability",
    "has_mask",
    "names",
    "new_eye",
    "term",
    "validate",
    "with_parts",
    "without_masks",
]

LATERALITIES: Final = ("OD", "OS", "")
SCALE_SOURCES: Final = ("metadata", "user", "disc_diameter", "unknown")
CHANNELS: Final = ("red", "green", "blue")
POINTS: Final = ("optic_disc", "fovea")
AXES: Final = ("y", "x")
ASSUMED_DISC_DIAMETER_UM: Final = 1800.0

# A pixel outside this range is a mistaken unit, not an eye: 0.5 um is below any fundus camera's sampling, and 2 mm
# would show the whole posterior pole on ten pixels.
_PLAUSIBLE_UM_PER_PIXEL: Final = (0.5, 2000.0)


def new_eye(
    image: ArrayLike | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    *,
    probabilities: Mapping[str, ArrayLike] | None = None,
    fov: ArrayLike | None = None,
    landmarks: Mapping[str, tuple[float, float] | None] | None = None,
    laterality: str = "",
    um_per_pixel: float = math.nan,
    scale_source: str = "unknown",
    image_id: str = "",
    patient_id: str = "",
    modality: str = "fundus",
    source: str = "",
    provenance: tuple[str, ...] | list[str] = (),
) -> xr.Dataset:
    """Make an eye from arrays; masks alone are enough to measure.

    Parameters
    ----------
    image : array_like, shape (y, x, 3) or (y, x), optional
        Photograph, uint8; a grey one is repeated in three channels.
    masks : mapping of str to array_like of bool, shape (y, x), optional
        One mask per name of the taxonomy. An absent name means "not looked for", an empty mask "looked for, not there".
    probabilities : mapping of str to array_like, shape (y, x), optional
        Values in [0, 1], stored as float16.
    fov : array_like of bool, shape (y, x), optional
        Field of view; the whole frame where none is given.
    landmarks : mapping, optional
        ``{'optic_disc': (y, x), 'fovea': (y, x)}`` in pixels; None or NaN for an absent one.
    laterality : {'OD', 'OS', ''}
        Right eye, left eye, unknown.
    um_per_pixel : float
        Scale on the retina in micrometres per pixel, NaN when unknown.
    scale_source : {'metadata', 'user', 'disc_diameter', 'unknown'}
        Where the scale comes from; ``'user'`` is filled in when a scale is given without a source.
    image_id, patient_id : str
        Keys of the clinical table.
    modality, source : str
        Kind of image, and the file or generator it came from.
    provenance : sequence of str
        What was done so far, one entry per step.

    Returns
    -------
    xarray.Dataset
        A valid eye.

    Raises
    ------
    EyeError
        The parts do not make an eye; the message says which and why.

    Examples
    --------
    >>> import numpy as np
    >>> disc = np.zeros((64, 64), bool); disc[20:30, 40:50] = True
    >>> eye = new_eye(masks={"optic_disc": disc}, laterality="OD")
    >>> eye.sizes["y"], eye.sizes["x"], eye.structure.values.tolist()
    (64, 64, ['optic_disc'])
    """
    picture = None if image is None else _as_rgb(image)
    mask_arrays = {name: _as_mask(name, value) for name, value in (masks or {}).items()}
    probability_arrays = {name: _as_probability(name, value) for name, value in (probabilities or {}).items()}
    fov_array = None if fov is None else _as_mask("fov", fov)
    shape = _common_shape(picture, mask_arrays, probability_arrays, fov_array)
    if scale_source == "unknown" and math.isfinite(um_per_pixel):
        scale_source = "user"

    eye = xr.Dataset(
        coords={
            "y": np.arange(shape[0]),
            "x": np.arange(shape[1]),
            "channel": list(CHANNELS),
            "structure": np.array([], dtype="<U24"),
            "point": list(POINTS),
            "axis": list(AXES),
            "image_id": str(image_id),
            "patient_id": str(patient_id),
            "laterality": laterality,
        },
        attrs={
            "modality": modality,
            "um_per_pixel": float(um_per_pixel),
            "scale_source": scale_source,
            "source": str(source),
            "provenance": list(provenance),
        },
    )
    if picture is not None:
        eye["image"] = (("y", "x", "channel"), picture)
    eye["fov"] = (("y", "x"), np.ones(shape, bool) if fov_array is None else fov_array)
    eye["landmark"] = (("point", "axis"), np.full((len(POINTS), 2), np.nan))
    return with_parts(eye, masks=mask_arrays, probabilities=probability_arrays, landmarks=landmarks)


def with_parts(
    eye: xr.Dataset,
    *,
    masks: Mapping[str, ArrayLike] | None = None,
    probabilities: Mapping[str, ArrayLike] | None = None,
    landmarks: Mapping[str, tuple[float, float] | None] | None = None,
    step: str | None = None,
    **changes: object,
) -> xr.Dataset:
    """A new eye with parts added or replaced; the one given stays as it is.

    Parameters
    ----------
    eye : xarray.Dataset
    masks, probabilities : mapping of str to array_like, shape (y, x), optional
        Added to those present; the same name is replaced.
    landmarks : mapping of str to (y, x) or None, optional
        Points to set, in pixels; None removes one.
    step : str, optional
        Appended to the provenance.
    **changes
        New values of ``laterality``, ``image_id``, ``patient_id`` (coordinates), ``um_per_pixel``, ``scale_source``,
        ``source``, ``modality`` (attributes) or ``fov``.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    EyeError
        A part does not fit the eye.
    """
    shape = (eye.sizes["y"], eye.sizes["x"])
    new_masks = {name: _as_mask(name, value) for name, value in (masks or {}).items()}
    new_probabilities = {name: _as_probability(name, value) for name, value in (probabilities or {}).items()}
    layers = _merged_layers(eye, new_masks, new_probabilities, shape)
    order = [name for name in TAXONOMY if name in layers]
    new = eye.drop_dims("structure", errors="ignore").assign_coords(structure=np.array(order, dtype="<U24"))
    if order:
        new["mask"] = (("structure", "y", "x"), np.stack([layers[name][0] for name in order]))
    if any(probability is not None for _, probability in layers.values()):
        stack = np.full((len(order), *shape), np.nan, np.float16)
        for plane, name in zip(stack, order, strict=True):
            if (probability := layers[name][1]) is not None:
                plane[:] = probability
        new["probability"] = (("structure", "y", "x"), stack)
    if landmarks:
        new["landmark"] = (("point", "axis"), _set_landmarks(eye["landmark"].values, landmarks))
    new = _apply_changes(new, changes)
    new.attrs["provenance"] = [*eye.attrs.get("provenance", []), *([step] if step else [])]
    return validate(new)


def without_masks(eye: xr.Dataset) -> xr.Dataset:
    """The bare photograph: an eye without masks, probabilities and landmarks, as a camera would give it.

    Parameters
    ----------
    eye : xarray.Dataset
        With an image.

    Returns
    -------
    xarray.Dataset
        Image, field of view, scale, laterality and ids are kept.

    Raises
    ------
    EyeError
        The eye has no image, so nothing would be left.
    """
    if "image" not in eye:
        raise EyeError("This eye has masks but no image, so nothing is left without them; add the photograph first.")
    new = eye.drop_dims("structure", errors="ignore").assign_coords(structure=np.array([], dtype="<U24"))
    new["landmark"] = xr.full_like(eye["landmark"], np.nan)
    return validate(new)


def has_mask(eye: xr.Dataset, name: str) -> bool:
    """Whether a structure was looked for (its mask may be empty); ``'vessel'`` also counts with artery or vein."""
    present = eye["structure"].values if "structure" in eye.coords else ()
    return name in present or (name == "vessel" and ("artery" in present or "vein" in present))


def get_mask(eye: xr.Dataset, name: str) -> NDArray[np.bool_] | None:
    """The mask of one structure, or None where it was not looked for.

    Parameters
    ----------
    eye : xarray.Dataset
    name : str
        A name of the taxonomy. ``'vessel'`` is the union of vessel, artery and vein, as far as they are there.

    Returns
    -------
    ndarray of bool, shape (y, x), or None

    Raises
    ------
    EyeError
        The name is not in the taxonomy.
    """
    term(name)
    if not has_mask(eye, name):
        return None
    parts = ("vessel", "artery", "vein") if name == "vessel" else (name,)
    found = [eye["mask"].sel(structure=part).values for part in parts if part in eye["structure"].values]
    return found[0].copy() if len(found) == 1 else np.logical_or.reduce(found)


def get_probability(eye: xr.Dataset, name: str) -> NDArray[np.float32] | None:
    """The probability of one structure as float32, shape (y, x), or None where no segmenter wrote one."""
    term(name)
    if "probability" not in eye or name not in eye["structure"].values:
        return None
    values: NDArray[np.float32] = eye["probability"].sel(structure=name).values.astype(np.float32)
    return None if np.isnan(values).all() else values


def get_landmark(eye: xr.Dataset, point: Literal["optic_disc", "fovea"]) -> tuple[float, float] | None:
    """A landmark as (y, x) in pixels, or None when absent."""
    y, x = (float(value) for value in eye["landmark"].sel(point=point).values)
    return (y, x) if math.isfinite(y) and math.isfinite(x) else None


def validate(eye: xr.Dataset) -> xr.Dataset:
    """Say in one sentence what is wrong with an eye, or hand it back.

    Parameters
    ----------
    eye : xarray.Dataset

    Returns
    -------
    xarray.Dataset
        The very eye given.

    Raises
    ------
    EyeError
        With the first thing found wrong: what was got, what was wanted, what to do.
    """
    if not isinstance(eye, xr.Dataset):
        raise EyeError(f"An eye is an xarray.Dataset, got {type(eye).__name__}; make one with schema.new_eye(...).")
    if missing := [name for name in ("y", "x") if name not in eye.sizes]:
        raise EyeError(f"The eye has no dimension {missing[0]!r}; make it with schema.new_eye(image, masks).")
    if missing := [name for name in ("fov", "landmark") if name not in eye]:
        raise EyeError(f"The eye has no variable {missing[0]!r}; make it with schema.new_eye(image, masks).")
    if missing := [name for name in ("image_id", "patient_id", "laterality") if name not in eye.coords]:
        raise EyeError(f"The eye has no coordinate {missing[0]!r}; make it with schema.new_eye(image, masks).")
    _validate_arrays(eye)
    _validate_structures(eye)
    _validate_landmarks(eye)
    _validate_metadata(eye)
    return eye


def _validate_arrays(eye: xr.Dataset) -> None:
    wanted: dict[str, tuple[tuple[str, ...], str]] = {
        "image": (("y", "x", "channel"), "uint8"),
        "fov": (("y", "x"), "bool"),
        "mask": (("structure", "y", "x"), "bool"),
        "probability": (("structure", "y", "x"), "float16"),
    }
    for name, (dims, dtype) in wanted.items():
        if name not in eye:
            continue
        array = eye[name]
        if array.dims != dims:
            raise EyeError(f"The variable {name!r} has dimensions {array.dims}, wanted {dims}; transpose it.")
        if array.dtype != np.dtype(dtype):
            raise EyeError(f"The variable {name!r} is of type {array.dtype}, wanted {dtype}; convert it first.")
    if "image" in eye and eye.sizes["channel"] != len(CHANNELS):
        raise EyeError(f"The image has {eye.sizes['channel']} channels, wanted 3 (red, green, blue).")
    if min(eye.sizes["y"], eye.sizes["x"]) < 1:
        raise EyeError(f"The eye is {eye.sizes['y']} x {eye.sizes['x']} pixels; it needs at least one.")


def _validate_structures(eye: xr.Dataset) -> None:
    present = [str(name) for name in eye["structure"].values] if "structure" in eye.coords else []
    for name in present:
        term(name)
    if len(set(present)) != len(present):
        twice = next(name for name in present if present.count(name) > 1)
        raise EyeError(f"The structure {twice!r} is there twice; merge the two masks.")
    if present and "mask" not in eye:
        raise EyeError(f"The eye names the structures {', '.join(present)} but has no masks; use schema.with_parts.")
    if "probability" in eye:
        # Half floats from 0 to 1 are the bit patterns up to 0x3c00; comparing integers is ten times faster.
        bits = eye["probability"].values.view(np.uint16)
        is_nan = (bits & 0x7FFF) > 0x7C00
        if bool(((bits > 0x3C00) & (bits != 0x8000) & ~is_nan).any()):
            values = eye["probability"].values
            raise EyeError(
                f"Probabilities run from {np.nanmin(values):g} to {np.nanmax(values):g}, wanted 0 to 1; "
                "divide or squash them first."
            )


def _validate_landmarks(eye: xr.Dataset) -> None:
    landmark = eye["landmark"]
    if landmark.dims != ("point", "axis") or tuple(landmark["point"].values) != POINTS:
        raise EyeError(f"Landmarks have dimensions {landmark.dims}, wanted (point, axis) with the points {POINTS}.")
    height, width = eye.sizes["y"], eye.sizes["x"]
    for point, (y, x) in zip(POINTS, landmark.values, strict=True):
        if np.isnan(y) != np.isnan(x):
            raise EyeError(f"The landmark {point!r} is ({y:g}, {x:g}); give both coordinates or neither.")
        if not np.isnan(y) and not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
            raise EyeError(
                f"The landmark {point!r} is at (y={y:g}, x={x:g}), outside the {height} x {width} picture; "
                "points are (y, x), so check their order."
            )


def _validate_metadata(eye: xr.Dataset) -> None:
    laterality = eye.coords["laterality"].item()
    if laterality not in LATERALITIES:
        raise EyeError(f"Laterality is {laterality!r}, wanted 'OD' (right eye), 'OS' (left eye) or '' (unknown).")
    scale, source = eye.attrs.get("um_per_pixel", math.nan), eye.attrs.get("scale_source", "unknown")
    if source not in SCALE_SOURCES:
        raise EyeError(f"The scale source is {source!r}, wanted one of {', '.join(SCALE_SOURCES)}.")
    if math.isnan(scale) != (source == "unknown"):
        raise EyeError(f"The scale is {scale:g} um per pixel but its source is {source!r}; give both or neither.")
    if not math.isnan(scale):
        check_scale(scale)


def check_scale(um_per_pixel: float) -> None:
    """Refuse a scale that no photograph of an eye has.

    Parameters
    ----------
    um_per_pixel : float
        Micrometres on the retina per pixel.

    Raises
    ------
    EyeError
        It is not between 0.5 and 2000.

    Examples
    --------
    >>> check_scale(-3)
    Traceback (most recent call last):
        ...
    retina_tools.taxonomy.EyeError: The scale is -3 um per pixel, wanted 0.5 to 2000 (a fundus camera has 2 to 30); ...
    """
    low, high = _PLAUSIBLE_UM_PER_PIXEL
    if not low <= um_per_pixel <= high:
        raise EyeError(
            f"The scale is {um_per_pixel:g} um per pixel, wanted {low:g} to {high:g} (a fundus camera has 2 to 30); "
            "is it in millimetres?"
        )


def _as_rgb(image: ArrayLike) -> NDArray[np.uint8]:
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise EyeError(
            f"The image is of type {array.dtype}, wanted uint8 from 0 to 255; io.read_fundus converts any file."
        )
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3:
        raise EyeError(f"The image has shape {array.shape}, wanted (y, x, 3) or (y, x).")
    return array


def _as_mask(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.ndim != 2:
        raise EyeError(f"The mask {name!r} has shape {array.shape}, wanted (y, x).")
    if array.dtype != bool:
        if not np.isin(array, (0, 1)).all():
            raise EyeError(f"The mask {name!r} holds other values than 0 and 1; threshold it, or use io.read_masks.")
        array = array.astype(bool)
    return array


def _as_probability(name: str, values: ArrayLike) -> NDArray[np.float16]:
    array = np.asarray(values)
    if array.ndim != 2:
        raise EyeError(f"The probability {name!r} has shape {array.shape}, wanted (y, x).")
    return array.astype(np.float16)


def _common_shape(
    picture: NDArray[np.uint8] | None,
    masks: Mapping[str, NDArray[np.bool_]],
    probabilities: Mapping[str, NDArray[np.float16]],
    fov: NDArray[np.bool_] | None,
) -> tuple[int, int]:
    shapes: dict[str, tuple[int, ...]] = {}
    if picture is not None:
        shapes["image"] = picture.shape[:2]
    if fov is not None:
        shapes["fov"] = fov.shape
    shapes |= {f"mask {name!r}": array.shape for name, array in masks.items()}
    shapes |= {f"probability {name!r}": array.shape for name, array in probabilities.items()}
    if not shapes:
        raise EyeError("An eye needs an image or at least one mask; got neither.")
    (first, shape), *rest = shapes.items()
    for name, other in rest:
        if other != shape:
            raise EyeError(
                f"The {name} is {other[0]} x {other[1]} pixels but the {first} is {shape[0]} x {shape[1]}; "
                "give both at the same size."
            )
    return int(shape[0]), int(shape[1])


def _merged_layers(
    eye: xr.Dataset,
    masks: Mapping[str, NDArray[np.bool_]],
    probabilities: Mapping[str, NDArray[np.float16]],
    shape: tuple[int, int],
) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float16] | None]]:
    """Mask and probability of every structure, old and new.

    A new mask without a probability drops the old one (it no longer says how sure the drawing is); a new probability
    without a mask is cut at one half.
    """
    layers: dict[str, tuple[NDArray[np.bool_], NDArray[np.float16] | None]] = {}
    for index, name in enumerate(eye["structure"].values if "mask" in eye else ()):
        plane = eye["probability"].values[index] if "probability" in eye else None
        layers[str(name)] = (eye["mask"].values[index], plane)
    for name in {**masks, **probabilities}:
        term(name)
        for part, array in (("mask", masks.get(name)), ("probability", probabilities.get(name))):
            if array is not None and array.shape != shape:
                raise EyeError(
                    f"The {part} {name!r} is {array.shape[0]} x {array.shape[1]} pixels but the eye is "
                    f"{shape[0]} x {shape[1]}; bring it to the photograph's size first (nearest neighbour for masks)."
                )
        probability = probabilities.get(name)
        mask = masks[name] if name in masks else probabilities[name] >= 0.5
        layers[name] = (mask, probability)
    return layers


def _set_landmarks(
    current: NDArray[np.float64], landmarks: Mapping[str, tuple[float, float] | None]
) -> NDArray[np.float64]:
    points = current.copy()
    for point, position in landmarks.items():
        if point not in POINTS:
            raise EyeError(f"{point!r} is not a landmark; wanted {' or '.join(map(repr, POINTS))}.")
        points[POINTS.index(point)] = (np.nan, np.nan) if position is None else position
    return points


def _apply_changes(eye: xr.Dataset, changes: Mapping[str, object]) -> xr.Dataset:
    for name, value in changes.items():
        if name in ("laterality", "image_id", "patient_id"):
            eye = eye.assign_coords({name: str(value)})
        elif name in ("um_per_pixel", "scale_source", "source", "modality"):
            eye.attrs[name] = value
        elif name == "fov":
            fov = _as_mask("fov", value)  # type: ignore[arg-type]
            if fov.shape != (eye.sizes["y"], eye.sizes["x"]):
                raise EyeError(
                    f"The fov is {fov.shape}, the eye {(eye.sizes['y'], eye.sizes['x'])}; give the same size."
                )
            eye["fov"] = (("y", "x"), fov)
        else:
            raise EyeError(f"{name!r} is not a part of an eye that can be changed.")
    return eye
