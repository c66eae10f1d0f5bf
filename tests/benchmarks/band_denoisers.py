"""The denoisers whose gaps `tests/benchmarks/bands.py` measures: trained on one family of images each, and kept.

Real ones are trained on NIH chest radiographs, which are public. They stay in the folder given, outside the repository.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medsyngen.cohort.reading import read_cohort
from medsyngen.diffusion.measured_gaps import SMALL_NETWORK, train_denoiser
from medsyngen.diffusion.training import PublicTraining
from medsyngen.diffusion.unet import build_unet
from medsyngen.evaluation.tasks import find_task, split_patients
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels

REAL = "nih"
TRAININGS = {
    28: PublicTraining(steps=600, batch_size=24),
    64: PublicTraining(steps=200, batch_size=16),
}
"""As long as two shared cores allow: fewer, smaller steps at 64 pixels."""


@dataclass(frozen=True)
class Family:
    """Images of one kind, at one size.

    Args:
        draw: (count, generator) to images, for training.
        fresh: Images that training never draws.
    """

    draw: Callable[[int, np.random.Generator], Pixels]
    fresh: Pixels


def family(name: str, size: int, scans: Path, fresh: int = 256) -> Family:
    """Returns a phantom family, or the NIH radiographs: trained on 200 patients, measured on 64 others."""
    if name != REAL:
        source = phantom(name)
        images = draw_phantoms(source, fresh, size, Streams(99).numpy(f"fresh {name}"))
        return Family(lambda count, rng: draw_phantoms(source, count, size, rng), images)
    train, test = real_images(size, scans)
    chosen = np.random.default_rng(0).permutation(len(test))[:fresh]
    return Family(lambda count, rng: train[rng.integers(len(train), size=count)], test[chosen])


def real_images(size: int, scans: Path) -> tuple[Pixels, Pixels]:
    """Returns the images of the 200 and of the 64 patients of the task cxr-nih."""
    task = dataclasses.replace(find_task("cxr-nih"), size=size)
    split = split_patients(task, read_cohort(scans, form=task.form).cohort)
    train, test = (np.concatenate([r.pixels for r in part.values()]) for part in (split.private, split.test))
    return train, test


def denoiser(name: str, size: int, seed: int, *, scans: Path, kept: Path, progress) -> nn.Module:
    """Returns the network of a family, from the folder or trained now."""
    training = TRAININGS[size]
    path = kept / f"{name}-{size}-seed{seed}-{training.steps}x{training.batch_size}.pt"
    if not path.exists():
        trained = train_denoiser(
            family(name, size, scans, fresh=2).draw,
            size,
            streams=Streams(seed),
            training=training,
            phase=f"{name}, {size} pixels, seed {seed}",
            progress=progress,
        )
        kept.mkdir(parents=True, exist_ok=True)
        torch.save(trained.state_dict(), path)
    network = build_unet(SMALL_NETWORK, image_channels=1, class_rows=1, seed=0)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()
