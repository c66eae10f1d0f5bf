"""How far two sets of images lie apart, in given features: KID and FD.

On private images either is a look inside: it is no release.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError

LEAST_FOR_FD = 2000
"""Images a side below which FD is refused."""
_Floats = NDArray[np.float64]


def polynomial_kernel(x: _Floats, y: _Floats) -> _Floats:
    """Returns KID's kernel, (x . y / d + 1)^3, between all rows: (n, d) and (m, d) give (n, m)."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def kernel_distance(x: _Floats, y: _Floats) -> float:
    """Returns KID: the unbiased squared maximum mean discrepancy (Binkowski et al. 2018, arXiv 1801.01401).

    Being unbiased, it is comparable between sets of different size and may fall a little below zero for equal laws.
    With an interval, classes and patients: :mod:`medsyngen.evaluation.kid`.

    Args:
        x: Features, (n, d), n >= 2.
        y: Features, (m, d), m >= 2.
    """
    n, m = len(x), len(y)
    if n < 2 or m < 2:
        raise ValueError(f"KID needs at least 2 images a side, got {n} and {m}")
    xx, yy = polynomial_kernel(x, x), polynomial_kernel(y, y)
    within_x = (xx.sum() - np.trace(xx)) / (n * (n - 1))
    within_y = (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within_x + within_y - 2 * polynomial_kernel(x, y).mean())


def frechet_distance(x: _Floats, y: _Floats, *, at_least: int = LEAST_FOR_FD) -> float:
    """Returns FD: the squared Fréchet distance of the Gaussians fitted to two sets (Heusel et al. 2017, 1706.08500).

    |m_x - m_y|² + Tr(C_x) + Tr(C_y) - 2 Tr((C_x C_y)^½). With centred features A and B, C_x = Aᵀ A / (n - 1), the last
    trace is the sum of the singular values of A Bᵀ / (n - 1): no square root of a matrix is taken.

    FD is biased upwards, the more the fewer images there are (Chong and Forsyth 2020, arXiv 1911.07023): figures of
    different n can't be compared, and those of small n say little. Both are refused.

    Args:
        x: Features, (n, d).
        y: Features, (n, d).
        at_least: The smallest n; lowered by tests of the formula only.

    Raises:
        UsageError: The sets differ in size, or are small.
    """
    n = len(x)
    if n != len(y):
        raise UsageError(
            f"FD of {n} images against {len(y)} says nothing: its bias depends on their number",
            do="give as many images on either side, or use KID, which has no bias",
        )
    if n < max(2, at_least):
        raise UsageError(
            f"FD of {n} images a side is mostly bias: at least {at_least} are needed",
            do="give more images, or use KID, which has no bias",
        )
    (mean_x, root_x), (mean_y, root_y) = _moments(x), _moments(y)
    cross = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum()
    traces = (root_x**2).sum() + (root_y**2).sum()
    return float(((mean_x - mean_y) ** 2).sum() + (traces - 2 * cross) / (n - 1))


def _moments(x: _Floats) -> tuple[_Floats, _Floats]:
    """Returns the mean and a matrix R with Rᵀ R = Aᵀ A, of at most d rows: it stands for A in every trace above."""
    mean = x.mean(axis=0)
    centred = x - mean
    return mean, np.asarray(np.linalg.qr(centred, mode="r")) if len(x) > x.shape[1] else centred
