"""Votes and sums under attack: the mechanism run again and again, with one canary patient and without.

The adversary knows all other patients and the canary, sees what every round releases, and takes from it what it knows:
what is left, along the canary's vector, is the best statistic that there is of a Gaussian mechanism. Only the mechanism
runs, on made-up patients: no picture is needed, and no scan is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.evaluation.attacked_training import NoNoise
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patient_sum import noised_mean
from medsyngen.privacy.votes import noisy_votes
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey

Floats = NDArray[np.float64]

OTHERS = 6
"""Made-up patients beside the canary, if so many may be; the adversary knows them: their number changes nothing."""
CANARY = PatientKey("canary")
_TOO_LONG = 10.0
"""A canary brings a vector this many times C, or this many scans a class: clipping and scaling are attacked, too."""


@dataclass(frozen=True, eq=False)
class AttackedSum:
    """One query of private scans, as its adversary sees it.

    Args:
        rounds: T: how often it is asked.
        noise_multiplier: σ_DP, of each round.
        take: (whether the canary is there, a stream of its own, whether there is noise) -> what one round releases, in
            units of the longest vector that a patient may add.
        others: What is released without canary and noise, known to the adversary.
        direction: The canary's vector, of length 1.
    """

    rounds: int
    noise_multiplier: float
    take: Callable[[bool, SecureStream, bool], Floats]
    others: Floats = field(repr=False)
    direction: Floats = field(repr=False)

    @property
    def claimed(self) -> float:
        """μ: all rounds together tell the two worlds apart as one number can tell N(μ, 1) from N(0, 1)."""
        return math.sqrt(self.rounds) / self.noise_multiplier

    def statistic(self, included: bool, keys: SecureStream, *, noise: bool = True) -> float:
        """Returns what the adversary makes of one run: N(μ, 1) with the canary and N(0, 1) without, if all is right."""
        seen = [
            float(self.direction @ (self.take(included, keys.child(b"round\x00%d" % t), noise) - self.others))
            for t in range(self.rounds)
        ]
        return sum(seen) / (self.noise_multiplier * math.sqrt(self.rounds))

    def statistics(
        self, repeats: int, keys: SecureStream, *, noise: bool = True, progress: Progress = silent, phase: str = ""
    ) -> tuple[Floats, Floats]:
        """Returns statistics of so many runs with the canary, and of as many without it."""
        found = np.empty((2, repeats))
        for i in range(repeats):
            for included in (True, False):
                own = keys.child(b"run\x00%d\x00%d" % (i, included))
                found[int(included), i] = self.statistic(included, own, noise=noise)
            if i % 100 == 99 or i + 1 == repeats:
                progress(phase, i + 1, repeats)
        return found[1], found[0]


def attacked_votes(
    sizes: Sequence[int],
    *,
    noise_multiplier: float,
    rounds: int,
    votes: Callable[..., Floats] = noisy_votes,
) -> AttackedSum:
    """Returns an attack on votes: the canary has scans in every class, all of which vote for the class's last member.

    Others vote for first members only: where there is more than one, nobody but the canary votes for the last.

    Args:
        sizes: Members of each class.
        noise_multiplier: σ_DP.
        rounds: T.
        votes: Left out but in tests.
    """
    ends = np.cumsum(sizes)
    others = {PatientKey(f"other {i}"): np.asarray([(ends - sizes)[i % len(sizes)]]) for i in range(OTHERS)}
    canary = np.repeat(ends - 1, int(_TOO_LONG))
    members = int(ends[-1])

    def take(included: bool, stream: SecureStream, noise: bool) -> Floats:
        nearest = {**others, CANARY: canary} if included else others
        release = {} if noise else {"release": _as_it_is}
        return votes(nearest, members=members, noise_multiplier=noise_multiplier, stream=stream, **release)

    known = np.zeros(members)
    for chosen in others.values():
        known[chosen] += 1
    direction = np.zeros(members)
    direction[ends - 1] = len(sizes) ** -0.5
    return AttackedSum(rounds, noise_multiplier, take, known, direction)


def attacked_sum(
    *,
    classes: int,
    entries: int,
    clipping_norm: float,
    noise_multiplier: float,
    patients_at_most: int,
    mean: Callable[..., Tensor] = noised_mean,
) -> AttackedSum:
    """Returns an attack on a noised sum: the canary's vector is far too long, and lies where nobody else has anything.

    Args:
        classes: Of the sum.
        entries: Of all classes together.
        clipping_norm: C.
        noise_multiplier: σ_DP.
        patients_at_most: N_max.
        mean: Left out but in tests.
    """
    beside = min(OTHERS, patients_at_most - 1)
    mine = np.arange(entries) % (entries // classes) % 2 == 0  # every other entry, and at least one, of every class
    direction = mine / np.linalg.norm(mine)
    other = np.where(mine, 0.0, 1.0)
    other *= 0.5 * clipping_norm / max(float(np.linalg.norm(other)), 1e-12)
    blank = np.zeros((1, 1, 1, 1), np.float32)
    people = {PatientKey(f"other {i}"): PatientRecord(blank, np.zeros(1, np.int64)) for i in range(beside)}
    canary = PatientRecord(blank + 1, np.zeros(1, np.int64))
    vectors = {False: torch.from_numpy(other), True: torch.from_numpy(_TOO_LONG * clipping_norm * direction)}
    cohorts = {False: Cohort(people), True: Cohort({**people, CANARY: canary})}

    def take(included: bool, stream: SecureStream, noise: bool) -> Floats:
        released = mean(
            cohorts[included],
            lambda record: vectors[bool(record.pixels.any())],
            entries=entries,
            clipping_norm=clipping_norm,
            noise_multiplier=noise_multiplier,
            patients_at_most=patients_at_most,
            stream=stream,
            mechanism=None if noise else NoNoise(GaussianSum()),
        )
        return np.asarray(released.numpy(), np.float64) * (patients_at_most / clipping_norm)

    return AttackedSum(1, noise_multiplier, take, beside * other / clipping_norm, direction)


def _as_it_is(total: Tensor, std: float, stream: SecureStream) -> Tensor:
    return total
