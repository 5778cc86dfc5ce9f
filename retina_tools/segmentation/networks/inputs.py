"""What a network is shown of an eye: planes that do not depend on lamp, camera or pigment more than they must."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.background import local_contrast
from retina_tools.segmentation.frame import Circle, Frame
from retina_tools.segmentation.vessel_features import inner_field

__all__ = ["INPUTS", "InputKind", "View", "disc_circle", "network_input"]

View = Literal["field", "disc"]
InputKind = Literal["contrast", "colour", "contrast_vessel"]

#: Kinds of input and their number of planes.
INPUTS: Final[dict[InputKind, int]] = {"contrast": 3, "colour": 3, "contrast_vessel": 4}

#: How much of the retina the disc's view shows, in diameters of the disc.
DISC_VIEW: Final = 3.0
_BACKGROUND: Final = 1 / 32  # of the field's diameter: twice the widest vessel
_FAINTEST: Final = 0.03  # a contrast nobody can see; keeps an even picture from being blown up into noise
_LARGEST: Final = 6.0


def network_input(frame: Frame, kind: InputKind, vessel: NDArray[np.floating] | None = None) -> NDArray[np.float32]:
    """Planes of a frame for a network.

    Parameters
    ----------
    frame : Frame
    kind : {"contrast", "colour", "contrast_vessel"}
        ``contrast``: logarithm of red, green and blue over their local background, all three divided by the spread
        of green's dark side, so that illumination and exposure cancel and colour differences stay. For vessels and
        lesions. ``colour``: red, green and blue less their mean over the field, divided by their standard deviation.
        For what is large: disc, cup, fovea, phenotypes. ``contrast_vessel``: as ``contrast``, and a fourth plane with
        the vessels, for a network that only has to tell their kinds apart.
    vessel : ndarray of float, shape (n, n), optional
        Probability of vessel, or the share of each pixel that a mask covers; for ``contrast_vessel``.

    Returns
    -------
    ndarray of float32, shape (c, n, n)
        Zero outside the field of view and in its outermost hundredth, where the rim's reflections would be taken for
        vessels; within -6 to 6 inside.

    Raises
    ------
    EyeError
        The kind is none of these, or it needs vessels and there are none.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> frame = Frame.of(phantom.eye(seed=1, size=256), diameter_px=128)
    >>> planes = network_input(frame, "contrast")
    >>> planes.shape, bool(abs(planes[:, ~frame.fov]).max() == 0)
    ((3, 128, 128), True)
    """
    seen = inner_field(frame)
    if kind in ("contrast", "contrast_vessel"):
        sigma_px = frame.diameter_px * _BACKGROUND
        planes = np.stack([local_contrast(frame.image[..., c], seen, sigma_px=sigma_px) for c in range(3)])
        planes /= max(_dark_contrast(planes[1][seen]), _FAINTEST)
    elif kind == "colour":
        inside = frame.image[seen]
        mean, spread = (inside.mean(0), inside.std(0)) if len(inside) else (np.zeros(3), np.ones(3))
        planes = ((frame.image - mean) / np.maximum(spread, _FAINTEST)).transpose(2, 0, 1).astype(np.float32)
    else:
        raise schema.EyeError(f"The input is {kind!r}, wanted one of {', '.join(INPUTS)}.")
    planes = np.clip(planes, -_LARGEST, _LARGEST).astype(np.float32)
    if kind == "contrast_vessel":
        if vessel is None:
            raise schema.EyeError("This network is shown the vessels too; give their probability or their mask.")
        planes = np.concatenate([planes, np.clip(vessel, 0, 1).astype(np.float32)[None]])
    planes[:, ~seen] = 0
    return planes


def _dark_contrast(green: NDArray[np.float32]) -> float:
    """Root mean square of what is darker than its surroundings: vessels mostly, and not the disc or exudates."""
    return float(np.sqrt(2 * np.mean(np.minimum(green, 0) ** 2))) if green.size else 0.0


def disc_circle(mask: NDArray[np.bool_]) -> Circle:
    """The circle around a disc that the disc's view shows: :data:`DISC_VIEW` times its diameter.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        The disc, at least one pixel.

    Returns
    -------
    Circle
        In the mask's pixels.
    """
    rows, columns = np.nonzero(mask)
    diameter = 2 * math.sqrt(len(rows) / math.pi)
    return Circle((float(rows.mean()), float(columns.mean())), DISC_VIEW * diameter, is_fitted=True)
