"""RetSAM's network: one Swin transformer, and a decoder of the UNETR kind for each task.

Written from the published description, with the names and shapes of the public checkpoint (repository Wzhjerry/RetSAM,
``models/swin_multitask_final.py``, which are those of MONAI's blocks).

References
----------
RetSAM: a general model for retinal segmentation and quantification (2026).
Hatamizadeh and others (2022). UNETR: transformers for 3D medical image segmentation. WACV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from retina_tools.segmentation.adapters.swin import Swin

__all__ = ["RetSAM", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """What checkpoints of this kind may differ in; by default the public one.

    Attributes
    ----------
    outputs : tuple of int
        Channels of each task's head.
    width, heads, depths, window, patch_px
        Of the transformer; see :class:`~retina_tools.segmentation.adapters.swin.Swin`.
    """

    outputs: tuple[int, ...] = (2, 3, 2, 4, 5)
    width: int = 128
    heads: tuple[int, ...] = (4, 8, 16, 32)
    depths: tuple[int, ...] = (2, 2, 18, 2)
    window: int = 10
    patch_px: int = 4


class _Named(nn.Module):
    """A convolution under the name ``conv``, as MONAI has it."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.conv = convolution

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv(planes)
        return result


class _Residual(nn.Module):
    """Two convolutions and a way around them, each normalised over the picture."""

    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.conv1 = _Named(nn.Conv2d(planes_in, planes_out, 3, padding=1, bias=False))
        self.conv2 = _Named(nn.Conv2d(planes_out, planes_out, 3, padding=1, bias=False))
        self.conv3 = _Named(nn.Conv2d(planes_in, planes_out, 1, bias=False)) if planes_in != planes_out else None

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        made = functional.leaky_relu(functional.instance_norm(self.conv1(planes)), 0.01)
        made = functional.instance_norm(self.conv2(made))
        beside = planes if self.conv3 is None else functional.instance_norm(self.conv3(planes))
        return functional.leaky_relu(made + beside, 0.01)


class _Encoder(nn.Module):
    def __init__(self, planes_in: int, planes_out: int) -> None:
        super().__init__()
        self.layer = _Residual(planes_in, planes_out)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(planes)
        return result


class _Up(nn.Module):
    def __init__(self, planes_in: int, planes_out: int, factor: int) -> None:
        super().__init__()
        self.transp_conv = _Named(nn.ConvTranspose2d(planes_in, planes_out, factor, stride=factor, bias=False))
        self.conv_block = _Residual(2 * planes_out, planes_out)

    def forward(self, planes: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv_block(torch.cat([self.transp_conv(planes), beside], 1))
        return result


class _Decoder(nn.Module):
    """One task's way from the transformer's five levels, and from the picture itself, to its channels."""

    def __init__(self, sizes: Sizes, outputs: int) -> None:
        super().__init__()
        width = sizes.width
        self.encoder1 = _Encoder(3, width)
        for number, factor in ((2, 1), (3, 2), (4, 4), (10, 16)):
            self.add_module(f"encoder{number}", _Encoder(factor * width, factor * width))
        for number, factor in ((5, 8), (4, 4), (3, 2), (2, 1)):
            self.add_module(f"decoder{number}", _Up(2 * factor * width, factor * width, 2))
        self.decoder1 = _Up(width, width, sizes.patch_px)
        self.out = _Named(_Named(nn.Conv2d(width, outputs, 1)))

    def forward(self, picture: torch.Tensor, levels: list[torch.Tensor]) -> torch.Tensor:
        planes = self.get_submodule("encoder10")(levels[4])
        planes = self.get_submodule("decoder5")(planes, levels[3])
        for number in (4, 3, 2):
            beside = self.get_submodule(f"encoder{number}")(levels[number - 2])
            planes = self.get_submodule(f"decoder{number}")(planes, beside)
        logits: torch.Tensor = self.out(self.decoder1(planes, self.encoder1(picture)))
        return logits


class RetSAM(nn.Module):
    """The whole of it.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.swinViT = Swin(sizes.width, sizes.heads, sizes.depths, sizes.window, sizes.patch_px)
        self.decoder_modules = nn.ModuleList([_Decoder(sizes, outputs) for outputs in sizes.outputs])

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Logits of all tasks one after the other (n, channels, y, x) for pictures (n, 3, y, x)."""
        levels = self.swinViT(picture)
        return torch.cat([decoder(picture, levels) for decoder in self._decoders()], 1)

    def _decoders(self) -> Sequence[nn.Module]:
        return list(self.decoder_modules)
