"""The W-Net of Galdran and others: two small U-Nets, the second shown the picture and the first one's logits.

Written from the published description, with the names and shapes of the public checkpoints (repository agaldran/lwnet,
``models/res_unet_adrian.py`` and ``get_model.py``; AutoMorph's disc and cup weights have the same).

References
----------
Galdran, Anjos, Dolz, Chakor, Lombaert, Ben Ayed (2022). State-of-the-art retinal vessel segmentation with minimalistic
models. Scientific Reports 12, 6174.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["WNet"]


def _convolutions(planes_in: int, planes_out: int, times: int) -> nn.Sequential:
    """Convolution, leaky rectifier and batch normalisation, one or more times."""
    layers: list[nn.Module] = []
    for step in range(times):
        layers += [
            nn.Conv2d(planes_in if step == 0 else planes_out, planes_out, 3, padding=1),
            nn.LeakyReLU(),
            nn.BatchNorm2d(planes_out),
        ]
    return nn.Sequential(*layers)


class _Residual(nn.Module):
    """Two convolutions with a linear way around them."""

    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(nn.Conv2d(planes_in, planes_out, 1, bias=False), nn.BatchNorm2d(planes_out))
        self.block = _convolutions(planes_in, planes_out, 2)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.block(planes) + self.shortcut(planes)
        return total


class _Wrapped(nn.Module):
    """Layers under the name ``block``, as the checkpoints have them."""

    def __init__(self, block: nn.Sequential) -> None:
        super().__init__()
        self.block = block

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.block(planes)
        return result


class _Up(nn.Module):
    """Twice the size, joined with what came down, which crosses a bridge of one convolution."""

    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.up_layer = _Wrapped(nn.Sequential(nn.ConvTranspose2d(planes_in, planes_out, 2, stride=2)))
        self.conv_layer = _Residual(2 * planes_out, planes_out)
        self.conv_bridge_layer = _Wrapped(_convolutions(planes_out, planes_out, 1))

    def forward(self, planes: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        joined: torch.Tensor = self.conv_layer(torch.cat([self.up_layer(planes), self.conv_bridge_layer(beside)], 1))
        return joined


class _UNet(nn.Module):
    def __init__(self, planes: int, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        steps = list(itertools.pairwise(widths))
        self.first = _Residual(planes, widths[0])
        self.down_path = nn.ModuleList([_Residual(shallow, deep) for shallow, deep in steps])
        self.up_path = nn.ModuleList([_Up(deep, shallow) for shallow, deep in reversed(steps)])
        self.final = nn.Conv2d(widths[0], classes, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        levels = [self.first(planes)]
        for down in self.down_path:
            levels.append(down(nn.functional.max_pool2d(levels[-1], 2)))
        deepest = levels.pop()
        for up in self.up_path:
            deepest = up(deepest, levels.pop())
        logits: torch.Tensor = self.final(deepest)
        return logits


class WNet(nn.Module):
    """Two U-Nets in a row.

    Parameters
    ----------
    classes : int
        Output channels.
    widths : sequence of int
        Channels of each level: (8, 16, 32), or (8, 16, 32, 64) for the authors' big one.
    """

    def __init__(self, classes: int, widths: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__()
        self.unet1 = _UNet(3, classes, widths)
        self.unet2 = _UNet(3 + classes, classes, widths)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes, y, x) of the second U-Net for planes (n, 3, y, x), y and x multiples of the depth."""
        logits: torch.Tensor = self.unet2(torch.cat([planes, self.unet1(planes)], 1))
        return logits
