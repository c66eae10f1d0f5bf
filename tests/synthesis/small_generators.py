"""Generators with random weights, small enough to draw from in a moment."""

from dataclasses import replace

import torch

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.unet import UNetSize, build_unet, with_classes
from medsyngen.synthesis.generator import GeneratorFacts

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)
FACTS = GeneratorFacts(8, TINY, StageBands(), 4, ("normal", "abnormal"), (0.75, 0.25), 3, seeded=False, private=True)


SEVERAL = replace(
    FACTS,
    classes=(),
    shares=(),
    conditions=tuple(
        Attribute(name, tuple(ClassDefinition(value, value, 1 / len(values)) for value in values))
        for name, values in (("finding", ("normal", "abnormal")), ("view", ("front", "side", "other")))
    ),
)


def weights(seed: int, *classes: int) -> dict[str, torch.Tensor]:
    net = build_unet(TINY, image_channels=1, class_rows=1, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    moved = {k: v + 0.1 * torch.randn(v.shape, generator=generator) for k, v in net.state_dict().items()}
    return with_classes(moved, *classes) if classes else moved
