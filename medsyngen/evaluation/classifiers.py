"""The three classifiers of the benchmark, with settings that nobody tunes.

A classifier chosen by its accuracy on real test data breaks privacy and inflates utility (DPImageBench, Gong et al.
2025, arXiv 2503.14681). So the settings are constants of the program: usual values, tried on the simulated hospital
alone. The last step counts, whatever a validation set would say. Every class weighs the same in the loss, so that the
shares of a training set don't matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.labelled import Index, LabelledImages

if TYPE_CHECKING:
    import torch

_Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class ClassifierSettings:
    """How one classifier is trained: AdamW at a rate that falls to zero along a cosine.

    Args:
        name: In tables.
        network: ``linear`` or ``cnn``.
        inputs: ``pixels``, or ``features`` (EfficientNet-lite0's, centred and scaled by the training set).
        steps: Optimiser steps.
        batch_size: Images a step, drawn with replacement.
        learning_rate: At the beginning.
        weight_decay: Decoupled (Loshchilov and Hutter 2019).
    """

    name: str
    network: str
    inputs: str
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float


CLASSIFIERS = (
    ClassifierSettings("logistic regression on pixels", "linear", "pixels", 500, 128, 2e-3, 1e-2),
    ClassifierSettings("linear probe on lite0 features", "linear", "features", 500, 128, 2e-3, 1e-2),
    ClassifierSettings("small CNN", "cnn", "pixels", 500, 64, 2e-3, 1e-2),
)
"""The protocol's: to be changed with its version only."""


@dataclass(frozen=True, eq=False)
class ClassifierInputs:
    """A set of images as the classifiers see it.

    Args:
        images: Pixels, classes, patients.
        features: lite0 features, (n, d).
    """

    images: LabelledImages
    features: NDArray[np.float64]


def train_classifier(
    settings: ClassifierSettings, train: ClassifierInputs, *, classes: int, seed: int
) -> Callable[[ClassifierInputs], NDArray[np.float64]]:
    """Trains one classifier.

    Args:
        settings: Of the protocol.
        train: What to learn from; every class is there.
        classes: How many.
        seed: Of first weights and of the order of images.

    Returns:
        The classifier: gives probabilities, float64 (n, classes).
    """
    import torch
    from torch.nn.functional import cross_entropy

    generator = torch.Generator().manual_seed(seed)
    scaling = _scaling(settings, train)
    x = torch.from_numpy(_inputs(settings, train, scaling))
    y = torch.from_numpy(train.images.classes)
    network = _network(settings, x, classes, generator)
    weights = len(y) / (classes * torch.bincount(y, minlength=classes).clamp(min=1).float())
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        rows = torch.randint(len(y), (settings.batch_size,), generator=generator)
        optimizer.zero_grad(set_to_none=True)
        # Divided by the batch size, not by the weights drawn: a batch without the rare class must not weigh more.
        loss = cross_entropy(network(x[rows]), y[rows], weights, reduction="sum") / settings.batch_size
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def probabilities(test: ClassifierInputs) -> NDArray[np.float64]:
        with torch.no_grad():
            return np.asarray(network(torch.from_numpy(_inputs(settings, test, scaling))).double().softmax(1).numpy())

    return probabilities


def _scaling(settings: ClassifierSettings, train: ClassifierInputs) -> tuple[NDArray[np.float64], float]:
    """Returns mean and one common scale of the features, of the training set alone; pixels stay as they are."""
    if settings.inputs == "pixels":
        return np.zeros(1), 1.0
    mean = train.features.mean(axis=0)
    return mean, max(float((train.features - mean).std()), 1e-6)


def _inputs(settings: ClassifierSettings, data: ClassifierInputs, scaling: tuple[NDArray[Any], float]) -> _Inputs:
    if settings.inputs == "pixels":
        return np.ascontiguousarray(data.images.pixels)
    return np.asarray((data.features - scaling[0]) / scaling[1], dtype=np.float32)


def _network(
    settings: ClassifierSettings, x: torch.Tensor, classes: int, generator: torch.Generator
) -> torch.nn.Module:
    from torch import nn

    if settings.network == "linear":
        network = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), classes))
    else:
        layers: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.ReLU()]
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
    for module in network.modules():  # drawn again from our generator: torch draws from a global one
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network


def classes_present(classes: Index, count: int) -> bool:
    """Returns whether every class has an image."""
    return bool((np.bincount(classes, minlength=count) > 0).all())
