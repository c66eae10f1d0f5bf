"""Pictures taken otherwise: tone, sharpness, noise and framing changed at random, so that no reader rests on them.

What was learned on phantoms must hold on pictures of devices that no phantom imitates.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SHARE = 0.5
"""Share of the pictures that each change meets."""


def changed(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Returns the pictures with a random acquisition each; what is in them stays what it was.

    Args:
        pixels: float32 in [-1, 1], (count, 1, side, side).
        generator: Public randomness, on the CPU.
    """
    pixels = _framed(pixels, generator)
    pixels = _blurred(pixels, generator)
    pixels = _toned(pixels, generator)
    strength = _some(pixels, generator) * 0.06 * _uniform(pixels, generator)
    noise = torch.randn(pixels.shape, generator=generator)
    return (pixels + strength * noise).clamp(-1, 1)


def _uniform(pixels: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand((len(pixels), 1, 1, 1), generator=generator)


def _some(pixels: Tensor, generator: torch.Generator) -> Tensor:
    return (_uniform(pixels, generator) < SHARE).float()


def _toned(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """A growing curve from black to white: a power, and an S or its inverse, mixed."""
    grey = (pixels + 1) / 2
    power = torch.exp((2 * _uniform(pixels, generator) - 1) * 0.35)
    steep = 0.4 * (2 * _uniform(pixels, generator) - 1)  # 3 g^2 - 2 g^3 - g has slope of at least -1: it still grows
    curved = grey.clamp(1e-6, 1) ** power
    curved = curved + steep * (curved**2 * (3 - 2 * curved) - curved)
    return torch.where(_some(pixels, generator) > 0, 2 * curved - 1, pixels)


def _blurred(pixels: Tensor, generator: torch.Generator) -> Tensor:
    soft = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return pixels + 0.7 * _some(pixels, generator) * _uniform(pixels, generator) * (soft - pixels)


def _framed(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each side is stretched, and the picture moved, by up to some hundredths of its width."""
    some = _some(pixels, generator)[:, 0]
    scale = 1 + 0.04 * some * (2 * torch.rand((len(pixels), 1, 2), generator=generator) - 1)
    shift = 0.04 * some * (2 * torch.rand((len(pixels), 1, 2), generator=generator) - 1)
    affine = torch.cat([torch.diag_embed(scale[:, 0]), shift.transpose(1, 2)], dim=2)
    grid = functional.affine_grid(affine, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
