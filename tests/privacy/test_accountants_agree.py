"""The accountant between what is certainly too little and what is certainly too much, and beside other accountants."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import dp_accounting
import pytest
from dp_accounting import pld
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from medsyngen.privacy.accountant import delta_at, dp_event, epsilon_by_renyi, epsilon_spent
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled, SelfComposed

DELTA = 1e-5
CLOSE = 0.01  # reported and optimistic PLD, relative
_BENCHMARK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "accountants.py"))
optimistic_epsilon, prv_epsilon = _BENCHMARK["optimistic_epsilon"], _BENCHMARK["prv_epsilon"]

GRID = [  # q, σ_DP, T
    (0.01, 0.5, 20),
    (0.01, 1.0, 1000),
    (0.05, 0.7, 60),
    (0.05, 1.1, 120),
    (0.1, 2.0, 1000),
    (0.3, 0.8, 20),
    (0.3, 6.0, 500),
    (0.1, 6.0, 1000),
    (0.02, 3.0, 1000),
    (0.2, 1.5, 100),
]


def steps(q, sigma, count):
    return SelfComposed(PoissonSampled(q, Gaussian(sigma)), count)


def in_between(q, sigma, count, delta, spent):
    """Whether an ε lies where a right one must: above the optimistic PLD, at most 1 % so, and below Rényi."""
    optimistic = optimistic_epsilon(q, sigma, count, delta, spent)
    return optimistic <= spent <= epsilon_by_renyi([steps(q, sigma, count)], delta) and spent <= optimistic * (
        1.0 + CLOSE
    )


@pytest.mark.parametrize(
    ("q", "sigma", "count"),
    [pytest.param(*g, marks=[pytest.mark.slow] if g[2] == 1000 else []) for g in GRID],
)
def test_between_the_optimistic_pld_and_renyi(q, sigma, count):
    spent = epsilon_spent([steps(q, sigma, count)], DELTA)
    assert spent >= 0.1
    assert in_between(q, sigma, count, DELTA, spent)


@settings(max_examples=6, deadline=None)
@given(
    st.floats(math.log(0.005), math.log(0.95)).map(math.exp),
    st.floats(math.log(0.5), math.log(10.0)).map(math.exp),
    st.integers(1, 60),
    st.sampled_from([1e-4, 1e-5, 2e-6, 1e-7]),
)
def test_between_them_wherever_epsilon_is_at_least_a_tenth(q, sigma, count, delta):
    rough = epsilon_by_renyi([steps(q, sigma, count)], delta)
    assume(0.2 <= rough < 50.0)
    assume((0.5 / sigma**2 + 10.0 / sigma) * count / (0.005 * rough) < 15_000)  # grid points: a quarter of a second
    spent = epsilon_spent([steps(q, sigma, count)], delta)
    assume(spent >= 0.1)
    assert in_between(q, sigma, count, delta, spent)


@pytest.mark.parametrize("factor", [0.985, 1.02, 1.2])
def test_an_epsilon_that_is_a_little_wrong_is_not_in_between(factor):
    q, sigma, count = 0.3, 0.8, 20
    spent = epsilon_spent([steps(q, sigma, count)], DELTA)
    assert in_between(q, sigma, count, DELTA, spent)
    assert not in_between(q, sigma, count, DELTA, spent * factor)


@pytest.mark.parametrize(("q", "sigma", "count"), GRID)
def test_opacus_prv_accountant_agrees_within_two_percent(q, sigma, count):
    spent = epsilon_spent([steps(q, sigma, count)], DELTA)
    assert spent == pytest.approx(prv_epsilon(q, sigma, count, DELTA, spent), rel=0.02)


@pytest.mark.parametrize(("q", "sigma", "count"), GRID[:4])
def test_dp_accountings_own_accountant_agrees(q, sigma, count):
    events = [steps(q, sigma, count), Gaussian(9.0)]
    accountant = pld.PLDAccountant(dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE, 1e-3)
    accountant.compose(dp_event(Composed(tuple(events))))
    assert epsilon_spent(events, DELTA) == pytest.approx(accountant.get_epsilon(DELTA), rel=1e-3)


def gaussian_delta(mu, epsilon):
    """δ(ε) of a Gaussian mechanism with σ = 1/μ, exactly (Balle and Wang 2018, theorem 8)."""
    tail = math.exp(epsilon + stats.norm.logcdf(-mu / 2 - epsilon / mu))
    return stats.norm.cdf(mu / 2 - epsilon / mu) - tail


@pytest.mark.parametrize(("mu", "count"), [(0.3, 10), (2.0, 1000), (2.0, 20_000)])
def test_never_below_the_closed_form_through_grid_and_transforms(mu, count):
    """q just below 1 goes through grid and Fourier transforms; its truth is at most 1e-9 from the closed form."""
    event = steps(1.0 - 1e-12, math.sqrt(count) / mu, count)
    for epsilon in (mu * mu / 2 + 2 * mu, mu * mu / 2 + 5 * mu):
        exact = gaussian_delta(mu, epsilon)
        assert exact * (1 - 1e-9) <= delta_at([event], epsilon) <= exact * 1.05 + 2e-12


@settings(max_examples=15, deadline=None)
@given(st.floats(0.3, 40.0), st.integers(1, 60), st.sampled_from([1e-3, 1e-5, 1e-9]))
def test_never_below_the_closed_form_of_the_plain_gaussian(sigma, count, delta):
    mu = math.sqrt(count) / sigma
    assume(mu < 12.0)
    exact = optimize.brentq(lambda epsilon: gaussian_delta(mu, epsilon) - delta, 0.0, 300.0, xtol=1e-12)
    for events in ([SelfComposed(Gaussian(sigma), count)], [Gaussian(sigma)] * count):
        assert exact * (1 - 1e-9) <= epsilon_spent(events, delta) <= exact * 1.005 + 1e-6
