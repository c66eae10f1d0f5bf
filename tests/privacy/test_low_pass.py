"""The filter: a weighted mean of the gradients so far, and the variance that its noise is left with."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.privacy.low_pass import LowPass


@given(st.floats(0.01, 0.99), st.integers(1, 12), st.integers(0, 99))
def test_it_is_a_mean_whose_weights_fall_by_a_factor_with_every_step(gain, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    gradients, variances = torch.randn(steps, 4, generator=generator), torch.rand(steps, 4, generator=generator)
    low_pass = LowPass(gradients[0], gain)
    for gradient, variance in zip(gradients, variances, strict=True):
        filtered, left = low_pass(gradient, variance)
    weights = torch.tensor([(1 - gain) ** (steps - 1 - i) for i in range(steps)], dtype=torch.float64)
    weights /= weights.sum()
    torch.testing.assert_close(filtered.double(), weights @ gradients.double(), rtol=1e-4, atol=1e-5)
    assert left is not None
    torch.testing.assert_close(left.double(), weights**2 @ variances.double(), rtol=1e-4, atol=1e-6)


def test_a_constant_gradient_passes_unchanged_from_the_first_step():
    low_pass, gradient = LowPass(torch.zeros(3), 0.2), torch.tensor([1.0, -2.0, 1e-6])
    for _ in range(5):
        filtered, left = low_pass(gradient, None)
        torch.testing.assert_close(filtered, gradient)
        assert left is None


@pytest.mark.parametrize("gain", [0.1, 0.5, 0.9])
def test_the_noise_that_is_left_is_what_it_says(gain):
    """By simulation; in the end kappa / (2 - kappa) of it."""
    generator = torch.Generator().manual_seed(0)
    low_pass = LowPass(torch.zeros(20_000), gain)
    for _ in range(80):
        filtered, left = low_pass(3.0 * torch.randn(20_000, generator=generator), torch.tensor(9.0))
        assert left is not None
        assert float(filtered.square().mean() / left) == pytest.approx(1.0, abs=0.06)
    assert float(left) == pytest.approx(9.0 * gain / (2 - gain), rel=1e-3)
