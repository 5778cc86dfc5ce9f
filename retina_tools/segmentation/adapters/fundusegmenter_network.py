"""FunduSegmenter: RETFound's vision transformer with adapters before, in and after it, for disc and cup.

Written from the published description, with the names and shapes of the public checkpoints (repository
JusticeZzy/FunduSegmenter, ``model/``). Every adapter's convolution has two names there, so its tensors are twice in a
``.pth`` file. Positions have to be those of the 224 px that the first adapter brings every picture to.

References
----------
Zhao and others (2026). FunduSegmenter: leveraging the RETFound foundation model for joint optic disc and optic cup
segmentation in retinal fundus images.
Zhou and others (2023). A foundation model for generalizable disease detection from retinal images. Nature 622, 156-163.
Strudel, Garcia, Laptev, Schmid (2021). Segmenter: transformer for semantic segmentation. ICCV.
Woo, Park, Lee, Kweon (2018). CBAM: convolutional block attention module. ECCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

__all__ = ["FunduSegmenter", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """What the checkpoints may differ in; by default the public ones.

    Attributes
    ----------
    classes : int
        2 (background, disc) or 3 (background, disc rim, cup).
    width, layers, heads, pretext : int
        Of the transformer: channels, blocks, attention heads, and the classes of its first training, which are unused.
    decoder_layers : int
    patch_px, grid : int
        Side of a patch, and patches along a side.
    planes : int
        Channels of the adapters before and after.
    norm : {"bn", "gn"}
        Batch or group normalisation in them.
    """

    classes: int = 3
    width: int = 1024
    layers: int = 24
    heads: int = 16
    pretext: int = 1000
    decoder_layers: int = 2
    patch_px: int = 16
    grid: int = 14
    planes: int = 64
    norm: Literal["bn", "gn"] = "bn"

    @property
    def side_px(self) -> int:
        """Side of the picture the transformer sees."""
        return self.patch_px * self.grid


class _Convolution(nn.Module):
    def __init__(self, planes_in: int, sizes: Sizes) -> None:
        super().__init__()
        self.conv = nn.Conv2d(planes_in, sizes.planes, 3, padding=1)
        self.norm = (
            nn.BatchNorm2d(sizes.planes) if sizes.norm == "bn" else nn.GroupNorm(sizes.planes // 8, sizes.planes)
        )
        self.conv_block = nn.Sequential(self.conv, self.norm, nn.ReLU())

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv_block(planes)
        return result


class _Before(nn.Module):
    """The picture at the transformer's size, plus a tenth or so of what convolutions make of it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.side_px = sizes.side_px
        self.weight = nn.Parameter(torch.ones(1, 3, 1, 1))
        self.conv1, self.conv2 = _Convolution(3, sizes), _Convolution(sizes.planes, sizes)
        self.conv3 = nn.Conv2d(sizes.planes, 3, 1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        made = functional.relu(self.conv3(self.conv2(self.conv1(picture))))
        return self.weight * _resized(made, self.side_px) + _resized(picture, self.side_px)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, count, width = tokens.shape
        split = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*split.unbind(0))
        result: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return result


