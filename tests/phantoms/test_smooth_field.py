"""Fields drawn by their spectrum are those that filtering white noise would give."""

import numpy as np
import pytest

from medsyngen.phantoms.textures.smooth_field import smooth_field, spectral_rms, white_spectrum


@pytest.mark.parametrize("size", [16, 17])
def test_the_spectrum_is_that_of_white_noise(size):
    noise = np.fft.irfft2(white_spectrum(4000, size, np.random.default_rng(0)), s=(size, size))
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.06)  # at every pixel alike
    beside = (noise[:, :, 1:] * noise[:, :, :-1]).mean(), (noise[:, 1:] * noise[:, :-1]).mean()
    np.testing.assert_allclose(beside, 0, atol=0.01)
    power = (np.abs(np.fft.rfft2(noise)) ** 2).mean(axis=0) / size**2
    np.testing.assert_allclose(power, 1, atol=0.12)  # the columns that are their own mirror images too


@pytest.mark.parametrize("size", [16, 17])
def test_the_deviation_after_a_filter_is_what_parseval_says(size):
    gain = np.random.default_rng(1).random((1, size, size // 2 + 1)).astype(np.float32)
    gain[:, 1:] = (gain[:, 1:] + gain[:, :0:-1]) / 2  # symmetric in f_y, as real filters are
    white = np.random.default_rng(2).standard_normal((3000, size, size))
    filtered = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(size, size))
    assert float(spectral_rms(gain)[0, 0, 0]) == pytest.approx(filtered.std(), rel=0.01)


def test_fields_have_mean_zero_unit_variance_and_the_scale_asked_for():
    cycles = np.repeat(np.array([4, 12], np.float32), 300)[:, None, None]
    field = smooth_field(cycles, 64, np.random.default_rng(0))
    assert field.dtype == np.float32
    np.testing.assert_allclose(field.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose([field[:300].var(), field[300:].var()], 1, rtol=0.05)
    crossings = (field[:, :, 1:] * field[:, :, :-1] < 0).mean(axis=(1, 2))
    assert crossings[300:].mean() == pytest.approx(3 * crossings[:300].mean(), rel=0.1)
