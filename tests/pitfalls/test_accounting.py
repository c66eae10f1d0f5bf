"""Pitfalls of accounting: runs that forget each other, an order chosen afterwards, accountants below the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from unittest import mock

from dp_accounting.pld import privacy_loss_distribution
from ledgers import RECIPE, begin, new
from scipy import optimize
from scipy.stats import norm
from watched import fresh, judge

from medsyngen.errors import BudgetRefused
from medsyngen.privacy import admission
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.renyi_filter import RenyiFilter

# --- a second release on the same patients counted as if the first had never been

TEN = Budget(10.0, 1e-5)
SEVEN = sampled_gaussian(0.2, calibrate_noise(Budget(7.0, 1e-5), sampling_rate=0.2, steps=100), 100)


def law_of_one_budget(spend: Callable[[Path, str], None], folder: Path) -> None:
    """However often one asks for ε = 7 of 10: everything let through together stays within 10."""
    place, through = fresh(folder), []
    for name in ("one", "two", "three"):
        try:
            spend(place, name)
        except BudgetRefused:
            continue
        through.append(SEVEN)
    assert len(through) >= 1
    assert epsilon_spent(through, TEN.delta) <= TEN.epsilon


def in_one_ledger(place: Path, name: str) -> None:
    path = place / "ledger.jsonl"
    with Ledger.open(path) if path.exists() else new(place, TEN) as ledger:
        account = begin(ledger, SEVEN, name)
        account.charge(SEVEN, purpose=name, block=(0, 100))


def in_a_ledger_each(place: Path, name: str) -> None:
    (place / name).mkdir()
    in_one_ledger(place / name, name)


def each_against_the_budget_alone(place: Path, name: str) -> None:
    real = admission.check
    with mock.patch.object(admission, "check", lambda budget, runs, plan: real(budget, [], plan)):
        in_one_ledger(place, name)


RELEASES = {"a ledger for each": in_a_ledger_each, "each held against the budget alone": each_against_the_budget_alone}


def test_a_second_release_counted_as_if_the_first_had_never_been(tmp_path):
    judge(lambda spend: law_of_one_budget(spend, tmp_path), in_one_ledger, RELEASES)


# --- an order of the Rényi filter chosen afterwards


def law_of_the_order(check: Callable) -> None:
    """Of all that is admitted, one after another, the divergences of one order, known at the first, fit together."""
    few, budget, runs = sampled_gaussian(0.01, 0.8, 5), Budget(3.0, 1e-5), []
    first = RenyiFilter.of(budget, [few])
    for number, plan in enumerate([few, *[sampled_gaussian(1.0, 10.0, 1)] * 60]):
        try:
            order = check(budget, runs, plan)
        except BudgetRefused:
            break
        runs.append(admission.RunRecord(str(number), RECIPE, plan, order, False, [plan]))
    assert len(runs) > 5
    assert {run.order for run in runs} == {first.order}
    assert first.divergence([run.plan for run in runs]) <= first.capacity


def the_best_order_each_time(budget, runs, plan) -> int:
    events = [*(run.plan for run in runs), plan]
    best = RenyiFilter.of(budget, events)
    if not best.admits(events):
        raise BudgetRefused("full", do="stop")
    return best.order


ORDERS = {"the best order each time": the_best_order_each_time}


def test_an_order_of_the_renyi_filter_chosen_afterwards():
    judge(law_of_the_order, admission.check, ORDERS)


# --- accountants below the truth


def law_of_the_optimistic_bound(accountant: Callable[[float, float, int, float], float]) -> None:
    """ε is never below a lower bound on the true one: losses rounded down on a grid, composed exactly."""
    for q, sigma, steps in ((0.05, 1.1, 120), (0.01, 0.5, 200), (0.0683, 1.13, 733)):
        assert accountant(q, sigma, steps, 1e-6) >= at_least(q, sigma, steps, 1e-6)


@lru_cache
def at_least(q: float, sigma: float, steps: int, delta: float) -> float:
    one = privacy_loss_distribution.from_gaussian_mechanism(
        sigma, pessimistic_estimate=False, value_discretization_interval=1e-3, sampling_prob=q, use_connect_dots=False
    )
    return float(one.self_compose(steps).get_epsilon_for_delta(delta))


def by_the_central_limit(q: float, sigma: float, steps: int, delta: float) -> float:
    mu = q * math.sqrt(steps * math.expm1(1 / sigma**2))

    def excess(epsilon: float) -> float:
        return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu) - delta

    return float(optimize.brentq(excess, 0.0, 50.0))


def by_leading_terms(q: float, sigma: float, steps: int, delta: float) -> float:
    """The moments accountant's formula with its constant taken for 1."""
    return q * math.sqrt(steps * math.log(1 / delta)) / sigma


ACCOUNTANTS = {"central limit (Gaussian DP)": by_the_central_limit, "leading terms only": by_leading_terms}


def test_accountants_below_the_truth():
    judge(
        law_of_the_optimistic_bound,
        lambda q, sigma, steps, delta: epsilon_spent([sampled_gaussian(q, sigma, steps)], delta),
        ACCOUNTANTS,
    )
