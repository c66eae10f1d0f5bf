import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import UsageError
from medsyngen.evaluation.fidelity import frechet_distance, kernel_distance


def brute(x, y):
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 99))
def test_equals_the_definition(n: int, m: int, seed: int):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 4)), rng.normal(1, 2, size=(m, 4))
    assert kernel_distance(x, y) == pytest.approx(brute(x, y))
    assert kernel_distance(x, y) == pytest.approx(kernel_distance(y, x))


def test_is_zero_on_average_for_equal_laws_and_grows_with_the_shift():
    rng = np.random.default_rng(0)
    same = [kernel_distance(rng.normal(size=(60, 5)), rng.normal(size=(90, 5))) for _ in range(60)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(60)
    shifts = [kernel_distance(rng.normal(size=(300, 5)), rng.normal(s, 1, size=(300, 5))) for s in (0.5, 1.0, 2.0)]
    assert shifts[0] < shifts[1] < shifts[2]


def test_one_image_has_no_distance():
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)))


def by_matrices(m_x, c_x, m_y, c_y):
    """FD of two Gaussians, by the square root of a matrix: the formula as it is published."""
    values, vectors = np.linalg.eigh(c_x)
    root = vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c_y @ root), 0)).sum()
    return ((m_x - m_y) ** 2).sum() + np.trace(c_x) + np.trace(c_y) - 2 * cross


@pytest.mark.parametrize("n", [5, 12, 60])  # fewer, as many and more images than features
def test_fd_is_the_published_formula(n: int):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, 12)), rng.normal(1, 2, size=(n, 12)) @ rng.normal(size=(12, 12))
    expected = by_matrices(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert frechet_distance(x, y, at_least=2) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(x, x, at_least=2) == pytest.approx(0, abs=1e-8)


def test_fd_of_a_shift_and_a_stretch_is_the_closed_form():
    x = np.random.default_rng(0).normal(size=(3000, 8))
    d, variances = np.arange(8.0), x.var(axis=0, ddof=1)
    assert frechet_distance(x, x + d) == pytest.approx((d**2).sum())
    # Tr(C) + Tr(4 C) - 2 Tr(2 C) = Tr(C), and the mean doubles.
    assert frechet_distance(x, 2 * x) == pytest.approx(variances.sum() + (x.mean(0) ** 2).sum())


def test_fd_of_samples_nears_that_of_their_laws():
    rng = np.random.default_rng(1)
    scale = np.linspace(0.5, 2, 4)
    found = frechet_distance(rng.normal(size=(40_000, 4)), 0.3 + scale * rng.normal(size=(40_000, 4)))
    assert found == pytest.approx(4 * 0.3**2 + ((scale - 1) ** 2).sum(), rel=0.03)


@pytest.mark.parametrize(("n", "m", "words"), [(2000, 2001, "its bias depends"), (1999, 1999, "at least 2000")])
def test_fd_that_says_nothing_is_refused(n: int, m: int, words: str):
    with pytest.raises(UsageError, match=words):
        frechet_distance(np.zeros((n, 2)), np.zeros((m, 2)))
