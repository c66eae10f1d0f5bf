"""Weights of maximum entropy have the means asked for, and are otherwise as even as they can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.synthesis.tilting import effective_share, tilted


@given(st.integers(0, 10**6), st.floats(-0.6, 0.6))
def test_the_weighed_means_are_those_asked_for(seed: int, shift: float):
    s = np.random.default_rng(seed).standard_normal((2000, 3))
    mean = np.array([shift, -shift, 0.0])
    weights = tilted(s, mean, 1e-8)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights @ s, mean, atol=1e-4)


@given(st.integers(0, 10**6))
def test_no_other_weights_of_these_means_are_more_even(seed: int):
    """Any small change that keeps sum and means lowers the entropy."""
    rng = np.random.default_rng(seed)
    s = rng.standard_normal((40, 2))
    weights = tilted(s, np.array([0.2, 0.1]), 1e-9)
    constraints = np.column_stack([np.ones(40), s])
    change = rng.standard_normal(40)
    change -= constraints @ np.linalg.lstsq(constraints, change, rcond=None)[0]
    change *= 0.5 * (weights / np.abs(change)).min()
    entropy = [-(w * np.log(w)).sum() for w in (weights, weights + change)]
    assert entropy[1] < entropy[0]


def test_of_gaussians_the_tilted_law_is_the_known_one():
    """N(0, 1) tilted to the mean m is N(m, 1); noise of variance v keeps m / (1 + v) of it."""
    s = np.random.default_rng(0).standard_normal((200_000, 1))
    for variance in (1e-9, 0.5):
        weights = tilted(s, np.array([0.6]), variance)
        mean = float(weights @ s[:, 0])
        assert mean == pytest.approx(0.6 / (1 + variance), abs=0.01)
        assert float(weights @ (s[:, 0] - mean) ** 2) == pytest.approx(1, abs=0.03)


def test_a_mean_out_of_reach_is_neared_and_the_weights_stay_spread():
    s = np.random.default_rng(1).uniform(-1, 1, (500, 2))
    far = np.array([5.0, 0.0])
    weights = tilted(s, far, 1e-6, least_effective=0.2)
    assert 0.2 <= effective_share(weights) < 0.5
    assert weights @ s[:, 0] > 0.3
    assert effective_share(tilted(s, far, 1e-6)) < 0.2  # without the bound a few images have it all


@pytest.mark.parametrize("share", [1.0, 1.5, -0.1, float("nan"), float("inf")])
def test_a_share_that_no_weights_have_is_refused(share: float):
    s = np.random.default_rng(0).standard_normal((200, 3))
    with pytest.raises(ValueError, match="least_effective"):
        tilted(s, np.zeros(3), 1e-4, least_effective=share)


@pytest.mark.parametrize("what", ["statistics", "mean", "variance"])
def test_what_is_no_number_is_refused(what: str):
    """Of it no weights come, and no larger variance would ever do."""
    s, mean, variance = np.zeros((5, 2)), np.zeros(2), 1.0
    if what == "statistics":
        s[3, 1] = np.nan
    elif what == "mean":
        mean[0] = np.inf
    else:
        variance = float("nan")
    with pytest.raises(ValueError, match="finite"):
        tilted(s, mean, variance, least_effective=0.5)


def test_the_largest_share_there_is_ends_in_even_weights():
    """By rounding, even weights may have a share a little below 1."""
    s = np.random.default_rng(0).standard_normal((199, 3))
    weights = tilted(s, np.array([3.0, 0.0, 0.0]), 1e-4, least_effective=1 - 2.0**-53)
    np.testing.assert_allclose(weights, 1 / 199)


def test_the_effective_share():
    assert effective_share(np.full(8, 1 / 8)) == pytest.approx(1)
    assert effective_share(np.eye(8)[3]) == pytest.approx(1 / 8)
