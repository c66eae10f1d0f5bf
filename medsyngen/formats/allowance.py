"""What reading one file may use, and how a file that is honestly large gets more.

A reading process (:mod:`medsyngen.formats.reading_workers`) begins every file with :class:`Limits`. Once the header is
read and its claims are checked, the reader says with :func:`allow` how large the image is; the allowance grows with
that, but never beyond what the bytes of the file pay for. A few bytes that claim much get nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

RATIO = 32
"""Largest ratio of pixels to file that is honoured: ten times what lossless codes reach on scans."""
_BYTES_A_SECOND = 4 << 20
_COPIES = 12
_BESIDE = 128 << 20


@dataclass(frozen=True)
class Limits:
    """What reading one file may use before it says that it is large.

    Args:
        seconds: Of processor time: other work on the machine does not make a file too slow.
        memory: Bytes over what the process held before the file.
        silence: Seconds that the program waits for an answer at most, for disks that hang.
    """

    seconds: float = 2.0
    memory: int = 512 << 20
    silence: float = 60.0


_grant: Callable[[int], None] | None = None


def on_request(grant: Callable[[int], None] | None) -> None:
    """Sets who raises the limits of this process: called with the bytes that an image honestly has."""
    global _grant
    _grant = grant


def allow(image_bytes: int, file_bytes: int) -> None:
    """Asks for the time and memory that an image of this size takes; outside a reading process it does nothing.

    To be called after the claims of a header were checked, before its pixels are touched.

    Args:
        image_bytes: Of the decoded pixels, as the header claims.
        file_bytes: That the file has for them.
    """
    if _grant is not None:
        _grant(max(0, min(image_bytes, RATIO * file_bytes)))


def seconds_for(limits: Limits, image_bytes: int) -> float:
    """Returns the processor time for an image of so many bytes: the slowest decoder of those used, twice over."""
    return limits.seconds + image_bytes / _BYTES_A_SECOND


def memory_for(limits: Limits, image_bytes: int) -> int:
    """Returns the memory for an image of so many bytes: as stored, as decoded, as float32, and copies between."""
    return max(limits.memory, _BESIDE + _COPIES * image_bytes)
