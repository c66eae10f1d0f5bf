"""The bound on μ: Clopper and Pearson's shares by another library, and a coverage that holds."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from medsyngen.evaluation.gaussian_bound import mu_ceiling, mu_lower_bound, upper_share


@pytest.mark.parametrize(("count", "of"), [(0, 10), (3, 10), (9, 10), (70, 500)])
def test_the_share_is_the_one_at_which_so_few_are_just_as_rare_as_the_risk(count, of):
    assert binom.cdf(count, of, upper_share(count, of, 0.01)) == pytest.approx(0.01)


def test_all_of_them_bound_nothing():
    assert upper_share(7, 7, 0.01) == 1.0
    assert mu_lower_bound(np.zeros(9), np.zeros(9), [0.5], confidence=0.95) == 0.0


def test_the_bound_is_seldom_above_the_truth_and_close_to_it():
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        inside, outside = rng.normal(1, 1, 2000), rng.normal(0, 1, 2000)
        found.append(mu_lower_bound(inside, outside, [-0.5, 0.5, 1.5], confidence=0.9))
    assert np.mean(np.array(found) > 1.0) <= 0.1
    assert np.median(found) > 0.8


def test_whatever_the_law_of_the_statistic():
    """An atom: alarms never, misses half of the time."""
    inside, outside = np.repeat([0.0, 2.0], 500), np.zeros(1000)
    bound = mu_lower_bound(inside, outside, [1.0], confidence=0.95)
    alarms, misses = 1 - 0.025 ** (1 / 1000), upper_share(500, 1000, 0.025)
    assert bound == pytest.approx(-norm.ppf(alarms) - norm.ppf(misses))


def test_more_runs_can_show_more():
    assert mu_ceiling(100, 3, confidence=0.95) < mu_ceiling(1000, 3, confidence=0.95)


def test_nothing_to_go_by():
    with pytest.raises(ValueError, match="thresholds"):
        mu_lower_bound(np.zeros(3), np.zeros(3), [], confidence=0.95)
