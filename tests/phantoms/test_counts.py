"""Poisson numbers from uniform ones, against SciPy's inverse of the distribution function."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medsyngen.phantoms.textures.counts import poisson


@given(mean=st.floats(0.5, 200), seed=st.integers(0, 2**32))
def test_numbers_are_the_inverse_of_the_distribution_function(mean, seed):
    mean = np.array([mean, 2.0], np.float32)
    u = np.random.default_rng(seed).random((2, 40), dtype=np.float32) * 0.999
    expected = stats.poisson.ppf(u.astype(np.float64), mean[:, None])
    assert np.abs(poisson(mean, u, 400) - expected).max() <= 1  # 1: a uniform number right on a step
    assert (poisson(mean, u, 400) == expected).mean() > 0.95


def test_numbers_stop_at_the_most():
    assert poisson(np.array([3.0], np.float32), np.array([np.nextafter(np.float32(1), 0)]), 5) == [5]
    assert poisson(np.array([3.0], np.float32), np.array([0.0], np.float32), 5) == [0]
