"""Unpacking the deflated transfer syntax (PS3.5 Annex A.5) without believing that it ends.

pydicom inflates the whole file at once, however much that is: half a megabyte becomes a gigabyte.
"""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, Final

from medsyngen.formats.allowance import RATIO, allow
from medsyngen.formats.refusal import ScanRefused

ANY_RATIO: Final = 64 << 20
"""Up to so many bytes any ratio is cheap enough to try."""
MOST_BYTES: Final = 2 << 30


def inflated(file: BinaryIO) -> BinaryIO:
    """Returns the rest of a file unpacked.

    Args:
        file: At the first byte after the file meta information.

    Raises:
        ScanRefused: ``too-large`` beyond :data:`ANY_RATIO` and 32 times the packed bytes (or :data:`MOST_BYTES`),
            ``truncated`` if the packed data end too early, ``unreadable`` if they are none.
    """
    packed = file.read()
    room = max(ANY_RATIO, min(RATIO * len(packed), MOST_BYTES))
    if room > ANY_RATIO:
        allow(room, len(packed))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)  # without zlib's own header (RFC 1951)
    try:
        data = stream.decompress(packed, room)
        if not stream.eof and stream.decompress(stream.unconsumed_tail, 1):
            raise ScanRefused("too-large", "for so few deflated bytes")
    except zlib.error:
        raise ScanRefused("unreadable", "deflated data that can't be inflated") from None
    if not stream.eof:
        raise ScanRefused("truncated")
    return io.BytesIO(data)
