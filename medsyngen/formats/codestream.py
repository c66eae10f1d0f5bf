"""What a compressed frame says of its own size: a decoder believes it, not the DICOM header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from medsyngen.formats.refusal import ScanRefused

_JP2: Final = b"\x00\x00\x00\x0cjP  "
_SIZ: Final = b"\xff\x4f\xff\x51"
# Start of frame: every JPEG process, and JPEG-LS (ITU-T T.81 table B.1, T.87 annex C).
_SOF: Final = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7))


class FrameSize(NamedTuple):
    """Rows, columns and samples of one frame."""

    rows: int
    columns: int
    samples: int


def check_frame(syntax: str, frame: bytes, expected: FrameSize) -> None:
    """Refuses a compressed frame that is of another size than the DICOM header says, before it is decoded.

    Args:
        syntax: Transfer syntax UID; of those without a size of their own (RLE) nothing is checked.
        frame: One frame, unwrapped of its fragments.
        expected: From the DICOM header.

    Raises:
        ScanRefused: ``undecodable``.
    """
    uid = UID(syntax)
    if uid in JPEG2000TransferSyntaxes:
        found = _jpeg2000(frame)
    elif uid in JPEGTransferSyntaxes or uid in JPEGLSTransferSyntaxes:
        found = _jpeg(frame)
    else:
        return
    if found != expected:
        raise ScanRefused("undecodable", "the compressed frame is of another size than the header says")


def _jpeg2000(frame: bytes) -> FrameSize | None:
    """SIZ marker segment (ITU-T T.800 A.5.1); the codestream may be wrapped in the boxes of a JP2 file."""
    start = 0 if frame[:2] == _SIZ[:2] else next(_codestreams(frame), -1)
    if start < 0 or frame[start : start + 4] != _SIZ or len(frame) < start + 42:
        return None
    right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in range(start + 8, start + 24, 4))
    return FrameSize(bottom - top, right - left, int.from_bytes(frame[start + 40 : start + 42], "big"))


def _codestreams(frame: bytes) -> Iterator[int]:
    if not frame.startswith(_JP2):
        return
    at = 0
    while at + 8 <= len(frame):
        length, kind = int.from_bytes(frame[at : at + 4], "big"), frame[at + 4 : at + 8]
        if kind == b"jp2c":
            yield at + (16 if length == 1 else 8)
        if length < 8:
            return
        at += length


def _jpeg(frame: bytes) -> FrameSize | None:
    """Frame header (ITU-T T.81 B.2.2)."""
    for marker, at in _segments(frame):
        if marker in _SOF:
            rows, columns = (int.from_bytes(frame[at + k : at + k + 2], "big") for k in (3, 5))
            return FrameSize(rows, columns, frame[at + 7])
    return None


def says_its_colours(frame: bytes) -> bool:
    """Returns whether a JPEG frame carries Adobe's marker (APP14), which says whether its colours were turned to YBR.

    Pillow then gives RGB, whatever the DICOM header calls the colours and whatever it was asked for.
    """
    return any(marker == 0xEE and frame[at + 2 : at + 7] == b"Adobe" for marker, at in _segments(frame))


def _segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Yields the markers up to the first frame header, each with where its length stands."""
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        yield marker, at + 2
        if marker in _SOF:
            return
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
