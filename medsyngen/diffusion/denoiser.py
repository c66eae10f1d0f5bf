"""EDM's preconditioning around any network (Karras et al. 2022, section 5 and table 1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

SIGMA_DATA = 0.5
"""A public constant, never measured on private scans."""

TIME_SCALE = 250.0
"""MONAI's time embedding is made for 0 to 1000; EDM's ln(sigma) / 4 would give it hardly any range."""


def scalings(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns c_skip, c_out, c_in, c_noise (table 1) for noise levels of any shape."""
    total = sigma**2 + SIGMA_DATA**2
    c_skip = SIGMA_DATA**2 / total
    c_out = sigma * SIGMA_DATA / total.sqrt()
    c_in = 1 / total.sqrt()
    c_noise = TIME_SCALE * sigma.log()
    return c_skip, c_out, c_in, c_noise


def per_image(value: Tensor, like: Tensor) -> Tensor:
    """Returns (n,) values shaped to multiply (n, channel, *space)."""
    return value.view(-1, *[1] * (like.ndim - 1)).to(like.dtype)


class Denoiser:
    """D(x; sigma, class) = c_skip x + c_out F(c_in x; c_noise, class) (eq. 7).

    Args:
        network: F, called as ``network(x, time, class_labels=...)``.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __call__(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Denoises.

        Args:
            x: Noisy images, (n, channel, *space).
            sigma: Noise level of each image, (n,).
            classes: int64 class row of each image, (n,); of several attributes (n, attributes).

        Returns:
            The expected clean images, shape of ``x``.
        """
        c_skip, c_out, c_in, c_noise = scalings(sigma.double())
        f = self.network(per_image(c_in, x) * x, c_noise.to(x.dtype), class_labels=classes)
        out: Tensor = per_image(c_skip, x) * x + per_image(c_out, x) * f
        return out


def network_error(
    network: nn.Module, parameters: Mapping[str, Tensor], y: Tensor, noise: Tensor, sigma: Tensor, classes: Tensor
) -> Tensor:
    """Returns EDM's weighted loss of each image, as the plain error of F against its own target (eq. 8).

    lambda(sigma) |D - y|^2 with lambda = 1 / c_out^2 is |F - (y - c_skip x) / c_out|^2: the form without the division
    by small numbers. Pure: no state, no randomness, so that it can be mapped over patients.

    Args:
        network: Gives the structure; its own weights are not used.
        parameters: The weights to use.
        y: Clean images, (n, channel, *space).
        noise: Standard Gaussian noise, shape of ``y``.
        sigma: (n,).
        classes: int64, (n,); of several attributes (n, attributes).

    Returns:
        Mean squared error of each image, (n,).
    """
    c_skip, c_out, c_in, c_noise = scalings(sigma)
    x = y + per_image(sigma, y) * noise
    target = (y - per_image(c_skip, y) * x) / per_image(c_out, y)
    f = torch.func.functional_call(
        network, dict(parameters), (per_image(c_in, y) * x, c_noise.to(y.dtype)), {"class_labels": classes}
    )
    error: Tensor = ((f - target) ** 2).flatten(1).mean(1)
    return error
