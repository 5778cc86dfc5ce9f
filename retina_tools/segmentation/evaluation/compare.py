"""All measures of one eye: a drawing held against a reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.evaluation.anatomy import (
    ArteryVein,
    artery_vein_agreement,
    disc_diameter_px,
    vertical_ratio,
)
from retina_tools.segmentation.evaluation.detection import Detections, match_objects
from retina_tools.segmentation.evaluation.measures import COMPOUND, Measure, measures_of
from retina_tools.segmentation.evaluation.tally import Tally
from retina_tools.segmentation.evaluation.topology import Trees, centreline
from retina_tools.segmentation.frame import fit_fov_circle
from retina_tools.segmentation.metrics import agreement

__all__ = ["IOUS", "REASONS", "Comparison", "Row", "compare", "referenced"]

Mask = NDArray[np.bool_]
#: Overlaps at which objects count as the same: the first for free-response curves, both for average precision.
IOUS: Final = (0.1, 0.5)

#: Why a value is missing.
REASONS: Final = {
    "ok": "",
    "empty_truth": "the reference has no such pixel on this eye",
    "full_truth": "the reference has no other pixel on this eye",
    "nothing_drawn": "nothing was drawn, so there is no share of it",
    "not_drawn": "the segmenter does not draw this",
    "not_found": "the segmenter looked for the landmark and did not find it",
    "never_found": "the segmenter found this landmark on no eye, so it may not look for it",
    "no_probability": "the segmenter gives no probability of this",
    "no_scale": "neither a disc in the reference nor a scale gives the disc diameter",
    "too_short": "no connected piece of the true tree is long enough for a path",
    "nothing_to_judge": "no pixel is artery or vein, and not both, in both drawings",
    "failed": "the segmenter stopped with an error",
}


class Row(NamedTuple):
    """One value of the table of an evaluation."""

    structure: str
    measure: str
    value: float
    status: str
    reason: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What an eye adds to an evaluation.

    Attributes
    ----------
    rows : list of Row
    tallies : dict of str to Tally
        Pixels by probability, of each structure that has one.
    detections : dict of str to tuple of Detections
        Of each lesion, at the overlaps of :data:`IOUS`.
    """

    rows: list[Row] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    detections: dict[str, tuple[Detections, ...]] = field(default_factory=dict)


def referenced(truth: xr.Dataset) -> tuple[str, ...]:
    """What can be evaluated on an eye: the structures, landmarks and pairs of structures that its reference has."""
    found = [name for name in schema.TAXONOMY if schema.has_mask(truth, name)]
    if "optic_disc" not in found and schema.get_landmark(truth, "optic_disc") is not None:
        found.append("optic_disc")
    both = {"artery_vein": {"artery", "vein"}, "cup_disc": {"optic_cup", "optic_disc"}}
    found += [name for name, parts in both.items() if all(schema.has_mask(truth, part) for part in parts)]
    if schema.get_landmark(truth, "fovea") is not None:
        found.append("fovea")
    return tuple(found)


def compare(
    truth: xr.Dataset,
    drawn: xr.Dataset,
    structures: Iterable[str] | None = None,
    measures: Iterable[str] | None = None,
) -> Comparison:
    """Hold a drawing of an eye against a reference, inside the reference's field of view.

    Parameters
    ----------
    truth : xarray.Dataset
        An eye with the reference's masks and landmarks.
    drawn : xarray.Dataset
        The same eye with what is judged.
    structures : iterable of str, optional
        Names of the taxonomy, ``"fovea"``, ``"artery_vein"``, ``"cup_disc"``; by default all that the reference has.
        What it has not is left out.
    measures : iterable of str, optional
        Names of :data:`~retina_tools.segmentation.evaluation.MEASURES`; all that make sense by default.

    Returns
    -------
    Comparison

    Raises
    ------
    EyeError
        The two eyes differ in size, or a name is unknown.
    """
    shapes = [(eye.sizes["y"], eye.sizes["x"]) for eye in (truth, drawn)]
    if shapes[0] != shapes[1]:
        raise schema.EyeError(
            f"The reference is {shapes[0][0]} x {shapes[0][1]} pixels, the drawing {shapes[1][0]} x {shapes[1][1]}; a "
            "segmenter must give masks at the photograph's own size."
        )
    there = referenced(truth)
    chosen = there if structures is None else tuple(structures)
    made = Comparison()
    wanted = None if measures is None else tuple(measures)
    for structure in chosen:
        asked = measures_of(structure, wanted)
        if structure in there and asked:
            _Judge(truth, drawn, structure, asked, made).judge()
    return made


