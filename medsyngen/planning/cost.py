"""Time and memory of private training on this machine, from one image through the recipe's own network."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medsyngen.errors import UsageError
from medsyngen.scan import Size, image_shape

if TYPE_CHECKING:
    from torch import Tensor, nn

    from medsyngen.synthesis.context_loss import ContextLoss

_LIBRARIES = 25e6
"""Bytes of code that PyTorch loads at the first per-patient gradient."""
_FUNCTIONAL = 50e6
"""Bytes of code that ``torch.func`` loads where weights are functions of what is trained."""
_BYTES_A_PARAMETER = 40.0
"""Sum and noise (float64), Adam's moments, average, and what their arithmetic makes on the way."""
_COPIES = 1.7
"""Per-patient gradients alive at once: as computed, joined, and on the way."""
_PER_PATIENT = 1.35
"""What per-patient gradients keep, over what plain training saves for its backward pass."""
_COPIES_OF_BASIS = 3.0
"""Gradients of phantoms, their directions, and the basis."""
# Fitted to measured peaks of book-keeping at 16 and 32 pixels, micro-batches of 4 and 16.
_LONGEST = 0.6  # seconds of measuring
_MOST_REPEATS = 8


@dataclass(frozen=True)
class Cost:
    """What a machine needs.

    Args:
        parameters: P, trained ones.
        memory_bytes: Estimated peak beyond what the program takes before it trains.
        images_per_second: Forward and backward passes of one image a second, or None if unknown.
        measured: Whether that was measured just now.
        private_seconds: Of private training, or None if unknown.
        public_seconds: Of training on phantoms first, 0 if the public expert is there already, or None if unknown.
        public_expert_exists: Whether the public expert is in the package or the cache.
    """

    parameters: int
    memory_bytes: int
    images_per_second: float | None
    measured: bool
    private_seconds: float | None
    public_seconds: float | None
    public_expert_exists: bool


def check_speed(speed: float | None) -> None:
    """Refuses a number of images a second that is none; None is to be measured, or unknown.

    Raises:
        UsageError: It is not above 0, or not finite.
    """
    if speed is not None and not 0.0 < speed < float("inf"):
        raise UsageError("images per second must be positive", do="leave it out, then it is measured")


def images_per_second(loss: ContextLoss, *, size: Size, images: int) -> float:
    """Returns how many images a second go forward and backward on the CPU, measured on noise in less than a second.

    Plain gradients of one patient's loss: book-keeping takes little longer for each patient of a full micro-batch.

    Args:
        loss: The loss of private training.
        size: Of the images.
        images: m·K, of one patient.
    """
    if _gradient_time(loss, size, 1) * images > 4 * _LONGEST:  # large images: one alone tells enough
        return 1.0 / _gradient_time(loss, size, 1)
    began, times = time.perf_counter(), list[float]()
    while len(times) < _MOST_REPEATS and (not times or time.perf_counter() - began < _LONGEST):
        times.append(_gradient_time(loss, size, images))
    return images / statistics.median(times)


def memory_estimate(
    loss: ContextLoss, *, size: Size, micro_batch: int, images: int, trained: int | None = None, subspace: int = 0
) -> int:
    """Returns about how many bytes private training takes at its peak, beyond the program itself.

    Args:
        loss: The loss of private training.
        size: Of the images.
        micro_batch: Patients whose gradients are in memory at once.
        images: m·K, of one patient.
        trained: P, where not every parameter of the network is trained.
        subspace: k, directions of a step; 0 for all.
    """
    from medsyngen.privacy.book_keeping import Reparametrised

    whole = count_parameters(loss.network)
    parameters = whole if trained is None else trained
    # Additions get their gradients from those of the weights that they are added to.
    functions = isinstance(loss, Reparametrised)
    formed = parameters + whole if functions else parameters
    slot = 4.0 * _COPIES * formed + _PER_PATIENT * images * saved_bytes(loss, size=size)
    basis = 4.0 * _COPIES_OF_BASIS * parameters * subspace
    code = _LIBRARIES + _FUNCTIONAL * functions
    return round(code + _BYTES_A_PARAMETER * parameters + micro_batch * slot + basis)


def saved_bytes(loss: ContextLoss, *, size: Size) -> int:
    """Returns the bytes that the forward pass of one image saves for its backward pass, weights left out."""
    import torch

    weights = dict(loss.network.named_parameters())
    own = {weight.untyped_storage().data_ptr() for weight in weights.values()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss(weights, _drawn(loss, size, 1))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def count_parameters(network: nn.Module) -> int:
    """Returns P."""
    return sum(parameter.numel() for parameter in network.parameters())


def slots_per_step(patients_per_step: float, patients_at_most: int, micro_batch: int) -> float:
    """Returns about how many slots of micro-batches a step fills or masks: half a micro-batch is masked."""
    if patients_per_step >= patients_at_most:
        return float(-(-patients_at_most // micro_batch) * micro_batch)
    return patients_per_step + micro_batch / 2.0


def _gradient_time(loss: ContextLoss, size: Size, images: int) -> float:
    import torch

    weights = dict(loss.network.named_parameters())
    drawn = _drawn(loss, size, images)
    began = time.perf_counter()
    torch.autograd.grad(loss(weights, drawn), list(weights.values()))
    return time.perf_counter() - began


def _drawn(loss: ContextLoss, size: Size, images: int) -> dict[str, Tensor]:
    """Returns what the loss would draw for one patient, with noise in place of scans."""
    import torch

    stream = torch.Generator().manual_seed(0)
    shape = (images, *image_shape(size))
    return {
        "y": 2.0 * torch.rand(shape, generator=stream) - 1.0,
        "classes": torch.zeros(images, dtype=torch.int64),
        "sigma": loss.law.in_band(torch.rand(images, generator=stream, dtype=torch.float64), loss.band).float(),
        "noise": torch.randn(shape, generator=stream),
    }
