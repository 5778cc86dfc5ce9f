"""One synthetic eye in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from retina_tools.phantom.captions import read_caption
from retina_tools.phantom.geometry import anatomy


def eye(
    caption: str | None = None, /, *, seed: int = 0, size: int = 1024, laterality: str | None = None, **values: Any
) -> xr.Dataset:
    """A synthetic fundus photograph whose anatomy, and so every biomarker, is known exactly.

    Parameters
    ----------
    caption : str, optional
        The eye in a few words, for example ``"moderate NPDR, OS, large cup, many temporal microaneurysms"``; see
        `retina_tools.phantom.caption_words` for the vocabulary. Keywords count more than the caption.
    seed : int
        The only source of chance: courses of vessels, colour, texture, noise.
    size : int
        Pixels along one side. The anatomy does not depend on it.
    laterality : {'OD', 'OS'}, optional
        The left eye of a seed is the mirror image of the right one. By default what the caption says, else OD.
    **values
        Anatomy, lesions and camera, for example ``arteriole_calibre_um=140``, ``cup_disc_ratio=0.7``,
        ``vessel_density=0.8``, ``tortuosity=1.5``, ``lesions={'microaneurysm': 12}``, ``pigmentation=0.8``,
        ``field_angle_deg=50``; all of them with units, norms and ranges in `retina_tools.phantom.Parameters`.

    Returns
    -------
    xarray.Dataset
        An eye with masks of artery, vein, optic_disc, optic_cup, macula and the lesions asked for, both landmarks, the
        field of view and the scale. ``attrs['phantom']`` holds the truth, see `retina_tools.phantom.truth`.

    Raises
    ------
    EyeError
        Unknown parameter, value out of range, or a word of the caption that is not in the vocabulary.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> made = phantom.eye(seed=3, size=128, cup_disc_ratio=0.6)
    >>> made.structure.values.tolist(), phantom.truth(made)["cup_disc_ratio_vertical"]
    (['artery', 'vein', 'optic_disc', 'optic_cup', 'macula'], 0.6)
    >>> phantom.eye("mild NPDR, left eye", size=128).laterality.item()
    'OS'
    """
    if caption is not None:
        said = read_caption(caption, seed)
        side = said.pop("laterality", "OD")
        laterality = side if laterality is None else laterality
        for name in ("lesions", "lesion_places", "lesion_sizes"):
            if name in said and isinstance(values.get(name), Mapping):
                values[name] = {**said[name], **values[name]}
        values = said | values
    return anatomy(seed=seed, **values).render(size, "OD" if laterality is None else laterality)
