"""The closed form against matrices, against chance, against its integral, and at both ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.diffusion.band_gaps import (
    divergence_of_spectra,
    gap_of_spectra,
    mean_and_spectrum,
    nats_of_network_gap,
)
from medsyngen.diffusion.denoiser import SIGMA_DATA

SHAPE = (4, 6)
D = 24


def spectrum(rng: np.random.Generator) -> np.ndarray:
    """Powers of a real field: equal at k and -k."""
    power = np.exp(rng.normal(-2, 1.5, SHAPE))
    return (power + np.roll(power[::-1, ::-1], (1, 1), (0, 1))) / 2


def families(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.3, SHAPE), spectrum(rng), rng.normal(0, 0.3, SHAPE), spectrum(rng)


def covariance(power: np.ndarray) -> np.ndarray:
    """S = F^H diag(p) F as a plain matrix, column by column."""
    columns = [np.fft.ifft2(power * np.fft.fft2(e.reshape(SHAPE))).real.ravel() for e in np.eye(D)]
    return np.stack(columns, 1)


def wiener(mean: np.ndarray, s: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """(A, b) of D(x) = A x + b."""
    a = s @ np.linalg.inv(s + sigma**2 * np.eye(D))
    return a, mean.ravel() - a @ mean.ravel()


@given(st.integers(0, 2**31), st.floats(-4, 4))
def test_it_is_what_matrices_give(seed: int, log_sigma: float):
    mean1, p1, mean2, p2 = families(seed)
    sigma = np.exp(log_sigma)
    s1, s2 = covariance(p1), covariance(p2)
    (a1, b1), (a2, b2) = wiener(mean1, s1, sigma), wiener(mean2, s2, sigma)
    noised = s1 + sigma**2 * np.eye(D)
    offset = (a1 - a2) @ mean1.ravel() + b1 - b2
    total = offset @ offset + np.trace((a1 - a2) @ noised @ (a1 - a2).T)
    curve = gap_of_spectra(mean1, p1, mean2, p2, [sigma])
    least = np.trace(s1 - a1 @ s1)  # the posterior covariance of x0
    c_out2 = sigma**2 * SIGMA_DATA**2 / (sigma**2 + SIGMA_DATA**2)
    assert curve.squared[0] == pytest.approx(total / D, rel=1e-6)
    assert curve.of_network[0] == pytest.approx(total / D / c_out2, rel=1e-6)
    assert curve.of_loss[0] == pytest.approx(total / least, rel=1e-5)
    assert curve.nats[0] == pytest.approx(total / sigma**2, rel=1e-6)
    assert nats_of_network_gap(curve.of_network[0], log_sigma, D) == pytest.approx(curve.nats[0], rel=1e-9)
    assert curve.log_sigma[0] == pytest.approx(log_sigma, abs=1e-12)


def test_it_is_what_chance_gives():
    """Images drawn, noised and denoised by filters, without any of the formula's algebra."""
    mean1, p1, mean2, p2 = families(1)
    rng = np.random.default_rng(2)
    sigma, n = 0.4, 40_000
    white = rng.standard_normal((n, *SHAPE))
    clean = mean1 + np.fft.ifft2(np.sqrt(p1) * np.fft.fft2(white)).real
    x = clean + sigma * rng.standard_normal(clean.shape)
    d1, d2 = (
        mean + np.fft.ifft2(p / (p + sigma**2) * np.fft.fft2(x - mean)).real for mean, p in ((mean1, p1), (mean2, p2))
    )
    curve = gap_of_spectra(mean1, p1, mean2, p2, [sigma])
    gap, error = ((d1 - d2) ** 2).mean((1, 2)), ((d1 - clean) ** 2).mean((1, 2))
    assert curve.squared[0] == pytest.approx(gap.mean(), abs=5 * gap.std() / n**0.5)
    assert curve.squared[0] / curve.of_loss[0] == pytest.approx(error.mean(), abs=5 * error.std() / n**0.5)


def test_below_the_smallest_power_the_gap_vanishes():
    """All units fall as sigma^2 or faster: each e-fold of sigma divides them by e^2 or, of pixels, by e^4."""
    curve = gap_of_spectra(*families(3), np.exp([-9.0, -10.0]))
    for values, power in ((curve.squared, 4), (curve.of_network, 2), (curve.of_loss, 2), (curve.nats, 2)):
        assert values[0] / values[1] == pytest.approx(np.exp(power), rel=1e-3)


