"""A small reader of the DICOM files that medsyngen writes: explicit VR, little endian, no other (PS3.5 section 7.1).

It is not the library that wrote them, and it is all that a verifier without libraries needs.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from typing import Final, NamedTuple

from medsyngen.verification.findings import Unreadable

_LONG: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST: Final = 8
EXPLICIT_LITTLE: Final = b"1.2.840.10008.1.2.1"


class Element(NamedTuple):
    """One element.

    Args:
        path: Tags from the outermost sequence to the element itself.
        vr: Value representation.
        value: Its bytes; empty for a sequence, whose elements follow.
        start: Where the value begins in the file.
    """

    path: tuple[int, ...]
    vr: bytes
    value: bytes
    start: int

    @property
    def text(self) -> str:
        """The value as text, without padding."""
        return self.value.decode("utf-8", "replace").rstrip(" \x00")


def elements(data: bytes) -> Iterator[Element]:
    """Yields every element of a file, file meta information and the elements of sequences included, in order.

    Raises:
        Unreadable: It is no DICOM file of the one transfer syntax, is cut off, or bytes follow its last element.
    """
    if data[128:132] != b"DICM":
        raise Unreadable("no DICOM file")
    at, end = yield from _group(data, 132, len(data), (), 0)
    if at != end:
        raise Unreadable("bytes that are no element")


def _group(
    data: bytes, at: int, end: int, above: tuple[int, ...], depth: int
) -> Generator[Element, None, tuple[int, int]]:
    if depth > _DEEPEST:
        raise Unreadable("sequences are nested too deep")
    while at < end:
        if len(data) < at + 8:
            raise Unreadable("a file that is cut off")
        group, element = struct.unpack_from("<HH", data, at)
        tag = group << 16 | element
        if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            return at, end
        vr = data[at + 4 : at + 6]
        at, length = _length(data, at, vr)
        if vr == b"SQ":
            yield Element((*above, tag), vr, b"", at)
            at = yield from _items(data, at, length, (*above, tag), depth)
            continue
        if length == _UNDEFINED or at + length > end:
            raise Unreadable("an element that is longer than its file")
        value = data[at : at + length]
        if tag == 0x00020010 and value.rstrip(b"\x00 ") != EXPLICIT_LITTLE:
            raise Unreadable("another transfer syntax than the one that is written")
        yield Element((*above, tag), vr, value, at)
        at += length
    return at, end


def _length(data: bytes, at: int, vr: bytes) -> tuple[int, int]:
    """Returns where the value starts, and its length."""
    if not (vr.isalpha() and vr.isupper()):
        raise Unreadable("an element without a value representation")
    if vr in _LONG:
        return at + 12, int.from_bytes(data[at + 8 : at + 12], "little")
    return at + 8, int.from_bytes(data[at + 6 : at + 8], "little")


def _items(data: bytes, at: int, length: int, path: tuple[int, ...], depth: int) -> Generator[Element, None, int]:
    end = len(data) if length == _UNDEFINED else at + length
    if end > len(data):
        raise Unreadable("a sequence that is longer than its file")
    while at < end:
        if len(data) < at + 8:
            raise Unreadable("a file that is cut off")
        group, element, size = struct.unpack_from("<HHI", data, at)
        at += 8
        if group << 16 | element == _END_OF_SEQUENCE and length == _UNDEFINED:
            return at
        if group << 16 | element != _ITEM:
            raise Unreadable("a sequence that holds something else than items")
        stop = end if size == _UNDEFINED else at + size
        if stop > end:
            raise Unreadable("an item that is longer than its sequence")
        at, _ = yield from _group(data, at, stop, path, depth + 1)
        at += 8 if size == _UNDEFINED else 0
    return at
