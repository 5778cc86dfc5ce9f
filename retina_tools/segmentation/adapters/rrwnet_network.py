"""RRWNet of Morano, Aresta and Bogunović: a U-Net that draws, and one that corrects the drawing again and again.

Written from the published description, with the names and shapes of the public checkpoints (repository j-morano/rrwnet,
``model.py``). Every convolution has two names there, so ``.pth`` files hold its tensors twice and safetensors once.

References
----------
Morano, Aresta, Bogunović (2024). RRWNet: Recursive Refinement Network for effective retinal artery/vein segmentation
and classification. Expert Systems with Applications 256, 124970.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["RRWNet"]

_DEPTH = 5


class _Pair(nn.Module):
    """Two convolutions, each followed by a rectifier."""

    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes_in, planes_out, 3, padding=1)
        self.conv2 = nn.Conv2d(planes_out, planes_out, 3, padding=1)
        self.conv_block = nn.Sequential(self.conv1, nn.ReLU(), self.conv2, nn.ReLU())

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv_block(planes)
        return result


class _Up(nn.Module):
    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(planes_in, planes_out, 2, stride=2)
        self.conv_block = nn.Sequential(self.conv)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv_block(planes)
        return result


class _UNet(nn.Module):
    """Five levels; ``conv1`` to ``conv5`` go down, ``upconv1`` to ``upconv4`` and ``conv6`` to ``conv9`` up."""

    def __init__(self, planes: int, outputs: int, width: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(_DEPTH)]
        for number, (before, after) in enumerate(zip([planes, *widths[:-1]], widths, strict=True), start=1):
            setattr(self, f"conv{number}", _Pair(before, after))
        for number, (deep, shallow) in enumerate(zip(widths[:0:-1], widths[-2::-1], strict=True), start=1):
            setattr(self, f"upconv{number}", _Up(deep, shallow))
            setattr(self, f"conv{number + _DEPTH}", _Pair(deep, shallow))
        self.outconv = nn.Conv2d(width, outputs, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        levels: list[torch.Tensor] = []
        for number in range(1, _DEPTH + 1):
            shown = nn.functional.max_pool2d(levels[-1], 2) if levels else planes
            levels.append(getattr(self, f"conv{number}")(shown))
        deepest = levels.pop()
        for number in range(1, _DEPTH):
            raised = getattr(self, f"upconv{number}")(deepest)
            deepest = getattr(self, f"conv{number + _DEPTH}")(torch.cat([levels.pop(), raised], 1))
        logits: torch.Tensor = self.outconv(deepest)
        return logits


class RRWNet(nn.Module):
    """Draw arteries, veins and vessels once, then correct the arteries and veins recursively.

    Parameters
    ----------
    width : int
        Channels of the first level, 64 in the public checkpoints.
    iterations : int
        Corrections after the first one; 5 in the authors' programme.
    """

    def __init__(self, width: int = 64, iterations: int = 5) -> None:
        super().__init__()
        self.first_u = _UNet(3, 3, width)
        self.second_u = _UNet(3, 2, width)
        self.iterations = iterations

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (n, 3, y, x) of artery, vein and vessel for planes (n, 3, y, x), y and x multiples of 16."""
        drawn: torch.Tensor = self.first_u(planes)
        vessels = drawn[:, 2:]
        corrected = drawn[:, :2]
        for _ in range(self.iterations + 1):
            corrected = self.second_u(torch.sigmoid(torch.cat([corrected, vessels], 1)))
        return torch.cat([corrected, vessels], 1)
