"""Random fields whose power spectrum is a power law: the background texture of projection radiographs."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels


@cache
def frequency(size: int) -> NDArray[np.float32]:
    """Returns the radial spatial frequency of each coefficient of ``rfft2``, in cycles a pixel."""
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    radius: NDArray[np.float32] = np.hypot(fy, fx).astype(np.float32)
    radius.setflags(write=False)
    return radius


def power_law_field(exponent: NDArray[np.float32], size: int, rng: np.random.Generator) -> Pixels:
    """Returns Gaussian fields with power spectrum P(f) = K / f^beta, zero mean, unit variance.

    Anatomical noise of breast radiographs has beta 1.5 to 3.5 (Burgess 1999, 2003).

    Args:
        exponent: beta of each field, (count, 1, 1).
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        float32 (count, size, size).
    """
    white = rng.standard_normal((len(exponent), size, size), dtype=np.float32)
    f = frequency(size).copy()
    f[0, 0] = np.inf  # no constant: the mean of a field is not texture
    field = np.fft.irfft2(np.fft.rfft2(white) * f ** (-exponent / 2), s=(size, size)).astype(np.float32)
    field /= field.std(axis=(1, 2), keepdims=True) + 1e-12
    return field
