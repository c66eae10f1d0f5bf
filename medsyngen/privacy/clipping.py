"""A patient's gradient, brought to a norm of at most C."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP_MARGIN = 1 - 2.0**-10
"""Gradients are clipped to C (1 - 2^-10): room for the rounding of float32 gradients and their norms."""


def clip_factors(gradients: Tensor, clipping_norm: float) -> Tensor:
    """Returns the factor that brings each gradient's norm to at most C; 0 for one that is not finite.

    Guarantee: factor * |gradient|_2 <= C for every row, whatever its values (huge, NaN, infinite, zero). Norms are
    accumulated in float64; a row depends on no other row.

    Args:
        gradients: (slots, parameters).
        clipping_norm: C > 0.

    Returns:
        float64 (slots,).
    """
    norms = torch.linalg.vector_norm(gradients, dim=1, dtype=torch.float64)
    factors = (clipping_norm * CLIP_MARGIN / norms.clamp_min(torch.finfo(torch.float64).tiny)).clamp_max(1.0)
    return torch.where(torch.isfinite(norms), factors, torch.zeros_like(factors))


def add_clipped(total: Tensor, gradients: Tensor, factors: Tensor, taken: int) -> None:
    """Adds the first ``taken`` rows, each times its factor, to the float64 sum; the other slots are masked.

    Args:
        total: float64 (parameters,); changed in place.
        gradients: float32 (slots, parameters).
        factors: float64 (slots,).
        taken: Slots that hold a sampled patient.
    """
    # No branch on a factor: it would wait for the device, and take another time for another record.
    for row, factor in zip(gradients[:taken], factors[:taken], strict=True):
        finite = torch.where(factor > 0, row.double(), 0.0)  # factor 0 marks a row that is not finite: 0 * NaN is NaN
        total.addcmul_(finite, factor)
