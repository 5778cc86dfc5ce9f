"""From a recipe to a weight file with its card: the whole of a training, with one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from retina_tools import datasets, schema
from retina_tools.segmentation.networks.card import ModelCard
from retina_tools.segmentation.networks.store import save_network
from retina_tools.segmentation.training.loop import train_network, validate
from retina_tools.segmentation.training.recipe import Recipe, read_recipe
from retina_tools.segmentation.training.samples import Sample
from retina_tools.segmentation.training.sources import load_samples, split_by_patient

__all__ = ["train"]

_OWN_LICENCE = "BSD-3-Clause"
_EXAMPLES = 4


def train(
    recipe: str | os.PathLike[str] | Recipe,
    out: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    folds: int = 0,
    fold: int = 0,
    steps: int | None = None,
    device: str | None = None,
    show_progress: bool = True,
) -> Path:
    """Train a network and write its weights, its card, its log and example predictions.

    Parameters
    ----------
    recipe : str, path or Recipe
        The name of a shipped recipe, a TOML file, or a recipe.
    out : path
        Folder for ``<name>.safetensors``, ``<name>.json``, ``log.csv``, ``examples.png`` and the checkpoint from which
        an interrupted training goes on when the same call is made again.
    root : path, optional
        Folder of the datasets; the environment variable ``RETINA_DATA`` by default.
    only : sequence of str, optional
        Learn from these sources (and phantoms) alone; the eyes of the others are held out, which shows how far the
        network carries to another camera.
    folds, fold : int
        Hold out one of so many parts of the patients; none are held out by default.
    steps : int, optional
        Instead of the recipe's.
    device : str, optional
    show_progress : bool

    Returns
    -------
    Path
        Of the weight file.

    Raises
    ------
    EyeError
        The recipe is wrong, the data is not there, or ``out`` holds the checkpoint of another training.
    """
    plan = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    plan = plan if steps is None else replace(plan, steps=steps)
    samples = load_samples(plan, root, show_progress=show_progress)
    learned, held_out = _split(samples, only, folds, fold)
    out = Path(out)
    network = train_network(plan, learned, out, held_out=held_out, device=device, show_progress=show_progress)
    measured = _results(network, held_out, plan, "other sources" if only else f"{folds - 1} of {folds} parts")
    judged = validate(network, held_out or learned, plan.structures)
    card = _card(plan, learned, held_out, {row["structure"]: _threshold(row) for row in judged}, measured)
    _draw_examples(network, (held_out or learned)[:_EXAMPLES], plan, out / "examples.png")
    return save_network(card, _inner(network), out)


def _split(samples: Sequence[Sample], only: Sequence[str], folds: int, fold: int) -> tuple[list[Sample], list[Sample]]:
    names = {sample.source for sample in samples}
    if only:
        if unknown := sorted(set(only) - names):
            raise schema.EyeError(
                f"{unknown[0]!r} is no source of this recipe; wanted some of {', '.join(sorted(names))}."
            )
        kept = {*only, "phantom"}
        return [s for s in samples if s.source in kept], [s for s in samples if s.source not in kept]
    return split_by_patient(samples, folds, fold) if folds else (list(samples), [])


def _threshold(row: dict[str, Any]) -> float:
    """Where Dice is best, or one half where there was nothing to see it on."""
    best = row["best_threshold"]
    return round(float(best), 2) if np.isfinite(best) else 0.5


def _results(
    network: nn.Module, held_out: Sequence[Sample], recipe: Recipe, trained_on: str
) -> tuple[dict[str, Any], ...]:
    rows = []
    for source in sorted({sample.source for sample in held_out}):
        eyes = [sample for sample in held_out if sample.source == source]
        for row in validate(network, eyes, recipe.structures):
            if np.isfinite(row["dice"]):
                shared = {"dataset": source, "structure": row["structure"], "eyes": len(eyes), "trained_on": trained_on}
                rows.append(
                    shared | {"measure": "Dice over all pixels at the best threshold", "value": row["best_dice"]}
                )
    return tuple(rows)


def _card(
    recipe: Recipe,
    learned: Sequence[Sample],
    held_out: Sequence[Sample],
    thresholds: dict[str, float],
    results: tuple[dict[str, Any], ...],
) -> ModelCard:
    licences = datasets.catalogue().set_index("name")
    data, commercial = [], True
    for source in recipe.sources:
        eyes = sum(sample.source == source.name for sample in learned)
        if not eyes:
            continue
        known = source.dataset in licences.index
        row = licences.loc[source.dataset] if known else None
        commercial &= row is None or bool(row["commercial_use"])
        data.append(
            {
                "name": source.name,
                "eyes": eyes,
                "licence": str(row["licence"]) if row is not None else _OWN_LICENCE,
                "citation": str(row["citation"]) if row is not None else "synthetic, of this package",
            }
        )
    return ModelCard(
        name=recipe.name,
        title=recipe.title,
        structures=recipe.structures,
        frame_px=recipe.frame_px,
        input=recipe.input,
        view=recipe.view,
        network=recipe.network,
        thresholds=thresholds,
        data=tuple(data),
        licence=_OWN_LICENCE if commercial else f"{_OWN_LICENCE}, research use only (see data)",
        commercial_use=commercial,
        splits=f"{len(held_out)} eyes of other patients held out" if held_out else "none held out",
        results=results,
        experimental=all(sample.source == "phantom" for sample in learned),
    )


def _inner(network: nn.Module) -> nn.Module:
    """The network itself out of the running mean's wrapper."""
    module = getattr(network, "module", network)
    assert isinstance(module, nn.Module)
    return module


def _draw_examples(network: nn.Module, samples: Sequence[Sample], recipe: Recipe, path: Path) -> None:
    """One row per eye: the picture, the truth and the prediction, the first three structures in red, green and blue."""
    from PIL import Image

    place = next(network.parameters()).device
    rows = []
    for sample in samples:
        planes = torch.from_numpy(sample.planes.astype(np.float32))[None].to(place)
        with torch.inference_mode():
            probability = torch.sigmoid(network(planes))[0].float().cpu().numpy()
        shown = np.clip(sample.planes[:3].astype(np.float32) / 6 + 0.5, 0, 1)
        layers = [np.pad(a[:3], ((0, 3 - min(len(a), 3)), (0, 0), (0, 0))) for a in (sample.targets / 255, probability)]
        rows.append(np.concatenate([shown, *(layer * sample.fov for layer in layers)], axis=2))
    sheet = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    Image.fromarray((255 * np.clip(sheet, 0, 1)).astype(np.uint8)).save(path)
