"""The closed form with whole covariance matrices, to see what the Fourier basis leaves out (pictures have a frame)."""

from __future__ import annotations

import numpy as np

from medsyngen.diffusion.denoiser import SIGMA_DATA
from medsyngen.scan import Pixels


def gap_of_covariances(first: Pixels, second: Pixels, sigmas: list[float]) -> list[float]:
    """Returns E|D1 - D2|^2 / (d c_out^2) of the best denoisers of N(mu1, S1) and N(mu2, S2), x of the first.

    Args:
        first: Images whose mean and covariance are mu1 and S1; many more than pixels.
        second: Images of mu2 and S2.
        sigmas: Noise levels.
    """
    flat = [images.reshape(len(images), -1).astype(np.float64) for images in (first, second)]
    (p1, v1), (p2, v2) = (np.linalg.eigh(np.cov(x.T)) for x in flat)
    turn = v2.T @ v1
    m = v2.T @ (flat[0].mean(0) - flat[1].mean(0))
    found = []
    for s2 in np.square(sigmas):
        w = (turn * (p1 / (p1 + s2))) @ turn.T - np.diag(p2 / (p2 + s2))
        noised = (turn * (p1 + s2)) @ turn.T
        total = np.sum((s2 / (p2 + s2) * m) ** 2) + np.sum((w @ noised) * w)
        found.append(float(total / len(m) * (s2 + SIGMA_DATA**2) / (s2 * SIGMA_DATA**2)))
    return found
