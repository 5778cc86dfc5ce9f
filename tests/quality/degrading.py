"""Pictures made worse in known ways; every function takes a picture, its field of view and how much."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage


def as_bytes(values):
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def width(fov):
    return max(np.ptp(np.flatnonzero(fov.any(axis))) + 1 for axis in (0, 1))


def blurred(image, fov, um):
    """As the optics blur, with a standard deviation in um where the field of view covers 45 degrees."""
    sigma = um / 12960 * width(fov)
    return as_bytes(ndimage.gaussian_filter(image.astype(np.float32), (sigma, sigma, 0)))


def moved(image, fov, um):
    length = max(1, round(um / 12960 * width(fov)))
    return as_bytes(ndimage.uniform_filter1d(image.astype(np.float32), length, axis=0))


def hazy(image, fov, veil):
    return as_bytes(np.where(fov[..., None], image * (1 - veil) + veil * np.array([190.0, 150.0, 110.0]), image))


def lit(image, fov, factor):
    return as_bytes(image * float(factor))


def compressed(image, fov, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(quality))
    return np.asarray(Image.open(buffer))


def noisy(image, fov, sd):
    grain = np.random.default_rng(0).normal(0, 1, image.shape) * sd
    return as_bytes(image + np.where(fov[..., None], grain, 0))


def resized(image, factor):
    height, across = image.shape[:2]
    size = round(across * factor), round(height * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
