"""Training on phantoms: the network learns all three bands from them. It can't be given a cohort."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from medsyngen.averaging import MovingAverage
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.described import DrawDescribed, sometimes
from medsyngen.diffusion.labelled import DrawLabelled
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unfinished import TrainingParts, Unfinished
from medsyngen.phantoms.bank import drawn_ahead
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels

DrawPhantoms = Callable[[int, np.random.Generator], Pixels]
"""(count, generator) -> float32 (count, channel, *space) in [-1, 1]: drawn by program, public."""


@dataclass(frozen=True)
class PublicTraining:
    """Public numbers of training on phantoms.

    Args:
        steps: Optimiser steps.
        batch_size: Phantoms a step.
        learning_rate: Adam's, at its peak; it falls to zero by a cosine.
        ema_decay: Decay of the moving average.
        noise: Law of ln sigma, wider than EDM's so that the coarse band is learned too.
        described: Share of phantoms that the network is told the parameters of (:mod:`medsyngen.diffusion.described`).
    """

    steps: int = 3000
    batch_size: int = 48
    learning_rate: float = 2e-3
    ema_decay: float = 0.998
    noise: NoiseLaw = field(default_factory=lambda: NoiseLaw(-0.4, 2.0))
    described: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.described < 1:
            raise ValueError(
                f"described must lie in [0, 1), because some are to be learned without, got {self.described}"
            )
        for name in ("steps", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def train_on_phantoms(
    network: nn.Module,
    draw: DrawPhantoms | DrawDescribed | DrawLabelled,
    training: PublicTraining,
    *,
    sigma_range: tuple[float, float],
    streams: Streams,
    device: torch.device,
    prediction: str = "edm",
    bfloat16: bool = False,
    unfinished: Unfinished | None = None,
    progress: Progress = silent,
) -> dict[str, Tensor]:
    """Trains the network on phantoms alone, with the null class unless they have labels.

    Phantoms are drawn ahead of the step that learns from them; each step has streams of its own, so this changes no
    draw: the weights are the same bits as if each step drew its phantoms first.

    Args:
        network: Has one class row, the null class, or the rows of all labels; made to be described
            (:func:`can_be_described`) where phantoms are.
        draw: Where phantoms come from; there is no way to hand in a cohort. Called in a thread. If some are described
            or labelled it returns what describes each, or its class row, too.
        training: Public numbers.
        sigma_range: Smallest and largest noise level.
        streams: Public randomness.
        device: Where to compute.
        prediction: What the network learns to predict, ``edm`` or ``v``.
        bfloat16: Computes the network's products in bfloat16, weights and sums in float32: quicker on an accelerator
            and on a processor with AMX, and much slower on one without.
        unfinished: Where the state is kept, to go on from if training was interrupted; the weights are the same bits
            as without an interruption.
        progress: Told after each step.

    Returns:
        The averaged weights, on the CPU.
    """
    network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
    parameters = dict(network.named_parameters())
    average = MovingAverage(parameters, training.ema_decay)

    parts = TrainingParts(network, optimizer, schedule, average)
    done = unfinished.load(parts) if unfinished else 0

    def batch_of(number: int) -> tuple[Tensor, ...]:
        return _batch(draw, training, sigma_range, streams, done + number)

    with closing(drawn_ahead(batch_of, training.steps - done, workers=_threads_ahead(device))) as batches:
        for step, batch in enumerate(batches, start=done + 1):
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                on_device = (value.to(device) for value in batch)
                loss = network_error(network, parameters, *on_device, prediction=prediction).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(parameters)
            if unfinished:
                unfinished.save(step, parts)
            progress("public training on phantoms", step, training.steps)
    return {name: value.cpu() for name, value in average.weights.items()}


def _batch(
    draw: DrawPhantoms | DrawDescribed | DrawLabelled,
    training: PublicTraining,
    sigma_range: tuple[float, float],
    streams: Streams,
    step: int,
) -> tuple[Tensor, ...]:
    """Returns phantoms, noise, noise levels and classes of a step, from this step's streams alone.

    The classes are null, or those of labelled phantoms; of described ones they are what describes each, or zeros; of
    images that come with an image, that image.
    """
    drawn = draw(training.batch_size, streams.numpy("phantoms", step))
    y = torch.from_numpy(drawn[0] if isinstance(drawn, tuple) else drawn)
    generator = torch.Generator().manual_seed(streams.torch_seed("public noise", step))
    u = torch.rand(len(y), generator=generator, dtype=torch.float64)
    sigma = training.noise.levels(u, *sigma_range).to(torch.float32)
    noise = torch.randn(y.shape, generator=generator)
    if isinstance(drawn, tuple) and drawn[1].dtype == np.int64:
        return y, noise, sigma, torch.from_numpy(drawn[1])
    if isinstance(drawn, tuple) and drawn[1].ndim == y.ndim:  # an image beside each: always told
        return y, noise, sigma, torch.from_numpy(drawn[1])
    if isinstance(drawn, tuple):
        return y, noise, sigma, sometimes(torch.from_numpy(drawn[1]), training.described, generator)
    return y, noise, sigma, torch.zeros(len(y), dtype=torch.int64)


def _threads_ahead(device: torch.device) -> int:
    # A CPU's own steps take far longer than their phantoms; an accelerator's take less, so more are drawn at a time.
    return 1 if device.type == "cpu" else min(8, os.cpu_count() or 1)
