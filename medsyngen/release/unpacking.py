"""What lies inside of packed and binary files that a cohort may hold: gzip, zip, NumPy arrays, NIfTI volumes.

Everything is bounded: a file that unpacks to more than the bound is an error, and a check that fails has not passed.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_UNPACKED: Final = 4 << 30
GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
NUMPY: Final = b"\x93NUMPY"
_NIFTI_MAGIC: Final = (b"n+1\x00", b"ni1\x00")
_NIFTI_HEADER: Final = 348
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT, _GZIP_CRC = 4, 8, 16, 2


@dataclass(frozen=True)
class GzipMember:
    """The one member of a gzip file (RFC 1952, section 2.3).

    Args:
        header: Its bytes before the deflated data: a name, a comment and a time may stand here.
        plain: True if the header says nothing: no name, comment, extra field or time.
        content: What was packed.
        after: Bytes behind the member, such as a second one.
    """

    header: bytes
    plain: bool
    content: bytes
    after: bytes


def read_gzip(data: bytes, most: int = MOST_UNPACKED) -> GzipMember:
    """Returns what a gzip file says and holds.

    Raises:
        ValueError: It is no gzip file, is cut off or damaged, or holds more than ``most`` bytes.
    """
    if data[:3] != GZIP + b"\x08" or len(data) < 18:
        raise ValueError("no gzip file")
    start = _gzip_header_length(data)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflate.decompress(data[start:], most + 1)
    trailer, after = inflate.unused_data[:8], inflate.unused_data[8:]
    if len(content) > most or not inflate.eof:
        raise ValueError("a gzip file that is cut off or too large")
    if trailer != struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF):
        raise ValueError("a gzip file that is damaged")
    plain = data[3] == 0 and data[4:8] == bytes(4)
    return GzipMember(data[:start], plain, content, after)


def _gzip_header_length(data: bytes) -> int:
    flags, at = data[3], 10
    if flags & _GZIP_EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        if flags & flag:
            at = data.index(b"\x00", at) + 1
    return at + (2 if flags & _GZIP_CRC else 0)


def zip_members(data: bytes, most: int = MOST_UNPACKED) -> Iterator[tuple[bytes, bytes]]:
    """Yields, for each member of a zip file, everything said about it, and its content; last, the file's own comment.

    Raises:
        ValueError: The archive is damaged, or holds more than ``most`` bytes in all.
    """
    left = most
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                with archive.open(info) as stream:
                    content = stream.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise ValueError("a zip file that is too large")
                told = "\n".join(map(str, info.date_time)).encode()
                yield (
                    b"\n".join((info.filename.encode("utf-8", "surrogatepass"), info.comment, info.extra, told)),
                    content,
                )
            yield archive.comment, b""
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError("a zip file that is damaged") from error


def numpy_start(data: bytes) -> int | None:
    """Returns where the numbers of a ``.npy`` file start; None where it is none, or holds text or objects."""
    if not data.startswith(NUMPY) or len(data) < 12:
        return None
    width = 2 if data[6] == 1 else 4
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    kind = data[8 + width : start].partition(b"'descr': '")[2][1:2]
    return start if kind in (b"b", b"i", b"u", b"f") else None


def nifti_start(data: bytes) -> int | None:
    """Returns where the voxels of a NIfTI-1 volume start (vox_offset); None where it is none."""
    if len(data) < _NIFTI_HEADER or data[344:348] not in _NIFTI_MAGIC:
        return None
    order = "<" if data[:4] == struct.pack("<i", _NIFTI_HEADER) else ">"
    (offset,) = struct.unpack_from(f"{order}f", data, 108)
    return max(int(offset), _NIFTI_HEADER) if _NIFTI_HEADER <= offset <= len(data) else None


def weights_start(data: bytes) -> int | None:
    """Returns where the numbers of a safetensors file start; None where it is none."""
    length = int.from_bytes(data[:8], "little")
    if data[8:9] != b"{" or 8 + length > len(data) or not data[8 : 8 + length].rstrip(b" ").endswith(b"}"):
        return None
    return 8 + length
