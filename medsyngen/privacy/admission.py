"""Whether a run may begin: what all runs of a ledger may spend together, and how the refusal is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import epsilon_spent, fits, mechanism_counts
from medsyngen.privacy.budget import UNIT, Budget, round_up, shown
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Event
from medsyngen.privacy.renyi_filter import RenyiFilter
from medsyngen.privacy.run_record import RunRecord

_NO_NOISE_HELPS = 1e5


@dataclass(frozen=True)
class LedgerTotal:
    """What all runs of a ledger spent together.

    Args:
        runs: How many were charged.
        in_advance: ε by privacy loss distributions, as if all runs had been fixed in advance.
        by_filter: ε to which the divergence converts that the filter has admitted and that was charged.
        order: Order α of the filter; None while no run was admitted.
        admits_more: Whether a second run can be admitted at all.
    """

    runs: int
    in_advance: float
    by_filter: float
    order: int | None
    admits_more: bool


def check(budget: Budget, runs: Sequence[RunRecord], plan: Event) -> int:
    """Admits a plan beside what the runs before it were charged and still hold, and returns the filter's order α.

    Guarantee: whatever runs are admitted by this rule, each chosen in the light of what the earlier ones released,
    everything that they release together is (ε, δ)-differentially private for the budget. A first plan that passes the
    Rényi filter opens it, and the filter decides on every later one. A first plan that fits only as computed by
    privacy loss distributions, fixed in advance, is admitted too, but then no second run ever is. Which of the two
    holds depends on the first plan alone, before anything was released. Runs that ended before their first charge
    released nothing and are left out.

    Raises:
        BudgetRefused: Saying what is left and what would fit.
    """
    real = [run for run in runs if not run.void]
    if not real:
        renyi = RenyiFilter.of(budget, [plan])
        if renyi.admits([plan]) or fits([plan], budget):
            return renyi.order
        spent = shown(epsilon_spent([plan], budget.delta))
        raise BudgetRefused(
            f"this does not fit the privacy budget: the run alone would spend ε = {spent} of {shown(budget.epsilon)} "
            f"at δ = {shown(budget.delta)} per {UNIT}",
            do="plan fewer steps, a smaller ε or more noise; nothing was charged",
        )
    renyi = RenyiFilter.at(real[0].order, budget)
    if not renyi.admits([real[0].plan]):
        raise BudgetRefused(
            "the privacy budget is taken: the ledger's first run fits into it only as the one run ever, fixed in "
            f"advance (ε = {shown(epsilon_spent([real[0].plan], budget.delta))} of {shown(budget.epsilon)} at "
            f"δ = {shown(budget.delta)} per {UNIT})",
            do="a patient has one budget: whoever approved it decides whether these patients may be spent on again; "
            "nothing was charged",
        )
    held = _committed(real)
    if renyi.admits([*held, plan]):
        return renyi.order
    before, after = (shown(renyi.epsilon(events, budget.delta)) for events in (held, [*held, plan]))
    raise BudgetRefused(
        f"this does not fit the privacy budget: of ε = {shown(budget.epsilon)} at δ = {shown(budget.delta)} "
        f"per {UNIT}, earlier runs were charged or hold {before} (Rényi filter of order {renyi.order}), and with this "
        f"one it would be {after}",
        do=f"{_what_fits(renyi, held, plan, budget)}; nothing was charged",
    )


def total(budget: Budget, runs: Sequence[RunRecord]) -> LedgerTotal:
    """Returns what all runs together were charged."""
    real = [run for run in runs if not run.void]
    charged = [event for run in real for event in run.charged]
    in_advance = epsilon_spent(charged, budget.delta)
    if not real:
        return LedgerTotal(0, 0.0, 0.0, None, admits_more=True)
    renyi = RenyiFilter.at(real[0].order, budget)
    return LedgerTotal(
        runs=sum(bool(run.charged) for run in real),
        in_advance=in_advance,
        by_filter=renyi.epsilon(charged, budget.delta),
        order=renyi.order,
        admits_more=renyi.admits([real[0].plan]),
    )


def _committed(runs: Sequence[RunRecord]) -> list[Event]:
    return [event for run in runs for event in run.committed()]


def _what_fits(renyi: RenyiFilter, held: Sequence[Event], plan: Event, budget: Budget) -> str:
    """Returns the least noise with which a plan of one mechanism would fit, and the ε of that run alone."""
    counts = mechanism_counts([plan])
    if len(counts) != 1 or not renyi.admits([*held, *_quieter(counts, _NO_NOISE_HELPS)]):
        return "plan fewer steps or more noise, or free what an abandoned run holds (`medsyngen ledger close`)"
    low, high = 1.0, _NO_NOISE_HELPS
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if renyi.admits([*held, *_quieter(counts, middle)]) else (middle, high)
    ((q, sigma), steps) = next(iter(counts.items()))
    noise = round_up(sigma * high, 4)
    alone = epsilon_spent([sampled_gaussian(q, noise, steps)], budget.delta)
    return (
        f"with a noise multiplier of {noise:g} instead of {sigma:g} it would fit: set the recipe's ε to at most "
        f"{_round_down(alone):g}; or free what an abandoned run holds (`medsyngen ledger close`)"
    )


def _quieter(counts: dict[tuple[float, float], int], factor: float) -> list[Event]:
    return [sampled_gaussian(q, sigma * factor, n) for (q, sigma), n in counts.items()]


def _round_down(value: float) -> float:
    text = f"{value:.6f}"
    return float(text[: text.index(".") + 4])
