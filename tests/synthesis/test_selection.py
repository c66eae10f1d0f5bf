"""Selection: N of N members, by weights that are defined for every vote that noise can make."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.synthesis.selection import SELECTIONS, rank, residual, weights_of

votes = st.lists(st.floats(-50, 50), max_size=30).map(lambda values: np.array(values, np.float64))


@given(votes, st.floats(0, 20))
def test_weights_are_a_distribution_over_the_members_above_the_threshold(noisy, threshold):
    weights = weights_of(noisy, threshold)
    assert len(weights) == len(noisy)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0 if len(noisy) else 0.0)
    if (noisy > threshold).any():
        assert (weights[noisy <= threshold] == 0).all()
        assert (weights[noisy > threshold + 1e-9] > 0).all()
    else:
        np.testing.assert_array_equal(weights, np.full(len(noisy), 1 / max(1, len(noisy))))


@pytest.mark.parametrize("selection", sorted(SELECTIONS))
@given(noisy=votes, threshold=st.floats(0, 20), seed=st.integers(0, 9))
def test_as_many_are_selected_as_there_are_members(selection, noisy, threshold, seed):
    rows = SELECTIONS[selection](noisy, threshold, np.random.default_rng(seed))
    assert len(rows) == len(noisy)
    assert rows.dtype == np.int64
    assert ((rows >= 0) & (rows < len(noisy))).all()


def test_where_nobody_has_votes_enough_everyone_stays():
    """All weights zero would divide by zero: the official library ends in an error here."""
    rows = residual(np.full(7, -3.0), 1.0, np.random.default_rng(0))
    assert sorted(rows) == list(range(7))


def test_residual_sampling_leaves_only_the_remainder_to_chance():
    noisy = np.array([5.0, 3.0, 1.5, 0.5, 0.0])  # expected 2.5, 1.5, .75, .25, 0 of five
    counts = np.array(
        [np.bincount(residual(noisy, 0.0, np.random.default_rng(seed)), minlength=5) for seed in range(4000)]
    )
    assert (counts >= np.floor(5 * noisy / noisy.sum())).all()
    assert (counts.sum(1) == 5).all()
    # the remainder is 2 draws: standard error of a mean below 0.011, six of them
    np.testing.assert_allclose(counts.mean(0), 5 * noisy / noisy.sum(), atol=0.07)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_rank_keeps_the_better_half_twice(count):
    noisy = np.random.default_rng(count).permutation(count).astype(float)
    kept = rank(noisy, 0.0, np.random.default_rng(0))
    best = np.argsort(-noisy)[: (count + 1) // 2]
    times = np.bincount(kept, minlength=count)[best].tolist()
    assert times == [2] * (count // 2) + [1] * (count % 2)  # of an odd number the middle one once, never the best
