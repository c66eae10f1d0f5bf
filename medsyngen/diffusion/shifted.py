"""A denoiser whose pictures have other means: what sets two Gaussians of one covariance apart, at every noise level.

At strong noise the best denoiser depends on its distribution through mean and covariance alone (to first order in
1 / sigma^2), so a mean that is known is all that the coarse band lacks. For N(m, S) it is
D(x; sigma) = m + S (S + sigma^2)^-1 (x - m); two of them with one S and means m and m' differ, whatever x, by

    sigma^2 (S + sigma^2)^-1 (m' - m).

All of the shift where noise is strong, none where it is weak: there pictures stay as the network learned them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medsyngen.diffusion.staged import Denoise

Cells = Callable[[Tensor], Tensor]
"""(classes) -> float64 (n, cells): how much each picture is of each cell of classes; rows add up to 1."""


@dataclass(frozen=True, eq=False)
class Shift:
    """Which means are moved, and how far.

    Args:
        directions: float64 (pixels, k), orthonormal: mean pictures are moved along these.
        covariance: float64 (k, k): of unmoved pictures, within a class.
        by: float64 (cells, k): m' - m of each cell of classes.
    """

    directions: Tensor = field(repr=False)
    covariance: Tensor = field(repr=False)
    by: Tensor = field(repr=False)

    def at(self, sigma: float) -> Tensor:
        """Returns what the denoiser of each cell is moved by at a noise level, float64 (cells, pixels)."""
        noise = sigma**2 * torch.eye(len(self.covariance), dtype=torch.float64)
        kept = torch.linalg.solve(self.covariance + noise, self.by.T)
        moved: Tensor = (self.directions @ (sigma**2 * kept)).T
        return moved


@dataclass(frozen=True, eq=False)
class Shifted:
    """D(x; sigma, class) + sigma^2 (S + sigma^2)^-1 (m' - m): post-processing of what ``denoise`` and the shift are.

    Args:
        denoise: The denoiser whose pictures have means m.
        shift: From m to m'.
        cells: Which cells a picture's classes stand for.
    """

    denoise: Denoise
    shift: Shift
    cells: Cells

    def __call__(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Denoises pictures that share one noise level, as in a sampling step."""
        if not bool((sigma == sigma[0]).all()):
            raise ValueError("a shifted denoiser takes one noise level a call")
        moved = self.cells(classes) @ self.shift.at(float(sigma[0]))
        return self.denoise(x, sigma, classes) + moved.reshape(x.shape).to(x.device, x.dtype)
