"""The Rényi filter: its divergences are the library's, its order is fixed in advance, its conversion is sound."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.privacy.accountant import dp_event, epsilon_by_renyi, epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Gaussian, PoissonSampled
from medsyngen.privacy.renyi_filter import RenyiFilter, conversion, renyi_divergence


@given(st.floats(1e-4, 1.0), st.floats(0.4, 50.0), st.sampled_from([2, 3, 5, 18, 64, 500]))
def test_the_divergence_is_that_of_dp_accounting_and_never_below_it(q, sigma, order):
    from dp_accounting import rdp

    oracle = rdp.RdpAccountant(orders=[order])
    oracle.compose(dp_event(PoissonSampled(q, Gaussian(sigma))))
    theirs = float(oracle._rdp[0])
    assert renyi_divergence(q, sigma, order) == pytest.approx(theirs, rel=1e-6, abs=1e-15)
    assert renyi_divergence(q, sigma, order) >= theirs * (1 - 1e-12)


def test_without_sampling_it_is_alpha_over_two_sigma_squared():
    assert renyi_divergence(1.0, 2.0, 6) == pytest.approx(6 / 8)
    assert renyi_divergence(1 - 1e-12, 2.0, 6) == pytest.approx(6 / 8, rel=1e-6)


@given(st.floats(0.1, 30.0), st.floats(1e-9, 1e-4), st.sampled_from([2, 4, 18, 100]))
def test_capacity_and_conversion_are_inverse(epsilon, delta, order):
    renyi = RenyiFilter.at(order, Budget(epsilon, delta))
    if renyi.capacity > 0:
        assert renyi.capacity + conversion(order, delta) == pytest.approx(epsilon)
    else:
        assert conversion(order, delta) >= epsilon
        assert not renyi.admits([Gaussian(1e3)])
        assert renyi.admits([])


@given(st.floats(0.02, 1.0), st.floats(0.7, 20.0), st.integers(1, 500))
def test_its_epsilon_is_an_upper_bound_on_that_of_privacy_loss_distributions(q, sigma, steps):
    event = sampled_gaussian(q, sigma, steps)
    renyi = RenyiFilter.of(Budget(8.0, 1e-5), [event])
    exact = epsilon_spent([event], 1e-5)
    if 0.1 <= exact < math.inf:
        assert exact <= epsilon_by_renyi([event], 1e-5) * (1 + 1e-9) <= renyi.epsilon([event], 1e-5) * (1 + 1e-6)


@given(st.floats(0.02, 1.0), st.floats(0.7, 20.0), st.integers(1, 500), st.floats(0.5, 30.0))
def test_no_other_order_admits_the_first_plan_more_often(q, sigma, steps, epsilon):
    event, budget = sampled_gaussian(q, sigma, steps), Budget(epsilon, 1e-5)

    def how_often(renyi):
        return renyi.capacity / renyi.divergence([event])

    best = RenyiFilter.of(budget, [event])
    assert all(how_often(RenyiFilter.at(order, budget)) <= how_often(best) * (1 + 1e-12) for order in range(2, 65))


def test_divergences_add_up_over_runs_whatever_their_order():
    a, b = sampled_gaussian(0.1, 2.0, 10), Gaussian(4.0)
    renyi = RenyiFilter.at(6, Budget(8.0, 1e-5))
    assert renyi.divergence([a, b]) == renyi.divergence([b, a]) == renyi.divergence([a]) + renyi.divergence([b])
    assert renyi.epsilon([], 1e-5) == 0.0


def test_the_best_order_chosen_afterwards_would_not_be_a_filter():
    """Pitfall: the order must not depend on what earlier releases led to; two paths choose two orders here."""
    budget = Budget(3.0, 1e-5)
    few_noisy, many_quiet = sampled_gaussian(0.01, 0.8, 5), sampled_gaussian(1.0, 30.0, 40)
    best = {RenyiFilter.of(budget, [event]).order for event in (few_noisy, many_quiet)}
    assert len(best) == 2
