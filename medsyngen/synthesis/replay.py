"""One network for all bands: beside every private step it learns the public bands again, from phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws


@dataclass(frozen=True, eq=False)
class PhantomReplay:
    """The gradient that keeps a private step from unlearning what phantoms taught outside the private band.

    Without it a context expert that serves every band forgets the outer ones: private training never shows it their
    noise levels. With it there is one network, so no two experts have to agree where their bands meet; the price is
    that the noise of privacy reaches the public bands.

    Guarantee: computed from phantoms, public random streams and weights that differential privacy has released
    already: post-processing, free of charge.

    Args:
        weight: Of the replayed loss beside the private one.
        phantoms: In each step.
        draws: Noise levels of each.
        loss: The loss of private training, whose network is trained.
        drawn: Where phantoms come from.
        law: Law of ln sigma inside a public band.
        bands: The public bands; phantoms are dealt to them in turn.
        most: Largest norm of the gradient before it is weighted: C, which bounds a patient's.
    """

    weight: float
    phantoms: int
    draws: int
    loss: ContextLoss
    drawn: PhantomDraws
    law: NoiseLaw
    bands: tuple[NoiseBand, ...]
    most: float

    def __call__(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns the weighted gradient, float64 (parameters,).

        Args:
            step: Number of the private step, which names the phantoms.
            weights: All trained weights, by name.
        """
        batch = self.drawn("replay", step, count=self.phantoms, draws=self.draws, law=self.law, bands=self.bands)
        leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
        with torch.enable_grad():
            loss = self.loss.of_each(leaves, batch).mean()
            found = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        flat: Tensor = torch.cat([each.flatten() for each in found]).double()
        scaled: Tensor = self.weight * flat * (self.most / flat.norm().clamp_min(self.most))
        return scaled
