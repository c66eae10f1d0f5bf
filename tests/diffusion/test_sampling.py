from itertools import pairwise

import pytest
import torch

from medsyngen.diffusion import sampling
from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.sampling import (
    SAMPLERS,
    ImageNoise,
    bytes_an_image,
    free_bytes,
    images_at_once,
    network_calls,
    sample_ancestral,
    sample_ddim,
    sample_heun,
)
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.diffusion.staged import StagedDenoiser
from medsyngen.diffusion.unet import UNetSize

CPU = torch.device("cpu")


def zeros() -> torch.Tensor:
    return torch.zeros(1, 1, 2, 2)


def ideal(mean: float, std: float):
    """The exact denoiser of pixels that are independent N(mean, std^2)."""

    def denoise(x, sigma, classes):
        s = sigma.view(-1, 1, 1, 1).to(x.dtype)
        return (std**2 * x + s**2 * mean) / (std**2 + s**2)

    return denoise


def test_heun_reaches_the_law_that_the_denoiser_knows_with_second_order():
    noise = ImageNoise(range(400), (1, 8, 8))()
    null = torch.zeros(400, dtype=torch.long)
    exact = noise.double() * 0.2 * (80**2 / (80**2 + 0.2**2)) ** 0.5
    errors = []
    for steps in (18, 36, 72):
        images = sample_heun(ideal(0.0, 0.2), noise.double, null, karras_steps(steps, 0.002, 80.0))
        errors.append((images - exact).pow(2).mean().sqrt().item())
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 2.5
    assert errors[2] < errors[1] / 2.5
    shifted = sample_heun(ideal(0.3, 0.2), lambda: noise, null, karras_steps(18, 0.002, 80.0))
    assert shifted.mean().item() == pytest.approx(0.3, abs=0.01)


def test_ddim_reaches_it_too_with_first_order():
    noise = ImageNoise(range(400), (1, 8, 8))().double()
    null = torch.zeros(400, dtype=torch.long)
    exact = noise * 0.2 * (80**2 / (80**2 + 0.2**2)) ** 0.5
    errors = []
    for steps in (36, 72, 144):
        images = sample_ddim(ideal(0.0, 0.2), lambda: noise, null, karras_steps(steps, 0.002, 80.0))
        errors.append((images - exact).pow(2).mean().sqrt().item())
    assert errors[0] < 0.06
    for wide, fine in pairwise(errors):
        assert 1.6 < wide / fine < 2.4  # halving the steps halves the error: first order, and not second


def test_ddim_takes_the_paper_step():
    """Equation 12 of Song et al. 2021 with eta = 0, in the paper's own letters: x_t = sqrt(alpha_t) (y + sigma n)."""
    noise, sigmas = ImageNoise(range(3), (1, 2, 2))().double(), torch.tensor([10.0, 4.0, 0.5, 0.0]).double()
    denoise, null = ideal(0.1, 0.4), torch.zeros(3, dtype=torch.long)
    alpha = 1 / (1 + sigmas**2)
    x = alpha[0].sqrt() * 10.0 * noise
    for t in range(3):
        clean = denoise(x / alpha[t].sqrt(), sigmas[t].expand(3), null)
        epsilon = (x - alpha[t].sqrt() * clean) / (1 - alpha[t]).sqrt()
        x = alpha[t + 1].sqrt() * clean + (1 - alpha[t + 1]).sqrt() * epsilon
    torch.testing.assert_close(sample_ddim(denoise, lambda: noise, null, sigmas), x)


def test_ancestral_steps_reach_the_law_with_fresh_noise_in_each():
    null, sigmas = torch.zeros(400, dtype=torch.long), karras_steps(72, 0.002, 80.0)
    images = sample_ancestral(ideal(0.3, 0.2), ImageNoise(range(400), (1, 8, 8)), null, sigmas)
    assert images.mean().item() == pytest.approx(0.3, abs=0.01)  # 25,600 pixels: standard error 0.0013
    assert images.std().item() == pytest.approx(0.2, abs=0.02)
    first = ImageNoise(range(400), (1, 8, 8))()
    correlation = torch.corrcoef(torch.stack([images.flatten(), first.flatten()]))[0, 1].item()
    assert abs(correlation) < 0.05  # nothing is left of the first noise, which decides everything in the other samplers


