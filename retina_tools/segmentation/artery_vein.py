"""Arteries and veins told apart along the tree: by colour alone, or by what a network thinks of every pixel.

Blood in arteries is brighter in red light than blood in veins. Each stretch of vessel between two junctions is scored
by its red contrast, wider vessels being darker anyway; scores are compared with those of the vessels nearby, since
light and pigment change over the retina, and passed on along the tree, since a branch is what its parent is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.segmentation.background import local_contrast
from retina_tools.segmentation.frame import Frame
from retina_tools.segmentation.vessel_features import inner_field

__all__ = ["classify_vessels"]

Floats = NDArray[np.float64]

_EIGHT: Final = np.ones((3, 3), np.int8)
# All lengths in pixels of the frame the vessel filters were designed in, where a large vessel is about ten wide.
_BACKGROUND_PX: Final = 25.0
_NEIGHBOURHOOD_PX: Final = 120.0
_DIRECTION_PX: Final = 8.0
_TRUSTED_WIDTH_PX: Final = 12.0  # wider vessels show their colour no better
_SHORT_PX: Final = 8.0  # shorter stretches are not asked how colour depends on width
# How much a stretch follows those it is joined to, against its own colour.
_TREE_WEIGHT: Final = 5.0
_TREE_WEIGHT_OF_OPINIONS: Final = 1.0
_SUREST: Final = 0.02  # a network's share is trusted no further than this from none and all
_STRAIGHT_ON: Final = 0.8  # cosine; at a crossing only what goes straight on is one vessel
_STEEPNESS: Final = 2.0


@dataclass(frozen=True, eq=False)
class _Stretches:
    """Pieces of the vessels' skeleton between junctions, as columns of a table, and the label of every pixel."""

    labels: NDArray[np.int32]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    bounds: NDArray[np.intp]
    width_px: Floats
    red: Floats

    @property
    def length_px(self) -> Floats:
        return np.diff(self.bounds).astype(float)

    @property
    def weight(self) -> Floats:
        """How far each can be trusted: the number of pixels whose colour it shows."""
        return self.length_px * self.width_px


