"""Guidance without a classifier (Ho & Salimans 2022, arXiv 2207.12598): says more clearly which class is meant."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from medsyngen.diffusion.staged import Denoise


@dataclass(frozen=True, eq=False)
class Guided:
    """D(x; sigma, null) + w (D(x; sigma, class) - D(x; sigma, null)) (eq. 6, with w for its 1 + w).

    A network that differential privacy trained has seen little of what sets classes apart; a weight above 1 draws the
    difference larger than it was learned. It is computed from the weights, so it costs no privacy.

    Args:
        denoise: Its null class stands for all classes together: it learned this by label dropout, or its embedding is
            the mean of theirs (:func:`medsyngen.diffusion.unet.with_mean_nulls`).
        null: Row of the null class; of several attributes the row of each one's null.
        weight: w. 1 is the denoiser itself, 0 the null class.
    """

    denoise: Denoise
    null: tuple[int, ...]
    weight: float

    def __call__(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Denoises images of these classes; arguments are those of a :data:`Denoise`."""
        rows = classes.new_tensor(self.null if classes.ndim > 1 else self.null[0])
        null = self.denoise(x, sigma, rows.expand_as(classes))
        return null + self.weight * (self.denoise(x, sigma, classes) - null)
