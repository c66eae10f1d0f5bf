"""EDM's formulas against their definitions."""

import pytest
import torch
from torch import nn

from medsyngen.diffusion.denoiser import SIGMA_DATA, Denoiser, network_error, scalings


class Affine(nn.Module):
    """A network whose answer can be worked out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.3))

    def forward(self, x, time, class_labels):
        return self.gain * x + 1e-3 * time.view(-1, 1, 1, 1) + class_labels.view(-1, 1, 1, 1)


def test_scalings_are_table_1():
    sigma = torch.tensor([0.1, 1.0, 20.0], dtype=torch.float64)
    c_skip, c_out, c_in, c_noise = scalings(sigma)
    torch.testing.assert_close(c_skip, SIGMA_DATA**2 / (sigma**2 + SIGMA_DATA**2))
    torch.testing.assert_close(c_out, sigma * SIGMA_DATA / (sigma**2 + SIGMA_DATA**2) ** 0.5)
    torch.testing.assert_close(c_in, (sigma**2 + SIGMA_DATA**2) ** -0.5)
    torch.testing.assert_close(c_noise, 250 * sigma.log())


def noised():
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(5, 1, 4, 4, generator=generator, dtype=torch.float64) * 2 - 1
    noise = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    return y, noise, torch.tensor([0.01, 0.1, 1.0, 5.0, 50.0], dtype=torch.float64), torch.arange(5)


def test_network_error_is_the_weighted_denoising_error():
    net = Affine().double()
    y, noise, sigma, classes = noised()
    error = network_error(net, dict(net.named_parameters()), y, noise, sigma, classes)
    d = Denoiser(net)(y + sigma.view(-1, 1, 1, 1) * noise, sigma, classes)
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    torch.testing.assert_close(error, weight * ((d - y) ** 2).flatten(1).mean(1))


def test_v_prediction_is_salimans_and_hos():
    """Written as they do, for the variance-preserving z = alpha x: v = alpha n - s y, y = alpha z - s v."""
    net = Affine().double()
    y, noise, sigma, classes = noised()
    alpha = (1 / (1 + sigma**2).sqrt()).view(-1, 1, 1, 1)
    s = (1 - alpha**2).sqrt()
    z, v = alpha * y + s * noise, alpha * noise - s * y
    torch.testing.assert_close(alpha * z - s * v, y)
    f = net(z, 250 * sigma.log(), class_labels=classes)
    error = network_error(net, dict(net.named_parameters()), y, noise, sigma, classes, prediction="v")
    torch.testing.assert_close(error, ((f - v) ** 2).flatten(1).mean(1))
    d = Denoiser(net, "v")(z / alpha, sigma, classes)
    torch.testing.assert_close(d, alpha * z - s * f)
    snr = 1 / sigma**2
    torch.testing.assert_close(error, (snr + 1) * ((d - y) ** 2).flatten(1).mean(1))


def test_v_is_edm_of_unit_data_with_the_other_sign():
    sigma = torch.tensor([0.002, 0.3, 80.0], dtype=torch.float64)
    c_skip, c_out, c_in, c_noise = scalings(sigma, "v")
    torch.testing.assert_close(c_skip, 1 / (sigma**2 + 1))
    torch.testing.assert_close(c_out, -sigma / (sigma**2 + 1) ** 0.5)
    torch.testing.assert_close(c_in, (sigma**2 + 1) ** -0.5)
    assert torch.equal(c_noise, scalings(sigma)[3])


def test_the_best_denoiser_of_a_gaussian_is_a_fixed_point_at_any_noise():
    """For data N(0, sigma_data^2) the ideal F is 0: D = c_skip x."""

    class Zero(nn.Module):
        def forward(self, x, time, class_labels):
            return torch.zeros_like(x)

    x = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([0.2, 1.0, 7.0])
    expected = (SIGMA_DATA**2 / (sigma**2 + SIGMA_DATA**2)).view(-1, 1, 1, 1) * x
    torch.testing.assert_close(Denoiser(Zero())(x, sigma, torch.zeros(3, dtype=torch.long)), expected)


@pytest.mark.parametrize("sigma", [0.002, 80.0])
def test_extreme_levels_stay_finite(sigma: float):
    net = Affine()
    y = torch.zeros(1, 1, 4, 4)
    noise = torch.ones(1, 1, 4, 4)
    error = network_error(net, dict(net.named_parameters()), y, noise, torch.tensor([sigma]), torch.tensor([0]))
    assert bool(error.isfinite().all())
