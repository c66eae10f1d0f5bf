"""The moving average of the weights, from which samples are drawn."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class MovingAverage:
    """Exponential moving average with the usual warm-up: decay min(d, (1 + n) / (10 + n)) at update n.

    Post-processing of the weights: it costs no privacy.

    Args:
        weights: The first weights; copied.
        decay: d, in [0, 1).
        updates: Updates already made (for a resumed run).
    """

    def __init__(self, weights: Mapping[str, Tensor], decay: float, updates: int = 0) -> None:
        self.weights = {name: value.detach().clone() for name, value in weights.items()}
        self.decay = decay
        self.updates = updates

    @torch.no_grad()
    def update(self, weights: Mapping[str, Tensor]) -> None:
        """Moves the average towards these weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in weights.items():
            self.weights[name].lerp_(value.detach(), 1 - decay)
