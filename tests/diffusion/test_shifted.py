"""A shifted denoiser of a Gaussian is the denoiser of the Gaussian with the other mean."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.diffusion.shifted import Shift, Shifted

PIXELS, K = 6, 3


def of_gaussian(mean: torch.Tensor, covariance: torch.Tensor):
    """D(x; sigma) of N(m, S), by its formula."""

    def denoise(x, sigma, classes):
        gain = covariance @ torch.linalg.inv(covariance + float(sigma[0]) ** 2 * torch.eye(PIXELS, dtype=torch.float64))
        return (mean + (x.flatten(1) - mean) @ gain.T).reshape(x.shape)

    return denoise


def a_gaussian(seed: int):
    """One that varies along k directions alone; the directions, S along them, a mean."""
    rng = torch.Generator().manual_seed(seed)
    directions = torch.linalg.qr(torch.randn((PIXELS, K), generator=rng, dtype=torch.float64))[0]
    root = torch.randn((K, K), generator=rng, dtype=torch.float64)
    along = root @ root.T + 0.1 * torch.eye(K, dtype=torch.float64)
    return directions, along, torch.randn(PIXELS, generator=rng, dtype=torch.float64)


def only(cells: int):
    return lambda classes: torch.nn.functional.one_hot(classes, cells).double()


@given(seed=st.integers(0, 99), sigma=st.floats(1e-3, 1e3))
def test_of_a_gaussian_it_is_the_other_one(seed: int, sigma: float) -> None:
    directions, along, mean = a_gaussian(seed)
    by = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]], dtype=torch.float64)
    covariance = directions @ along @ directions.T
    shifted = Shifted(of_gaussian(mean, covariance), Shift(directions, along, by), only(2))
    x = torch.randn((2, 1, 2, 3), generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    levels, classes = torch.full((2,), sigma, dtype=torch.float64), torch.tensor([0, 1])
    other = of_gaussian(mean + directions @ by[1], covariance)
    found = shifted(x, levels, classes)
    torch.testing.assert_close(found[:1], of_gaussian(mean, covariance)(x[:1], levels, classes))
    torch.testing.assert_close(found[1:], other(x[1:], levels, classes), atol=1e-8, rtol=1e-6)


def test_all_of_the_shift_at_strong_noise_and_none_at_weak() -> None:
    directions, along, _ = a_gaussian(0)
    by = torch.ones((1, K), dtype=torch.float64)
    shift = Shift(directions, along, by)
    torch.testing.assert_close(shift.at(1e4), by @ directions.T, atol=1e-5, rtol=0)
    assert float(shift.at(1e-4).abs().max()) < 1e-5


def test_one_noise_level_a_call() -> None:
    directions, along, mean = a_gaussian(0)
    shifted = Shifted(of_gaussian(mean, torch.eye(PIXELS)), Shift(directions, along, torch.ones((1, K))), only(1))
    with pytest.raises(ValueError, match="one noise level"):
        shifted(torch.zeros((2, 1, 2, 3)), torch.tensor([1.0, 2.0]), torch.tensor([0, 0]))
