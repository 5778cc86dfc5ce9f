"""Making more eyes of few: turned, mirrored, enlarged, and seen by other cameras."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from retina_tools.segmentation.training.samples import Sample

__all__ = ["Augmentation", "draw_batch", "mix_amplitudes", "other_camera"]

_COLOURS = 3  # planes after these are given, not seen by a camera


@dataclass(frozen=True)
class Augmentation:
    """How far training pictures are moved from the ones given.

    Attributes
    ----------
    scale : (float, float)
        Least and largest enlargement, drawn evenly on a logarithmic scale.
    turn_deg : float
        Largest rotation to either side.
    mirror : bool
        Left and right, up and down.
    shift : float
        Largest shift of the crop's centre from a random pixel of the field, in sides of the crop.
    gain : float
        Standard deviation of the logarithm of a plane's gain.
    crosstalk : float
        Standard deviation of what one plane receives of another: another camera's filters.
    blur_px : float
        Largest standard deviation of a blur.
    noise : float
        Largest standard deviation of added noise.
    grey : float
        Share of pictures whose planes all show green, as of a red-free camera.
    blueless : float
        Share of pictures without the blue plane, which is mostly noise with some cameras.
    mixing : float
        Share of pictures that take the low frequencies' amplitudes of another picture of the batch.
    """

    scale: tuple[float, float] = (0.75, 1.5)
    turn_deg: float = 180.0
    mirror: bool = True
    shift: float = 0.0
    gain: float = 0.3
    crosstalk: float = 0.15
    blur_px: float = 1.2
    noise: float = 0.4
    grey: float = 0.1
    blueless: float = 0.3
    mixing: float = 0.3


def draw_batch(
    samples: Sequence[Sample],
    random: np.random.Generator,
    *,
    crop_px: int,
    augmentation: Augmentation,
    scales: Mapping[str, tuple[float, float] | None] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops of eyes, each turned, mirrored and enlarged at random.

    Parameters
    ----------
    samples : sequence of Sample
        One crop is made of each.
    random : numpy.random.Generator
    crop_px : int
        Side of the crops.
    augmentation : Augmentation
    scales : mapping of str to (float, float), optional
        Ranges of enlargement by source, instead of the augmentation's.

    Returns
    -------
    planes : Tensor of float32, shape (n, c, crop, crop)
    targets : Tensor of float32, shape (n, k, crop, crop)
        In [0, 1].
    weights : Tensor of float32, shape (n, k, crop, crop)
        Zero outside the field, where the truth is doubtful, and for structures the eye was not annotated for.
    """
    own = {source: replace(augmentation, scale=scale) for source, scale in (scales or {}).items() if scale}
    crops = [_crop(sample, random, crop_px, own.get(sample.source, augmentation)) for sample in samples]
    planes, targets, weights = (torch.stack(parts) for parts in zip(*crops, strict=True))
    return planes, targets, weights


def _crop(
    sample: Sample, random: np.random.Generator, crop_px: int, augmentation: Augmentation
) -> tuple[Tensor, Tensor, Tensor]:
    inside = np.flatnonzero(sample.fov)
    side = sample.fov.shape[0]
    centre = np.array(divmod(int(random.choice(inside)) if len(inside) else 0, side), float)
    if crop_px >= side:
        centre[:] = (side - 1) / 2
    centre += random.uniform(-1, 1, 2) * augmentation.shift * crop_px
    turn, zoom = _turn(random, augmentation)
    # Cut a square that holds the turned crop, then sample in it: far less to move than the whole eye.
    reach = math.ceil(crop_px / zoom * math.sqrt(0.5)) + 2
    corner = np.floor(centre).astype(int) - reach
    window = [_window(plane, corner, 2 * reach + 1) for plane in (sample.planes, sample.targets)]
    valid = _window(np.stack([sample.fov, sample.doubtful]), corner, 2 * reach + 1)
    stack = torch.from_numpy(np.concatenate([window[0], window[1] / 255, valid]).astype(np.float32))[None]
    offset = (centre - corner - reach) / (reach + 0.5)
    theta = np.column_stack([turn * (crop_px / 2 / zoom / (reach + 0.5)), offset[::-1]])
    grid = functional.affine_grid(
        torch.from_numpy(theta[None].astype(np.float32)), [1, 1, crop_px, crop_px], align_corners=False
    )
    moved = functional.grid_sample(stack, grid, mode="bilinear", align_corners=False)[0]
    channels, structures = len(sample.planes), len(sample.targets)
    weight = (moved[-2:-1] > 0.5) * torch.from_numpy(sample.known.astype(np.float32))[:, None, None]
    is_kind = torch.from_numpy(sample.is_kind)[:, None, None]
    weight = weight * ~((moved[-1:] > 0.25) & is_kind)
    if channels > _COLOURS:
        # Shown the vessels, a network only learns which is which, and only on them.
        weight = weight * ~((moved[_COLOURS : _COLOURS + 1] < 0.25) & is_kind)
    return moved[:channels], moved[channels : channels + structures], weight


