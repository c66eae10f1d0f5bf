"""Events of a report, as JSON, to how often each mechanism ran; what is not understood is refused, never skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from medsyngen.verification.findings import Unreadable

Counts = dict[tuple[float, float], int]
"""How often each (sampling probability q, noise multiplier) ran; q = 1 for all patients."""

_DEEPEST: Final = 16


def counts_of(events: Iterable[Any]) -> Counts:
    """Returns how often each mechanism ran in these events.

    Args:
        events: Such as ``{"type": "self_composed", "count": 5, "event": ...}``; the kinds are those of the ledger:
            gaussian, poisson_sampled, self_composed, composed.

    Raises:
        Unreadable: An event of another kind, or with a number out of range.
    """
    counts: Counts = {}
    for event in events:
        _add(event, 1, counts, 0)
    return {key: times for key, times in counts.items() if times}


def _add(event: Any, times: int, counts: Counts, depth: int) -> None:
    kind = event.get("type") if isinstance(event, Mapping) and depth < _DEEPEST else None
    if kind in ("gaussian", "poisson_sampled"):
        key = _mechanism(event)
        counts[key] = counts.get(key, 0) + times
    elif kind == "self_composed":
        count = event.get("count")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise Unreadable("an event has a count that is no whole number")
        _add(event.get("event"), times * count, counts, depth + 1)
    elif kind == "composed":
        for inner in event.get("events", ()):
            _add(inner, times, counts, depth + 1)
    else:
        raise Unreadable("an event is of a kind that this verifier does not know")


def _mechanism(event: Mapping[str, Any]) -> tuple[float, float]:
    q, inner = 1.0, event
    if event["type"] == "poisson_sampled":
        q, inner = _number(event.get("sampling_probability")), event.get("event", {})
        if not isinstance(inner, Mapping) or inner.get("type") != "gaussian":
            raise Unreadable("an event samples something else than Gaussian noise")
    sigma = _number(inner.get("noise_multiplier"))
    if not (0.0 < q <= 1.0 and sigma > 0.0):
        raise Unreadable("an event has a number out of range")
    return q, sigma


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable("an event lacks a number")
    return float(value)
