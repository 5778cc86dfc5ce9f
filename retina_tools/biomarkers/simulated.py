"""A simulated segmenter whose errors are known and whose probabilities are calibrated, to test intervals with.

It sees the outlines of the true masks displaced by a smooth random field, and thin vessels and false ones of the same
kind with a confidence each, distributed so that of all pieces of confidence c a share c is true. Its probabilities say
just this; its masks are the probabilities cut at one half, so that it drops thin vessels and draws false ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.special import ndtr

from retina_tools.biomarkers.anatomy import Anatomy
from retina_tools.biomarkers.draws import BOUNDARY_ERROR_DD, CORRELATION_DD, Mask, Plane, outline_level, smooth_field
from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.schema import with_parts

_VESSELS: Final = ("artery", "vein")


@dataclass(frozen=True)
class SimulatedSegmenter:
    """Sees an eye with errors of known size.

    Parameters
    ----------
    boundary_error_dd : float
        Standard deviation of the place of outlines, in disc diameters.
    correlation_dd : float
        Distance over which errors of an outline go together.
    uncertain : float
        Share of the vessels' segments, the thinnest, whose existence is in doubt; as many false ones are added.
    seed : int

    Examples
    --------
    >>> from retina_tools import phantom
    >>> seen = SimulatedSegmenter(seed=1)(phantom.eye(size=256))
    >>> sorted(seen.data_vars)
    ['fov', 'image', 'landmark', 'mask', 'probability']
    """

    boundary_error_dd: float = BOUNDARY_ERROR_DD
    correlation_dd: float = CORRELATION_DD
    uncertain: float = 0.2
    seed: int = 0

    def __call__(self, eye: xr.Dataset) -> xr.Dataset:
        """The eye with the masks and probabilities this segmenter would give.

        Parameters
        ----------
        eye : xarray.Dataset
            With true masks and a disc.
        """
        anatomy = Anatomy(eye)
        diameter = anatomy.frame.diameter_px
        error = max(self.boundary_error_dd * diameter, 1e-3)
        probabilities = {}
        for place, name in enumerate(str(name) for name in eye["structure"].values):
            rng = np.random.default_rng([self.seed, place])
            mask = eye["mask"].sel(structure=name).values
            confidence = np.ones(mask.shape, np.float32)
            if name in _VESSELS and mask.any() and self.uncertain > 0:
                mask, confidence = self._in_doubt(anatomy, name, mask, rng)
            seen = outline_level(mask, error) + smooth_field(mask.shape, max(self.correlation_dd * diameter, 1.0), rng)
            probabilities[name] = ndtr(seen) * confidence
        # A probability of exactly one half is cut as the schema does.
        masks = {name: plane.astype(np.float16) >= 0.5 for name, plane in probabilities.items()}
        seen_eye = with_parts(eye, masks=masks, step="biomarkers.SimulatedSegmenter")
        return with_parts(seen_eye, probabilities=probabilities)

    def _in_doubt(self, anatomy: Anatomy, name: str, mask: Mask, rng: np.random.Generator) -> tuple[Mask, Plane]:
        """The true vessels and false ones, and how sure the segmenter is of each pixel's vessel."""
        graph = anatomy.graph(name)
        width = np.nan_to_num(line_medians(graph.width_px, graph.bounds), nan=np.inf)
        free = (graph.degree[graph.ends] == 1).any(axis=1) & (graph.length_px > 0.1 * anatomy.frame.diameter_px)
        order = np.flatnonzero(free)[np.argsort(width[free], kind="stable")]
        thin = order[: round(self.uncertain * len(graph))]
        sure = np.ones(len(graph), np.float32)
        # Each in doubt has a false twin; where there is no room for one, it stays certain.
        twins = {k: self._moved(graph.path(k), float(width[k]), mask, anatomy.frame.fov, rng) for k in thin.tolist()}
        twins = {k: twin for k, twin in twins.items() if twin.any()}
        # Of the pieces of confidence c a share c is true: the true ones have the density 2c, the false ones 2(1 - c).
        sure[list(twins)] = np.sqrt(rng.random(len(twins)))
        pixels = np.argwhere(mask)
        owner = graph.segment_of[cKDTree(graph.points_yx).query(pixels)[1]]
        confidence = np.zeros(mask.shape, np.float32)
        confidence[tuple(pixels.T)] = sure[owner]
        both = mask.copy()
        for twin in twins.values():
            new = twin & ~both
            both |= twin
            confidence[new] = 1 - np.sqrt(rng.random())
        # Pixels just outside a vessel have the confidence of the vessel, where its outline may have been put.
        nearest = ndimage.distance_transform_edt(~both, return_distances=False, return_indices=True)
        return both, confidence[tuple(nearest)]

    def _moved(self, path: NDArray[np.float64], width: float, mask: Mask, fov: Mask, rng: np.random.Generator) -> Mask:
        """A copy of a vessel, turned and moved to where there is none; an empty mask where no place is found."""
        near = ndimage.binary_dilation(mask, iterations=round(width) + 2)
        out = np.zeros(mask.shape, bool)
        for _ in range(60):
            angle = rng.uniform(0, 2 * np.pi)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            points = (path - path.mean(axis=0)) @ turn + rng.uniform(0, 1, 2) * mask.shape
            y, x = np.rint(points).astype(int).T
            if y.min() < 3 or x.min() < 3 or y.max() >= mask.shape[0] - 3 or x.max() >= mask.shape[1] - 3:
                continue
            if near[y, x].any() or not fov[y, x].all():
                continue
            top, left = max(y.min() - 8, 0), max(x.min() - 8, 0)
            window = np.s_[top : min(y.max() + 9, mask.shape[0]), left : min(x.max() + 9, mask.shape[1])]
            rows, columns = np.mgrid[window]
            distance = cKDTree(points).query(np.stack([rows, columns], axis=-1))[0]
            out[window] = distance < max(width, 1.0) / 2
            break
        return out
