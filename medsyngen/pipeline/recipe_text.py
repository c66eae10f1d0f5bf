"""Changing values in the text of a recipe without losing its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

_COMMENT = re.compile(r"\s+#\s.*$")


def with_value(text: str, path: str, value: Any, comment: str | None = None) -> str:
    """Returns the text with another value of one key; what it held before goes, its comment stays.

    Args:
        text: YAML of block mappings, indented by spaces, as the shipped recipes are.
        path: Such as ``scans.size``; the key is there.
        value: Plain JSON; short enough for one line, but for a list of mappings, which gets a line each.
        comment: In place of the one behind the key.

    Raises:
        KeyError: The key is not there.
    """
    lines = text.splitlines()
    at, end, depth = _find(lines, path.split("."))
    old = _COMMENT.search(lines[at])
    key = lines[at].partition(":")[0]
    rows, first = [], f"{key}: {spelled(value)}"
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        first, rows = f"{key}:", [f"{' ' * (depth + 2)}- {spelled(each)}" for each in value]
    told = f"# {comment}" if comment is not None else old.group().strip() if old else ""
    column = lines[at].index(old.group().strip()) if old else 0
    lines[at:end] = [f"{first.ljust(column - 1)} {told}" if told else first, *rows]
    return "\n".join(lines) + "\n"


def with_head(text: str, comment: str) -> str:
    """Returns the text with other comments above its first key."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    head = [f"# {line}".rstrip() for line in comment.splitlines()]
    return "\n".join([*head, "", *lines[start:]]) + "\n"


def spelled(value: Any) -> str:
    """Returns a value as YAML on one line: JSON is YAML, but for what people write with fewer quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {spelled(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
"""What YAML takes for something else than text."""


def _find(lines: Sequence[str], path: Sequence[str]) -> tuple[int, int, int]:
    """Returns the line of a key, the line behind all that it holds, and its indentation."""
    start, end, depth = 0, len(lines), 0
    for i, key in enumerate(path):
        depth = 2 * i
        found = [n for n in range(start, end) if re.match(rf"{' ' * depth}{re.escape(key)}:(\s|$)", lines[n])]
        if not found:
            raise KeyError(".".join(path))
        start = found[0]
        end = next((n for n in range(start + 1, end) if not _within(lines[n], depth)), end)
        start += 1
    return start - 1, end, depth


def _within(line: str, depth: int) -> bool:
    """Returns whether a line belongs to the key above it, which is indented so."""
    inner = line.lstrip(" ")
    return bool(inner) and len(line) - len(inner) > depth
