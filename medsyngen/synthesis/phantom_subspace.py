"""A few directions in weight space in which phantoms differ: private gradients are seen there only.

Noise of DP-SGD has norm sigma_DP C sqrt(P) over P parameters, many times what a sample of patients has to say. Among
k orthonormal directions it has sigma_DP C sqrt(k). The directions are the gradients of single phantoms at the weights
as they stand (gradient embedding perturbation, Yu et al. 2021, arXiv 2102.12677, with phantoms in place of public
images of the same kind, and without its residual). A network that has learned the phantoms is at rest between their
gradients, so what they span is: more like this phantom, less like that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels
from medsyngen.synthesis.context_loss import ContextLoss


@dataclass(frozen=True, eq=False)
class PhantomSubspace:
    """Finds the directions anew in every step, at weights that differential privacy has released already.

    Guarantee: the basis is computed from phantoms, public random streams and the weights it is given, which are
    post-processing of noised sums; it costs no privacy.

    Args:
        size: k, directions at most.
        loss: The loss of private training.
        draw: Where phantoms come from.
        class_shares: Public proportion of each class row of the network, the null class last; phantoms are dealt by it,
            so that class embeddings have directions, too.
        micro_batch: Phantoms whose gradients are computed at once; changes no result but by rounding.
        streams: Public randomness.
        device: Where to compute.
        further_shares: Where there are several attributes: the same for the second and every further one; each
            phantom's rows are drawn independently.
    """

    size: int
    loss: ContextLoss
    draw: Callable[[int, np.random.Generator], Pixels]
    class_shares: tuple[float, ...]
    micro_batch: int
    streams: Streams
    device: torch.device
    further_shares: tuple[tuple[float, ...], ...] = ()

    def __call__(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns an orthonormal basis, float32 (parameters, at most k): fewer if gradients depend on one another.

        Args:
            step: Number of the private step, which names the phantoms.
            weights: All trained weights, by name.
        """
        return orthonormal(self.gradients(step, weights))

    def gradients(self, step: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns the gradient of each of k phantoms, float32 (k, parameters)."""
        rng = self.streams.numpy("phantoms that span a step", step)
        pixels = self.draw(self.size, rng)
        rows = self._rows(rng)
        generator = torch.Generator().manual_seed(self.streams.torch_seed("noise that spans a step", step))
        found = []
        for start in range(0, self.size, self.micro_batch):
            part = slice(start, start + self.micro_batch)
            drawn = self._drawn(torch.from_numpy(pixels[part]), torch.from_numpy(rows[part]), generator)
            found.append(per_patient_gradients(self.loss, weights, drawn))
        return torch.cat(found)

    def _rows(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Returns the class row of each phantom, (k,); of several attributes (k, attributes)."""
        columns, start = [], 0
        for given in (self.class_shares, *self.further_shares):
            shares = np.asarray(given)
            columns.append(start + rng.choice(len(shares), size=self.size, p=shares / shares.sum()))
            start += len(shares)
        return np.stack(columns, axis=1) if self.further_shares else columns[0]

    def _drawn(self, y: Tensor, classes: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        draws = self.loss.scans_per_patient * self.loss.draws_per_scan
        many = y.unsqueeze(1).expand(-1, draws, *y.shape[1:])
        u = torch.rand((len(y), draws), generator=generator, dtype=torch.float64)
        drawn = {
            "y": many,
            "classes": classes.unsqueeze(1).expand(-1, draws, *classes.shape[1:]),
            "sigma": self.loss.law.in_band(u, self.loss.band).float(),
            "noise": torch.randn(many.shape, generator=generator),
        }
        return {name: value.to(self.device) for name, value in drawn.items()}


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
