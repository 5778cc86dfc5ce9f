"""What RetSAM leaves behind for one picture: masks and a file of measurements, under names that say what they are."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retina_tools.io.codings import CODINGS
from retina_tools.io.errors import ReadError
from retina_tools.io.mask_files import MaskPicture, Masks, binary_mask, label_masks, read_mask_picture
from retina_tools.taxonomy import TAXONOMY

if TYPE_CHECKING:
    import pandas as pd

_JSON: Final = "quantitative_analysis.json"
# Labels 1, 2, ... of each map, in the taxonomy's names.
_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "tessellation": ("tessellation",),
    "myopia": ("arc_atrophy", "diffuse_atrophy", "patchy_atrophy"),
    "lesion_dr": ("haemorrhage", "hard_exudate", "cotton_wool_spot", "laser_scar"),
    "lesion_amd": ("drusen", "patchy_haemorrhage"),
    "lesion_others": ("epiretinal_membrane", "artifact", "retinal_scar", "macular_hole"),
    "possible_lesions": ("other", "myelinated_nerve_fibre", "venous_tortuosity"),
}
# RetSAM's names of classes, in measurements and in the black and white files, where they are not the taxonomy's.
_CLASSES: Final[Mapping[str, str]] = {
    "hemorrhage": "haemorrhage",
    "exudate": "hard_exudate",
    "laser_spot": "laser_scar",
    "patch_hemorrhage": "patchy_haemorrhage",
    "other_lesions": "other",
    "myelinated_nerve_fiber": "myelinated_nerve_fibre",
    "arc_lesion": "arc_atrophy",
    "diffuse_chorioretinal_atrophy": "diffuse_atrophy",
    "patchy_chorioretinal_atrophy": "patchy_atrophy",
    "tessellation_region": "tessellation",
}
_FRAME: Final = "in the 640 x 640 frame to which the picture, cropped to the retina, was stretched"
_DEFINITIONS: Final[Mapping[str, str]] = {
    "cup_disc_ratio_horizontal": "horizontal extent of the cup over that of the disc, from cd_list",
    "cup_disc_ratio_vertical": "vertical extent of the cup over that of the disc, from cd_list",
    "cup_disc_ratio_longest_axis": "cup over disc along the longest axis of the disc (RetSAM: cup_disc_ratio)",
    "disc_width_height_ratio": (
        f"width over height of the disc itself, {_FRAME} (RetSAM: vertical_cd_ratio, which it is not)"
    ),
    "disc_axis_angle_deg": f"tilt of the longest axis of the disc against the vertical, {_FRAME}",
    "arteriole_venule_ratio_widest": "mean width of the widest arteries over that of the widest veins, not CRAE/CRVE",
    "artery_widest_mean_um": "mean of the three widest pieces, not Knudtson's equivalent (RetSAM: CRAE); assumed scale",
    "vein_widest_mean_um": "mean of the three widest pieces, not Knudtson's equivalent (RetSAM: CRVE); assumed scale",
    "um_per_pixel_assumed": f"12 mm over the width, whatever the camera, {_FRAME}",
    "tortuosity_artery": "sum over the five most tortuous branches, not divided by their length",
    "tortuosity_vein": "sum over the five most tortuous branches, not divided by their length",
    "vessel_fraction": "vessel pixels over all pixels of the frame, black corners included",
    "fovea_y_fraction": "position of the fovea as a fraction of the height of the picture cropped to the retina",
    "fovea_x_fraction": "position of the fovea as a fraction of the width of the picture cropped to the retina",
    "laterality_detected": "from the side of the fovea, or of the picture, that the disc is on; no metadata",
}


class RetsamResult(NamedTuple):
    """Masks and measurements of one picture.

    Attributes
    ----------
    masks : dict of str to ndarray of bool, shape (y, x)
        Under the taxonomy's names.
    table : pandas.DataFrame
        One row; ``table.attrs["definitions"]`` says what each doubtful column is, ``table.attrs["left_out"]`` what was
        not taken over and why.
    """

    masks: Masks
    table: pd.DataFrame


def read_retsam(folder: str | os.PathLike[str]) -> RetsamResult:
    """Read what RetSAM wrote for one picture.

    Parameters
    ----------
    folder : path
        With ``masks/``, ``quantitative_analysis.json``, or both.

    Returns
    -------
    RetsamResult
        ``masks`` and the one-row ``table``. Lengths and areas in ``_px`` are in RetSAM's frame of 640 x 640 pixels.

    Raises
    ------
    ReadError
        Neither masks nor measurements are there, or they are damaged.

    Notes
    -----
    Written for the public code's schema 2.1.0 [1]_. Renamed is what its name does not say: ``vertical_cd_ratio`` is the
    disc's own width over height, CRAE and CRVE are the widest pieces. Left out are the lesion quadrants (counted from a
    point in other pixels), severities, and the path of the picture. Width and height, exchanged in the file, are put
    right. Zeros that stand for "not found" become NaN.

    References
    ----------
    .. [1] RetSAM, a general model for retinal segmentation and quantification, https://github.com/Wzhjerry/RetSAM
    """
    import pandas as pd

    base = Path(folder)
    if not base.is_dir():
        raise ReadError(f"{base.name!r} is not a folder; wanted the one RetSAM made for a picture, with masks/ in it.")
    masks, left_out = read_retsam_masks(base) if _mask_folder(base) else ({}, [])
    report = base / _JSON
    if not report.is_file():
        if not masks:
            raise ReadError(
                f"The folder {base.name!r} has neither masks/ nor {_JSON}; choose the folder of one picture."
            )
        table = pd.DataFrame([{"image_id": base.name}])
    else:
        table = pd.DataFrame([_row(_loaded(report), base.name, _shape(masks))])
        left_out = [
            *left_out,
            "lesion quadrants: counted from a point that is not in the same pixels",
            "severities: thresholds on coverage, not a clinical grade",
            "image_path: may name a person or a place",
        ]
    table.attrs["definitions"] = {name: text for name, text in _DEFINITIONS.items() if name in table}
    table.attrs["left_out"] = left_out
    return RetsamResult(masks, table)


def is_retsam(folder: Path) -> bool:
    """Whether a folder holds RetSAM's masks."""
    inside = _mask_folder(folder)
    return inside is not None and any(
        (inside / f"{name}_mask.png").is_file() for name in ("artery_vein", "od_oc", *_MAPS)
    )


