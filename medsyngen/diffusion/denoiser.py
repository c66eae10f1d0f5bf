"""EDM's preconditioning around any network (Karras et al. 2022, section 5 and table 1), or v-prediction's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

SIGMA_DATA = 0.5
"""A public constant, never measured on private scans."""

TIME_SCALE = 250.0
"""MONAI's time embedding is made for 0 to 1000; EDM's ln(sigma) / 4 would give it hardly any range."""


PREDICTIONS = ("edm", "v")
"""What the network is asked for: EDM's own target, or v."""


def scalings(sigma: Tensor, prediction: str = "edm") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns c_skip, c_out, c_in, c_noise (table 1) for noise levels of any shape.

    With ``v`` the network predicts v = alpha n - sigma alpha y (Salimans and Ho 2022, arXiv 2202.00512, appendix D)
    from alpha x, where x = y + sigma n and alpha = 1 / sqrt(1 + sigma^2). So D = alpha^2 x - sigma alpha F, and
    :func:`network_error` is |F - v|^2, their weighting SNR + 1. This is EDM's preconditioning with sigma_data = 1 and
    the other sign of F; nothing else tells the two apart.

    Args:
        sigma: Noise levels.
        prediction: One of :data:`PREDICTIONS`.
    """
    sigma_data, sign = (1.0, -1.0) if prediction == "v" else (SIGMA_DATA, 1.0)
    total = sigma**2 + sigma_data**2
    c_skip = sigma_data**2 / total
    c_out = sign * sigma * sigma_data / total.sqrt()
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
        prediction: What F was trained for, one of :data:`PREDICTIONS`.
    """

    def __init__(self, network: nn.Module, prediction: str = "edm") -> None:
        self.network, self.prediction = network, prediction

    def __call__(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Denoises.

        Args:
            x: Noisy images, (n, channel, *space).
            sigma: Noise level of each image, (n,).
            classes: int64 class row of each image, (n,); of several attributes (n, attributes).

        Returns:
            The expected clean images, shape of ``x``.
        """
        c_skip, c_out, c_in, c_noise = scalings(sigma.double(), self.prediction)
        f = self.network(per_image(c_in, x) * x, c_noise.to(x.dtype), class_labels=classes)
        out: Tensor = per_image(c_skip, x) * x + per_image(c_out, x) * f
        return out


def network_error(
    network: nn.Module,
    parameters: Mapping[str, Tensor],
    y: Tensor,
    noise: Tensor,
    sigma: Tensor,
    classes: Tensor,
    *,
    prediction: str = "edm",
) -> Tensor:
    """Returns EDM's weighted loss of each image, as the plain error of F against its own target (eq. 8).

    lambda(sigma) |D - y|^2 with lambda = 1 / c_out^2 is |F - (y - c_skip x) / c_out|^2: the form without the division
    by small numbers. Pure: no state, no randomness, so that it can be mapped over patients.

    Args:
        network: Gives the structure, and those weights that ``parameters`` leaves out.
        parameters: The weights to use.
        y: Clean images, (n, channel, *space).
        noise: Standard Gaussian noise, shape of ``y``.
        sigma: (n,).
        classes: int64, (n,); of several attributes (n, attributes).
        prediction: One of :data:`PREDICTIONS`.

    Returns:
        Mean squared error of each image, (n,).
    """
    c_skip, c_out, c_in, c_noise = scalings(sigma, prediction)
    x = y + per_image(sigma, y) * noise
    target = (y - per_image(c_skip, y) * x) / per_image(c_out, y)
    f = torch.func.functional_call(
        network, dict(parameters), (per_image(c_in, y) * x, c_noise.to(y.dtype)), {"class_labels": classes}
    )
    error: Tensor = ((f - target) ** 2).flatten(1).mean(1)
    return error
