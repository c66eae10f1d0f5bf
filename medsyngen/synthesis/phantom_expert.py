"""The public half of staged diffusion: an expert that learns all three bands from phantoms, and never sees a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import PREDICTIONS
from medsyngen.diffusion.described import DrawDescribed, can_be_described, without_words
from medsyngen.diffusion.sizes import plain_size
from medsyngen.diffusion.training import PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import UNetSize, check_image_size, unet_for
from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels, Size, positions
from medsyngen.synthesis.experts import public_expert


@dataclass(frozen=True)
class PhantomExpert:
    """What a network learns from phantoms; public numbers only.

    Args:
        phantoms: Share of each phantom in the public training set, by name.
        network: Size of each expert.
        bands: Edges of the bands.
        public: Training on phantoms.
        seed: Public seed of phantoms, first weights and sampling; it never reaches a private draw.
        prediction: What the networks predict: ``edm``, EDM's own target, or ``v`` (:func:`scalings`).
    """

    phantoms: Mapping[str, float] = field(default_factory=lambda: {"chest_radiograph": 1.0})
    network: UNetSize = UNetSize()
    bands: StageBands = StageBands()
    public: PublicTraining = PublicTraining()
    seed: int = 0
    prediction: str = "edm"

    def __post_init__(self) -> None:
        _ = self.mix  # refuses unknown phantoms and shares that do not add up
        if self.prediction not in PREDICTIONS:
            raise ValueError(f"prediction must be one of {', '.join(PREDICTIONS)}, got {self.prediction!r}")

    @property
    def mix(self) -> PhantomMix:
        """The phantoms as one source."""
        return PhantomMix(tuple(self.phantoms.items()))

    def expert_identity(self, size: Size) -> dict[str, Any]:
        """Returns everything that the public expert is made from, as plain JSON."""
        # Left out where it is EDM's: experts made before there was a choice keep their names.
        other = {} if self.prediction == "edm" else {"prediction": self.prediction}
        public = asdict(self.public)
        if not self.public.described:
            del public["described"]
        return {
            **other,
            "phantoms": self.mix.identity(),
            "network": plain_size(asdict(self.network)),
            "public": public,
            "sigma": [self.bands.sigma_min, self.bands.sigma_max(positions(size))],
            "size": size if isinstance(size, int) else list(size),
            "seed": self.seed,
        }

    def public_expert(self, size: Size, *, device: torch.device, progress: Progress = silent) -> dict[str, Tensor]:
        """Returns the weights of the public expert, from package, cache or training."""
        return public_expert(
            self.expert_identity(size),
            lambda unfinished: self.train_public_expert(size, device=device, unfinished=unfinished, progress=progress),
        )

    def train_public_expert(
        self,
        size: Size,
        *,
        device: torch.device,
        bfloat16: bool = False,
        unfinished: Unfinished | None = None,
        progress: Progress = silent,
    ) -> dict[str, Tensor]:
        """Trains the public expert on phantoms alone and returns its weights; see :func:`train_on_phantoms`."""
        check_image_size(self.network, size)
        streams = Streams(self.seed)
        network = unet_for(self.network, size, class_rows=1, seed=streams.torch_seed("first weights"))
        if self.public.described:
            can_be_described(network, self.mix.described_by)
        weights = train_on_phantoms(
            network,
            self._draw_described(size) if self.public.described else self.draw_phantoms(size),
            self.public,
            sigma_range=(self.bands.sigma_min, self.bands.sigma_max(positions(size))),
            streams=streams,
            device=device,
            prediction=self.prediction,
            bfloat16=bfloat16,
            unfinished=unfinished,
            progress=progress,
        )
        return without_words(weights)

    def _draw_described(self, size: Size) -> DrawDescribed:
        return lambda count, rng: self.mix.draw_described(count, size, rng)

    def draw_phantoms(self, size: Size) -> Callable[[int, np.random.Generator], Pixels]:
        """Returns the phantom source at one size."""
        return lambda count, rng: self.mix.draw(count, size, rng)
