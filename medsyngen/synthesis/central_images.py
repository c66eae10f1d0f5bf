"""Central images: the mean picture of each class, coarse, noised once; for what lies above all detail: the layout.

DP-FETA (Gong et al. 2025) trains on such images first; there the noise is scaled to classes of equal size. Here a
patient's pictures of all classes are one vector, clipped as one, and each class is divided by its public share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.patient_sum import noised_mean, sum_event
from medsyngen.randomness import SecureStream
from medsyngen.synthesis.cells import Cells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CentralImages:
    """One noised sum of coarse pictures; public numbers only.

    Args:
        side: Pixels a side that pictures are averaged to.
        clipping_norm: C, of a patient's coarse pictures of all classes together, each side^2 numbers from -1 to 1.
    """

    side: int = 8
    clipping_norm: float = 3.0

    def __post_init__(self) -> None:
        if self.side < 1 or not self.clipping_norm > 0:
            raise ValueError(f"side and clipping_norm must be positive, got {self.side} and {self.clipping_norm}")

    def event(self, noise_multiplier: float) -> Gaussian:
        """Returns what :meth:`noised` does to privacy: charge it before the call."""
        return sum_event(noise_multiplier)

    def noised(
        self,
        cohort: Cohort,
        cells: Cells,
        *,
        noise_multiplier: float,
        patients_at_most: int,
        stream: SecureStream,
        mechanism: Mechanism | None = None,
    ) -> Floats:
        """Returns the noised central image of each class, divided by N_max and the class's public share.

        Guarantee: that of :func:`noised_mean`, of which this is post-processing: a patient's vector over all classes
        is clipped as one, every entry gets noise, no denominator is counted. A rare class has much noise, and the more
        the rarer it is: sigma_DP C / (N_max pi_c) an entry.

        Args:
            cohort: The private cohort.
            cells: Classes and their public shares.
            noise_multiplier: sigma_DP.
            patients_at_most: N_max, public.
            stream: A stream that is used for nothing else.
            mechanism: Left out but in tests.

        Returns:
            float64 (classes, side, side).
        """
        classes = len(cells.values)
        mean = noised_mean(
            cohort,
            CoarsePictures(self.side, cells),
            entries=classes * self.side**2,
            clipping_norm=self.clipping_norm,
            noise_multiplier=noise_multiplier,
            patients_at_most=patients_at_most,
            stream=stream,
            mechanism=mechanism,
        )
        return np.asarray(mean.numpy().reshape(classes, self.side, self.side) / cells.shares[:, None, None])

    def noise(self, cells: Cells, *, noise_multiplier: float, patients_at_most: int) -> Floats:
        """Returns the standard deviation of the noise in each class's entries, float64 (classes,); public."""
        return np.asarray(noise_multiplier * self.clipping_norm / patients_at_most / cells.shares)


@dataclass(frozen=True, eq=False)
class CoarsePictures:
    """A patient's mean coarse picture of each class, times the share of the scans that are of it.

    Guarantee: a function of one patient's record; its length is the same for every record.

    Args:
        side: Pixels a side.
        cells: Classes.
    """

    side: int
    cells: Cells = field(repr=False)

    def __call__(self, record: PatientRecord) -> Tensor:
        """Returns float64 (classes x side^2,)."""
        parts = self.cells.parts_in(record.classes)
        coarse = functional.adaptive_avg_pool2d(torch.from_numpy(record.pixels).double(), self.side)
        return (torch.from_numpy(parts).T @ coarse.flatten(1)).flatten()


def denoised(images: Floats, noise: Floats) -> Floats:
    """Returns central images with less noise: each spatial frequency shrunk by what noise is known to add to it.

    In an orthonormal cosine basis the noise is the same in every entry, and pictures are not: entries are gathered in
    rings of like frequency, and a ring of n entries of energy E keeps max(0, 1 - n v / E) of itself. Post-processing.

    Args:
        images: (classes, side, side).
        noise: Standard deviation in each class's entries, (classes,).
    """
    side = images.shape[-1]
    k = np.arange(side)
    basis = np.cos(np.pi * np.outer(k, k + 0.5) / side) * np.sqrt(np.where(k == 0, 1, 2) / side)[:, None]
    waves = basis @ images @ basis.T
    ring = np.maximum.outer(k, k)
    for each in range(side):
        here = ring == each
        energy = np.maximum((waves[:, here] ** 2).sum(axis=1), 1e-300)
        waves[:, here] *= np.maximum(0, 1 - here.sum() * noise**2 / energy)[:, None]
    return np.asarray(basis.T @ waves @ basis)
