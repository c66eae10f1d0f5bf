"""The noise of differential privacy: Gaussian, float64, from the operating system's entropy."""

from __future__ import annotations

import torch
from torch import Tensor

from medsyngen.randomness import SecureStream


def add_gaussian_noise(total: Tensor, std: float, stream: SecureStream) -> Tensor:
    """Returns ``total`` plus independent Gaussian noise on every entry.

    Guarantee: with ``std`` = sigma_DP * C and a sum that one patient moves by at most C in L2, the result is a
    Gaussian mechanism of noise multiplier sigma_DP (for real arithmetic; floating point is mitigated, not proved).
    Sum and noise are added in float64. Each call draws fresh noise; no buffer is kept.

    Args:
        total: float64, any shape.
        std: Standard deviation, > 0.
        stream: A stream that is used for nothing else.

    Returns:
        float64, same shape and device.
    """
    if total.dtype != torch.float64:
        raise ValueError(f"the sum must be float64, got {total.dtype}")
    if not std > 0:
        raise ValueError(f"noise needs a positive standard deviation, got {std}")
    noise = torch.from_numpy(stream.normal(tuple(total.shape)))
    return total + std * noise.to(total.device)
