"""CT: the kernel, noise whose spectrum rises with frequency, the window."""

import numpy as np
import pytest

from medsyngen.phantoms.acquisition_ct import kernel, reconstruct, window

SOFT, SHARP = 0.0, 0.8


def column(*values):
    return np.array(values, np.float32)[:, None, None]


def test_a_kernel_passes_the_mean_and_only_a_sharp_one_lifts_edges():
    soft, sharp = kernel(column(0.4, 0.4), column(SOFT, SHARP), 32)
    assert soft[0, 0] == sharp[0, 0] == 1
    assert soft.max() == 1
    assert sharp.max() > 1.05
    assert (sharp >= soft).all()


def test_noise_has_its_strength_with_every_kernel_and_size():
    for size in (32, 33):
        flat = np.full((2, size, size), -850.0, np.float32)
        mtf = kernel(column(0.35, 0.9), column(SOFT, SHARP), size)
        draws = [reconstruct(flat, mtf, column(10.0, 40.0), np.random.default_rng(seed)) + 850 for seed in range(40)]
        np.testing.assert_allclose(np.std(draws, axis=(0, 2, 3)), [10, 40], rtol=0.04)


def test_the_spectrum_of_the_noise_rises_as_the_ramp():
    """NPS(f) ∝ f·MTF(f)², and nothing at frequency 0: the mean of a slice has no noise."""
    mtf = kernel(column(*[0.5] * 200), column(*[SOFT] * 200), 64)
    noise = reconstruct(np.zeros((200, 64, 64), np.float32), mtf, column(*[20.0] * 200), np.random.default_rng(0))
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), 0, atol=1e-3)
    power = (np.abs(np.fft.rfft2(noise)) ** 2).mean(axis=0)
    along = power[0, 4:25] / mtf[0, 0, 4:25] ** 2
    slope = np.polyfit(np.log(np.arange(4, 25)), np.log(along), 1)[0]
    assert slope == pytest.approx(1, abs=0.12)


def test_without_noise_a_slice_is_only_filtered():
    image = np.zeros((1, 32, 32), np.float32)
    image[:, 8:24, 8:24] = 100
    out = reconstruct(image, kernel(column(0.4), column(SOFT), 32), column(0.0), np.random.default_rng(0))
    assert out.mean() == pytest.approx(image.mean(), rel=1e-4)
    assert np.abs(np.diff(out)).max() < np.abs(np.diff(image)).max()


def test_the_window_maps_its_ends_to_black_and_white_and_its_level_between():
    hounsfield = np.array([-1000.0, -160.0, 40.0, 240.0, 900.0], np.float32)[None, None, :]
    grey = window(hounsfield, column(40.0), column(400.0), column(-1.0))
    np.testing.assert_allclose(grey.ravel(), [-1, -1, 0, 1, 1], atol=1e-6)
    lifted = window(hounsfield, column(40.0), column(400.0), column(-0.9))
    np.testing.assert_allclose(lifted.ravel(), [-0.9, -0.9, 0.05, 1, 1], atol=1e-6)