def classify_vessels(
    frame: Frame,
    vessel: NDArray[np.bool_],
    *,
    unit_px: float = 1.0,
    opinion: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """Probability that a vessel is an artery.

    Parameters
    ----------
    frame : Frame
        The photograph in the frame of the vessel filters.
    vessel : ndarray of bool, shape (n, n)
        All vessels in that frame.
    unit_px : float
        Pixels of this frame per pixel of the frame the filters were designed in.
    opinion : ndarray of float, shape (n, n), optional
        A network's probability that a vessel pixel is artery. Each stretch is then scored by the mean of its log odds
        instead of by its colour, and passes on its score more weakly, for a network has seen its surroundings.

    Returns
    -------
    ndarray of float32, shape (n, n)
        At every pixel that of the nearest stretch of vessel; one half everywhere where there are too few to compare.

    References
    ----------
    Grisan E, Ruggeri A. Proc IEEE EMBS 2003:890-3 (vessels are compared with those nearby); Rothaus K et al. Image Vis
    Comput 2009;27:864-75, doi:10.1016/j.imavis.2008.02.002 (labels are passed on along the tree).
    """
    from scipy import ndimage

    undecided = np.full(vessel.shape, 0.5, np.float32)
    if not vessel.any():
        return undecided
    stretches, junctions = _stretches(frame, vessel, unit_px)
    if len(stretches.length_px) < 4:
        return undecided
    joints = _joints(stretches, junctions, unit_px)
    if opinion is None:
        score = _STEEPNESS * _along_the_tree(_colour_score(stretches, unit_px), stretches, joints, _TREE_WEIGHT)
    else:
        score = _along_the_tree(_opinion_score(stretches, opinion), stretches, joints, _TREE_WEIGHT_OF_OPINIONS)
    artery = (1 / (1 + np.exp(-score))).astype(np.float32)
    nearest = ndimage.distance_transform_edt(stretches.labels == 0, return_distances=False, return_indices=True)
    classified: NDArray[np.float32] = artery[stretches.labels[tuple(nearest)] - 1]
    return classified


def _stretches(frame: Frame, vessel: NDArray[np.bool_], unit_px: float) -> tuple[_Stretches, NDArray[np.bool_]]:
    """The skeleton cut at its junctions, and the junctions."""
    from scipy import ndimage
    from skimage.morphology import skeletonize

    skeleton: NDArray[np.bool_] = skeletonize(vessel)  # type: ignore[no-untyped-call]
    neighbours = ndimage.convolve(skeleton.astype(np.int8), _EIGHT, mode="constant") - 1
    junctions = skeleton & (neighbours >= 3)
    labels, count = ndimage.label(skeleton & ~junctions, _EIGHT)
    rows, columns = np.nonzero(labels)
    order = np.argsort(labels[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    bounds = np.searchsorted(labels[rows, columns], np.arange(1, count + 2))
    contrast = local_contrast(frame.image[..., 0], inner_field(frame), sigma_px=_BACKGROUND_PX * unit_px)
    smooth = ndimage.gaussian_filter(contrast, unit_px)
    number = np.arange(1, count + 1)
    width = 2 * np.asarray(ndimage.mean(ndimage.distance_transform_edt(vessel), labels, number), float)
    red = np.asarray(ndimage.median(smooth, labels, number), float)
    width = np.minimum(width / unit_px, _TRUSTED_WIDTH_PX)
    return _Stretches(labels.astype(np.int32), rows, columns, bounds, width, red), junctions


def _colour_score(stretches: _Stretches, unit_px: float) -> Floats:
    """Red contrast in standard deviations, free of the vessel's width and of what all vessels nearby share."""
    weight, width = stretches.weight, stretches.width_px
    wide = np.column_stack([np.ones(len(width)), np.log(width)])
    trust = np.where(stretches.length_px > _SHORT_PX * unit_px, np.sqrt(weight), 0)
    if np.count_nonzero(trust) < 2:
        trust = np.sqrt(weight)
    line, *_ = np.linalg.lstsq(wide * trust[:, None], stretches.red * trust, rcond=None)
    excess = stretches.red - wide @ line
    excess -= np.average(excess, weights=weight)
    spread = float(np.sqrt(np.average(excess**2, weights=weight)))
    if spread < 1e-6:
        return np.zeros(len(width))
    score = np.clip(excess / spread, -2.5, 2.5)
    first = stretches.bounds[:-1]
    middles = np.stack(
        [np.add.reduceat(axis, first) / stretches.length_px for axis in (stretches.rows, stretches.columns)], axis=1
    )
    reach = _NEIGHBOURHOOD_PX * unit_px
    apart = ((middles[:, None] - middles[None]) ** 2).sum(-1)
    near = np.exp(-0.5 * apart / reach**2) * weight
    local: Floats = score - (near @ score) / near.sum(1)
    return local


def _opinion_score(stretches: _Stretches, opinion: NDArray[np.floating]) -> Floats:
    """Mean log odds of artery along each stretch."""
    share = np.clip(opinion[stretches.rows, stretches.columns].astype(float), _SUREST, 1 - _SUREST)
    odds = np.log(share / (1 - share))
    score: Floats = np.add.reduceat(odds, stretches.bounds[:-1]) / stretches.length_px
    return score


def _joints(stretches: _Stretches, junctions: NDArray[np.bool_], unit_px: float) -> list[tuple[int, int, float]]:
    """Pairs of stretches that meet, and how surely they are one vessel, 0 to 1."""
    from scipy import ndimage

    blobs, _ = ndimage.label(ndimage.binary_dilation(junctions, _EIGHT), _EIGHT)
    joints: list[tuple[int, int, float]] = []
    for number, (box_y, box_x) in enumerate(ndimage.find_objects(blobs), start=1):
        window = slice(max(box_y.start - 1, 0), box_y.stop + 1), slice(max(box_x.start - 1, 0), box_x.stop + 1)
        blob = blobs[window] == number
        met = np.unique(stretches.labels[window][ndimage.binary_dilation(blob, _EIGHT)])
        met = met[met > 0] - 1
        if len(met) < 2:
            continue
        rows, columns = np.nonzero(blob)
        centre = rows.mean() + window[0].start, columns.mean() + window[1].start
        arrows = np.array([_direction(stretches, int(one), centre, _DIRECTION_PX * unit_px) for one in met])
        straight = -(arrows @ arrows.T)
        for a in range(len(met)):
            for b in range(a):
                surety = _surety(float(straight[a, b]), len(met))
                if surety > 0:
                    joints.append((int(met[a]), int(met[b]), surety))
    return joints


def _surety(straight: float, arms: int) -> float:
    if arms == 2:
        return 1.0
    if arms == 3:
        return max(straight, 0.0) + 0.3
    return 1.0 if straight > _STRAIGHT_ON else 0.0


def _direction(stretches: _Stretches, one: int, centre: tuple[float, float], reach_px: float) -> Floats:
    """Unit vector from a junction along a stretch."""
    part = slice(stretches.bounds[one], stretches.bounds[one + 1])
    dy, dx = stretches.rows[part] - centre[0], stretches.columns[part] - centre[1]
    distance = np.hypot(dy, dx)
    near = distance <= max(reach_px, float(np.sort(distance)[min(len(distance) - 1, 3)]))
    arrow = np.array([dy[near].mean(), dx[near].mean()])
    unit: Floats = arrow / max(float(np.hypot(*arrow)), 1e-6)
    return unit


def _along_the_tree(
    score: Floats, stretches: _Stretches, joints: list[tuple[int, int, float]], strength: float
) -> Floats:
    """Scores that stay near each stretch's own colour and near those of the stretches it is joined to."""
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    own = stretches.weight / np.median(stretches.weight)
    count = len(own)
    if not joints:
        return score
    one, other = np.array([joint[:2] for joint in joints]).T
    tie = strength * np.array([joint[2] for joint in joints]) * np.sqrt(np.minimum(own[one], own[other]))
    ties = sparse.coo_array((tie, (one, other)), shape=(count, count)).tocsr()
    ties = ties + ties.T
    system = sparse.diags_array(own + ties.sum(1)) - ties
    solved: Floats = np.asarray(spsolve(sparse.csc_array(system), own * score), float)
    return solved
