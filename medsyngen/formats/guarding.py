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


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Holds back pydicom's warnings and log lines: they can quote values of the header."""
    before, _LOGGER.propagate = _LOGGER.propagate, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _LOGGER.propagate = before


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
