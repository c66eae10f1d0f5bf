"""The privacy profile errs upwards: against closed forms and against attacks that are known to be the best."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from medsyngen.privacy.accountant import delta_at, epsilon_spent
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.profile import PUBLIC_DELTAS, privacy_profile

NORMAL = NormalDist()
GAUSSIANS = [SelfComposed(Gaussian(8.0), 8)]
SAMPLED = [SelfComposed(PoissonSampled(0.05, Gaussian(1.0)), 200)]


def exact_delta(mu: float, epsilon: float) -> float:
    """Balle and Wang 2018, theorem 8: the Gaussian mechanism, exactly."""
    return NORMAL.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * NORMAL.cdf(-mu / 2 - epsilon / mu)


def one_step_delta(q: float, sigma: float, epsilon: float) -> float:
    """Largest P(S) - e^ε Q(S) of one Poisson-sampled step, by a fine sum over the noise; a patient is removed."""
    xs = [-12 * sigma + (1 + 24 * sigma) * (i + 0.5) / 200_000 for i in range(200_000)]
    width = xs[1] - xs[0]
    total = 0.0
    for x in xs:
        out = math.exp(-(x**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
        shifted = math.exp(-((x - 1) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
        total += max(0.0, (1 - q) * out + q * shifted - math.exp(epsilon) * out) * width
    return total


def test_of_gaussians_no_point_is_below_the_closed_form_nor_far_above_it() -> None:
    profile = privacy_profile(GAUSSIANS, 1e-5)
    mu = math.sqrt(8) / 8
    assert profile.gaussian is not None
    assert mu <= profile.gaussian <= mu * (1 + 1e-4)
    for epsilon, delta in profile.delta_of_epsilon:
        assert exact_delta(mu, epsilon) <= delta <= exact_delta(mu, epsilon) * (1 + 1e-4) + 1e-11
    for delta, epsilon in profile.epsilon_of_delta:
        assert exact_delta(mu, epsilon) <= delta


def test_of_one_sampled_step_no_point_is_below_the_integral() -> None:
    profile = privacy_profile([PoissonSampled(0.2, Gaussian(0.8))], 1e-4)
    assert profile.gaussian is None
    for epsilon, delta in profile.delta_of_epsilon[::8]:
        exact = one_step_delta(0.2, 0.8, epsilon)
        assert exact - 1e-9 <= delta <= exact * 1.01 + 1e-9


def test_each_point_is_the_accountants_own_rounded_up() -> None:
    profile = privacy_profile(SAMPLED, 1e-5)
    assert [delta for delta, _ in profile.epsilon_of_delta] == sorted(PUBLIC_DELTAS)
    for delta, epsilon in profile.epsilon_of_delta:
        assert epsilon_spent(SAMPLED, delta) <= epsilon <= epsilon_spent(SAMPLED, delta) * (1 + 1e-6)
    for epsilon, delta in profile.delta_of_epsilon:
        assert delta_at(SAMPLED, epsilon) <= delta


def test_the_profile_begins_at_zero_falls_and_ends_below_the_ledgers_delta() -> None:
    pairs = privacy_profile(SAMPLED, 1e-5).delta_of_epsilon
    assert pairs[0][0] == 0.0
    assert list(pairs) == sorted(pairs)
    deltas = [delta for _, delta in pairs]
    assert deltas == sorted(deltas, reverse=True)
    assert deltas[-1] <= 1.1e-6


@pytest.mark.parametrize("delta", [3e-6, 1e-5])
def test_the_ledgers_delta_is_among_those_stated(delta: float) -> None:
    assert delta in dict(privacy_profile(GAUSSIANS, delta).epsilon_of_delta)


def test_nothing_charged_costs_nothing() -> None:
    profile = privacy_profile([], 1e-5)
    assert profile.delta_of_epsilon == ((0.0, 0.0),)
    assert {epsilon for _, epsilon in profile.epsilon_of_delta} == {0.0}
    assert profile.gaussian == 0.0


def test_where_epsilon_has_no_end_everything_may_be_known() -> None:
    profile = privacy_profile([SelfComposed(PoissonSampled(0.5, Gaussian(0.05)), 100)], 1e-5)
    assert profile.delta_of_epsilon == ((0.0, 1.0),)
    assert {epsilon for _, epsilon in profile.epsilon_of_delta} == {math.inf}
