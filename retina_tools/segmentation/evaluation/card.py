"""An evaluation in words: what was tested on what, how well it did, and what each number means."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from retina_tools import __version__
from retina_tools.segmentation.evaluation.examine import Evaluation
from retina_tools.segmentation.evaluation.measures import COMPOUND, MEASURES
from retina_tools.segmentation.evaluation.summary import pool, summarise
from retina_tools.taxonomy import TAXONOMY

__all__ = ["POOLED_LABELS", "card_results", "evaluation_card", "label_of"]

#: What the pooled measures of a set are called.
POOLED_LABELS: Final = {
    "auc": "AUC of all pixels",
    "ap": "AUPR of all pixels",
    "ece": "Calibration error of all pixels",
    "froc": "Mean sensitivity at 1/8 to 8 false objects per image",
    "ap_object_10": "Average precision of objects, IoU 0.1",
    "ap_object_50": "Average precision of objects, IoU 0.5",
}


def evaluation_card(
    evaluation: Evaluation,
    *,
    trained_on: str = "",
    notes: str = "",
    summary: pd.DataFrame | None = None,
    pooled: pd.DataFrame | None = None,
) -> str:
    """Write the card of an evaluation, in Markdown.

    Parameters
    ----------
    evaluation : Evaluation
        From :func:`examine`.
    trained_on : str
        What the segmenter learned from, in words; the card says when it is not known.
    notes : str
        A paragraph of your own.
    summary, pooled : pandas.DataFrame, optional
        From :func:`summarise` and :func:`pool` of this evaluation, where they are made already.

    Returns
    -------
    str
    """
    table = evaluation.table
    means = summarise(table) if summary is None else summary
    together = pool(evaluation) if pooled is None else pooled
    eyes, patients = table["image_id"].nunique(), table["patient_id"].nunique()
    parts = [
        f"# {evaluation.segmenter} on {evaluation.dataset}",
        f"- Tested on: {evaluation.dataset}, {eyes} eyes of {patients} patients",
        f"- Trained on: {trained_on or 'not stated'}",
        f"- Made with: retina_tools {__version__}",
        "- Counted: inside the field of view, at the photograph's own size",
        "- Intervals: 95 %, percentiles of a bootstrap over patients",
    ]
    lines = ["\n".join([parts[0], "", *parts[1:]])]
    if notes:
        lines.append(notes)
    shown = means[means["n"] > 0]
    if len(shown):
        lines.append("## Per eye\n\n" + _markdown(_per_eye(shown)))
    if len(together):
        lines.append("## All eyes together\n\n" + _markdown(_together(together)))
    if len(absent := means[means["missing"] > 0]):
        what = zip(absent["structure"], absent["measure"], absent["why"], strict=True)
        said = [f"- {label_of(name)}, {MEASURES[measure].label}: {why}" for name, measure, why in what]
        lines.append("## Values that are missing\n\n" + "\n".join(said))
    used = [one for name, one in MEASURES.items() if name in set(means["measure"])]
    defined = [f"- {one.label}: {one.definition}.{f' {one.source}.' if one.source else ''}" for one in used]
    lines.append("## What the numbers mean\n\n" + "\n".join(defined))
    return "\n\n".join(lines) + "\n"


def card_results(
    summary: pd.DataFrame, trained_on: str, measures: tuple[str, ...] = ("dice", "auc", "ap", "cldice", "accuracy")
) -> tuple[dict[str, Any], ...]:
    """The measured results of a model card: one entry per set, structure and measure.

    Parameters
    ----------
    summary : pandas.DataFrame
        From :func:`summarise`.
    trained_on : str
    measures : tuple of str
        Which of them go on the card.

    Returns
    -------
    tuple of dict
        ``dataset``, ``structure``, ``measure``, ``value`` (mean over eyes), ``eyes``, ``trained_on``.
    """
    shown = summary[summary["measure"].isin(measures) & (summary["n"] > 0)]
    return tuple(
        {
            "dataset": row["dataset"],
            "structure": row["structure"],
            "measure": row["measure"],
            "value": float(row["mean"]),
            "eyes": int(row["n"]),
            "trained_on": trained_on,
        }
        for row in shown.to_dict("records")
    )


def label_of(structure: str) -> str:
    """What people call a structure, landmark or pair of structures that can be evaluated."""
    return COMPOUND[structure] if structure in COMPOUND else TAXONOMY[structure].label


def _per_eye(summary: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in summary.to_dict("records"):
        worst = f"{row['worst']:.3f} ({row['worst_image']})" if row["worst_image"] else ""
        rows.append(
            {
                "Structure": label_of(row["structure"]),
                "Measure": MEASURES[row["measure"]].label,
                "Mean": f"{row['mean']:.3f}{_range(row)}",
                "Median": f"{row['median']:.3f}",
                "Worst": worst,
                "Eyes": str(row["n"]),
            }
        )
    return pd.DataFrame(rows)


def _together(pooled: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Structure": label_of(row["structure"]),
            "Measure": POOLED_LABELS[row["measure"]],
            "Value": "none" if math.isnan(row["value"]) else f"{row['value']:.3f}{_range(row)}",
            "Eyes": str(row["n"]),
        }
        for row in pooled.to_dict("records")
    )


def _range(row: dict[Any, Any]) -> str:
    return "" if math.isnan(row["ci_low"]) else f" ({row['ci_low']:.3f} to {row['ci_high']:.3f})"


def _markdown(table: pd.DataFrame) -> str:
    """A table in Markdown; bars in names would end a cell."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
