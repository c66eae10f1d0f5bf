"""The elements of a DICOM file by our own reading of its bytes: explicit VR little endian, defined lengths, no gaps.

It is stricter than the standard, and does not use the library that writes the files: every byte belongs to one element
that is returned, or the file is refused. Source: DICOM PS3.5 7.1 and 7.5, PS3.10 7.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

Path = tuple[int, ...]
"""The tag of an element, with those of the sequences around it before it."""

_LONG: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_ITEM: Final = 0xFFFEE000
_UNDEFINED: Final = 0xFFFFFFFF
_DEEPEST: Final = 4
_START: Final = 132


@dataclass(frozen=True)
class Element:
    """One element as it stands.

    Args:
        path: Its tag, behind those of the sequences that hold it.
        vr: Its value representation.
        value: Its bytes, padding included; of a sequence empty.
        start: Where its value starts in the file.
    """

    path: Path
    vr: str
    value: bytes = field(repr=False)
    start: int


def elements(data: bytes) -> Iterator[Element]:
    """Yields every element, file meta information first, sequences before what is in them.

    Raises:
        ValueError: A byte is not part of an element, an element is cut off or out of order, a length is odd or
            undefined, a sequence has more than one item, or sequences are nested too deep.
    """
    if data[128:_START] != b"DICM":
        raise ValueError("no DICOM file")
    yield from _dataset(data, _START, len(data), ())


def _dataset(data: bytes, at: int, end: int, path: Path) -> Iterator[Element]:
    before = -1
    while at < end:
        tag, vr, start, length = _header(data, at, end)
        at = start + length
        if tag <= before or length % 2 or at > end:
            raise ValueError("an element is out of order, odd or cut off")
        before = tag
        inside = vr == b"SQ"
        value = b"" if inside else data[start:at]
        yield Element((*path, tag), vr.decode("ascii", "replace"), value, start)
        if inside:
            yield from _items(data, start, at, (*path, tag))


def _header(data: bytes, at: int, end: int) -> tuple[int, bytes, int, int]:
    if end - at < 8:
        raise ValueError("bytes that are no element")
    group, number, vr, length = struct.unpack_from("<HH2sH", data, at)
    if vr not in _LONG:
        return (group << 16) | number, vr, at + 8, length
    if length or end - at < 12:
        raise ValueError("an element with reserved bytes, or cut off")
    (length,) = struct.unpack_from("<I", data, at + 8)
    if length == _UNDEFINED:
        raise ValueError("an element of undefined length")
    return (group << 16) | number, vr, at + 12, length


def _items(data: bytes, at: int, end: int, path: Path) -> Iterator[Element]:
    if len(path) > _DEEPEST:
        raise ValueError("sequences nested too deep")
    if at == end:
        return
    if end - at < 8:
        raise ValueError("bytes that are no item")
    group, element, length = struct.unpack_from("<HHI", data, at)
    if (group << 16) | element != _ITEM or at + 8 + length != end:
        raise ValueError("no item, more than one, or one that is cut off")
    yield from _dataset(data, at + 8, end, path)
