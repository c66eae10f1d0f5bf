"""What a private mechanism did, as plain data: the ledger stores events, and ε is computed from them.

Each kind maps one-to-one to an event of Google's ``dp-accounting`` library (``GaussianDpEvent``,
``PoissonSampledDpEvent``, ``SelfComposedDpEvent``, ``ComposedDpEvent``), so that a statistician outside can recompute
everything from the JSON alone. An event says what ran and holds public numbers only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medsyngen.errors import VerificationFailed

_MAX_DEPTH = 16  # real events nest three deep; a bound keeps a hostile file from exhausting the stack


@dataclass(frozen=True)
class Gaussian:
    """Gaussian noise of standard deviation σ_DP·Δ on a sum of L2 sensitivity Δ (add or remove one patient).

    Args:
        noise_multiplier: σ_DP, positive and finite.

    Raises:
        ValueError: If the noise multiplier is out of range.
    """

    noise_multiplier: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise_multiplier", _real("noise_multiplier", self.noise_multiplier))
        if self.noise_multiplier <= 0.0:
            raise ValueError(f"noise_multiplier must be above 0, got {self.noise_multiplier}")


@dataclass(frozen=True)
class PoissonSampled:
    """A mechanism run on a Poisson sample: each patient is in with the same probability, independently.

    Args:
        sampling_probability: q in (0, 1].
        event: The mechanism that ran on the sample.

    Raises:
        ValueError: If q is out of range.
    """

    sampling_probability: float
    event: Event

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling_probability", _real("sampling_probability", self.sampling_probability))
        if not 0.0 < self.sampling_probability <= 1.0:
            raise ValueError(f"sampling_probability must lie in (0, 1], got {self.sampling_probability}")


@dataclass(frozen=True)
class SelfComposed:
    """The same mechanism, ``count`` times over.

    Args:
        event: The mechanism.
        count: How many times, at least 0.

    Raises:
        ValueError: If the count is not a whole number at least 0.
    """

    event: Event
    count: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 0:
            raise ValueError(f"count must be a whole number at least 0, got {self.count!r}")


@dataclass(frozen=True)
class Composed:
    """Several mechanisms, one after another, fixed in advance.

    Args:
        events: The mechanisms, in the order in which they ran.
    """

    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))


Event = Gaussian | PoissonSampled | SelfComposed | Composed


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def to_json(event: Event) -> dict[str, object]:
    """Returns the event as JSON values, such as ``{"type": "gaussian", "noise_multiplier": 1.1}``."""
    match event:
        case Gaussian(noise_multiplier):
            return {"type": "gaussian", "noise_multiplier": noise_multiplier}
        case PoissonSampled(sampling_probability, inner):
            return {
                "type": "poisson_sampled",
                "sampling_probability": sampling_probability,
                "event": to_json(inner),
            }
        case SelfComposed(inner, count):
            return {"type": "self_composed", "count": count, "event": to_json(inner)}
        case Composed(events):
            return {"type": "composed", "events": [to_json(inner) for inner in events]}


def from_json(value: object) -> Event:
    """Returns the event that :func:`to_json` wrote.

    Args:
        value: JSON values as parsed.

    Raises:
        VerificationFailed: If a type is unknown, a field is missing, unknown or out of range. An event that can't be
            understood is refused, never skipped: skipping it would under-report ε.
    """
    try:
        return _from_json(value, 0)
    except ValueError as error:
        raise VerificationFailed(
            f"an event of the privacy accounting can't be understood: {error}",
            do="use the version of medsyngen that wrote it, or restore the untouched file",
        ) from error


def _from_json(value: object, depth: int) -> Event:
    if depth > _MAX_DEPTH:
        raise ValueError(f"events are nested more than {_MAX_DEPTH} deep")
    if not isinstance(value, Mapping):
        raise ValueError(f"an event must be an object, got {type(value).__name__}")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise ValueError(f"unknown type {kind!r}")
    fields, read = _READERS[kind]
    if set(value) != fields | {"type"}:
        raise ValueError(f"{kind} must have exactly the fields {sorted(fields)}")
    return read(value, depth + 1)


def _read_self_composed(value: Mapping[str, object], depth: int) -> Event:
    count = value["count"]
    if isinstance(count, bool) or not isinstance(count, int):
        raise ValueError(f"count must be a whole number, got {type(count).__name__}")
    return SelfComposed(_from_json(value["event"], depth), count)


def _read_composed(value: Mapping[str, object], depth: int) -> Event:
    events = value["events"]
    if not isinstance(events, list):
        raise ValueError("events must be a list")
    return Composed(tuple(_from_json(inner, depth) for inner in events))


_READERS: dict[str, tuple[set[str], Callable[[Mapping[str, object], int], Event]]] = {
    "gaussian": (
        {"noise_multiplier"},
        lambda value, _: Gaussian(_real("noise_multiplier", value["noise_multiplier"])),
    ),
    "poisson_sampled": (
        {"sampling_probability", "event"},
        lambda value, depth: PoissonSampled(
            _real("sampling_probability", value["sampling_probability"]), _from_json(value["event"], depth)
        ),
    ),
    "self_composed": ({"count", "event"}, _read_self_composed),
    "composed": ({"events"}, _read_composed),
}
