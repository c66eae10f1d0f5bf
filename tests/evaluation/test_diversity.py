import numpy as np
import pytest
from scipy.ndimage import correlate

from medsyngen.evaluation.diversity import ms_ssim_within_classes, scales
from medsyngen.evaluation.labelled import LabelledImages


def images(pixels, classes=None, patients=None):
    n = len(pixels)
    zero = np.zeros(n, np.int64)
    return LabelledImages(
        pixels.astype(np.float32)[:, None],
        zero if classes is None else classes,
        np.arange(n) if patients is None else patients,
    )


def found(these, **options):
    return ms_ssim_within_classes(these, rng=np.random.default_rng(0), **options)


def test_scales_by_size():
    assert [scales(size) for size in (11, 16, 28, 32, 64, 128, 176, 256)] == [1, 1, 2, 2, 3, 4, 5, 5]
    with pytest.raises(ValueError, match="11 pixels"):
        scales(10)


def oracle(x, y, weights):
    """MS-SSIM of two pictures in [-1, 1], from the paper."""
    g = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(g, g) / g.sum() ** 2
    value, c1, c2 = 1.0, (0.01 * 2) ** 2, (0.03 * 2) ** 2
    for i, weight in enumerate(weights):
        m = lambda a: correlate(a, window)[5:-5, 5:-5]  # noqa: E731
        xx, yy, xy = m(x * x) - m(x) ** 2, m(y * y) - m(y) ** 2, m(x * y) - m(x) * m(y)
        part = (2 * xy + c2) / (xx + yy + c2)
        if i == len(weights) - 1:
            part = part * (2 * m(x) * m(y) + c1) / (m(x) ** 2 + m(y) ** 2 + c1)
        value *= max(part.mean(), 0) ** weight
        x, y = (a.reshape(a.shape[0] // 2, 2, -1, 2).mean((1, 3)) for a in (x, y))
    return value


@pytest.mark.parametrize("size", [28, 64])
def test_equals_the_paper_with_the_first_weights_scaled(size):
    rng = np.random.default_rng(size)
    base = rng.uniform(-0.6, 0.6, (size, size))
    two = np.stack([base, base + rng.normal(0, 0.2, (size, size))])
    weights = np.array([0.0448, 0.2856, 0.3001])[: scales(size)]
    expected = oracle(*two, weights / weights.sum())
    assert 0.5 < expected < 0.95
    assert found(images(two), pairs=3) == pytest.approx(expected, abs=1e-4)


def test_copies_are_alike_and_noise_is_not():
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, (20, 28, 28))
    assert found(images(np.repeat(noise[:1], 20, 0)), pairs=50) == pytest.approx(1, abs=1e-5)
    assert found(images(noise), pairs=50) < 0.2


def test_only_pairs_of_one_class_and_of_two_patients_count_and_classes_count_alike():
    rng = np.random.default_rng(1)
    one, other, noise = rng.uniform(-1, 1, (3, 28, 28))
    collapsed = images(np.stack([one, one, other, other]), np.array([0, 0, 1, 1]))
    assert found(collapsed, pairs=20) == pytest.approx(1, abs=1e-5)  # across classes they differ
    # Two images of one patient are alike by themselves: the pair is left out.
    assert found(images(np.stack([one, one, noise]), patients=np.array([0, 0, 1])), pairs=20) < 0.3
    mixed = np.stack([*[one] * 10, *rng.uniform(-1, 1, (2, 28, 28))])
    assert 0.4 < found(images(mixed, np.repeat([0, 1], [10, 2])), pairs=20) < 0.7
    with pytest.raises(ValueError, match="one patient"):
        found(images(np.stack([one, other]), patients=np.zeros(2, np.int64)))
