"""Checkpoints in the public formats, written down from the public repositories and not from our networks.

Every function gives key -> shape of a public checkpoint; `random_state` fills one with noise. Sources of the facts, all
on GitHub: agaldran/lwnet (models/res_unet_adrian.py, get_model.py), j-morano/rrwnet (model.py),
JusticeZzy/FunduSegmenter (model/, test.py), Wzhjerry/RetSAM (models/swin_multitask_final.py and
inference_modules/config.py, with the blocks of Project-MONAI/MONAI).
"""

import itertools
from types import SimpleNamespace

import pytest

from retina_tools import phantom, schema


def _conv(key, planes_out, planes_in, side=3, bias=True):
    return {f"{key}.weight": (planes_out, planes_in, side, side)} | ({f"{key}.bias": (planes_out,)} if bias else {})


def _linear(key, out, into, bias=True):
    return {f"{key}.weight": (out, into)} | ({f"{key}.bias": (out,)} if bias else {})


def _norm(key, planes):
    return {f"{key}.weight": (planes,), f"{key}.bias": (planes,)}


def _batch_norm(key, planes):
    running = {f"{key}.running_mean": (planes,), f"{key}.running_var": (planes,), f"{key}.num_batches_tracked": ()}
    return _norm(key, planes) | running


def wnet(classes, widths=(8, 16, 32)):
    """lwnet's and AutoMorph's W-Net."""

    def residual(key, before, after):
        found = _conv(f"{key}.shortcut.0", after, before, 1, bias=False) | _batch_norm(f"{key}.shortcut.1", after)
        for number, planes in ((0, before), (3, after)):
            found |= _conv(f"{key}.block.{number}", after, planes) | _batch_norm(f"{key}.block.{number + 2}", after)
        return found

    keys = {}
    for unet, planes in (("unet1", 3), ("unet2", 3 + classes)):
        keys |= residual(f"{unet}.first", planes, widths[0])
        for number in range(len(widths) - 1):
            keys |= residual(f"{unet}.down_path.{number}", widths[number], widths[number + 1])
            deep, shallow = widths[-1 - number], widths[-2 - number]
            up = f"{unet}.up_path.{number}"
            keys |= {f"{up}.up_layer.block.0.weight": (deep, shallow, 2, 2), f"{up}.up_layer.block.0.bias": (shallow,)}
            keys |= residual(f"{up}.conv_layer", 2 * shallow, shallow)
            keys |= _conv(f"{up}.conv_bridge_layer.block.0", shallow, shallow)
            keys |= _batch_norm(f"{up}.conv_bridge_layer.block.2", shallow)
        keys |= _conv(f"{unet}.final", classes, widths[0], 1)
    return keys


def rrwnet(width=64):
    """RRWNet as torch.save has it: every convolution under two names."""
    keys = {}
    for unet, outputs in (("first_u", 3), ("second_u", 2)):
        widths = [3] + [width * 2**level for level in range(5)]
        pairs = [*itertools.pairwise(widths)] + [(2 * n, n) for n in widths[4:0:-1]]
        for number, (before, after) in enumerate(pairs, start=1):
            for first, second, planes in (("conv1", "conv_block.0", before), ("conv2", "conv_block.2", after)):
                keys |= _conv(f"{unet}.conv{number}.{first}", after, planes)
                keys |= _conv(f"{unet}.conv{number}.{second}", after, planes)
        for number, planes in enumerate(widths[4:0:-1], start=1):
            for name in ("conv", "conv_block.0"):
                key = f"{unet}.upconv{number}.{name}"
                keys |= {f"{key}.weight": (2 * planes, planes, 2, 2), f"{key}.bias": (planes,)}
        keys |= _conv(f"{unet}.outconv", outputs, width, 1)
    return keys


