"""The protocol of the REFUGE challenge, so that a segmenter of disc and cup can be put beside its ranking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retina_tools.schema import EyeError

__all__ = ["refuge"]


def refuge(
    table: pd.DataFrame,
    labels: Mapping[str, object] | None = None,
    scores: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Score disc and cup, and the suspicion of glaucoma, as the REFUGE challenge does.

    The vertical cup-to-disc ratio is the challenge's: the largest number of cup pixels in a column of the picture over
    the largest number of disc pixels in one, the cup counted to the disc. A disc or cup that was not found has Dice 0
    and ratio 0, as there, and the rows say how many.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`evaluate`, with structures ``optic_disc``, ``optic_cup`` and ``cup_disc``.
    labels : mapping of str to bool, optional
        Image to whether it has glaucoma, a series by image for one.
    scores : mapping of str to float, optional
        Image to how suspicious it is; by default its vertical cup-to-disc ratio as drawn.

    Returns
    -------
    pandas.DataFrame
        Rows ``disc_dice``, ``cup_dice``, ``vcdr_mae`` and, with labels, ``glaucoma_auc`` and
        ``glaucoma_sensitivity_at_85`` (at 85 % specificity); columns ``value``, ``n``, ``missed`` and ``definition``.

    Raises
    ------
    EyeError
        The table lacks a structure, or the labels are of one kind only.

    References
    ----------
    Orlando JI et al. REFUGE challenge. Med Image Anal 2020;59:101570.
    """
    disc, cup = (_values(table, structure, "dice") for structure in ("optic_disc", "optic_cup"))
    ratio, true = _values(table, "cup_disc", "vcdr_refuge"), _values(table, "cup_disc", "vcdr_refuge_true")
    ratio = ratio.reindex(true.index)
    missed = int(ratio.isna().sum())
    error = (ratio.fillna(0) - true).abs()
    rows = [
        ("disc_dice", disc.fillna(0).mean(), len(disc), int(disc.isna().sum()), "Dice of the disc, mean over images"),
        ("cup_dice", cup.fillna(0).mean(), len(cup), int(cup.isna().sum()), "Dice of the cup, mean over images"),
        ("vcdr_mae", error.mean(), len(error), missed, "Mean absolute error of the ratio of largest column sums"),
    ]
    if labels is not None:
        # The challenge grades every image, so one without a disc is graded as the least suspicious.
        suspicion = ratio.fillna(0) if scores is None else pd.Series(dict(scores), dtype=float)
        rows += _glaucoma(suspicion, labels, missed if scores is None else 0)
    return pd.DataFrame(rows, columns=["measure", "value", "n", "missed", "definition"]).set_index("measure")


def _values(table: pd.DataFrame, structure: str, measure: str) -> pd.Series[float]:
    """A measure by image, without the images whose reference is empty."""
    part = table[(table["structure"] == structure) & (table["measure"] == measure) & (table["status"] != "empty_truth")]
    if not len(part):
        raise EyeError(f"The table has no {measure!r} of {structure!r}; evaluate optic_disc, optic_cup and cup_disc.")
    if len(twice := part["image_id"][part["image_id"].duplicated()]):
        raise EyeError(f"The image {twice.iloc[0]!r} is in the table twice; score one set at a time.")
    return part.set_index("image_id")["value"]


def _glaucoma(
    suspicion: pd.Series[float], labels: Mapping[str, object], missed: int
) -> list[tuple[str, float, int, int, str]]:
    from sklearn.metrics import roc_auc_score, roc_curve

    known = pd.Series(dict(labels)).reindex(suspicion.index).dropna()
    truth, score = known.astype(bool).to_numpy(), suspicion.loc[known.index].to_numpy(float)
    if len(set(truth.tolist())) < 2:
        raise EyeError(
            f"The labels of the {len(known)} images that have one are all the same; wanted some with glaucoma and some "
            "without, by image id."
        )
    false_rate, sensitivity, _ = roc_curve(truth, score)
    at_85 = float(np.interp(0.15, false_rate, sensitivity))
    return [
        ("glaucoma_auc", float(roc_auc_score(truth, score)), len(known), missed, "Area under the curve of glaucoma"),
        ("glaucoma_sensitivity_at_85", at_85, len(known), missed, "Its sensitivity at a specificity of 85 %"),
    ]
