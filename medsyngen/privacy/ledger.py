"""What was ever spent on a site's patients: charges on disk before the mechanism runs, ε computed from them.

A ledger is a chain of JSON lines (:mod:`medsyngen.privacy.chain`): one ``open`` line with budget and bounds; for each
run a ``reserve`` line with its plan and ``charge`` lines within it; ``close`` (what is left of a plan is given back),
``look`` (an uncharged look at private results) and ``note`` lines. It stores what happened, never what it cost, and no
time. Several processes may use it in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medsyngen.errors import BudgetRefused, UsageError, VerificationFailed
from medsyngen.privacy import admission
from medsyngen.privacy.admission import LedgerTotal
from medsyngen.privacy.budget import Budget, checked_delta
from medsyngen.privacy.chain import ChainFile, Head, Line
from medsyngen.privacy.events import Event, to_json
from medsyngen.privacy.ledger_lines import Account, check_fields, pays_for, read_account
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.run_record import RunRecord, apply


class Ledger:
    """An open ledger. Use it as a context manager, or close it.

    Guarantee: :meth:`charge` returns only after the charge is on disk, and only if its run was admitted with a plan
    that holds it (:mod:`medsyngen.privacy.admission` says what admitting proves). A charge counts whether or not its
    mechanism ran, finished or was kept. A last line without its end (the process was killed while writing) never
    returned to its caller, so that its mechanism never ran: it is dropped, and a ``note`` line says so.
    """

    def __init__(self, chain: ChainFile) -> None:
        if not chain.lines:
            raise VerificationFailed(
                f"{chain.name} has no complete first line: its creation was interrupted, and nothing was charged in it",
                do="remove the file and create the ledger again",
            )
        self._chain = chain
        self._read = 0
        self.runs: dict[str, RunRecord] = {}
        check_fields(chain.lines[0], chain.name)
        self.account: Account = read_account(chain.lines[0], chain.name)
        self._catch_up()

    @classmethod
    def create(
        cls, path: Path, *, budget: Budget, patients_at_most: int, reason: str | None, approved_by: str = ""
    ) -> Ledger:
        """Creates a ledger, on disk with mode 0600 when this returns.

        Args:
            path: Where; nothing may be there.
            budget: What may be spent in all.
            patients_at_most: N_max, a public bound.
            reason: Why it is not the site's own ledger, printed beside ε; None if it is.
            approved_by: Who allowed the budget.

        Raises:
            BudgetRefused: If δ is too large for N_max.
            UsageError: If the file exists.
            MedsyngenError: If it can't be written.
        """
        budget = Budget(budget.epsilon, checked_delta(budget.delta, patients_at_most))
        return cls(ChainFile.create(path, Account(budget, patients_at_most, reason, approved_by).first_line()))

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """Opens a ledger and verifies every line.

        Args:
            path: The file.
            read_only: True to look at what was spent, without lock and without a note about a torn last line.

        Raises:
            VerificationFailed: If a line was changed or can't be understood; its number is named.
            UsageError: If there is none.
        """
        chain = ChainFile.open(path, read_only=read_only)
        try:
            ledger = cls(chain)
            if chain.torn and not read_only:
                ledger._note_torn()
        except BaseException:
            chain.close()
            raise
        return ledger

    def check_room(self, plan: Event) -> None:
        """Refuses a plan that would not be admitted now; writes nothing.

        Raises:
            BudgetRefused: Saying what is left and what would fit.
        """
        admission.check(self.account.budget, list(self.runs.values()), plan)

    def check_run(self, run: str, plan: Event) -> None:
        """Refuses what :meth:`begin` would refuse for want of room, or because the run was closed; writes nothing.

        Raises:
            BudgetRefused: Saying what is left and what would fit.
        """
        if run in self.runs:
            refuse_closed(self.runs[run])
        else:
            self.check_room(plan)

    def begin(self, run: str, *, recipe_sha256: str, plan: Event, seeded: bool) -> RunAccount:
        """Admits a run and reserves its plan, on disk when this returns; finds the reservation again on resuming.

        Args:
            run: The run's name, new and random for each run folder.
            recipe_sha256: The recipe that pays.
            plan: Everything that the run will charge; nothing beyond it can be.
            seeded: Whether any draw will come from a seed.

        Raises:
            BudgetRefused: If the plan does not fit, was closed, or is seeded in the ledger of the site.
            UsageError: If the run is there with another plan or recipe.
        """
        if seeded and self.account.reason is None:
            raise BudgetRefused(
                "a run with seeded draws can't be charged to the ledger of the site: its noise can be repeated",
                do="give the trial a ledger of its own; nothing was charged",
            )
        with self.exclusive():
            there = self.runs.get(run)
            if there is None:
                order = admission.check(self.account.budget, list(self.runs.values()), plan)
                fields = {"recipe_sha256": recipe_sha256, "plan": to_json(plan), "order": order, "seeded": seeded}
                self._append({"kind": "reserve", "run": run, **fields})
                there = self.runs[run]
            elif (there.recipe_sha256, there.plan) != (recipe_sha256, plan):
                raise UsageError(
                    "this run was begun with another plan; nothing was charged",
                    do="go on with the recipe and the version of medsyngen that began it, or use a new run folder",
                )
            refuse_closed(there)
            there.seeded = there.seeded or seeded
        return RunAccount(self, there)

    def charge(self, run: RunRecord, event: Event, *, purpose: str, block: tuple[int, int]) -> Line:
        """Charges an event to a run; see :meth:`RunAccount.charge`."""
        if not pays_for(event, block):
            raise ValueError(f"an event can't pay for the steps [{block[0]}, {block[1]}): it holds fewer mechanisms")
        with self.exclusive():
            refuse_closed(run)
            if not run.covers(event):
                raise BudgetRefused(
                    f"this charge ({purpose}) is not in what is left of the plan that the run reserved",
                    do="charge what was planned; nothing was charged",
                )
            return self._append(
                {
                    "kind": "charge",
                    "run": run.run,
                    "event": to_json(event),
                    "purpose": purpose,
                    "recipe_sha256": run.recipe_sha256,
                    "seeded": run.seeded,
                    "block": list(block),
                }
            )

    def close_run(self, run: str, purpose: str) -> Line:
        """Gives back what a run reserved and was not charged; it can't go on afterwards.

        Raises:
            UsageError: If there is no such run, or it is closed.
        """
        with self.exclusive():
            if run not in self.runs or self.runs[run].closed:
                raise UsageError(
                    f"the ledger holds no open run {run[:40]!r}", do="see `medsyngen ledger show` for the open runs"
                )
            return self._append({"kind": "close", "run": run, "purpose": purpose})

    def look(self, purpose: str) -> Line:
        """Notes an uncharged look at private results; the report counts them beside ε.

        Raises:
            MedsyngenError: If it can't be written.
        """
        with self.exclusive():
            return self._append({"kind": "look", "purpose": purpose})

    def check_head(self, head: Sequence[object], met_in: str) -> None:
        """Refuses if this ledger does not hold a head (number, hash) that was met elsewhere.

        Raises:
            VerificationFailed: Naming the line.
        """
        number, digest = head
        lines = self._chain.lines
        if not isinstance(number, int) or number < 0 or number >= len(lines):
            shown = number + 1 if isinstance(number, int) else 0
            raise VerificationFailed(
                f"{self._chain.name} ends at line {len(lines)}, but {met_in} was made when it held line {shown}",
                do="restore the ledger that this belongs to; a shorter one can't vouch for what was spent",
            )
        if lines[number]["hash"] != digest:
            raise VerificationFailed(
                f"line {number + 1} of {self._chain.name} is another one than when {met_in} was made",
                do="restore the ledger that this belongs to; another one can't vouch for what was spent",
            )

    def events(self, run: str | None = None) -> tuple[Event, ...]:
        """Returns every charged event, in the order of the runs; those of one run if it is named."""
        chosen = self.runs.values() if run is None else [self.runs[run]]
        return tuple(event for record in chosen for event in record.charged)

    def total(self) -> LedgerTotal:
        """Returns what all runs together spent."""
        return admission.total(self.account.budget, list(self.runs.values()))

    @property
    def path(self) -> Path:
        """The file."""
        return self._chain.path

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line as stored."""
        return tuple(self._chain.lines)

    @property
    def head(self) -> Head:
        """Number and hash of the last line."""
        return self._chain.head

    @property
    def looks(self) -> tuple[str, ...]:
        """The purposes of all uncharged looks, in order; k = len(looks)."""
        return tuple(line["purpose"] for line in self._chain.lines if line["kind"] == "look")

    def close(self) -> None:
        """Closes the file."""
        self._chain.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps other processes from writing, after reading what they wrote; may be nested."""
        with self._chain.exclusive():
            if self._chain.torn:
                self._note_torn()
            self._catch_up()
            yield

    def _note_torn(self) -> None:
        torn, self._chain.torn = self._chain.torn, 0
        self._chain.append({"kind": "note", "text": f"dropped {torn} bytes of a torn last line: its charge never ran"})
        self._catch_up()

    def _append(self, fields: dict[str, object]) -> Line:
        line = self._chain.append(fields)
        self._catch_up()
        return line

    def _catch_up(self) -> None:
        for line in self._chain.lines[self._read :]:
            check_fields(line, self._chain.name)
            apply(line, self.runs, self._chain.name)
            self._read += 1


def refuse_closed(run: RunRecord) -> None:
    """Raises BudgetRefused if the run's reservation was given back."""
    if run.closed:
        raise BudgetRefused(
            "what this run had reserved was given back (`medsyngen ledger close`); it can't go on",
            do="begin again in a new run folder; what was charged stays charged",
        )
