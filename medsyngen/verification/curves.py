"""The report's curves, computed again: from events the privacy profile, from the profile what an attacker can reach.

The formulas are written here a second time, without a look at the report's own code (Dong, Roth, Su 2022, arXiv
1905.02383, proposition 2.13 and corollary 3.3). Standard library alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medsyngen.verification.events import Counts
from medsyngen.verification.loss_distribution import WRAPPED, composed_losses, from_masses, grid_of

AGREE: Final = 0.02
"""How far apart, as a share, two accountants may lie at a point of a curve."""
_TINY: Final = 1e-12
_SMALL_EPSILON: Final = 1e-3
"""Where ε comes to 0 a small difference in δ is no small share of it."""
_SIXTH: Final = 2e-6
_STEEP: Final = 600.0


def curve_problems(curves: Mapping[str, Any], counts: Counts, told: Mapping[str, Any]) -> Iterator[str]:
    """Yields what is wrong with a report's curves.

    Args:
        curves: Of the report.
        counts: What the run was charged.
        told: The report's ``guarantee``.
    """
    spent = [
        (each["delta"], math.inf if each["epsilon"] is None else each["epsilon"]) for each in curves["epsilon_of_delta"]
    ]
    profile = [(each["epsilon"], each["delta"]) for each in curves["delta_of_epsilon"]]
    if profile[0][0] != 0.0 or sorted(profile) != profile:
        yield "the privacy profile does not begin at ε = 0, or is not in order"
        return
    yield from _against_the_events(spent, profile, counts)
    if not any(d == told["delta"] and _close(e, told["epsilon"]) for d, e in spent):
        yield "ε at the ledger's δ is another one in the curve"
    if not _close(told["delta_at_zero"] or 0.0, profile[0][1]):
        yield "δ at ε = 0 is another one in the curve than in the guarantee"
    yield from _against_the_profile(curves, profile, counts)


def _against_the_events(
    spent: Sequence[tuple[float, float]], profile: Sequence[tuple[float, float]], counts: Counts
) -> Iterator[str]:
    deltas, epsilons = [d for d, _ in spent], [e for e, _ in profile]
    afresh = profile_by_losses(counts, deltas, epsilons)
    for (delta, claimed), epsilon in zip(spent, afresh[0], strict=True):
        if not _close(claimed, epsilon, _SMALL_EPSILON):
            yield f"ε at δ = {delta:g} is {claimed:.4g} in the curve; the events give {epsilon:.4g}"
    for (epsilon, claimed), delta in zip(profile, afresh[1], strict=True):
        if not _close(claimed, delta):
            yield f"δ at ε = {epsilon:.4g} is {claimed:.4g} in the curve; the events give {delta:.4g}"


def profile_by_losses(
    counts: Counts, deltas: Sequence[float], epsilons: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Returns ε at each δ, and δ at each ε, of everything together; of removing and of adding a patient the larger.

    Args:
        counts: How often each (q, σ) ran.
        deltas: At least 1e-10.
        epsilons: At least 0.
    """
    if not counts:
        return [0.0] * len(deltas), [0.0] * len(epsilons)
    grid = grid_of(counts, min(deltas))
    if grid is None:
        return [math.inf] * len(deltas), [1.0] * len(epsilons)
    both = [composed_losses(counts, *grid, adding) for adding in (False, True)]
    at_delta = [max(from_masses(*_with(grid[0], each), delta * (1.0 - WRAPPED)) for each in both) for delta in deltas]
    lost = min(deltas) * WRAPPED
    at_epsilon = [max(_delta(*_with(grid[0], each), epsilon) for each in both) + lost for epsilon in epsilons]
    return at_delta, at_epsilon


def _with(h: float, composed: tuple[list[float], float]) -> tuple[list[float], float, float]:
    return composed[0], h, composed[1]


def _delta(masses: Sequence[float], h: float, infinite: float, epsilon: float) -> float:
    """Returns Σ p_j (1 - e^(ε - jh)) over the losses jh above ε, and the infinite ones."""
    first = math.floor(epsilon / h) + 1
    return infinite + math.fsum(masses[j] * -math.expm1(epsilon - j * h) for j in range(first, len(masses)))


def _against_the_profile(
    curves: Mapping[str, Any], profile: Sequence[tuple[float, float]], counts: Counts
) -> Iterator[str]:
    for each in curves["trade_off"]:
        if each["misses_at_least"] > _misses(profile, each["false_alarms"]) + _SIXTH:
            yield f"an attacker may miss fewer than the curve says at {each['false_alarms']:g} false alarms"
    if curves["guessed_right_at_most"] < (1.0 + profile[0][1]) / 2.0 - _SIXTH:
        yield "a guess may be right more often than the report says"
    for each in curves["found_at_most"]:
        if each["share"] < 1.0 - _misses(profile, each["false_alarms"]) - _SIXTH:
            yield f"an attacker may find more than the report says at {each['false_alarms']:g} false alarms"
    gaussian = curves["gaussian"]
    if gaussian is not None and not _dominates(gaussian, profile, counts):
        yield "the Gaussian mechanism that the report names allows an attacker less than the events"


def _misses(profile: Sequence[tuple[float, float]], alpha: float) -> float:
    """Returns the largest f_{ε,δ}(α)."""
    return max(0.0, *(line for pair in profile for line in _lines(*pair, alpha)))


def _lines(epsilon: float, delta: float, alpha: float) -> tuple[float, float]:
    steep = 1.0 - delta - math.exp(epsilon) * alpha if epsilon < _STEEP else 0.0
    return steep, math.exp(-epsilon) * (1.0 - delta - alpha)


def _dominates(gaussian: Mapping[str, Any], profile: Sequence[tuple[float, float]], counts: Counts) -> bool:
    """Returns whether δ(ε) ≤ δ_μ(ε) + slack at every ε of the profile, or μ is the exact one.

    It is the same as f ≥ G_μ - slack seen from the other side (Dong, Roth, Su 2022, proposition 2.12).
    """
    mu = gaussian["mu"]
    if gaussian["exact"]:
        whole = math.sqrt(math.fsum(times / sigma**2 for (_, sigma), times in counts.items()))
        return all(q == 1.0 for q, _ in counts) and mu >= whole * (1.0 - 1e-9)
    return all(delta <= gaussian_delta(mu, epsilon) + gaussian["slack"] + 1e-9 for epsilon, delta in profile)


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Returns δ(ε) of telling N(0, 1) from N(μ, 1) (Balle, Wang 2018, arXiv 1805.06530, theorem 8)."""
    if mu == 0.0:
        return 0.0
    # By erfc: 1 + erf loses the digits that e^epsilon then multiplies.
    above, below = (0.5 * math.erfc((epsilon / mu + side * mu / 2.0) / math.sqrt(2.0)) for side in (-1, 1))
    return above - (math.exp(epsilon + math.log(below)) if below > 0.0 else 0.0)


def agree(one: float, other: float, *, share: float, small: float = 0.0) -> bool:
    """Returns whether two figures differ by at most a share of the larger, and ``small`` on top.

    Of infinities only equal ones agree: an infinite tolerance would let anything pass.
    """
    return one == other or (max(one, other) < math.inf and abs(one - other) <= share * max(one, other) + small)


def _close(one: float, other: float, small: float = _TINY) -> bool:
    return agree(one, other, share=AGREE, small=small)
