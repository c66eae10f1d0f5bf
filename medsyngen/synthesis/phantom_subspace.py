"""A few directions in weight space in which phantoms differ: private gradients are seen there only.

Noise of DP-SGD has norm sigma_DP C sqrt(P) over P parameters, many times what a sample of patients has to say. Among
k orthonormal directions it has sigma_DP C sqrt(k). The directions are the gradients of single phantoms at the weights
as they stand (gradient embedding perturbation, Yu et al. 2021, arXiv 2102.12677, with phantoms in place of public
images of the same kind, and without its residual). A network that has learned the phantoms is at rest between their
gradients, so what they span is: more like this phantom, less like that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws


@dataclass(frozen=True, eq=False)
class PhantomSubspace:
    """Finds the directions anew in every step, at weights that differential privacy has released already.

    Guarantee: the basis is computed from phantoms, public random streams and the weights it is given, which are
    post-processing of noised sums; it costs no privacy.

    Args:
        size: k, directions at most.
        loss: The loss of private training.
        drawn: Where phantoms come from.
        micro_batch: Phantoms whose gradients are computed at once; changes no result but by rounding.
    """

    size: int
    loss: ContextLoss
    drawn: PhantomDraws
    micro_batch: int

    def __call__(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns an orthonormal basis, float32 (parameters, at most k): fewer if gradients depend on one another.

        Args:
            step: Number of the private step, which names the phantoms.
            weights: All trained weights, by name.
        """
        return orthonormal(self.gradients(step, weights))

    def gradients(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns the gradient of each of k phantoms, float32 (k, parameters)."""
        loss = self.loss
        draws = loss.scans_per_patient * loss.draws_per_scan
        batch = self.drawn("span", step, count=self.size, draws=draws, law=loss.law, bands=[loss.band])
        found = []
        for start in range(0, self.size, self.micro_batch):
            part = {name: value[start : start + self.micro_batch] for name, value in batch.items()}
            found.append(per_patient_gradients(loss, weights, part))
        return torch.cat(found)


def orthonormal(rows: Tensor) -> Tensor:
    """Returns an orthonormal basis of the span of the rows' directions: float32 (width, rank), rank <= rows.

    By the eigenvectors of the rows' Gram matrix, in float64: a few rows of great width. Rows count by their direction
    and not by their length, or one outlier would be all that is kept where rows nearly depend on one another. Done
    twice, because rounding leaves the first result a little oblique in that case.
    """
    return _spanned(_spanned(torch.nn.functional.normalize(rows, dim=1)).T)


def _spanned(rows: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((rows @ rows.T).double())
    kept = values > values[-1].clamp_min(torch.finfo(torch.float64).tiny) * len(rows) * torch.finfo(torch.float32).eps
    basis: Tensor = rows.T @ (vectors[:, kept] / values[kept].sqrt()).to(rows.dtype)
    return basis
