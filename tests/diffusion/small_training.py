"""A network and phantoms that train in a moment."""

import numpy as np

from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.training import PublicTraining
from medsyngen.diffusion.unet import UNetSize

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)


def squares(count: int, rng: np.random.Generator):
    images = np.full((count, 1, 8, 8), -0.8, np.float32)
    images[:, :, 2:6, 2:6] = rng.uniform(0.3, 0.8, (count, 1, 1, 1)).astype(np.float32)
    return images


def numbers(steps: int) -> PublicTraining:
    return PublicTraining(steps=steps, batch_size=16, learning_rate=3e-3, ema_decay=0.9, noise=NoiseLaw(-0.5, 1.5))
