"""Fractal dimensions, multifractal spectrum and lacunarity of a fine raster, for the truth about a vessel graph.

Boxes are counted at every position of the grid: the smallest cover for D0, means over all positions for D1 and D2
(Stosic and Stosic 2006). The spectrum is that of boxes around vessel pixels (Tel et al. 1989), the lacunarity that of
boxes gliding inside the field of view (Allain and Cloitre 1991).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Table = NDArray[np.int32]
Floats = NDArray[np.float64]

_BOXES: Final = 10
_ORDERS: Final = np.arange(-10, 11)
_MOST_SANDBOXES: Final = 20_000


def fractal_values(mask: Bools, field: Bools, smallest_px: float, largest_px: float) -> dict[str, float]:
    """All fractal measures of a mask in a field of view between two box sides, by name.

    Parameters
    ----------
    mask, field : ndarray of bool, shape (y, x)
        Vessels, not empty, and the field of view.
    smallest_px, largest_px : float
    """
    sides = np.unique(np.rint(np.geomspace(smallest_px, largest_px, _BOXES)).astype(int))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    vessels, seen = _summed(mask[crop]), _summed(field)
    total = int(vessels[-1, -1])
    cover, entropy, coincidence, gaps = [], [], [], []
    for side in sides:
        held = _held(vessels, int(side))
        counts = np.bincount(held.ravel()).astype(float)
        mass = np.arange(len(counts), dtype=float)
        cover.append(np.log(_smallest_cover(held > 0, int(side))))
        # Every pixel is in one box of each position of the grid.
        entropy.append(counts @ (mass * np.log(np.maximum(mass, 1.0))) / (side**2 * total) - np.log(total))
        coincidence.append(np.log(counts @ mass**2 / (side**2 * total**2)))
        gaps.append(_lacunarity(vessels, seen, crop, int(side)))
    values: dict[str, float] = {}
    logs = np.log(sides)
    for name, x, y in (("box", -logs, cover), ("information", logs, entropy), ("correlation", logs, coincidence)):
        values[f"fractal_dimension_{name}"], values[f"fractal_dimension_{name}_r2"] = _slope(x, np.array(y))
    values["singularity_length"] = _spectrum(vessels, np.argwhere(mask[crop]), sides)
    values["lacunarity"] = float(np.nanmean(gaps))
    return values


def _summed(mask: Bools) -> Table:
    return np.pad(mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32), ((1, 0), (1, 0)))


def _boxes(summed: Table, side: int) -> Table:
    """Pixels in the boxes of a side that lie inside the frame."""
    held: Table = summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]
    return held


def _held(summed: Table, side: int) -> Table:
    """Pixels in the box at every position that touches the frame."""
    wide = np.pad(summed, ((side - 1, side - 1),) * 2, mode="edge")
    wide[: side - 1] = 0
    wide[:, : side - 1] = 0
    return _boxes(wide, side)


def _smallest_cover(occupied: Bools, side: int) -> int:
    """Fewest occupied boxes over all positions of the grid."""
    height, width = (-(-extent // side) * side for extent in occupied.shape)
    padded = np.zeros((height, width), np.uint8)
    padded[: occupied.shape[0], : occupied.shape[1]] = occupied
    # Rows first: sums over whole rows are many times faster than those over blocks.
    rows = padded.reshape(height // side, side * width).sum(axis=0, dtype=np.int32)
    return int(rows.reshape(side, width // side, side).sum(axis=1).min())


def _lacunarity(vessels: Table, seen: Table, crop: tuple[slice, slice], side: int) -> float:
    """Mean squared over squared mean mass of the boxes wholly in the field; NaN where none has any."""
    inside = _boxes(seen, side) == side**2
    number = int(np.count_nonzero(inside))
    part = inside[crop[0].start : crop[0].stop + 1 - side, crop[1].start : crop[1].stop + 1 - side]
    mass = _boxes(vessels, side)[part].astype(float)
    return number * float((mass**2).sum()) / float(mass.sum()) ** 2 if mass.any() else float("nan")


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    slope, intercept = np.polyfit(x, y, 1)
    left = float(((y - slope * x - intercept) ** 2).sum())
    return float(slope), 1.0 - left / float(((y - y.mean()) ** 2).sum())


def _spectrum(summed: Table, points: NDArray[np.int64], sides: NDArray[np.int64]) -> float:
    """Greatest minus smallest Hoelder exponent of the orders -10 to 10, by boxes around vessel pixels."""
    y, x = points[:: max(1, len(points) // _MOST_SANDBOXES)].T
    reach = np.unique(sides // 2)
    moments = []
    for half in reach:
        top, bottom = np.maximum(y - half, 0), np.minimum(y + half + 1, len(summed) - 1)
        left, right = np.maximum(x - half, 0), np.minimum(x + half + 1, summed.shape[1] - 1)
        mass = summed[bottom, right] - summed[bottom, left] - summed[top, right] + summed[top, left]
        share = np.log(mass / summed[-1, -1])
        moments.append([np.log(np.exp((order - 1) * share).mean()) for order in _ORDERS])
    logs = np.log(2 * reach + 1.0)
    logs -= logs.mean()
    tau = logs @ (np.array(moments) - np.mean(moments, axis=0)) / (logs @ logs)
    exponents = np.gradient(tau, _ORDERS)
    return float(exponents.max() - exponents.min())
