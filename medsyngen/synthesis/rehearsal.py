"""One full private step on phantoms before the first charge: whatever can go wrong goes wrong here, for free."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.conditions import first_rows
from medsyngen.errors import MedsyngenError, UsageError
from medsyngen.privacy.dpsgd import DPSGD, Subspace
from medsyngen.privacy.gradient_sum import PatientLoss, Views, clipped_sum, patient_streams
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey, Pixels


def rehearse(
    loss: PatientLoss,
    weights: Mapping[str, Tensor],
    training: DPSGD,
    phantoms: Pixels,
    *,
    class_rows: int | Sequence[int],
    subspace: Subspace | None = None,
    untrained: Collection[str] = (),
    folder: Path | None,
    device: torch.device,
) -> None:
    """Runs a private step on phantoms of the same shape: memory, a gradient for every parameter, disk.

    Args:
        loss: The loss that the private steps will use.
        weights: First weights, of what is trained.
        training: Public numbers.
        phantoms: float32 (count, channel, *space): each becomes a patient with one scan.
        class_rows: Rows of the class embedding, of several attributes the rows of each; the phantoms are dealt over
            them so that every row gets a gradient.
        subspace: The directions of a step, if not all.
        untrained: Those of the weights that were never trained: the step is rehearsed a little beside them, where
            the layers that begin with zeros hide no gradient. Trained ones are taken as they are, so that such layers
            show.
        folder: Where checkpoints will go; None where nothing will be written.
        device: Where to compute.

    Raises:
        UsageError: Some parameter gets no gradient, or memory or disk don't suffice.
    """
    classes = _dealt(len(phantoms), (class_rows,) if isinstance(class_rows, int) else class_rows)
    cohort = Cohort(
        {
            PatientKey(f"phantom {i}"): PatientRecord(phantoms[i : i + 1], classes[i : i + 1])
            for i in range(len(phantoms))
        }
    )
    views = Views({name: value.shape for name, value in weights.items()})
    flat = views.flatten(nudged(weights, untrained)).to(device)
    stream = secure_generator()
    try:
        basis = None if subspace is None else subspace(0, views(flat))
        total = clipped_sum(
            loss,
            views(flat),
            cohort,
            list(cohort),
            clipping_norm=training.clipping_norm,
            micro_batch=training.micro_batch,
            streams=patient_streams(stream),
            device=device,
            basis=basis,
        )
        noised = add_gaussian_noise(total, training.clipping_norm, stream.child(b"noise"))
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise UsageError(
            "one private step on phantoms does not fit in memory; nothing was charged",
            do=f"lower micro_batch (now {training.micro_batch}); it changes no result",
        ) from error
    _check_gradients(views(total if basis is None else basis.double() @ total), noised)
    needed = 12 * 4 * flat.numel()
    if folder is not None and shutil.disk_usage(folder).free < needed:
        raise MedsyngenError(
            f"the run folder's disk has less than {needed / 1e6:.0f} MB free; nothing was charged",
            do="free some space or choose another run folder",
        )


def _dealt(count: int, rows: Sequence[int]) -> NDArray[np.int64]:
    """Returns every attribute's rows in turn: int64 (count,), of several attributes (count, attributes)."""
    starts = first_rows([each - 1 for each in rows])
    columns = [start + np.arange(count, dtype=np.int64) % each for start, each in zip(starts, rows, strict=True)]
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)


def nudged(weights: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Returns some weights moved a little: a layer that begins with zeros hides the gradients of those behind it."""
    generator = torch.Generator().manual_seed(0)
    away = {name: weights[name] + 0.01 * torch.randn(weights[name].shape, generator=generator) for name in names}
    return {**weights, **away}


def _check_gradients(gradients: Mapping[str, Tensor], noised: Tensor) -> None:
    silent = [name for name, value in gradients.items() if not bool(value.any())]
    if silent or not bool(noised.isfinite().all()):
        raise UsageError(
            "a rehearsed private step on phantoms left parameters without a gradient, or not finite; "
            "nothing was charged",
            do="train the public expert for more steps (synthesis.public.steps)",
            details=silent,
        )
