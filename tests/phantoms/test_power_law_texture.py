"""Clouds have the spectrum and the direction that they claim, and do not go on at the left where they end."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures.power_law_texture import oriented_field

CLOUDS = phantom("power_law")


def fields(count, beta, seed=0, size=64, elongation=1.0, direction=0.0):
    columns = (np.full((count, 1, 1), value, np.float32) for value in (beta, elongation, direction))
    return oriented_field(*columns, size, np.random.default_rng(seed))


def periodogram(pictures):
    """Mean power, (size, size); through a window, since the pictures are cuts."""
    window = np.hanning(pictures.shape[-1])
    return (np.abs(np.fft.fft2(pictures * window[:, None] * window)) ** 2).mean(axis=0)


def slope(pictures):
    """Of the radially averaged periodogram, both axes in logarithms."""
    size, power = pictures.shape[-1], periodogram(pictures)
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)) * size
    rings = np.arange(4, int(0.4 * size))
    mean = [power[(f >= ring - 0.5) & (f < ring + 0.5)].mean() for ring in rings]
    return -np.polyfit(np.log(rings), np.log(mean), 1)[0]


@pytest.mark.parametrize("beta", [1.25, 2.0, 3.0, 4.0])
def test_the_exponent_can_be_read_off_the_radial_spectrum(beta):
    assert slope(fields(150, beta)) == pytest.approx(beta, abs=0.2)


def test_the_exponent_can_be_read_off_the_pictures_too():
    rng = np.random.default_rng(0)
    fixed = {"exponent": 3.0, "elongation": 1.0, "mean": 0.0, "contrast": 0.2, "psf": 0.2, "noise": 0.002}
    parameters = CLOUDS.space.draw(150, rng) | {name: np.full(150, value) for name, value in fixed.items()}
    assert slope(CLOUDS.render(parameters, 64, rng)[:, 0]) == pytest.approx(3.0, abs=0.35)


@pytest.mark.parametrize(("beta", "elongation"), [(2.0, 2.5), (3.0, 1.5), (3.0, 1.0)])
def test_power_along_and_across_the_direction_differ_as_the_ellipse_says(beta, elongation):
    # |f|_e^2 = e f_along^2 + f_across^2 / e: at the same frequency the powers differ by the factor e^-beta.
    power = periodogram(fields(200, beta, elongation=elongation))
    along, across = power[0, 5:24], power[5:24, 0]
    assert np.log(along / across).mean() == pytest.approx(-beta * np.log(elongation), abs=0.15)
    turned = periodogram(fields(200, beta, elongation=elongation, direction=np.pi / 2))
    assert np.log(turned[0, 5:24] / turned[5:24, 0]).mean() == pytest.approx(beta * np.log(elongation), abs=0.15)


def test_diagonal_structures_run_from_the_upper_left_to_the_lower_right():
    x = fields(60, 3.0, elongation=2.5, direction=np.pi / 4)
    down, up = (x[:, 1:, 1:] - x[:, :-1, :-1]), (x[:, 1:, :-1] - x[:, :-1, 1:])
    assert (down**2).mean() < 0.5 * (up**2).mean()


def test_a_picture_does_not_go_on_at_the_left_where_it_ends():
    x = fields(100, 3.5)
    assert np.abs(x[:, :, 0] - x[:, :, -1]).mean() > 4 * np.abs(np.diff(x, axis=2)).mean()
