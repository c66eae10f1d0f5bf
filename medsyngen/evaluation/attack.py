"""The attack: a white-box adversary who looks, in each released step, for each canary's gradient.

It knows the first weights and every released sum, hence the weights before every step (replayed with
:class:`TrainingState`); and the records of all canaries and all other patients. So it can compute where each of them
would move a step, up to the draws of that step, which it averages over. What it lacks is the keys: who took part,
which scans and noise levels were drawn, and the noise.

What it keeps of a step (:class:`Observation`) is small; :mod:`medsyngen.evaluation.scoring` makes scores of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.privacy.dpsgd import DPSGD, Subspace
from medsyngen.privacy.gradient_sum import PatientLoss, Views
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import SecureStream

_FORGET = 0.1
"""Weights move little in a step, so that a canary's gradient is averaged over the draws of about 20 steps."""
_FIRST_LOOKS = 8
"""Draws averaged before the first step, when there is nothing yet to remember."""
_STRAY = 0.5
"""Length of a step's e_j in terms of the newest look's distance from the mean: a step averages more draws."""


@dataclass(frozen=True, eq=False)
class Observation:
    """All that the attack keeps of one released step; directions are in units of C.

    Args:
        patients: Who could have taken part, as far as the adversary knows: n indices.
        took_part: The probability with which each of them would, (n,).
        gram: Products among their expected clipped gradients and, behind these, among other directions in which their
            gradients stray, float64 (n + e, n + e).
        seen: Products of all these with the released sum, float64 (n + e,).
    """

    patients: NDArray[np.int64]
    took_part: NDArray[np.float64]
    gram: NDArray[np.float64]
    seen: NDArray[np.float64]


class Adversary:
    """Sees one released sum after the other.

    Args:
        loss: What it computes gradients with; the mechanism's loss, or a cheaper one of the same expectation.
        weights: First weights, public.
        records: Canaries and others, in the order of the observations.
        training: Public numbers.
        patients_at_most: N_max.
        noise_multiplier: sigma_DP.
        stream: For its own simulated draws; not the mechanism's.
        subspace: The mechanism's directions, if not all.
        device: Where to compute.
    """

    def __init__(
        self,
        loss: PatientLoss,
        weights: Mapping[str, Tensor],
        records: Sequence[PatientRecord],
        training: DPSGD,
        *,
        patients_at_most: int,
        noise_multiplier: float,
        stream: SecureStream,
        subspace: Subspace | None = None,
        device: torch.device,
    ) -> None:
        self._loss, self._records, self._training, self._stream = loss, records, training, stream
        self._subspace = subspace
        self._denominator = training.sampling_rate(patients_at_most) * patients_at_most
        self._views = Views({name: value.shape for name, value in weights.items()})
        self._state = TrainingState(
            self._views.flatten(weights).to(device),
            steps=training.decays_over,
            learning_rate=training.learning_rate,
            betas=training.adam_betas,
            damping=training.adam_damping,
            ema_decay=training.ema_decay,
            correction=training.correction(patients_at_most=patients_at_most, noise_multiplier=noise_multiplier),
            filter_gain=training.filter_gain,
        )
        self._mean = torch.zeros(len(records), len(self._state.flat), device=device)
        self._newest = torch.zeros_like(self._mean)
        self._looks = np.zeros(len(records), np.int64)
        self.observations: list[Observation] = []

    def see(self, released: Tensor, took_part: NDArray[np.float64]) -> None:
        """Takes in one released sum.

        Args:
            released: float64 (parameters,), or coordinates in the step's subspace, before the division by q N_max.
            took_part: Probability of each patient's taking part; those with 0 are left out.
        """
        patients = np.flatnonzero(took_part)
        self._look(patients[self._looks[patients] > 0])
        for _ in range(_FIRST_LOOKS):
            self._look(patients[self._looks[patients] < _FIRST_LOOKS])
        # Directions are public: whoever knows the weights can find them, too.
        weights, basis = self._views(self._state.flat.detach()), None
        if self._subspace is not None:
            basis = self._subspace(len(self.observations), weights)
        self.observations.append(self._observation(patients, took_part[patients], released, basis))
        self._state.update(released / self._denominator, basis)

    def _observation(
        self, patients: NDArray[np.int64], took_part: NDArray[np.float64], released: Tensor, basis: Tensor | None
    ) -> Observation:
        everyone = len(patients) == len(self._records)
        index = torch.from_numpy(patients).to(self._mean.device)
        mean, newest = (rows if everyone else rows[index] for rows in (self._mean, self._newest))
        if basis is not None:
            mean, newest = mean @ basis, newest @ basis
        # min(C, norm) / norm / C: the expected gradient, clipped, in units of C.
        norms = torch.linalg.vector_norm(mean, dim=1, dtype=torch.float64).cpu().numpy()
        scale = 1.0 / np.maximum(norms, self._training.clipping_norm)
        u_u, u_n, n_n = ((a @ b.T).double().cpu().numpy() for a, b in ((mean, mean), (mean, newest), (newest, newest)))
        u_e, e_e = u_n - u_u, n_n - u_n - u_n.T + u_u  # e = newest - mean, without another matrix of that size
        y = released.to(mean)
        seen_u, seen_n = ((rows @ y).double().cpu().numpy() for rows in (mean, newest))
        scales = np.concatenate([scale, _STRAY * scale])
        gram = np.block([[u_u, u_e], [u_e.T, e_e]]) * scales[:, None] * scales[None, :]
        seen = np.concatenate([seen_u, seen_n - seen_u]) * scales / self._training.clipping_norm
        return Observation(patients, took_part, gram, seen)

    def _look(self, patients: NDArray[np.int64]) -> None:
        """Moves the remembered gradients of these patients towards fresh ones at the weights of now."""
        slots = self._training.micro_batch
        parameters = self._views(self._state.flat.detach())
        for start in range(0, len(patients), slots):
            rows = patients[start : start + slots]
            self._looks[rows] += 1
            drawn = [
                self._loss.draw(self._records[row], self._stream.child(b"look\x00%d\x00%d" % (row, self._looks[row])))
                for row in rows
            ]
            batch = {name: torch.stack([each[name] for each in drawn]).to(self._mean.device) for name in drawn[0]}
            fresh = torch.nan_to_num(per_patient_gradients(self._loss, parameters, batch))
            index = torch.from_numpy(rows).to(self._mean.device)
            weight = torch.from_numpy(np.maximum(_FORGET, 1.0 / self._looks[rows])).to(self._mean)
            self._mean[index] = torch.lerp(self._mean[index], fresh, weight[:, None])
            self._newest[index] = fresh
