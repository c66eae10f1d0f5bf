"""Who votes: the cohort's scans as features, alone or shared between the processes of a job.

Each process searches for whole patients, dealt in turn. What it finds goes to rank 0, which counts all of it and adds
the noise, once: the votes are those of one process, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.sharing import receive_cohort, send_records
from medsyngen.parallel import Ranks
from medsyngen.privacy.votes import Nearest
from medsyngen.scan import PatientKey, Pixels
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.nearest import Rows, nearest

Embed = Callable[[Pixels], Rows]
"""float32 (n, 1, size, size) -> float32 (n, d): fixed and public, never fitted to private scans."""

Ballots = Mapping[PatientKey, Nearest]
"""The members that each patient's scans vote for; private."""

CPU = torch.device("cpu")
_PATIENTS, _ROUND, _END = b"patients", b"round", b"end"


def finite(features: Rows) -> Rows:
    """Returns features with zeros for what is no number: a record must not stop a round, nor an image of a command."""
    return np.asarray(np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0), np.float32)


class Electorate(Protocol):
    """Whoever votes."""

    def ballots(self, seen: Rows, cells: NDArray[np.int64], *, neighbours: int) -> Ballots:
        """Returns everybody's votes, in the order of the cohort."""
        ...


@dataclass(frozen=True, eq=False)
class Voters:
    """The cohort's scans as features; private. A patient's features are a function of this patient's record alone.

    Args:
        patients: Whose each scan is.
        features: float32 (scans, d).
        open_to: bool (scans, cells): where each scan votes.
        device: Where neighbours are searched for.
    """

    patients: tuple[PatientKey, ...] = field(repr=False)
    features: Rows = field(repr=False)
    open_to: NDArray[np.bool_] = field(repr=False)
    device: torch.device = CPU

    @classmethod
    def of(cls, cohort: Cohort, embed: Embed, cells: Cells, device: torch.device = CPU) -> Voters:
        """Embeds every scan, patient by patient: batches would mix patients, and with them rounding."""
        features = [finite(embed(record.pixels)) for record in cohort.values()]
        opened = [cells.open_to(record.classes) for record in cohort.values()]
        keys = [patient for patient, record in cohort.items() for _ in range(len(record.pixels))]
        if not keys:
            return cls((), np.zeros((0, 0), np.float32), np.zeros((0, len(cells.values)), np.bool_), device)
        return cls(tuple(keys), np.concatenate(features), np.concatenate(opened), device)

    def ballots(self, seen: Rows, cells: NDArray[np.int64], *, neighbours: int) -> Ballots:
        """Returns for each patient, in order, the members nearest to its scans.

        A scan whose class is known looks in its own cell, another in all that it may belong to.

        Args:
            seen: What the members look like, float32 (members, d).
            cells: The cell of each, (members,).
            neighbours: q: members that each scan votes for.
        """
        found: dict[PatientKey, list[Nearest]] = {patient: [] for patient in self.patients}
        opened, kinds = np.unique(self.open_to, axis=0, return_inverse=True)
        for kind, cells_open in enumerate(opened):
            scans = np.flatnonzero(kinds.ravel() == kind)
            rows = np.flatnonzero(cells_open[cells])
            near = nearest(self.features[scans], seen[rows], count=min(neighbours, len(rows)), device=self.device)
            for scan, chosen in zip(scans, rows[near], strict=True):
                found[self.patients[scan]].append(chosen)
        return {patient: np.concatenate(each) for patient, each in found.items()}


@dataclass(frozen=True, eq=False)
class SharedVoters:
    """The same, with the other ranks' help.

    Guarantee: the others get the records of their own patients, once, and what members look like, which is public or
    was made of noisy votes; no key, and no noise is added there. What comes back stays in the memory of rank 0 until
    it is noised.

    Args:
        own: This rank's voters.
        everyone: All patients of the cohort, in order.
        ranks: The processes of this job, of which this is the first; the others are in :func:`serve_votes`.
    """

    own: Voters
    everyone: tuple[PatientKey, ...] = field(repr=False)
    ranks: Ranks

    @classmethod
    def of(cls, cohort: Cohort, voters_of: Callable[[Cohort], Voters], ranks: Ranks) -> SharedVoters:
        """Deals the patients out; returns when every rank has embedded its own, so that what fails costs nothing.

        Raises:
            RankEnded: Another process failed.
        """
        for rank in ranks.others:
            ranks.send(rank, _PATIENTS)
            send_records(ranks, rank, _share(cohort, rank, ranks.count))
        own = voters_of(_share(cohort, 0, ranks.count))
        for rank in ranks.others:
            ranks.receive(rank)
        return cls(own, tuple(cohort), ranks)

    def ballots(self, seen: Rows, cells: NDArray[np.int64], *, neighbours: int) -> Ballots:
        """See :meth:`Voters.ballots`.

        Raises:
            RankEnded: Another process failed.
        """
        facts = np.array([*seen.shape, neighbours], np.int64)
        for rank in self.ranks.others:
            self.ranks.send(rank, _ROUND, facts.tobytes(), seen.tobytes(), cells.tobytes())
        shares = [list(self.own.ballots(seen, cells, neighbours=neighbours).values())]
        for rank in self.ranks.others:
            shares.append([np.frombuffer(each, np.int64) for each in self.ranks.receive(rank)])
        count = self.ranks.count
        return {patient: shares[i % count][i // count] for i, patient in enumerate(self.everyone)}


def end_votes(ranks: Ranks) -> None:
    """Lets the other ranks go on to what comes after the votes, whether or not there were any."""
    for rank in ranks.others:
        ranks.send(rank, _END)


def serve_votes(voters_of: Callable[[Cohort], Voters], ranks: Ranks) -> None:
    """Searches for this rank's patients, round by round, until rank 0 has ended the votes.

    Guarantee: that of :class:`SharedVoters`; nothing is written.

    Raises:
        RankEnded: Rank 0 has ended.
    """
    voters = voters_of(Cohort({}))
    while (message := ranks.receive(0))[0] != _END:
        if message[0] == _PATIENTS:
            voters = voters_of(receive_cohort(ranks))
            ranks.send(0)
            continue
        *shape, neighbours = np.frombuffer(message[1], np.int64).tolist()
        seen = np.frombuffer(bytearray(message[2]), np.float32).reshape(shape)
        found = voters.ballots(seen, np.frombuffer(message[3], np.int64), neighbours=neighbours)
        ranks.send(0, *(chosen.astype(np.int64).tobytes() for chosen in found.values()))


def _share(cohort: Cohort, rank: int, count: int) -> Cohort:
    """Returns whole patients, in turn."""
    return Cohort({patient: cohort[patient] for patient in list(cohort)[rank::count]})
