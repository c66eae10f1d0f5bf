import numpy as np
import pytest

from medsyngen.evaluation.spectrum import radial_power, spectrum_distance


def noise(seed, n=300, size=28, std=1.0):
    return np.random.default_rng(seed).normal(0, std, (n, 1, size, size)).astype(np.float32)


def test_white_noise_is_flat_at_its_variance():
    power = radial_power(noise(0, std=0.5))
    assert power.shape == (14,)
    np.testing.assert_allclose(power, 0.25, rtol=0.1)


@pytest.mark.parametrize("cycles", [3, 10])
def test_a_wave_has_its_power_at_its_frequency(cycles):
    wave = np.cos(2 * np.pi * cycles * np.arange(28) / 28, dtype=np.float32)
    power = radial_power(np.broadcast_to(wave, (2, 1, 28, 28)))
    assert int(np.argmax(power)) + 1 == cycles
    assert power[cycles - 1] > 1e6 * np.delete(power, cycles - 1).max()
    # Parseval: all of the variance, 1/2, is in these two of so many coefficients.
    radius = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(28) * 28] * 2)))
    assert power[cycles - 1] * (radius == cycles).sum() == pytest.approx(28**2 / 2, rel=1e-5)


def test_distance_is_in_decibels():
    x = noise(1)
    assert spectrum_distance(x, x) == 0
    assert spectrum_distance(x, x * np.float32(np.sqrt(2))) == pytest.approx(3.01, abs=0.01)
    assert spectrum_distance(x, x + 5) < 0.01  # brightness is left out
    assert spectrum_distance(x, noise(2)) < 0.5
    assert spectrum_distance(x, np.zeros_like(x)) == pytest.approx(120, abs=1)
    assert spectrum_distance(np.zeros_like(x), np.zeros_like(x)) == 0


def test_only_square_images():
    with pytest.raises(ValueError, match="square"):
        radial_power(np.zeros((1, 1, 8, 9), np.float32))
