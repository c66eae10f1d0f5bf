"""What crosses the pipe between the program and its reading processes: JSON beside plain buffers, never a pickle.

A reading process may have been taken over by the file that it reads, so what it answers is data and nothing else:
numbers, texts, arrays, and the frozen dataclasses of :mod:`medsyngen`, built through their own checks.

A message is the length of the whole and of the JSON (little-endian, 8 + 4 bytes), the JSON, then the buffers.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import re
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from pathlib import PurePath, PurePosixPath
from typing import Any, Final

import numpy as np

from medsyngen.formats.refusal import REASONS, ScanRefused

HEAD = 12
MAX_BYTES = 8 << 30
"""Longest message that is taken."""
_NAME = re.compile(r"(medsyngen(?:\.\w+)+):(\w+)")


def pack(value: object) -> list[bytes | memoryview]:
    """Returns the parts of one message, to be written one after the other.

    Args:
        value: None, numbers, texts, bytes, numpy arrays of numbers, :class:`ScanRefused`, enums and dataclasses of
            medsyngen, and tuples, lists, sets and dictionaries of these.

    Raises:
        TypeError: Anything else; a mistake in the program, not in a file.
    """
    buffers: list[bytes | memoryview] = []
    text = json.dumps([_encode(value, buffers), [_size(each) for each in buffers]]).encode("ascii")
    total = len(text) + sum(map(_size, buffers))
    return [total.to_bytes(8, "little") + len(text).to_bytes(4, "little"), text, *buffers]


def sizes(head: bytes | bytearray) -> tuple[int, int]:
    """Returns the bytes that follow a head, and how many of them are JSON.

    Raises:
        ValueError: They can't be those of a message.
    """
    total, text = int.from_bytes(head[:8], "little"), int.from_bytes(head[8:HEAD], "little")
    if not 0 < text <= total <= MAX_BYTES:
        raise ValueError("not the head of a message")
    return total, text


def unpack(body: bytearray, text: int) -> Any:
    """Returns what was packed; arrays share the memory of ``body``.

    Args:
        body: What follows the head.
        text: How many of its bytes are JSON.

    Raises:
        ValueError: It is no such message.
    """
    try:
        value, lengths = json.loads(bytes(body[:text]))
        ends = np.cumsum([text, *lengths]).tolist()
        if min([0, *lengths]) < 0 or ends[-1] != len(body):
            raise ValueError("buffers of another length")
        view = memoryview(body)
        return _decode(value, [view[start:end] for start, end in pairwise(ends)])
    except (TypeError, LookupError, AttributeError, RecursionError, ImportError, OverflowError) as error:
        raise ValueError("not a message") from error


def _size(part: bytes | memoryview) -> int:
    return part.nbytes if isinstance(part, memoryview) else len(part)


def _encode(value: object, buffers: list[bytes | memoryview]) -> Any:
    if isinstance(value, Enum):
        return ["enum", _name(type(value)), value.name]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "buif":
            raise TypeError("an array of something else than numbers")
        plain = np.ascontiguousarray(value)
        buffers.append(plain.reshape(-1).view(np.uint8).data if plain.size else b"")
        return ["array", plain.dtype.str, list(value.shape), len(buffers) - 1]
    if isinstance(value, bytes):
        buffers.append(value)
        return ["bytes", len(buffers) - 1]
    return _encode_built(value, buffers)


def _encode_built(value: object, buffers: list[bytes | memoryview]) -> Any:
    if isinstance(value, ScanRefused):
        return ["refused", value.reason, value.detail]
    if isinstance(value, PurePath):
        return ["path", str(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return ["data", _name(type(value)), {name: _encode(getattr(value, name), buffers) for name in fields}]
    if isinstance(value, dict):
        return ["dict", *([_encode(key, buffers), _encode(each, buffers)] for key, each in value.items())]
    for name, kind in (("tuple", tuple), ("list", list), ("set", set), ("frozenset", frozenset)):
        if isinstance(value, kind):
            return [name, *(_encode(each, buffers) for each in value)]
    raise TypeError(f"can't be sent to another process: {type(value).__name__}")


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _decode(value: Any, buffers: list[memoryview]) -> Any:
    if not isinstance(value, list):
        return value
    kind, *rest = value
    return _DECODERS[kind](rest, buffers)


def _array(rest: list[Any], buffers: list[memoryview]) -> Any:
    dtype, shape, number = rest
    if np.dtype(dtype).kind not in "buif" or math.prod(shape) * np.dtype(dtype).itemsize != buffers[number].nbytes:
        raise ValueError("an array of another size")
    return np.frombuffer(buffers[number], np.dtype(dtype)).reshape(shape)


def _refused(rest: list[Any], _: list[memoryview]) -> ScanRefused:
    reason, detail = rest
    if reason not in REASONS or not isinstance(detail, str):
        raise ValueError("not a refusal")
    return ScanRefused(reason, detail)


def _built(rest: list[Any], buffers: list[memoryview]) -> Any:
    name, values = rest
    found = _class(name)
    if not dataclasses.is_dataclass(found):
        raise ValueError("not a dataclass")
    return found(**{key: _decode(each, buffers) for key, each in values.items()})


def _member(rest: list[Any], _: list[memoryview]) -> Any:
    found = _class(rest[0])
    if not issubclass(found, Enum):
        raise ValueError("not an enum")
    return found[rest[1]]


def _class(name: str) -> type:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError("not a class of medsyngen")
    found = getattr(importlib.import_module(match[1]), match[2])
    if not isinstance(found, type) or found.__module__ != match[1]:
        raise ValueError("not a class of medsyngen")
    return found


_DECODERS: Final[dict[str, Callable[[list[Any], list[memoryview]], Any]]] = {
    "array": _array,
    "bytes": lambda rest, buffers: bytes(buffers[rest[0]]),
    "refused": _refused,
    "path": lambda rest, _: PurePosixPath(rest[0]),
    "data": _built,
    "enum": _member,
    "dict": lambda rest, buffers: {_decode(key, buffers): _decode(each, buffers) for key, each in rest},
    "tuple": lambda rest, buffers: tuple(_decode(each, buffers) for each in rest),
    "list": lambda rest, buffers: [_decode(each, buffers) for each in rest],
    "set": lambda rest, buffers: {_decode(each, buffers) for each in rest},
    "frozenset": lambda rest, buffers: frozenset(_decode(each, buffers) for each in rest),
}
