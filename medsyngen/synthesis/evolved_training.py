"""Training on evolved phantoms: the public expert of generic ones goes on, with classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.training import PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import build_unet, untrained_weights, with_classes
from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.synthesis.evolved_phantoms import EvolvedPhantoms
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.synthesizer import Target

STARTS = ("phantoms", "random")


@dataclass(frozen=True)
class EvolvedTraining:
    """Public numbers of training on evolved phantoms.

    Args:
        start: First weights: ``phantoms``, the public expert of the generic phantoms, or ``random``, untrained ones.
        steps: Optimiser steps.
        batch_size: Phantoms a step.
        learning_rate: Adam's, at its peak; it falls to zero by a cosine.
        ema_decay: Decay of the moving average.
        noise: Law of ln sigma, of all bands.
        label_dropout: Share of phantoms that are learned with the null class.
    """

    start: str = "phantoms"
    steps: int = 600
    batch_size: int = 48
    learning_rate: float = 1e-3
    ema_decay: float = 0.99
    noise: NoiseLaw = field(default_factory=lambda: NoiseLaw(-0.4, 2.0))
    label_dropout: float = 0.1

    def __post_init__(self) -> None:
        _ = self.numbers  # refuses what can't be
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}, got {self.start!r}")
        if not 0 < self.label_dropout < 1:
            raise ValueError(
                "label_dropout must lie between 0 and 1, both excluded: the null class is learned too, "
                f"got {self.label_dropout}"
            )

    @property
    def numbers(self) -> PublicTraining:
        """The same as numbers of a training on phantoms."""
        return PublicTraining(self.steps, self.batch_size, self.learning_rate, self.ema_decay, self.noise)

    def first_weights(
        self, generic: PhantomExpert, target: Target, *, device: torch.device, progress: Progress = silent
    ) -> dict[str, Tensor]:
        """Returns the weights that the training begins with, rows for every class among them; public.

        Args:
            generic: The expert of generic phantoms, from package, cache or training.
            target: What to make.
            device: Where to compute.
            progress: Told how far it is.
        """
        if self.start == "random":
            seed = Streams(generic.seed).torch_seed("first weights of the evolved expert")
            return untrained_weights(generic.network, target.conditioning.rows, seed=seed)
        return with_classes(generic.public_expert(target.size, device=device, progress=progress), *target.counts)

    def trained(
        self,
        phantoms: EvolvedPhantoms,
        first: Mapping[str, Tensor],
        generic: PhantomExpert,
        target: Target,
        *,
        device: torch.device,
        unfinished: Unfinished | None = None,
        progress: Progress = silent,
    ) -> dict[str, Tensor]:
        """Returns the weights of the evolved expert, on the CPU; a function of its arguments alone.

        Args:
            phantoms: What it learns from.
            first: What it begins with (:meth:`first_weights`).
            generic: The expert of generic phantoms: network, bands, prediction, seed.
            target: What to make.
            device: Where to compute.
            unfinished: Where the state is kept, inside ``RUN/private/``: never among the public experts.
            progress: Told how far it is.
        """
        network = build_unet(generic.network, image_channels=1, class_rows=target.conditioning.rows, seed=0)
        network.load_state_dict(dict(first))

        def told(_: str, done: int, total: int) -> None:
            progress("training on evolved phantoms", done, total)

        return train_on_phantoms(
            network,
            phantoms.draw,
            self.numbers,
            sigma_range=(generic.bands.sigma_min, generic.bands.sigma_max(target.side**2)),
            streams=Streams(Streams(generic.seed).torch_seed("training on evolved phantoms")),
            device=device,
            prediction=generic.prediction,
            unfinished=unfinished,
            progress=told,
        )
