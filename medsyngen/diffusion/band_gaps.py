"""How far the best denoisers of two families of images lie apart at each noise level, in closed form.

For a Gaussian N(mu, S) the best denoiser is linear, D(x; s) = mu + S (S + s^2 I)^-1 (x - mu) (Wiener's filter). Here S
is diagonal in the Fourier basis, with the family's power spectrum p_k on its diagonal, so a sum over frequencies gives

    E|D1 - D2|^2 = sum_k s^4 [ |m_k|^2 / (p2_k + s^2)^2 + (p1_k - p2_k)^2 / ((p1_k + s^2) (p2_k + s^2)^2) ]

over x ~ N(mu1, S1 + s^2 I), with m_k the Fourier coefficients of mu1 - mu2. Measured beside it:
:mod:`medsyngen.diffusion.measured_gaps`. The reading is ``docs/explanation/stages.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.diffusion.denoiser import SIGMA_DATA
from medsyngen.scan import Pixels

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GapCurve:
    """A gap at each noise level, in four units; float64, all of one length.

    Args:
        log_sigma: ln sigma.
        squared: E|D1 - D2|^2 / d, of pixels in [-1, 1]. Ends at |mu1 - mu2|^2 / d above, at 0 below.
        of_network: ``squared`` / c_out^2, the mean squared difference of the networks F. Ends at
            |mu1 - mu2|^2 / (d sigma_data^2) above, at 0 below.
        of_loss: ``squared`` / the least error that D1 itself leaves, its posterior variance a pixel.
        nats: E|D1 - D2|^2 / s^2, the Kullback-Leibler divergence of a whole image that one unit of ln sigma
            contributes (Song et al. 2021, 2101.09258, theorem 1). Ends at 0 on both sides.
    """

    log_sigma: _Floats
    squared: _Floats
    of_network: _Floats
    of_loss: _Floats
    nats: _Floats


def mean_and_spectrum(images: Pixels) -> tuple[_Floats, _Floats]:
    """Returns the mean image and the power spectrum around it, both (size, width), of at least two images.

    Power is |DFT|^2 / pixels, so that white noise of variance v has power v at every frequency.

    Args:
        images: (n, 1, size, width), public: mean and spectrum of private scans would be a query on them.
    """
    if len(images) < 2:
        raise ValueError(f"a spectrum needs at least 2 images, got {len(images)}")
    mean = images[:, 0].mean(0, dtype=np.float64)
    power = np.zeros(mean.shape)
    for image in images[:, 0]:  # one at a time: the transform of all would be complex and large
        power += np.abs(np.fft.fft2(image - mean)) ** 2
    return mean, power / ((len(images) - 1) * mean.size)


def gap_of_spectra(
    mean1: _Floats, spectrum1: _Floats, mean2: _Floats, spectrum2: _Floats, sigmas: Sequence[float]
) -> GapCurve:
    """Returns the gap of the best denoisers of two Gaussians on noised images of the first.

    Args:
        mean1: mu1, (size, width).
        spectrum1: p1 at the frequencies of ``numpy.fft.fft2``, (size, width).
        mean2: mu2.
        spectrum2: p2.
        sigmas: Noise levels s, above 0.
    """
    s2 = np.asarray(sigmas, np.float64)[:, None] ** 2
    m2, p1, p2 = _flat(mean1, spectrum1, mean2, spectrum2)
    gaps = s2**2 * (m2 / (p2 + s2) ** 2 + (p1 - p2) ** 2 / ((p1 + s2) * (p2 + s2) ** 2))
    total, least, s2 = gaps.sum(1), (p1 * s2 / (p1 + s2)).sum(1), s2[:, 0]
    squared = total / len(p1)
    c_out2 = s2 * SIGMA_DATA**2 / (s2 + SIGMA_DATA**2)
    return GapCurve(np.log(s2) / 2, squared, squared / c_out2, total / least, total / s2)


def divergence_of_spectra(
    mean1: _Floats, spectrum1: _Floats, mean2: _Floats, spectrum2: _Floats, sigmas: Sequence[float]
) -> _Floats:
    """Returns KL(N(mu1, S1 + s^2 I) || N(mu2, S2 + s^2 I)) in nats: the area under :attr:`GapCurve.nats` above ln s.

    It is what handing every noise level above s to the other family's denoiser costs at most; arguments as in
    :func:`gap_of_spectra`.
    """
    s2 = np.asarray(sigmas, np.float64)[:, None] ** 2
    m2, p1, p2 = _flat(mean1, spectrum1, mean2, spectrum2)
    ratio = (p1 - p2) / (p2 + s2)
    return np.asarray(0.5 * (ratio - np.log1p(ratio) + m2 / (p2 + s2)).sum(1))


def nats_of_network_gap(gap: float, log_sigma: float, pixels: int) -> float:
    """Returns a gap of networks F in nats for one unit of ln sigma: gap c_out^2 d / s^2.

    Args:
        gap: Mean squared difference of the networks a pixel.
        log_sigma: ln s.
        pixels: d.
    """
    return gap * pixels * SIGMA_DATA**2 / (float(np.exp(2 * log_sigma)) + SIGMA_DATA**2)


def _flat(mean1: _Floats, spectrum1: _Floats, mean2: _Floats, spectrum2: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Returns |m_k|^2, p1_k and p2_k, each (d,)."""
    shapes = {array.shape for array in (mean1, spectrum1, mean2, spectrum2)}
    if len(shapes) != 1:
        raise ValueError(f"means and spectra must have one shape, got {sorted(shapes)}")
    if min(spectrum1.min(), spectrum2.min()) < 0:
        raise ValueError("a spectrum can't be negative")
    m2 = np.abs(np.fft.fft2(mean1 - mean2)) ** 2 / mean1.size
    return m2.ravel(), spectrum1.ravel(), spectrum2.ravel()
