"""Blur and scatter, as every device adds them; what is particular to one stands in a file of its own."""

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
