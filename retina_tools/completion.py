"""The structures that are missing on an eye, drawn by a segmenter beside those that are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.schema import EyeError, get_landmark, get_mask, get_probability, has_mask, with_parts, without_masks
from retina_tools.taxonomy import TAXONOMY

Segmenter = Callable[[xr.Dataset], xr.Dataset]

# A structure that lies within another one, which may be given.
_WITHIN: Final = {"artery": "vessel", "vein": "vessel", "optic_cup": "optic_disc"}


def complete(eye: xr.Dataset, segmenter: Segmenter | None = None) -> xr.Dataset:
    """Draw what is missing on an eye and keep what is there.

    Parameters
    ----------
    eye : xarray.Dataset
        An eye with an image, perhaps with masks of a person or another tool.
    segmenter : callable, optional
        Bare eye in, eye with masks and landmarks out; ``segmentation.segment`` by default.

    Returns
    -------
    xarray.Dataset
        A new eye. Its provenance says which structures were given and which were segmented.

    Raises
    ------
    EyeError
        The eye has no image to draw on.

    Notes
    -----
    What is given is never changed. Of drawn arteries and veins only the part within given vessels is taken, of a drawn
    cup only the part within a given disc, and a vein drawn beside given arteries (or the other way round) leaves these
    free. A fovea is found from the disc: where the segmenter's own disc is not the given one, it is not taken.

    Examples
    --------
    >>> from retina_tools import phantom, schema
    >>> eye = phantom.eye(seed=1, size=384)
    >>> given = schema.with_parts(schema.without_masks(eye), masks={"artery": schema.get_mask(eye, "artery")})
    >>> done = complete(given)
    >>> structures_of(given), structures_of(done)
    (('artery',), ('artery', 'vein', 'optic_disc', 'optic_cup', 'fovea'))
    >>> bool((schema.get_mask(done, "artery") == schema.get_mask(eye, "artery")).all())
    True
    """
    if "image" not in eye:
        raise EyeError("This eye has no image to draw the missing structures on; measure what is given, masks='given'.")
    if segmenter is None:
        from retina_tools.segmentation import segment

        segmenter = segment
    drawn = segmenter(without_masks(eye))
    given = structures_of(eye)
    masks = {
        str(name): _within_given(eye, drawn, str(name))
        for name in drawn["structure"].values
        if not has_mask(eye, str(name))
    }
    landmarks = {}
    if "optic_disc" not in given and (point := get_landmark(drawn, "optic_disc")):
        landmarks["optic_disc"] = point
    fovea = get_landmark(drawn, "fovea")
    is_other = fovea is not None and _is_other_disc(eye, drawn)
    if "fovea" not in given and "macula" not in given and fovea is not None and not is_other:
        landmarks["fovea"] = fovea
    added = [*(name for name in TAXONOMY if name in masks), *(name for name in landmarks if name == "fovea")]
    step = f"given: {', '.join(given) or 'nothing'}; segmented: {', '.join(added) or 'nothing'}"
    if is_other:
        step += "; no fovea: the segmenter took another place for the disc than the one given"
    return with_parts(
        eye,
        masks=masks,
        probabilities=_probabilities(drawn, masks),
        landmarks=landmarks,
        step=f"{step} ({'; '.join(_new_steps(eye, drawn))})",
    )


def structures_of(eye: xr.Dataset) -> tuple[str, ...]:
    """Names of the masks of an eye in the order of the taxonomy, and ``fovea`` where its landmark is set."""
    present = {str(name) for name in eye["structure"].values} if "structure" in eye.coords else set()
    return (*(name for name in TAXONOMY if name in present), *(("fovea",) if get_landmark(eye, "fovea") else ()))


def _within_given(eye: xr.Dataset, drawn: xr.Dataset, name: str) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = drawn["mask"].sel(structure=name).values
    outer = _WITHIN.get(name)
    if outer in eye["structure"].values:
        mask = mask & eye["mask"].sel(structure=outer).values
    other = {"artery": "vein", "vein": "artery"}.get(name)
    if other in eye["structure"].values:
        mask = mask & ~eye["mask"].sel(structure=other).values
    if name == "optic_disc" and (cup := get_mask(eye, "optic_cup")) is not None:
        mask = mask | cup
    return mask


def _probabilities(drawn: xr.Dataset, masks: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.float32]]:
    """Those of the segmenter, for the masks that were taken as they are."""
    found = {}
    for name, mask in masks.items():
        probability = get_probability(drawn, name)
        if probability is not None and np.array_equal(mask, drawn["mask"].sel(structure=name).values):
            found[name] = probability
    return found


def _is_other_disc(eye: xr.Dataset, drawn: xr.Dataset) -> bool:
    """Whether a disc is given and the segmenter's disc has its centre outside of it."""
    disc, centre = get_mask(eye, "optic_disc"), get_landmark(drawn, "optic_disc")
    if disc is None or not disc.any() or centre is None:
        return False
    return not disc[round(centre[0]), round(centre[1])]


def _new_steps(eye: xr.Dataset, drawn: xr.Dataset) -> list[str]:
    before = eye.attrs.get("provenance", [])
    return [str(step) for step in drawn.attrs.get("provenance", [])[len(before) :]]
