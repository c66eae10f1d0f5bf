"""What a CT scanner does to a slice: reconstruction kernel, noise as after filtered back-projection, window."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.acquisition import Column
from medsyngen.phantoms.textures.power_law import frequency
from medsyngen.phantoms.textures.smooth_field import spectral_rms, white_spectrum
from medsyngen.scan import Pixels


def kernel(cutoff: Column, sharpness: Column, size: int) -> Pixels:
    """Returns the modulation transfer function of a reconstruction kernel on the grid of ``rfft2``.

    MTF(f) = (1 + 2·s·(f/fc)²)·exp(-(f/fc)²): a soft kernel (s = 0) falls off as a Gaussian, a sharp one first rises
    above 1 and enhances edges.

    Args:
        cutoff: fc in cycles a pixel, (count, 1, 1).
        sharpness: s, in [0, 1].
        size: Side in pixels.

    Returns:
        float32 (count, size, size // 2 + 1), 1 at frequency 0.
    """
    square = (frequency(size) / cutoff) ** 2
    mtf: Pixels = (1 + 2 * sharpness * square) * np.exp(-square)
    return mtf


def reconstruct(image: Pixels, mtf: Pixels, noise: Column, rng: np.random.Generator) -> Pixels:
    """Filters with a kernel and adds noise whose spectrum the same kernel and the ramp have shaped.

    Filtered back-projection gives noise of power NPS(f) ∝ f·MTF(f)² (Riederer, Pelc and Chesler 1978; Kijewski and
    Judy 1987): none at frequency 0, so CT noise is finer than white noise through the same blur.

    Args:
        image: Hounsfield units, (count, size, size).
        mtf: From :func:`kernel`.
        noise: Standard deviation in HU, (count, 1, 1).
        rng: Public randomness.

    Returns:
        float32, same shape. The transform is periodic: what touches one side blurs into the other.
    """
    size = image.shape[-1]
    shape = np.sqrt(frequency(size)) * mtf
    spectrum = np.fft.rfft2(image) * mtf
    spectrum += white_spectrum(len(image), size, rng) * (noise / spectral_rms(shape) * shape)
    return np.fft.irfft2(spectrum, s=(size, size)).astype(np.float32)


def window(hounsfield: Pixels, level: Column, width: Column, black: Column) -> Pixels:
    """Maps a window of Hounsfield units linearly to grey, and all beyond it to its ends (DICOM PS3.3 C.11.2.1.2).

    Args:
        hounsfield: HU, (count, size, size).
        level: Centre of the window, HU.
        width: From darkest to brightest, HU.
        black: Grey of the dark end, in [-1, 1); the bright end is 1.

    Returns:
        float32 in [black, 1], same shape.
    """
    share = np.clip((hounsfield - level) / width + np.float32(0.5), 0, 1)
    return np.asarray(black + (1 - black) * share, np.float32)
