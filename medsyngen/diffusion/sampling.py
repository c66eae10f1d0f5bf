"""From noise to images: Heun's method on the probability-flow equation (Karras et al. 2022, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from medsyngen.diffusion.staged import Denoise


def starting_noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Returns standard Gaussian noise, one named seed an image, so that image i is the same in any batch."""
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


@torch.no_grad()
def sample_heun(denoise: Denoise, noise: Tensor, classes: Tensor, sigmas: Tensor) -> Tensor:
    """Walks from sigmas[0] down to 0 with Heun's second-order steps; deterministic given the noise.

    Args:
        denoise: D(x; sigma, class).
        noise: Standard Gaussian, (n, channel, *space).
        classes: int64 class rows, (n,).
        sigmas: Falling noise levels that end with 0, float64.

    Returns:
        Images in about [-1, 1], not clipped.
    """
    x = noise * float(sigmas[0])
    for sigma, after in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        level = torch.full((len(x),), sigma, dtype=torch.float64, device=x.device)
        slope = (x - denoise(x, level, classes)) / sigma
        euler = x + (after - sigma) * slope
        if after == 0:
            image: Tensor = euler
            return image
        level = torch.full_like(level, after)
        slope_after = (euler - denoise(euler, level, classes)) / after
        x = x + (after - sigma) * 0.5 * (slope + slope_after)
    raise ValueError("sigmas must end with 0")
