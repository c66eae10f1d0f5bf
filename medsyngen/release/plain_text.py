"""What can be read in a written file: its bytes, and every text that they hold in another spelling.

Picture data are kept apart: grey levels form short words by chance (a dark smooth 8-bit picture is full of the bytes
of digits), so only long identifiers mean anything there.
"""

from __future__ import annotations

import base64
import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

import numpy as np

from medsyngen.release.check_dicom import pixel_start
from medsyngen.release.check_png import SIGNATURE, chunks
from medsyngen.release.identifier_scan import SHORTEST
from medsyngen.release.unpacking import GZIP, ZIP, nifti_start, numpy_start, read_gzip, weights_start, zip_members

_DATA_URI: Final = re.compile(rb"data:[a-z0-9.+/-]{1,40};base64,([A-Za-z0-9+/=\s]*)")
_JSON_CODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_JSON_PLAIN: Final = re.compile(r"\\([\"\\/])")
_TEXT_LIMIT: Final = 1 << 24  # bytes that a compressed text chunk may grow to


@dataclass(frozen=True)
class Readable:
    """A stretch of bytes to search.

    Args:
        data: The bytes.
        picture: True for grey levels, raw or compressed.
    """

    data: bytes
    picture: bool = False


def _from_json(text: str) -> str:
    return _JSON_PLAIN.sub(r"\1", _JSON_CODE.sub(lambda found: chr(int(found[1], 16)), text))


def _wide(data: bytes) -> Iterator[bytes]:
    """Yields the ASCII of UTF-16 and UTF-32 text (arrays of texts), of either byte order, at every offset."""
    if data.count(0) < SHORTEST - 1:
        return
    values = np.frombuffer(data, dtype=np.uint8)
    for width in (2, 4):
        for start in range(width):
            letters = values[start : len(values) - (len(values) - start) % width].reshape(-1, width)
            for at in (0, width - 1):  # little endian, big endian
                zeros = np.delete(letters, at, axis=1).any(axis=1)
                yield np.where(zeros, 0, letters[:, at]).astype(np.uint8).tobytes()


def _text(data: bytes) -> Iterator[Readable]:
    pictures = [found[1] for found in _DATA_URI.finditer(data)]
    for picture in pictures:
        yield from readable(base64.b64decode(picture))
    # The letters of base64 would form short words by chance; what they say was read above.
    data = _DATA_URI.sub(b" ", data)
    spellings = {data: None, unquote_to_bytes(data): None}
    text = data.decode("utf-8", "surrogateescape")
    for spelling in (html.unescape(text), _from_json(text), html.unescape(_from_json(text))):
        spellings[spelling.encode("utf-8", "surrogatepass")] = None
    for spelled in spellings:
        yield Readable(spelled)
    for wide in _wide(data):
        yield Readable(wide)


def _inflated(kind: bytes, content: bytes) -> bytes:
    """Returns the text of a compressed text chunk (PNG 11.3.3), empty if the chunk is not compressed."""
    parts = content.split(b"\x00", 1)
    if len(parts) < 2 or kind not in (b"zTXt", b"iTXt"):
        return b""
    packed = parts[1][1:] if kind == b"zTXt" else parts[1][2:].split(b"\x00", 2)[-1]
    if kind == b"iTXt" and parts[1][:1] != b"\x01":
        return b""
    return zlib.decompressobj().decompress(packed, _TEXT_LIMIT)


def _png(data: bytes) -> Iterator[Readable]:
    parts = chunks(data)
    for kind, content in parts:
        if kind != b"IDAT":
            yield from _text(kind + b"\n" + content + b"\n" + _inflated(kind, content))
    yield Readable(b"".join(content for kind, content in parts if kind == b"IDAT"), picture=True)


def _packed(data: bytes) -> Iterator[Readable]:
    if data.startswith(GZIP):
        member = read_gzip(data)
        yield from _text(member.header)
        yield from readable(member.content)
        if member.after:
            yield from readable(member.after)
        return
    for told, content in zip_members(data):
        yield from _text(told)
        yield from readable(content)


def _pictures_start(data: bytes) -> int | None:
    """Returns where numbers start in a DICOM file, a volume, an array or weights; None where all may be text."""
    if data[128:132] == b"DICM":
        return pixel_start(data)
    starts = (find(data) for find in (numpy_start, nifti_start, weights_start))
    return next((start for start in starts if start is not None), None)


def readable(data: bytes) -> Iterator[Readable]:
    """Yields everything that can be read in the bytes of a file, whatever its name says.

    Text is read as it stands (UTF-8, Latin-1), as UTF-16 or UTF-32, and with the escapes of HTML, JSON and URLs undone;
    pictures embedded as data URIs, compressed text of PNG files, gzip and zip files are unpacked first.

    Args:
        data: The bytes of a DICOM, PNG, NIfTI, NumPy, gzip, zip or text file.

    Raises:
        ValueError: A PNG, gzip or zip file is damaged, or unpacks to more than can be searched.
        zlib.error: Compressed data are damaged.
    """
    if data.startswith(SIGNATURE):
        yield from _png(data)
        return
    if data.startswith((GZIP, ZIP)):
        yield from _packed(data)
        return
    start = _pictures_start(data)
    yield from _text(data[:start])
    if start is not None:
        yield Readable(data[start:], picture=True)
