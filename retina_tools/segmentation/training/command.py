"""``retina-tools train``: its options and what it says."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_train_command"]

_DESCRIPTION = """\
Train a network from a recipe: data in its official layout in, a safetensors file with its model card out. RECIPE is a
TOML file or the name of a shipped one, which makes the shipped weights again. Runs on the CPU, or on CUDA with mixed
precision where there is one; interrupted, the same command goes on from the last checkpoint.
"""

_END = """\
held out:  --folds 5 --fold 0 holds out a fifth of the patients of every dataset; --only chase_db1 learns from that set
           alone and is judged on the others. Results on what was held out are written into the model card.
written:   NAME.safetensors, NAME.json (the card), log.csv, examples.png (picture, truth, prediction), checkpoint.pt.

examples:
  retina-tools train vessels --data datasets/ --out models/vessels
  retina-tools train vessels --data datasets/ --out models/fold0 --folds 5 --fold 0
  retina-tools train my_recipe.toml --out models/mine --steps 500
"""


def add_train_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train`` to the command line."""
    train = commands.add_parser(
        "train",
        help="a recipe in, trained weights out",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.set_defaults(run=_train)
    train.add_argument("recipe", metavar="RECIPE", help="TOML file, or the name of a shipped recipe")
    train.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder for weights, card and log")
    train.add_argument("--data", type=Path, metavar="FOLDER", help="folder of the datasets; default RETINA_DATA")
    train.add_argument("--only", nargs="+", default=[], metavar="SOURCE", help="learn from these sources alone")
    train.add_argument("--folds", type=int, default=0, metavar="K", help="deal the patients into so many parts")
    train.add_argument("--fold", type=int, default=0, metavar="I", help="and hold out this one, from 0")
    train.add_argument("--steps", type=int, metavar="N", help="instead of the recipe's")
    train.add_argument("--device", metavar="NAME", help="cpu or cuda; default cuda where there is one")
    train.add_argument("--quiet", action="store_true", help="no progress bar")


def _train(options: argparse.Namespace) -> int:
    from retina_tools.segmentation.networks.card import read_card
    from retina_tools.segmentation.training.run import train

    path = train(
        options.recipe,
        options.out,
        root=options.data,
        only=options.only,
        folds=options.folds,
        fold=options.fold,
        steps=options.steps,
        device=options.device,
        show_progress=not options.quiet,
    )
    print(read_card(path.with_suffix(".json")))
    print(f"Weights: {path}\nExamples: {options.out / 'examples.png'}")
    return 0
