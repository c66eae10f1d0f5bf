"""The clipped sum of a step: what differential privacy puts its noise on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.clipping import add_clipped, clip_factors
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey


class PatientLoss(Protocol):
    """The loss of one patient, split so that all randomness is drawn first and applied purely."""

    def draw(self, record: PatientRecord, stream: SecureStream) -> Mapping[str, Tensor]:
        """Draws everything random for one patient (scans, noise levels, noise); shapes never depend on the record."""
        ...

    def __call__(self, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """Returns the scalar loss, averaged over the patient's scans and draws; pure."""
        ...


class Views:
    """Named views of one flat weight vector, in the order of the network's parameters.

    Args:
        shapes: Shape of each trained parameter.
    """

    def __init__(self, shapes: Mapping[str, torch.Size]) -> None:
        self.shapes = dict(shapes)
        self.sizes = [shape.numel() for shape in self.shapes.values()]

    def __call__(self, flat: Tensor) -> dict[str, Tensor]:
        """Returns name -> view."""
        pieces = torch.split(flat, self.sizes)
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def flatten(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Returns the flat float32 vector of these weights."""
        return torch.cat([weights[name].detach().flatten() for name in self.shapes]).float()


Factors = Callable[[Tensor, float], Tensor]
PatientStreams = Callable[[PatientKey], SecureStream]


def patient_streams(step: SecureStream) -> PatientStreams:
    """Returns each patient's own stream in a step, keyed by (secret step key, PatientKey) and nothing else."""
    return lambda patient: step.child(b"patient\x00" + patient.to_bytes())


def clipped_sum(
    loss: PatientLoss,
    parameters: Mapping[str, Tensor],
    cohort: Cohort,
    sampled: Sequence[PatientKey],
    *,
    clipping_norm: float,
    micro_batch: int,
    streams: PatientStreams,
    device: torch.device,
    basis: Tensor | None = None,
    factors: Factors = clip_factors,
) -> Tensor:
    """Returns the sum of the sampled patients' clipped gradients.

    Guarantee: every patient adds one vector of norm at most C (``clip_factors``), computed from this patient's record
    and from a stream keyed by (secret step key, PatientKey); so adding or removing a patient moves the sum by at most
    C and changes nobody else's vector. With a basis the vector is the gradient's coordinates, clipped after they are
    taken: this holds whatever the basis, if only it is fixed before the sample. Micro-batches have a fixed number of
    slots, the empty ones masked: they bound memory and do nothing else. An empty sample gives a zero sum.

    Args:
        loss: The loss of one patient.
        parameters: The weights, by name.
        cohort: The private cohort.
        sampled: The patients of this step.
        clipping_norm: C.
        micro_batch: Slots.
        streams: Patient -> the stream of its draws in this step (:func:`patient_streams`).
        device: Where to compute.
        basis: Public directions, float32 (parameters, k), orthonormal; None for all of weight space.
        factors: How gradients are clipped.

    Returns:
        float64 (parameters,), or (k,) in the coordinates of the basis, on the device.
    """
    width = sum(p.numel() for p in parameters.values()) if basis is None else basis.shape[1]
    total = torch.zeros(width, dtype=torch.float64, device=device)
    for start in range(0, len(sampled), micro_batch):
        patients = sampled[start : start + micro_batch]
        draws = [loss.draw(cohort[p], streams(p)) for p in patients]
        slots = draws + [draws[0]] * (micro_batch - len(draws))
        batch = {name: torch.stack([slot[name] for slot in slots]).to(device) for name in draws[0]}
        gradients = per_patient_gradients(loss, parameters, batch)
        if basis is not None:
            gradients = gradients @ basis
        add_clipped(total, gradients, factors(gradients, clipping_norm), len(patients))
    return total
