"""The accountant against our own numerical integration, and its laws; other accountants: test_accountants_agree."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import (
    delta_at,
    epsilon_by_renyi,
    epsilon_sketch,
    epsilon_spent,
    fits,
    mechanism_counts,
)
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled, SelfComposed, to_json

DELTA = 1e-5


def steps(q, sigma, count):
    return SelfComposed(PoissonSampled(q, Gaussian(sigma)), count)


def recomputed(events_as_json, delta):
    """ε from the raw JSON by direct integration, sharing nothing with the accountant but NumPy and SciPy.

    The privacy loss of one Poisson-sampled Gaussian step, P = (1-q) N(0, σ²) + q N(1, σ²) against Q = N(0, σ²), both
    ways round, put on a grid by its distribution function, composed by powers of its Fourier transform.
    """
    counts = {}

    def walk(event, times):
        kind = event["type"]
        if kind == "composed":
            for inner in event["events"]:
                walk(inner, times)
        elif kind == "self_composed":
            walk(event["event"], times * event["count"])
        elif kind == "poisson_sampled":
            key = (event["sampling_probability"], event["event"]["noise_multiplier"])
            counts[key] = counts.get(key, 0) + times
        else:
            key = (1.0, event["noise_multiplier"])
            counts[key] = counts.get(key, 0) + times

    for event in events_as_json:
        walk(event, 1)
    size, half_width = 2**18, 40.0
    grid = (np.arange(size) - size // 2) * (2 * half_width / size)

    def one_way(added):
        product = np.ones(size // 2 + 1, dtype=complex)
        for (q, sigma), count in counts.items():
            x = np.linspace(-12 * sigma, 1 + 12 * sigma, 200_001)
            loss = np.log1p(q * np.expm1((2 * x - 1) / (2 * sigma**2)))  # ln P/Q, rising in x
            mass = (1 - q) * np.diff(stats.norm.cdf(x, 0, sigma)) + q * np.diff(stats.norm.cdf(x, 1, sigma))
            if added:
                loss, mass = -loss, np.diff(stats.norm.cdf(x, 0, sigma))
            middle = 0.5 * (loss[1:] + loss[:-1])
            place = (middle + half_width) / (2 * half_width) * size
            low = np.floor(place).astype(int)
            keep = (low >= 0) & (low < size - 1)
            share = place - low  # linear between neighbours keeps the mean
            density = np.bincount(low[keep], ((1 - share) * mass)[keep], size)
            density += np.bincount(low[keep] + 1, (share * mass)[keep], size)
            product *= np.fft.rfft(np.fft.ifftshift(density)) ** count
        composed = np.fft.fftshift(np.fft.irfft(product, size))

        def excess(epsilon):
            above = grid > epsilon
            return float(np.sum(-np.expm1(epsilon - grid[above]) * composed[above]))

        low, high = 0.0, half_width
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if excess(middle) <= delta else (middle, high)
        return high

    return max(one_way(False), one_way(True))


@pytest.mark.parametrize(
    "events",
    [
        [steps(0.05, 1.1, 120)],
        [steps(0.1, 2.0, 500), steps(0.1, 2.0, 500)],
        [steps(0.02, 1.0, 300), Gaussian(8.0), SelfComposed(Gaussian(20.0), 3)],
        [Composed((steps(0.2, 3.0, 100), steps(0.05, 1.5, 50)))],
    ],
)
def test_an_independent_computation_from_the_raw_json_agrees(events):
    raw = json.loads(json.dumps([to_json(event) for event in events]))
    assert recomputed(raw, DELTA) == pytest.approx(epsilon_spent(events, DELTA), rel=2e-3)


def test_nothing_spent_is_zero():
    assert epsilon_spent([], DELTA) == 0.0
    assert epsilon_spent([steps(0.1, 1.0, 0), Composed(())], DELTA) == 0.0
    assert delta_at([], 0.0) == 0.0


@pytest.mark.parametrize(
    "event",
    [
        PoissonSampled(0.1, PoissonSampled(0.5, Gaussian(1.0))),
        PoissonSampled(0.1, SelfComposed(Gaussian(1.0), 3)),
        PoissonSampled(0.1, Composed((Gaussian(1.0),))),
    ],
)
def test_an_event_without_a_sound_bound_is_refused(event):
    for function in (epsilon_spent, epsilon_sketch, epsilon_by_renyi):
        with pytest.raises(BudgetRefused) as refusal:
            function([steps(0.1, 1.0, 3), SelfComposed(event, 2)], DELTA)
        assert refusal.value.exit_code == 5


@pytest.mark.parametrize("delta", [0.0, 1e-11, 1.0, math.nan])
def test_a_delta_that_is_not_resolved_is_refused(delta):
    with pytest.raises(BudgetRefused):
        epsilon_spent([steps(0.1, 1.0, 3)], delta)


@pytest.mark.parametrize("event", [steps(0.5, 0.01, 3), steps(0.3, 0.3, 1000), Gaussian(1e-6)])
def test_hopeless_noise_is_infinite_not_a_failure(event):
    assert epsilon_spent([event], DELTA) == math.inf
    assert delta_at([event], 1.0) == 1.0 or delta_at([event], 1.0) > 0.99
    assert not fits([event], Budget(1e6, DELTA))


RATES = st.sampled_from([0.01, 0.05, 0.2, 1.0])
SIGMAS = st.sampled_from([0.8, 1.5, 4.0])
COUNTS = st.integers(1, 400)
quick = settings(max_examples=6, deadline=None)


@quick
@given(st.lists(st.tuples(RATES, SIGMAS, COUNTS), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_order_and_blocks_do_not_change_epsilon(runs, rng: random.Random):
    whole = [steps(q, sigma, count) for q, sigma, count in runs]
    pieces = []
    for q, sigma, count in runs:
        while count:
            block = rng.randint(1, count)
            pieces.append(rng.choice([steps(q, sigma, block), Composed((steps(q, sigma, block),))]))
            count -= block
    rng.shuffle(pieces)
    assert mechanism_counts(pieces) == mechanism_counts(whole)
    assert epsilon_spent(pieces, DELTA) == pytest.approx(epsilon_spent(whole, DELTA), rel=1e-6)


def test_thirty_blocks_of_ten_cost_what_one_of_three_hundred_costs():
    blocks = [steps(0.05, 1.1, 10) for _ in range(30)]
    assert epsilon_spent(blocks, DELTA) == epsilon_spent([steps(0.05, 1.1, 300)], DELTA)


@quick
@given(RATES, SIGMAS, COUNTS, st.sampled_from(["steps", "rate", "sigma", "other"]))
def test_more_steps_larger_samples_or_less_noise_never_lower_epsilon(q, sigma, count, change):
    event = steps(q, sigma, count)
    more = {
        "steps": [steps(q, sigma, count + 1)],
        "rate": [steps(min(1.0, q * 1.05), sigma, count)],
        "sigma": [steps(q, sigma * 0.97, count)],
        "other": [event, steps(0.05, 8.0, 10)],
    }[change]
    assert epsilon_spent([event], DELTA) <= epsilon_spent(more, DELTA) * (1 + 1e-12)


@quick
@given(RATES, SIGMAS, COUNTS)
def test_epsilon_and_delta_are_each_others_inverse_and_the_sketch_is_above(q, sigma, count):
    events = [steps(q, sigma, count)]
    spent = epsilon_spent(events, DELTA)
    assert delta_at(events, spent) == pytest.approx(DELTA, rel=1e-6)
    assert spent <= epsilon_sketch(events, DELTA) * (1 + 1e-9) <= spent * 1.05 + 0.01
    assert epsilon_spent(events, DELTA / 10) > spent


def test_pitfall_epsilon_by_the_central_limit_theorem_under_reports():
    """A wrong accountant that has been published: μ = q √(T (e^{1/σ²} - 1)) taken for a Gaussian mechanism."""
    q, sigma, count = 0.01, 0.5, 200
    mu = q * math.sqrt(count * math.expm1(1 / sigma**2))

    def delta(epsilon):
        return stats.norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * stats.norm.cdf(-mu / 2 - epsilon / mu)

    epsilons = np.linspace(0.0, 20.0, 2_001)
    wrong = epsilons[np.argmax([delta(epsilon) <= DELTA for epsilon in epsilons])]
    truth = recomputed([to_json(steps(q, sigma, count))], DELTA)
    assert wrong < 0.9 * truth <= epsilon_spent([steps(q, sigma, count)], DELTA) * 1.002
