"""Where a source looks on this disk: a public folder or program must not be the private scans, nor hold them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medsyngen.errors import UsageError

_WITHIN = re.compile(r"(?<![\w.~/-])(?=(/[^\s;:,'\"|&<>()]*)(.*))", re.DOTALL)
"""A whole path inside an argument, as in ``--data=/some/where``: up to a sign that ends it, or to the end."""


def check_public(said: Any, private: Mapping[str, Path]) -> None:
    """Refuses sources whose folder or program is private, whatever their attestation says.

    Guarantee: compared are the places that links lead to, and the files themselves (device and number) with all
    folders above them, so that neither a link, another spelling nor a folder mounted twice gets round it. It sees what
    a recipe names: not what a program looks for by itself, nor copies of scans elsewhere.

    Args:
        said: Plain data, a recipe's ``synthesis`` for instance; every mapping in it is looked at.
        private: What is private, by the name that a message may give it: ``SCANS`` and ``RUN``.

    Raises:
        UsageError: Naming every field of which a place is private, lies inside it, or contains it.
    """
    faults = [
        f"`{field}` of the source of kind {kind!r}: it is {name}, lies inside it, or contains it"
        for kind, field, place in _places(said)
        for name, where in private.items()
        if _overlap(place, where)
    ]
    if faults:
        raise UsageError(
            "a source of public images must not be private scans or this run; nothing was read, nothing was charged",
            do="name a folder or program of its own, apart from SCANS and RUN",
            details=list(dict.fromkeys(faults)),
        )


def check_there(said: Any) -> None:
    """Refuses sources whose folder or program is not there: asked before anything is read, when a run begins.

    Later they are missed when they are used: a report, or an export of kept members, does without them.

    Args:
        said: As of :func:`check_public`.

    Raises:
        UsageError: Naming the fields.
    """
    faults = [
        f"`{field}` of the source of kind {kind!r} is not there"
        for kind, field, found in _looked_for(said)
        if not found
    ]
    if faults:
        raise UsageError(
            "what makes images is not there; nothing was read, nothing was charged",
            do="mount or install it, or correct the recipe",
            details=faults,
        )


def _looked_for(said: Any) -> Iterator[tuple[str, str, bool]]:
    for each in _sources(said):
        kind, command = str(each.get("kind")), _texts(each.get("command"))
        yield from ((kind, "folder", Path(folder).is_dir()) for folder in _texts(each.get("folder")))
        if command:
            yield kind, "command", _program(command[0], each.get("path")) is not None


def _places(said: Any) -> Iterator[tuple[str, str, Path]]:
    """Yields kind, field and place of all that the sources in plain data name."""
    for each in _sources(said):
        kind, path = str(each.get("kind")), each.get("path")
        searched = [place for text in _texts(path) for place in text.split(os.pathsep) if os.path.isabs(place)]
        yield from ((kind, "folder", Path(place)) for place in _texts(each.get("folder")))
        yield from ((kind, "path", Path(place)) for place in searched)
        yield from ((kind, "command", place) for place in _named(_texts(each.get("command")), path))


def _sources(said: Any) -> Iterator[Mapping[str, Any]]:
    """Yields every mapping in plain data, at any depth."""
    if isinstance(said, Mapping):
        yield said
    if isinstance(said, Mapping | list | tuple):
        for part in said.values() if isinstance(said, Mapping) else said:
            yield from _sources(part)


def _program(name: str, path: Any) -> str | None:
    return shutil.which(name, path=path if isinstance(path, str) else None)


def _named(command: list[str], path: Any) -> Iterator[Path]:
    """Yields the program, where it is found, and every whole path among the arguments."""
    if command and (program := _program(command[0], path)):
        yield Path(program)
    for argument in command:
        if os.path.isabs(argument):
            yield Path(argument)
        else:  # relative ones lead into the new folder that the program starts in
            yield from (Path(each) for found in _WITHIN.finditer(argument) for each in (found[1], found[1] + found[2]))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, str) and each]


def _overlap(one: Path, other: Path) -> bool:
    one, other = (Path(os.path.realpath(each)) for each in (one, other))
    return _holds(one, other) or _holds(other, one)


def _holds(outer: Path, inner: Path) -> bool:
    """Returns whether the inner place is the outer one or lies in it, by name or by the files themselves."""
    found = _file(outer)
    return inner.is_relative_to(outer) or (found is not None and found in map(_file, (inner, *inner.parents)))


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
