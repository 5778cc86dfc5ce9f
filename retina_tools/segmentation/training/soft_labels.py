"""Soft labels: how sure a human outline can be, at its boundary and on thin vessels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["soft_label"]


def soft_label(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Turn a mask of vessels into labels that are certain along centrelines and unsure at the edges of wide vessels.

    The label is 1 on every centreline and falls with the distance from it, in units of the widest vessel's half width;
    outside it is -1 far away and less near a vessel. The edge of a wide vessel is thus close to zero, a thin vessel of
    a pixel or two is 1 throughout, for there the annotator was either right or wrong as a whole.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    ndarray of float32, shape (y, x)
        Share in [0, 1]: one half of one more than the signed label.

    References
    ----------
    Dang et al., Image-level regression for uncertainty-aware retinal image segmentation, arXiv:2405.16815 (SAUNA).

    Examples
    --------
    >>> bar = np.zeros((21, 21), bool)
    >>> bar[6:15] = True
    >>> [round(float(value), 2) for value in soft_label(bar)[[0, 5, 6, 10], 10]]
    [0.0, 0.4, 0.6, 1.0]
    """
    from scipy import ndimage

    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    widest = float(inside.max())
    half_width = _local_maximum(inside, widest)
    signed = np.where(
        mask,
        np.clip(1 - (half_width - inside) / widest, 0, 1),
        -np.clip(1 - (np.minimum(half_width, widest) - outside) / widest, 0, 1),
    )
    signed[(~mask) & (outside > widest)] = -1
    share: NDArray[np.float32] = ((signed + 1) / 2).astype(np.float32)
    return share


def _local_maximum(inside: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Half width of the vessel next to each pixel, zero where none is near."""
    from scipy import ndimage

    side = 2 * int(np.ceil(reach)) + 1
    grown: NDArray[np.float64] = ndimage.maximum_filter(inside, size=side)
    return grown
