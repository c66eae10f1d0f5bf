"""One noised sum over the cohort, read, charged and taken here: the private step of a portrait.

The one place that couples the sum, its noise and the ledger; the joint guarantee is that of :func:`sum_privately`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import MedsyngenError
from medsyngen.privacy.mechanism import GaussianSum, Mechanism
from medsyngen.privacy.patient_sum import PatientVector, noised_mean_of, patient_rows, sum_event
from medsyngen.privacy.preconditions import check_before_charging, check_checkpoint
from medsyngen.privacy.purposes import SUM
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.privacy.run_account import RunAccount
from medsyngen.randomness import SecureStream

PURPOSE = SUM


@dataclass(frozen=True, eq=False)
class SumResult:
    """The noised mean, and the marks that the gate reads."""

    mean: Tensor = field(repr=False)
    seeded: bool
    private: bool


def sum_privately(
    cohort: Cohort,
    vector: PatientVector,
    *,
    entries: int,
    clipping_norm: float,
    patients_at_most: int,
    noise_multiplier: float,
    account: RunAccount,
    keys: SecureStream,
    checkpoint: Path,
    purpose: str = PURPOSE,
    public: Mapping[str, Tensor] | None = None,
    mechanism: Mechanism | None = None,
    after_charge: Callable[[], None] | None = None,
) -> SumResult:
    """Takes one noised sum over the patients, and charges it to the ledger.

    Guarantee: with ``keys`` from the operating system, everything this function writes or returns, as a function of
    the cohort, is the output of one Gaussian mechanism of noise multiplier sigma_DP under adding or removing one
    patient's record (:func:`noised_mean_of`). Every vector is read before the charge. That is sound because nothing
    computed from a scan leaves this process by it: vectors stay in memory, and whether reading ended is seen inside
    only, as reading the scans from disk is. So whatever a record makes fail, memory for one, fails before it costs
    anything, and no record can keep a sum from ending that was paid for. It is charged, flushed to disk, before
    anything is released, and taken once: a run that died between charge and sum has lost it, and a run that goes on
    takes the noised mean from its checkpoint, where the un-noised sum never was.

    Args:
        cohort: The private cohort.
        vector: A patient's vector; fixed and public.
        entries: Its length.
        clipping_norm: C.
        patients_at_most: N_max, public.
        noise_multiplier: sigma_DP.
        account: The run in the ledger, which has reserved this one event.
        keys: Secret stream, new at each start.
        checkpoint: File inside ``RUN/private/``.
        purpose: What the ledger calls it; a run takes one sum for each.
        public: What a run that goes on needs beside the sum (:func:`kept_beside_the_sum`), by name; of no scan.
        mechanism: Left out but in tests; see :class:`Mechanism`.
        after_charge: Called between charge and sum (fault injection in tests).

    Raises:
        InputUnusable: More patients than N_max; nothing was charged.
        BudgetRefused: The run has not reserved this event; nothing was charged.
        MedsyngenError: The sum was charged before, and lost.
        VerificationFailed: The checkpoint belongs to another run, or the ledger lost lines that it has seen.
    """
    mechanism = mechanism or GaussianSum()
    check_before_charging(cohort, patients_at_most, keys, account)
    seeded = keys.seeded or account.seeded
    if account.steps_charged(purpose):
        saved = _saved(account, checkpoint)
        return SumResult(saved.noised, saved.seeded or seeded, saved.private and mechanism.private)
    rows = patient_rows(cohort, vector, entries)
    account.charge(sum_event(noise_multiplier), purpose=purpose, block=(0, 1))
    if after_charge:
        after_charge()
    mean = noised_mean_of(
        rows,
        clipping_norm=clipping_norm,
        noise_multiplier=noise_multiplier,
        patients_at_most=patients_at_most,
        stream=keys.child(b"sum over patients"),
        mechanism=mechanism,
    )
    QueryCheckpoint(
        state=public or {},
        noised=mean,
        round=0,
        recipe_sha256=account.recipe_sha256,
        run=account.run,
        ledger_line=account.head.n,
        ledger_hash=account.head.hash,
        seeded=seeded,
        private=mechanism.private,
    ).save(checkpoint)
    return SumResult(mean, seeded, mechanism.private)


def kept_beside_the_sum(account: RunAccount, checkpoint: Path) -> Mapping[str, Tensor] | None:
    """Returns the public tensors that were kept with a sum which this run took before; None if it took none.

    Raises:
        MedsyngenError: The sum was charged before, and lost.
        VerificationFailed: The checkpoint belongs to another run, or the ledger lost lines that it has seen.
    """
    return _saved(account, checkpoint).state if account.steps_charged(PURPOSE) else None


def _saved(account: RunAccount, checkpoint: Path) -> QueryCheckpoint:
    if not checkpoint.exists():
        raise MedsyngenError(
            "the noised sum was charged and then lost, because the run was interrupted in between",
            do="fit again in a new run folder; what was charged stays charged",
        )
    saved = QueryCheckpoint.load(checkpoint)
    check_checkpoint(saved, account)
    return saved
