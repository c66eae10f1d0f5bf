"""What the lines of a ledger may say, checked when one is opened: a line is understood or refused, never skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medsyngen.errors import BudgetRefused, VerificationFailed
from medsyngen.privacy.accountant import mechanism_counts
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta
from medsyngen.privacy.chain import Line
from medsyngen.privacy.events import Event, from_json

FORMAT = "medsyngen ledger 1"


@dataclass(frozen=True)
class Account:
    """What a ledger was opened with: public numbers that never change.

    Args:
        budget: What may be spent in all; its δ is the ledger's one δ.
        patients_at_most: N_max.
        reason: Why this run has a ledger of its own; None for the ledger of the site.
    """

    budget: Budget
    patients_at_most: int
    reason: str | None


_Kinds = type | tuple[type, ...]
_FIELDS: Mapping[str, Mapping[str, _Kinds]] = {
    "open": {
        "format": str,
        "unit": str,
        "adjacency": str,
        "epsilon": float,
        "delta": float,
        "patients_at_most": int,
        "reason": (str, type(None)),
    },
    "charge": {"event": dict, "purpose": str, "recipe_sha256": str, "seeded": bool, "block": list},
    "look": {"purpose": str},
    "note": {"text": str},
}


def read_account(lines: Sequence[Line], name: str) -> Account:
    """Returns what the ledger was opened with, after checking the fields of every line.

    Args:
        lines: All lines of the ledger.
        name: What to call the file in an error.

    Raises:
        VerificationFailed: If a line can't be understood; its number (from 1) is named.
    """
    if not lines:
        raise VerificationFailed(
            f"{name} has no complete first line: its creation was interrupted, and nothing was charged in it",
            do="remove the file and create the ledger again",
        )
    for number, line in enumerate(lines, start=1):
        if not _well_formed(line) or (line["kind"] == "open") != (number == 1):
            raise _not_understood(name, number)
    first = lines[0]
    if (first["format"], first["unit"], first["adjacency"]) != (FORMAT, UNIT, ADJACENCY):
        raise _not_understood(name, 1)
    try:
        budget = Budget(first["epsilon"], checked_delta(first["delta"], first["patients_at_most"]))
    except (ValueError, BudgetRefused) as error:
        raise _not_understood(name, 1) from error
    return Account(budget, first["patients_at_most"], first["reason"])


def read_charges(lines: Sequence[Line], name: str) -> list[Event]:
    """Returns every charged event, in order.

    Raises:
        VerificationFailed: If a charge can't be understood, or has no sound bound, or covers more steps than it pays.
    """
    numbered = enumerate(lines, start=1)
    return [_event(line, name, number) for number, line in numbered if line["kind"] == "charge"]


def pays_for(event: Event, block: tuple[int, int]) -> bool:
    """Returns whether an event holds at least one mechanism for each step of the block [first, last).

    Raises:
        BudgetRefused: If the event is not supported.
    """
    first, last = block
    return 0 <= first < last and sum(mechanism_counts([event]).values()) >= last - first


def _event(line: Line, name: str, number: int) -> Event:
    block: list[Any] = line["block"]
    try:
        event = from_json(line["event"])
        if [type(step) for step in block] == [int, int] and pays_for(event, (block[0], block[1])):
            return event
    except (VerificationFailed, BudgetRefused) as error:
        raise _not_understood(name, number) from error
    raise _not_understood(name, number)


def _well_formed(line: Line) -> bool:
    fields = _FIELDS.get(str(line.get("kind")))
    if fields is None or set(line) != {"n", "previous", "hash", "kind", *fields}:
        return False
    return all(type(line[key]) in (kind if isinstance(kind, tuple) else (kind,)) for key, kind in fields.items())


def _not_understood(name: str, number: int) -> VerificationFailed:
    return VerificationFailed(
        f"line {number} of {name} can't be understood by this version",
        do="use the version of medsyngen that wrote it, or a newer one; a line is never skipped",
    )
