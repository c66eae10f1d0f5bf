"""The scanner: noise of a magnitude image, a smooth bias of mean 1, k-space that blurs and rings."""

import numpy as np
import pytest

from medsyngen.phantoms.acquisition_mr import bias_field, k_space, rician_noise


def column(*values):
    return np.array(values, np.float32)[:, None, None]


def test_where_there_is_no_signal_the_noise_is_rayleigh():
    """Gudbjartsson and Patz 1995: mean sigma·sqrt(pi/2), variance (2 - pi/2)·sigma²."""
    sigma = column(0.02, 0.1)
    noise = rician_noise(np.zeros((2, 128, 128), np.float32), sigma, np.random.default_rng(0))
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), sigma.ravel() * np.sqrt(np.pi / 2), rtol=0.02)
    np.testing.assert_allclose(noise.var(axis=(1, 2)), sigma.ravel() ** 2 * (2 - np.pi / 2), rtol=0.04)
    assert noise.min() >= 0


def test_where_there_is_much_signal_the_noise_is_gaussian_around_the_lifted_signal():
    """The same paper's eq. 3: mean about sqrt(A² + sigma²), standard deviation about sigma."""
    noisy = rician_noise(np.full((1, 256, 256), 0.5, np.float32), column(0.1), np.random.default_rng(1))
    assert noisy.mean() == pytest.approx(np.sqrt(0.5**2 + 0.1**2), abs=0.001)
    assert noisy.std() == pytest.approx(0.1, rel=0.03)


def test_second_moment_is_signal_squared_plus_twice_the_variance():
    noisy = rician_noise(np.full((1, 256, 256), 0.2, np.float32), column(0.2), np.random.default_rng(2))
    assert (noisy**2).mean() == pytest.approx(0.2**2 + 2 * 0.2**2, rel=0.02)


def test_bias_has_geometric_mean_one_and_the_strength_asked_for():
    field = bias_field(column(0.05, 0.3, 0.3), 32, np.random.default_rng(0))
    assert field.dtype == np.float32
    assert field.min() > 0
    np.testing.assert_allclose(np.log(field).mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(np.log(field).std(axis=(1, 2)), [0.05, 0.3, 0.3], rtol=1e-3)
    assert np.abs(field[1] - field[2]).max() > 0.05  # each image its own


def test_bias_is_smooth_at_every_size():
    for size in (16, 64):
        b = np.log(bias_field(column(*[0.2] * 20), size, np.random.default_rng(3)))
        assert np.abs(np.diff(b, axis=1)).max() * size < 0.2 * 30  # a few standard deviations over the picture


def test_k_space_in_full_and_without_blur_changes_nothing():
    image = np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)
    np.testing.assert_allclose(k_space(image, column(0.0, 0.0), column(1.0, 1.0)), image, atol=1e-5)
    odd = image[:, :15, :15]
    np.testing.assert_allclose(k_space(odd, column(0.0, 0.0), column(1.0, 1.0)), odd, atol=1e-5)


def test_a_point_spreads_as_a_gaussian_of_the_width_asked_for():
    point = np.zeros((1, 33, 33), np.float32)
    point[0, 16, 16] = 1
    out = k_space(point, column(1.5), column(1.0))[0]
    at = np.arange(33) - 16
    assert out.sum() == pytest.approx(1, abs=1e-3)
    assert (out.sum(axis=0) * at**2).sum() == pytest.approx(1.5**2, rel=0.02)


def test_a_cut_in_k_space_rings_beside_an_edge_by_nine_per_cent():
    """Gibbs: the overshoot of a truncated series is 8.95 % of the step, however little is cut off."""
    step = np.zeros((1, 256, 256), np.float32)
    step[:, :, 64:192] = 1
    rung = k_space(step, column(0.0), column(0.25))
    assert rung.max() - 1 == pytest.approx(0.0895, abs=0.015)
    assert k_space(step, column(0.0), column(1.0)).max() - 1 < 1e-4
