"""Small convolutional networks for the retina: an encoder with a decoder, two in cascade, and one that refines itself.

They are small on purpose. On photographs of one camera a network of 70 thousand parameters agrees with the human mask
as well as one of 25 million (Galdran et al. 2022), and what limits every one of them is the change of camera, which
more parameters do not cure. Plain 3 x 3 convolutions, batch normalisation and skip connections by addition keep them
fast on a processor without a GPU.

References
----------
Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28 (encoder and decoder with skips).
Galdran et al., Sci Rep 2022;12:6174, doi:10.1038/s41598-022-09675-y (two small networks in cascade).
Morano et al., Expert Syst Appl 2024;256:124970, doi:10.1016/j.eswa.2024.124970 (recursive refinement of arteries and
veins).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Cascade", "RecursiveRefiner", "UNet"]


class _Block(nn.Sequential):
    """Two convolutions, each normalised and rectified."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__(
            nn.Conv2d(given, made, 3, padding=1, bias=False),
            nn.BatchNorm2d(made),
            nn.ReLU(inplace=True),
            nn.Conv2d(made, made, 3, padding=1, bias=False),
            nn.BatchNorm2d(made),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """Encoder and decoder with skip connections by addition.

    Parameters
    ----------
    channels : int
        Planes of the input.
    outputs : int
        Planes of the result; none are squashed, they are logits.
    widths : sequence of int
        Planes at each level, finest first. With n levels the side of the input is a multiple of 2 ** (n - 1).

    Examples
    --------
    >>> import torch
    >>> UNet(3, 2, (8, 16))(torch.zeros(1, 3, 32, 48)).shape
    torch.Size([1, 2, 32, 48])
    """

    def __init__(self, channels: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        given = (channels, *widths[:-1])
        self.down = nn.ModuleList(_Block(before, after) for before, after in zip(given, widths, strict=True))
        self.narrow = nn.ModuleList(nn.Conv2d(lower, upper, 1) for upper, lower in itertools.pairwise(widths))
        self.up = nn.ModuleList(_Block(width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], outputs, 1)

    @property
    def multiple(self) -> int:
        """The side of the input is a multiple of this."""
        return int(2 ** (len(self.down) - 1))

    def features(self, x: Tensor) -> Tensor:
        """The finest level's planes before the head."""
        kept = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            kept.append(x)
        for level in reversed(range(len(self.up))):
            raised = functional.interpolate(self.narrow[level](x), scale_factor=2.0, mode="bilinear")
            x = self.up[level](raised + kept[level])
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (n, outputs, y, x), of planes of shape (n, channels, y, x)."""
        logits: Tensor = self.head(self.features(x))
        return logits


class Cascade(nn.Module):
    """A network at half the resolution that sees far, then a thin one at full resolution that draws the edges.

    Parameters
    ----------
    channels, outputs : int
        Planes of the input and of the result.
    coarse, fine : sequence of int
        Widths of the two networks. The first levels' planes and logits of the coarse one are handed to the fine one.

    Notes
    -----
    While it is trained, the result is a list of the final and the coarse logits, so that both can be held to the
    truth; otherwise the final logits alone.

    Examples
    --------
    >>> import torch
    >>> network = Cascade(3, 1, coarse=(8, 16, 24), fine=(4, 8))
    >>> network.eval()(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 1, 64, 64])
    """

    def __init__(self, channels: int, outputs: int, coarse: Sequence[int], fine: Sequence[int]) -> None:
        super().__init__()
        self.coarse = UNet(channels, outputs, coarse)
        self.handed = nn.Conv2d(coarse[0], fine[0], 1)
        self.fine = UNet(channels + outputs + fine[0], outputs, fine)

    @property
    def multiple(self) -> int:
        """The side of the input is a multiple of this."""
        return max(2 * self.coarse.multiple, self.fine.multiple)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits, shape (n, outputs, y, x), of planes of shape (n, channels, y, x)."""
        features = self.coarse.features(functional.avg_pool2d(x, 2))
        first = self.coarse.head(features)
        handed = torch.cat([first, self.handed(features)], 1)
        raised = functional.interpolate(handed, scale_factor=2.0, mode="bilinear")
        logits = self.fine(torch.cat([x, raised], 1)) + raised[:, : first.shape[1]]
        return [logits, raised[:, : first.shape[1]]] if self.training else logits


class RecursiveRefiner(nn.Module):
    """A network, and a second one that corrects its result again and again.

    The second network sees the picture and the probabilities of the round before and gives what to add to their
    logits. The same weights serve every round, so a mistake of the first look (a vein that turns into an artery
    half-way) can be undone over a distance that grows with each.

    Parameters
    ----------
    channels, outputs : int
        Planes of the input and of the result.
    widths : sequence of int
        Of the first network.
    refiner : sequence of int
        Of the second.
    rounds : int
        How often the second is applied.

    Notes
    -----
    While it is trained, the result is a list of every round's logits, last first.

    Examples
    --------
    >>> import torch
    >>> network = RecursiveRefiner(4, 2, widths=(8, 16), refiner=(4, 8), rounds=3)
    >>> len(network(torch.zeros(1, 4, 32, 32))), network.eval()(torch.zeros(1, 4, 32, 32)).shape
    (4, torch.Size([1, 2, 32, 32]))
    """

    def __init__(
        self, channels: int, outputs: int, widths: Sequence[int], refiner: Sequence[int], rounds: int = 3
    ) -> None:
        super().__init__()
        self.first = UNet(channels, outputs, widths)
        self.refiner = UNet(channels + outputs, outputs, refiner)
        self.rounds = rounds

    @property
    def multiple(self) -> int:
        """The side of the input is a multiple of this."""
        return max(self.first.multiple, self.refiner.multiple)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits, shape (n, outputs, y, x), of planes of shape (n, channels, y, x)."""
        logits = [self.first(x)]
        for _ in range(self.rounds):
            logits.append(logits[-1] + self.refiner(torch.cat([x, torch.sigmoid(logits[-1])], 1)))
        return logits[::-1] if self.training else logits[-1]
