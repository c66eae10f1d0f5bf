"""Which source of images a recipe names: a mapping with a ``kind``, and where each kind lives."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

SOURCES = {"phantom-simulator": "medsyngen.synthesis.sources.phantom_simulator:PhantomSimulator"}
"""Sources of images: frozen dataclasses of public numbers that are a :class:`Variation`."""

FROM_THE_RECIPE = frozenset({"size"})
"""Fields that a recipe says elsewhere."""


def built(table: Mapping[str, str], plain: Mapping[str, Any], **given: Any) -> Any:
    """Returns the object that a mapping with a ``kind`` stands for.

    Args:
        table: Kind -> where its dataclass lives.
        plain: ``kind`` and fields of that dataclass, as a recipe has them.
        given: Values of fields that a recipe says elsewhere; those that the dataclass has not are left out.

    Raises:
        ValueError: The kind or a field is unknown, or a value is not allowed; all faults at once.
    """
    kind = str(plain.get("kind"))
    if kind not in table:
        raise ValueError(f"kind must be one of {', '.join(table)}, got {kind!r}")
    module, _, name = table[kind].partition(":")
    of_kind = getattr(importlib.import_module(module), name)
    known = {each.name for each in fields(of_kind)}
    own = {key: value for key, value in plain.items() if key != "kind"}
    strangers = [_unknown(key, known - FROM_THE_RECIPE) for key in own if key not in known - FROM_THE_RECIPE]
    if strangers:
        raise ValueError("; ".join(strangers))
    try:
        return TypeAdapter(of_kind).validate_python(
            {**own, **{key: value for key, value in given.items() if key in known}}
        )
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ValueError("; ".join(faults)) from error


def resolved(table: Mapping[str, str], plain: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Returns the mapping with every default written out, so that a recipe's hash covers it."""
    made = asdict(built(table, plain, **given))
    return {"kind": plain["kind"], **{key: value for key, value in made.items() if key not in FROM_THE_RECIPE}}


def named_phantoms(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the phantoms that a source, or a source inside it, names with ``phantom``; each once, in order."""
    found = [str(plain["phantom"])] if "phantom" in plain else []
    for value in plain.values():
        found += named_phantoms(value) if isinstance(value, Mapping) else []
    return tuple(dict.fromkeys(found))


def _unknown(key: str, known: set[str] | frozenset[str]) -> str:
    close = difflib.get_close_matches(str(key), known, 1)
    return f"{key}: unknown" + (f", did you mean {close[0]!r}?" if close else "")
