"""A segmenter on a set of eyes: every measure of every eye, and those of all pixels and lesions together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pandas as pd
import xarray as xr

from retina_tools import schema
from retina_tools.collection import EyeCollection
from retina_tools.segmentation.chain import STRUCTURES, segment
from retina_tools.segmentation.evaluation.compare import REASONS, Comparison, compare, failed
from retina_tools.segmentation.evaluation.detection import Detections, FreeResponse, free_response
from retina_tools.segmentation.evaluation.measures import MEASURES, measures_of
from retina_tools.segmentation.evaluation.tally import Tally

__all__ = ["COLUMNS", "Evaluation", "evaluate", "examine"]

Segmenter = Callable[[xr.Dataset], xr.Dataset]
COLUMNS: Final = ("dataset", "image_id", "patient_id", "structure", "measure", "value", "status", "reason")
# What has to be drawn for what is no structure itself.
_LANDMARK: Final = [name for name, one in MEASURES.items() if one.group == "landmark"]
_PARTS: Final = {"artery_vein": ("artery", "vein"), "cup_disc": ("optic_disc", "optic_cup")}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What :func:`examine` found.

    Attributes
    ----------
    dataset, segmenter : str
    table : pandas.DataFrame
        One row per eye, structure and measure; see :func:`evaluate`.
    tallies : dict of str to list of (str, Tally)
        Patient and pixels by probability of each eye, by structure.
    detections : dict of str to list of (str, tuple of Detections)
        Patient and objects of each eye, by lesion.
    """

    dataset: str
    segmenter: str
    table: pd.DataFrame
    tallies: dict[str, list[tuple[str, Tally]]] = field(default_factory=dict)
    detections: dict[str, list[tuple[str, tuple[Detections, ...]]]] = field(default_factory=dict)

    def pixels(self, structure: str) -> Tally:
        """The pixels of all eyes together, by their probability of a structure.

        Raises
        ------
        EyeError
            The segmenter gave no probability of it.
        """
        if not self.tallies.get(structure):
            raise schema.EyeError(
                f"There is no probability of {structure!r} in this evaluation; there is one of "
                f"{', '.join(map(repr, self.tallies)) or 'nothing'}."
            )
        return Tally.total(tally for _, tally in self.tallies[structure])

    def free_response(self, lesion: str, at: int = 0) -> FreeResponse:
        """The free-response curve of a lesion over all eyes, at the first or second overlap of ``IOUS``.

        Raises
        ------
        EyeError
            The lesion was not evaluated, or is on none of the eyes.
        """
        if not self.detections.get(lesion):
            raise schema.EyeError(
                f"No objects of {lesion!r} were evaluated; there are those of "
                f"{', '.join(map(repr, self.detections)) or 'nothing'}."
            )
        return free_response([objects[at] for _, objects in self.detections[lesion]])


def evaluate(
    eyes: EyeCollection | Iterable[xr.Dataset],
    segmenter: Segmenter | None = None,
    structures: str | Iterable[str] | None = None,
    *,
    measures: Iterable[str] | None = None,
    dataset: str = "",
    progress: bool = False,
) -> pd.DataFrame:
    """Hold a segmenter against the reference drawings of a set of eyes.

    Parameters
    ----------
    eyes : EyeCollection or iterable of xarray.Dataset
        With photograph and reference: ``datasets.chase_db1()``, or eyes with masks.
    segmenter : callable, optional
        Eye in, eye with masks out; it is shown the bare photograph, with its field of view and laterality.
        ``segmentation.segment`` by default.
    structures : str or iterable of str, optional
        Names of the taxonomy, ``"fovea"`` (the landmark), ``"artery_vein"`` (their names on pixels both call one of the
        two), ``"cup_disc"`` (the vertical ratio); by default all that each reference has.
    measures : iterable of str, optional
        Some of :data:`MEASURES`, to save time; all that make sense by default.
    dataset : str
        Name of the set, where the eyes do not carry one.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row per eye, structure and measure: ``dataset``, ``image_id``, ``patient_id``, ``structure``, ``measure``,
        ``value``, ``status`` (``ok``, or why the value is missing) and ``reason`` (the same in words). All is counted
        inside the field of view.

    Raises
    ------
    EyeError
        No eye has a reference of what was asked for, or an eye has no photograph. An eye that the *segmenter* refuses
        does not stop the evaluation; its rows say ``failed``.

    See Also
    --------
    examine : the same with the curves, and the measures of all pixels and lesions of the set together.
    summarise : mean, median and worst over the eyes.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> table = evaluate([phantom.eye(seed=1, size=256)], structures="vessel", measures=["dice"])
    >>> table[["structure", "measure", "status"]].values.tolist()
    [['vessel', 'dice', 'ok']]
    """
    return examine(eyes, segmenter, structures, measures=measures, dataset=dataset, progress=progress).table