def fundusegmenter(classes=3, width=1024, layers=24, grid=14, patch=16, pretext=1000, planes=64):
    """FunduSegmenter as torch.save has it: the adapters' convolutions and norms under two names."""

    def block(key, adapted):
        found = _norm(f"{key}.norm1", width) | _norm(f"{key}.norm2", width)
        found |= _linear(f"{key}.attn.qkv", 3 * width, width) | _linear(f"{key}.attn.proj", width, width)
        found |= _linear(f"{key}.mlp.fc1", 4 * width, width) | _linear(f"{key}.mlp.fc2", width, 4 * width)
        if adapted:
            found |= _linear(f"{key}.adapter.linear1", width // 8, width)
            found |= _linear(f"{key}.adapter.linear2", width, width // 8)
        return found

    def convolution(key, before):
        found = {}
        for conv, norm in (("conv", "norm"), ("conv_block.0", "conv_block.1")):
            found |= _conv(f"{key}.{conv}", planes, before) | _batch_norm(f"{key}.{norm}", planes)
        return found

    keys = {"pre_adapter.weight": (1, 3, 1, 1)} | convolution("pre_adapter.conv1", 3)
    keys |= convolution("pre_adapter.conv2", planes) | _conv("pre_adapter.conv3", 3, planes, 1)
    keys |= {"encoder.cls_token": (1, 1, width), "encoder.pos_embed": (1, grid**2 + 1, width)}
    keys |= _conv("encoder.patch_embed.proj", width, 3, patch) | _norm("encoder.norm", width)
    keys |= _linear("encoder.head", pretext, width)
    for number in range(layers):
        keys |= block(f"encoder.blocks.{number}", True)
    for number in range(2):
        keys |= block(f"decoder.blocks.{number}", False)
    keys |= {"decoder.cls_emb": (1, classes, width)} | _linear("decoder.proj_dec", width, width)
    keys |= {"decoder.proj_patch": (width, width), "decoder.proj_classes": (width, width)}
    keys |= _norm("decoder.decoder_norm", width) | _norm("decoder.mask_norm", classes)
    for number, stage in enumerate((6, 12, 18, 24), start=1):
        keys |= _conv(f"post_adapter.proj{number}", planes, width, 1)
        keys |= convolution(f"post_adapter.convx{stage}", planes)
        keys |= convolution(f"post_adapter.convcat{number}", 2 * planes)
        gate = f"post_adapter.cbam{number}"
        keys |= _linear(f"{gate}.ChannelGate.mlp.1", planes // 4, planes)
        keys |= _linear(f"{gate}.ChannelGate.mlp.3", planes, planes // 4)
        keys |= _conv(f"{gate}.SpatialGate.spatial.conv", 1, 2, 7, bias=False)
        keys |= _batch_norm(f"{gate}.SpatialGate.spatial.bn", 1)
    for number in range(1, 6):
        keys |= convolution(f"post_adapter.conv{number}", classes if number == 1 else planes)
    return keys | _conv("post_adapter.outconv", classes, planes, 1)


def retsam(width=128, heads=(4, 8, 16, 32), depths=(2, 2, 18, 2), window=10, outputs=(2, 3, 2, 4, 5), patch=4):
    """RetSAM's public checkpoint without the prefix of its training framework."""
    keys = _conv("swinViT.patch_embed.proj", width, 3, patch)
    for level, (count, depth) in enumerate(zip(heads, depths, strict=True)):
        planes, stage = width * 2**level, f"swinViT.layers{level + 1}.0"
        for number in range(depth):
            block = f"{stage}.blocks.{number}"
            keys |= _norm(f"{block}.norm1", planes) | _norm(f"{block}.norm2", planes)
            keys |= {f"{block}.attn.relative_position_bias_table": ((2 * window - 1) ** 2, count)}
            keys |= {f"{block}.attn.relative_position_index": (window**2, window**2)}
            keys |= _linear(f"{block}.attn.qkv", 3 * planes, planes) | _linear(f"{block}.attn.proj", planes, planes)
            keys |= _linear(f"{block}.mlp.linear1", 4 * planes, planes)
            keys |= _linear(f"{block}.mlp.linear2", planes, 4 * planes)
        keys |= _linear(f"{stage}.downsample.reduction", 2 * planes, 4 * planes, bias=False)
        keys |= _norm(f"{stage}.downsample.norm", 4 * planes)
    for task, channels in enumerate(outputs):
        decoder = f"decoder_modules.{task}"

        def residual(key, before, after):
            found = _conv(f"{key}.conv1.conv", after, before, bias=False)
            found |= _conv(f"{key}.conv2.conv", after, after, bias=False)
            return found | (_conv(f"{key}.conv3.conv", after, before, 1, bias=False) if before != after else {})

        keys |= residual(f"{decoder}.encoder1.layer", 3, width)
        for number, factor in ((2, 1), (3, 2), (4, 4), (10, 16)):
            keys |= residual(f"{decoder}.encoder{number}.layer", factor * width, factor * width)
        for number, before, after, side in ((5, 16, 8, 2), (4, 8, 4, 2), (3, 4, 2, 2), (2, 2, 1, 2), (1, 1, 1, patch)):
            key = f"{decoder}.decoder{number}"
            keys |= {f"{key}.transp_conv.conv.weight": (before * width, after * width, side, side)}
            keys |= residual(f"{key}.conv_block", 2 * after * width, after * width)
        keys |= _conv(f"{decoder}.out.conv.conv", channels, width, 1)
    return keys


# Second names of one tensor, which safetensors keep once.
_SECOND_NAMES = {"conv_block.0": ("conv1", "conv"), "conv_block.1": ("norm",), "conv_block.2": ("conv2",)}


def _first_name(key, keys):
    for second, firsts in _SECOND_NAMES.items():
        for first in firsts:
            if f".{second}." in key and (other := key.replace(f".{second}.", f".{first}.")) in keys:
                return other
    return key


def random_state(keys, seed=0):
    """Noise in the given shapes; tensors under two names are one, as in a real checkpoint."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in keys.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(100)
        elif key.endswith("relative_position_index"):
            side = round(shape[0] ** 0.5)
            y, x = torch.arange(side**2) // side, torch.arange(side**2) % side
            state[key] = (y[:, None] - y + side - 1) * (2 * side - 1) + x[:, None] - x + side - 1
        else:
            fan = max(torch.Size(shape[1:]).numel(), 1)
            state[key] = torch.randn(shape, generator=generator) * (1.5 / fan**0.5 if len(shape) > 1 else 0.5)
            if key.endswith("running_var"):
                state[key] = state[key].abs() + 0.5
    return {key: state[_first_name(key, keys)] for key in keys}


def without_second_names(state):
    """The state dict as safetensors keep it."""
    return {key: value.clone() for key, value in state.items() if _first_name(key, state) == key}


@pytest.fixture(scope="session")
def formats():
    """Public formats as key -> shape, and noise in them."""
    return SimpleNamespace(
        wnet=wnet,
        rrwnet=rrwnet,
        fundusegmenter=fundusegmenter,
        retsam=retsam,
        random_state=random_state,
        without_second_names=without_second_names,
    )


@pytest.fixture(scope="session")
def photograph():
    """A photograph without drawings; its field of view is a circle in a black square."""
    return schema.without_masks(phantom.eye(seed=3, size=192))


@pytest.fixture(autouse=True)
def settings_folder(tmp_path, monkeypatch):
    """A user's settings folder of its own for each test, empty."""
    folder = tmp_path / "settings"
    monkeypatch.setenv("RETINA_CONFIG", str(folder))
    return folder
