"""What an attacker can reach is never understated: against exact curves, a real attack, and by laws."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.profile import privacy_profile
from medsyngen.report import trade_off

NORMAL = NormalDist()
MU = 1.3


def gaussian_pairs(count: int) -> list[tuple[float, float]]:
    """Exact points of the Gaussian mechanism (Balle and Wang 2018, theorem 8)."""
    epsilons = [6.0 * i / count for i in range(count + 1)]
    return [(e, NORMAL.cdf(MU / 2 - e / MU) - math.exp(e) * NORMAL.cdf(-MU / 2 - e / MU)) for e in epsilons]


PAIRS = gaussian_pairs(40)
alphas = st.floats(0.0, 1.0)
pairs = st.lists(st.tuples(st.floats(0.0, 12.0), st.floats(0.0, 1.0)), min_size=1, max_size=8)


@given(alphas)
def test_the_curve_is_below_the_exact_one_and_near_it(alpha: float) -> None:
    exact = trade_off.gaussian_misses(MU, alpha)
    assert exact - 0.01 <= trade_off.misses_at_least(PAIRS, alpha) <= exact + 1e-12


def test_the_curve_of_a_gaussian_is_that_of_its_likelihood_ratio_test() -> None:
    rng = np.random.default_rng(3)
    out, found = rng.standard_normal(400_000), rng.standard_normal(400_000) + MU
    for alpha in (0.01, 0.1, 0.5):
        misses = np.mean(found <= np.quantile(out, 1 - alpha))
        assert trade_off.misses_at_least(PAIRS, alpha) <= misses + 0.003
        assert trade_off.gaussian_misses(MU, alpha) == pytest.approx(misses, abs=0.005)


def test_no_attack_on_a_sampled_step_beats_the_stated_numbers() -> None:
    """The likelihood-ratio test is the best there is (Neyman, Pearson); it may do no better than is stated."""
    q, sigma = 0.3, 0.7
    stated = privacy_profile([PoissonSampled(q, Gaussian(sigma))], 1e-5).delta_of_epsilon
    grid = [-6.0 + 14.0 * i / 4000 for i in range(4001)]
    out = [1 - NORMAL.cdf(x / sigma) for x in grid]
    found = [(1 - q) * o + q * (1 - NORMAL.cdf((x - 1) / sigma)) for o, x in zip(out, grid, strict=True)]
    for alpha, hits in zip(out, found, strict=True):
        assert hits <= trade_off.hits_at_most(stated, alpha) + 1e-9  # told to be in where it was removed
        assert trade_off.misses_at_least(stated, 1 - hits) <= alpha + 1e-9  # and the other way round
    right = max((hits + 1 - alpha) / 2 for alpha, hits in zip(out, found, strict=True))
    bound = trade_off.guessed_right_at_most(stated)
    assert right <= bound <= right + 1e-4


@given(pairs, alphas, alphas)
def test_the_curve_falls_is_convex_and_no_more_than_a_coin(points, one: float, other: float) -> None:
    f = trade_off.misses_at_least
    low, high = sorted((one, other))
    assert f(points, high) <= f(points, low) + 1e-12
    assert f(points, (low + high) / 2) <= (f(points, low) + f(points, high)) / 2 + 1e-12
    assert 0.0 <= f(points, low) <= 1.0 - low + 1e-12


@given(pairs, alphas)
def test_leaving_points_out_only_helps_the_attacker(points, alpha: float) -> None:
    assert trade_off.misses_at_least(points[:1], alpha) <= trade_off.misses_at_least(points, alpha)


@given(pairs, alphas)
def test_what_is_stated_is_rounded_to_the_safe_side(points, alpha: float) -> None:
    exact = trade_off.misses_at_least(points, alpha)
    assert exact - 1.1e-6 <= trade_off.stated_misses(points, alpha) <= exact + 2e-13
    assert 1 - exact - 2e-13 <= trade_off.hits_at_most(points, alpha) <= 1 - exact + 1.1e-6


@given(pairs)
def test_between_two_corners_the_curve_is_straight(points) -> None:
    bends = trade_off.corners(points)
    assert bends == sorted(bends)
    for left, right in pairwise(bends):
        ends = trade_off.misses_at_least(points, left) + trade_off.misses_at_least(points, right)
        assert trade_off.misses_at_least(points, (left + right) / 2) == pytest.approx(ends / 2, abs=1e-9)


@given(pairs, st.floats(0.01, 5.0), st.floats(0.0, 0.3), alphas)
def test_a_gaussian_that_covers_is_below_everywhere(points, mu: float, slack: float, alpha: float) -> None:
    if trade_off.covers(mu, slack, points):
        assert trade_off.gaussian_misses(mu, alpha) - slack <= trade_off.misses_at_least(points, alpha) + 1e-9
    else:
        worst = max(
            trade_off.gaussian_misses(mu, a) - slack - trade_off.misses_at_least(points, a)
            for a in trade_off.corners(points)
        )
        assert worst > -1e-11


def test_the_smallest_mu_is_the_gaussians_own_but_for_the_corners_cut() -> None:
    found = trade_off.smallest_mu(1e-4, gaussian_pairs(300))
    assert found is not None
    assert MU - 5e-3 <= found <= MU * 1.01


def test_a_smaller_mu_than_the_smallest_does_not_cover() -> None:
    profile = privacy_profile([SelfComposed(PoissonSampled(0.1, Gaussian(1.2)), 100)], 1e-5).delta_of_epsilon
    found = trade_off.smallest_mu(1e-5, profile)
    assert found is not None
    assert trade_off.covers(found, 1e-5, profile)
    assert not trade_off.covers(found - 1e-4, 1e-5, profile)


def test_where_nothing_is_protected_there_is_no_such_mu() -> None:
    assert trade_off.smallest_mu(1e-5, [(0.0, 1.0)]) is None
    assert trade_off.hits_at_most([(0.0, 1.0)], 0.01) == 1.0
    assert trade_off.guessed_right_at_most([(0.0, 1.0)]) == 1.0


def test_nothing_spent_leaves_a_coin() -> None:
    assert trade_off.guessed_right_at_most([(0.0, 0.0)]) == 0.5
    assert [trade_off.hits_at_most([(0.0, 0.0)], a) for a in (0.001, 0.01, 0.3)] == [0.001, 0.01, 0.3]
    assert trade_off.smallest_mu(0.0, [(0.0, 0.0)]) is None
