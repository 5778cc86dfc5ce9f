"""A Swin transformer for pictures, with the names and shapes of MONAI's, which RetSAM's checkpoints have.

Written anew because MONAI's needs einops, cannot be built without memory for its weights, and takes long to import.

References
----------
Liu and others (2021). Swin Transformer: hierarchical vision transformer using shifted windows. ICCV.
Hatamizadeh and others (2022). Swin UNETR. BrainLes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Swin"]

# Added to the attention between pixels that were neighbours only through the shift.
_FORBIDDEN: Final = -100.0


class _WindowAttention(nn.Module):
    """Attention within windows, with a learnt bias for each offset between two pixels."""

    relative_position_index: torch.Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        steps = torch.arange(window)
        y, x = (plane.flatten() for plane in torch.meshgrid(steps, steps, indexing="ij"))
        offset_y, offset_x = y[:, None] - y + window - 1, x[:, None] - x + window - 1
        self.register_buffer("relative_position_index", offset_y * (2 * window - 1) + offset_x)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, forbidden: torch.Tensor | None) -> torch.Tensor:
        windows, count, width = tokens.shape
        split = self.qkv(tokens).reshape(windows, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # Windows cut down for a small picture use the first rows of the table's index, as MONAI's do.
        index = self.relative_position_index[:count, :count]
        bias = self.relative_position_bias_table[index.reshape(-1)].reshape(count, count, self.heads).permute(2, 0, 1)
        if forbidden is not None:
            bias = (bias + forbidden[:, None]).repeat(windows // len(forbidden), 1, 1, 1)
        query, key, value = split.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        result: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(windows, count, width))
        return result


class _TwoLayers(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.linear2(functional.gelu(self.linear1(tokens)))
        return result


class _Block(nn.Module):
    """Window attention and two layers; every other block of a stage has its windows shifted by half of one."""

    def __init__(self, width: int, heads: int, window: int, *, shifted: bool) -> None:
        super().__init__()
        self.window, self.shifted = window, shifted
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = _WindowAttention(width, heads, window), _TwoLayers(width)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        batch, height, length, width = planes.shape
        sides = [min(self.window, size) for size in (height, length)]
        shifts = [self.window // 2 if self.shifted and size > self.window else 0 for size in (height, length)]
        shown = functional.pad(self.norm1(planes), (0, 0, 0, -length % sides[1], 0, -height % sides[0]))
        rows, columns = shown.shape[1] // sides[0], shown.shape[2] // sides[1]
        forbidden = None
        if any(shifts):
            shown = shown.roll([-shift for shift in shifts], (1, 2))
            forbidden = _forbidden(rows, columns, sides, shifts, planes)
        attended = self.attn(_windows(shown, sides), forbidden)
        attended = attended.reshape(batch, rows, columns, *sides, width).transpose(2, 3)
        attended = attended.reshape(batch, rows * sides[0], columns * sides[1], width).roll(shifts, (1, 2))
        planes = planes + attended[:, :height, :length]
        result: torch.Tensor = planes + self.mlp(self.norm2(planes))
        return result


def _windows(planes: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """Planes (n, y, x, channels) as windows (n * windows, pixels, channels)."""
    batch, height, length, width = planes.shape
    split = planes.reshape(batch, height // sides[0], sides[0], length // sides[1], sides[1], width)
    return split.transpose(2, 3).reshape(-1, sides[0] * sides[1], width)


def _forbidden(
    rows: int, columns: int, sides: Sequence[int], shifts: Sequence[int], like: torch.Tensor
) -> torch.Tensor:
    """What to add to the attention of each window (windows, pixels, pixels), so that wrapped parts stay apart."""
    parts = []
    for count, side, shift in zip((rows, columns), sides, shifts, strict=True):
        position = torch.arange(count * side, device=like.device)
        parts.append((position >= count * side - side).long() + (position >= count * side - shift).long() * bool(shift))
    region = parts[0][:, None] * 3 + parts[1]
    flat = _windows(region[None, ..., None], sides)[..., 0]
    return torch.where(flat[:, None] == flat[:, :, None], 0.0, _FORBIDDEN).to(like.dtype)


class _Merging(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction, self.norm = nn.Linear(4 * width, 2 * width, bias=False), nn.LayerNorm(4 * width)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        planes = functional.pad(planes, (0, 0, 0, planes.shape[2] % 2, 0, planes.shape[1] % 2))
        quarters = [planes[:, y::2, x::2] for x in (0, 1) for y in (0, 1)]
        result: torch.Tensor = self.reduction(self.norm(torch.cat(quarters, -1)))
        return result


class _Stage(nn.Module):
    def __init__(self, width: int, heads: int, window: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Block(width, heads, window, shifted=bool(n % 2)) for n in range(depth)])
        self.downsample = _Merging(width)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            planes = block(planes)
        result: torch.Tensor = self.downsample(planes)
        return result


class _PatchEmbedding(nn.Module):
    def __init__(self, width: int, patch_px: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_px, stride=patch_px)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        planes: torch.Tensor = self.proj(picture).permute(0, 2, 3, 1)
        return planes


class Swin(nn.Module):
    """The encoder: five sets of planes, each half the size of the one before.

    Parameters
    ----------
    width : int
        Channels of the first set; doubled at each stage.
    heads, depths : sequence of int
        Attention heads and blocks of each stage.
    window : int
        Side of a window in patches.
    patch_px : int
        Side of a patch in pixels.
    """

    def __init__(self, width: int, heads: Sequence[int], depths: Sequence[int], window: int, patch_px: int) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbedding(width, patch_px)
        self.stages = len(depths)
        for number, (count, depth) in enumerate(zip(heads, depths, strict=True)):
            stage = _Stage(width * 2**number, count, window, depth)
            self.add_module(f"layers{number + 1}", nn.ModuleList([stage]))

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Planes (n, channels, y, x) of each level, normalised over their channels."""
        planes = self.patch_embed(picture)
        levels = [planes]
        for number in range(self.stages):
            planes = self.get_submodule(f"layers{number + 1}.0")(planes)
            levels.append(planes)
        return [functional.layer_norm(one, one.shape[-1:]).permute(0, 3, 1, 2) for one in levels]
