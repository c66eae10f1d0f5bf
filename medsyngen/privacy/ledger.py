"""What was ever spent on these patients: charges on disk before the mechanism runs, ε computed from them.

A ledger is a chain of JSON lines (:mod:`medsyngen.privacy.chain`): one ``open`` line with budget and bounds, then
``charge`` (an event), ``look`` (an uncharged look at private results) and ``note`` lines. It stores what happened,
never what it cost, and no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.accountant import Counts, epsilon_spent, fits, mechanism_counts
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, Guarantee, checked_delta, shown
from medsyngen.privacy.calibration import sampled_gaussian, steps_that_fit
from medsyngen.privacy.chain import ChainFile, Head, Line
from medsyngen.privacy.events import Event, to_json
from medsyngen.privacy.ledger_lines import FORMAT, pays_for, read_account, read_charges


class Ledger:
    """An open ledger. Use it as a context manager, or close it: until then no other process can write to it.

    Guarantee: :meth:`charge` returns only after the charge is on disk and only if everything charged so far, itself
    included, stays within the budget. A charge counts whether or not its mechanism ran, finished or was kept.
    A last line without its end (the process was killed while writing) never returned to its caller, so that its
    mechanism never ran: it is dropped on opening, and a ``note`` line says so.
    """

    def __init__(self, chain: ChainFile) -> None:
        self._chain = chain
        self.account = read_account(chain.lines, chain.name)
        self._events = read_charges(chain.lines, chain.name)
        self._reserved: Counts = {}

    @classmethod
    def create(cls, path: Path, *, budget: Budget, patients_at_most: int, reason: str | None) -> Ledger:
        """Creates a ledger, on disk with mode 0600 when this returns.

        Args:
            path: Where; nothing may be there.
            budget: What may be spent in all.
            patients_at_most: N_max, a public bound.
            reason: Why it is not the site's own ledger, printed beside ε; None if it is.

        Raises:
            BudgetRefused: If δ is too large for N_max.
            UsageError: If the file exists.
            MedsyngenError: If it can't be written.
        """
        delta = checked_delta(budget.delta, patients_at_most)
        first = {
            "kind": "open",
            "format": FORMAT,
            "unit": UNIT,
            "adjacency": ADJACENCY,
            "epsilon": float(budget.epsilon),
            "delta": float(delta),
            "patients_at_most": int(patients_at_most),
            "reason": reason,
        }
        return cls(ChainFile.create(path, first))

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """Opens a ledger and verifies every line.

        Args:
            path: The file.
            read_only: True to look at what was spent, without lock and without a note about a torn last line.

        Raises:
            VerificationFailed: If a line was changed or can't be understood; its number is named.
            UsageError: If there is none or another process writes to it.
        """
        chain = ChainFile.open(path, read_only=read_only)
        try:
            ledger = cls(chain)
            if chain.torn and not read_only:
                text = f"dropped {chain.torn} bytes of a torn last line: its mechanism never ran"
                chain.append({"kind": "note", "text": text})
        except BaseException:
            chain.close()
            raise
        return ledger

    def reserve(self, plan: Iterable[Event]) -> None:
        """Checks a whole plan against the budget once; charges within it then need no accounting, and are quick.

        A reservation lives with this object and replaces the one before. It charges nothing.

        Raises:
            BudgetRefused: If the plan does not fit beside what is charged.
        """
        events = list(plan)
        self._reserved = {}
        self._require_room(events)
        self._reserved = mechanism_counts(events)

    def charge(self, event: Event, *, purpose: str, recipe_sha256: str, seeded: bool, block: tuple[int, int]) -> Line:
        """Charges an event: on disk (fsync) when this returns. Only then may its mechanism run.

        Args:
            event: What is about to run.
            purpose: In words.
            recipe_sha256: The recipe that pays.
            seeded: Whether any of its draws come from a seed; the mark is sticky.
            block: Steps [first, last) that the event covers; the event holds at least one mechanism a step.

        Raises:
            BudgetRefused: If it does not fit; nothing was written.
            MedsyngenError: If it can't be written; nothing is left of it in the file.
            ValueError: If the event holds fewer mechanisms than the block has steps.
        """
        first, last = block
        counts = mechanism_counts([event])
        if not pays_for(event, block):
            raise ValueError(f"an event of {sum(counts.values())} mechanisms can't pay for the steps [{first}, {last})")
        left = {key: self._reserved.get(key, 0) - count for key, count in counts.items()}
        within = all(count >= 0 for count in left.values())
        if not within:
            self._require_room([event])
        line = self._chain.append(
            {
                "kind": "charge",
                "event": to_json(event),
                "purpose": purpose,
                "recipe_sha256": recipe_sha256,
                "seeded": bool(seeded),
                "block": [first, last],
            }
        )
        self._events.append(event)
        if within:
            self._reserved.update(left)
        return line

    def look(self, purpose: str) -> Line:
        """Notes an uncharged look at private results; the report counts them beside ε.

        Raises:
            MedsyngenError: If it can't be written.
        """
        return self._chain.append({"kind": "look", "purpose": purpose})

    def events(self) -> tuple[Event, ...]:
        """Returns every charged event, in order."""
        return tuple(self._events)

    def epsilon(self) -> float:
        """Returns an upper bound on ε of everything charged, at the ledger's δ."""
        return epsilon_spent(self._events, self.account.budget.delta)

    def guarantee(self) -> Guarantee:
        """Returns what was spent with all that it needs to mean anything."""
        return Guarantee(self.epsilon(), self.account.budget.delta)

    def steps_charged(self, recipe_sha256: str) -> int:
        """Returns the end of the last block charged to this recipe: the step with which the next block begins."""
        charges = self._of_kind("charge")
        return max((line["block"][1] for line in charges if line["recipe_sha256"] == recipe_sha256), default=0)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line as stored."""
        return tuple(self._chain.lines)

    @property
    def head(self) -> Head:
        """Number and hash of the last line."""
        return self._chain.head

    @property
    def seeded(self) -> bool:
        """Whether any charge ever was seeded (sticky): then nothing of it may be released."""
        return any(line["seeded"] for line in self._of_kind("charge"))

    @property
    def looks(self) -> tuple[str, ...]:
        """The purposes of all uncharged looks, in order; k = len(looks)."""
        return tuple(line["purpose"] for line in self._of_kind("look"))

    def close(self) -> None:
        """Closes the file and lets the next writer in."""
        self._chain.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _of_kind(self, kind: str) -> list[Line]:
        return [line for line in self._chain.lines if line["kind"] == kind]

    def _require_room(self, events: list[Event]) -> None:
        budget = self.account.budget
        held = [*self._events, *_as_events(self._reserved)]
        if fits([*held, *events], budget):
            return
        spent = shown(epsilon_spent(held, budget.delta))
        raise BudgetRefused(
            f"this does not fit the privacy budget: ε = {spent} of {shown(budget.epsilon)} is spent or reserved at "
            f"δ = {shown(budget.delta)} per {UNIT}, and with it ε would be "
            f"{shown(epsilon_spent([*held, *events], budget.delta))}",
            do=f"{self._what_fits(held, events)}; nothing was charged",
        )

    def _what_fits(self, held: list[Event], events: list[Event]) -> str:
        wanted = mechanism_counts(events)
        if len(wanted) != 1:
            return "plan fewer steps or more noise"
        ((q, sigma), count) = next(iter(wanted.items()))
        most = steps_that_fit(
            self.account.budget, sampling_rate=q, noise_multiplier=sigma, at_most=count, other_events=held
        )
        return f"of its {count} steps (q = {q:g}, noise multiplier {sigma:g}), {most} would fit; or use more noise"


def _as_events(counts: Counts) -> list[Event]:
    return [sampled_gaussian(q, sigma, count) for (q, sigma), count in counts.items()]