def read_retsam_masks(folder: Path) -> tuple[Masks, list[str]]:
    """Masks of a folder of RetSAM, and what was left out of it and why.

    Raises
    ------
    ReadError
        There are none, they are damaged, or of different sizes.
    """
    inside = _mask_folder(folder)
    if inside is None:
        raise ReadError(f"The folder {folder.name!r} has no RetSAM masks; wanted files such as artery_vein_mask.png.")
    masks: Masks = {}
    left_out: list[str] = []
    if (picture := _map(inside, "artery_vein")) is not None:
        masks |= label_masks(picture, CODINGS["av_both"])
    elif (inside / "artery_vein_artery.png").is_file():
        left_out.append("artery_vein_artery.png: RetSAM's --binary_masks_only writes the veins under this name")
    if (picture := _map(inside, "od_oc")) is not None:
        masks |= label_masks(picture, CODINGS["disc_cup"])
    elif (inside / "od_oc_optic_disc.png").is_file() and (inside / "od_oc_optic_cup.png").is_file():
        cup = binary_mask(read_mask_picture(inside / "od_oc_optic_cup.png"))
        masks |= {"optic_disc": cup | binary_mask(read_mask_picture(inside / "od_oc_optic_disc.png")), "optic_cup": cup}
    for name, structures in _MAPS.items():
        if (picture := _map(inside, name)) is not None:
            masks |= _numbered(picture, structures)
    for file in sorted(inside.glob("*.png")):
        single = _class_of_file(file.stem)
        if single is not None and single not in masks:
            masks[single] = binary_mask(read_mask_picture(file))
    if len({mask.shape for mask in masks.values()}) > 1:
        raise ReadError(f"The masks in {inside.name!r} are of different sizes; let RetSAM write them again.")
    return {name: masks[name] for name in TAXONOMY if name in masks}, left_out


def _mask_folder(folder: Path) -> Path | None:
    for inside in (folder / "masks", folder):
        if inside.is_dir() and any(inside.glob("*.png")):
            return inside
    return None


def _map(inside: Path, name: str) -> MaskPicture | None:
    for file in (inside / f"{name}_mask.png", inside / f"{name}.png"):
        if file.is_file():
            return read_mask_picture(file)
    return None


def _numbered(picture: MaskPicture, structures: tuple[str, ...]) -> Masks:
    if not picture.numbers or picture.numbers[0].max(initial=0) > len(structures):
        raise ReadError(
            f"{picture.name!r} does not hold the labels 0 to {len(structures)} ({', '.join(structures)}); "
            "is it one of RetSAM's coloured overlays?"
        )
    return {name: picture.numbers[0] == number for number, name in enumerate(structures, start=1)}


def _class_of_file(stem: str) -> str | None:
    """The structure of a black and white file such as lesion_dr_hemorrhage.png, or None."""
    for group in _MAPS:
        if stem.startswith(f"{group}_"):
            word = stem.removeprefix(f"{group}_")
            name = _CLASSES.get(word, word)
            return name if name in TAXONOMY else None
    return None


def _shape(masks: Masks) -> tuple[int, int] | None:
    return next((mask.shape for mask in masks.values()), None)


