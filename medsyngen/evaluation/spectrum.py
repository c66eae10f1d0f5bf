"""How much of the images' variation lies at which spatial frequency: the radial power spectrum.

Generators show in it what eyes miss: upsampling leaves bumps at high frequencies (Durall et al. 2020, 2003.01826), the
noise of privacy a raised tail, missing texture a low one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

_Floats = NDArray[np.float64]


def radial_power(pixels: Pixels) -> _Floats:
    """Returns the mean power of the images by radial frequency.

    Power is |DFT|² / pixels, so that white noise of variance v has power v everywhere; the frequency of a coefficient
    is rounded to whole cycles a side.

    Args:
        pixels: (n, 1, size, size).

    Returns:
        float64 (size // 2,): power at 1, 2 ... size // 2 cycles a side; the mean (0 cycles) is left out.

    Raises:
        ValueError: The images are not square.
    """
    n, _, size, width = pixels.shape
    if size != width:
        raise ValueError(f"a radial spectrum needs square images, got {size} x {width}")
    cycles = np.fft.fftfreq(size) * size
    radius = np.rint(np.hypot(cycles[:, None], cycles[None, :])).astype(np.int64)
    power = np.zeros((size, size))
    for image in pixels[:, 0]:  # one at a time: the transform of all would be complex and large
        power += np.abs(np.fft.fft2(image)) ** 2
    power /= n * size**2
    summed, counts = np.bincount(radius.ravel(), power.ravel()), np.bincount(radius.ravel())
    return np.asarray((summed / counts)[1 : size // 2 + 1])


def spectrum_distance(x: Pixels, y: Pixels) -> float:
    """Returns how far two mean spectra lie apart: the root mean square, over frequencies, of their ratio in decibels.

    0 for equal spectra; 3 where one has twice the power of the other throughout. A frequency without power in both
    counts as equal, in one as 120 decibels.

    Args:
        x: (n, 1, size, size).
        y: (m, 1, size, size).
    """
    p, q = radial_power(x), radial_power(y)
    least = 1e-12 * max(float(p.max()), float(q.max()), 1e-30)
    decibels = 10 * np.log10(np.maximum(p, least) / np.maximum(q, least))
    return float(np.sqrt(np.mean(decibels**2)))
