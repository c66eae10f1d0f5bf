"""Rounds of votes: the patients vote on a population, which the noisy votes change (Private Evolution, algorithm 1).

The one place that couples votes, noise and the ledger. The joint guarantee is that of :func:`vote_privately`; each of
its clauses has a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.privacy.budget import shown
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.mechanism import GaussianSum, Mechanism
from medsyngen.privacy.preconditions import check_before_charging, check_checkpoint
from medsyngen.privacy.purposes import VOTES
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.votes import Nearest, noisy_votes
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey

PURPOSE = VOTES
"""What the ledger calls these charges."""

State = dict[str, Tensor]
"""What is voted on, by name: made from public numbers and noisy votes alone."""

Seen = TypeVar("Seen")


class Election(Protocol[Seen]):
    """What is voted on and by which rule. Only :meth:`ballots` knows the cohort; it can't fail because of a record."""

    @property
    def rounds(self) -> int:
        """T, planned and charged."""
        ...

    def first(self) -> State:
        """Returns the state before the first round; public."""
        ...

    def candidates(self, number: int, state: State) -> Seen:
        """Returns what ballots are compared with; public, and all of a round that may fail."""
        ...

    def ballots(self, candidates: Seen) -> tuple[Mapping[PatientKey, Nearest], int]:
        """Returns the members that each patient's scans vote for, and how many members there are; private."""
        ...

    def elected(self, number: int, state: State, noisy: NDArray[np.float64]) -> State:
        """Returns the state after a round: post-processing of noisy votes."""
        ...


@dataclass(frozen=True, eq=False)
class VoteResult:
    """What rounds of votes leave behind, and the marks that the gate reads."""

    state: State = field(repr=False)
    seeded: bool
    private: bool


def vote_privately(
    election: Election[Seen],
    cohort: Cohort,
    *,
    patients_at_most: int,
    noise_multiplier: float,
    account: RunAccount,
    keys: SecureStream,
    checkpoint: Path,
    mechanism: Mechanism | None = None,
    after_charge: Callable[[], None] | None = None,
    progress: Progress = silent,
) -> VoteResult:
    """Lets the patients vote, round by round, charged to the ledger.

    Guarantee: with ``keys`` from the operating system, everything this function writes or returns, as a function of
    the cohort, is the output of ``rounds`` Gaussian mechanisms of noise multiplier sigma_DP under adding or removing
    one patient's record, each chosen in the light of those before it: in every round a patient adds one vector of norm
    at most 1 over all members of all classes, and every entry of the sum gets noise (:func:`noisy_votes`); the next
    state is made from noisy votes and public numbers. A round is charged, flushed to disk, before its votes are
    counted: a crash costs utility, not privacy. A resumed run forfeits every round charged after its checkpoint and
    draws new keys. All rounds that were planned take place, whatever the votes; nothing uncharged steers the run. The
    checkpoint holds the state and noisy votes; the clean counts stay inside :func:`noisy_votes`.

    Args:
        election: What is voted on.
        cohort: The private cohort; here only counted, against N_max.
        patients_at_most: N_max, public.
        noise_multiplier: sigma_DP.
        account: The run in the ledger, which has reserved these rounds.
        keys: Secret stream, new at each start.
        checkpoint: File inside ``RUN/private/``.
        mechanism: Left out but in tests; see :class:`Mechanism`.
        after_charge: Called between charge and votes (fault injection in tests).
        progress: Told the rounds done; never a vote.

    Raises:
        InputUnusable: More patients than N_max; nothing was charged.
        BudgetRefused: The run has not reserved these rounds; nothing was charged.
        VerificationFailed: The checkpoint belongs to another run, or the ledger lost lines that it has seen.
    """
    mechanism = mechanism or GaussianSum()
    check_before_charging(cohort, patients_at_most, keys, account)
    saved = _saved(account, checkpoint)
    seeded = (saved is not None and saved.seeded) or keys.seeded or account.seeded
    private = (saved is None or saved.private) and mechanism.private
    state = election.first() if saved is None else _settled(election, saved)
    for number in range(account.steps_charged(PURPOSE), election.rounds):
        candidates = election.candidates(number, state)
        account.charge(Gaussian(noise_multiplier), purpose=PURPOSE, block=(number, number + 1))
        if after_charge:
            after_charge()
        ballots, members = election.ballots(candidates)
        noisy = noisy_votes(
            ballots,
            members=members,
            noise_multiplier=noise_multiplier,
            stream=keys.child(b"votes\x00%d" % number),
            release=mechanism.release,
        )
        saved = QueryCheckpoint(
            state=state,
            noised=torch.from_numpy(noisy),
            round=number,
            recipe_sha256=account.recipe_sha256,
            run=account.run,
            ledger_line=account.head.n,
            ledger_hash=account.head.hash,
            seeded=seeded,
            private=private,
        )
        # Before the next state is made: that may take long or fail, and must not cost the votes that were paid for.
        saved.save(checkpoint)
        state = _settled(election, saved)
        spent = account.guarantee()
        charged = f"ε = {shown(spent.epsilon)} at δ = {shown(spent.delta)} charged so far"
        progress(f"votes of patients (Private Evolution); {charged}", number + 1, election.rounds)
    return VoteResult(state, seeded=seeded, private=private)


def _settled(election: Election[Seen], saved: QueryCheckpoint) -> State:
    return election.elected(saved.round, dict(saved.state), np.asarray(saved.noised.numpy(), np.float64))


def _saved(account: RunAccount, checkpoint: Path) -> QueryCheckpoint | None:
    if not checkpoint.exists():
        return None
    saved = QueryCheckpoint.load(checkpoint)
    check_checkpoint(saved, account)
    return saved
