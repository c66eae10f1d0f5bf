"""The noise of differential privacy: Gaussian, float64, from the operating system's entropy."""

from __future__ import annotations

import torch
from torch import Tensor

from medsyngen.randomness import SecureStream

TERMS = 4
"""Independent Gaussians in one noise value."""

CHUNK = 1 << 16
"""Values drawn at a time: two arrays of half a megabyte beside the result, whatever its size."""


def add_gaussian_noise(total: Tensor, std: float, stream: SecureStream) -> Tensor:
    """Returns ``total`` plus independent Gaussian noise on every entry.

    Guarantee: with ``std`` = sigma_DP * C and a sum that one patient moves by at most C in L2, the result is a
    Gaussian mechanism of noise multiplier sigma_DP (for real arithmetic; floating point is mitigated, not proved).
    Sum and noise are added in float64. Each call draws fresh noise; no buffer is kept.

    Limits: floats are a grid, and which of its points a sum plus noise can reach may tell of the sum (Mironov 2012,
    "On significance of the least significant bits for differential privacy"); a single Box-Muller pair can be solved
    for its two uniforms. So every value is (n1 + n2 + n3 + n4) / 2 of four independent Gaussians, each from a pair of
    its own: infeasible to solve, and just as Gaussian (Holohan and Braghin 2021, arXiv 2107.10138; the same number
    as in Opacus' secure mode). The noise ends at 2 sqrt(106 ln 2) = 17.1 standard deviations.

    Args:
        total: float64, any shape.
        std: Standard deviation, > 0.
        stream: A stream that is used for nothing else.

    Returns:
        float64, same shape and device.

    Raises:
        ValueError: ``total`` is not float64, or ``std`` is not a positive number.
    """
    if total.dtype != torch.float64:
        raise ValueError(f"the sum must be float64, got {total.dtype}")
    if not 0 < std < float("inf"):
        raise ValueError(f"noise needs a positive standard deviation, got {std}")
    noised = total.clone(memory_format=torch.contiguous_format)
    flat = noised.view(-1)
    for start in range(0, flat.numel(), CHUNK):
        part = flat[start : start + CHUNK]
        noise = stream.normal(len(part))
        for _ in range(TERMS - 1):
            noise += stream.normal(len(part))
        noise *= std / TERMS**0.5
        part += torch.from_numpy(noise).to(part.device)
    return noised