def test_an_ancestral_step_is_the_papers():
    """Equations 12 and 16 of Song et al. 2021 with eta = 1, in the paper's own letters, as above."""
    sigmas = torch.tensor([10.0, 4.0, 0.5, 0.0]).double()
    denoise, null, source = ideal(0.1, 0.4), torch.zeros(3, dtype=torch.long), ImageNoise(range(3), (1, 2, 2))
    noises = [source().double() for _ in range(3)]
    alpha = 1 / (1 + sigmas**2)
    x = alpha[0].sqrt() * 10.0 * noises[0]
    for t in range(3):
        clean = denoise(x / alpha[t].sqrt(), sigmas[t].expand(3), null)
        epsilon = (x - alpha[t].sqrt() * clean) / (1 - alpha[t]).sqrt()
        std = ((1 - alpha[t + 1]) / (1 - alpha[t])).sqrt() * (1 - alpha[t] / alpha[t + 1]).sqrt()
        x = alpha[t + 1].sqrt() * clean + (1 - alpha[t + 1] - std**2).clamp_min(0).sqrt() * epsilon
        if t < 2:
            x = x + std * noises[t + 1]
    given = iter(noises)
    torch.testing.assert_close(sample_ancestral(denoise, lambda: next(given), null, sigmas), x)


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_image_is_the_same_in_any_batch(name):
    sigmas, sample = karras_steps(6, 0.01, 20.0), SAMPLERS[name]
    whole = sample(ideal(0, 0.5), ImageNoise(range(5), (1, 4, 4)), torch.zeros(5, dtype=torch.long), sigmas)
    alone = sample(ideal(0, 0.5), ImageNoise([3], (1, 4, 4)), torch.zeros(1, dtype=torch.long), sigmas)
    torch.testing.assert_close(whole[3], alone[0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_schedule_without_a_final_zero_is_refused(name):
    with pytest.raises(ValueError, match="end with 0"):
        SAMPLERS[name](ideal(0, 1), zeros, torch.zeros(1, dtype=torch.long), torch.tensor([2.0, 1.0]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_network_is_called_as_often_as_is_said(name):
    calls = []

    def denoise(x, sigma, classes):
        calls.append(float(sigma[0]))
        return x * 0

    SAMPLERS[name](denoise, zeros, torch.zeros(1, dtype=torch.long), karras_steps(7, 0.01, 20.0))
    assert len(calls) == network_calls(name, 7)
    assert min(calls) == pytest.approx(0.01)  # never at 0, where noise can't be told


def test_the_batch_follows_the_memory_that_is_free(monkeypatch):
    network, seen = UNetSize(), []
    for free in (0, 1 << 24, 1 << 26, 1 << 28, 1 << 29, 1 << 30, 1 << 34):
        monkeypatch.setattr(sampling, "free_bytes", lambda device, free=free: free)
        seen.append(images_at_once(network, 64, CPU))
        assert seen[-1] == 1 or seen[-1] * bytes_an_image(network, 64) <= free / 4
    assert seen == sorted(seen)
    assert seen[0] == 1
    assert seen[-1] == 32
    assert {n & (n - 1) for n in seen} == {0}  # powers of two, so that small changes of memory change nothing
    assert len(set(seen)) > 3


def test_an_image_takes_more_memory_the_larger_it_and_the_network_are():
    small = bytes_an_image(UNetSize(), 32)
    # Peaks measured in processes of their own: 1.7 MB at 32 pixels, 6.8 MB at 64, 25 MB at 128; never under them.
    for side, measured in ((32, 1.7e6), (64, 6.8e6), (128, 25e6)):
        assert measured <= bytes_an_image(UNetSize(), side) <= 3 * measured
    assert bytes_an_image(UNetSize(channels=(40, 72, 96)), 32) > 2 * small
    assert bytes_an_image(UNetSize(attention=(True, True, True)), 32) > small  # every pair of positions


def test_a_system_that_does_not_tell_its_memory_is_taken_for_a_small_one(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    assert free_bytes(CPU) > 0
    monkeypatch.setattr(sampling.os, "sysconf", unknown)
    assert free_bytes(CPU) == 1 << 30


def test_each_noise_level_goes_to_its_expert():
    calls = []

    def expert(name):
        def denoise(x, sigma, classes):
            calls.append((name, sigma[0].item()))
            return x * 0

        return denoise

    bands = [NoiseBand("cleaning", 0.002, 0.05), NoiseBand("context", 0.05, 8.0), NoiseBand("coarse", 8.0, 80.0)]
    staged = StagedDenoiser([(b, expert(b.name)) for b in bands])
    sample_heun(
        staged, ImageNoise(range(2), (1, 2, 2)), torch.zeros(2, dtype=torch.long), karras_steps(18, 0.002, 80.0)
    )
    assert {name for name, _ in calls} == {"coarse", "context", "cleaning"}
    for name, sigma in calls:
        band = next(b for b in bands if b.name == name)
        assert sigma in band or sigma == pytest.approx(80.0)


def test_bands_with_a_gap_are_refused():
    with pytest.raises(ValueError, match="don't meet"):
        StagedDenoiser([(NoiseBand("a", 1, 2), ideal(0, 1)), (NoiseBand("b", 3, 4), ideal(0, 1))])


def test_mixed_levels_are_refused():
    staged = StagedDenoiser([(NoiseBand("a", 1, 2), ideal(0, 1))])
    with pytest.raises(ValueError, match="one noise level"):
        staged(torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 1.5]), torch.zeros(2))
