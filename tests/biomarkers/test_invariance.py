"""Mirroring, quarter turns and resampling of an eye leave its biomarkers as they are."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from retina_tools import biomarkers, datasets, phantom
from retina_tools.schema import get_mask, new_eye

# Counts and medians over few or short things jump where one of them comes or goes; they are held to looser bounds.
JUMPY = {
    "tip_count": 0.3,
    "length_diameter_ratio": 0.2,
    "bifurcation_count": 0.1,
    "bifurcation_density": 0.1,
    "branching_angle": 0.1,
    "branching_asymmetry": 0.2,
    "tortuosity_density": 0.4,
    "inflection_density": 0.12,
    "tortuosity_squared_curvature": 0.3,
    "singularity_length": 0.25,
}
# The two that a quarter turn exchanges, and what is defined by the upright eye.
UPRIGHT = (
    "cup_disc_ratio_vertical",
    "cup_disc_ratio_horizontal",
    "disc_fovea_angle",
    "disc_tilt",
    "fovea_offset",
    "isnt_rule",
    "ist_rule",
    "lesion_count_quadrant",
    "rim_width",
)


def rebuilt(eye, mask_of, point_of, laterality, um_factor=1.0):
    masks = {str(name): mask_of(eye.mask.sel(structure=name).values) for name in eye.structure.values}
    shape = (eye.sizes["y"], eye.sizes["x"])
    fovea = tuple(float(value) for value in eye.landmark.sel(point="fovea").values)
    return new_eye(
        masks=masks,
        fov=mask_of(eye.fov.values),
        landmarks={"fovea": point_of(fovea, shape)},
        laterality=laterality,
        um_per_pixel=eye.attrs["um_per_pixel"] * um_factor,
        scale_source="user",
    )


def mirrored(eye):
    other = {"OD": "OS", "OS": "OD", "": ""}[str(eye.laterality.item())]
    return rebuilt(eye, lambda m: np.ascontiguousarray(m[:, ::-1]), lambda p, s: (p[0], s[1] - 1 - p[1]), other)


def turned(eye):
    return rebuilt(eye, lambda m: np.ascontiguousarray(np.rot90(m)), lambda p, s: (s[1] - 1 - p[1], p[0]), "")


def resampled(eye, factor):
    def mask_of(mask):
        size = (round(mask.shape[1] * factor), round(mask.shape[0] * factor))
        return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BICUBIC)) > 127

    return rebuilt(
        eye,
        mask_of,
        lambda p, s: tuple((value + 0.5) * factor - 0.5 for value in p),
        str(eye.laterality.item()),
        1 / factor,
    )


def values(eye, *, upright=True):
    row = biomarkers.to_table(biomarkers.measure(eye)).iloc[0]
    found = {}
    for name, value in row.items():
        scaled = name.split(".")[0].endswith(("_um", "_mm", "_mm2", "_per_mm", "_per_mm2"))
        oriented = ("superior", "inferior", "supero", "infero", "etdrs")
        keep = upright or not (any(word in name for word in oriented) or name.startswith(UPRIGHT))
        if name not in ("image_id", "patient_id", "laterality") and not scaled and keep:
            found[name] = float(value)
    return found


def assert_alike(one, two, bound, jumpy=None):
    off = {}
    for name, value in one.items():
        other = two[name]
        if np.isnan(value) and np.isnan(other):
            continue
        # The junctional exponent is 3 and a deviation, of which the whole counts.
        offset = 3.0 if name.startswith("junctional") else 0.0
        change = abs(other - value) / max(abs(value + offset), 1e-9)
        stem = next((key for key in (jumpy or {}) if name.startswith(key)), None)
        # Between one and two of three things there is no law: in small regions only the large numbers are held.
        if stem is not None and not name.endswith(".image"):
            continue
        if not change <= (jumpy[stem] if stem else bound):
            off[name] = (value, other)
    assert not off, off


@pytest.mark.parametrize("seed", [2, 5])
def test_mirrored_phantoms_are_alike(seed):
    eye = phantom.eye(seed=seed, size=768)
    assert_alike(values(eye), values(mirrored(eye)), 0.01)


def test_turned_phantom_is_alike():
    eye = phantom.eye(seed=3, size=768)
    assert_alike(values(eye, upright=False), values(turned(eye), upright=False), 0.01)


@pytest.mark.parametrize(("size", "factor"), [(2048, 0.5), (1024, 2.0)])
def test_resampled_phantoms_are_alike(size, factor):
    eye = phantom.eye(seed=4, size=size, disc_diameter_um=1900)
    jumpy = {**JUMPY, "branching_coefficient": 0.06}
    whole = {name: value for name, value in values(eye).items() if name.endswith((".image", ".zone_b"))}
    assert_alike(whole, values(resampled(eye, factor)), 0.05, jumpy)


def with_disc(eye, diameter_share=0.105):
    """A real eye with a disc where its picture is brightest, and a fovea beside it: what scales and frames need."""
    height, width = eye.sizes["y"], eye.sizes["x"]
    bright = ndimage.gaussian_filter(eye.image.values.sum(axis=-1, dtype=float), 0.012 * width)
    bright[~eye.fov.values] = 0
    y, x = np.unravel_index(int(bright.argmax()), bright.shape)
    radius = diameter_share * width / 2
    rows, columns = np.mgrid[:height, :width]
    side = -1 if x > width / 2 else 1
    masks = {str(name): eye.mask.sel(structure=name).values for name in eye.structure.values}
    return new_eye(
        masks={**masks, "optic_disc": np.hypot(rows - y, columns - x) < radius},
        fov=eye.fov.values,
        landmarks={"fovea": (float(y + 0.3 * radius), float(np.clip(x + side * 5.2 * radius, 0, width - 1)))},
        um_per_pixel=900 / radius,
        scale_source="user",
    )


def without_thin(eye, least_px):
    """Only vessels wide enough to survive a smaller picture: dashes of a pixel are lost in it, whoever measures."""
    masks = {}
    for name in ("artery", "vein", "vessel"):
        if name in eye.structure.values:
            mask = get_mask(eye, name)
            core = ndimage.binary_opening(mask, np.hypot(*np.mgrid[-3:4, -3:4]) <= (least_px - 1) / 2)
            labels, _ = ndimage.label(core, np.ones((3, 3)))
            sizes = np.bincount(labels.ravel())
            masks[name] = core & (sizes > 30 * least_px)[labels]
    disc = get_mask(eye, "optic_disc")
    return new_eye(
        masks={**masks, "optic_disc": disc},
        fov=eye.fov.values,
        landmarks={"fovea": tuple(float(value) for value in eye.landmark.sel(point="fovea").values)},
        um_per_pixel=eye.attrs["um_per_pixel"],
        scale_source="user",
    )


ROBUST = (
    "calibre_equivalent_dd",
    "arteriole_venule_ratio",
    "calibre_mean_dd",
    "area_density",
    "length_density_per_dd",
    "tortuosity_arc_chord",
    "tortuosity_curvature_per_dd",
    "fractal_dimension",
    "lacunarity",
    "sparsity_mean_dfd",
    "temporal_arcade_angle",
)


def robust(found):
    return {
        name: value for name, value in found.items() if name.startswith(ROBUST) and name.endswith((".image", "zone_b"))
    }


@pytest.mark.parametrize("index", [0, 11])
def test_real_arteries_and_veins_are_alike_mirrored_turned_and_enlarged(real_data, index):
    eye = with_disc(datasets.hrf(real_data)[index])
    known = values(eye)
    assert_alike(known, values(mirrored(eye)), 0.01)
    about = values(turned(eye), upright=False)
    assert_alike({name: known[name] for name in about}, about, 0.01)
    assert_alike(robust(known), values(resampled(eye, 2.0)), 0.05)


@pytest.mark.xfail(reason="mean curvature moves by 7 to 8 % at half size, length density in zone B by up to 7 %")
@pytest.mark.parametrize("index", [0, 11])
def test_real_arteries_and_veins_are_alike_at_half_the_size(real_data, index):
    wide = without_thin(with_disc(datasets.hrf(real_data)[index]), 5)
    assert_alike(robust(values(wide)), values(resampled(wide, 0.5)), 0.05)


@pytest.mark.parametrize("index", [0, 7])
def test_real_vessels_of_one_mask_are_alike_mirrored_and_resampled(real_data, index):
    """CHASE has one mask for all vessels, whose crossings are resolved from their shape."""
    eye = with_disc(datasets.chase_db1(real_data)[index], 0.17)
    known = values(eye)
    assert_alike(known, values(mirrored(eye)), 0.01)
    assert_alike(robust(known), values(resampled(eye, 2.0)), 0.05)
