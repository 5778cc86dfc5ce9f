"""What a network is trained to make small.

All losses take logits and targets of shape (n, k, y, x) with weights of the same shape: zero where there is nothing to
learn (outside the field, a structure that was not annotated). Each gives one number.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from retina_tools import schema

__all__ = ["LOSSES", "centreline_dice", "combined_loss", "cross_entropy", "focal_l1", "soft_dice", "soft_jaccard"]

_TINY = 1e-6


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean binary cross-entropy. It makes probabilities that are frequencies, so every recipe has some of it."""
    loss = functional.binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")
    return loss / weights.sum().clamp(min=1)


def soft_dice(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """One less the Dice coefficient of probabilities, over the whole batch, averaged over structures.

    Over the batch and not per picture: a crop without a lesion says nothing about its overlap.
    """
    probability = torch.sigmoid(logits) * weights
    truth = targets * weights
    both, either = (probability * truth).sum((0, 2, 3)), (probability**2 + truth**2).sum((0, 2, 3))
    present = weights.sum((0, 2, 3)) > 0
    loss = 1 - (2 * both + 1) / (either + 1)
    return (loss * present).sum() / present.sum().clamp(min=1)


def soft_jaccard(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """One less the generalised soft Jaccard index of signed labels in [-1, 1].

    With ``|a| + |b|`` as the sum of both, ``|a - b|`` as what they do not share: it is 1 exactly where prediction and
    soft label are equal, which the usual soft Jaccard is not. Positive and negative parts are counted together.

    References
    ----------
    Dang et al., Image-level regression for uncertainty-aware retinal image segmentation, arXiv:2405.16815.
    """
    signed, truth = torch.tanh(logits / 2) * weights, (2 * targets - 1) * weights
    shared = torch.zeros((), dtype=logits.dtype, device=logits.device)
    union = torch.zeros_like(shared)
    for sign in (1, -1):
        a, b = torch.relu(sign * signed), torch.relu(sign * truth)
        total, apart = (a + b).sum(), (a - b).abs().sum()
        shared, union = shared + total - apart, union + total + apart
    return 1 - shared / (union + _TINY)


def focal_l1(logits: Tensor, targets: Tensor, weights: Tensor, *, power: float = 1.0) -> Tensor:
    """Absolute error of signed labels, small errors on the right side of the boundary counting less.

    The factor is taken out of the gradient, which is what keeps it stable, and errors count relative to the label's
    size, so that thin vessels, whose labels are steep, are not drowned by thick ones.

    References
    ----------
    Dang et al., Image-level regression for uncertainty-aware retinal image segmentation, arXiv:2405.16815.
    """
    signed, truth = torch.tanh(logits / 2), 2 * targets - 1
    error = (signed - truth).abs()
    same = signed * truth > 0
    factor = torch.where(same, error**power, torch.ones_like(error))
    factor = factor / torch.maximum(signed.abs(), truth.abs().clamp(min=0.4))
    return (error * factor.detach() * weights).sum() / weights.sum().clamp(min=1)


def centreline_dice(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """One less the soft centreline Dice: unbroken vessels count, not their width.

    References
    ----------
    Shit et al., clDice, CVPR 2021, doi:10.1109/CVPR46437.2021.01629; the implementation is MONAI's.
    """
    from monai.losses.cldice import SoftclDiceLoss

    loss: Tensor = SoftclDiceLoss()((targets > 0.5).float() * weights, torch.sigmoid(logits) * weights)
    return loss


#: Losses by the name they have in a configuration.
LOSSES = {
    "cross_entropy": cross_entropy,
    "soft_dice": soft_dice,
    "soft_jaccard": soft_jaccard,
    "focal_l1": focal_l1,
    "centreline_dice": centreline_dice,
}


def combined_loss(
    logits: Tensor | list[Tensor], targets: Tensor, weights: Tensor, *, parts: Mapping[str, float]
) -> Tensor:
    """Sum of losses with their factors; of several results (a cascade's, a refiner's) the later count half.

    Raises
    ------
    EyeError
        A part is none of :data:`LOSSES`.
    """
    if unknown := [name for name in parts if name not in LOSSES]:
        raise schema.EyeError(f"There is no loss {unknown[0]!r}; wanted some of {', '.join(LOSSES)}.")
    results = logits if isinstance(logits, list) else [logits]
    total = torch.zeros((), device=targets.device)
    for index, result in enumerate(results):
        share = 1.0 if index == 0 else 0.5 / (len(results) - 1)
        for name, factor in parts.items():
            total = total + share * factor * LOSSES[name](result.float(), targets, weights)
    return total
