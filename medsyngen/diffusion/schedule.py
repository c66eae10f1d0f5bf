"""Which noise levels training draws, and which ones sampling walks through."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from medsyngen.diffusion.bands import NoiseBand


@dataclass(frozen=True)
class NoiseLaw:
    """The law of ln sigma in training: a Gaussian truncated to a band.

    EDM draws ln sigma from N(-1.2, 1.2^2), which puts 0.4 % of the draws in the coarse band, where 38 % of the
    sampling steps run; public training therefore uses a wider law.

    Args:
        mean: Mean of ln sigma before truncation.
        std: Standard deviation of ln sigma before truncation.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if self.std <= 0:
            raise ValueError(f"std must be positive, got {self.std}")

    def levels(self, uniform: Tensor, low: float, high: float) -> Tensor:
        """Returns noise levels by the inverse of the truncated distribution function.

        Args:
            uniform: float64 in [0, 1), any shape: the randomness, drawn by the caller.
            low: Smallest sigma.
            high: Largest sigma.

        Returns:
            float64 sigma in [low, high], same shape.
        """
        a, b = ((math.log(edge) - self.mean) / self.std for edge in (low, high))
        cdf_a, cdf_b = (0.5 * math.erfc(-z / math.sqrt(2)) for z in (a, b))
        if cdf_b - cdf_a < 1e-12:
            raise ValueError(f"the noise law N({self.mean}, {self.std}^2) gives the band [{low}, {high}] no mass")
        p = cdf_a + uniform.double() * (cdf_b - cdf_a)
        z = torch.special.ndtri(p.clamp(1e-300, 1 - 2**-53)).clamp(a, b)
        return torch.exp(self.mean + self.std * z)

    def in_band(self, uniform: Tensor, band: NoiseBand) -> Tensor:
        """Returns noise levels inside one band; see :meth:`levels`."""
        return self.levels(uniform, band.low, band.high)


def karras_steps(count: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Returns ``count`` falling noise levels and a final 0 (Karras et al. 2022, eq. 5); float64, shape (count + 1,)."""
    if count < 2:
        raise ValueError(f"sampling needs at least 2 steps, got {count}")
    i = torch.arange(count, dtype=torch.float64) / (count - 1)
    sigmas = (sigma_max ** (1 / rho) + i * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
    return torch.cat([sigmas, torch.zeros(1, dtype=torch.float64)])
