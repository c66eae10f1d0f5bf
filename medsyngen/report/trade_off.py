"""From the privacy profile to what an attacker can reach: the trade-off curve f(α), hit rates, a Gaussian to compare.

Every pair (ε, δ) of a profile holds both ways, so an attacker who tells "your record was in" from "it was not", with
false alarms at a rate of at most α, misses at a rate of at least

    f_{ε,δ}(α) = max(0, 1 - δ - e^ε α, e^{-ε} (1 - δ - α))

(Wasserman, Zhou 2010, theorem 2.4; Dong, Roth, Su 2022, proposition 2.13). The largest of these over any pairs is a
lower bound of the misses, convex and piecewise linear in α. All numbers here are rounded to the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Final

Pairs = Sequence[tuple[float, float]]
"""(ε, δ) that hold both ways."""

ALPHAS: Final = (
    *(0.0, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2),
    *(0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0),
)
"""Rates of false alarms at which the curve is stated."""
_STATED: Final = 1e6
_EVEN: Final = 1e-7
"""In units of the last decimal: float64's 0.01 is not to become 0.010001. The accountant adds ten times that."""
_LARGEST: Final = 700.0
_ROUNDING: Final = 1e-12
"""More than float64 can be wrong by in :func:`covers`."""
_NORMAL: Final = NormalDist()


def misses_at_least(pairs: Pairs, alpha: float) -> float:
    """Returns a lower bound of f(α): the share of members that an attack misses.

    Args:
        pairs: Of the profile.
        alpha: Rate of false alarms, 0 to 1.
    """
    return max(0.0, *(_line(epsilon, delta, alpha) for epsilon, delta in pairs))


def _line(epsilon: float, delta: float, alpha: float) -> float:
    small = math.exp(-epsilon)
    steep = 1.0 - delta - alpha / small if epsilon < _LARGEST else (1.0 - delta if alpha == 0.0 else 0.0)
    return max(steep, small * (1.0 - delta - alpha))


def stated_misses(pairs: Pairs, alpha: float) -> float:
    """Returns :func:`misses_at_least` rounded down to six decimals, as a report states it."""
    return math.floor(misses_at_least(pairs, alpha) * _STATED + _EVEN) / _STATED


def hits_at_most(pairs: Pairs, alpha: float) -> float:
    """Returns the largest share of members found at a rate α of false alarms, 1 - f(α), rounded up to six decimals."""
    return min(1.0, math.ceil((1.0 - misses_at_least(pairs, alpha)) * _STATED - _EVEN) / _STATED)


def guessed_right_at_most(pairs: Pairs) -> float:
    """Returns (1 + δ(0)) / 2, the chance of a right guess from even odds, rounded up to six decimals.

    Args:
        pairs: With one at ε = 0; its δ is the total variation distance.
    """
    (at_zero,) = (delta for epsilon, delta in pairs if epsilon == 0.0)
    return min(1.0, math.ceil((1.0 + at_zero) / 2.0 * _STATED - _EVEN) / _STATED)


def corners(pairs: Pairs) -> list[float]:
    """Returns every α at which the bound bends, and both ends.

    The bound is the upper hull of lines; a convex function below it at all corners is below it everywhere.
    """
    lines = [(0.0, 0.0)]
    for epsilon, delta in pairs:
        small = math.exp(-epsilon)
        lines += [(-small, small * (1.0 - delta)), (-1.0 / small, 1.0 - delta)] if epsilon < _LARGEST else []
    hull: list[tuple[float, float]] = []
    for slope, height in sorted(lines):
        if hull and hull[-1][0] == slope:
            hull.pop()  # sorted: the later one is the higher
        while len(hull) > 1 and _crossing(hull[-2], (slope, height)) <= _crossing(hull[-2], hull[-1]):
            hull.pop()
        hull.append((slope, height))
    bends = [_crossing(one, other) for one, other in pairwise(hull)]
    return [0.0, *sorted(alpha for alpha in bends if 0.0 < alpha < 1.0), 1.0]


def _crossing(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (one[1] - other[1]) / (other[0] - one[0])


def gaussian_misses(mu: float, alpha: float) -> float:
    """Returns G_μ(α) = Φ(Φ⁻¹(1 - α) - μ), the trade-off of telling N(0, 1) from N(μ, 1) (Dong, Roth, Su 2022)."""
    if alpha <= 0.0 or alpha >= 1.0:
        return 1.0 - alpha
    return _NORMAL.cdf(-_NORMAL.inv_cdf(alpha) - mu)


def covers(mu: float, slack: float, pairs: Pairs) -> bool:
    """Returns whether f(α) ≥ G_μ(α) - slack for every α in [0, 1].

    Guarantee: proved by finitely many values. The bound on f is linear between its corners and G_μ is convex, so that
    their difference is largest at a corner.

    Args:
        mu: μ, at least 0.
        slack: What the curves may differ by, for instance the ledger's δ.
        pairs: Of the profile.
    """
    bends = corners(pairs)
    return all(gaussian_misses(mu, alpha) - slack + _ROUNDING <= misses_at_least(pairs, alpha) for alpha in bends)


def smallest_mu(slack: float, pairs: Pairs) -> float | None:
    """Returns the smallest μ, rounded up to four decimals, that :func:`covers`; None if 100 does not.

    Args:
        slack: As in :func:`covers`; the pairs must reach an ε at which δ is no more than it.
        pairs: Of the profile.
    """
    low, high = 0, 1_000_000
    if not covers(high / 1e4, slack, pairs):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if covers(middle / 1e4, slack, pairs) else (middle + 1, high)
    return high / 1e4
