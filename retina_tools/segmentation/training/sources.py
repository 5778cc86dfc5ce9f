"""From a recipe's sources to samples, and from samples to splits by patient."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from retina_tools import datasets, phantom, schema
from retina_tools.segmentation.training.recipe import Recipe, Source
from retina_tools.segmentation.training.samples import Sample, prepare

__all__ = ["load_samples", "split_by_patient"]

_PHANTOM = "phantom"
_FIRST_SEED = 100_000  # phantoms for training; tests and notebooks use small seeds


def load_samples(
    recipe: Recipe, root: str | os.PathLike[str] | None = None, *, show_progress: bool = False
) -> list[Sample]:
    """Read and prepare all eyes a recipe learns from.

    Parameters
    ----------
    recipe : Recipe
    root : path, optional
        Folder of the datasets; the environment variable ``RETINA_DATA`` by default.
    show_progress : bool

    Returns
    -------
    list of Sample

    Raises
    ------
    DatasetError
        A dataset is not there.
    EyeError
        A source has no eye with any of the structures.
    """
    samples: list[Sample] = []
    for source in recipe.sources:
        eyes = tqdm(_eyes(source, root), desc=source.dataset, unit="eye", disable=not show_progress, leave=False)
        prepared = prepare(
            eyes,
            recipe.structures,
            source=source.name,
            frame_px=recipe.frame_px,
            kind=recipe.input,
            view=recipe.view,
            labels=recipe.labels,
        )
        useful = [sample for sample in prepared if sample.known.any()]
        if not useful:
            raise schema.EyeError(f"No eye of {source.dataset} has any of {', '.join(recipe.structures)}.")
        samples += useful
    return samples


def _eyes(source: Source, root: str | os.PathLike[str] | None) -> Iterable[xr.Dataset]:
    if source.dataset != _PHANTOM:
        return datasets.open_dataset(source.dataset, root, **source.options)
    return _phantoms(**source.options)


def _phantoms(
    *, count: int, size: int = 1024, captions: Sequence[str] = (), first_seed: int = _FIRST_SEED
) -> Iterator[xr.Dataset]:
    for index in range(count):
        caption = captions[index % len(captions)] if captions else None
        yield phantom.eye(caption or None, seed=first_seed + index, size=size)


def split_by_patient(samples: Sequence[Sample], folds: int, fold: int) -> tuple[list[Sample], list[Sample]]:
    """Split samples in those to learn from and those held out, each patient on one side; phantoms are for learning.

    Parameters
    ----------
    samples : sequence of Sample
    folds : int
        Number of parts every dataset's patients are dealt into, in the order of their names.
    fold : int
        The part to hold out, from 0.

    Returns
    -------
    learned, held_out : list of Sample

    Raises
    ------
    EyeError
        There are fewer than two folds, or no such fold.
    """
    if folds < 2 or not 0 <= fold < folds:
        raise schema.EyeError(f"Fold {fold} of {folds} was asked for; wanted two folds or more, counted from 0.")
    place: dict[tuple[str, str], int] = {}
    for source in sorted({sample.source for sample in samples}):
        patients = sorted({sample.patient_id for sample in samples if sample.source == source})
        place |= {(source, patient): index % folds for index, patient in enumerate(patients)}
    is_out = np.array(
        [sample.source != _PHANTOM and place[sample.source, sample.patient_id] == fold for sample in samples]
    )
    learned = [sample for sample, out in zip(samples, is_out, strict=True) if not out]
    held_out = [sample for sample, out in zip(samples, is_out, strict=True) if out]
    return learned, held_out
