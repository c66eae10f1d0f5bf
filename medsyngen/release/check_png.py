"""Check: every PNG file is a grey picture, marked synthetic, without times or metadata of another origin."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from medsyngen.release import names
from medsyngen.release.checks import NONE_ASKED_FOR, Problem
from medsyngen.release.draft import Draft

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_SOURCE: Final = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_XMP: Final = (
    b'XML:com.adobe.xmp\x00\x00\x00\x00\x00<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/'
    b'02/22-rdf-syntax-ns#"><rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><Iptc4xmpExt:'
    b"DigitalSourceType>" + _SOURCE + b"</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
)
_MARKS: Final = [(b"tEXt", b"Synthetic\x00YES"), (b"iTXt", _XMP)]
_ALLOWED: Final = frozenset((b"IHDR", b"IDAT", b"IEND", b"tEXt", b"iTXt"))
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


def _problems(data: bytes, shape: Sequence[int], depth: int) -> Iterator[str]:
    parts = chunks(data)
    if not {kind for kind, _ in parts} <= _ALLOWED:
        yield "it holds a chunk that is never written (a time, foreign metadata, or bytes behind its end)"
    if [part for part in parts if part[0] in (b"tEXt", b"iTXt")] != _MARKS:
        yield "its text is not the mark Synthetic = YES, in text and in XMP, and nothing else"
    height, width = shape
    if parts[0] != (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)):
        yield "it is not a grey picture of the cohort's size and depth"
    inflate = zlib.decompressobj()
    expected = height * (1 + width * depth // 8)
    pixels = inflate.decompress(b"".join(content for kind, content in parts if kind == b"IDAT"), expected + 1)
    if len(pixels) != expected or not inflate.eof or inflate.unused_data:
        yield "its pixels have another length than its size says"


class PngCheck:
    """Reads every PNG file again from its bytes, chunk by chunk.

    Args:
        draft: What the writer says that it wrote: form and shape; not the files.
    """

    name = "png marks"
    read = "every PNG file, chunk by chunk"
    rules: tuple[str, ...] = ("G2", "G5", "G6", "G7")

    def __init__(self, draft: Draft) -> None:
        self.read = self.read if "png" in draft.formats else NONE_ASKED_FOR
        self._shape = draft.shape
        if len(draft.shape) == 3:  # three planes side by side: two as wide as the volume, one as it is deep
            x, y, z = draft.shape
            self._shape = (max(y, z), 2 * x + y)
        self._depth = 8 if draft.form.bits == 8 else 16

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one PNG file; leaves all other files."""
        if file.endswith(names.SUFFIXES["png"]):
            for reason in _problems(data, self._shape, self._depth):
                yield Problem(f"picture {names.image_number(file)}: {reason}", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()
