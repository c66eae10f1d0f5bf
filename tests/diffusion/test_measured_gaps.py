"""Gaps of networks whose gap is known, and of networks that learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medsyngen.diffusion.band_gaps import gap_of_spectra
from medsyngen.diffusion.denoiser import Denoiser, network_error, scalings
from medsyngen.diffusion.measured_gaps import SHORT_TRAINING, measure_gaps, train_denoiser
from medsyngen.diffusion.unet import UNetSize
from medsyngen.randomness import Streams

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)
LEVELS = [-3.0, -1.0, 0.0, 2.0]


class Wiener(nn.Module):
    """F of the best denoiser of a Gaussian with white spectrum: N(mean, power)."""

    def __init__(self, mean: float, power: float) -> None:
        super().__init__()
        self.mean, self.power = mean, power

    def forward(self, x, time, class_labels):
        sigma = torch.exp(time.double() / 250).view(-1, 1, 1, 1)
        c_skip, c_out, c_in, _ = scalings(sigma)
        x = x.double() / c_in
        d = self.mean + self.power / (self.power + sigma**2) * (x - self.mean)
        return ((d - c_skip * x) / c_out).float()


def gaussian(mean: float, power: float, count: int = 4000) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((count, 1, 4, 4))
    return (mean + power**0.5 * noise).astype(np.float32)


def test_best_denoisers_of_gaussians_lie_apart_as_the_closed_form_says():
    """And by Pythagoras the excess of the second one's loss is the same number."""
    images = gaussian(0.1, 0.3)
    (gaps,) = measure_gaps(Wiener(0.1, 0.3), [Wiener(-0.2, 0.05)], images, LEVELS, streams=Streams(0))
    flat = np.ones((4, 4))
    closed = gap_of_spectra(0.1 * flat, 0.3 * flat, -0.2 * flat, 0.05 * flat, np.exp(LEVELS).tolist())
    for gap, expected in zip(gaps, closed.of_network, strict=True):
        assert gap.gap == pytest.approx(expected, abs=5 * gap.error)
        assert gap.excess == pytest.approx(expected, abs=5 * gap.excess_error)
        assert 0 < gap.error < 0.1 * gap.gap
    assert [gap.log_sigma for gap in gaps] == LEVELS


def test_the_error_is_that_of_the_mean_over_images():
    few, many = (
        measure_gaps(Wiener(0.1, 0.3), [Wiener(-0.2, 0.05)], gaussian(0.1, 0.3, n), [0.0], streams=Streams(0))[0][0]
        for n in (100, 2500)
    )
    assert few.error / many.error == pytest.approx(5, rel=0.3)


def test_a_network_has_no_gap_to_itself_and_its_loss_is_edms():
    images = gaussian(0.1, 0.3, 70)
    one = Wiener(0.1, 0.3)
    gaps, other = measure_gaps(one, [one, Wiener(0.3, 0.1)], images, LEVELS, streams=Streams(0))
    assert all(gap.gap == gap.excess == 0 for gap in gaps)
    assert all(gap.gap > 0 for gap in other)
    assert [gap.loss for gap in gaps] == [gap.loss for gap in other]
    index, y = 2, torch.from_numpy(images)
    generator = torch.Generator().manual_seed(Streams(0).torch_seed("noise of a gap", index))
    noise, sigma = torch.randn(y.shape, generator=generator), torch.full((70,), LEVELS[index]).double().exp()
    null = torch.zeros(70, dtype=torch.int64)
    assert gaps[index].loss == pytest.approx(float(network_error(one, {}, y, noise, sigma, null).mean()), rel=1e-5)
    # The gap is that of the denoisers, over c_out.
    x = y + sigma.float().view(-1, 1, 1, 1) * noise
    apart = Denoiser(one)(x, sigma, null) - Denoiser(Wiener(0.3, 0.1))(x, sigma, null)
    c_out = float(scalings(sigma)[1][0])
    assert other[index].gap == pytest.approx(float((apart**2).mean()) / c_out**2, rel=1e-4)


def test_an_error_needs_two_images():
    with pytest.raises(ValueError, match="at least 2"):
        measure_gaps(Wiener(0, 1), [], gaussian(0, 1, 1), LEVELS, streams=Streams(0))


def train(level: float, seed: int, steps: int) -> nn.Module:
    """A network that learned images of one grey level and a little noise."""
    training = replace(SHORT_TRAINING, steps=steps, batch_size=8, learning_rate=1e-2)
    return train_denoiser(flat(level), 8, streams=Streams(seed), network=TINY, training=training)


def flat(level: float):
    return lambda count, rng: (level + 0.02 * rng.standard_normal((count, 1, 8, 8))).astype(np.float32)


def test_training_tells_families_apart():
    dark, again, bright = train(-0.5, 0, 25), train(-0.5, 1, 25), train(0.5, 2, 25)
    images = flat(-0.5)(32, np.random.default_rng(9))
    apart, floor = measure_gaps(dark, [bright, again], images, [2.0], streams=Streams(3))
    # Above all data only the means are left: |1|^2 / sigma_data^2 = 4.
    assert apart[0].gap > 5 * floor[0].gap
    assert apart[0].excess > 1


def test_training_repeats_with_its_seed_and_changes_with_it():
    images = flat(-0.5)(4, np.random.default_rng(9))
    others = [train(-0.5, 0, 2), train(-0.5, 1, 2)]
    same, other = measure_gaps(train(-0.5, 0, 2), others, images, [0.0], streams=Streams(3))
    assert same[0].gap == 0 < other[0].gap
