import pytest
import torch

from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.sampling import sample_heun, starting_noise
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.diffusion.staged import StagedDenoiser


def ideal(mean: float, std: float):
    """The exact denoiser of pixels that are independent N(mean, std^2)."""

    def denoise(x, sigma, classes):
        s = sigma.view(-1, 1, 1, 1).to(x.dtype)
        return (std**2 * x + s**2 * mean) / (std**2 + s**2)

    return denoise


def test_heun_reaches_the_law_that_the_denoiser_knows_with_second_order():
    noise = starting_noise(range(400), (1, 8, 8))
    null = torch.zeros(400, dtype=torch.long)
    exact = noise.double() * 0.2 * (80**2 / (80**2 + 0.2**2)) ** 0.5
    errors = []
    for steps in (18, 36, 72):
        images = sample_heun(ideal(0.0, 0.2), noise.double(), null, karras_steps(steps, 0.002, 80.0))
        errors.append((images - exact).pow(2).mean().sqrt().item())
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 2.5
    assert errors[2] < errors[1] / 2.5
    shifted = sample_heun(ideal(0.3, 0.2), noise, null, karras_steps(18, 0.002, 80.0))
    assert shifted.mean().item() == pytest.approx(0.3, abs=0.01)


def test_an_image_is_the_same_in_any_batch():
    sigmas = karras_steps(6, 0.01, 20.0)
    whole = sample_heun(ideal(0, 0.5), starting_noise(range(5), (1, 4, 4)), torch.zeros(5, dtype=torch.long), sigmas)
    alone = sample_heun(ideal(0, 0.5), starting_noise([3], (1, 4, 4)), torch.zeros(1, dtype=torch.long), sigmas)
    torch.testing.assert_close(whole[3], alone[0])


def test_schedule_without_a_final_zero_is_refused():
    with pytest.raises(ValueError, match="end with 0"):
        sample_heun(ideal(0, 1), torch.zeros(1, 1, 2, 2), torch.zeros(1, dtype=torch.long), torch.tensor([2.0, 1.0]))


def test_each_noise_level_goes_to_its_expert():
    calls = []

    def expert(name):
        def denoise(x, sigma, classes):
            calls.append((name, sigma[0].item()))
            return x * 0

        return denoise

    bands = [NoiseBand("cleaning", 0.002, 0.05), NoiseBand("context", 0.05, 8.0), NoiseBand("coarse", 8.0, 80.0)]
    staged = StagedDenoiser([(b, expert(b.name)) for b in bands])
    sample_heun(staged, torch.randn(2, 1, 2, 2), torch.zeros(2, dtype=torch.long), karras_steps(18, 0.002, 80.0))
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
