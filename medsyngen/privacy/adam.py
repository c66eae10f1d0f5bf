"""Adam on one flat vector; where it is wanted, without the bias that the noise of privacy has on its second moment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

DAMPING = 1e-8
"""Kingma and Ba's epsilon, and PyTorch's; with a correction it only keeps a weight without gradient from 0/0."""


@dataclass(frozen=True)
class NoiseCorrection:
    """Public numbers of the bias correction of the second moment.

    Args:
        variance: Phi = (sigma_DP C / (q N_max))^2, of the noise in each released coordinate, > 0.
        floor: Least second moment that is left, as a share of the noise's own, > 0.
    """

    variance: float
    floor: float


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1), to the last bit as PyTorch's on a processor; and DP-AdamBC.

    Noise of variance Phi adds Phi to the expectation of v_hat. Where it is most of it, all weights are divided by about
    the same number, and Adam is no more than momentum. DP-AdamBC (Tang, Shpilevskiy, Lécuyer 2024, arXiv 2312.14334,
    algorithm 1; first in Tang, Lécuyer 2023, arXiv 2304.11208) divides by sqrt(max(v_hat - Phi, gamma')) instead.
    Here Phi may differ between weights and steps (steps in a subspace, filtered gradients), so that its average is
    followed exactly as v is, weight by weight; and gamma' is a share of it, which makes the floor free of scale.

    Guarantee: a function of gradients that were noised before, and of public numbers; it costs no privacy.

    Args:
        weights: Of the same shape, dtype and device as all weights to come: float32 (parameters,).
        betas: beta1 and beta2.
        floor: gamma' / Phi; None for plain Adam.
        damping: Added to the denominator: Kingma and Ba's epsilon, which is another thing than privacy's. Far above the
            root of v it makes a step proportional to the gradient: momentum at the rate learning rate / damping.
    """

    def __init__(
        self, weights: Tensor, betas: tuple[float, float], floor: float | None = None, damping: float = DAMPING
    ) -> None:
        self.betas, self.floor, self.damping, self.steps = betas, floor, damping, 0
        self.first, self.second = torch.zeros_like(weights), torch.zeros_like(weights)
        self.noise = weights.new_zeros(())

    @torch.no_grad()
    def step(self, weights: Tensor, gradient: Tensor, learning_rate: float, variance: Tensor | None = None) -> None:
        """Takes one step, in place.

        Args:
            weights: float32 (parameters,).
            gradient: The same.
            learning_rate: Of this step.
            variance: Of the noise in each entry of the gradient, (parameters,) or () if it is one for all; None for
                plain Adam.
        """
        self.steps += 1
        beta1, beta2 = self.betas
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        v = self.second if variance is None else self._without_noise(variance)
        denominator = (v.sqrt() / (1 - beta2**self.steps) ** 0.5).add_(self.damping)
        weights.addcdiv_(self.first, denominator, value=-learning_rate / (1 - beta1**self.steps))

    def _without_noise(self, variance: Tensor) -> Tensor:
        """Returns max(v - Phi, gamma'), all three still short of 1 - beta2^t, as v is."""
        if self.floor is None:
            raise ValueError("a correction needs a floor")
        beta2 = self.betas[1]
        self.noise = beta2 * self.noise + (1 - beta2) * variance
        return torch.maximum(self.second - self.noise, self.floor * self.noise)
