"""What the lines of a ledger may say, checked when one is opened: a line is understood or refused, never skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medsyngen.errors import BudgetRefused, VerificationFailed
from medsyngen.privacy.accountant import mechanism_counts
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta
from medsyngen.privacy.chain import Line
from medsyngen.privacy.events import Event, from_json

FORMAT = "medsyngen ledger 2"


@dataclass(frozen=True)
class Account:
    """What a ledger was opened with: public numbers and words that never change.

    Args:
        budget: What may be spent in all; its δ is the ledger's one δ.
        patients_at_most: N_max of the site: no run of it may ask for more.
        reason: Why a run has a ledger of its own; None for the ledger of the site.
        approved_by: Who allowed the budget; empty for a run's own ledger.
    """

    budget: Budget
    patients_at_most: int
    reason: str | None
    approved_by: str

    def first_line(self) -> dict[str, object]:
        """Returns the fields of the line that opens the ledger."""
        return {
            "kind": "open",
            "format": FORMAT,
            "unit": UNIT,
            "adjacency": ADJACENCY,
            "epsilon": float(self.budget.epsilon),
            "delta": float(self.budget.delta),
            "patients_at_most": int(self.patients_at_most),
            "reason": self.reason,
            "approved_by": self.approved_by,
        }


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
        "approved_by": str,
    },
    "reserve": {"run": str, "recipe_sha256": str, "plan": dict, "order": int, "seeded": bool},
    "charge": {"run": str, "event": dict, "purpose": str, "recipe_sha256": str, "seeded": bool, "block": list},
    "close": {"run": str, "purpose": str},
    "look": {"purpose": str},
    "note": {"text": str},
}


def read_account(first: Line, name: str) -> Account:
    """Returns what the ledger was opened with.

    Args:
        first: Its first line.
        name: What to call the file in an error.

    Raises:
        VerificationFailed: If the line can't be understood.
    """
    if (first["format"], first["unit"], first["adjacency"]) != (FORMAT, UNIT, ADJACENCY):
        raise not_understood(name, 1)
    try:
        budget = Budget(first["epsilon"], checked_delta(first["delta"], first["patients_at_most"]))
    except (ValueError, BudgetRefused) as error:
        raise not_understood(name, 1) from error
    return Account(budget, first["patients_at_most"], first["reason"], first["approved_by"])


def pays_for(event: Event, block: tuple[int, int]) -> bool:
    """Returns whether an event holds at least one mechanism for each step of the block [first, last).

    Raises:
        BudgetRefused: If the event is not supported.
    """
    first, last = block
    return 0 <= first < last and sum(mechanism_counts([event]).values()) >= last - first


def read_event(line: Line, field: str, name: str) -> Event:
    """Returns the event in a line; for a charge, one that pays for its block.

    Raises:
        VerificationFailed: If it can't be understood, has no sound bound, or covers more steps than it pays.
    """
    block: list[Any] = line["block"] if field == "event" else [0, 1]
    try:
        event = from_json(line[field])
        if [type(step) for step in block] == [int, int] and pays_for(event, (block[0], block[1])):
            return event
    except (VerificationFailed, BudgetRefused) as error:
        raise not_understood(name, line["n"] + 1) from error
    raise not_understood(name, line["n"] + 1)


def check_fields(line: Line, name: str) -> None:
    """Refuses a line of an unknown kind, with other fields than its kind has, or with fields of another type.

    Raises:
        VerificationFailed: With the number of the line.
    """
    fields = _FIELDS.get(str(line.get("kind")))
    known = fields is not None and set(line) == {"n", "previous", "hash", "kind", *fields}
    typed = known and all(type(line[key]) in _types(kind) for key, kind in (fields or {}).items())
    if not typed or (line["kind"] == "open") != (line["n"] == 0):
        raise not_understood(name, line["n"] + 1)


def _types(kind: _Kinds) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def not_understood(name: str, number: int) -> VerificationFailed:
    """Returns the refusal of a line; ``number`` counts from 1."""
    return VerificationFailed(
        f"line {number} of {name} can't be understood by this version",
        do="use the version of medsyngen that wrote it, or a newer one; a line is never skipped",
    )
