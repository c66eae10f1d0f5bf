"""What the device does to a picture: blur, scatter, quantum noise, tone, collimation. Shared by all phantoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.textures.power_law import frequency
from medsyngen.scan import Pixels

Column = NDArray[np.float32]
"""One value an image, (count, 1, 1)."""

SCATTER_WIDTH = 0.12
"""Standard deviation of the scatter kernel, as a part of the side."""


def blur_and_scatter(image: Pixels, psf: Column, scatter: Column) -> Pixels:
    """Convolves with a Gaussian point-spread function and spreads a share of the signal widely.

    Args:
        image: (count, size, size).
        psf: Standard deviation of the point-spread function, in pixels.
        scatter: Share of the signal that arrives as scatter, in [0, 1).

    Returns:
        float32, same shape.
    """
    size = image.shape[-1]
    pad = size // 4  # mirrored, or the transform would carry the bottom of the picture over to its top
    padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode="symmetric")
    f2 = frequency(size + 2 * pad) ** 2
    narrow = np.exp(np.float32(-2 * np.pi**2) * psf**2 * f2)
    wide = np.exp(np.float32(-2 * np.pi**2 * (SCATTER_WIDTH * size) ** 2) * f2)
    spectrum = np.fft.rfft2(padded) * ((1 - scatter) * narrow + scatter * wide)
    out = np.fft.irfft2(spectrum, s=padded.shape[1:])
    return out[:, pad : pad + size, pad : pad + size].astype(np.float32)


def quantum_noise(image: Pixels, strength: Column, rng: np.random.Generator) -> Pixels:
    """Adds noise as after the logarithm of photon counts: where little arrives (bright, dense), there is more.

    Args:
        image: Attenuation, about 0 to 2, (count, size, size).
        strength: Standard deviation at attenuation 0.
        rng: Public randomness.
    """
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noisy: Pixels = image + strength * np.exp(np.float32(0.5) * image) * noise
    return noisy


def tone_curve(image: Pixels, level: Column, contrast: Column) -> Pixels:
    """Maps attenuation to grey in (-1, 1) by the sigmoid curve of a radiograph: ``level`` becomes mid-grey."""
    grey: Pixels = np.tanh(contrast * (image - level))
    return grey


def collimate(image: Pixels, edges: tuple[Column, Column, Column, Column], grey: Column) -> Pixels:
    """Covers what lies outside the collimator, as a part of the side cut off at left, right, top, bottom.

    Args:
        image: (count, size, size).
        edges: Parts cut off; values below 0 cut nothing.
        grey: Grey of the border, in [-1, 1].
    """
    size = image.shape[-1]
    t = ((np.arange(size, dtype=np.float32) + 0.5) / size)[None, None, :]
    left, right, top, bottom = edges
    across = (t > left) & (t < 1 - right)
    down = ((t > top) & (t < 1 - bottom)).swapaxes(1, 2)
    return np.where(across & down, image, grey).astype(np.float32)