def _loaded(report: Path) -> dict[str, Any]:
    try:
        content = json.loads(report.read_text(encoding="utf-8-sig"))
        if isinstance(content, dict) and isinstance(content.get("measurements"), dict):
            return content
    except (OSError, ValueError):
        pass
    raise ReadError(
        f"{report.name!r} in {report.parent.name!r} is not RetSAM's file of measurements; let it write anew."
    )


def _row(content: dict[str, Any], folder: str, shape: tuple[int, int] | None) -> dict[str, Any]:
    meta, measured = content.get("meta") or {}, content["measurements"]
    image = PurePosixPath(str(meta.get("image_id") or folder)).name
    row: dict[str, Any] = {"image_id": image.rsplit(".", 1)[0].rstrip(".") if "." in image else image}
    said = (_number(meta, "width"), _number(meta, "height"))
    # The file has the two exchanged; the masks, where there are some, tell whether this one has.
    width, height = said if shape == (said[1], said[0]) else (said[1], said[0])
    row |= {"width_px": width, "height_px": height, "schema_version": str(meta.get("schema_version", ""))}
    row |= _disc_values(measured.get("optic_disc_cup") or {})
    row |= _vessel_values(measured.get("vessels") or {})
    centre = (measured.get("macula") or {}).get("center") or {}
    # Fractions survive the exchange of width and height, pixels do not.
    row["fovea_y_fraction"] = _number(centre, "y") / said[1] if said[1] else math.nan
    row["fovea_x_fraction"] = _number(centre, "x") / said[0] if said[0] else math.nan
    tessellation = measured.get("tessellation") or {}
    row["tessellation_area_px"] = _number(tessellation, "overall", "total_area_px")
    row["tessellation_coverage"] = _number(tessellation, "overall", "coverage_ratio")
    row["tessellation_circularity"] = _number(tessellation, "shape_stats", "mean_circularity")
    row["tessellation_aspect_ratio"] = _number(tessellation, "shape_stats", "mean_aspect_ratio")
    row["tessellation_dispersion_px"] = _number(tessellation, "centroid_dispersion", "value")
    groups = [measured.get("myopia") or {}, *(measured.get("lesions") or {}).values()]
    for group in groups:
        for word, values in ((group or {}).get("categories") or {}).items():
            name = _CLASSES.get(word, word)
            row[f"{name}_count"] = _number(values, "count")
            row[f"{name}_area_px"] = _number(values, "area_px")
            row[f"{name}_coverage"] = _number(values, "coverage_ratio")
            if "shape" in values:
                row[f"{name}_circularity"] = _number(values, "shape", "circularity")
                row[f"{name}_aspect_ratio"] = _number(values, "shape", "aspect_ratio")
    return row


def _disc_values(disc: dict[str, Any]) -> dict[str, Any]:
    sizes = [float(value) if _is_number(value) else math.nan for value in disc.get("cd_list") or [math.nan] * 4]
    cup_width, cup_height, disc_width, disc_height = (sizes + [math.nan] * 4)[:4]
    rim = {
        f"rim_width_{side}_px": _number(disc, "isnt", side) for side in ("inferior", "superior", "nasal", "temporal")
    }
    if not any(value > 0 for value in rim.values()):
        rim = dict.fromkeys(rim, math.nan)
    return {
        "cup_disc_ratio_horizontal": _ratio(cup_width, disc_width),
        "cup_disc_ratio_vertical": _ratio(cup_height, disc_height),
        "cup_disc_ratio_longest_axis": _found(_number(disc, "cup_disc_ratio", "value")),
        "disc_width_height_ratio": _found(_number(disc, "vertical_cd_ratio", "value")),
        "disc_axis_angle_deg": _number(disc, "axis_angle", "value"),
        "disc_area_px": _found(_number(disc, "disc_area_px")),
        "cup_area_px": _number(disc, "cup_area_px"),
        **rim,
        "laterality_detected": {"left": "OS", "right": "OD"}.get(str(disc.get("eye_side")), ""),
    }


def _vessel_values(vessels: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"arteriole_venule_ratio_widest": _found(_number(vessels, "av_ratio"))}
    for name, key in (("artery", "CRAE"), ("vein", "CRVE")):
        three = vessels.get(key) or []
        for position, which in enumerate(("max", "min", "mean")):
            value = three[position] if position < len(three) and _is_number(three[position]) else math.nan
            row[f"{name}_widest_{which}_um"] = _found(float(value))
        row[f"fractal_dimension_{name}"] = _found(_number(vessels, "fractal_dimension", name))
        row[f"tortuosity_{name}"] = _number(vessels, "tortuosity", name)
    row["um_per_pixel_assumed"] = _number(vessels, "pixel_length")
    row["vessel_fraction"] = _number(vessels, "fg_rate")
    row["is_vessel_quality_ok"] = vessels.get("qc_flag")
    return row


def _number(values: Any, *keys: str) -> float:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return float(values) if _is_number(values) else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _found(value: float) -> float:
    """A value of which zero means that nothing was found."""
    return value if value > 0 else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
