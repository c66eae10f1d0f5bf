"""Keeping pydicom quiet and its failures in one shape, whatever a file holds."""

from __future__ import annotations

import contextlib
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator

from pydicom.errors import BytesLengthException, InvalidDicomError

from medsyngen.formats.refusal import ScanRefused

# What pydicom raises on broken files, found by fuzzing. A bug of ours raises the same kinds: guarded blocks are short.
BROKEN = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # also NotImplementedError and RecursionError (thousands of nested sequences)
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
# With a handler of its own nothing falls through to stderr while it doesn't pass records on.
_LOGGER = logging.getLogger("pydicom")
_LOGGER.addHandler(logging.NullHandler())


class quiet_pydicom:  # noqa: N801  # used like a function; within itself it costs nothing, which headers pay often
    """Holds back pydicom's warnings and log lines: they can quote values of the header."""

    _inside = 0

    def __enter__(self) -> None:
        if not quiet_pydicom._inside:
            self._before, _LOGGER.propagate = _LOGGER.propagate, False
            self._warnings = warnings.catch_warnings()
            self._warnings.__enter__()
            warnings.simplefilter("ignore")
        quiet_pydicom._inside += 1

    def __exit__(self, *_: object) -> None:
        quiet_pydicom._inside -= 1
        if not quiet_pydicom._inside:
            self._warnings.__exit__(None, None, None)
            _LOGGER.propagate = self._before


@contextlib.contextmanager
def guarded(reason: str) -> Iterator[None]:
    """Turns whatever pydicom raises on a broken file into a refusal; its message, which can quote values, ends here.

    Args:
        reason: A key of :data:`medsyngen.formats.refusal.REASONS`.
    """
    with quiet_pydicom():
        try:
            yield
        except BROKEN:
            raise ScanRefused(reason) from None
