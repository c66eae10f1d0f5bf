"""How far two trained denoisers lie apart at each noise level: what a band loses when the other one serves it.

The closed form for Gaussians is :mod:`medsyngen.diffusion.band_gaps`; the reading is ``docs/explanation/stages.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import per_image, scalings
from medsyngen.diffusion.training import DrawPhantoms, PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels

SMALL_NETWORK = UNetSize(channels=(8, 16, 24), head_channels=8)
"""A quarter of a recipe's weights: a curve needs three networks, trained while somebody waits."""

SHORT_TRAINING = PublicTraining(steps=600, batch_size=24)
"""As public training, but a tenth of its images."""

_CHUNK = 64  # images through the network at once: bounds memory


@dataclass(frozen=True)
class GapAt:
    """Two denoisers D1 and D2 at one noise level, on noised images of the first one's family.

    Args:
        log_sigma: ln sigma.
        gap: E|D1 - D2|^2 / (d c_out^2): the mean squared difference of the networks F, per pixel.
        error: Standard error of ``gap`` over images.
        loss: Mean squared error of the first network F against its target (EDM's weighted loss).
        excess: By how much the second one's is larger. Equal to ``gap`` if D1 is the best denoiser of its family;
            where neither is trained to the end, what both lack goes into ``gap`` but cancels here.
        excess_error: Standard error of ``excess`` over images.
    """

    log_sigma: float
    gap: float
    error: float
    loss: float
    excess: float
    excess_error: float


def train_denoiser(
    draw: DrawPhantoms,
    size: int,
    *,
    streams: Streams,
    network: UNetSize = SMALL_NETWORK,
    training: PublicTraining = SHORT_TRAINING,
    phase: str = "public training on phantoms",
    progress: Progress = silent,
) -> nn.Module:
    """Trains a network on public images of all noise levels, as the product does before private training.

    Args:
        draw: Public images; there is no way to hand in a cohort.
        size: Pixels a side.
        streams: Public randomness: first weights, images and noise.
        network: Its size.
        training: Public numbers.
        phase: What the progress calls it.
        progress: Told after each step.

    Returns:
        The network with its averaged weights, on the CPU.
    """
    built = build_unet(network, image_channels=1, class_rows=1, seed=streams.torch_seed("first weights"))
    bands = StageBands()
    weights = train_on_phantoms(
        built,
        draw,
        training,
        sigma_range=(bands.sigma_min, bands.sigma_max(size**2)),
        streams=streams,
        device=torch.device("cpu"),
        progress=lambda _, done, total: progress(phase, done, total),
    )
    built.load_state_dict(weights)
    return built.eval()


def measure_gaps(
    first: nn.Module,
    others: Sequence[nn.Module],
    images: Pixels,
    log_sigmas: Sequence[float],
    *,
    streams: Streams,
    progress: Progress = silent,
) -> tuple[tuple[GapAt, ...], ...]:
    """Measures the gaps between a network and others on noised images, with the null class.

    The noise is the same for all, so that a gap and its floor are compared on the same pixels.

    Args:
        first: F1; ``images`` are of the family that it was trained on, but not seen in training.
        others: Each is held against the first.
        images: (n, 1, size, size), in [-1, 1]; n at least 2.
        log_sigmas: Grid of ln sigma.
        streams: Public randomness.
        progress: Told after each noise level.

    Returns:
        For each of the others, one entry for each noise level.
    """
    y = torch.from_numpy(images)
    if len(y) < 2:
        raise ValueError(f"an error over images needs at least 2 of them, got {len(y)}")
    levels = []
    for index, log_sigma in enumerate(log_sigmas):
        generator = torch.Generator().manual_seed(streams.torch_seed("noise of a gap", index))
        noise = torch.randn(y.shape, generator=generator)
        sigma = torch.full((len(y),), log_sigma, dtype=torch.float64).exp()
        parts = zip(*(torch.split(values, _CHUNK) for values in (y, noise, sigma)), strict=True)
        levels.append(torch.cat([_of_images((first, *others), *part) for part in parts], 2))
        progress("measuring", index + 1, len(log_sigmas))
    return tuple(
        tuple(_summary(x, level[:, 0], level[:, number]) for x, level in zip(log_sigmas, levels, strict=True))
        for number in range(1, len(others) + 1)
    )


def _summary(log_sigma: float, first: Tensor, other: Tensor) -> GapAt:
    """Takes (gap to the first, loss) of each image, (2, n), of the first and of another network."""
    gap, excess = other[0], other[1] - first[1]
    errors = [float(values.std() / len(values) ** 0.5) for values in (gap, excess)]
    return GapAt(log_sigma, float(gap.mean()), errors[0], float(first[1].mean()), float(excess.mean()), errors[1])


@torch.no_grad()
def _of_images(networks: Sequence[nn.Module], y: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Returns |F - F1|^2 / d and |F - target|^2 / d of each network F and image, (2, networks, n) float64."""
    c_skip, c_out, c_in, c_noise = scalings(sigma)
    x = y + per_image(sigma, y) * noise
    # (y - c_skip x) / c_out without the division of a small difference by a small number.
    target = per_image((1 - c_skip) / c_out, y) * y - per_image(c_skip * sigma / c_out, y) * noise
    null = torch.zeros(len(y), dtype=torch.int64)
    f = [network(per_image(c_in, y) * x, c_noise.to(y.dtype), class_labels=null).double() for network in networks]
    return torch.stack(
        [torch.stack([((each - of) ** 2).flatten(1).mean(1) for each in f]) for of in (f[0], target.double())]
    )
