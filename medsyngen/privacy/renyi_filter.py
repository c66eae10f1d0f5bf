"""Whether one more run may be charged, when each run is chosen after seeing what the earlier ones released.

ε of mechanisms fixed in advance may be computed from privacy loss distributions. When the next mechanism is chosen in
the light of earlier releases, that sum is no longer proved; a *filter* is: Rényi divergences of one order α add up
even then (Feldman and Zrnic 2021, arXiv 2008.11193, Theorem 4.3; Lécuyer 2021, arXiv 2103.01379). α is fixed by the
budget and the first plan, before anything is charged: were the best of several orders taken afterwards, the choice
itself would depend on the releases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from medsyngen.privacy.accountant import mechanism_counts
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Event

_ORDERS = (*range(2, 65), *(int(64 * 1.1**k) for k in range(1, 40)))
_ROUNDING = 1e-9  # relative; the sums below are good to about 1e-13


@dataclass(frozen=True)
class RenyiFilter:
    """Admits events while their Rényi divergences of order α add up to at most the capacity.

    Guarantee: whatever adaptive sequence of events is run, each one admitted before it runs, their composition is
    (ε, δ)-differentially private under adding or removing one patient's record, for the budget's ε and δ.

    Args:
        order: α, a whole number from 2.
        capacity: B, the divergence of order α that converts to (ε, δ).
    """

    order: int
    capacity: float

    @classmethod
    def of(cls, budget: Budget, first_plan: Iterable[Event]) -> RenyiFilter:
        """Returns the filter of a ledger: α is the order at which plans like the first fit most often.

        Args:
            budget: ε and δ of the ledger.
            first_plan: What the first run planned, fixed before anything was released.

        Raises:
            BudgetRefused: If an event is not supported.
        """
        events = tuple(first_plan)

        def how_often(order: int) -> float:
            spent = cls(order, 0.0).divergence(events)
            return _capacity(order, budget) / spent if spent > 0.0 else -order

        return cls.at(max(_ORDERS, key=how_often), budget)

    @classmethod
    def at(cls, order: int, budget: Budget) -> RenyiFilter:
        """Returns the filter of a budget at an order that was fixed earlier."""
        return cls(order, max(0.0, _capacity(order, budget)))

    def divergence(self, events: Iterable[Event]) -> float:
        """Returns Σ τ(α) over all events.

        Raises:
            BudgetRefused: If an event is not supported.
        """
        counts = mechanism_counts(events)
        return math.fsum(n * renyi_divergence(q, sigma, self.order) for (q, sigma), n in counts.items())

    def admits(self, events: Iterable[Event]) -> bool:
        """Returns whether all of these events together stay within the capacity.

        Raises:
            BudgetRefused: If an event is not supported.
        """
        return self.divergence(events) <= self.capacity

    def epsilon(self, events: Iterable[Event], delta: float) -> float:
        """Returns the ε at δ that the divergence of these events converts to; 0 for none.

        Raises:
            BudgetRefused: If an event is not supported.
        """
        divergence = self.divergence(events)
        return max(0.0, divergence + conversion(self.order, delta)) if divergence > 0.0 else 0.0


def _capacity(order: int, budget: Budget) -> float:
    return budget.epsilon - conversion(order, budget.delta)


def conversion(order: int, delta: float) -> float:
    """Returns ε - τ for (α, τ)-Rényi differential privacy (Canonne, Kamath, Steinke 2020, Proposition 12)."""
    return math.log1p(-1.0 / order) - math.log(delta * order) / (order - 1)


@lru_cache(maxsize=1024)
def renyi_divergence(q: float, sigma: float, order: int) -> float:
    """Returns τ(α) of the Poisson-sampled Gaussian mechanism, rounded up (Mironov, Talwar, Zhang 2019, section 3.3).

    τ(α) = ln(Σ_k C(α, k) (1 - q)^(α - k) q^k e^((k² - k)/2σ²)) / (α - 1) holds for adding and for removing.

    Args:
        q: Sampling rate in (0, 1].
        sigma: σ_DP.
        order: α, a whole number from 2.
    """
    from scipy.special import gammaln, logsumexp

    if q == 1.0:
        return order / (2.0 * sigma**2) * (1.0 + _ROUNDING)
    k = np.arange(order + 1, dtype=np.float64)
    binomial = gammaln(order + 1.0) - gammaln(k + 1.0) - gammaln(order - k + 1.0)
    terms = binomial + (order - k) * math.log1p(-q) + k * math.log(q) + (k * k - k) / (2.0 * sigma**2)
    return max(0.0, float(logsumexp(terms)) / (order - 1)) * (1.0 + _ROUNDING)
