"""What differs between recipes, place by place, and what each place is about: the promise first, words last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "—"
_ABOUT = (
    ("the promise", ("privacy", "patients_at_most")),
    ("what is read, and taken as public", ("scans", "classes", "conditions")),
    ("the method", ("synthesis.method",)),
    (
        "what patients are asked",
        (
            *("synthesis.private", "synthesis.public_bands", "synthesis.evolution", "synthesis.votes_noise"),
            *("synthesis.iterations", "synthesis.members", "synthesis.embedding", "synthesis.neighbours"),
            *("synthesis.lookahead", "synthesis.proportions", "synthesis.bands", "synthesis.source"),
            *("synthesis.clipping_norm", "synthesis.subspace", "synthesis.trainable", "synthesis.central"),
            *("synthesis.central_noise", "synthesis.proportions_noise", "synthesis.measures", "synthesis.entries"),
            *("synthesis.encoder", "synthesis.share_weight", "synthesis.phantom", "synthesis.context_noise"),
            *("synthesis.label_dropout", "synthesis.lora_rank", "synthesis.start", "synthesis.replay"),
            *("synthesis.degrees", "synthesis.threshold", "synthesis.selection"),
        ),
    ),
    ("training and drawing", ("synthesis",)),
    ("what files say of themselves", ("release",)),
    ("words", ("name", "description", "report")),
)
_FOR_A_REVIEWER = 4


@dataclass(frozen=True)
class Difference:
    """One place where recipes differ.

    Args:
        place: Names joined by dots, as in ``--set``; numbers count entries of a list from 1.
        values: Of each recipe; "—" where it has no such place.
        about: What the place is about.
        to_look_at: Whether a reviewer of privacy should look at it.
    """

    place: str
    values: tuple[str, ...]
    about: str
    to_look_at: bool


def recipe_differences(recipes: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Returns every place where the recipes differ, what a reviewer should look at first.

    Args:
        recipes: Resolved, plain JSON.
    """
    flat = [dict(_leaves(recipe, "")) for recipe in recipes]
    places = dict.fromkeys(place for leaves in flat for place in leaves)
    found = []
    for place in places:
        values = tuple(leaves.get(place, ABSENT) for leaves in flat)
        if len(set(values)) > 1:
            rank = _rank(place)
            about = _ABOUT[rank][0] if rank < len(_ABOUT) else "other"
            found.append((rank, Difference(place, values, about, rank < _FOR_A_REVIEWER or rank == len(_ABOUT))))
    return [each for _, each in sorted(found, key=lambda pair: (not pair[1].to_look_at, pair[0], pair[1].place))]


def _rank(place: str) -> int:
    starts = (any(place == p or place.startswith((f"{p}.", f"{p}[")) for p in places) for _, places in _ABOUT)
    return next((rank for rank, fits in enumerate(starts) if fits), len(_ABOUT))


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value, start=1):
            yield from _leaves(each, f"{place}[{number}]")
    else:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
