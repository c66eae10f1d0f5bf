"""From noise to images: Heun's method, DDIM, and ancestral steps.

Heun's method is algorithm 1 of Karras et al. 2022 without its churn, two network calls a step; DDIM is Song et al. 2021
(arXiv 2010.02502) with eta = 0, one call a step: both follow the probability-flow equation and are deterministic given
the first noise. Ancestral steps are Song et al.'s with eta = 1, one call a step and fresh noise in each: what is added
anew makes the network correct its own earlier errors. All walk the same noise levels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from medsyngen.diffusion.staged import Denoise
from medsyngen.diffusion.unet import UNetSize
from medsyngen.scan import Size, image_shape

_FIRST_LEVEL_MAPS = 30
"""Feature maps of the first level alive at the peak of a call, in units of its channels: 22 to 26 were measured."""
_UNFOLDED = 6
"""Copies of an image beside a network that works on blocks of it."""
_SHARE = 0.25
"""Of the memory that is free, what a batch may take."""
_MOST = {"cpu": 32, "cuda": 512}
"""A processor gains nothing from larger batches; and the same batch on most machines means the same bits."""
_UNKNOWN = 1 << 30
"""Bytes assumed free where the system doesn't say."""


class ImageNoise:
    """Standard Gaussian noise, again and again, each image's from a stream of its own: the same in any batch.

    Args:
        seeds: One named seed an image.
        shape: (channel, *space).
        device: Where it goes; it is drawn on the CPU, so that devices draw the same images.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | None = None) -> None:
        self._shape, self._device = shape, device
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self) -> Tensor:
        """Returns the next noise of every image, (n, channel, *space)."""
        drawn = torch.stack([torch.randn(self._shape, generator=each) for each in self._generators])
        return drawn if self._device is None else drawn.to(self._device)


Fresh = Callable[[], Tensor]
"""() -> standard Gaussian noise for every image, other at each call."""


@torch.no_grad()
def sample_heun(denoise: Denoise, fresh: Fresh, classes: Tensor, sigmas: Tensor) -> Tensor:
    """Walks from sigmas[0] down to 0 with Heun's second-order steps; deterministic given the first noise.

    Args:
        denoise: D(x; sigma, class).
        fresh: Standard Gaussian noise, (n, channel, *space); called once.
        classes: int64 class rows, (n,).
        sigmas: Falling noise levels that end with 0, float64.

    Returns:
        Images in about [-1, 1], not clipped.
    """
    x = fresh() * float(sigmas[0])
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


def sample_ddim(denoise: Denoise, fresh: Fresh, classes: Tensor, sigmas: Tensor) -> Tensor:
    """Walks from sigmas[0] down to 0 with DDIM's steps, eta = 0; arguments and result as :func:`sample_heun`.

    In EDM's notation (x = y + sigma n) equation 12 of Song et al. 2021 reads x' = D + (sigma' / sigma) (x - D): the
    noise that the denoiser sees is kept and scaled down. That is Euler's step of the probability-flow equation.
    """
    return _implicit(denoise, fresh, classes, sigmas, eta=0.0)


def sample_ancestral(denoise: Denoise, fresh: Fresh, classes: Tensor, sigmas: Tensor) -> Tensor:
    """Walks from sigmas[0] down to 0 with fresh noise in every step; arguments and result as :func:`sample_heun`.

    Equations 12 and 16 of Song et al. 2021 with eta = 1, DDPM's own law: of the noise at the lower level the variance
    sigma'^2 (sigma^2 - sigma'^2) / sigma^2 is drawn anew.
    """
    return _implicit(denoise, fresh, classes, sigmas, eta=1.0)


@torch.no_grad()
def _implicit(denoise: Denoise, fresh: Fresh, classes: Tensor, sigmas: Tensor, *, eta: float) -> Tensor:
    if float(sigmas[-1]) != 0:
        raise ValueError("sigmas must end with 0")
    x = fresh() * float(sigmas[0])
    for sigma, after in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        level = torch.full((len(x),), sigma, dtype=torch.float64, device=x.device)
        clean = denoise(x, level, classes)
        new = eta * after * (1 - (after / sigma) ** 2) ** 0.5
        x = clean + ((after**2 - new**2) ** 0.5 / sigma) * (x - clean)
        if new:
            x = x + new * fresh()
    return x


Sampler = Callable[[Denoise, Fresh, Tensor, Tensor], Tensor]
"""(denoise, fresh noise, classes, sigmas) -> images."""

SAMPLERS: dict[str, Sampler] = {"heun": sample_heun, "ddim": sample_ddim, "ancestral": sample_ancestral}
"""The ways to draw, by name."""


def network_calls(sampler: str, steps: int) -> int:
    """Returns how often each image passes a network: Heun's last step, down to 0, takes one call and not two."""
    return 2 * steps - 1 if sampler == "heun" else steps


def bytes_an_image(network: UNetSize, size: Size) -> int:
    """Returns about how many bytes one image of a batch takes while it passes the network without gradients."""
    channels, *space = image_shape(size)
    places = math.prod(side // network.patch for side in space)
    unfolded = 0 if network.patch == 1 else _UNFOLDED * channels * math.prod(space)
    maps = 4 * (_FIRST_LEVEL_MAPS * network.channels[0] * places + unfolded)
    scores = 0
    for level, (channels, attends) in enumerate(zip(network.channels, network.attention, strict=True)):
        if attends:  # scores and their softmax, for every pair of positions
            heads = max(1, channels // network.head_channels)
            scores = max(scores, 2 * 4 * heads * (places // 2 ** (level * len(space))) ** 2)
    return maps + scores


def images_at_once(network: UNetSize, size: Size, device: torch.device) -> int:
    """Returns the batch for sampling: a power of two that takes at most a quarter of the memory that is free.

    The images are the same whatever it returns, up to rounding.

    Args:
        network: Size of the network.
        size: Of the images.
        device: Where to compute.
    """
    most = _MOST.get(device.type, _MOST["cpu"])
    fit = int(_SHARE * free_bytes(device)) // bytes_an_image(network, size)
    return min(most, 1 << max(0, fit.bit_length() - 1))


def free_bytes(device: torch.device) -> int:
    """Returns the memory that is free on the device, at least; one GiB where that can't be told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system has the function, or the name
        return _UNKNOWN
