"""What composed events cost at every ε and at public values of δ: the privacy profile δ(ε), read off one distribution.

One pair (ε, δ) says little about a composed mechanism; the whole profile says all that an attacker can reach. Source:
Balle, Barthe, Gaboardi 2018 (arXiv 1807.01647) for the profile; Dong, Roth, Su 2022 (arXiv 1905.02383), proposition
2.13, for what it says of the trade-off between an attacker's errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medsyngen.privacy.accountant import delta_at, epsilon_spent, mechanism_counts
from medsyngen.privacy.budget import MIN_DELTA, round_up
from medsyngen.privacy.events import Event

PUBLIC_DELTAS: Final = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""δ at which ε is stated beside that of the ledger: fixed, so that the choice says nothing about anybody."""
_FINE: Final = 8.0
_FINE_STEPS: Final = 48
_COARSE_STEPS: Final = 12
_DIGITS: Final = 8
_MU_DIGITS: Final = 5


@dataclass(frozen=True)
class PrivacyProfile:
    """Upper bounds, rounded up.

    Args:
        epsilon_of_delta: (δ, ε): ε at each public δ and at the ledger's; infinite beyond 700.
        delta_of_epsilon: (ε, δ), ε rising from 0, δ falling.
        gaussian: μ of the one Gaussian mechanism that all of it amounts to exactly; None where patients were sampled.
    """

    epsilon_of_delta: tuple[tuple[float, float], ...]
    delta_of_epsilon: tuple[tuple[float, float], ...]
    gaussian: float | None


def privacy_profile(events: Sequence[Event], delta: float) -> PrivacyProfile:
    """Returns the profile of all events together, fixed in advance.

    Guarantee: for every pair (ε, δ) in it the composition is (ε, δ)-differentially private, for adding and for removing
    one patient's record; both numbers come from the accountant, which errs upwards, and are rounded up. So every
    subset of the pairs, and the largest of the lines that they give for the trade-off, is on the safe side.

    Args:
        events: What ran.
        delta: The ledger's δ.

    Raises:
        BudgetRefused: An event is not supported.
    """
    deltas = sorted({*PUBLIC_DELTAS, delta})
    spent = tuple((each, _epsilon_up(epsilon_spent(events, each))) for each in deltas)
    reach = _epsilon_up(epsilon_spent(events, max(delta / 10.0, MIN_DELTA)))
    profile = tuple((each, _delta_up(delta_at(events, each))) for each in _grid(reach))
    return PrivacyProfile(spent, profile, _exact(events))


def _grid(reach: float) -> list[float]:
    """Returns ε from 0 to where δ is a tenth of the ledger's: fine where attackers' errors are of a readable size."""
    if not math.isfinite(reach):
        return [0.0]
    fine = [min(reach, _FINE) * i / _FINE_STEPS for i in range(_FINE_STEPS + 1)]
    coarse = [_FINE + (reach - _FINE) * i / _COARSE_STEPS for i in range(1, _COARSE_STEPS + 1)] if reach > _FINE else []
    return sorted({round_up(each, _DIGITS) for each in (*fine, *coarse)})


def _exact(events: Sequence[Event]) -> float | None:
    """Returns √Σ 1/σ² where every patient took part in everything (Dong, Roth, Su 2022, corollary 3.3), rounded up."""
    counts = mechanism_counts(events)
    if any(q < 1.0 for q, _ in counts):
        return None
    return round_up(math.sqrt(math.fsum(count / sigma**2 for (_, sigma), count in counts.items())), _MU_DIGITS)


def _epsilon_up(epsilon: float) -> float:
    return round_up(epsilon, _DIGITS)


def _delta_up(delta: float) -> float:
    return min(1.0, round_up(delta, _DIGITS))
