"""Power-law fields have the spectrum that they claim."""

import numpy as np
import pytest

from medsyngen.phantoms.textures.power_law import frequency, power_law_field


def slope(fields):
    """Least-squares slope of the mean periodogram over frequency, both in logarithms."""
    size = fields.shape[-1]
    power = (np.abs(np.fft.rfft2(fields)) ** 2).mean(axis=0)
    f = frequency(size)
    use = (f > 1.5 / size) & (f < 0.45)
    return -np.polyfit(np.log(f[use]), np.log(power[use]), 1)[0]


@pytest.mark.parametrize("beta", [1.5, 2.5, 3.0, 3.5])
@pytest.mark.parametrize("size", [32, 63])
def test_the_exponent_can_be_read_off_the_periodogram(beta, size):
    exponent = np.full((200, 1, 1), beta, np.float32)
    assert slope(power_law_field(exponent, size, np.random.default_rng(0))) == pytest.approx(beta, abs=0.15)


def test_fields_have_mean_zero_and_variance_one_each_with_its_own_exponent():
    exponent = np.repeat(np.array([1.5, 3.5], np.float32), 100)[:, None, None]
    fields = power_law_field(exponent, 32, np.random.default_rng(0))
    assert fields.dtype == np.float32
    np.testing.assert_allclose(fields.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(fields.std(axis=(1, 2)), 1, rtol=1e-4)
    assert slope(fields[:100]) == pytest.approx(1.5, abs=0.2)
    assert slope(fields[100:]) == pytest.approx(3.5, abs=0.2)


def test_the_spectrum_has_no_direction():
    fields = power_law_field(np.full((300, 1, 1), 3.0, np.float32), 32, np.random.default_rng(1))
    across, down = (np.abs(np.diff(fields, axis=axis)).mean() for axis in (2, 1))
    assert across == pytest.approx(down, rel=0.05)
