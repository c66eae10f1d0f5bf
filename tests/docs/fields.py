"""The fields of a recipe as a page tells them: type, default, what is allowed, meaning. All read off the code.

What is allowed is asked of the object itself: values that make no sense are put in, and what it says against them is
written down. So the page can't promise another range than the one that is kept.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal, get_args, get_origin

from griffe import Docstring, DocstringSectionKind

from medsyngen.errors import MedsyngenError

PROBES: dict[type, tuple[Any, ...]] = {
    bool: (),
    int: (-1, 0, 1, 10**9),
    float: (-1.0, 0.0, 1.5, 1e9),
    str: ("?",),
}
PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text", type(None): "null"}


@dataclass(frozen=True)
class Field:
    """One field of a recipe."""

    name: str
    kind: str
    default: str
    allowed: tuple[str, ...]
    meaning: str


def plain(text: str) -> str:
    """Turns the marks of a docstring into Markdown's, in one line."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split()))
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def meanings(kind: type) -> dict[str, str]:
    """Returns what the docstrings of a class and of those that it grew from say of each argument."""
    said: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        for section in Docstring(inspect.cleandoc(each.__dict__.get("__doc__") or ""), parser="google").parse(
            warnings=False
        ):
            if section.kind is DocstringSectionKind.parameters:
                said |= {one.name: plain(one.description) for one in section.value}
    return said


def kind_of(hint: Any) -> str:
    """Says a type in words of YAML."""
    if get_origin(hint) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(hint))
    if get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(kind_of(option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        return f"list of: {kind_of(inner[0])}" if inner[-1] is ... else f"list of {len(inner)}: {kind_of(inner[0])}"
    if hint in PLAIN:
        return PLAIN[hint]
    if dataclasses.is_dataclass(hint):
        return f"[keys](#{anchor(hint)})"
    return "text" if getattr(hint, "__name__", "") == "Path" else "mapping"


def anchor(kind: Any) -> str:
    """The anchor of a class's heading, which is its name in code."""
    return str(kind.__name__).lower()


def default_of(field: dataclasses.Field[Any]) -> str:
    """Says the default as YAML would; a dash where a value must be given, dots where keys have their own."""
    if field.default is MISSING and field.default_factory is MISSING:
        return "–"
    value = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]
    return "…" if dataclasses.is_dataclass(value) else f"`{as_yaml(value)}`"


def as_yaml(value: Any) -> str:
    """Writes a value as a recipe would, in one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_yaml(one)}' for key, one in value.items())}}}"
    return '""' if value == "" else str(value)


def refusals(example: Any, name: str, hint: Any) -> tuple[str, ...]:
    """Returns what the class says against values that make no sense, each once and without the value."""
    found: dict[str, None] = {}
    for probe in probes(hint):
        try:
            dataclasses.replace(example, **{name: probe})
        except MedsyngenError as error:
            details = [line for line in error.details if re.search(rf"\b{name} must", line)]
            found |= {rule(words, name): None for words in details or [error.do or error.what]}
        except ValueError as error:
            if re.search(rf"\b{name}\b", str(error)):
                found[rule(str(error), name)] = None
    return tuple(words for words in found if words)


def rule(words: str, name: str) -> str:
    """Makes of a message what is allowed; nothing if it only says what does not go together with other fields."""
    if str(PROBES[int][-1]) in words or not re.search(r"must|can't be|need|give|choose|take", words):
        return ""
    words = re.sub(r",? (but )?got .*$", "", words, flags=re.DOTALL)
    words = re.sub(rf"^.*\b{name}`? must (be |lie (?=between|in))?", "", words)
    return plain(re.sub(rf"^give |^{name} can't be (?=negative)", lambda m: "not " if "can't" in m[0] else "", words))


def probes(hint: Any) -> tuple[Any, ...]:
    """Returns values of a type that few fields take."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(probe for option in get_args(hint) for probe in probes(option))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        times = 1 if inner[-1] is ... else len(inner)
        empty = ((),) if inner[-1] is ... else ()
        return (*empty, *((probe,) * times for probe in probes(inner[0])))
    return PROBES.get(hint, ())


def fields_of(kind: type, example: Any) -> list[Field]:
    """Returns the fields that a recipe may write, in their order."""
    hints, said = typing.get_type_hints(kind), meanings(kind)
    return [
        Field(
            each.name,
            kind_of(hints[each.name]),
            default_of(each),
            refusals(example, each.name, hints[each.name]) if example is not None else (),
            said.get(each.name, ""),
        )
        for each in dataclasses.fields(kind)
        if not each.metadata.get("derived")
    ]


def nested(kind: type) -> Iterator[tuple[str, type]]:
    """Yields every frozen object that a field of the class holds, with the field's name."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        todo = [] if each.metadata.get("derived") else [hints[each.name]]
        while todo:
            hint = todo.pop(0)
            todo += [option for option in get_args(hint) if option is not ...]
            if isinstance(hint, type) and dataclasses.is_dataclass(hint):
                yield each.name, hint
