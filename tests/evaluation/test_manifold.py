import numpy as np
import pytest

from medsyngen.evaluation.manifold import PrecisionRecall, precision_recall


def brute(synthetic, real, k):
    def radius(x, i):
        return sorted(np.linalg.norm(x[i] - x[j]) for j in range(len(x)) if j != i)[k - 1]

    def share(points, balls):
        inside = [any(np.linalg.norm(p - b) <= radius(balls, i) for i, b in enumerate(balls)) for p in points]
        return np.mean(inside)

    return PrecisionRecall(share(synthetic, real), share(real, synthetic))


@pytest.mark.parametrize("k", [1, 3])
def test_equals_the_definition(k):
    rng = np.random.default_rng(k)
    synthetic, real = rng.normal(size=(25, 3)), rng.normal(0.7, 1.5, size=(20, 3))
    found, expected = precision_recall(synthetic, real, k=k), brute(synthetic, real, k)
    assert found == expected
    assert found.precision != found.recall


def test_equal_sets_are_all_within_and_disjoint_sets_are_not():
    x = np.random.default_rng(0).normal(size=(50, 4))
    assert precision_recall(x, x) == PrecisionRecall(1.0, 1.0)
    assert precision_recall(x, x + 100) == PrecisionRecall(0.0, 0.0)


def test_one_picture_again_and_again_is_precise_and_recalls_nothing():
    real = np.random.default_rng(1).normal(size=(200, 4))
    collapsed = real[:1] + 1e-3 * np.random.default_rng(2).normal(size=(200, 4))
    assert precision_recall(collapsed, real).precision == 1
    assert precision_recall(collapsed, real).recall <= 0.01
    wide = precision_recall(4 * real, real)
    assert wide.recall > 0.9 > 0.6 > wide.precision


def test_too_few_images_have_no_neighbours():
    with pytest.raises(ValueError, match="more than 3"):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
