"""A small validator for JSON Schema, draft 2020-12: the keywords that our own schemas use, and no other.

A keyword that it does not know is an error, so that no rule of a schema is passed over in silence. The tests hold it to
the library ``jsonschema``, which is no pure Python and so can't be in a file for bare Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and value == int(value),
}
_WORDS = frozenset(("$schema", "$id", "$comment", "$defs", "title", "description"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def problems(value: Any, schema: Schema) -> list[str]:
    """Returns where a value breaks a schema: a path and the keyword each, for instance ``$.files: required``.

    Args:
        value: JSON as parsed.
        schema: The same of the schema; ``$ref`` may lead to its own ``$defs`` only.

    Raises:
        ValueError: The schema uses a keyword that isn't known here.
    """
    return sorted(_problems(value, schema, schema, "$"))


def _problems(value: Any, schema: Any, root: Schema, path: str) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{path}: false"
        return
    unknown = set(schema) - _WORDS - set(_KEYWORDS) - {"then", "else"}
    if unknown:
        raise ValueError(f"schema keywords that are not known: {', '.join(sorted(unknown))}")
    for keyword, wanted in schema.items():
        if keyword in _KEYWORDS:
            yield from _KEYWORDS[keyword](value, wanted, schema, root, path)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return bool(a == b)


def _rule(keyword: str, broken: Callable[[Any, Any], bool]) -> Callable[..., Iterator[str]]:
    def check(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
        if broken(value, wanted):
            yield f"{path}: {keyword}"

    return check


def _types(value: Any, wanted: Any) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return not any(_TYPES[name](value) for name in names)


def _properties(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in wanted.items():
            if name in value:
                yield from _problems(value[name], inner, root, f"{path}.{name}")


def _pattern_properties(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for pattern, inner in wanted.items():
            for name in filter(re.compile(pattern).search, value):
                yield from _problems(value[name], inner, root, f"{path}.{name}")


def _additional(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
    for name in value.keys() - schema.get("properties", {}).keys():
        if not any(pattern.search(name) for pattern in patterns):
            if wanted is False:
                yield f"{path}: additionalProperties"
            else:
                yield from _problems(value[name], wanted, root, f"{path}.{name}")


def _items(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _problems(item, wanted, root, f"{path}[{number}]")


def _one_of(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if sum(not any(_problems(value, inner, root, path)) for inner in wanted) != 1:
        yield f"{path}: oneOf"


def _reference(value: Any, wanted: str, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    found: Any = root
    for part in wanted.removeprefix("#/").split("/"):
        found = found[part]
    yield from _problems(value, found, root, path)


def _conditional(value: Any, wanted: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    holds = not any(_problems(value, wanted, root, path))
    yield from _problems(value, schema.get("then" if holds else "else", True), root, path)


_KEYWORDS: Mapping[str, Callable[..., Iterator[str]]] = {
    "type": _rule("type", _types),
    "const": _rule("const", lambda value, wanted: not _equal(value, wanted)),
    "enum": _rule("enum", lambda value, wanted: not any(_equal(value, one) for one in wanted)),
    "required": _rule("required", lambda v, w: isinstance(v, dict) and not set(w) <= v.keys()),
    "pattern": _rule("pattern", lambda v, w: isinstance(v, str) and not re.search(w, v)),
    "minLength": _rule("minLength", lambda v, w: isinstance(v, str) and len(v) < w),
    "minItems": _rule("minItems", lambda v, w: isinstance(v, list) and len(v) < w),
    "maxItems": _rule("maxItems", lambda v, w: isinstance(v, list) and len(v) > w),
    "minProperties": _rule("minProperties", lambda v, w: isinstance(v, dict) and len(v) < w),
    "minimum": _rule("minimum", lambda v, w: _is_number(v) and not v >= w),
    "maximum": _rule("maximum", lambda v, w: _is_number(v) and not v <= w),
    "exclusiveMinimum": _rule("exclusiveMinimum", lambda v, w: _is_number(v) and not v > w),
    "exclusiveMaximum": _rule("exclusiveMaximum", lambda v, w: _is_number(v) and not v < w),
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "items": _items,
    "oneOf": _one_of,
    "$ref": _reference,
    "if": _conditional,
}