def _turn(random: np.random.Generator, augmentation: Augmentation) -> tuple[NDArray[np.float64], float]:
    """A 2 x 2 matrix from the crop's to the eye's (x, y), and the enlargement."""
    zoom = float(np.exp(random.uniform(*np.log(augmentation.scale))))
    angle = math.radians(random.uniform(-1, 1) * augmentation.turn_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    if augmentation.mirror:
        turn = turn * random.choice([-1.0, 1.0], 2)
    return turn, zoom


def _window(stack: NDArray[Any], corner: NDArray[np.int_], side: int) -> NDArray[Any]:
    """A square part of planes, zero where it lies outside them."""
    cut = np.zeros((len(stack), side, side), stack.dtype)
    start, stop = np.maximum(corner, 0), np.minimum(corner + side, stack.shape[1:])
    if (stop > start).all():
        to = start - corner
        height, width = stop - start
        cut[:, to[0] : to[0] + height, to[1] : to[1] + width] = stack[:, start[0] : stop[0], start[1] : stop[1]]
    return cut


def other_camera(planes: Tensor, random: np.random.Generator, augmentation: Augmentation) -> Tensor:
    """The same eyes seen by other cameras: other gains, filters, focus and noise.

    Parameters
    ----------
    planes : Tensor of float32, shape (n, c, y, x)
    random : numpy.random.Generator
    augmentation : Augmentation

    Returns
    -------
    Tensor
        Of the same shape; what was zero in every plane (outside the field) stays zero.
    """
    count = len(planes)
    planes, given = planes[:, :_COLOURS], planes[:, _COLOURS:]
    seen = (planes != 0).any(1, keepdim=True)
    mixing = np.eye(_COLOURS) + augmentation.crosstalk * random.normal(size=(count, _COLOURS, _COLOURS))
    mixing *= np.exp(augmentation.gain * random.normal(size=(count, 1, 1)))
    mixing *= np.exp(0.5 * augmentation.gain * random.normal(size=(count, _COLOURS, 1)))
    grey = random.random(count) < augmentation.grey
    mixing[grey] = np.array([[0.0, 1.0, 0.0]] * 3) * np.exp(augmentation.gain * random.normal())
    mixing[random.random(count) < augmentation.blueless, 2] = 0
    changed = torch.einsum("nij,njyx->niyx", torch.from_numpy(mixing.astype(np.float32)), planes)
    changed = torch.stack([_blurred(one, random.uniform(0, augmentation.blur_px)) for one in changed])
    noise = torch.from_numpy(random.normal(size=changed.shape).astype(np.float32))
    # Noise of a compressed photograph is coarser than a pixel; half of the time it is smoothed.
    noise = torch.stack([_blurred(one, 0.8) * 2 if random.random() < 0.5 else one for one in noise])
    size = torch.from_numpy(random.uniform(0, augmentation.noise, (count, 1, 1, 1)).astype(np.float32))
    # A segmenter's vessels are a little wider or narrower than a person's.
    wider = torch.from_numpy(random.uniform(0.6, 1.6, (count, 1, 1, 1)).astype(np.float32))
    return torch.cat([(changed + size * noise) * seen, given**wider], 1)


def _blurred(planes: Tensor, sigma_px: float) -> Tensor:
    if sigma_px < 0.3:
        return planes
    reach = math.ceil(3 * sigma_px)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_px) ** 2)
    kernel = (kernel / kernel.sum()).expand(len(planes), 1, 1, -1)
    blurred = functional.conv2d(planes[None], kernel, padding=(0, reach), groups=len(planes))
    return functional.conv2d(blurred, kernel.transpose(2, 3), padding=(reach, 0), groups=len(planes))[0]


def mix_amplitudes(planes: Tensor, random: np.random.Generator, *, share: float, band: float = 0.06) -> Tensor:
    """Give pictures the low-frequency amplitudes of others of the batch, keeping their own phases.

    The amplitudes of the lowest frequencies hold a camera's colour and illumination, the phases what is where.

    Parameters
    ----------
    planes : Tensor of float32, shape (n, c, y, x)
    random : numpy.random.Generator
    share : float
        Share of pictures that are changed.
    band : float
        Frequencies up to this share of the sampling rate are exchanged.

    Returns
    -------
    Tensor

    References
    ----------
    Yang & Soatto, CVPR 2020, doi:10.1109/CVPR42600.2020.00414 (Fourier domain adaptation).
    """
    chosen = np.flatnonzero(random.random(len(planes)) < share)
    if len(planes) < 2 or not len(chosen):
        return planes
    planes, given = planes[:, :_COLOURS], planes[:, _COLOURS:]
    others = (chosen + random.integers(1, len(planes), len(chosen))) % len(planes)
    spectrum = torch.fft.rfft2(planes[chosen])
    donor = torch.fft.rfft2(planes[others]).abs()
    low_y = torch.fft.fftfreq(planes.shape[2]).abs() <= band
    low_x = torch.fft.rfftfreq(planes.shape[3]) <= band
    low = low_y[:, None] & low_x[None, :]
    weight = torch.from_numpy(random.uniform(0.3, 1, (len(chosen), 1, 1, 1)).astype(np.float32))
    amplitude = spectrum.abs()
    mixed = torch.where(low, (1 - weight) * amplitude + weight * donor, amplitude)
    changed = planes.clone()
    pictures = torch.fft.irfft2(torch.polar(mixed, spectrum.angle()), s=planes.shape[2:])
    changed[chosen] = pictures * (planes[chosen] != 0).any(1, keepdim=True)
    return torch.cat([changed, given], 1)
