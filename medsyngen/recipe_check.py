"""From plain YAML data to frozen objects, telling every fault at once and suggesting the word that was meant."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import TypeAdapter, ValidationError

from medsyngen.errors import UsageError

T = TypeVar("T")


def overridden(plain: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Returns a copy with ``a.b=c`` applied; values are read as YAML.

    Raises:
        UsageError: An override is not of that form, or goes through something that is no mapping.
    """
    copy: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(plain)))
    for text in overrides:
        path, equals, value = text.partition("=")
        *parents, last = path.strip().split(".")
        if not equals or not last:
            raise UsageError(f"--set {text!r} is not of the form a.b=c", do="write for instance privacy.epsilon=4")
        node: Any = copy
        for key in parents:
            if isinstance(node, dict) and node.get(key) is None:
                node[key] = {}  # also where the recipe says null
            node = node[key] if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise UsageError(f"--set {path}: something on the way holds a value, not keys", do="check the path")
        node[last] = yaml.safe_load(value)
    return copy


def check_keys(kind: type, plain: Any, where: str) -> None:
    """Refuses keys that a dataclass does not have, in it and in everything nested.

    Raises:
        UsageError: Names every unknown key and the closest known one.
    """
    faults = list(_unknown(kind, plain, where))
    if faults:
        raise UsageError("the recipe has keys that mean nothing", do="correct or remove them", details=faults)


def _unknown(kind: Any, plain: Any, where: str) -> typing.Iterator[str]:
    for option in (kind, *get_args(kind)):
        if isinstance(plain, Mapping) and isinstance(option, type) and dataclasses.is_dataclass(option):
            written = {field.name for field in dataclasses.fields(option) if not field.metadata.get("derived")}
            hints = {name: hint for name, hint in typing.get_type_hints(option).items() if name in written}
            for key, value in plain.items():
                path = f"{where}.{key}".lstrip(".")
                if key not in hints:
                    close = difflib.get_close_matches(str(key), hints, 1)
                    yield f"{path}: unknown" + (f", did you mean {close[0]!r}?" if close else "")
                else:
                    yield from _unknown(hints[key], value, path)
    if isinstance(plain, list) and get_origin(kind) is tuple:
        for i, value in enumerate(plain):
            yield from _unknown(get_args(kind)[0], value, f"{where}[{i}]")


def validated(kind: type[T], plain: Mapping[str, Any], where: str) -> T:
    """Builds the frozen dataclass ``kind``; types are checked, and its own rules run.

    Raises:
        UsageError: Names every value that is not allowed, and why.
    """
    try:
        return TypeAdapter(kind).validate_python(dict(plain))
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_input=False):
            path = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("function-"))
            faults.append(f"{f'{where}.{path}'.strip('.') or 'recipe'}: {fault['msg'].removeprefix('Value error, ')}")
        raise UsageError("the recipe has values that are not allowed", do="correct them", details=faults) from error
