"""From a budget to the noise it demands: the smallest noise multiplier that fits, or the most steps that fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import epsilon_sketch, epsilon_spent, fits
from medsyngen.privacy.budget import Budget, round_up, shown
from medsyngen.privacy.events import Event, Gaussian, PoissonSampled, SelfComposed

_DIGITS = 4
_LARGEST_SIGMA = 1e6


def sampled_gaussian(sampling_rate: float, noise_multiplier: float, steps: int) -> SelfComposed:
    """Returns the event of ``steps`` DP-SGD steps: Gaussian noise on the clipped sum of a Poisson sample."""
    return SelfComposed(PoissonSampled(sampling_rate, Gaussian(noise_multiplier)), steps)


def calibrate_noise(budget: Budget, *, sampling_rate: float, steps: int, other_events: Sequence[Event] = ()) -> float:
    """Returns the smallest noise multiplier σ_DP of four significant digits that keeps a run within the budget.

    Guarantee: ``epsilon_spent([*other_events, sampled_gaussian(q, σ_DP, T)], δ) <= ε`` was evaluated and held for the
    very float returned. A coarse grid finds the place, the accountant itself decides; one unit in the fourth digit less
    was evaluated, too, and did not fit.

    Args:
        budget: ε and δ for everything together.
        sampling_rate: q in (0, 1].
        steps: T, at least 1.
        other_events: What is charged already or planned beside it.

    Raises:
        BudgetRefused: If no noise fits, because the other events use up the budget.
        ValueError: If q or T is out of range.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not fits(other_events, budget):
        raise _refusal(budget, epsilon_spent(other_events, budget.delta), "the other events alone use")

    def planned(sigma: float) -> list[Event]:
        return [*other_events, sampled_gaussian(sampling_rate, sigma, steps)]

    guess = max(0.3, sampling_rate * math.sqrt(2.0 * steps * math.log(1.25 / budget.delta)) / budget.epsilon)
    root, slope = _search(lambda sigma: epsilon_sketch(planned(sigma), budget.delta), budget.epsilon, guess)
    if root > _LARGEST_SIGMA:
        least = epsilon_spent(planned(_LARGEST_SIGMA), budget.delta)
        raise _refusal(budget, least, f"even a noise multiplier of {_LARGEST_SIGMA:g} would use")
    return _settle(
        lambda sigma: epsilon_spent(planned(sigma), budget.delta), budget.epsilon, round_up(root, _DIGITS), slope
    )


def steps_that_fit(
    budget: Budget,
    *,
    sampling_rate: float,
    noise_multiplier: float,
    at_most: int,
    other_events: Sequence[Event] = (),
) -> int:
    """Returns how many steps, at most ``at_most``, still fit into the budget beside the other events.

    Raises:
        BudgetRefused: If an event is not supported.
    """
    low, high = -1, at_most + 1  # low fits (or is -1), high does not (or is beyond what was asked)
    while high - low > 1:
        middle = (low + high) // 2
        if fits([*other_events, sampled_gaussian(sampling_rate, noise_multiplier, middle)], budget):
            low = middle
        else:
            high = middle
    return max(low, 0)


def _search(epsilon: Callable[[float], float], target: float, guess: float) -> tuple[float, float]:
    """Returns where ε(σ) meets the target within 1e-3, from above in σ, and the slope d ln ε / d ln σ there.

    Regula falsi (Illinois) on logarithms, in which ε(σ) is nearly a line. A root beyond the largest σ comes back as
    infinity.
    """

    def height(log_sigma: float) -> float:
        return min(max(math.log(max(epsilon(math.exp(log_sigma)), 1e-9) / target), -20.0), 20.0)

    low, high, f_low, f_high = _bracket(height, math.log(guess))
    if f_high > 0.0:
        return math.inf, -1.0
    slope = (f_high - f_low) / (high - low)
    w_low, w_high = f_low, f_high
    while high - low > 1e-3 and min(f_low, -f_high) > 1e-3:
        share = min(max(w_low / (w_low - w_high), 0.02), 0.98)
        middle = low + (high - low) * share
        f = height(middle)
        if f > 0.0:
            low, f_low, w_low, w_high = middle, f, f, w_high / 2.0
        else:
            high, f_high, w_high, w_low = middle, f, f, w_low / 2.0
        slope = (f_high - f_low) / (high - low)
    return math.exp(high), slope


def _bracket(height: Callable[[float], float], start: float) -> tuple[float, float, float, float]:
    """Returns (low, high, height(low) > 0, height(high) <= 0) around a root, doubling σ; height(high) > 0 if none."""
    low = high = start
    f_low = f_high = height(start)
    while f_high > 0.0 and high < math.log(_LARGEST_SIGMA):
        low, f_low, high = high, f_high, high + math.log(2.0)
        f_high = height(high)
    while f_low <= 0.0:
        high, f_high, low = low, f_low, low - math.log(2.0)
        f_low = height(low)
    return low, high, f_low, f_high


def _settle(epsilon: Callable[[float], float], target: float, sigma: float, slope: float) -> float:
    """Returns the smallest σ of four digits with ε(σ) <= target, both sides evaluated, starting near it."""
    fitting, too_small = math.inf, 0.0
    while True:
        spent = epsilon(sigma)
        if spent <= target:
            fitting = sigma
        else:
            too_small = sigma
        if too_small == _below(fitting):
            return fitting
        jump = sigma * (target / spent) ** (1.0 / slope) if 0.0 < spent < math.inf else sigma
        sigma = round_up(jump, _DIGITS)
        if sigma >= fitting:
            sigma = _below(fitting)
        elif sigma <= too_small:
            sigma = _above(too_small)


def _unit(sigma: float) -> Decimal:
    return Decimal(1).scaleb(Decimal(repr(sigma)).adjusted() - _DIGITS + 1)


def _above(sigma: float) -> float:
    return float(Decimal(repr(sigma)) + _unit(sigma))


def _below(sigma: float) -> float:
    if math.isinf(sigma):
        return sigma
    exact = Decimal(repr(sigma))
    lower = exact - _unit(sigma)
    return float(lower if lower.adjusted() == exact.adjusted() else exact - _unit(sigma) / 10)


def _refusal(budget: Budget, spent: float, what: str) -> BudgetRefused:
    return BudgetRefused(
        f"no noise multiplier fits: {what} ε = {shown(spent)} of {shown(budget.epsilon)} at δ = {shown(budget.delta)}",
        do=f"allow an ε above {shown(spent)}, or plan less beside it; nothing was charged",
    )