def failed(
    truth: xr.Dataset, error: Exception, structures: Iterable[str] | None, measures: Sequence[str] | None
) -> Comparison:
    """The rows of an eye that the segmenter could not do."""
    there = referenced(truth)
    chosen = there if structures is None else [name for name in structures if name in there]
    return Comparison(
        [Row(name, one.name, math.nan, "failed", str(error)) for name in chosen for one in measures_of(name, measures)]
    )


@dataclass(frozen=True, eq=False)
class _Judge:
    """One structure of one eye."""

    truth: xr.Dataset
    drawn: xr.Dataset
    structure: str
    asked: Sequence[Measure]
    made: Comparison

    def judge(self) -> None:
        for group in dict.fromkeys(measure.group for measure in self.asked):
            values: dict[str, tuple[float, str]] = dict(getattr(self, f"_{group}")())
            for measure in self.asked:
                if measure.group == group and measure.name in values:
                    value, status = values[measure.name]
                    self.made.rows.append(Row(self.structure, measure.name, value, status, REASONS[status]))

    def _names(self, group: str) -> list[str]:
        return [measure.name for measure in self.asked if measure.group == group]

    def _all(self, group: str, status: str) -> Iterator[tuple[str, tuple[float, str]]]:
        yield from ((name, (math.nan, status)) for name in self._names(group))

    def _masks(self) -> tuple[Mask | None, Mask | None, Mask]:
        """True and drawn, None where there is none, inside the field of view; and that field."""
        fov: Mask = self.truth["fov"].values
        if self.structure in COMPOUND:
            return None, None, fov
        found = [schema.get_mask(eye, self.structure) for eye in (self.truth, self.drawn)]
        true, drawn = (None if mask is None else mask & fov for mask in found)
        return true, drawn, fov

    def _overlap(self) -> Iterator[tuple[str, tuple[float, str]]]:
        true, drawn, fov = self._masks()
        if true is None:
            return
        if drawn is None:
            yield from self._all("overlap", "not_drawn")
            return
        for name, value in agreement(drawn, true, fov).items():
            if name == "specificity":
                yield name, (value, "full_truth" if math.isnan(value) else "ok")
            elif not true.any():
                yield name, (math.nan, "empty_truth")
            else:
                yield name, (value, "nothing_drawn" if math.isnan(value) else "ok")

    def _ranking(self) -> Iterator[tuple[str, tuple[float, str]]]:
        true, drawn, fov = self._masks()
        if true is None:
            return
        probability = _probability(self.drawn, self.structure)
        if probability is None:
            yield from self._all("ranking", "not_drawn" if drawn is None else "no_probability")
            return
        tally = self.made.tallies[self.structure] = Tally.of(probability, true, fov)
        wanted = self._names("ranking")
        missing = "full_truth" if true.any() else "empty_truth"
        if "auc" in wanted:
            auc = tally.area_under_curve()
            yield "auc", (auc, missing if math.isnan(auc) else "ok")
        if "ap" in wanted:
            yield "ap", (tally.average_precision(), "ok" if true.any() else missing)
        if "ece" in wanted:
            yield "ece", (tally.calibration_error(), "ok")

    def _tree(self) -> Iterator[tuple[str, tuple[float, str]]]:
        true, drawn, fov = self._masks()
        if true is None:
            return
        if drawn is None or not true.any():
            yield from self._all("tree", "not_drawn" if drawn is None else "empty_truth")
            return
        trees = Trees.of(drawn, true, fov)
        wanted = self._names("tree")
        if "cldice" in wanted:
            yield "cldice", (trees.centreline_dice(), "ok")
        if {"path_infeasible", "path_correct"} & set(wanted):
            paths = trees.paths()
            status = "too_short" if paths is None else "ok"
            yield "path_infeasible", (math.nan if paths is None else paths.infeasible, status)
            yield "path_correct", (math.nan if paths is None else paths.correct, status)

    def _object(self) -> Iterator[tuple[str, tuple[float, str]]]:
        true, drawn, fov = self._masks()
        if true is None:
            return
        if drawn is None:
            yield from self._all("object", "not_drawn")
            return
        probability = _probability(self.drawn, self.structure)
        every = tuple(match_objects(drawn, true, probability=probability, fov=fov, least_iou=iou) for iou in IOUS)
        self.made.detections[self.structure] = every
        found = every[0]
        hits, objects = int(found.hit.sum()), len(found.hit)
        yield "object_sensitivity", (hits / found.lesions, "ok") if found.lesions else (math.nan, "empty_truth")
        yield "object_precision", (hits / objects, "ok") if objects else (math.nan, "nothing_drawn")
        yield "false_objects", (float(objects - hits), "ok")

    def _artery_vein(self) -> Iterator[tuple[str, tuple[float, str]]]:
        true = [schema.get_mask(self.truth, name) for name in ("artery", "vein")]
        drawn = [schema.get_mask(self.drawn, name) for name in ("artery", "vein")]
        masks = [mask for mask in (*drawn, *true) if mask is not None]
        if len(masks) < 4:
            yield from self._all("artery_vein", "not_drawn")
            return
        fov: Mask = self.truth["fov"].values
        found = artery_vein_agreement(masks[0], masks[1], masks[2], masks[3], fov)
        centre = ArteryVein(*[math.nan] * 4)
        if "accuracy_centreline" in self._names("artery_vein"):
            line = centreline((masks[2] | masks[3]) & fov)
            centre = artery_vein_agreement(masks[0], masks[1], masks[2], masks[3], line)
        for name, value in (
            ("accuracy", found.accuracy),
            ("accuracy_artery", found.sensitivity),
            ("accuracy_vein", found.specificity),
            ("accuracy_centreline", centre.accuracy),
        ):
            yield name, (value, "nothing_to_judge" if math.isnan(value) else "ok")
        yield "coverage", (found.coverage, "empty_truth" if math.isnan(found.coverage) else "ok")

    def _cup_disc(self) -> Iterator[tuple[str, tuple[float, str]]]:
        masks = [schema.get_mask(eye, name) for eye in (self.truth, self.drawn) for name in ("optic_cup", "optic_disc")]
        true_cup, true_disc, cup, disc = masks
        if true_cup is None or true_disc is None:
            return
        for name, as_refuge in (("vcdr", False), ("vcdr_refuge", True)):
            true, found, status = vertical_ratio(true_cup, true_disc, as_refuge=as_refuge), math.nan, "not_drawn"
            if cup is not None and disc is not None:
                found = vertical_ratio(cup, disc, as_refuge=as_refuge)
                status = "nothing_drawn" if math.isnan(found) else "ok"
            yield name, (found, status)
            status = "empty_truth" if math.isnan(true) else status
            yield f"{name}_true", (true, "empty_truth" if math.isnan(true) else "ok")
            yield f"{name}_error", (found - true, status)
            yield f"{name}_absolute_error", (abs(found - true), status)

    def _landmark(self) -> Iterator[tuple[str, tuple[float, str]]]:
        point: Literal["optic_disc", "fovea"] = "fovea" if self.structure == "fovea" else "optic_disc"
        true, drawn = schema.get_landmark(self.truth, point), _landmark(self.drawn, point)
        if true is None:
            return
        if drawn is None and point == "optic_disc" and not schema.has_mask(self.drawn, point):
            yield from self._all("landmark", "not_drawn")
            return
        unit = disc_diameter_px(self.truth)
        no_unit = math.isnan(unit)
        error = math.nan if drawn is None else math.dist(true, drawn)
        status = "not_found" if drawn is None else "ok"
        yield "error_dd", (error / unit, "no_scale" if no_unit and drawn is not None else status)
        yield "error_field", (error / fit_fov_circle(self.truth["fov"].values).diameter_px, status)
        for name, bound in (("within_quarter_dd", 0.25), ("within_half_dd", 0.5)):
            # A landmark that was not found is not near: it counts against the share.
            yield name, (math.nan, "no_scale") if no_unit else (float(error <= bound * unit), "ok")


def _landmark(drawn: xr.Dataset, point: Literal["optic_disc", "fovea"]) -> tuple[float, float] | None:
    """The landmark as given, else the middle of what was drawn of it: networks draw a disc or macula and no point."""
    if (given := schema.get_landmark(drawn, point)) is not None:
        return given
    mask = schema.get_mask(drawn, "macula" if point == "fovea" else point)
    if mask is None or not mask.any():
        return None
    y, x = np.nonzero(mask)
    return float(y.mean()), float(x.mean())


def _probability(drawn: xr.Dataset, structure: str) -> NDArray[np.float32] | None:
    """Probability of a structure; that of any vessel is at least that of artery and of vein."""
    probability = schema.get_probability(drawn, structure)
    if probability is None and structure == "vessel":
        parts = [part for name in ("artery", "vein") if (part := schema.get_probability(drawn, name)) is not None]
        if parts:
            largest: NDArray[np.float32] = np.maximum.reduce(parts)
            return largest
    return probability
