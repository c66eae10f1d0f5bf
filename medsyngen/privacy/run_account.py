"""What a run holds while it spends: its reservation in a ledger, and nothing beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import Guarantee
from medsyngen.privacy.chain import Head, Line
from medsyngen.privacy.events import Event
from medsyngen.privacy.ledger_lines import Account
from medsyngen.privacy.run_record import RunRecord


class Books(Protocol):
    """What a run needs of the ledger that it is booked in."""

    account: Account

    @property
    def head(self) -> Head:
        """Number and hash of the last line."""
        ...

    def charge(self, run: RunRecord, event: Event, *, purpose: str, block: tuple[int, int]) -> Line:
        """Charges an event to a run."""
        ...

    def check_head(self, head: Sequence[object], met_in: str) -> None:
        """Refuses a head that the ledger does not hold."""
        ...


class RunAccount:
    """One run in an open ledger, admitted with its plan.

    Args:
        ledger: The ledger, open for writing.
        record: What its lines say about this run.
    """

    def __init__(self, ledger: Books, record: RunRecord) -> None:
        self._ledger = ledger
        self._record = record

    def charge(self, event: Event, *, purpose: str, block: tuple[int, int]) -> Line:
        """Charges an event: on disk (fsync) when this returns. Only then may its mechanism run.

        Args:
            event: What is about to run; part of what is left of the plan.
            purpose: In words; the blocks of one purpose count its steps.
            block: Steps [first, last) that the event covers; the event holds at least one mechanism a step.

        Raises:
            BudgetRefused: If it is not in the plan, or the run was closed; nothing was written.
            MedsyngenError: If it can't be written; nothing is left of it in the file.
            ValueError: If the event holds fewer mechanisms than the block has steps.
        """
        return self._ledger.charge(self._record, event, purpose=purpose, block=block)

    def steps_charged(self, purpose: str) -> int:
        """Returns the end of the last block charged for a purpose: the step with which the next block begins."""
        return max((last for what, _, last in self._record.blocks if what == purpose), default=0)

    def guarantee(self) -> Guarantee:
        """Returns ε of what this run was charged so far, at the ledger's δ; the other runs are not in it."""
        account = self._ledger.account
        return guarantee_of(self._record.charged, account.budget.delta, account.reason)

    def check_head(self, head: Head, met_in: str) -> None:
        """Refuses if the ledger does not hold a head that was met elsewhere; see :meth:`Ledger.check_head`."""
        self._ledger.check_head(head, met_in)

    @property
    def run(self) -> str:
        """The run's name."""
        return self._record.run

    @property
    def recipe_sha256(self) -> str:
        """The recipe that pays."""
        return self._record.recipe_sha256

    @property
    def head(self) -> Head:
        """Number and hash of the ledger's last line."""
        return self._ledger.head

    @property
    def seeded(self) -> bool:
        """Whether any draw of this run came from a seed (sticky): then nothing of it may be released."""
        return self._record.seeded
