"""Which runs are admitted: PLD for one fixed in advance, a Rényi filter for several; what abandoned runs leave."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import RECIPE, begin, new, pay

from medsyngen.errors import BudgetRefused
from medsyngen.privacy import admission
from medsyngen.privacy.accountant import epsilon_spent, fits
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Composed, Gaussian
from medsyngen.privacy.renyi_filter import RenyiFilter
from medsyngen.privacy.run_record import RunRecord

TEN = Budget(10.0, 1e-5)
ONE_RUN = sampled_gaussian(0.05, calibrate_noise(TEN, sampling_rate=0.05, steps=12), 12)  # takes all, by PLD
SMALL = sampled_gaussian(0.2, 8.0, 50)


def record(run, plan, *, charged=(), closed=False, order=None):
    order = order or RenyiFilter.of(TEN, [plan]).order
    return RunRecord(run, RECIPE, plan, order, False, list(charged), [], closed)


def test_a_first_run_may_use_the_whole_budget_as_computed_in_advance():
    assert not RenyiFilter.of(TEN, [ONE_RUN]).admits([ONE_RUN])
    assert fits([ONE_RUN], TEN)
    admission.check(TEN, [], ONE_RUN)


@pytest.mark.parametrize("closed", [False, True])
def test_after_a_run_that_fits_only_in_advance_none_is_admitted_ever(closed):
    """Also when it was given up early: whether it would be could depend on what it had released by then."""
    first = record(
        "a", ONE_RUN, charged=[sampled_gaussian(0.05, ONE_RUN.event.event.noise_multiplier, 1)], closed=closed
    )
    with pytest.raises(BudgetRefused, match="the one run ever"):
        admission.check(TEN, [first], Gaussian(1e4))


def test_a_run_given_up_before_its_first_charge_counts_for_nothing():
    assert admission.check(TEN, [record("a", ONE_RUN, closed=True)], SMALL) == RenyiFilter.of(TEN, [SMALL]).order
    assert admission.total(TEN, [record("a", ONE_RUN, closed=True)]).order is None


def test_later_runs_are_held_against_the_filter_of_the_first():
    first = record("a", SMALL, charged=[SMALL])
    wide = sampled_gaussian(0.5, 2.0, 100)
    assert admission.check(TEN, [first], SMALL) == first.order
    with pytest.raises(BudgetRefused) as refusal:
        admission.check(TEN, [first], wide)
    assert f"Rényi filter of order {first.order}" in refusal.value.what
    assert "ε = 10 at δ = 1e-5" in refusal.value.what


def test_the_refusal_says_what_would_fit_and_it_does():
    first, plan = record("a", SMALL, charged=[SMALL]), sampled_gaussian(0.5, 2.0, 100)
    with pytest.raises(BudgetRefused) as refusal:
        admission.check(TEN, [first], plan)
    words = refusal.value.do.split("noise multiplier of ")[1]
    noise, epsilon = float(words.split()[0]), float(words.split("at most ")[1].split(";")[0])
    admission.check(TEN, [first], sampled_gaussian(0.5, noise, 100))
    with pytest.raises(BudgetRefused):
        admission.check(TEN, [first], sampled_gaussian(0.5, noise * 0.99, 100))
    calibrated = calibrate_noise(Budget(epsilon, 1e-5), sampling_rate=0.5, steps=100)
    admission.check(TEN, [first], sampled_gaussian(0.5, calibrated, 100))


def test_what_is_reserved_is_held_and_what_was_given_back_is_not():
    half = sampled_gaussian(0.5, 2.7, 40)
    admission.check(TEN, [record("a", half)], SMALL)
    others = [record(name, half) for name in "ab"]
    renyi = RenyiFilter.at(others[0].order, TEN)
    assert renyi.admits([half, half])
    assert not renyi.admits([half, half, half])
    with pytest.raises(BudgetRefused):
        admission.check(TEN, others, half)
    others[1].closed = True
    admission.check(TEN, others, half)


def test_two_runs_that_each_fit_alone_do_not_fit_together():
    """Pitfall: a second release on the same patients counted as if the first had never been."""
    sigma = calibrate_noise(Budget(7.0, 1e-5), sampling_rate=0.2, steps=100)
    plan = sampled_gaussian(0.2, sigma, 100)
    admission.check(TEN, [], plan)
    with pytest.raises(BudgetRefused):
        admission.check(TEN, [record("a", plan, charged=[plan])], plan)


@settings(max_examples=6)  # each asks the slow accountant about a mix
@given(
    st.lists(
        st.tuples(st.floats(0.01, 1.0), st.floats(0.8, 40.0), st.integers(1, 60), st.booleans()), min_size=1, max_size=6
    )
)
def test_whatever_is_admitted_stays_within_the_budget_even_in_advance(wishes):
    """The filter is the stricter bound: had all admitted runs been fixed in advance, they would fit, too."""
    runs: list[RunRecord] = []
    for number, (q, sigma, steps, closes) in enumerate(wishes):
        plan = sampled_gaussian(q, sigma, steps)
        try:
            order = admission.check(TEN, runs, plan)
        except BudgetRefused:
            continue
        part = sampled_gaussian(q, sigma, max(1, steps // 2)) if closes else plan
        runs.append(record(str(number), plan, charged=[part], closed=closes, order=order))
    charged = [event for run in runs for event in run.charged]
    assert epsilon_spent(charged, TEN.delta) <= TEN.epsilon
    total = admission.total(TEN, runs)
    assert total.runs == len(runs)
    if len(runs) > 1:
        assert total.by_filter <= TEN.epsilon
        assert len({run.order for run in runs}) == 1


def test_the_filter_of_the_ledger_survives_reopening_and_mixed_plans(tmp_path):
    with new(tmp_path, TEN, reason=None, approved_by="x") as ledger:
        account = begin(ledger, Composed((SMALL, Gaussian(30.0))), "one")
        pay(account, 0, 10, sigma=8.0)
        begin(ledger, SMALL, "two")
        orders = {line["order"] for line in ledger.lines if line["kind"] == "reserve"}
        assert len(orders) == 1
        with pytest.raises(BudgetRefused):
            ledger.check_room(sampled_gaussian(0.5, 1.5, 100))
        assert ledger.total().runs == 1
