"""What runs with and without one canary prove about a mechanism that claims to be Gaussian.

T rounds of noise multiplier σ are μ-GDP with μ = √T / σ (Dong, Roth, Su 2022, arXiv 1905.02383): no test of "the canary
was there" with a share α of false alarms misses less than Φ(Φ⁻¹(1 - α) - μ) of the canaries. So false alarms and misses
at a threshold fixed in advance, each bounded from above (Clopper and Pearson 1934), refute every smaller μ than

    Φ⁻¹(1 - α) - Φ⁻¹(β)

(Nasr et al. 2023, arXiv 2302.07956), whatever the law of the statistic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mu_lower_bound(with_it: Floats, without: Floats, thresholds: Sequence[float], *, confidence: float) -> float:
    """Returns the μ below which the mechanism is refuted; 0 if nothing is.

    Guarantee: if the mechanism is μ-GDP and the statistics are of independent runs, the bound exceeds μ with
    probability at most 1 - ``confidence``: that is divided among two bounds at each threshold.

    Args:
        with_it: Statistics of runs with the canary, (runs,).
        without: Of runs without it.
        thresholds: Above them a run is held for one with the canary; fixed before any run.
        confidence: In (0, 1), such as 0.95.

    Raises:
        ValueError: There are no runs or thresholds, or the confidence is out of range.
    """
    if not (len(with_it) and len(without) and len(thresholds) and 0 < confidence < 1):
        raise ValueError("need runs in both worlds, thresholds and a confidence in (0, 1)")
    from scipy.special import ndtri

    risk = (1 - confidence) / (2 * len(thresholds))
    found = [0.0]
    for threshold in thresholds:
        alarms = upper_share(int((without > threshold).sum()), len(without), risk)
        misses = upper_share(int((with_it <= threshold).sum()), len(with_it), risk)
        found.append(float(-ndtri(alarms) - ndtri(misses)))
    return max(found)


def mu_ceiling(runs: int, thresholds: int, *, confidence: float) -> float:
    """Returns the bound that so many runs in each world would give without one error: the most they could show."""
    perfect = np.ones(runs)
    return mu_lower_bound(perfect, -perfect, [0.0] * thresholds, confidence=confidence)


def upper_share(count: int, of: int, risk: float) -> float:
    """Returns an upper bound on a share of which ``count`` of ``of`` were seen; too low with probability ``risk``."""
    from scipy.special import betaincinv

    return 1.0 if count == of else float(betaincinv(count + 1, of - count, 1 - risk))
