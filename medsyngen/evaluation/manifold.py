"""Improved precision and recall: what share of one set lies within the other (Kynkäänniemi et al. 2019, 1904.06991)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PrecisionRecall:
    """Both in [0, 1].

    Args:
        precision: Share of the synthetic images that lie within the manifold of the real ones: are they realistic?
        recall: Share of the real images that lie within the manifold of the synthetic ones: are all kinds there?
    """

    precision: float
    recall: float


def precision_recall(synthetic: _Floats, real: _Floats, *, k: int = 3) -> PrecisionRecall:
    """Returns improved precision and recall.

    The manifold of a set is the union of balls around its images, each reaching to the image's k-th nearest neighbour
    within the set. Both figures depend on the number of images: compare at equal n only.

    Args:
        synthetic: Features, (n, d), n > k.
        real: Features, (m, d), m > k.
        k: Neighbours; 3 as published.

    Raises:
        ValueError: A set has no k-th neighbours.
    """
    if min(len(synthetic), len(real)) <= k:
        raise ValueError(f"precision and recall with k = {k} need more than {k} images a side")
    between = squared_distances(synthetic, real)
    in_real = between <= squared_radii(real, k)[None, :]
    in_synthetic = between <= squared_radii(synthetic, k)[:, None]
    return PrecisionRecall(float(in_real.any(axis=1).mean()), float(in_synthetic.any(axis=0).mean()))


def squared_radii(x: _Floats, k: int) -> _Floats:
    """Returns the squared distance of each row of (n, d) to its k-th nearest other row, (n,)."""
    distances = squared_distances(x, x)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(np.partition(distances, k - 1, axis=1)[:, k - 1])


def squared_distances(a: _Floats, b: _Floats) -> _Floats:
    """Returns the squared distances between all rows: (n, d) and (m, d) give (n, m)."""
    # Around a common centre the products below are small, so that little is lost by their difference.
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.maximum(squares, 0.0))
