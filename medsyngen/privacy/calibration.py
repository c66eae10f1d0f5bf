"""From a budget to the noise it demands: the smallest noise multiplier that fits, or the most steps that fit.

A rough ε, a thousand times as quick as the accountant's, finds the place; only the accountant decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import epsilon_spent, fits
from medsyngen.privacy.budget import Budget, round_up, shown
from medsyngen.privacy.events import Event, Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.rough_epsilon import rough_epsilon

_DIGITS = 4
_LARGEST_SIGMA = 1e6
_CLOSE = 1e-5  # of the search, in ln σ and ln ε


def sampled_gaussian(sampling_rate: float, noise_multiplier: float, steps: int) -> SelfComposed:
    """Returns the event of ``steps`` DP-SGD steps: Gaussian noise on the clipped sum of a Poisson sample."""
    return SelfComposed(PoissonSampled(sampling_rate, Gaussian(noise_multiplier)), steps)


def calibrate_noise(budget: Budget, *, sampling_rate: float, steps: int, other_events: Sequence[Event] = ()) -> float:
    """Returns the smallest noise multiplier σ_DP of four significant digits that keeps a run within the budget.

    Guarantee: ``epsilon_spent([*other_events, sampled_gaussian(q, σ_DP, T)], δ) <= ε`` was evaluated and held for the
    very float returned; one unit in the fourth digit less was evaluated, too, and did not fit. What finds the place has
    no say in it.

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
    guess = _first_guess(budget, sampling_rate, steps)
    return calibrate_event(
        budget, lambda sigma: sampled_gaussian(sampling_rate, sigma, steps), guess=guess, other_events=other_events
    )


def calibrate_event(
    budget: Budget, event_of: Callable[[float], Event], *, guess: float = 1.0, other_events: Sequence[Event] = ()
) -> float:
    """Returns the smallest number z of four significant digits whose event keeps a run within the budget.

    For a run of several parts: z scales the noise of them all, each by its own public factor.

    Guarantee: ``epsilon_spent([*other_events, event_of(z)], δ) <= ε`` was evaluated and held for the very float
    returned; one unit in the fourth digit less was evaluated, too, and did not fit. What finds the place has no say in
    it.

    Args:
        budget: ε and δ for everything together.
        event_of: What the run does at z > 0, a function of public numbers alone; the larger z, the smaller its ε, down
            to 0.
        guess: Where the search begins; changes no result.
        other_events: What is charged already or planned beside it.

    Raises:
        BudgetRefused: If no z fits, because the other events use up the budget.
    """
    if not fits(other_events, budget):
        raise _refusal(budget, epsilon_spent(other_events, budget.delta), "the other events alone use")

    def spent(z: float) -> float:
        return epsilon_spent([*other_events, event_of(z)], budget.delta)

    if other_events and (least := spent(_LARGEST_SIGMA)) > budget.epsilon:
        raise _refusal(budget, least, f"even a noise multiplier of {_LARGEST_SIGMA:g} would use")
    root, slope = _root(budget, event_of, other_events, guess)
    # A hair below the root: starting one unit too low costs no more than starting right, one too high does.
    start = round_up(min(root, _LARGEST_SIGMA) * (1.0 - _CLOSE), _DIGITS)
    return _settle(spent, budget.epsilon, start, slope)


def rough_noise(budget: Budget, *, sampling_rate: float, steps: int, other_events: Sequence[Event] = ()) -> float:
    """Returns about the noise multiplier that :func:`calibrate_noise` returns, in some ten milliseconds.

    For comparing settings only: within 1 %, on either side of the budget. Infinity if none below 10⁶ fits.

    Args:
        budget: ε and δ for everything together.
        sampling_rate: q in (0, 1].
        steps: T, at least 1.
        other_events: What is charged already or planned beside it.
    """

    def event_of(sigma: float) -> Event:
        return sampled_gaussian(sampling_rate, sigma, steps)

    return _root(budget, event_of, other_events, _first_guess(budget, sampling_rate, steps), close=2e-3)[0]


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


def _first_guess(budget: Budget, q: float, steps: int) -> float:
    return max(0.3, q * math.sqrt(2.0 * steps * math.log(1.25 / budget.delta)) / budget.epsilon)


def _root(
    budget: Budget,
    event_of: Callable[[float], Event],
    other_events: Sequence[Event],
    guess: float,
    close: float = _CLOSE,
) -> tuple[float, float]:
    """Returns where the rough ε(σ) meets the budget within ``close``, and the slope d ln ε / d ln σ there.

    Regula falsi (Illinois) on logarithms, in which ε(σ) is nearly a line. A root beyond the largest σ comes back as
    infinity.
    """

    def height(log_sigma: float) -> float:
        events = [*other_events, event_of(math.exp(log_sigma))]
        return min(max(math.log(max(rough_epsilon(events, budget.delta), 1e-9) / budget.epsilon), -20.0), 20.0)

    low, high, f_low, f_high = _bracket(height, math.log(guess))
    if f_high > 0.0:
        return math.inf, -1.0
    slope = (f_high - f_low) / (high - low)
    w_low, w_high = f_low, f_high
    while high - low > close and min(f_low, -f_high) > close:
        share = min(max(w_low / (w_low - w_high), 0.02), 0.98)
        middle = low + (high - low) * share
        f = height(middle)
        if f > 0.0:
            low, f_low, w_low, w_high = middle, f, f, w_high / 2.0
        else:
            high, f_high, w_high, w_low = middle, f, f, w_low / 2.0
        if high - low > 1e-3:
            slope = (f_high - f_low) / (high - low)
    return math.exp(low if f_low < -f_high else high), slope


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
    fitting, too_small, tried = math.inf, 0.0, 0
    while True:
        spent = epsilon(sigma)
        if spent <= target:
            fitting = sigma
        else:
            too_small = sigma
        if too_small == _below(fitting):
            return fitting
        jump = math.log(target / spent) / slope if 0.0 < spent < math.inf else 0.0
        sigma = round_up(sigma * math.exp(min(max(jump, -1.0), 1.0)), _DIGITS)
        # Where the slope misleads, larger and larger strides, then halving.
        sigma, tried = _between(sigma, too_small, fitting, 8 ** max(0, tried - 1)), tried + 1


def _between(jump: float, too_small: float, fitting: float, reach: int) -> float:
    """Returns the next σ to try: where the slope points, but beyond what is known and at least ``reach`` units on."""
    if math.isinf(fitting):
        return max(jump, _moved(too_small, reach))
    if too_small == 0.0:
        return min(jump, _moved(fitting, -min(reach, 400)))  # four digits: of at least 1000 units
    if reach > 8**3:
        jump = round_up(math.sqrt(too_small * fitting), _DIGITS)
    return min(max(jump, _moved(too_small, 1)), _below(fitting))


def _unit(sigma: float) -> Decimal:
    return Decimal(1).scaleb(Decimal(repr(sigma)).adjusted() - _DIGITS + 1)


def _moved(sigma: float, units: int) -> float:
    return float(round_up(float(Decimal(repr(sigma)) + units * _unit(sigma)), _DIGITS))


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
