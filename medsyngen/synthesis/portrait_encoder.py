"""An encoder that reads a phantom's parameters off a picture, as a distribution each; it learned from phantoms alone.

For each parameter it gives the probability of each of ``bins`` equal parts of its range. A point estimate would not
do: it regresses to the mean, and with it the spread of a cohort is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medsyngen.averaging import MovingAverage
from medsyngen.diffusion.unfinished import TrainingParts, Unfinished
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.phantoms.source import PhantomSource
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels
from medsyngen.synthesis.acquisition_changes import changed
from medsyngen.synthesis.experts import public_expert

PHASE = "public training of the portrait's encoder"
LARGEST_SIDE = 32
"""Larger pictures are averaged down to this side before they are read."""
MARGIN = 0.05
"""Nats by which a parameter must be known better than by chance."""
HELD_OUT = 2000
COSINES = 2
_AT_ONCE = 500


@dataclass(frozen=True)
class EncoderTraining:
    """Public numbers of an encoder and of its training on phantoms.

    Args:
        bank: Phantoms drawn; each is met several times, taken otherwise each time.
        steps: Optimiser steps.
        batch_size: Phantoms a step.
        learning_rate: Adam's, at its peak; it falls to zero by a cosine.
        channels: Width of the first layer; the next ones have two and four times as many.
        bins: Equal parts of each parameter's range.
        seed: Public seed.
    """

    bank: int = 20_000
    steps: int = 1500
    batch_size: int = 96
    learning_rate: float = 1.5e-3
    channels: int = 20
    bins: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("bank", "steps", "batch_size", "learning_rate", "channels", "bins"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True)
class PortraitEncoder:
    """Which phantom is read, at which size, and how the encoder learns.

    Args:
        phantom: Its name.
        size: Side of the pictures.
        training: Public numbers.
    """

    phantom: str
    size: int
    training: EncoderTraining = field(default_factory=EncoderTraining)

    @property
    def source(self) -> PhantomSource:
        """The phantom."""
        return phantom(self.phantom)

    def identity(self) -> dict[str, Any]:
        """Returns everything that the encoder is made from, as plain JSON."""
        mix = PhantomMix(((self.phantom, 1.0),))
        return {"encoder": asdict(self.training), "phantoms": mix.identity(), "size": self.size}

    def weights(self, *, device: torch.device, progress: Progress = silent) -> dict[str, Tensor]:
        """Returns the weights, from package, cache or training; see :func:`public_expert`."""
        return public_expert(
            self.identity(), lambda unfinished: self.train(device=device, unfinished=unfinished, progress=progress)
        )

    def network(self) -> nn.Sequential:
        """Returns the untrained network: pictures to (count, parameters x bins) logits."""
        parameters, c = len(self.source.space.parameters), self.training.channels
        side = -(-min(self.size, LARGEST_SIDE) // 4)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(Streams(self.training.seed).torch_seed("encoder: first weights"))
            return nn.Sequential(
                nn.AdaptiveAvgPool2d(min(self.size, LARGEST_SIDE)),
                *(nn.Conv2d(1, c, 3, padding=1), nn.GroupNorm(4, c), nn.SiLU()),
                *(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.GroupNorm(4, 2 * c), nn.SiLU()),
                *(nn.Conv2d(2 * c, 4 * c, 3, stride=2, padding=1), nn.GroupNorm(4, 4 * c), nn.SiLU()),
                *(nn.Conv2d(4 * c, 2 * c, 1), nn.SiLU(), nn.Flatten()),
                *(nn.Linear(2 * c * side**2, 8 * c), nn.SiLU(), nn.Linear(8 * c, parameters * self.training.bins)),
            )

    def train(
        self, *, device: torch.device, unfinished: Unfinished | None = None, progress: Progress = silent
    ) -> dict[str, Tensor]:
        """Trains on phantoms alone (cross-entropy of each parameter's bin) and returns the averaged weights.

        Args:
            device: Where to compute.
            unfinished: Where the state is kept, to go on from if training was interrupted.
            progress: Told after each step.
        """
        training, streams = self.training, Streams(self.training.seed)
        images, bins = self._bank(streams.numpy("encoder: phantoms"))
        network = self.network().to(device).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
        average = MovingAverage(dict(network.named_parameters()), 0.995)
        parts = TrainingParts(network, optimizer, schedule, average)
        for step in range((unfinished.load(parts) if unfinished else 0) + 1, training.steps + 1):
            rows = streams.numpy("encoder: batch", step).integers(0, len(images), training.batch_size)
            generator = torch.Generator().manual_seed(streams.torch_seed("encoder: acquisition", step))
            pictures = changed(images[rows], generator).to(device)
            logits = network(pictures).view(len(rows), -1, training.bins)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), bins[rows].flatten().to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            average.update(dict(network.named_parameters()))
            if unfinished:
                unfinished.save(step, parts)
            progress(PHASE, step, training.steps)
        return {name: value.cpu() for name, value in average.weights.items()}

    def _bank(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        places = rng.random((self.training.bank, len(self.source.space.parameters)))
        images = self.source.render(self.source.space.at(places), self.size, rng)
        bins = np.minimum((places * self.training.bins).astype(np.int64), self.training.bins - 1)
        return torch.from_numpy(images), torch.from_numpy(bins)


def bin_probabilities(
    encoder: PortraitEncoder, weights: dict[str, Tensor], device: torch.device
) -> Callable[[Pixels], NDArray[np.float64]]:
    """Returns the trained encoder as a function: pictures to float64 (count, parameters, bins) that sum to 1."""
    network = encoder.network()
    network.load_state_dict(weights)
    network.to(device).eval()

    def read(pixels: Pixels) -> NDArray[np.float64]:
        out = np.empty((len(pixels), len(encoder.source.space.parameters), encoder.training.bins))
        with torch.no_grad():
            for start in range(0, len(pixels), _AT_ONCE):
                part = torch.from_numpy(np.ascontiguousarray(pixels[start : start + _AT_ONCE])).to(device)
                logits = network(part).double().view(len(part), *out.shape[1:])
                out[start : start + len(part)] = logits.softmax(dim=-1).cpu().numpy()
        return out

    return read


def readable(probabilities: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the parameters that an encoder can read off phantoms which it has not met: numbers of columns.

    A parameter is readable where the mean of -ln p of the true bin is below that of no knowledge, ln B, by a margin.

    Args:
        probabilities: (count, parameters, bins), of held-out phantoms.
        places: Their true places, (count, parameters).
    """
    bins = probabilities.shape[-1]
    true = np.minimum((places * bins).astype(np.int64), bins - 1)
    likelihood = np.take_along_axis(probabilities, true[..., None], axis=2)[..., 0]
    return np.flatnonzero(np.log(bins) + np.log(likelihood).mean(axis=0) > MARGIN)


def encoder_measure(
    encoder: PortraitEncoder, weights: dict[str, Tensor], device: torch.device
) -> Callable[[Pixels], NDArray[np.float64]]:
    """Returns the encoder as a measure: of each readable parameter's bins, the first cosines, (count, numbers).

    The first cosine says where a parameter lies, the second how far from the middle of its range: their means over a
    cohort tell of its middle and of its spread. Public: skill is measured on held-out phantoms.
    """
    read = bin_probabilities(encoder, weights, device)
    rng = Streams(encoder.training.seed).numpy("encoder: held-out phantoms")
    places = rng.random((HELD_OUT, len(encoder.source.space.parameters)))
    kept = readable(read(encoder.source.render(encoder.source.space.at(places), encoder.size, rng)), places)
    middle = (np.arange(encoder.training.bins) + 0.5) / encoder.training.bins
    cosines = np.sqrt(2) * np.cos(np.pi * np.outer(middle, np.arange(1, COSINES + 1)))

    def measure(pixels: Pixels) -> NDArray[np.float64]:
        return np.asarray((read(pixels)[:, kept] @ cosines).reshape(len(pixels), -1))

    return measure
