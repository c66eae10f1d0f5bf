"""Test-only mechanisms that results are compared with. What is made with them is marked and can't be released."""

import torch

from medsyngen.privacy.mechanism import GaussianSum


class Ceiling:
    """No clipping, no noise: ordinary training. NOT PRIVATE."""

    private = False

    def factors(self, gradients: torch.Tensor, clipping_norm: float) -> torch.Tensor:
        return torch.ones(len(gradients), dtype=torch.float64)

    def release(self, total: torch.Tensor, std: float, stream: object) -> torch.Tensor:
        return total


class Placebo(GaussianSum):
    """The same run with the clipped sum replaced by zero: what noise alone does."""

    private = False

    def release(self, total, std, stream):  # type: ignore[no-untyped-def]
        return super().release(torch.zeros_like(total), std, stream)
