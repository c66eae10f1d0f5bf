"""How far two sets of images lie apart, in given features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kernel_distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Returns KID: the unbiased squared maximum mean discrepancy (Binkowski et al. 2018, arXiv 1801.01401).

    Kernel (x . y / d + 1)^3. Being unbiased, it is comparable between sets of different size and may fall a little
    below zero for equal laws. On private images it is a look inside: it is no release.

    Args:
        x: Features, (n, d), n >= 2.
        y: Features, (m, d), m >= 2.
    """
    n, m = len(x), len(y)
    if n < 2 or m < 2:
        raise ValueError(f"KID needs at least 2 images a side, got {n} and {m}")

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)

    xx, yy = kernel(x, x), kernel(y, y)
    within_x = (xx.sum() - np.trace(xx)) / (n * (n - 1))
    within_y = (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within_x + within_y - 2 * kernel(x, y).mean())
