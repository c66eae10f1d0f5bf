"""A few directions in weight space in which phantoms differ: private gradients are seen there only.

Noise of DP-SGD has norm sigma_DP C sqrt(P) over P parameters, many times what a sample of patients has to say. Among
k orthonormal directions it has sigma_DP C sqrt(k). The directions are the gradients of single phantoms at the weights
as they stand (gradient embedding perturbation, Yu et al. 2021, arXiv 2102.12677, with phantoms in place of public
images of the same kind, and without its residual). A network that has learned the phantoms is at rest between their
gradients, so what they span is: more like this phantom, less like that one.

Class embeddings are a small part of each of these gradients, and would move only along with all the rest. Directions of
their own let classes part while everything else stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.trainable import CLASSES


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
        of_classes: k_c, directions at most of the class embeddings alone, beside the k: the class part of the gradients
            of as many phantoms, at most k. The others then hold no class part. 0: classes move along with the rest.
    """

    size: int
    loss: ContextLoss
    drawn: PhantomDraws
    micro_batch: int
    of_classes: int = 0

    def __call__(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns an orthonormal basis, float32 (parameters, at most k + k_c): fewer if gradients are dependent.

        Args:
            step: Number of the private step, which names the phantoms.
            weights: All trained weights, by name.
        """
        rows = self.gradients(step, weights)
        if self.of_classes:
            rows = _parted(rows, _class_columns(weights), self.of_classes)
        return orthonormal(rows)

    def gradients(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns the gradient of each of k phantoms, float32 (k, parameters); a phantom has one scan's draws."""
        loss = replace(self.loss, scans_per_patient=1)
        draws = loss.draws_per_scan
        batch = self.drawn("span", step, count=self.size, draws=draws, law=loss.law, bands=[loss.band])
        found = []
        for start in range(0, self.size, self.micro_batch):
            part = {name: value[start : start + self.micro_batch] for name, value in batch.items()}
            found.append(per_patient_gradients(loss, weights, part))
        return torch.cat(found)


def _class_columns(weights: Mapping[str, Tensor]) -> Tensor:
    parts = [
        torch.full((value.numel(),), name.startswith(CLASSES), device=value.device) for name, value in weights.items()
    ]
    return torch.cat(parts)


def _parted(rows: Tensor, columns: Tensor, count: int) -> Tensor:
    """Returns the rows without these columns, and the first ``count`` rows of these columns alone."""
    return torch.cat([rows.where(~columns, 0.0), rows[:count].where(columns, 0.0)])


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
