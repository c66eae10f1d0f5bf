import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.evaluation.features import lite0_features
from medsyngen.evaluation.fidelity import kernel_distance


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


@pytest.mark.slow
def test_lite0_features_load_offline_and_tell_pictures_apart():
    rng = np.random.default_rng(0)
    flat = np.full((6, 1, 32, 32), 0.2, np.float32) + rng.normal(0, 0.02, (6, 1, 32, 32)).astype(np.float32)
    stripes = flat + np.where(np.arange(32) % 8 < 4, 0.6, -0.6).astype(np.float32)
    a, b = lite0_features(flat, batch=4), lite0_features(stripes)
    assert a.shape == (6, 1280)
    assert kernel_distance(a, b) > 10 * abs(kernel_distance(a[:3], a[3:]))
