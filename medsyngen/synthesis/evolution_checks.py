"""Which numbers and words Private Evolution can't have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from medsyngen.synthesis.bought_shares import BOUGHT, DECLARED
from medsyngen.synthesis.embedding import EMBEDDINGS
from medsyngen.synthesis.selection import SELECTIONS

_CHOICES: Mapping[str, Collection[str]] = {
    "selection": SELECTIONS,
    "draw": ("varied", "kept"),
    "embedding": EMBEDDINGS,
    "proportions": (DECLARED, BOUGHT),
}
_LEAST = {"iterations": 1, "members": 1, "neighbours": 1, "threshold": 0, "lookahead": 0}


def check_numbers(numbers: Mapping[str, Any]) -> None:
    """Refuses fields of a method by name, all faults at once.

    Raises:
        ValueError: Some can't be.
    """
    faults = [
        f"{name} must be at least {least}, got {numbers[name]}"
        for name, least in _LEAST.items()
        if not numbers[name] >= least
    ]
    faults += [
        f"{name} must be one of {', '.join(known)}, got {numbers[name]!r}"
        for name, known in _CHOICES.items()
        if numbers[name] not in known
    ]
    degrees: Sequence[float] = numbers["degrees"]
    if len(degrees) != numbers["iterations"] or not all(0 <= degree <= 1 for degree in degrees):
        faults.append(f"degrees must be {numbers['iterations']} numbers from 0 to 1, one an iteration")
    if not 0 < numbers["proportions_noise"] < float("inf"):
        faults.append(f"proportions_noise must be above 0, got {numbers['proportions_noise']}")
    if faults:
        raise ValueError("; ".join(faults))
