"""JSON read so that nothing can hide in it: no key twice, no other spelling than the one that is written."""

from __future__ import annotations

import json
from typing import Any


def strict_json(data: bytes) -> Any:
    """Returns what a JSON file says.

    Raises:
        ValueError: It is no JSON, or its bytes are not those that its content gives: a key twice, spaces, an escape.
    """
    content = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    if (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode() != data:
        raise ValueError("JSON that is not spelled as it is written")
    return content


def _refuse(constant: str) -> Any:
    raise ValueError("a number that is none")


def same(found: Any, wanted: Any) -> bool:
    """Whether two JSON values are the same, their keys in any order; ``True`` is not 1."""
    if type(found) is not type(wanted):
        return False
    if isinstance(found, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
    if isinstance(found, list):
        return len(found) == len(wanted) and all(same(a, b) for a, b in zip(found, wanted, strict=True))
    return bool(found == wanted)
