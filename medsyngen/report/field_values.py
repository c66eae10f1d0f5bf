"""How a field's value is shown, whatever plain JSON it is: as text, a list, a small table, or named parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from medsyngen.report.numbers import delta_text, epsilon_text, number_text

_TINY = 1e-3
_SHORT, _UNBROKEN = 14, 24  # letters
_ORDER = (
    *("name", "purpose", "curator", "year", "product", "unit", "kind", "epsilon", "delta"),
    *("false_alarms", "misses_at_least", "sampling_probability", "noise_multiplier", "steps"),
)
"""Columns in reading order; JSON keeps its keys sorted. Others follow, the source last."""
_HASH = re.compile("[0-9a-f]{16,64}")


@dataclass(frozen=True)
class Shown:
    """A value, ready for a template.

    Args:
        kind: Which of the others is filled.
        text: One line.
        is_hash: Whether the text is one long hexadecimal number.
        items: Of a list.
        columns: Heads of a table.
        rows: Of a table, each as many texts as there are columns.
        kinds: Of each column: figures, short, long (words that must be broken) or text.
        parts: Named values.
    """

    kind: Literal["text", "list", "table", "parts"]
    text: str = ""
    is_hash: bool = False
    items: tuple[Shown, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    kinds: tuple[str, ...] = ()
    parts: tuple[tuple[str, Shown], ...] = ()


def shown(value: Any, key: str = "") -> Shown:
    """Returns a value as it is shown.

    Args:
        value: Plain JSON.
        key: What it is called; ε and δ are rounded up, years have no comma.
    """
    if isinstance(value, Mapping):
        return Shown(
            "parts", parts=tuple((_words(key), shown(each, key)) for key, each in sorted(value.items(), key=_by_place))
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _table(value) if _is_table(value) else Shown("list", items=tuple(map(shown, value)))
    text = scalar_text(value, key)
    return Shown("text", text=text, is_hash=_HASH.fullmatch(text) is not None)


def grouped(entries: Mapping[str, Mapping[str, Any]]) -> list[tuple[list[str], str, Mapping[str, Any]]]:
    """Returns titles, name and entry; neighbours that are not applicable for one and the same reason are one.

    Args:
        entries: Of a section of the report's fields.
    """
    found: list[tuple[list[str], str, Mapping[str, Any]]] = []
    for name, entry in entries.items():
        same = found and "not_applicable" in entry and found[-1][2].get("not_applicable") == entry["not_applicable"]
        if same:
            found[-1][0].append(entry["title"])
        else:
            found.append(([entry["title"]], name, entry))
    return found


def scalar_text(value: Any, key: str = "") -> str:
    """Returns one value as text: tiny numbers as powers of ten, rounded up like δ."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float) or key == "year":
        return str(value)
    if value >= 0 and "epsilon" in key and value >= _TINY:
        return epsilon_text(value)
    return delta_text(value) if 0 < value < _TINY or (key == "delta" and value >= 0) else number_text(value)


def _is_table(value: Sequence[Any]) -> bool:
    if not value or not all(isinstance(each, Mapping) and each for each in value):
        return False
    flat = all(not isinstance(cell, Mapping | list) for each in value for cell in each.values())
    return flat and len({frozenset(each) for each in value}) == 1


def _table(value: Sequence[Mapping[str, Any]]) -> Shown:
    keys = tuple(sorted(value[0], key=lambda key: (_place(key), key)))
    rows = tuple(tuple(scalar_text(each[key], key) for key in keys) for each in value)
    kinds = tuple(_kind([each[key] for each in value]) for key in keys)
    return Shown("table", columns=tuple(map(_words, keys)), rows=rows, kinds=kinds)


def _kind(cells: Sequence[Any]) -> str:
    if all(isinstance(cell, int | float) for cell in cells):
        return "figures"
    texts = [str(cell) for cell in cells]
    if max(map(len, texts)) <= _SHORT:
        return "short"
    return "long" if any(len(word) > _UNBROKEN for text in texts for word in text.split()) else "text"


def _place(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER) + (key == "source")


def _by_place(item: tuple[str, Any]) -> tuple[int, str]:
    return _place(item[0]), item[0]


def _words(key: str) -> str:
    return str(key).replace("_", " ")
