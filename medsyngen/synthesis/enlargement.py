"""Enlarged images: a second network, taught by phantoms alone, gives the detail that small images have no room for.

Noise of privacy grows with the number of weights, so what learns from patients stays small; resolution comes from what
is free. The method draws at ``scans.size`` as ever; its images are then enlarged (:mod:`medsyngen.diffusion.detail`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent

if TYPE_CHECKING:  # a recipe is read by commands that need no torch
    import numpy as np
    import torch
    from torch import Tensor

    from medsyngen.diffusion.training import PublicTraining
    from medsyngen.diffusion.unet import UNetSize
    from medsyngen.diffusion.unfinished import Unfinished
    from medsyngen.phantoms.mix import PhantomMix
    from medsyngen.scan import Pixels


MOST: Final = 1024
"""Pixels a side that scans can be made into, to be held against what is released."""


@dataclass(frozen=True)
class Enlargement:
    """Public numbers of the second network; it never meets a scan.

    Args:
        size: Side of the released images: a multiple of ``scans.size``.
        phantoms: Share of each phantom that it learns from, by name.
        channels: Width of each level; each level halves the image. None attends, but at the bottom.
        residual_blocks: A level.
        norm_groups: Groups of the normalisation; divides every width.
        scale: Typical size of what small images lack, where black is -1 and white 1.
        doubt: Small images are noised up to this much while it learns, so that it trusts them no further.
        crop: Side of the parts of images that it learns from.
        steps: Optimiser steps.
        batch_size: Phantoms a step.
        learning_rate: Adam's, at its peak.
        ema_decay: Of the averaged weights.
        sampler_steps: Network calls an image.
        seed: Public seed of phantoms, first weights and drawing.
    """

    size: int = 128
    phantoms: Mapping[str, float] = field(default_factory=lambda: {"chest_radiograph": 1.0})
    channels: tuple[int, ...] = (16, 24, 32, 48)
    residual_blocks: int = 1
    norm_groups: int = 8
    scale: float = 0.16
    doubt: float = 0.1
    crop: int = 128
    steps: int = 3000
    batch_size: int = 4
    learning_rate: float = 0.002
    ema_decay: float = 0.998
    sampler_steps: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_network()
        if not 0 < self.scale <= 1 or not 0 <= self.doubt <= 1:
            raise ValueError(f"enlargement.scale and doubt must lie in (0, 1], got {self.scale} and {self.doubt}")
        for name in ("steps", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"enlargement.{name} must be positive, got {getattr(self, name)}")
        if self.sampler_steps < 2:
            raise ValueError(f"enlargement.sampler_steps must be at least 2, got {self.sampler_steps}")

    def _check_network(self) -> None:
        if not self.channels or self.norm_groups < 1 or self.residual_blocks < 1:
            raise ValueError("enlargement.channels, norm_groups and residual_blocks must be at least 1")
        if self.size > MOST:
            raise ValueError(f"enlargement.size must be at most {MOST}, got {self.size}")
        halvings = 2 ** (len(self.channels) - 1)
        for name in ("size", "crop"):
            if getattr(self, name) < halvings or getattr(self, name) % halvings:
                raise ValueError(f"enlargement.{name} must be a multiple of {halvings}, got {getattr(self, name)}")
        for width in self.channels:
            if width % self.norm_groups:
                raise ValueError(f"enlargement.channels {width} can't be split into norm_groups {self.norm_groups}")

    def check_small(self, size: int) -> None:
        """Refuses small images whose side is no divisor of the large ones', or not smaller.

        Raises:
            UsageError: Naming both.
        """
        if size >= self.size or self.size % size:
            raise UsageError(
                f"images of {size} pixels can't be enlarged to {self.size}",
                do="choose enlargement.size as a multiple of scans.size, at least twice as large",
            )

    @property
    def mix(self) -> PhantomMix:
        """The phantoms as one source."""
        from medsyngen.phantoms.mix import PhantomMix

        return PhantomMix(tuple(self.phantoms.items()))

    @property
    def network(self) -> UNetSize:
        """Size of the network."""
        from medsyngen.diffusion.unet import UNetSize

        without = (False,) * len(self.channels)
        return UNetSize(self.channels, without, self.residual_blocks, self.norm_groups)

    @property
    def training(self) -> PublicTraining:
        """Training on phantoms."""
        from medsyngen.diffusion.schedule import NoiseLaw
        from medsyngen.diffusion.training import PublicTraining

        law = NoiseLaw(-0.8, 1.6)
        return PublicTraining(self.steps, self.batch_size, self.learning_rate, self.ema_decay, law)

    def identity(self, small: int) -> dict[str, Any]:
        """Returns everything that the network is made from, as plain JSON."""
        from dataclasses import asdict

        own = asdict(self)
        del own["sampler_steps"]  # of drawing
        return {"detail": 1, "small": small, **own, "phantoms": self.mix.identity()}

    def weights(self, small: int, *, device: torch.device, progress: Progress = silent) -> dict[str, Tensor]:
        """Returns the network's weights, from package, cache or training.

        Args:
            small: Side of the images to be enlarged.
            device: Where to train.
            progress: Told after each step.
        """
        from medsyngen.synthesis.experts import public_expert

        return public_expert(
            self.identity(small),
            lambda unfinished: self.train(small, device=device, unfinished=unfinished, progress=progress),
        )

    def train(
        self,
        small: int,
        *,
        device: torch.device,
        bfloat16: bool = False,
        unfinished: Unfinished | None = None,
        progress: Progress = silent,
    ) -> dict[str, Tensor]:
        """Trains the network on phantoms alone; see :func:`medsyngen.diffusion.training.train_on_phantoms`."""
        from medsyngen.diffusion.detail import SIGMA_MAX, SIGMA_MIN, build_detail_unet
        from medsyngen.diffusion.training import train_on_phantoms
        from medsyngen.randomness import Streams

        self.check_small(small)
        streams = Streams(self.seed)
        return train_on_phantoms(
            build_detail_unet(self.network, seed=streams.torch_seed("first weights of detail")),
            self.pairs(small),
            self.training,
            sigma_range=(SIGMA_MIN, SIGMA_MAX),
            streams=streams,
            device=device,
            bfloat16=bfloat16,
            unfinished=unfinished,
            progress=progress,
        )

    def pairs(self, small: int) -> Callable[[int, np.random.Generator], tuple[Pixels, Pixels]]:
        """Returns the source of what it learns from: residuals of phantoms, and their small images enlarged."""
        from medsyngen.diffusion.detail import DetailPairs

        pairs = DetailPairs(small, self.scale, self.doubt, min(self.crop, self.size))
        return lambda count, rng: pairs(self.mix.draw(count, self.size, rng), rng)
