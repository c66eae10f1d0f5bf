"""Check: every PNG file is a grey picture, marked synthetic, without times or metadata of another origin."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from medsyngen.release import names
from medsyngen.release.checks import Problem

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ALLOWED: Final = frozenset((b"IHDR", b"IDAT", b"IEND", b"tEXt"))
_MARK: Final = b"Synthetic\x00YES"
_DO = "export again; if it comes back, report it as a bug in medsyngen"


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Returns (type, content) of every chunk, and what follows the last as a chunk of empty type.

    Raises:
        ValueError: It is no PNG file, or it is cut off, or a checksum is wrong (PNG 5.3).
    """
    if not data.startswith(SIGNATURE):
        raise ValueError("no PNG file")
    found, at = [], len(SIGNATURE)
    while True:
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : end]
        if len(data) < end + 4 or zlib.crc32(kind + content) != int.from_bytes(data[end : end + 4], "big"):
            raise ValueError("a PNG file that is cut off or damaged")
        found.append((kind, content))
        at = end + 4
        if kind == b"IEND":
            return [*found, (b"", data[at:])] if data[at:] else found


def _problems(data: bytes) -> Iterator[str]:
    parts = chunks(data)
    if not {kind for kind, _ in parts} <= _ALLOWED:
        yield "it holds a chunk that is never written (a time, foreign metadata, or bytes behind its end)"
    if [content for kind, content in parts if kind == b"tEXt"] != [_MARK]:
        yield "its text is not the mark Synthetic = YES and nothing else"
    width, height = (int.from_bytes(parts[0][1][at : at + 4], "big") for at in (0, 4))
    depth, colour = parts[0][1][8], parts[0][1][9]
    if parts[0][0] != b"IHDR" or depth not in (8, 16) or colour != 0:
        yield "it is not a grey picture of 8 or 16 bits"
    inflate = zlib.decompressobj()
    expected = height * (1 + width * depth // 8)
    pixels = inflate.decompress(b"".join(content for kind, content in parts if kind == b"IDAT"), expected + 1)
    if len(pixels) != expected or not inflate.eof or inflate.unused_data:
        yield "its pixels have another length than its size says"


class PngCheck:
    """Reads every PNG file again from its bytes, chunk by chunk."""

    name = "png marks"
    read = "every PNG file, read back from its bytes"
    rules: tuple[str, ...] = ("G5", "G6", "G7")

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one PNG file; leaves all other files."""
        if file.endswith(names.SUFFIXES["png"]):
            for reason in _problems(data):
                yield Problem(f"picture {names.image_number(file)}: {reason}", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()
