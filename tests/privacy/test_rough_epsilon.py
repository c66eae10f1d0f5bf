"""The rough ε is near the accountant's, whatever the setting: near enough to start a search."""

from __future__ import annotations

import math

import pytest

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled
from medsyngen.privacy.rough_epsilon import rough_epsilon

SETTINGS = [
    (0.0512, 0.55, 12, 4e-6),
    (0.5, 1.26, 12, 1e-5),
    (0.1, 2.2, 1000, 1e-6),
    (0.01, 1.0, 10_000, 1e-6),
    (0.001, 0.5, 20_000, 1e-6),
    (1.0, 30.0, 20, 1e-5),
    (0.6, 0.8, 1, 4e-6),
    (1.0, 0.5, 1, 1e-10),
    (0.5, 200.0, 500, 1e-5),
]


@pytest.mark.parametrize(("q", "sigma", "steps", "delta"), SETTINGS)
def test_it_is_within_half_a_percent(q, sigma, steps, delta):
    events = [sampled_gaussian(q, sigma, steps)]
    assert rough_epsilon(events, delta) == pytest.approx(epsilon_spent(events, delta), rel=5e-3)


def test_different_mechanisms_compose():
    events = [sampled_gaussian(0.2, 5.0, 300), Gaussian(6.0), sampled_gaussian(0.05, 2.0, 40)]
    exact = epsilon_spent(events, 1e-5)
    assert rough_epsilon(events, 1e-5) == pytest.approx(exact, rel=5e-3)
    assert rough_epsilon([Composed(tuple(events))], 1e-5) == rough_epsilon(events, 1e-5)
    assert rough_epsilon(events[:2], 1e-5) < exact


def test_nothing_costs_nothing_and_next_to_no_noise_costs_much():
    assert rough_epsilon([], 1e-5) == 0.0
    assert rough_epsilon([Gaussian(1e6)], 1e-5) == 0.0
    assert 100.0 < rough_epsilon([sampled_gaussian(0.5, 0.1, 10)], 1e-5) < math.inf
    assert rough_epsilon([sampled_gaussian(0.5, 0.01, 10)], 1e-5) > 700.0


def test_what_the_accountant_refuses_is_refused():
    with pytest.raises(BudgetRefused):
        rough_epsilon([PoissonSampled(0.1, PoissonSampled(0.1, Gaussian(1.0)))], 1e-5)
