"""The command ``retina-tools evaluate``: hold the segmentation against drawings of people."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retina_tools.collection import EyeCollection
from retina_tools.schema import EyeError

__all__ = ["Outcome", "add_to", "run"]

_DESCRIPTION = """\
Draw the structures on photographs that people have drawn on too, and say how well the drawings agree: Dice, AUC, AUPR,
clDice and broken paths for vessels, names of arteries and veins, error of the vertical cup-to-disc ratio, lesions found
and false ones, distance of the landmarks. All inside the field of view.
"""

_END = """\
which eyes:  the name of a public dataset (hrf, chase_db1, idrid, ...), looked for in --root or in the folder that the
             environment variable RETINA_DATA names; or a folder that holds one; or photographs with --masks.
structures:  vessel, artery, vein, optic_disc, optic_cup, lesions by name, and artery_vein (their names), cup_disc (the
             ratio), fovea (the landmark); by default all that people have drawn there.

examples:
  retina-tools evaluate chase_db1 --structures vessel --out chase.csv --report chase.html
  retina-tools evaluate photos/ --masks drawn_by_us/ --coding av_rgb --first 20 --out ours.csv
  retina-tools evaluate hrf --structures vessel --first 5 --report hrf.html
"""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the command made.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        ``""`` per eye, ``summary`` over eyes, ``pooled`` over all pixels and lesions together.
    said : str
        The summary as text.
    """

    tables: dict[str, pd.DataFrame]
    said: str


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to a parser's commands, and return its own parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="drawings of people and of the machine in, agreement out",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("eyes", metavar="DATASET|FOLDER", help="name of a public dataset, or a folder")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="where the dataset is")
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="drawings of people for a folder of photographs")
    parser.add_argument("--coding", metavar="NAME", help="what the values of these drawings mean; see io.codings()")
    parser.add_argument("--structures", nargs="+", metavar="NAME", help="evaluate these; default all that are drawn")
    parser.add_argument("--measures", nargs="+", metavar="NAME", help="only these; default all that make sense")
    parser.add_argument("--first", type=int, metavar="N", help="only the first N eyes")
    parser.add_argument("--glaucoma", metavar="COLUMN", help="label of glaucoma, for the protocol of REFUGE")
    parser.add_argument("--out", type=Path, metavar="FILE", help="table per eye: .csv, .parquet or .xlsx")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page with figures and definitions: .html")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(options: argparse.Namespace) -> Outcome:
    """Do what the command line asks, and write the report.

    Parameters
    ----------
    options : argparse.Namespace
        As the parser of :func:`add_to` gives them.

    Returns
    -------
    Outcome

    Raises
    ------
    EyeError
        The eyes are not there, nobody has drawn on them, or a name is unknown.
    """
    from retina_tools.segmentation.evaluation import examine, pool, refuge, summarise

    if options.report is not None:
        _check_report(options.report)
    eyes = find_eyes(options)
    shown = not options.quiet
    found = examine(eyes, None, options.structures, measures=options.measures, progress=shown)
    summary, pooled = summarise(found.table), pool(found)
    discs = _refuge(refuge, found.table, eyes, options.glaucoma)
    tables = {"": found.table, "summary": summary, "pooled": pooled}
    if options.report is not None:
        from retina_tools import plotting

        page = plotting.evaluation_report(found, refuge=discs, summary=summary, pooled=pooled)
        options.report.write_text(page, encoding="utf-8")
    return Outcome(tables, _said(summary, pooled, discs))


def find_eyes(options: argparse.Namespace) -> EyeCollection:
    """The eyes that the command line names, with what people have drawn on them.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    EyeCollection

    Raises
    ------
    EyeError
        There is no such dataset or folder, or it is not clear which.
    """
    from retina_tools import datasets, io

    folder = Path(options.eyes)
    if options.masks is not None:
        eyes = io.add_mask_folder(io.read_folder(folder), options.masks, coding=options.coding)
    elif folder.is_dir():
        there = datasets.detect(folder)
        if len(there) != 1:
            if there:
                raise EyeError(f"The folder {folder} holds {', '.join(there)}; name one of them, with --root {folder}.")
            raise EyeError(f"The folder {folder} holds no public dataset; give the drawings of people with --masks.")
        ((name, home),) = there.items()
        eyes = datasets.open_dataset(name, home)
    else:
        eyes = datasets.open_dataset(options.eyes, options.root)
    if options.first is not None:
        if options.first < 1:
            raise EyeError(f"--first is {options.first}, wanted 1 or more.")
        eyes = eyes.select(slice(0, options.first))
    return eyes


def _refuge(score: Any, table: pd.DataFrame, eyes: EyeCollection, column: str | None) -> pd.DataFrame | None:
    """Scores by REFUGE's protocol, where disc and cup were evaluated by the measures it takes."""
    needed = {("optic_disc", "dice"), ("optic_cup", "dice"), ("cup_disc", "vcdr_refuge_true")}
    if not needed <= set(zip(table["structure"], table["measure"], strict=True)):
        return None
    if column is None:
        found: pd.DataFrame = score(table)
        return found
    if column not in eyes.clinical:
        there = ", ".join(map(str, eyes.clinical.columns))
        raise EyeError(f"The eyes have no column {column!r} for --glaucoma; there are {there}.")
    graded: pd.DataFrame = score(table, eyes.clinical.set_index("image_id")[column])
    return graded


def _said(summary: pd.DataFrame, pooled: pd.DataFrame, discs: pd.DataFrame | None) -> str:
    """The summary as lines of text."""
    from retina_tools.segmentation.evaluation import MEASURES, label_of
    from retina_tools.segmentation.evaluation.card import POOLED_LABELS

    lines = []
    for structure, part in summary.groupby("structure", sort=False):
        lines.append(f"{label_of(str(structure))}")
        for row in part.to_dict("records"):
            value = f"{row['mean']:.3f}" if row["n"] else "  -  "
            worst = f", worst {row['worst']:.3f} ({row['worst_image']})" if row["worst_image"] else ""
            missing = f"; missing: {row['why']}" if row["missing"] else ""
            counted = f" of {row['n']} eyes{worst}" if row["n"] else ""
            lines.append(f"  {MEASURES[row['measure']].label:<30} {value}{counted}{missing}")
    lines += [
        f"{label_of(row['structure'])}: {POOLED_LABELS[row['measure']]} {row['value']:.3f}"
        for row in pooled.dropna(subset="value").to_dict("records")
    ]
    if discs is not None:
        lines.append("REFUGE: " + ", ".join(f"{name} {value:.3f}" for name, value in discs["value"].items()))
    return "\n".join(lines)


def _check_report(path: Path) -> None:
    """Fail before the work, not after."""
    if path.suffix != ".html":
        raise EyeError(f"The report {path} should end in .html.")
    if path.is_dir():
        raise EyeError(f"{path} is a folder; give a file name, for example {path / 'report.html'}.")
    path.parent.mkdir(parents=True, exist_ok=True)
