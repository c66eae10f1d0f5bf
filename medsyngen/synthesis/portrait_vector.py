"""What each patient brings to a portrait, and what is read off the noised mean of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.portrait_reading import Reading

Floats = NDArray[np.float64]

SMALLEST_SHARE = 0.2
"""Of its public share: a class of which noise left less is taken to have as much."""


@dataclass(frozen=True, eq=False)
class PortraitVector:
    """A patient's vector: for each class, the share of the scans that are of it, and their numbers times this share.

    Guarantee: a function of one patient's record and of public numbers; draws nothing, and its length is the same for
    every record.

    Args:
        read: A picture's numbers; fixed and public.
        cells: Classes.
        share_weight: What the share counts beside the numbers.
    """

    read: Reading
    cells: Cells
    share_weight: float

    @property
    def length(self) -> int:
        """Entries of the vector."""
        return len(self.cells.values) * (1 + self.read.entries)

    def __call__(self, record: PatientRecord) -> Tensor:
        """Returns float64 (length,); the scans of a patient count alike, one of unknown class for all it may be of."""
        parts = self.cells.parts_in(record.classes)
        numbers = parts.T @ self.read(record.pixels)
        return torch.from_numpy(np.column_stack([self.share_weight * parts.sum(axis=0), numbers]).ravel())


@dataclass(frozen=True, eq=False)
class PortraitMeans:
    """The cohort as a portrait has it: post-processing of one noised sum.

    Args:
        shares: (classes,), adding up to 1.
        means: (classes, entries): mean numbers of the pictures of each class, drawn towards 0, the phantoms' mean, as
            far as noise asks for it.
        variances: (classes,): of the noise in each entry of a mean.
    """

    shares: Floats = field(repr=False)
    means: Floats = field(repr=False)
    variances: Floats = field(repr=False)


def portrait_means(noised: Floats, vector: PortraitVector, noise: float) -> PortraitMeans:
    """Returns shares and means of the classes.

    The means are those over the patients who are there: a sum over classes is divided by the noised share, so N_max
    may lie above their number. Then two steps of shrinkage by what noise is known to add (James and Stein 1961,
    positive part): of what classes have in common, and of what sets each apart.

    Args:
        noised: Noised mean over N_max of the patients' vectors, (length,).
        vector: How it was made.
        noise: Standard deviation of the noise in each entry of ``noised``.
    """
    rows = noised.reshape(len(vector.cells.values), -1)
    shares = np.maximum(rows[:, 0] / vector.share_weight, SMALLEST_SHARE * vector.cells.shares)
    means, variances = rows[:, 1:] / shares[:, None], (noise / shares) ** 2
    weights = shares / shares.sum()
    common = weights @ means
    kept = shrunk(common, float(weights**2 @ variances))
    apart = [
        shrunk(mean - common, float(variance)) if len(means) > 1 else np.zeros_like(mean)
        for mean, variance in zip(means, variances, strict=True)
    ]
    return PortraitMeans(weights, kept + np.stack(apart), variances)


def shrunk(mean: Floats, variance: float) -> Floats:
    """Returns a noisy vector times max(0, 1 - (d - 2) v / |mean|^2), which is nearer to the true one on average.

    Args:
        mean: (d,), with independent noise of variance v on each entry.
        variance: v.
    """
    length = float(mean @ mean)
    return mean * max(0.0, 1 - (len(mean) - 2) * variance / length) if length > 0 else mean
