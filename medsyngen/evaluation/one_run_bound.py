"""What one attacked run proves about ε (Steinke, Nasr, Jagielski 2023, arXiv 2305.08846).

m canaries are in the cohort or not, each by an own fair coin. An attacker who sees what the mechanism released guesses
r of the coins and abstains from the others; v guesses are right. If the mechanism is (ε, δ)-private, each guess is
right with probability at most p = e^ε / (1 + e^ε), whatever the other coins, so that v can hardly exceed a
Binomial(r, p):

    P[v or more right] <= P[B >= v] + 2 m δ max over i >= 1 of P[v > B >= v - i] / i,    B ~ Binomial(r, p)

(their theorem 5.2). Every ε for which the right-hand side is below 1 - confidence is refuted.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_LARGEST_EPSILON = 50.0


def p_value(canaries: int, guesses: int, right: int, *, epsilon: float, delta: float) -> float:
    """Returns a bound on the chance of this many right guesses or more, if the mechanism is (ε, δ)-private.

    Args:
        canaries: m, coins flipped; whoever chose the guesses saw none of them.
        guesses: r, fixed before the guesses were made; at most m.
        right: v, at most r.
        epsilon: ε, at least 0.
        delta: δ in [0, 1].

    Raises:
        ValueError: A number is out of range.
    """
    if not 0 <= right <= guesses <= canaries:
        raise ValueError(f"need 0 <= right <= guesses <= canaries, got {right}, {guesses}, {canaries}")
    if not (epsilon >= 0 and 0 <= delta <= 1):
        raise ValueError(f"need epsilon >= 0 and 0 <= delta <= 1, got {epsilon} and {delta}")
    if right == 0:
        return 1.0
    tails = _tails(guesses, right, 1.0 / (1.0 + math.exp(-epsilon)))
    i = np.arange(1, right + 1)
    alpha = float(np.max((tails[right - i] - tails[right]) / i))
    return min(1.0, float(tails[right]) + 2.0 * canaries * delta * alpha)


@lru_cache(maxsize=100_000)
def epsilon_lower_bound(canaries: int, guesses: int, right: int, *, delta: float, confidence: float) -> float:
    """Returns the ε below which the mechanism is refuted; 0 if nothing is.

    Guarantee: if the mechanism is (ε, δ)-private, the bound exceeds ε with probability at most 1 - ``confidence``. (The
    p-value need not rise with ε everywhere, but whatever is private at ε is private at every larger ε: each ε whose own
    p-value is small enough is refuted together with all below it, and the bisection ends on such an ε.)

    Args:
        canaries: m.
        guesses: r.
        right: v.
        delta: δ.
        confidence: In (0, 1), such as 0.95.

    Raises:
        ValueError: A number is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")

    def refuted(epsilon: float) -> bool:
        return p_value(canaries, guesses, right, epsilon=epsilon, delta=delta) <= 1.0 - confidence

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high) and high < _LARGEST_EPSILON:
        low, high = high, 2.0 * high
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def ceiling(canaries: int, guesses: int, *, delta: float, confidence: float) -> float:
    """Returns the bound that this many guesses would give, were all of them right: the most they could show."""
    return epsilon_lower_bound(canaries, guesses, guesses, delta=delta, confidence=confidence)


def _tails(r: int, most: int, p: float) -> NDArray[np.float64]:
    """Returns P[Binomial(r, p) >= k] for k = 0 ... ``most``, by the incomplete beta function."""
    from scipy.special import betainc

    k = np.arange(1, most + 1, dtype=float)
    return np.concatenate([[1.0], np.asarray(betainc(k, r - k + 1.0, p), dtype=float)])
