"""The verifier's own accountant against the one that writes reports, the closed form, and Google's library."""

import cmath
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed, to_json
from medsyngen.privacy.renyi_filter import renyi_divergence
from medsyngen.verification import epsilon_check
from medsyngen.verification.events import counts_of
from medsyngen.verification.findings import Unreadable
from medsyngen.verification.loss_distribution import epsilon_by_losses, fourier, step_losses
from medsyngen.verification.outside_accountant import epsilon_by_dp_accounting
from medsyngen.verification.renyi import divergence, renyi_epsilon

CASES = [
    ({(0.25, 0.7): 5}, 1e-5),
    ({(0.01, 1.0): 1000}, 1e-6),
    ({(1.0, 3.0): 10}, 1e-5),
    ({(0.01, 0.6): 2}, 1e-5),
    ({(0.02, 0.8): 300, (1.0, 5.0): 4}, 1e-7),
    ({(0.05, 0.6): 200}, 1e-9),
]


def events_of(counts):
    return [SelfComposed(PoissonSampled(q, Gaussian(sigma)), times) for (q, sigma), times in counts.items()]


@pytest.mark.parametrize(
    ("counts", "delta"),
    [*CASES[1:3], *(pytest.param(*case, marks=pytest.mark.slow) for case in (CASES[0], *CASES[3:]))],
)
def test_it_agrees_with_the_accountant_of_the_report(counts, delta):
    events = events_of(counts)
    assert counts_of(map(to_json, events)) == counts
    told, afresh, bound = epsilon_spent(events, delta), epsilon_by_losses(counts, delta), renyi_epsilon(counts, delta)
    assert told * 0.999 <= afresh <= told * 1.005
    assert told < bound
    assert renyi_epsilon({}, delta) == epsilon_by_losses({}, delta) == 0


def test_the_library_agrees_where_it_is_installed():
    counts, delta = {(1.0, 3.0): 10}, 1e-5
    assert epsilon_by_dp_accounting(counts, delta) == pytest.approx(epsilon_by_losses(counts, delta), rel=1e-3)


def test_too_much_is_infinite():
    assert epsilon_by_losses({(1.0, 0.01): 5}, 1e-5) == math.inf


@given(
    q=st.floats(1e-4, 1.0),
    sigma=st.floats(0.4, 20.0),
    order=st.integers(2, 128),
)
def test_the_closed_form_is_that_of_the_filter(q, sigma, order):
    assert divergence(q, sigma, order) == pytest.approx(renyi_divergence(q, sigma, order), rel=1e-6, abs=1e-12)


@given(q=st.floats(0.001, 1.0), sigma=st.floats(0.4, 10.0), adding=st.booleans())
def test_the_loss_of_a_step_is_a_distribution_that_dominates(q, sigma, adding):
    """Under both neighbours no mass is lost, and the expected e^-loss is at most 1."""
    h = 0.01
    masses, infinite = step_losses(q, sigma, h, adding)
    assert math.fsum(masses.values()) + infinite == pytest.approx(1.0, abs=1e-12)
    assert all(mass >= 0 for mass in masses.values())
    assert math.fsum(mass * math.exp(-j * h) for j, mass in masses.items()) <= 1 + 1e-9


@given(st.lists(st.complex_numbers(max_magnitude=10), min_size=8, max_size=8))
def test_the_fourier_transform_is_its_definition(values):
    slow = [sum(v * cmath.exp(-2j * math.pi * j * k / 8) for k, v in enumerate(values)) for j in range(8)]
    assert all(abs(a - b) < 1e-9 for a, b in zip(fourier(values), slow, strict=True))


@pytest.mark.parametrize(
    "event",
    [
        {"type": "laplace", "scale": 1.0},
        {"type": "gaussian"},
        {"type": "gaussian", "noise_multiplier": 0.0},
        {"type": "gaussian", "noise_multiplier": "1"},
        {"type": "poisson_sampled", "sampling_probability": 1.5, "event": {"type": "gaussian", "noise_multiplier": 1}},
        {"type": "poisson_sampled", "sampling_probability": 0.5, "event": {"type": "composed", "events": []}},
        {"type": "self_composed", "count": -1, "event": {"type": "gaussian", "noise_multiplier": 1.0}},
        {"type": "self_composed", "count": True, "event": {"type": "gaussian", "noise_multiplier": 1.0}},
        None,
    ],
)
def test_an_event_that_is_not_understood_is_refused(event):
    with pytest.raises(Unreadable):
        counts_of([event])


def test_nesting_without_end_is_refused():
    event = {"type": "gaussian", "noise_multiplier": 1.0}
    for _ in range(40):
        event = {"type": "composed", "events": [event]}
    with pytest.raises(Unreadable):
        counts_of([event])


@pytest.mark.parametrize(("claimed", "holds"), [(1.0, True), (0.98, False), (1.02, False), (0.1, False), (9.0, False)])
def test_a_figure_that_is_off_by_more_than_a_hundredth_fails(claimed, holds):
    counts, delta = {(1.0, 3.0): 10}, 1e-5
    told = claimed * epsilon_by_losses(counts, delta)
    event = to_json(SelfComposed(Gaussian(3.0), 10))
    ledger = {"run": "a", "lines": [{"kind": "charge", "run": "a", "event": event}]}
    report = {"ledger": ledger, "guarantee": {"epsilon": told, "delta": delta}}
    first = next(epsilon_check.epsilon_findings(report))
    assert (first.verdict == "holds") is holds