class _TwoLayers(nn.Module):
    def __init__(self, width: int, hidden: int, names: tuple[str, str]) -> None:
        super().__init__()
        self.names = names
        self.add_module(names[0], nn.Linear(width, hidden))
        self.add_module(names[1], nn.Linear(hidden, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        first, second = (self.get_submodule(name) for name in self.names)
        result: torch.Tensor = second(functional.gelu(first(tokens)))
        return result


class _Block(nn.Module):
    """A transformer block; in the encoder an adapter adds to what attention is shown."""

    def __init__(self, width: int, heads: int, *, adapted: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.adapter = _TwoLayers(width, width // 8, ("linear1", "linear2")) if adapted else None
        self.attn = _Attention(width, heads)
        self.mlp = _TwoLayers(width, 4 * width, ("fc1", "fc2"))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        shown = self.norm1(tokens)
        tokens = tokens + self.attn(shown if self.adapter is None else shown + self.adapter(shown))
        result: torch.Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class _PatchEmbedding(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, sizes.width, sizes.patch_px, stride=sizes.patch_px)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self.proj(picture).flatten(2).transpose(1, 2)
        return tokens


class _Encoder(nn.Module):
    """The transformer; it also gives the tokens after each quarter of its blocks."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbedding(sizes)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, sizes.grid**2 + 1, sizes.width))
        self.blocks = nn.ModuleList([_Block(sizes.width, sizes.heads, adapted=True) for _ in range(sizes.layers)])
        self.norm = nn.LayerNorm(sizes.width)
        # Left from the first training; the checkpoints have it, the drawing does not need it.
        self.head = nn.Linear(sizes.width, sizes.pretext)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        tokens = self.patch_embed(picture)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1) + self.pos_embed
        quarters = []
        for number, block in enumerate(self.blocks, start=1):
            tokens = block(tokens)
            if 4 * number % len(self.blocks) == 0:
                quarters.append(tokens[:, 1:])
        return self.norm(tokens)[:, 1:], quarters


class _Decoder(nn.Module):
    """A token per class among those of the patches; how much they agree is the class's mask."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.grid, self.classes = sizes.grid, sizes.classes
        self.blocks = nn.ModuleList(
            [_Block(sizes.width, sizes.heads, adapted=False) for _ in range(sizes.decoder_layers)]
        )
        self.cls_emb = nn.Parameter(torch.zeros(1, sizes.classes, sizes.width))
        self.proj_dec = nn.Linear(sizes.width, sizes.width)
        self.proj_patch = nn.Parameter(torch.zeros(sizes.width, sizes.width))
        self.proj_classes = nn.Parameter(torch.zeros(sizes.width, sizes.width))
        self.decoder_norm, self.mask_norm = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = torch.cat([self.proj_dec(tokens), self.cls_emb.expand(len(tokens), -1, -1)], 1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.decoder_norm(tokens)
        patches = functional.normalize(tokens[:, : -self.classes] @ self.proj_patch, dim=-1)
        classes = functional.normalize(tokens[:, -self.classes :] @ self.proj_classes, dim=-1)
        masks: torch.Tensor = self.mask_norm(patches @ classes.transpose(1, 2))
        return _as_planes(masks, self.grid)


class _ChannelGate(nn.Module):
    def __init__(self, planes: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(planes, planes // 4), nn.ReLU(), nn.Linear(planes // 4, planes)
        )

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        total = self.mlp(planes.mean((2, 3))) + self.mlp(planes.amax((2, 3)))
        return planes * torch.sigmoid(total)[..., None, None]


class _Compressed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.bn(self.conv(torch.cat([planes.amax(1, True), planes.mean(1, True)], 1)))
        return result


class _SpatialGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.spatial = _Compressed()

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return planes * torch.sigmoid(self.spatial(planes))


class _Gates(nn.Module):
    """Convolutional block attention: which channels matter, then where."""

    def __init__(self, planes: int) -> None:
        super().__init__()
        self.ChannelGate, self.SpatialGate = _ChannelGate(planes), _SpatialGate()

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.SpatialGate(self.ChannelGate(planes))
        return result


class _After(nn.Module):
    """From the transformer's coarse masks back to the picture, joined at each size with a quarter's tokens."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.grid = sizes.grid
        for number, stage in enumerate((6, 12, 18, 24), start=1):
            self.add_module(f"proj{number}", nn.Conv2d(sizes.width, sizes.planes, 1))
            self.add_module(f"convx{stage}", _Convolution(sizes.planes, sizes))
            self.add_module(f"cbam{number}", _Gates(sizes.planes))
            self.add_module(f"convcat{number}", _Convolution(2 * sizes.planes, sizes))
        for number in range(1, 6):
            self.add_module(f"conv{number}", _Convolution(sizes.classes if number == 1 else sizes.planes, sizes))
        self.outconv = nn.Conv2d(sizes.planes, sizes.classes, 1)

    def forward(self, masks: torch.Tensor, quarters: list[torch.Tensor], side_px: int) -> torch.Tensor:
        planes = self.get_submodule("conv1")(masks)
        for step in range(1, 5):
            number = 5 - step  # the deepest tokens join first, at the smallest size
            beside = self.get_submodule(f"proj{number}")(_as_planes(quarters[number - 1], self.grid))
            beside = self.get_submodule(f"convx{6 * number}")(_resized(beside, self.grid * 2**step))
            beside = self.get_submodule(f"cbam{number}")(beside)
            joined = torch.cat([_resized(planes, self.grid * 2**step), beside], 1)
            planes = self.get_submodule(f"conv{step + 1}")(self.get_submodule(f"convcat{step}")(joined))
        return _resized(self.outconv(planes), side_px)


class FunduSegmenter(nn.Module):
    """The whole of it.

    Parameters
    ----------
    sizes : Sizes
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.pre_adapter, self.encoder = _Before(sizes), _Encoder(sizes)
        self.decoder, self.post_adapter = _Decoder(sizes), _After(sizes)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes, y, x) for pictures (n, 3, y, x), square."""
        tokens, quarters = self.encoder(self.pre_adapter(picture))
        logits: torch.Tensor = self.post_adapter(self.decoder(tokens), quarters, picture.shape[-1])
        return logits


def _resized(planes: torch.Tensor, side_px: int) -> torch.Tensor:
    return functional.interpolate(planes, size=(side_px, side_px), mode="bicubic")


def _as_planes(tokens: torch.Tensor, grid: int) -> torch.Tensor:
    """Tokens (n, grid², channels) as planes (n, channels, grid, grid)."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, grid, grid)
