"""Calibration ends on the private side, is the smallest, and refuses what can't fit."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.errors import BudgetRefused
from medsyngen.privacy import calibration
from medsyngen.privacy.accountant import epsilon_spent, fits
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import (
    calibrate_event,
    calibrate_noise,
    rough_noise,
    sampled_gaussian,
    steps_that_fit,
)
from medsyngen.privacy.events import Composed, Gaussian, SelfComposed


def one_unit_less(sigma):
    exact = Decimal(repr(sigma))
    return float(exact - Decimal(1).scaleb(exact.adjusted() - 3))


def check(budget, q, steps):
    sigma = calibrate_noise(budget, sampling_rate=q, steps=steps)
    assert len(Decimal(repr(sigma)).normalize().as_tuple().digits) <= 4
    assert epsilon_spent([sampled_gaussian(q, sigma, steps)], budget.delta) <= budget.epsilon
    assert not fits([sampled_gaussian(q, one_unit_less(sigma), steps)], budget)


@pytest.mark.parametrize(
    ("epsilon", "delta", "q", "steps"),
    [(0.1, 1e-5, 0.05, 1000), (1.0, 5e-5, 0.5, 500), (8.0, 1e-6, 0.3, 400), (1.0, 1e-5, 1.0, 20)],
)
def test_the_noise_fits_and_one_unit_less_does_not(epsilon, delta, q, steps):
    check(Budget(epsilon, delta), q, steps)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([0.1, 0.5, 1.0, 3.0, 8.0, 30.0]),
    st.sampled_from([0.01, 0.05, 0.25, 1.0]),
    st.integers(1, 800),
    st.sampled_from([1e-4, 1e-6]),
)
def test_the_noise_fits_whatever_the_setting(epsilon, q, steps, delta):
    check(Budget(epsilon, delta), q, steps)


def test_what_is_spent_already_leaves_less():
    budget, spent = Budget(2.0, 1e-5), [SelfComposed(Gaussian(12.0), 3)]
    alone = calibrate_noise(budget, sampling_rate=0.2, steps=100)
    beside = calibrate_noise(budget, sampling_rate=0.2, steps=100, other_events=spent)
    assert beside > alone
    assert fits([*spent, sampled_gaussian(0.2, beside, 100)], budget)
    assert not fits([*spent, sampled_gaussian(0.2, alone, 100)], budget)


def test_an_empty_purse_is_refused_with_what_would_fit():
    budget, spent = Budget(1.0, 1e-5), [Gaussian(1.0)]
    with pytest.raises(BudgetRefused) as refusal:
        calibrate_noise(budget, sampling_rate=0.05, steps=100, other_events=spent)
    assert refusal.value.exit_code == 5
    assert "nothing was charged" in refusal.value.do
    needed = float(refusal.value.do.split("ε above ")[1].split(",")[0])
    calibrate_noise(Budget(needed + 1.0, 1e-5), sampling_rate=0.05, steps=100, other_events=spent)


def test_a_purse_with_next_to_nothing_left_is_refused_not_searched_forever():
    spent = [Gaussian(4.0)]
    budget = Budget(math.nextafter(epsilon_spent(spent, 1e-5), math.inf), 1e-5)
    with pytest.raises(BudgetRefused, match="even a noise multiplier"):
        calibrate_noise(budget, sampling_rate=0.05, steps=100, other_events=spent)


def test_no_steps_is_a_mistake():
    with pytest.raises(ValueError, match="steps"):
        calibrate_noise(Budget(1.0, 1e-5), sampling_rate=0.1, steps=0)


def test_rounding_to_nearest_would_overspend():
    """The wrong rule rounds the exact root to the nearest four digits: here down, past the budget."""
    budget = Budget(0.1, 1e-5)
    sigma = calibrate_noise(budget, sampling_rate=0.05, steps=1000)
    low, high = one_unit_less(sigma), sigma
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (low, middle) if fits([sampled_gaussian(0.05, middle, 1000)], budget) else (middle, high)
    nearest = float(f"{high:.4g}")
    assert nearest < sigma
    assert not fits([sampled_gaussian(0.05, nearest, 1000)], budget)
    assert fits([sampled_gaussian(0.05, sigma, 1000)], budget)


def test_the_steps_that_fit_fit_and_one_more_does_not():
    budget = Budget(0.5, 1e-5)
    most = steps_that_fit(budget, sampling_rate=0.2, noise_multiplier=10.0, at_most=400)
    assert 0 < most < 400
    assert fits([sampled_gaussian(0.2, 10.0, most)], budget)
    assert not fits([sampled_gaussian(0.2, 10.0, most + 1)], budget)
    assert steps_that_fit(budget, sampling_rate=0.2, noise_multiplier=10.0, at_most=5) == 5
    assert steps_that_fit(Budget(0.01, 1e-5), sampling_rate=0.5, noise_multiplier=0.5, at_most=5) == 0


@pytest.fixture
def evaluations(monkeypatch):
    """Every σ that the accountant was asked for."""
    asked = []
    exact = calibration.epsilon_spent

    def counted(events, delta):
        asked.append(events[-1].event.event.noise_multiplier)
        return exact(events, delta)

    monkeypatch.setattr(calibration, "epsilon_spent", counted)
    return asked


@pytest.mark.parametrize(
    ("epsilon", "delta", "q", "steps"), [(8.0, 4e-6, 0.0512, 12), (8.0, 1e-6, 0.1, 1000), (1.0, 1e-5, 1.0, 20)]
)
def test_the_slow_accountant_is_asked_three_times_at_most(evaluations, epsilon, delta, q, steps):
    sigma = calibrate_noise(Budget(epsilon, delta), sampling_rate=q, steps=steps)
    assert len(evaluations) <= 3
    assert {sigma, one_unit_less(sigma)} <= set(evaluations)
    rough = rough_noise(Budget(epsilon, delta), sampling_rate=q, steps=steps)
    assert rough == pytest.approx(sigma, rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "slope"), [(0.02, -1.0), (0.7, -50.0), (0.999, -0.01), (1.003, -50.0), (1.5, -50.0), (40.0, -1.0)]
)
def test_a_wrong_start_ends_at_the_same_noise(evaluations, monkeypatch, wrong, slope):
    """What finds the place has no say: not even a start and a slope that are far off."""
    budget, rough = Budget(1.0, 1e-5), calibration._root
    right = calibrate_noise(budget, sampling_rate=0.5, steps=100)
    evaluations.clear()
    monkeypatch.setattr(calibration, "_root", lambda *a: (rough(*a)[0] * wrong, slope))
    assert calibrate_noise(budget, sampling_rate=0.5, steps=100) == right
    assert len(evaluations) <= 40


def votes_and_steps(ratio, rounds, q, steps):
    """A run of two parts: rounds of votes with ratio times the noise of so many sampled steps."""
    return lambda z: Composed((SelfComposed(Gaussian(ratio * z), rounds), sampled_gaussian(q, z, steps)))


@pytest.mark.parametrize(
    ("epsilon", "delta", "ratio", "rounds", "q", "steps"),
    [(1.0, 1e-5, 1.0, 4, 0.4, 12), (8.0, 4e-6, 3.0, 6, 0.05, 300), (3.0, 1e-5, 0.2, 1, 1.0, 40)],
)
def test_a_run_of_two_parts_fits_as_a_whole_and_one_unit_less_does_not(epsilon, delta, ratio, rounds, q, steps):
    budget, event_of = Budget(epsilon, delta), votes_and_steps(ratio, rounds, q, steps)
    z = calibrate_event(budget, event_of)
    assert len(Decimal(repr(z)).normalize().as_tuple().digits) <= 4
    assert epsilon_spent([event_of(z)], delta) <= epsilon
    assert not fits([event_of(one_unit_less(z))], budget)
    # each part calibrated as if it were alone takes all of the budget: together they do not fit
    alone = calibrate_noise(budget, sampling_rate=q, steps=steps)
    assert z > alone
    assert not fits([event_of(alone)], budget)


@pytest.mark.parametrize("guess", [1e-3, 0.7, 900.0])
def test_where_the_search_begins_has_no_say(guess):
    budget, event_of = Budget(2.0, 1e-5), votes_and_steps(0.5, 3, 0.3, 20)
    assert calibrate_event(budget, event_of, guess=guess) == calibrate_event(budget, event_of)


def test_a_run_of_two_parts_beside_what_was_spent():
    budget, spent, event_of = Budget(2.0, 1e-5), [SelfComposed(Gaussian(12.0), 3)], votes_and_steps(1.0, 4, 0.4, 12)
    beside = calibrate_event(budget, event_of, other_events=spent)
    assert beside > calibrate_event(budget, event_of)
    assert fits([*spent, event_of(beside)], budget)
    with pytest.raises(BudgetRefused, match="the other events alone"):
        calibrate_event(budget, event_of, other_events=[Gaussian(1.0)])