def test_above_everything_only_the_means_stay_apart():
    mean1, p1, mean2, p2 = families(4)
    curve = gap_of_spectra(mean1, p1, mean2, p2, np.exp([8.0, 9.0]))
    apart = ((mean1 - mean2) ** 2).mean()
    assert curve.squared[1] == pytest.approx(apart, rel=1e-4)
    assert curve.of_network[1] == pytest.approx(apart / SIGMA_DATA**2, rel=1e-4)
    assert curve.of_loss[1] == pytest.approx(apart / p1.mean(), rel=1e-4)
    assert curve.nats[0] / curve.nats[1] == pytest.approx(np.exp(2), rel=1e-4)  # in nats even the means are lost
    equal_means = gap_of_spectra(mean1, p1, mean1, p2, np.exp([8.0, 9.0]))
    assert equal_means.of_network[0] / equal_means.of_network[1] == pytest.approx(np.exp(2), rel=1e-4)


@given(st.integers(0, 2**31), st.floats(-3, 2))
def test_the_area_under_the_nats_is_the_divergence(seed: int, log_sigma: float):
    apart = families(seed)
    grid = np.linspace(log_sigma, 12, 4001)
    area = np.trapezoid(gap_of_spectra(*apart, np.exp(grid)).nats, grid)
    assert divergence_of_spectra(*apart, [np.exp(log_sigma)])[0] == pytest.approx(area, rel=1e-4)


def test_the_divergence_is_that_of_matrices():
    mean1, p1, mean2, p2 = families(5)
    s1, s2 = (covariance(p) + 0.09 * np.eye(D) for p in (p1, p2))
    m = (mean1 - mean2).ravel()
    inverse = np.linalg.inv(s2)
    expected = 0.5 * (
        np.trace(inverse @ s1) - D + m @ inverse @ m + np.linalg.slogdet(s2)[1] - np.linalg.slogdet(s1)[1]
    )
    assert divergence_of_spectra(mean1, p1, mean2, p2, [0.3])[0] == pytest.approx(expected, rel=1e-9)


def test_the_same_picture_in_more_pixels_moves_the_curve_by_half_the_log_of_the_pixels():
    """The rule of the context edge: the power of a global pattern grows with d, so sigma may grow with sqrt(d)."""
    mean1, p1, mean2, p2 = families(6)
    log_sigmas, shift = np.array([-1.0, 0.0, 1.0, 2.0]), 0.5 * np.log(4)
    few = gap_of_spectra(smooth(mean1), p1, smooth(mean2), p2, np.exp(log_sigmas))
    large = (enlarged(smooth(mean1)), _in_low(p1), enlarged(smooth(mean2)), _in_low(p2))
    many = gap_of_spectra(*large, np.exp(log_sigmas + shift))
    np.testing.assert_allclose(many.nats, few.nats, rtol=1e-9)
    np.testing.assert_allclose(many.squared, few.squared, rtol=1e-9)
    assert not np.allclose(gap_of_spectra(*large, np.exp(log_sigmas)).nats, few.nats, rtol=0.1)


def smooth(mean: np.ndarray) -> np.ndarray:
    """Without the highest frequencies, which have no place of their own in a larger picture."""
    coefficients = np.fft.fft2(mean)
    coefficients[2, :] = coefficients[:, 3] = 0
    return np.fft.ifft2(coefficients).real


def enlarged(mean: np.ndarray) -> np.ndarray:
    """The same picture in twice the rows and columns, by its Fourier series."""
    large = np.zeros((8, 12), complex)
    large[np.ix_(*_low_places())] = 4 * np.fft.fft2(mean)
    return np.fft.ifft2(large).real


def _in_low(power: np.ndarray) -> np.ndarray:
    large = np.zeros((8, 12))
    large[np.ix_(*_low_places())] = 4 * power
    return large


def _low_places() -> list[np.ndarray]:
    return [np.rint(np.fft.fftfreq(few) * few).astype(int) % (2 * few) for few in SHAPE]


def test_mean_and_spectrum_find_what_images_were_drawn_from():
    mean, p, _, _ = families(7)
    white = np.random.default_rng(8).standard_normal((4000, *SHAPE))
    images = (mean + np.fft.ifft2(np.sqrt(p) * np.fft.fft2(white)).real)[:, None].astype(np.float32)
    found_mean, found = mean_and_spectrum(images)
    np.testing.assert_allclose(found_mean, mean, atol=5 * p.mean() ** 0.5 / 4000**0.5)
    np.testing.assert_allclose(found, p, rtol=0.15)
    assert found.mean() == pytest.approx(images.var(0, ddof=1).mean(), rel=1e-5)  # Parseval


def test_what_has_no_answer_is_refused():
    mean, p, _, _ = families(9)
    with pytest.raises(ValueError, match="negative"):
        gap_of_spectra(mean, p, mean, -p, [1.0])
    with pytest.raises(ValueError, match="one shape"):
        gap_of_spectra(mean, p, mean[:2], p, [1.0])
    with pytest.raises(ValueError, match="at least 2"):
        mean_and_spectrum(np.zeros((1, 1, 4, 4), np.float32))
