"""What the viewer is told of an eye: its layers from the bottom up, and the facts the read-out needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
import xarray as xr

from retina_tools import schema
from widgets.encoding import encode_mask

T = TypeVar("T")

# Vessels lie under the areas drawn around them, lesions on top; among vessels the artery is the upper one.
_BOTTOM: Final = ("vessel", "vein", "artery")
_TOP: Final = ("macula", "optic_disc", "optic_cup")

# Dashes in CSS pixels (line, gap, ...): a second code beside the colour. Arteries and discs are solid.
_DASHES: Final[dict[str, list[int]]] = {
    "artery": [],
    "vein": [7, 4],
    "vessel": [2, 3],
    "optic_disc": [],
    "optic_cup": [5, 3],
    "macula": [3, 3],
}
_OTHER_DASHES: Final[tuple[list[int], ...]] = ([], [6, 3], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4])

# Why the read-out has no distance from a disc that is drawn.
_DISC_MISSING: Final = {"out_of_view": "disc cut off by the edge", "implausible": "disc mask implausible"}

VESSEL_OPACITY: Final = 0.8
LESION_OPACITY: Final = 0.7


def draw_order(present: list[str]) -> list[str]:
    """Names from the bottom to the top: phenotypes, vessels, macula, disc and cup, lesions.

    Examples
    --------
    >>> draw_order(["artery", "optic_disc", "haemorrhage", "vein", "tessellation"])
    ['tessellation', 'vein', 'artery', 'optic_disc', 'haemorrhage']
    """
    order = [*schema.names("phenotype"), *_BOTTOM, *_TOP, *schema.names("lesion")]
    return [name for name in order if name in present]


def default_visible(layers: list[dict[str, Any]]) -> tuple[str, ...]:
    """All layers but those that say again what others say better."""
    return tuple(layer["name"] for layer in layers if not layer["repeats"])


def _repeats(eye: xr.Dataset, name: str) -> bool:
    """Whether a layer mostly repeats others: all vessels, say, where arteries and veins are told apart.

    Under the arteries and veins it would muddle their colours. A vessel mask with only what is neither repeats nothing.
    """
    parts = [part for part in ("artery", "vein") if part in eye["structure"].values]
    if name != "vessel" or not parts:
        return False
    vessel = eye["mask"].sel(structure=name).values
    told_apart = vessel & eye["mask"].sel(structure=parts).values.any(axis=0)
    return bool(2 * np.count_nonzero(told_apart) >= np.count_nonzero(vessel))


def default_outlined(names: list[str]) -> tuple[str, ...]:
    """Areas one wants to see through are outlines: disc, cup, macula and the phenotypes."""
    return tuple(name for name in names if name in _TOP or schema.term(name).kind == "phenotype")


def default_opacity(name: str) -> float:
    """Opacity of a layer to begin with."""
    if name in _BOTTOM:
        return VESSEL_OPACITY
    return LESION_OPACITY if schema.term(name).kind == "lesion" else 1.0


def describe_layers(eye: xr.Dataset, max_side: int) -> list[dict[str, Any]]:
    """One dict per mask in drawing order: its names, looks, size in native pixels and PNG bytes."""
    present = [str(name) for name in eye["structure"].values] if "mask" in eye else []
    layers = []
    for name in draw_order(present):
        term = schema.term(name)
        mask = eye["mask"].sel(structure=name).values
        position = schema.names(term.kind).index(name)
        layers.append(
            {
                "name": name,
                "label": term.label,
                "kind": term.kind,
                "rank": schema.names().index(name),
                "colour": term.colour,
                "dash": _DASHES.get(name, _OTHER_DASHES[position % len(_OTHER_DASHES)]),
                "repeats": _repeats(eye, name),
                "pixels": int(np.count_nonzero(mask)),
                "png": encode_mask(mask, term.rgb, max_side),
            }
        )
    return layers


def describe_eye(eye: xr.Dataset) -> dict[str, Any]:
    """What the browser needs to say where a pixel is; lengths in native pixels, None for what is unknown.

    Disc and fovea are those of the biomarkers (:class:`retina_tools.biomarkers.Frame`), so that a distance read here is
    the distance measured there.
    """
    from retina_tools.biomarkers import Frame

    frame = Frame(eye)
    disc_yx, disc_status = _known(lambda: frame.centre_yx)
    fovea_yx, _ = _known(lambda: frame.fovea_yx)
    diameter, _ = _known(lambda: frame.diameter_px)
    scale = float(eye.attrs.get("um_per_pixel", math.nan))
    points = (("Optic disc", schema.get_landmark(eye, "optic_disc") or disc_yx, False), ("Fovea", fovea_yx, True))
    return {
        "image_id": str(eye.coords["image_id"].item()),
        "patient_id": str(eye.coords["patient_id"].item()),
        "laterality": str(eye.coords["laterality"].item()),
        "height": int(eye.sizes["y"]),
        "width": int(eye.sizes["x"]),
        "um_per_pixel": scale if math.isfinite(scale) else None,
        "scale_source": str(eye.attrs.get("scale_source", "unknown")),
        "disc_yx": disc_yx,
        "disc_missing": _DISC_MISSING.get(disc_status, "no disc"),
        "disc_diameter_px": diameter,
        "fovea_yx": fovea_yx,
        "landmarks": [{"label": label, "yx": yx, "turned": turned} for label, yx, turned in points if yx],
        "has_photograph": "image" in eye,
        "has_fov": not bool(eye["fov"].values.all()),
    }


def _known(read: Callable[[], T]) -> tuple[T | None, str]:
    """A value of the frame, or None and the reason why there is none."""
    from retina_tools.biomarkers import Unmeasurable

    try:
        return read(), ""
    except Unmeasurable as reason:
        return None, reason.status.word
