"""Rounds of votes cost what the official library of Private Evolution says, for the settings of its examples."""

import math

import pytest

from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.events import Gaussian, SelfComposed

EXAMPLES = [  # noise, rounds, delta, and the epsilon that microsoft/DPSDA computes for them
    (5 * math.sqrt(2), 20, 1e-5, 2.594),
    (2 * math.sqrt(2), 29, 3e-6, 9.921),
    (2.1793, 19, 3e-6, 10.534),
    (2.0, 17, 1e-3, 7.890),
    (2.0, 13, 1e-3, 6.619),
    (10 * math.sqrt(2), 7, 1e-5, 0.674),
    (2 * math.sqrt(2), 5, 1e-5, 3.341),
    (2.1793, 11, 3e-6, 7.585),
]
NOISES = [  # epsilon, rounds, delta, and the noise that it computes for them
    (10.0, 4, 1.67e-6, 1.064),
    (1.0, 4, 1.67e-6, 8.238),
    (10.0, 7, 5.8e-7, 1.456),
    (1.0, 7, 5.8e-7, 11.47),
    (10.0, 6, 5.8e-7, 1.348),
    (1.0, 6, 5.8e-7, 10.62),
    (1.0, 5, 1e-5, 8.342),
    (1.0, 2, 1e-5, 5.276),
    (1.0, 4, 1e-5, 7.461),
]


@pytest.mark.parametrize(("noise", "rounds", "delta", "epsilon"), EXAMPLES)
def test_epsilon_of_the_examples(noise, rounds, delta, epsilon):
    spent = epsilon_spent([SelfComposed(Gaussian(noise), rounds)], delta)
    assert epsilon - 1e-3 <= spent <= epsilon + 2e-3  # published to three decimals; ours is rounded up


@pytest.mark.parametrize(("epsilon", "rounds", "delta", "noise"), NOISES)
def test_noise_of_the_examples(epsilon, rounds, delta, noise):
    found = calibrate_noise(Budget(epsilon, delta), sampling_rate=1.0, steps=rounds)
    assert found == pytest.approx(noise, rel=1e-3)


@pytest.mark.parametrize(("noise", "rounds", "delta"), [(5.0, 4, 1e-5), (1.2, 8, 1e-6), (20.0, 3, 1e-4)])
def test_rounds_are_one_gaussian_in_closed_form(noise, rounds, delta):
    """Balle and Wang 2018 (arXiv 1805.06530, theorem 8), with mu = sqrt(T) / sigma: exact, as the library computes."""
    epsilon = epsilon_spent([SelfComposed(Gaussian(noise), rounds)], delta)
    mu = math.sqrt(rounds) / noise

    def phi(x):
        return 0.5 * math.erfc(-x / math.sqrt(2))

    def exact(at):
        return phi(mu / 2 - at / mu) - math.exp(at) * phi(-mu / 2 - at / mu)

    assert exact(epsilon) <= delta  # never below the truth
    assert exact(epsilon * 0.999) > delta  # and at most a thousandth above it
