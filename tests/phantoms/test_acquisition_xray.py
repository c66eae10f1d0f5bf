"""The radiographic device: each step against what can be worked out by hand."""

import numpy as np
import pytest

from medsyngen.phantoms.acquisition_xray import detect, film, photon_noise, shutters, tilt

SIZE = 16


def column(*values):
    return np.array(values, np.float32)[:, None, None]


def test_tilt_moves_columns_down_on_the_right_and_up_on_the_left():
    rows = np.broadcast_to(np.arange(SIZE, dtype=np.float32)[None, :, None], (2, SIZE, SIZE))
    out = tilt(rows.copy(), column(0.1, 0.0))
    t = np.arange(SIZE)
    expected = np.clip(t[:, None] - 0.1 * (t[None, :] - 7.5), 0, SIZE - 1)
    np.testing.assert_allclose(out[0], expected, atol=2e-3)
    np.testing.assert_allclose(out[1], rows[1], atol=2e-3)


def test_the_detector_keeps_what_is_uniform_and_the_sum_of_a_point():
    flat = np.full((1, SIZE, SIZE), 0.7, np.float32)
    np.testing.assert_allclose(detect(flat, column(0.4), column(0.3)), 0.7, atol=1e-5)
    point = np.zeros((1, SIZE, SIZE), np.float32)
    point[0, 8, 8] = 1
    sharp = detect(point, column(0.4), column(0))
    np.testing.assert_allclose(sharp.sum(), 1, atol=1e-5)
    np.testing.assert_allclose(sharp[0, 8, 9] / sharp[0, 8, 8], np.exp(-0.5 / 0.4**2), rtol=1e-4)
    np.testing.assert_allclose(sharp[0], sharp[0].T, atol=1e-7)


def test_scatter_takes_from_the_point_and_gives_to_its_surroundings():
    point = np.zeros((1, SIZE, SIZE), np.float32)
    point[0, 8, 8] = 1
    out = detect(point, column(0.2), column(0.5))
    assert 0.49 < out[0, 8, 8] < 0.6
    assert out[0, 8, 11] > 10 * detect(point, column(0.2), column(0))[0, 8, 11]


def test_noise_grows_with_attenuation_and_is_its_strength_at_none():
    rng = np.random.default_rng(0)
    white = rng.standard_normal((2, 200, 200), dtype=np.float32)
    image = np.stack([np.zeros((200, 200)), np.full((200, 200), 2.0)]).astype(np.float32)
    noise = photon_noise(image, column(0.1, 0.1), white) - image
    np.testing.assert_allclose(noise.std(axis=(1, 2)), [0.1, 0.1 * np.e], rtol=0.03)


def test_film_has_its_black_middle_and_white():
    image = np.array([-50, 0.6, 50], np.float32)[:, None, None]
    grey = film(image, column(0.6), column(2), column(-0.9), column(0.7))
    np.testing.assert_allclose(grey.ravel(), [-0.9, -0.1, 0.7], atol=1e-5)
    slope = film(np.float32([[[0.601]]]), column(0.6), column(2), column(-0.9), column(0.7)) + 0.1
    np.testing.assert_allclose(slope.ravel(), 0.001 * 2 * 0.8, rtol=0.01)


@pytest.mark.parametrize(("side", "covered"), [(0, np.s_[:, :4]), (1, np.s_[:, -4:]), (2, np.s_[:4]), (3, np.s_[-4:])])
def test_a_shutter_covers_its_side_and_nothing_else(side, covered):
    edges = [column(-0.2)] * 4
    edges[side] = column(0.25)
    out = shutters(np.ones((1, SIZE, SIZE), np.float32), tuple(edges), column(0), column(-0.9))[0]
    expected = np.ones((SIZE, SIZE))
    expected[covered] = -0.9
    np.testing.assert_allclose(out, expected, atol=1e-6)
