"""A low-pass filter over the noised gradients of the steps, before the optimiser sees them."""

from __future__ import annotations

import torch
from torch import Tensor


class LowPass:
    """Exponential average of gradients, g~_t = (1 - kappa) g~_{t-1} + kappa g_t, without the bias of its beginning.

    It is the first-order filter of DOPPLER (Zhang, Bu, Hong, Razaviyayn 2024, arXiv 2408.13460), and the steady state
    of a scalar Kalman filter for a gradient that drifts as a random walk, whose steps have kappa^2 / (1 - kappa) times
    the variance of the noise. DiSK (Zhang et al. 2024, arXiv 2410.03883, algorithm 1) filters alike, but predicts the
    drift with every patient's gradient at a second point. That would double what a step costs, and is not done.

    What it adds to Adam, whose first moment is such a filter already: the average of filtered gradients is twice
    low-passed, much as with a larger beta1; and the *second* moment is that of the filtered gradient. In it noise
    counts kappa / (2 - kappa) of what it did, so that steps get longer by up to sqrt((2 - kappa) / kappa).

    Guarantee: a function of gradients that were noised before, and of a public number; it costs no privacy.

    Args:
        weights: Of the same shape, dtype and device as the gradients to come: float32 (parameters,).
        gain: kappa, in (0, 1); smaller remembers more.
        steps: Steps already taken (for a resumed run).
    """

    def __init__(self, weights: Tensor, gain: float, steps: int = 0) -> None:
        self.gain, self.steps = gain, steps
        self.value, self.variance = torch.zeros_like(weights), weights.new_zeros(())

    @torch.no_grad()
    def __call__(self, gradient: Tensor, variance: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns the filtered gradient and the variance of the noise in it.

        Args:
            gradient: Noised, float32 (parameters,).
            variance: Of its noise, independent of earlier steps': (parameters,), () if it is one for all, or None if
                nobody asks.
        """
        self.steps += 1
        remembered = 1 - self.gain
        self.value.lerp_(gradient, self.gain)
        whole = 1 - remembered**self.steps  # the weights of all gradients so far add up to this
        if variance is not None:
            self.variance = remembered**2 * self.variance + self.gain**2 * variance
            variance = self.variance / whole**2
        return self.value / whole, variance
