"""The denoising loss of one patient, in the context band: where diffusion and privacy meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.randomness import SecureStream
from medsyngen.synthesis.trainable import network_weights


@dataclass(frozen=True, eq=False)
class ContextLoss:
    """The average denoising loss over one patient's scans and draws (noise multiplicity as in DPDM, eq. 7).

    A patient always has m K draws, whatever the number of scans: up to m scans are chosen at random, the draws are
    dealt to them in turn. So shapes do not depend on the record, and a patient with one scan needs no mask.

    Args:
        network: Structure of the context expert, and its frozen weights if there are any.
        band: The context band: the only noise levels that private scans ever meet.
        law: Law of ln sigma inside the band.
        scans_per_patient: m.
        draws_per_scan: K.
        nulls: Row of each attribute's null, for label dropout.
        label_dropout: Chance that a draw is learned as of the null class, all attributes together (Ho & Salimans 2022,
            arXiv 2207.12598), so that sampling can be guided away from it.
        prediction: What the network predicts, ``edm`` or ``v``.
    """

    network: nn.Module
    band: NoiseBand
    law: NoiseLaw
    scans_per_patient: int
    draws_per_scan: int
    nulls: tuple[int, ...] = ()
    label_dropout: float = 0.0
    prediction: str = "edm"

    def draw(self, record: PatientRecord, stream: SecureStream) -> Mapping[str, Tensor]:
        """Draws scans, noise levels and noise for one patient, from this patient's stream alone."""
        draws = self.scans_per_patient * self.draws_per_scan
        n = len(record.pixels)
        chosen = stream.choose(n, min(n, self.scans_per_patient))
        index = chosen[np.arange(draws) % len(chosen)]
        sigma = self.law.in_band(torch.from_numpy(stream.uniform(draws)), self.band)
        noise = stream.normal((draws, *record.pixels.shape[1:]))
        return {
            "y": torch.from_numpy(record.pixels[index]),
            "classes": torch.from_numpy(self._dropped(record.classes[index], stream)),
            "sigma": sigma.float(),
            "noise": torch.from_numpy(noise).float(),
        }

    def _dropped(self, classes: NDArray[np.int64], stream: SecureStream) -> NDArray[np.int64]:
        if not self.label_dropout:
            return classes
        kept = stream.uniform(len(classes)) >= self.label_dropout
        nulls = np.asarray(self.nulls if classes.ndim > 1 else self.nulls[0], np.int64)
        return np.where(kept[:, None] if classes.ndim > 1 else kept, classes, nulls)

    def __call__(self, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """Returns the scalar loss; pure."""
        return network_error(self.network, parameters, **drawn, prediction=self.prediction).mean()

    def of_each(self, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """Returns the loss of each of several patients, (slots,), computed as one batch of all their draws."""
        slots = len(drawn["sigma"])
        batch = {name: value.flatten(0, 1) for name, value in drawn.items()}
        errors = network_error(self.network, parameters, **batch, prediction=self.prediction)
        return errors.view(slots, -1).mean(1)


@dataclass(frozen=True, eq=False)
class ReparametrisedLoss(ContextLoss):
    """The same where weights of ``network`` are functions of what is trained: W + B A, or class rows E + gamma D.

    Args:
        class_gain: gamma.
    """

    class_gain: float = 1.0

    def weights_of(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the network's weights that depend on the parameters; see :func:`network_weights`."""
        return network_weights(dict(self.network.named_parameters()), parameters, self.class_gain)

    def __call__(self, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """Returns the scalar loss; pure."""
        return super().__call__(self.weights_of(parameters), drawn)
