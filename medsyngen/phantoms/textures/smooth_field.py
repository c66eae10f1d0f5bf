"""Random fields by their spectrum, drawn where they are shaped: one transform a field."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.textures.power_law import frequency
from medsyngen.scan import Pixels


def white_spectrum(count: int, size: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Returns what ``rfft2`` makes of white noise of unit variance, in law, without the transform.

    Coefficients are independent complex normals. In the columns of frequency 0 and Nyquist ``irfft2`` drops half of the
    power (it takes them as those of a real picture), which they get twice.

    Args:
        count: Fields.
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        complex64 (count, size, size // 2 + 1).
    """
    parts = rng.standard_normal((count, size, size // 2 + 1, 2), dtype=np.float32)
    parts *= np.float32(size / np.sqrt(2))
    parts[:, :, _alone(size)] *= np.float32(np.sqrt(2))
    return parts.view(np.complex64)[..., 0]


def spectral_rms(gain: NDArray[Any]) -> NDArray[Any]:
    """Returns the standard deviation of white noise of unit variance after a filter (Parseval).

    Args:
        gain: Of each coefficient of ``rfft2``, (count, size, size // 2 + 1).

    Returns:
        (count, 1, 1).
    """
    size = gain.shape[1]
    weight = np.full(gain.shape[2], 2 / size**2, np.float32)  # each stands for itself and its mirror image
    weight[_alone(size)] = 1 / size**2
    return np.asarray(np.sqrt((weight * gain**2).sum(axis=(1, 2), keepdims=True)))


def _alone(size: int) -> list[int]:
    """Returns the columns of ``rfft2`` that hold their own mirror images."""
    return [0, size // 2] if size % 2 == 0 else [0]


def smooth_field(cycles: NDArray[np.float32], size: int, rng: np.random.Generator) -> Pixels:
    """Returns Gaussian fields with waves down to a length and nearly none finer, of mean zero and unit variance.

    Amplitude 1 / (1 + (f / f0)^4): unlike a power law it has a scale, so its zeros lie about as far apart as asked.

    Args:
        cycles: f0, waves a picture at which the amplitude is halved, (count, 1, 1).
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        float32 (count, size, size); the mean over a field is 0, its variance 1 on average over fields.
    """
    square = (frequency(size) * np.float32(size) / cycles) ** 2
    gain = 1 / (1 + square * square)
    gain[:, 0, 0] = 0  # no constant: the mean of a field is not structure
    gain /= spectral_rms(gain)
    return np.fft.irfft2(white_spectrum(len(gain), size, rng) * gain, s=(size, size)).astype(np.float32)
