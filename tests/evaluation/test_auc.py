import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.evaluation.auc import auc, weighted_auc


def brute(scores, positive, weights):
    pairs = [(i, j) for i in np.flatnonzero(positive) for j in np.flatnonzero(~positive)]
    total = sum(weights[i] * weights[j] for i, j in pairs)
    won = sum(weights[i] * weights[j] * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])) for i, j in pairs)
    return won / total if total else np.nan


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25))
def test_equals_the_count_of_pairs(rows):
    scores, positive, weights = (np.array(column) for column in zip(*rows, strict=True))
    both = np.stack([weights, np.ones_like(weights)]).astype(float)
    found = weighted_auc(scores.astype(float), positive, both)
    np.testing.assert_allclose(found, [brute(scores, positive, row) for row in both], rtol=1e-12)
    np.testing.assert_equal(auc(scores.astype(float), positive), found[1])


def test_known_values():
    truth = np.array([False, False, True, True])
    assert auc(np.array([0.1, 0.2, 0.3, 0.4]), truth) == 1
    assert auc(np.array([0.4, 0.3, 0.2, 0.1]), truth) == 0
    assert auc(np.zeros(4), truth) == 0.5
    assert auc(np.array([0.1, 0.3, 0.2, 0.4]), truth) == 0.75
    assert np.isnan(auc(np.zeros(2), np.array([True, True])))


def test_weights_repeat():
    scores, truth = np.array([0.1, 0.6, 0.5, 0.9]), np.array([False, False, True, True])
    (found,) = weighted_auc(scores, truth, np.array([[1.0, 3.0, 2.0, 1.0]]))
    assert found == pytest.approx(auc(np.repeat(scores, [1, 3, 2, 1]), np.repeat(truth, [1, 3, 2, 1])))