def examine(
    eyes: EyeCollection | Iterable[xr.Dataset],
    segmenter: Segmenter | None = None,
    structures: str | Iterable[str] | None = None,
    *,
    measures: Iterable[str] | None = None,
    dataset: str = "",
    name: str = "",
    progress: bool = False,
) -> Evaluation:
    """Evaluate a segmenter and keep what curves and pooled measures need.

    Parameters
    ----------
    eyes, segmenter, structures, measures, dataset, progress
        As for :func:`evaluate`.
    name : str
        Name of the segmenter; that of the function by default.

    Returns
    -------
    Evaluation

    Raises
    ------
    EyeError
        As for :func:`evaluate`.
    """
    chosen = (structures,) if isinstance(structures, str) else None if structures is None else tuple(structures)
    wanted = None if measures is None else tuple(measures)
    for one in chosen or ():
        measures_of(one, wanted)  # says at once what is misspelt
    draw = default_segmenter(chosen) if segmenter is None else segmenter
    given = dataset or (eyes.name if isinstance(eyes, EyeCollection) else "")
    found = Evaluation(given, name or _name(draw), pd.DataFrame(columns=list(COLUMNS)))
    rows: list[tuple[Any, ...]] = []
    for truth in counted(eyes, progress):
        keys, made = keys_of(truth, given), examine_eye(truth, draw, chosen, wanted)
        rows += [(*keys, *row) for row in made.rows]
        for structure, tally in made.tallies.items():
            found.tallies.setdefault(structure, []).append((keys[2], tally))
        for lesion, objects in made.detections.items():
            found.detections.setdefault(lesion, []).append((keys[2], objects))
    if not rows:
        what = ", ".join(chosen) if chosen else "anything"
        raise schema.EyeError(
            f"No eye of {given or 'the set'} has a reference of {what}; choose structures that were drawn by a person."
        )
    table = _without_unsought(pd.DataFrame(rows, columns=list(COLUMNS)))
    named = table["dataset"].unique()
    label = given or (str(named[0]) if len(named) == 1 else f"{len(named)} datasets")
    return Evaluation(label, found.segmenter, table, found.tallies, found.detections)


def _without_unsought(table: pd.DataFrame) -> pd.DataFrame:
    """The table without misses of a landmark that was found on no eye: a network of vessels does not look for it."""
    for structure in ("fovea", "optic_disc"):
        here = (table["structure"] == structure) & table["measure"].isin(_LANDMARK)
        if not table.loc[here, "status"].eq("not_found").any():
            continue
        if not (here & table["measure"].str.startswith("error") & table["value"].notna()).any():
            missed = here & table["status"].isin(("ok", "not_found"))
            table["value"] = table["value"].mask(missed)
            table["status"] = table["status"].mask(missed, "never_found")
            table["reason"] = table["reason"].mask(missed, REASONS["never_found"])
    return table


def examine_eye(
    truth: xr.Dataset, draw: Segmenter, structures: Sequence[str] | None, measures: Sequence[str] | None
) -> Comparison:
    """Let a segmenter draw an eye and compare; where it refuses, the rows say so."""
    bare = schema.without_masks(truth)
    try:
        drawn = draw(bare)
    except schema.EyeError as error:
        return failed(truth, error, structures, measures)
    return compare(truth, drawn, structures, measures)


def keys_of(eye: xr.Dataset, dataset: str) -> tuple[str, str, str]:
    """Dataset, image and patient; an image without a patient is its own."""
    image = str(eye["image_id"].item())
    return str(eye.attrs.get("dataset") or dataset), image, str(eye["patient_id"].item()) or image


def counted(eyes: EyeCollection | Iterable[xr.Dataset], progress: bool) -> Iterable[xr.Dataset]:
    """The eyes, with a progress bar where one is wanted."""
    if not progress:
        return eyes
    from tqdm import tqdm

    shown: Iterable[xr.Dataset] = tqdm(eyes, unit="eye", total=len(eyes) if isinstance(eyes, Sized) else None)
    return shown


def default_segmenter(structures: Sequence[str] | None) -> Segmenter:
    """``segmentation.segment``, drawing no more than what is evaluated."""
    if structures is None:
        return segment
    parts = [part for name in structures for part in _PARTS.get(name, (name,)) if part in STRUCTURES]
    return partial(segment, structures=parts)


def _name(segmenter: Segmenter) -> str:
    inner = segmenter.func if isinstance(segmenter, partial) else segmenter
    return str(getattr(inner, "__name__", type(inner).__name__))
