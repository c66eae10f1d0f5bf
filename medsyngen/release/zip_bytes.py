"""A zip archive that says nothing but names and contents: every byte is accounted for (APPNOTE 4.3)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

_MOMENT: Final = (0, 33)  # 1980-01-01 00:00, the first that zip can say
_DEFLATED: Final = 8
_UNIX: Final = 3
_MODE: Final = 0o644 << 16


def members(data: bytes, names: Sequence[str], most: int) -> list[bytes]:
    """Returns the contents of an archive that holds exactly these members, in this order.

    Args:
        data: Its bytes.
        names: ASCII.
        most: The most bytes that a member may hold.

    Raises:
        ValueError: Anything else is in it: a time, a comment, an extra field, another name, bytes in between or behind.
        zlib.error: Deflated data are damaged.
        struct.error: It is cut off.
    """
    contents, directory, at = [], b"", 0
    for name in names:
        content, end, entry = _member(data, at, name.encode("ascii"), most)
        contents.append(content)
        directory += entry
        at = end
    end_record = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(names), len(names), len(directory), at, 0)
    if data[at:] != directory + end_record:
        raise ValueError("an archive that says more than names and contents")
    return contents


def _member(data: bytes, at: int, name: bytes, most: int) -> tuple[bytes, int, bytes]:
    checksum, packed, size = struct.unpack_from("<3I", data, at + 14)
    facts = (20, 0, _DEFLATED, *_MOMENT, checksum, packed, size, len(name), 0)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", *facts) + name
    start = at + len(local)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflate.decompress(data[start : start + packed], most + 1)
    whole = inflate.eof and not inflate.unused_data and len(content) == size <= most
    if data[at:start] != local or not whole or zlib.crc32(content) != checksum:
        raise ValueError("a member with another name, time or content than is written")
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", _UNIX << 8 | 20, *facts, 0, 0, 0, _MODE, at)
    return content, start + packed, entry + name
