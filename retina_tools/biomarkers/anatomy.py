"""What the measures look at: the parts of one eye, each worked out once and only when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools.biomarkers.frame import ZONES, Blob, Frame, fill_largest
from retina_tools.biomarkers.regions import Regions
from retina_tools.biomarkers.registry import Status, Unit, Unmeasurable
from retina_tools.biomarkers.smoothing import line_medians
from retina_tools.schema import get_mask, has_mask

if TYPE_CHECKING:
    from retina_tools.biomarkers.bifurcations import Bifurcations
    from retina_tools.biomarkers.trees import Forest
    from retina_tools.biomarkers.vessel_graph import VesselGraph

Floats = NDArray[np.float64]
Result = TypeVar("Result")

LEAST_VISIBLE: Final = 0.7
# Vessels cover a tenth of a retina; a mask of half of it is something else.
_MOST_VESSEL_COVER: Final = 0.5
# Pieces and holes per pixel of vessel: 0.0004 to 0.007 on 50 human masks, up to 0.06 on a tree 128 px wide, and 0.12 or
# more where pixels were drawn at random. Fewer pixels than the second share of the field are specks, not noise.
_MOST_SPECKLED: Final = 0.1
_LEAST_NOISE_COVER: Final = 0.02
# Centrelines are smoothed over a tenth of a disc diameter; a field of view is about seven diameters wide.
_SMOOTHING_DD: Final = 0.1
_FIELD_DD: Final = 7.0
# A smaller share of vessels that are neither artery nor vein is the play of two drawn outlines.
_LEAST_UNDECIDED: Final = 0.005


@dataclass(frozen=True, eq=False)
class Pieces:
    """The parts of vessel segments that lie in a region, as columns of a table.

    Attributes
    ----------
    segment : ndarray of int, shape (pieces,)
        Segment of the graph.
    start, stop : ndarray of int, shape (pieces,)
        Its points, ``graph.points_yx[start:stop]``; at least two.
    length_px : ndarray of float, shape (pieces,)
        Arc length.
    chord_px : ndarray of float, shape (pieces,)
        Distance between its ends.
    """

    segment: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    length_px: Floats
    chord_px: Floats
    graph: VesselGraph

    @cached_property
    def width_px(self) -> Floats:
        """Median calibre of each piece, NaN where none could be measured. Shape (pieces,)."""
        if not len(self.start):
            return np.empty(0)
        # Points outside all pieces fall into lines of their own between them, which are left out of the medians.
        bounds = np.stack([self.start, self.stop], axis=1).ravel()
        return line_medians(self.graph.width_px[: bounds[-1]], np.concatenate([[0], bounds]))[1::2]


class Anatomy:
    """One eye, ready to be measured, in pixels.

    Parameters
    ----------
    eye : xarray.Dataset

    Attributes
    ----------
    frame : Frame
        Disc, fovea, side and zones.
    regions : Regions
        Masks of zones, hemifields, quadrants and ETDRS fields.
    um_per_pixel : float
        NaN when unknown.
    scale_source : str
    """

    def __init__(self, eye: xr.Dataset) -> None:
        self.eye = eye
        self.frame = Frame(eye)
        self.um_per_pixel = float(eye.attrs.get("um_per_pixel", math.nan))
        self.regions = Regions(self.frame, self.um_per_pixel)
        self.scale_source = str(eye.attrs.get("scale_source", "unknown"))
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, work_out: Callable[[], Result]) -> Result:
        """What several measures share, worked out the first time it is asked for.

        Parameters
        ----------
        key : hashable
            Name of the result, with the coordinates it depends on.
        work_out : callable
            Called without arguments the first time; an :class:`Unmeasurable` it raises is raised again every time.

        Returns
        -------
        object
            What ``work_out`` gave.
        """
        if key not in self._known:
            try:
                self._known[key] = work_out()
            except Unmeasurable as reason:
                self._known[key] = reason
        found = self._known[key]
        if isinstance(found, Unmeasurable):
            raise Unmeasurable(found.status)
        return cast(Result, found)

    def per_pixel(self, unit: Unit, *, measured_scale: bool = False) -> float:
        """Factor from pixels to a unit.

        Raises
        ------
        Unmeasurable
            no_disc, no_fovea or no_scale.
        """
        if unit.yardstick is None:
            return 1.0
        if unit.yardstick == "dd":
            return float((1 / self.frame.diameter_px) ** unit.power)
        if unit.yardstick == "dfd":
            return float((1 / self.frame.fovea_distance_px) ** unit.power)
        known = math.isfinite(self.um_per_pixel) and not (measured_scale and self.scale_source == "disc_diameter")
        if not known:
            raise Unmeasurable(Status.NO_SCALE)
        return float((self.um_per_pixel / (1000 if unit.yardstick == "mm" else 1)) ** unit.power)

    def dd_px(self, diameters: float) -> float:
        """A length given in disc diameters, in pixels."""
        return diameters * self.frame.diameter_px

    @property
    def disc(self) -> Blob:
        """The filled optic disc; no_mask where none was looked for."""
        if (status := self.frame.disc_mask_status) is not Status.OK:
            raise Unmeasurable(status)
        return self.frame.disc

    @cached_property
    def _cup(self) -> Blob | Status:
        mask = get_mask(self.eye, "optic_cup")
        if mask is None:
            return Status.NO_MASK
        if not mask.any():
            return Status.NO_CUP
        cup, share = fill_largest(mask)
        # A cup is inside its disc; a tenth outside is the play two hand-drawn outlines have.
        disc = np.zeros(self.frame.shape, bool)
        top, left = self.disc.corner_yx
        disc[top : top + self.disc.mask.shape[0], left : left + self.disc.mask.shape[1]] = self.disc.mask
        top, left = cup.corner_yx
        inside = disc[top : top + cup.mask.shape[0], left : left + cup.mask.shape[1]] & cup.mask
        return cup if share >= 0.9 and inside.sum() >= 0.9 * cup.area_px2 else Status.IMPLAUSIBLE

    @property
    def cup(self) -> Blob:
        """The filled cup; no_mask, no_cup, or implausible when it is not inside the disc."""
        if isinstance(self._cup, Status):
            raise Unmeasurable(self._cup)
        return self._cup

    def region(self, region: str) -> NDArray[np.bool_]:
        """The visible retina of a region, shape (y, x).

        Raises
        ------
        Unmeasurable
            out_of_view when less than 70 % of a zone is in the field.
        """
        return self.once(("region", region), lambda: self._region(region))

    def _region(self, region: str) -> NDArray[np.bool_]:
        mask = self.regions.mask(region)
        if self.regions.visible_fraction(region, mask) < LEAST_VISIBLE:
            raise Unmeasurable(Status.OUT_OF_VIEW)
        return mask

    def region_area_px2(self, region: str) -> float:
        """Visible area of a region in squared pixels; not zero."""
        mask = self.region(region)
        area = self.once(("region_area", region), lambda: float(np.count_nonzero(mask)))
        if not area:
            raise Unmeasurable(Status.OUT_OF_VIEW)
        return area

    def in_region(self, points_yx: Floats, region: str) -> NDArray[np.bool_]:
        """Which points, shape (n, 2), lie on pixels of a region."""
        mask = self.region(region)
        y, x = np.clip(np.rint(points_yx).astype(np.int64), 0, np.array(mask.shape) - 1).T
        return np.asarray(mask[y, x])

    def vessel_mask(self, vessel: str) -> NDArray[np.bool_]:
        """Arteries, veins or all vessels inside the field of view, shape (y, x).

        Raises
        ------
        Unmeasurable
            no_mask, empty_mask, or implausible when half the retina is drawn as vessel, or pixels at random.
        """
        return self.once(("vessel_mask", vessel), lambda: self._vessel_mask(vessel))

    def _vessel_mask(self, vessel: str) -> NDArray[np.bool_]:
        drawn = get_mask(self.eye, "vessel" if vessel == "all" else vessel)
        if drawn is None:
            raise Unmeasurable(Status.NO_MASK)
        mask: NDArray[np.bool_] = drawn & self.frame.fov
        cover, field = int(np.count_nonzero(mask)), int(np.count_nonzero(self.frame.fov))
        if not cover:
            raise Unmeasurable(Status.EMPTY_MASK)
        if cover > _MOST_VESSEL_COVER * field or (cover > _LEAST_NOISE_COVER * field and self._is_noise(mask, cover)):
            raise Unmeasurable(Status.IMPLAUSIBLE)
        return mask

    def _is_noise(self, mask: NDArray[np.bool_], cover: int) -> bool:
        """Whether a mask is all specks and holes: noise has calibres and a tortuosity that look like an eye's."""
        from scipy import ndimage

        pieces = ndimage.label(mask, np.ones((3, 3)))[1] + ndimage.label(self.frame.fov & ~mask)[1]
        return bool(pieces > _MOST_SPECKLED * cover)

    @cached_property
    def smoothing_px(self) -> float:
        """Wavelength below which a centreline's waves are taken for noise: 0.1 DD."""
        try:
            return self.dd_px(_SMOOTHING_DD)
        except Unmeasurable:
            area = float(np.count_nonzero(self.frame.fov))
            return _SMOOTHING_DD * 2 * math.sqrt(area / math.pi) / _FIELD_DD

    def graph(self, vessel: str) -> VesselGraph:
        """The network of arteries, veins or all vessels; that of all is made of the other two where they are drawn."""
        return self.once(("graph", vessel), lambda: self._graph(vessel))

    def _graph(self, vessel: str) -> VesselGraph:
        mask = self.vessel_mask(vessel)
        # numba is loaded here and nowhere earlier.
        from retina_tools.biomarkers.vessel_graph import build_vessel_graph

        if vessel != "all":
            return build_vessel_graph(mask, self.smoothing_px, self._others(vessel))
        parts = [part for part in ("artery", "vein") if has_mask(self.eye, part)]
        return self._whole_graph(mask, parts) if len(parts) == 2 else build_vessel_graph(mask, self.smoothing_px)

    def _others(self, vessel: str) -> NDArray[np.bool_] | None:
        """All vessels where the other kind is drawn too: what may lie over these."""
        other = "vein" if vessel == "artery" else "artery"
        return get_mask(self.eye, "vessel") if has_mask(self.eye, other) else None

    def _whole_graph(self, mask: NDArray[np.bool_], parts: list[str]) -> VesselGraph:
        from retina_tools.biomarkers.vessel_graph import build_vessel_graph
        from retina_tools.biomarkers.whole_network import lay_over, undecided_stretches

        graphs = []
        decided = np.zeros(mask.shape, bool)
        for part in parts:
            try:
                graphs.append(self.graph(part))
                decided |= self.vessel_mask(part)
            except Unmeasurable as reason:
                if reason.status is not Status.EMPTY_MASK:
                    raise
                empty = np.zeros(mask.shape, bool)
                graphs.append(build_vessel_graph(empty))
        if np.count_nonzero(mask) > (1 + _LEAST_UNDECIDED) * np.count_nonzero(decided):
            graphs.append(undecided_stretches(build_vessel_graph(mask, self.smoothing_px), decided))
        return lay_over(graphs)

    def forest(self, vessel: str) -> Forest:
        """The trees of a network, rooted at the disc where there is one."""
        return self.once(("forest", vessel), lambda: self._forest(vessel))

    def _forest(self, vessel: str) -> Forest:
        from retina_tools.biomarkers.trees import grow_forest

        graph = self.graph(vessel)
        try:
            return grow_forest(graph, self.frame.centre_yx)
        except Unmeasurable:
            return grow_forest(graph, None)

    def bifurcations(self, vessel: str) -> Bifurcations:
        """The nodes of a network where three segments meet; without a disc lengths are in shares of the field."""
        return self.once(("bifurcations", vessel), lambda: self._bifurcations(vessel))

    def _bifurcations(self, vessel: str) -> Bifurcations:
        from retina_tools.biomarkers.bifurcations import find_bifurcations

        try:
            rooted = math.isfinite(self.frame.centre_yx[0])
        except Unmeasurable:
            rooted = False
        return find_bifurcations(self.forest(vessel), self.bifurcation_yardstick_px, rooted=rooted)

    @property
    def bifurcation_yardstick_px(self) -> float:
        """Disc diameter, or a share of the field where there is no disc: what arms of bifurcations are measured by."""
        return self.smoothing_px / _SMOOTHING_DD

    def pieces(self, vessel: str, region: str) -> Pieces:
        """Vessel segments clipped to a region; a segment that leaves it and returns gives two pieces."""
        return self.once(("pieces", vessel, region), lambda: self._pieces(vessel, region))

    def _pieces(self, vessel: str, region: str) -> Pieces:
        self.region(region)
        graph = self.graph(vessel)
        return _clip(graph, self._inside(graph.points_yx, region))

    def _inside(self, points_yx: Floats, region: str) -> NDArray[np.bool_]:
        if region == "image":
            return np.ones(len(points_yx), bool)
        if region not in ZONES:
            return self.in_region(points_yx, region)
        inner, outer = self.frame.zone_limits_px(region)
        distance = np.hypot(*(points_yx - self.frame.centre_yx).T)
        inside: NDArray[np.bool_] = (distance >= inner) & (distance < outer)
        return inside


def _clip(graph: VesselGraph, inside: NDArray[np.bool_]) -> Pieces:
    """Stretches of at least two points that are inside, none of them across two segments."""
    first = np.zeros(len(inside) + 1, bool)
    first[graph.bounds] = True
    before, after = np.zeros(len(inside), bool), np.zeros(len(inside), bool)
    before[1:], after[:-1] = inside[:-1], inside[1:]
    start = np.flatnonzero(inside & (~before | first[:-1]))
    stop = np.flatnonzero(inside & (~after | first[1:])) + 1
    long = stop - start > 1
    start, stop = start[long], stop[long]
    chord = graph.points_yx[stop - 1] - graph.points_yx[start]
    return Pieces(
        segment=np.searchsorted(graph.bounds, start, side="right") - 1,
        start=start,
        stop=stop,
        length_px=graph.along_px[stop - 1] - graph.along_px[start],
        chord_px=np.hypot(chord[:, 0], chord[:, 1]),
        graph=graph,
    )
