"""Detail for small images: a denoiser of what a small image lacks, told the small image in place of a class.

Cascaded diffusion (Ho et al. 2022, arXiv 2106.15282) with the idea of the cleaning band carried to resolution: what
lies above a small image's finest wave is small beside the picture, so a network that has seen phantoms alone may draw
it. It learns the residual r = (Y - U(y)) / s of a large image Y over its small one y enlarged smoothly, U(y), where s
is a public number that makes r as large as EDM expects images to be (sigma_data). Small images are noised a little
while it learns (their augmentation, section 4.2), because those that it will be given are another network's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.sampling import Fresh, sample_ancestral
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.diffusion.unet import UNetSize
from medsyngen.scan import Pixels

SIGMA_MIN: Final = 0.002
SIGMA_MAX: Final = 20.0
"""Of the residual's noise: forty times its size, so that nothing of it is left at the start."""


class DetailUNet(nn.Module):
    """A network F(x; sigma, small image): MONAI's, with the enlarged small image as a second channel.

    Args:
        unet: Takes two channels and returns one; without classes.
    """

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, time: Tensor, class_labels: Tensor) -> Tensor:
        """Returns F for noisy residuals (n, 1, H, W), told the enlarged small images of the same shape."""
        out: Tensor = self.unet(torch.cat([x, class_labels.to(x.dtype)], 1), time)
        return out


def build_detail_unet(size: UNetSize, *, seed: int) -> DetailUNet:
    """Builds the network with reproducible first weights.

    Positions attend to each other at its bottom alone, where MONAI's always do: images may be large.

    Args:
        size: Public numbers.
        seed: Public seed of the first weights.
    """
    from monai.networks.nets import DiffusionModelUNet

    if any(size.attention):
        raise ValueError("no level of a network for detail attends: images are large")
    with torch.random.fork_rng(devices=[]):  # as in build_unet
        torch.default_generator.manual_seed(seed)
        unet: nn.Module = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=2,
            out_channels=1,
            channels=size.channels,
            attention_levels=size.attention,
            num_res_blocks=size.residual_blocks,
            norm_num_groups=size.norm_groups,
            num_head_channels=size.channels[-1],
        )
    return DetailUNet(unet)


def made_small(images: Tensor, size: int) -> Tensor:
    """Returns images (n, 1, H, H) as means over squares, (n, 1, size, size); H is a multiple of ``size``."""
    factor = images.shape[-1] // size
    if images.shape[-1] != factor * size:
        raise ValueError(f"{images.shape[-1]} pixels are no multiple of {size}")
    return functional.avg_pool2d(images, factor)


def enlarged_smoothly(images: Tensor, size: int) -> Tensor:
    """Returns U(y): small images (n, 1, h, h) by cubic interpolation, (n, 1, size, size)."""
    return functional.interpolate(images, size=(size, size), mode="bicubic", align_corners=False)


@dataclass(frozen=True)
class DetailPairs:
    """What the network learns from: parts of large images, and of their small ones enlarged again.

    Args:
        small: Side of the small images.
        scale: s, the typical size of what they lack; public.
        doubt: Small images get Gaussian noise of a standard deviation between 0 and this.
        crop: Side of the parts; at most that of the large images.
    """

    small: int
    scale: float
    doubt: float
    crop: int

    def __call__(self, images: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        """Returns residuals and enlarged small images, float32 (n, 1, crop, crop) each, of the same places.

        Args:
            images: Large ones, float32 (n, 1, size, size) in [-1, 1].
            rng: Public randomness.
        """
        large = torch.from_numpy(images)
        little = made_small(large, self.small)
        spread = rng.uniform(0, self.doubt, (len(little), 1, 1, 1))
        noise = torch.from_numpy((spread * rng.standard_normal(little.shape)).astype(np.float32))
        guide = enlarged_smoothly(little + noise, images.shape[-1])
        both = torch.cat([(large - guide) / self.scale, guide], 1)
        room = images.shape[-1] - self.crop
        corners = rng.integers(0, room + 1, (len(both), 2))
        parts = [both[i, :, y : y + self.crop, x : x + self.crop] for i, (y, x) in enumerate(corners.tolist())]
        cut = torch.stack(parts).numpy()
        return np.ascontiguousarray(cut[:, :1]), np.ascontiguousarray(cut[:, 1:])


def with_detail(network: nn.Module, images: Tensor, fresh: Fresh, *, size: int, scale: float, steps: int) -> Tensor:
    """Returns small images enlarged, with detail drawn by the network: post-processing of theirs.

    Args:
        network: Learned from :class:`DetailPairs`.
        images: (n, 1, h, h) in [-1, 1].
        fresh: Standard Gaussian noise, (n, 1, size, size).
        size: Side of the result, a multiple of h.
        scale: s, as learned with.
        steps: Network calls.

    Returns:
        (n, 1, size, size), in about [-1, 1], not clipped.
    """
    guide = enlarged_smoothly(images, size)
    residual = sample_ancestral(Denoiser(network), fresh, guide, karras_steps(steps, SIGMA_MIN, SIGMA_MAX))
    return guide + scale * residual
