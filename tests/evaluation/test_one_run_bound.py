"""The one-run bound: known figures, its laws, and mechanisms of known ε that it must not refute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from medsyngen.evaluation.one_run_bound import ceiling, epsilon_lower_bound, p_value

COUNTS = st.integers(0, 60).flatmap(lambda r: st.tuples(st.just(r), st.integers(0, r)))


def bound(m, r, v, delta=0.0, confidence=0.95):
    return epsilon_lower_bound(m, r, v, delta=delta, confidence=confidence)


@pytest.mark.parametrize(
    ("guesses", "epsilon"),
    [(10, 1.05), (20, 1.82), (50, 2.78), (100, 3.49), (200, 4.19), (500, 5.11), (1000, 5.81), (5000, 7.42)],
)
def test_the_known_ceilings(guesses, epsilon):
    assert ceiling(guesses, guesses, delta=0.0, confidence=0.95) == pytest.approx(epsilon, abs=0.006)


@pytest.mark.parametrize(
    ("right", "guesses", "epsilon"), [(60, 100, 0.05), (300, 500, 0.25), (600, 1000, 0.30), (700, 1000, 0.73)]
)
def test_known_figures_of_weak_attacks(right, guesses, epsilon):
    assert bound(guesses, guesses, right) == pytest.approx(epsilon, abs=0.006)


@given(COUNTS, st.integers(0, 30), st.floats(0, 6), st.sampled_from([0.0, 1e-6, 1e-3, 0.1]))
def test_the_p_value_is_the_formula_summed_term_by_term(counts, more, epsilon, delta):
    r, v = counts
    m, p = r + more, np.exp(epsilon) / (1 + np.exp(epsilon))
    mass = [binom.pmf(k, r, p) for k in range(r + 1)]
    alpha = max((sum(mass[max(0, v - i) : v]) / i for i in range(1, m + 1)), default=0.0)
    expected = min(1.0, sum(mass[v:]) + 2 * m * delta * alpha)
    assert p_value(m, r, v, epsilon=epsilon, delta=delta) == pytest.approx(expected, abs=1e-9)


@given(COUNTS, st.sampled_from([0.0, 1e-5, 1e-3]))
def test_more_right_guesses_prove_more(counts, delta):
    r, v = counts
    assert bound(70, r, max(0, v - 1), delta) <= bound(70, r, v, delta)


@given(COUNTS, st.floats(0, 1e-2), st.floats(0, 1e-2))
def test_a_larger_delta_proves_less(counts, one, other):
    r, v = counts
    assert bound(70, r, v, max(one, other)) <= bound(70, r, v, min(one, other)) + 1e-4


@given(COUNTS, st.floats(0.5, 0.9999), st.floats(0.5, 0.9999))
def test_more_confidence_proves_less(counts, one, other):
    r, v = counts
    assert bound(70, r, v, 1e-5, max(one, other)) <= bound(70, r, v, 1e-5, min(one, other)) + 1e-4


@given(COUNTS)
def test_the_bound_is_an_epsilon_that_was_refuted(counts):
    r, v = counts
    epsilon = bound(70, r, v, 1e-5)
    if epsilon > 0:
        assert p_value(70, r, v, epsilon=epsilon, delta=1e-5) <= 0.05
        assert p_value(70, r, v, epsilon=epsilon + 2e-4, delta=1e-5) > 0.05


def test_no_guess_and_no_right_guess_prove_nothing():
    assert bound(10, 0, 0) == bound(10, 10, 0) == bound(10, 10, 5) == 0.0
    assert p_value(10, 0, 0, epsilon=0.0, delta=0.0) == 1.0


@pytest.mark.parametrize("numbers", [(10, 11, 5), (10, 5, 6), (10, 5, -1)])
def test_impossible_counts_are_refused(numbers):
    with pytest.raises(ValueError, match="right <= guesses <= canaries"):
        p_value(*numbers, epsilon=1.0, delta=0.0)


@pytest.mark.parametrize("numbers", [(-0.1, 0.0), (float("nan"), 0.0), (1.0, 1.5), (1.0, -0.1)])
def test_impossible_epsilon_and_delta_are_refused(numbers):
    with pytest.raises(ValueError, match="epsilon"):
        p_value(10, 5, 5, epsilon=numbers[0], delta=numbers[1])
    with pytest.raises(ValueError, match="confidence"):
        bound(10, 5, 5, confidence=1.0)


def refuted_share(epsilon, delta, *, assumed_delta, m=100, repeats=20_000, confidence=0.999):
    """Randomised response of every coin, and with probability delta all coins in the open: (ε, δ)-private exactly."""
    rng = np.random.Generator(np.random.PCG64(1))
    right = rng.binomial(m, np.exp(epsilon) / (1 + np.exp(epsilon)), repeats)
    right[rng.random(repeats) < delta] = m
    bounds = np.array([bound(m, m, v, assumed_delta, confidence) for v in range(m + 1)])
    return float(np.mean(bounds[right] > epsilon)), float(np.mean(bounds[right]))


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 3.0])
def test_randomised_response_is_not_refuted_and_the_bound_is_not_idle(epsilon):
    share, _ = refuted_share(epsilon, 0.0, assumed_delta=0.0)
    assert share <= binom.ppf(1 - 1e-6, 20_000, 0.001) / 20_000
    _, typical = refuted_share(epsilon, 0.0, assumed_delta=0.0, m=1000, repeats=100)
    assert typical > 0.5 * epsilon - 0.1


def test_the_delta_term_is_needed_and_suffices():
    most = binom.ppf(1 - 1e-6, 20_000, 0.001) / 20_000
    assert refuted_share(0.5, 0.005, assumed_delta=0.005)[0] <= most
    assert refuted_share(0.5, 0.005, assumed_delta=0.0)[0] > most  # the mutant that forgets it
