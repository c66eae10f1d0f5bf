"""The report's curves: ε at public values of δ, the privacy profile, and what follows for an attacker."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from medsyngen.report import trade_off
from medsyngen.report.ledger_table import Mechanism

if TYPE_CHECKING:  # numpy stands behind it, and whoever checks a report may have none
    from medsyngen.privacy.profile import PrivacyProfile

Json = dict[str, Any]

CLOSE: Final = 2e-6
"""Two machines may round an exponential differently; the numbers derived from the profile have six decimals."""
_ROUNDING: Final = 1e-9
_FALSE_ALARMS: Final = (0.001, 0.01)


def curves(profile: PrivacyProfile, delta: float) -> Json:
    """Returns the curves as plain JSON; an infinite ε is null.

    Args:
        profile: Of the run's events.
        delta: The ledger's δ.
    """
    pairs = profile.delta_of_epsilon
    return {
        "epsilon_of_delta": [
            {"delta": d, "epsilon": e if math.isfinite(e) else None} for d, e in profile.epsilon_of_delta
        ],
        "delta_of_epsilon": [{"epsilon": e, "delta": d} for e, d in pairs],
        **_derived(pairs),
        "gaussian": _gaussian(profile, delta),
    }


def _derived(pairs: trade_off.Pairs) -> Json:
    return {
        "trade_off": [
            {"false_alarms": alpha, "misses_at_least": trade_off.stated_misses(pairs, alpha)}
            for alpha in trade_off.ALPHAS
        ],
        "guessed_right_at_most": trade_off.guessed_right_at_most(pairs),
        "found_at_most": [
            {"false_alarms": alpha, "share": trade_off.hits_at_most(pairs, alpha)} for alpha in _FALSE_ALARMS
        ],
    }


def _gaussian(profile: PrivacyProfile, delta: float) -> Json | None:
    """Returns the Gaussian mechanism that tells an attacker no less; exactly where all there was is Gaussian."""
    if profile.gaussian is not None:
        return {"mu": profile.gaussian, "slack": 0.0, "exact": True}
    mu = trade_off.smallest_mu(delta, profile.delta_of_epsilon)
    return None if mu is None else {"mu": mu, "slack": delta, "exact": False}


def pairs_of(told: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Returns the (ε, δ) of a report's curves."""
    return [(each["epsilon"], each["delta"]) for each in told["delta_of_epsilon"]]


def wrong_curves(told: Mapping[str, Any], spent: Sequence[Mechanism]) -> Iterator[str]:
    """Yields which numbers of a report's curves don't follow from its profile and its charges.

    The profile itself is held against the events by the reviewer's verifier (``medsyngen.verification``).

    Args:
        told: The report's ``curves``.
        spent: What the run was charged.
    """
    pairs = pairs_of(told)
    if [epsilon for epsilon, _ in pairs].count(0.0) != 1:
        yield "the privacy profile has no δ at ε = 0"
        return
    derived = _derived(pairs)
    if not _alike(derived, {key: told[key] for key in derived}):
        yield "trade-off curve, guess or hit rates don't follow from the privacy profile"
    if told["gaussian"] is not None and not _sound(told["gaussian"], pairs, spent):
        yield "the Gaussian mechanism that is named tells an attacker less than the privacy profile allows"


def _sound(gaussian: Mapping[str, Any], pairs: trade_off.Pairs, spent: Sequence[Mechanism]) -> bool:
    if not gaussian["exact"]:
        return trade_off.covers(gaussian["mu"], gaussian["slack"] + _ROUNDING, pairs)
    precision = math.fsum(m.steps / m.noise_multiplier**2 for m in spent)
    nobody_sampled = all(m.sampling_probability == 1.0 for m in spent)
    return nobody_sampled and bool(gaussian["mu"] >= math.sqrt(precision) * (1 - 1e-12))


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_alike, one, other))
    return bool(abs(one - other) <= CLOSE)
