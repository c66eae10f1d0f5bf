"""The clipped sum of a step, computed by several processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.parallel import Ranks, tensor_bytes
from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.gradient_sum import Factors, PatientLoss, PatientStreams, Views, clipped_sum
from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey


def deal(sampled: Sequence[PatientKey], micro_batch: int, count: int) -> list[list[PatientKey]]:
    """Deals whole micro-batches over the ranks in turn.

    A micro-batch is then the same as in one process, and so is each patient's gradient, to the last bit: only the
    order in which float64 adds them up differs.

    Returns:
        The patients of each rank; each patient is in one share.
    """
    batches = [sampled[start : start + micro_batch] for start in range(0, len(sampled), micro_batch)]
    return [[patient for batch in batches[rank::count] for patient in batch] for rank in range(count)]


def hand_out(
    ranks: Ranks,
    flat: Tensor,
    sampled: Sequence[PatientKey],
    streams: PatientStreams,
    *,
    micro_batch: int,
    basis: Tensor | None = None,
) -> Sequence[PatientKey]:
    """Sends each other rank what it needs for its share of a step; returns the share of this one.

    Guarantee: the other ranks get the weights, which are post-processing of noised sums, and the keys of the draws of
    their own patients in this step. The step's key, and with it the sample's coins and the noise, stays on rank 0.

    Args:
        ranks: The processes of this job.
        flat: The weights, (parameters,): the same on every rank because they come from here in every step.
        sampled: The patients of this step.
        streams: Patient -> the stream of its draws in this step.
        micro_batch: Slots.
        basis: Public directions of this step, if not all of weight space.
    """
    if ranks.count == 1:
        return sampled
    own, *shares = deal(sampled, micro_batch, ranks.count)
    public = (tensor_bytes(flat), b"" if basis is None else tensor_bytes(basis))
    for rank, share in zip(ranks.others, shares, strict=True):
        ranks.send(rank, *public, *(word for patient in share for word in _words(patient, streams(patient))))
    return own


def send_weights(ranks: Ranks, weights: Mapping[str, Tensor]) -> None:
    """Sends the first weights to every other rank, with their names, in their order."""
    shapes = json.dumps({name: list(value.shape) for name, value in weights.items()}).encode()
    for rank in ranks.others:
        ranks.send(rank, shapes, *(tensor_bytes(value.float()) for value in weights.values()))


def receive_weights(ranks: Ranks) -> dict[str, Tensor]:
    """Returns the weights that rank 0 sent."""
    shapes, *values = ranks.receive(0)
    named = zip(json.loads(shapes).items(), values, strict=True)
    return {name: torch.frombuffer(bytearray(data), dtype=torch.float32).view(shape) for (name, shape), data in named}


def serve_sums(
    loss: PatientLoss,
    views: Views,
    cohort: Cohort,
    ranks: Ranks,
    *,
    clipping_norm: float,
    micro_batch: int,
    device: torch.device,
    factors: Factors = clip_factors,
) -> NoReturn:
    """Computes this rank's share of every step until rank 0 ends.

    Guarantee: what is sent to rank 0 is the clipped sum of the patients that it named (:func:`clipped_sum`), without
    noise: that is added once, there. Nothing is written, and no key is kept beyond its step.

    Args:
        loss: The same loss as on rank 0.
        views: Of the weights, in the same order.
        cohort: The same cohort.
        ranks: The processes of this job.
        clipping_norm: C.
        micro_batch: Slots.
        device: Where to compute.
        factors: How gradients are clipped.

    Raises:
        RankEnded: When rank 0 has ended, well or not.
    """
    patients = {patient.to_bytes(): patient for patient in cohort}
    while True:
        weights, directions, *words = ranks.receive(0)
        flat = torch.frombuffer(bytearray(weights), dtype=torch.float32).to(device)
        basis = torch.frombuffer(bytearray(directions), dtype=torch.float32).view(len(flat), -1) if directions else None
        streams = {patients[words[at]]: _stream(*words[at + 1 : at + 3]) for at in range(0, len(words), 3)}
        own = clipped_sum(
            loss,
            views(flat),
            cohort,
            list(streams),
            clipping_norm=clipping_norm,
            micro_batch=micro_batch,
            streams=streams.__getitem__,
            device=device,
            basis=None if basis is None else basis.to(device),
            factors=factors,
        )
        ranks.total(own)


def _words(patient: PatientKey, stream: SecureStream) -> tuple[bytes, bytes, bytes]:
    return patient.to_bytes(), stream.handed_over(), b"seeded" if stream.seeded else b""


def _stream(key: bytes, mark: bytes) -> SecureStream:
    return SecureStream(key, seeded=bool(mark))
