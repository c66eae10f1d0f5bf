"""What a magnetic resonance scanner does to a picture: coil sensitivity, k-space, Rician noise."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.acquisition import Column
from medsyngen.scan import Pixels

BIAS_WAVES = 4
"""Cosines a side in the bias field: nothing finer than a third of the field of view."""


@cache
def _bias_basis(size: int) -> NDArray[np.float32]:
    """Returns cosines over the picture without the constant, (BIAS_WAVES² - 1, size²), coarse ones stronger."""
    t = (np.arange(size) + 0.5) / size
    wave = np.cos(np.pi * np.arange(BIAS_WAVES)[:, None] * t)
    basis = np.einsum("iy,jx->ijyx", wave, wave)
    k2 = np.add.outer(np.arange(BIAS_WAVES) ** 2, np.arange(BIAS_WAVES) ** 2)
    basis = basis / np.maximum(k2, 1)[..., None, None]  # as a smooth field: the higher the frequency, the weaker
    flat: NDArray[np.float32] = basis.reshape(BIAS_WAVES**2, size * size)[1:].astype(np.float32)
    flat.setflags(write=False)
    return flat


def bias_field(strength: Column, size: int, rng: np.random.Generator) -> Pixels:
    """Returns smooth multiplicative fields: the sensitivity of the coils, exp(b) with b smooth.

    N4 (Tustison et al. 2010) models the logarithm of the bias as a smooth spline; here b is a random sum of low
    cosines. (MONAI's ``RandBiasField`` draws Legendre polynomials of degree 3, one image at a time.)

    Args:
        strength: Standard deviation of b over a picture, (count, 1, 1); 0.1 is about 10 %.
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        float32 (count, size, size), positive, of geometric mean 1.
    """
    basis = _bias_basis(size)
    b = rng.standard_normal((len(strength), len(basis)), dtype=np.float32) @ basis
    b -= b.mean(axis=1, keepdims=True)
    b /= b.std(axis=1, keepdims=True) + np.float32(1e-12)
    return np.asarray(np.exp(strength * b.reshape(-1, size, size)), np.float32)


def k_space(image: Pixels, psf: Column, matrix: Column) -> Pixels:
    """Returns what is left when k-space is damped by a Gaussian point-spread function and cut off.

    The cut rings beside edges (Gibbs). The transform is periodic, as in the scanner.

    Args:
        image: (count, size, size).
        psf: Standard deviation of the point-spread function, in pixels.
        matrix: Share of the frequencies up to Nyquist that was measured, in (0, 1]; the rest is filled with zeros.

    Returns:
        float32, same shape; may be slightly negative beside bright edges.
    """
    size = image.shape[-1]
    fy, fx = np.abs(np.fft.fftfreq(size)).astype(np.float32), np.fft.rfftfreq(size).astype(np.float32)
    keep, damp = [], []
    for f in (fy[None, :, None], fx[None, None, :]):  # both filters are products of one along each axis
        damp.append(np.exp(np.float32(-2 * np.pi**2) * psf**2 * f**2))
        keep.append(np.clip((matrix * 0.5 - f) * size + np.float32(1), 0, 1))  # at matrix 1 Nyquist itself is kept
    spectrum = np.fft.rfft2(image) * (keep[0] * damp[0]) * (keep[1] * damp[1])
    return np.fft.irfft2(spectrum, s=(size, size)).astype(np.float32)


def rician_noise(image: Pixels, sigma: Column, rng: np.random.Generator) -> Pixels:
    """Returns the magnitude of the signal with Gaussian noise in its real and its imaginary part.

    M = sqrt((A + n1)² + n2²) (Gudbjartsson and Patz 1995, eq. 1): Rayleigh where there is no signal, with mean
    sigma·sqrt(pi/2); about Gaussian with standard deviation sigma where A > 3·sigma.

    Args:
        image: Signal A, any unit, (count, size, size).
        sigma: Standard deviation of the noise in each channel, same unit, (count, 1, 1).
        rng: Public randomness.

    Returns:
        float32, same shape, not negative.
    """
    real, imaginary = rng.standard_normal((2, *image.shape), dtype=np.float32)
    return np.asarray(np.sqrt((image + sigma * real) ** 2 + (sigma * imaginary) ** 2), np.float32)
