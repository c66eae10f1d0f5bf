"""The ledger's lines inside a report: each vouches for the one before, and the run's charges are among them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medsyngen.verification.events import Counts, counts_of

_START: Final = "0" * 64
Line = Mapping[str, Any]


def canonical_hash(value: Any) -> str:
    """Returns the SHA-256 of the one JSON text of a value: sorted keys, no spaces, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain_problems(lines: Sequence[Line]) -> Iterator[str]:
    """Yields the first line that is not what was written, or does not follow the line before it."""
    previous = _START
    for number, line in enumerate(lines):
        own = canonical_hash({key: value for key, value in line.items() if key != "hash"})
        if (line.get("n"), line.get("previous"), line.get("hash")) != (number, previous, own):
            yield f"line {number + 1} of the ledger was changed, or lines before it were removed or inserted"
            return
        previous = own


def rule_problems(ledger: Mapping[str, Any], recipe_sha256: str) -> Iterator[str]:
    """Yields what the ledger says against its own rules: a charge without a plan, beyond it, or for another recipe.

    Args:
        ledger: As the report holds it.
        recipe_sha256: The recipe that the report is about.
    """
    lines, run = ledger["lines"], ledger["run"]
    if not lines or lines[0]["kind"] != "open":
        yield "the ledger does not begin with its budget"
        return
    plans = {line["run"]: line for line in lines if line["kind"] == "reserve"}
    if run not in plans:
        yield "the ledger does not hold the plan of this run"
    elif plans[run]["recipe_sha256"] != recipe_sha256:
        yield "the plan of this run was made for another recipe"
    for name in sorted({line["run"] for line in lines if line["kind"] == "charge"}):
        charged = charged_by(lines, name)
        planned = counts_of([plans[name]["plan"]]) if name in plans else {}
        if any(times > planned.get(key, 0) for key, times in charged.items()):
            yield f"run {name[:8]} was charged more than it planned"
    if sum(line["kind"] == "look" for line in lines) != ledger["looks"]:
        yield "the number of looks is not that of the ledger"


def charged_by(lines: Sequence[Line], run: str | None = None) -> Counts:
    """Returns how often each mechanism was charged, to one run or to all.

    Raises:
        Unreadable: An event can't be understood.
    """
    return counts_of(line["event"] for line in lines if line["kind"] == "charge" and run in (None, line["run"]))
