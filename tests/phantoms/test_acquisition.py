"""Blur keeps the mean and spreads a point; scatter spreads far."""

import numpy as np
import pytest

from medsyngen.phantoms.acquisition import blur_and_scatter


def column(*values):
    return np.array(values, np.float32)[:, None, None]


def test_blur_keeps_a_flat_picture_and_a_mean():
    flat = np.full((2, 32, 32), 0.7, np.float32)
    out = blur_and_scatter(flat, column(0.2, 2.0), column(0.0, 0.4))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, flat, atol=1e-5)


def test_a_point_spreads_as_a_gaussian_of_the_width_asked_for():
    point = np.zeros((1, 33, 33), np.float32)
    point[0, 16, 16] = 1
    out = blur_and_scatter(point, column(1.5), column(0.0))[0]
    at = np.arange(33) - 16
    assert out.sum() == pytest.approx(1, abs=1e-3)
    assert (out.sum(axis=0) * at**2).sum() == pytest.approx(1.5**2, rel=0.02)


def test_scatter_lifts_the_dark_beside_the_bright():
    half = np.zeros((2, 32, 32), np.float32)
    half[:, :, 16:] = 1
    out = blur_and_scatter(half, column(0.2, 0.2), column(0.0, 0.4))
    assert out[0, 16, 11] == pytest.approx(0, abs=0.01)
    assert out[1, 16, 11] > 0.01


def test_the_bottom_does_not_leak_into_the_top():
    pixels = np.zeros((1, 32, 32), np.float32)
    pixels[:, 28:] = 1
    assert abs(blur_and_scatter(pixels, column(0.5), column(0.0))[0, :4]).max() < 0.01
