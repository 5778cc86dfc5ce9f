"""The training loop: runs on a CPU or with CUDA, resumes from its checkpoint, and logs what it does."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from retina_tools import schema
from retina_tools.segmentation.networks.build import build_network
from retina_tools.segmentation.training.augmentation import draw_batch, mix_amplitudes, other_camera
from retina_tools.segmentation.training.losses import combined_loss
from retina_tools.segmentation.training.recipe import Recipe
from retina_tools.segmentation.training.samples import Sample

__all__ = ["train_network", "validate"]

_AVERAGE_OVER = 100  # steps the running mean of the weights remembers
_LOG_COLUMNS = ("step", "loss", "learning_rate", "seconds", "structure", "dice", "best_dice", "best_threshold")


def train_network(
    recipe: Recipe,
    samples: Sequence[Sample],
    folder: str | os.PathLike[str],
    *,
    held_out: Sequence[Sample] = (),
    every: int = 250,
    device: str | None = None,
    show_progress: bool = True,
) -> nn.Module:
    """Train the network of a recipe.

    Parameters
    ----------
    recipe : Recipe
    samples : sequence of Sample
        To learn from.
    folder : path
        Gets ``checkpoint.pt``, from which an interrupted run goes on, and ``log.csv``.
    held_out : sequence of Sample
        Eyes of other patients; agreement on them is logged, nothing is chosen by it.
    every : int
        Steps between two checkpoints.
    device : str, optional
        ``cuda`` where there is one, else ``cpu``.
    show_progress : bool

    Returns
    -------
    torch.nn.Module
        With the running mean of the weights over the last steps, ready to be asked.

    Raises
    ------
    EyeError
        There is nothing to learn from, or the folder's checkpoint belongs to another recipe.
    """
    if not samples:
        raise schema.EyeError(
            f"The recipe {recipe.name!r} found no eyes to learn from; check its data and RETINA_DATA."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(recipe.seed)
    run = _Run(recipe, build_network(recipe.network, recipe.input, len(recipe.structures)), place)
    run.resume(folder / "checkpoint.pt")
    draw = _Draw(recipe, samples)
    bar = tqdm(total=recipe.steps, initial=run.step, desc=recipe.name, disable=not show_progress, leave=False)
    started, losses = time.monotonic() - run.seconds, []
    while run.step < recipe.steps:
        losses.append(run.advance(*draw(run.random)))
        bar.update()
        if run.step % every == 0 or run.step == recipe.steps:
            run.seconds = time.monotonic() - started
            found = validate(run.average, held_out, recipe.structures) if held_out else []
            _log(folder / "log.csv", run, float(np.mean(losses)), found)
            bar.set_postfix(
                {"loss": f"{np.mean(losses):.3f}"} | {row["structure"]: f"{row['dice']:.3f}" for row in found}
            )
            run.keep(folder / "checkpoint.pt")
            losses = []
    bar.close()
    return run.average.eval()


class _Draw:
    """Draws batches: first the source by its share, then an eye of it."""

    def __init__(self, recipe: Recipe, samples: Sequence[Sample]) -> None:
        self.recipe = recipe
        self.by_source: dict[str, list[Sample]] = {}
        for sample in samples:
            self.by_source.setdefault(sample.source, []).append(sample)
        share = {source.name: source.share for source in recipe.sources}
        self.scales = {source.name: source.scale for source in recipe.sources}
        wanted = np.array([share.get(source, 1.0) for source in self.by_source])
        self.share = wanted / wanted.sum()

    def __call__(self, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pools = list(self.by_source.values())
        chosen = [pools[random.choice(len(pools), p=self.share)] for _ in range(self.recipe.batch)]
        batch = [pool[random.integers(len(pool))] for pool in chosen]
        augmentation = self.recipe.augmentation
        planes, targets, weights = draw_batch(
            batch, random, crop_px=self.recipe.crop_px, augmentation=augmentation, scales=self.scales
        )
        planes = mix_amplitudes(planes, random, share=augmentation.mixing)
        return other_camera(planes, random, augmentation), targets, weights


class _Run:
    """Network, its running mean, optimiser and random numbers of one training."""

    def __init__(self, recipe: Recipe, network: nn.Module, place: torch.device) -> None:
        self.recipe, self.place = recipe, place
        self.network = network.to(place).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(self.network, multi_avg_fn=_follow, use_buffers=True)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=1e-2)
        self.scaler = torch.amp.GradScaler(enabled=place.type == "cuda")
        self.random = np.random.default_rng(recipe.seed)
        self.step, self.seconds = 0, 0.0

    def rate(self) -> float:
        """Learning rate: up over the first tenth, then down a cosine."""
        done = self.step / self.recipe.steps
        share = done / 0.1 if done < 0.1 else 0.5 * (1 + np.cos(np.pi * (done - 0.1) / 0.9))
        return float(self.recipe.learning_rate * max(share, 1e-3))

    def advance(self, planes: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> float:
        """One step of the optimiser; the loss."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        planes = planes.to(self.place, memory_format=torch.channels_last)
        with torch.autocast(self.place.type, enabled=self.place.type == "cuda"):
            logits = self.network(planes)
        loss = combined_loss(logits, targets.to(self.place), weights.to(self.place), parts=self.recipe.loss)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(loss.detach())

    def keep(self, path: Path) -> None:
        """Write the checkpoint beside the old one, then put it in its place, so that half of one is never left."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "weights": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": dict(self.random.bit_generator.state),
            "recipe": repr(self.recipe),
        }
        fresh = path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one."""
        if not path.exists():
            return
        state = torch.load(path, map_location=self.place, weights_only=True)
        if state["recipe"] != repr(self.recipe):
            raise schema.EyeError(
                f"{path} belongs to another recipe or another split; train into an empty folder or remove the file."
            )
        self.network.load_state_dict(state["weights"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.bit_generator.state = state["random"]
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def _follow(average: Sequence[torch.Tensor], current: Sequence[torch.Tensor], steps: torch.Tensor | int) -> None:
    """Move a running mean towards the current weights; at first fast, so that it forgets how it began."""
    kept = min(1 - 1 / _AVERAGE_OVER, (1 + float(steps)) / (10 + float(steps)))
    for old, new in zip(average, current, strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - kept)
        else:
            old.copy_(new)


def validate(network: nn.Module, samples: Sequence[Sample], structures: Sequence[str]) -> list[dict[str, Any]]:
    """Agreement with the truth in the frame, over the pixels of all eyes: Dice at one half and at its best threshold.

    Parameters
    ----------
    network : torch.nn.Module
    samples : sequence of Sample
    structures : sequence of str

    Returns
    -------
    list of dict
        ``structure``, ``dice``, ``best_dice``, ``best_threshold``; NaN where no eye has the structure.
    """
    network.eval()
    place = next(network.parameters()).device
    thresholds = np.linspace(0.05, 0.95, 19)
    counts = np.zeros((len(structures), 2, len(thresholds) + 1))
    totals = np.zeros(len(structures))
    with torch.inference_mode():
        for sample in samples:
            planes = torch.from_numpy(sample.planes.astype(np.float32))[None].to(place)
            probability = torch.sigmoid(network(planes))[0].float().cpu().numpy()
            for index in np.flatnonzero(sample.known):
                counted = sample.fov & ~(sample.doubtful & sample.is_kind[index])
                truth = (sample.targets[index] >= 128)[counted]
                above = np.digitize(probability[index][counted], thresholds)
                for row, chosen in enumerate((truth, ~truth)):
                    counts[index, row] += np.bincount(above[chosen], minlength=len(thresholds) + 1)
                totals[index] += truth.sum()
    drawn = counts[:, :, ::-1].cumsum(2)[:, :, ::-1][:, :, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        dice = 2 * drawn[:, 0] / (totals[:, None] + drawn.sum(1))
    rows: list[dict[str, Any]] = []
    for name, curve in zip(structures, np.nan_to_num(dice, nan=-1), strict=True):
        best = int(curve.argmax())
        found = {"dice": curve[len(thresholds) // 2], "best_dice": curve[best], "best_threshold": thresholds[best]}
        rows.append(
            {"structure": name} | {key: float(value) if curve[best] >= 0 else math.nan for key, value in found.items()}
        )
    return rows


def _log(path: Path, run: _Run, loss: float, found: Sequence[dict[str, Any]]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _LOG_COLUMNS)
        if is_new:
            writer.writeheader()
        line = {
            "step": run.step,
            "loss": f"{loss:.5f}",
            "learning_rate": f"{run.rate():.2e}",
            "seconds": f"{run.seconds:.0f}",
        }
        for row in found or [{}]:
            writer.writerow(line | {k: v if isinstance(v, str) else f"{v:.4f}" for k, v in row.items()})
