"""One gradient a patient, by the quickest way that the network allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from medsyngen.privacy.book_keeping import BatchedLoss, gradients_by_book_keeping, has_ghosts_for

Loss = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]
"""(parameters, one patient's drawn tensors) -> scalar; pure."""


def per_patient_gradients(loss: Loss, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
    """Returns one flat gradient for each slot of a micro-batch.

    Book-keeping where the loss can be computed in one batch and every layer is known to it, else ``vmap(grad)``. Which
    of the two depends on the network alone, never on a record, so that it can't differ between neighbouring cohorts.

    Args:
        loss: The loss of one patient: the average over that patient's scans and draws.
        parameters: Every trained parameter.
        drawn: One patient's tensors in each slot: the first axis of each tensor is the slot.

    Returns:
        float32 (slots, parameters), in the order of ``parameters``.

    Raises:
        ValueError: If some parameter got no gradient.
    """
    if isinstance(loss, BatchedLoss) and has_ghosts_for(loss.network):
        return gradients_by_book_keeping(loss, parameters, drawn)
    return gradients_by_vmap(loss, parameters, drawn)


def gradients_by_vmap(loss: Loss, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
    """Returns the same for any loss that torch can map over patients."""
    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(dict(parameters), dict(drawn))
    missing = set(parameters) - set(gradients)
    if missing:
        raise ValueError(f"parameters without a per-patient gradient: {sorted(missing)}")
    return torch.cat([gradients[name].flatten(1) for name in parameters], dim=1)
