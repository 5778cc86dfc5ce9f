"""One orientation for a mask and all its mirror images and quarter turns.

Whatever visits pixels in scan order gives slightly different answers for a left eye and the same eye mirrored to a
right one. Turned to a canonical orientation first, all eight views of a mask are one array, and so have one answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Turn:
    """How a frame was turned: flipped in y, flipped in x, then transposed.

    Attributes
    ----------
    shape : tuple of int
        Height and width before.
    flip_y, flip_x, transpose : bool
    """

    shape: tuple[int, int]
    flip_y: bool = False
    flip_x: bool = False
    transpose: bool = False

    def apply(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask in the new orientation."""
        turned = mask[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned.T if self.transpose else turned)

    def undo(self, points_yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the new orientation in the old one, shape (n, 2)."""
        points = points_yx[:, ::-1].copy() if self.transpose else points_yx.copy()
        if self.flip_y:
            points[:, 0] = self.shape[0] - 1 - points[:, 0]
        if self.flip_x:
            points[:, 1] = self.shape[1] - 1 - points[:, 1]
        return points


def canonical_turn(mask: NDArray[np.bool_]) -> Turn:
    """The turn after which a mask is the same array for each of its eight mirrored and quarter-turned views.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    Turn

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.random.default_rng(0).random((6, 9)) < 0.3
    >>> views = [mask, mask[::-1], mask[:, ::-1], np.rot90(mask), mask.T]
    >>> len({canonical_turn(view).apply(view).tobytes() for view in views})
    1
    """
    height, width = mask.shape
    # Whole numbers throughout, so that equal is equal: the mask's balance about the middle of the frame.
    balance_y = int(mask.sum(axis=1) @ (2 * np.arange(height) - height + 1))
    balance_x = int(mask.sum(axis=0) @ (2 * np.arange(width) - width + 1))
    if balance_y and balance_x and abs(balance_y) != abs(balance_x):
        return Turn((height, width), balance_y < 0, balance_x < 0, abs(balance_y) < abs(balance_x))
    turns = [Turn((height, width), *(bool(k & bit) for bit in (4, 2, 1))) for k in range(8)]
    views = [turn.apply(mask) for turn in turns]
    first = min(range(8), key=lambda k: (views[k].shape, np.packbits(views[k]).tobytes()))
    return turns[first]
