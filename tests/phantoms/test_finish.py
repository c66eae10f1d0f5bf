"""What textures end with: grey and contrast as asked for, noise as asked for, blur, a clip."""

import numpy as np
import pytest

from medsyngen.phantoms.textures.finish import finish, standardised, tone


def columns(**values):
    p = {"mean": 0.0, "contrast": 0.2, "psf": 0.2, "noise": 0.002} | values
    return {name: np.full((1, 1, 1), value, np.float32) for name, value in p.items()}


FIELD = standardised(np.random.default_rng(0).normal(3, 5, (1, 64, 64)).astype(np.float32))


def test_mean_and_contrast_are_what_is_asked_for():
    image = finish(FIELD, columns(mean=-0.3, contrast=0.15), np.random.default_rng(0))
    assert image.shape == (1, 1, 64, 64)
    assert image.mean() == pytest.approx(-0.3, abs=0.01)
    assert image.std() == pytest.approx(0.15, rel=0.25)  # white noise loses some to the blur
    assert np.corrcoef(image.ravel(), FIELD.ravel())[0, 1] > 0.95


def test_noise_has_its_standard_deviation_whatever_the_contrast():
    flat = np.zeros((1, 64, 64), np.float32)
    assert finish(flat, columns(noise=0.04), np.random.default_rng(0)).std() == pytest.approx(0.04, rel=0.05)


def test_the_psf_blurs_and_the_range_holds():
    rough = [np.abs(np.diff(finish(FIELD, columns(psf=psf), np.random.default_rng(0)))).mean() for psf in (0.2, 0.8)]
    assert rough[1] < 0.6 * rough[0]
    assert np.abs(finish(FIELD, columns(contrast=9.0), np.random.default_rng(0))).max() == 1


def test_standardised_fields_have_mean_zero_and_variance_one_each():
    fields = standardised(np.stack([FIELD[0] * 7 + 3, FIELD[0] ** 3]))
    np.testing.assert_allclose(fields.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(fields.std(axis=(1, 2)), 1, rtol=1e-4)
    flat = standardised(np.ones((1, 8, 8), np.float32))
    assert (flat == 0).all()
    assert {p.name for p in tone((0.1, 0.2))} == {"mean", "contrast", "psf", "noise"}
