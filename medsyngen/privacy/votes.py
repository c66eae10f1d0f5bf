"""Votes of patients for synthetic images (Private Evolution, Lin et al. 2024, arXiv 2305.15560, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey

Nearest = NDArray[np.int64]
"""Any shape: the members that a patient's scans vote for, numbered over the populations of all classes together."""

Release = Callable[[torch.Tensor, float, SecureStream], torch.Tensor]
"""(sum, standard deviation, stream) -> what leaves: see :meth:`medsyngen.privacy.mechanism.Mechanism.release`."""

UNIT_MARGIN = 1 - 2.0**-40
"""Votes are scaled to a norm this far below 1: room for the rounding of float64 divisions."""


def noisy_votes(
    nearest: Mapping[PatientKey, Nearest],
    *,
    members: int,
    noise_multiplier: float,
    stream: SecureStream,
    release: Release = add_gaussian_noise,
) -> NDArray[np.float64]:
    """Returns what all patients together vote for each member, with noise.

    Guarantee: every patient adds one vector of norm at most 1 over all members of all classes together, computed from
    this patient's scans alone; Gaussian noise of standard deviation sigma_DP is added to every entry, those without a
    vote included. So the result is a Gaussian mechanism of noise multiplier sigma_DP under adding or removing one
    patient. The counts without noise leave this function nowhere: not as a result, in an error or a log. No record can
    make it raise or change its shape: what can be wrong about the numbers of members is refused for what the caller
    passed, before a vote is counted.

    Args:
        nearest: The members that each patient's scans are nearest to; a patient without scans votes for none.
        members: Of the populations of all classes together; public.
        noise_multiplier: sigma_DP.
        stream: A secret stream that is used for nothing else.
        release: Adds the noise; another one only in tests.

    Returns:
        float64 (members,).

    Raises:
        ValueError: A vote is for no member: a fault of the search, whoever the patients are.
    """
    total = torch.zeros(members, dtype=torch.float64)
    for chosen in nearest.values():
        total += torch.from_numpy(votes_of(chosen, members))
    return np.asarray(release(total, noise_multiplier, stream).numpy(), np.float64)


def votes_of(chosen: Nearest, members: int) -> NDArray[np.float64]:
    """Returns one patient's votes: all its scans' together, brought to norm 1, or zero without scans.

    Norms are taken over all classes at once: a patient with scans in two classes who voted in each with norm 1 would
    move the result by sqrt(2).

    Args:
        chosen: Any shape; a member that is chosen twice gets two votes.
        members: Of all populations together.
    """
    if chosen.size and not (int(chosen.min()) >= 0 and int(chosen.max()) < members):
        # Numbers come from the search, whose answers are in range for every scan: a program's fault, not a patient's.
        raise ValueError(f"votes are for members 0 to {members - 1}; the search for neighbours returned another")
    counts = np.bincount(chosen.ravel(), minlength=members).astype(np.float64)
    norm = float(np.linalg.norm(counts))
    return counts * (UNIT_MARGIN / norm) if norm else counts
