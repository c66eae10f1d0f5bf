"""Who of a population lives on, by votes that were noised before: post-processing, so it costs no privacy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Votes = NDArray[np.float64]
Rows = NDArray[np.int64]

Select = Callable[[Votes, float, np.random.Generator], Rows]
"""(noisy votes of one class, threshold, public randomness) -> as many numbers of members as there are votes."""


def weights_of(noisy: Votes, threshold: float) -> Votes:
    """Returns max(votes - H, 0), scaled to sum 1 (Lin et al. 2024, arXiv 2305.15560, algorithm 2, lines 7 to 9).

    Where no member has more than H votes, all weigh alike: noise alone decides how often that happens, and a run must
    not end because of it. A class without members has no weights.

    Args:
        noisy: Votes of one class, with noise.
        threshold: H, in votes.
    """
    above = np.maximum(noisy - threshold, 0.0)
    total = float(above.sum())
    return above / total if total > 0 else np.full(len(noisy), 1.0 / max(len(noisy), 1))


def residual(noisy: Votes, threshold: float, rng: np.random.Generator) -> Rows:
    """Returns members with replacement, each at least floor(N w) times (residual resampling, Liu and Chen 1998).

    Expected numbers are N w, as when all are drawn at random, but far less is left to chance: a member that holds a
    share of the votes can't be lost by bad luck.
    """
    count, weights = len(noisy), weights_of(noisy, threshold)
    expected = count * weights
    sure = np.floor(expected + 1e-9).astype(np.int64)  # 1e-9: N times 1/N is 1, whatever the rounding
    rest = count - int(sure.sum())
    chance = np.maximum(expected - sure, 0.0)
    if rest > 0:
        sure += rng.multinomial(rest, chance / chance.sum())
    return np.repeat(np.arange(count, dtype=np.int64), sure)


def rank(noisy: Votes, threshold: float, rng: np.random.Generator) -> Rows:
    """Returns the better half of the members twice each, by their votes; the threshold has no part in it.

    Of an odd number the one in the middle comes once.
    """
    order = np.argsort(-noisy, kind="stable").astype(np.int64)
    return np.sort(np.repeat(order[: (len(noisy) + 1) // 2], 2)[: len(noisy)])


SELECTIONS: dict[str, Select] = {"residual": residual, "rank": rank}
"""By the name that a recipe knows them by."""
