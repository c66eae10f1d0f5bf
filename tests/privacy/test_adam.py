"""Adam: PyTorch's to the last bit; without the noise's bias it goes on noisy gradients as Adam goes on clean ones."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medsyngen.privacy.adam import Adam, NoiseCorrection
from medsyngen.privacy.training_state import TrainingState

BETAS = (0.9, 0.99)


@pytest.mark.parametrize("damping", [1e-8, 0.01])
@pytest.mark.parametrize("betas", [BETAS, (0.0, 0.999), (0.95, 0.5)])
def test_plain_adam_is_pytorchs_to_the_last_bit(betas, damping):
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(300, generator=generator)
    theirs = ours.clone().requires_grad_()
    adam = Adam(ours, betas, damping=damping)
    oracle = torch.optim.Adam([theirs], lr=1.0, betas=betas, eps=damping)
    for step in range(40):
        gradient = torch.randn(300, generator=generator) * 10.0 ** torch.randint(-6, 3, (300,), generator=generator)
        oracle.param_groups[0]["lr"] = rate = 0.1 / (1 + step)
        theirs.grad = gradient
        oracle.step()
        adam.step(ours, gradient, rate)
        assert torch.equal(ours, theirs)


def test_damped_far_above_its_gradients_adam_steps_in_proportion_to_them():
    """Noise then moves a weight by as much as there is of it; plain Adam moves it about a learning rate, always."""
    generator = torch.Generator().manual_seed(0)
    moved = {}
    for size in (1e-6, 1e-4):
        weights = torch.zeros(300)
        adam = Adam(weights, BETAS, damping=0.01)
        noise = torch.Generator().manual_seed(1)
        for _ in range(10):
            adam.step(weights, size * torch.randn(300, generator=noise), 0.01)
        moved[size] = weights
    torch.testing.assert_close(100 * moved[1e-6], moved[1e-4], rtol=0.05, atol=1e-6)
    plain = torch.zeros(300)
    Adam(plain, BETAS).step(plain, 1e-6 * torch.randn(300, generator=generator), 0.01)
    assert plain.abs().mean() > 0.009


class WithoutFloor(Adam):
    """Divides by what is left, however little."""

    def _without_noise(self, variance: Tensor) -> Tensor:
        super()._without_noise(variance)
        return (self.second - self.noise).clamp_min(0)


class TwiceTaken(Adam):
    """Takes twice the noise out."""

    def _without_noise(self, variance: Tensor) -> Tensor:
        return super()._without_noise(2 * variance)


class TakenFromLastStep(Adam):
    """Takes out the noise of a step before v has seen it: v is short of 1 - beta2^t, Phi is not."""

    def _without_noise(self, variance: Tensor) -> Tensor:
        return torch.maximum(self.second - variance, (self.floor or 0) * variance)


def law_of_pure_noise(kind: type[Adam], scale: float) -> None:
    """Without any signal no weight moves further than its floor allows, and most about as far as the learning rate."""
    generator, floor, sizes = torch.Generator().manual_seed(1), 0.05, []
    weights = torch.zeros(4000)
    adam, variance = kind(weights, BETAS, floor), torch.tensor(scale**2)
    for step in range(1, 61):
        before = weights.clone()
        adam.step(weights, scale * torch.randn(4000, generator=generator), 1.0, variance)
        moved = (weights - before).abs()
        allowed = (adam.first / (1 - 0.9**step)).abs() / (scale * math.sqrt(floor))
        # The weights are sums in float32, and so are their differences.
        assert bool((moved <= allowed * (1 + 1e-4) + 1e-4).all())
        sizes.append(float(moved.square().mean().sqrt()))
    assert max(sizes[10:]) < 1.1
    assert max(sizes) < 3.0


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_pure_noise_moves_no_weight_further_than_the_floor_allows(scale):
    law_of_pure_noise(Adam, scale)
    with pytest.raises(AssertionError):
        law_of_pure_noise(WithoutFloor, scale)


SLOPES = torch.tensor([0.4, 0.7, 1.0, 2.0, 5.0])
"""Curvatures of a quadratic, and gradients at its start, in units of the noise's standard deviation."""
COPIES = 400


def gone(kind: type[Adam], floor: float | None, noise: float, steps: int = 150) -> Tensor:
    """How far x gets from 0 on f(x) = sum a_i (x_i - 1)^2 / 2: the mean of many copies, for each slope a."""
    generator = torch.Generator().manual_seed(2)
    slopes = SLOPES.repeat_interleave(COPIES)
    x = torch.zeros_like(slopes)
    adam = kind(x, BETAS, floor)
    variance = None if floor is None else torch.tensor(noise**2)
    for _ in range(steps):
        gradient = slopes * (x - 1) + noise * torch.randn(len(x), generator=generator)
        adam.step(x, gradient, 0.002, variance)
    return x.view(-1, COPIES).mean(1)


def law_of_going_alike(kind: type[Adam]) -> None:
    """With the correction, noisy gradients lead on average where Adam goes on clean ones; without, they lag behind."""
    clean, noisy, corrected = gone(Adam, None, 0.0), gone(Adam, None, 1.0), gone(kind, 0.05, 1.0)
    assert bool(((corrected / clean - 1).abs() < 0.5 * (noisy / clean - 1).abs()).all())
    assert bool(((corrected / clean - 1).abs() < 0.15)[SLOPES >= 0.7].all())


def test_corrected_adam_goes_on_noisy_gradients_as_adam_goes_on_clean_ones():
    law_of_going_alike(Adam)
    clean, noisy = gone(Adam, None, 0.0), gone(Adam, None, 1.0)
    assert float(clean.max() / clean.min()) < 1.01  # Adam: the same for all slopes
    assert float(noisy.max() / noisy.min()) > 2.0  # momentum: as the slope
    for mutant in (TwiceTaken, TakenFromLastStep):
        with pytest.raises(AssertionError):
            law_of_going_alike(mutant)


def test_a_weight_without_gradient_and_noise_stays():
    weights = torch.ones(3)
    adam = Adam(weights, BETAS, 0.05)
    for _ in range(3):
        adam.step(weights, torch.tensor([0.0, 1.0, -1.0]), 0.1, torch.tensor([0.0, 1.0, 1.0]))
    assert float(weights[0]) == 1.0
    assert bool(weights.isfinite().all())
    assert bool((weights[1:] != 1).all())


def test_a_correction_needs_a_floor():
    with pytest.raises(ValueError, match="floor"):
        Adam(torch.zeros(2), BETAS).step(torch.zeros(2), torch.ones(2), 0.1, torch.tensor(1.0))


def test_the_state_takes_out_the_variance_that_it_was_told():
    """A correction of nothing is no correction; one of everything leaves the floor."""
    gradient, moved = torch.tensor([3.0, -2.0], dtype=torch.float64), []
    for variance in (1e-30, 1e6):
        more = {"learning_rate": 1.0, "betas": BETAS, "ema_decay": 0.9}
        state = TrainingState(torch.zeros(2), correction=NoiseCorrection(variance, 0.25), **more)
        state.update(gradient)
        moved.append(state.flat)
    assert moved[0].tolist() == pytest.approx([-1.0, 1.0])
    assert moved[1].tolist() == pytest.approx([-3.0 / 500, 2.0 / 500])
