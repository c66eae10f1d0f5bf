"""What a submission says about its privacy, held against the events that it shows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import shown
from medsyngen.privacy.events import Event, from_json

CHECKED, CLAIMED, NOT_PRIVATE = "recomputed from events", "claimed, not checked", "NOT PRIVATE"
_DO = (
    'give privacy_report.json of a medsyngen cohort, or {"unit": "patient", "events": [...]} with events such as '
    '{"type": "self_composed", "count": 100, "event": {"type": "poisson_sampled", "sampling_probability": 0.04, '
    '"event": {"type": "gaussian", "noise_multiplier": 1.5}}}'
)


@dataclass(frozen=True)
class Claim:
    """ε of a submission.

    Args:
        epsilon: As claimed; infinite for what is not private.
        delta: The task's.
        unit: The task's.
        status: ``recomputed from events``, which cost no more than claimed; ``claimed, not checked``; ``NOT PRIVATE``.
        recomputed: ε of the events at δ, an upper bound; None without events.
    """

    epsilon: float
    delta: float
    unit: str
    status: str
    recomputed: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the claim as JSON values; an infinite ε becomes null."""
        return {
            "epsilon_claimed": self.epsilon if math.isfinite(self.epsilon) else None,
            "delta": self.delta,
            "unit": self.unit,
            "status": self.status,
            "epsilon_of_events": self.recomputed,
        }


def check_claim(epsilon: float, events: tuple[Event, ...] | None, *, delta: float, unit: str) -> Claim:
    """Returns the claim, checked where there are events.

    Args:
        epsilon: As claimed: at least 0, or infinite.
        events: What ran on the private patients; None if it isn't shown.
        delta: The task's.
        unit: The task's.

    Raises:
        UsageError: The claim is no number at least 0.
        VerificationFailed: The events cost more than claimed.
        BudgetRefused: The accountant has no sound bound for an event.
    """
    if math.isnan(epsilon) or epsilon < 0:
        raise UsageError("--epsilon is not a number of at least 0", do="give ε as claimed, or `inf` for a ceiling")
    if math.isinf(epsilon):
        return Claim(epsilon, delta, unit, NOT_PRIVATE)
    if events is None:
        return Claim(epsilon, delta, unit, CLAIMED)
    spent = epsilon_spent(events, delta)
    if spent > epsilon * (1 + 1e-9):
        raise VerificationFailed(
            f"the events cost ε = {shown(spent)} at δ = {shown(delta)}, more than the claimed {epsilon:g}",
            do=f"claim at least {shown(spent)}, or give the events that really ran",
        )
    return Claim(epsilon, delta, unit, CHECKED, spent)


def read_events(document: Any, *, unit: str) -> tuple[Event, ...]:
    """Returns the events of a privacy report (those of its own run) or of a list of events.

    Args:
        document: As parsed from JSON: a privacy report of medsyngen, ``{"unit": ..., "events": [...]}``, a list of
            events (whose unit is then taken to be the task's), or one event.
        unit: The task's: the file must not count another one.

    Raises:
        VerificationFailed: An event can't be understood, the unit is another one, or the report says that it is not
            private.
    """
    if isinstance(document, Mapping) and "ledger" in document:
        return _of_report(document, unit)
    if isinstance(document, Mapping) and "events" in document:
        _check_unit(document.get("unit"), unit)
        document = document["events"]
    events = document if isinstance(document, list) else [document]
    return tuple(from_json(event) for event in events)


def _of_report(report: Mapping[str, Any], unit: str) -> tuple[Event, ...]:
    try:
        status, ledger, stated = report["status"], report["ledger"], report["guarantee"]["unit"]
        marks = [name for name in ("not_private", "seeded") if status[name]]
        lines = [each for each in ledger["lines"] if each["kind"] == "charge" and each.get("run") == ledger["run"]]
        events = [line["event"] for line in lines]
    except (KeyError, TypeError, AttributeError):
        raise VerificationFailed("the report of --events has no ledger that can be read", do=_DO) from None
    if marks:
        raise VerificationFailed(
            "the report of --events says itself that the run is not private or was seeded",
            do="score it as what it is, with --epsilon inf",
        )
    _check_unit(stated, unit)
    return tuple(from_json(event) for event in events)


def _check_unit(stated: object, unit: str) -> None:
    if stated != unit:
        raise VerificationFailed(
            f"the events don't count privacy per {unit}: the file's `unit` is {str(stated)[:40]!r}",
            do=f"account for whole {unit}s (all images of one together are added or removed), or leave --events out: "
            "the row then says that ε is claimed and not checked",
        )


def read_json(path: Path) -> Any:
    """Returns a file of JSON.

    Raises:
        UsageError: It can't be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise UsageError("--events is not a file of JSON that can be read", do=_DO) from None
