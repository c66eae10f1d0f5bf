"""Poisson numbers from uniform ones: how many clusters, blobs or seeds a picture has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def poisson(mean: NDArray[Any], uniform: NDArray[Any], at_most: int) -> NDArray[np.int64]:
    """Returns Poisson numbers by the inverse of their distribution function.

    From a uniform number each, and not from the generator's own Poisson numbers: those take as many draws as they
    please, so that one picture's mean would shift the draws of the next.

    Args:
        mean: Expected number of each picture, (count,).
        uniform: In [0, 1), (count, ...).
        at_most: Larger numbers are cut off here; lies far above the largest mean.

    Returns:
        Whole numbers in 0 .. at_most, shape of ``uniform``.
    """
    k = np.arange(at_most)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, at_most)))])
    m = mean.astype(np.float64)[:, None]
    below = np.cumsum(np.exp(k * np.log(m) - m - log_factorial), axis=1)  # P(number <= k)
    return np.stack([np.searchsorted(law, u, side="right") for law, u in zip(below, uniform, strict=True)])
