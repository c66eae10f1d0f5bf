"""What every charged part checks before its first charge, and of a checkpoint before it goes on from it."""

from __future__ import annotations

from typing import Protocol

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import InputUnusable, VerificationFailed
from medsyngen.privacy.chain import Head
from medsyngen.privacy.run_account import RunAccount
from medsyngen.randomness import SecureStream


class Position(Protocol):
    """What a checkpoint says of the run and the ledger that it belongs to."""

    @property
    def run(self) -> str:
        """The run's name in the ledger."""
        ...

    @property
    def ledger_line(self) -> int:
        """Number of the ledger's last line when it was written."""
        ...

    @property
    def ledger_hash(self) -> str:
        """Its hash."""
        ...


def check_patients(cohort: Cohort, patients_at_most: int) -> None:
    """Refuses more patients than N_max.

    Raises:
        InputUnusable: There are more.
    """
    if len(cohort) > patients_at_most:
        raise InputUnusable(
            f"the cohort has more patients than patients_at_most ({patients_at_most})",
            do="raise patients_at_most above the number of patients (inspect suggests one), in the recipe or on the "
            "command line; nothing was charged",
        )


def check_before_charging(cohort: Cohort, patients_at_most: int, keys: SecureStream, account: RunAccount) -> None:
    """Refuses what must not be charged: too many patients, or seeded keys in a run that is not marked so.

    Raises:
        InputUnusable: More patients than N_max.
        ValueError: The stream is seeded and the run was not begun as seeded.
    """
    check_patients(cohort, patients_at_most)
    if keys.seeded and not account.seeded:
        raise ValueError("a seeded stream needs a run that was begun as seeded")


def check_checkpoint(saved: Position, account: RunAccount) -> None:
    """Refuses a checkpoint of another run, or one that the ledger in use knows nothing of.

    Raises:
        VerificationFailed: It is.
    """
    if saved.run != account.run:
        raise VerificationFailed(
            "the checkpoint in this run folder belongs to another run",
            do="use a new run folder; what was charged stays charged",
        )
    account.check_head(Head(saved.ledger_line, saved.ledger_hash), "the checkpoint")
