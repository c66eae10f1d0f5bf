"""The search for source identifiers in bytes: exact, in every spelling that our formats can give them.

What counts as found:

* An identifier is looked for from 6 characters on; shorter ones occur by chance in any file. ASCII letters match in
  either case; the text may be UTF-8 or Latin-1 (composed or decomposed).
* A *number-like* identifier (decimal or hexadecimal digits with at most one point, such as a record number or a date)
  counts only as a whole token: its neighbours are no letter, no digit and no decimal point, because random UIDs, hash
  sums and printed floats hold every short run of digits somewhere.
* Any other identifier (names, UIDs, numbers with letters or hyphens) counts anywhere, also inside a longer word.

One search costs a few nanoseconds a byte, however many identifiers there are: the first six bytes at every position,
as one integer, are looked up in a bit table; only what that lets through is compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST: Final = 6
_CHUNK: Final = 1 << 20
_TABLE_BITS: Final = 22
_MASK: Final = np.uint64((1 << 48) - 1)
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth's multiplicative hashing
_NUMBER_LIKE: Final = re.compile(rb"[0-9a-f]+(\.[0-9a-f]*)?")

Excuse = Callable[[bytes, int, int], bool]
"""Called with (text in lower case, start, end) of an identifier; True if this occurrence is our own word."""


def _spellings(identifier: str) -> set[bytes]:
    found: set[bytes] = set()
    text = identifier.strip()
    if len(text) < SHORTEST:
        return found
    for spelling in (text, text.lower(), text.upper()):
        for form in ("NFC", "NFD"):
            normal = unicodedata.normalize(form, spelling)
            found.add(_utf8(normal).lower())
            found.add(normal.encode("latin-1", "ignore").lower() if normal.isprintable() else b"")
    return {spelling for spelling in found if len(spelling) >= len(text)}


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # bytes of a file's name that were no UTF-8 come back
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _hash(prefixes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashed: NDArray[np.uint64] = (prefixes * _MULTIPLIER) >> np.uint64(64 - _TABLE_BITS)
    return hashed


def _prefixes(text: bytes) -> NDArray[np.uint64]:
    """Returns, for every position, the six bytes from there on as an integer (little endian)."""
    count = max(len(text) - SHORTEST + 1, 0)
    padded = text + b"\x00\x00"  # a word of eight bytes may be read at the last position too
    words = np.ndarray((count,), dtype="<u8", buffer=padded, strides=(1,))
    return words & _MASK


def _whole_token(text: bytes, start: int, end: int) -> bool:
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    joined_before = before[-1:].isalnum() or (before[-1:] == b"." and not before[:1].isalpha())
    joined_after = after[:1].isalnum() or (after[:1] == b"." and after[1:].isdigit())
    return not (joined_before or joined_after)


class IdentifierScan:
    """A set of identifiers, ready to be searched for.

    Args:
        identifiers: Source identifiers; private. They are held in memory only and never shown.
        shortest: Identifiers with fewer characters are left out; at least 6.
    """

    def __init__(self, identifiers: Iterable[str], *, shortest: int = SHORTEST) -> None:
        self._by_prefix: dict[bytes, dict[int, dict[bytes, set[str]]]] = defaultdict(dict)
        for identifier in identifiers:
            if len(identifier.strip()) >= max(shortest, SHORTEST):
                for spelling in _spellings(identifier):
                    same_length = self._by_prefix[spelling[:SHORTEST]].setdefault(len(spelling), {})
                    same_length.setdefault(spelling, set()).add(identifier)
        packed = b"".join(prefix + b"\x00\x00" for prefix in self._by_prefix)
        self._known = np.sort(np.array(memoryview(packed)).view("<u8")) if packed else np.empty(0, "<u8")
        self._table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        self._table[_hash(self._known)] = True

    def __repr__(self) -> str:
        return "IdentifierScan(<private>)"

    def _positions(self, text: bytes) -> Iterator[int]:
        if not len(self._known):
            return
        for start in range(0, len(text), _CHUNK):
            prefixes = _prefixes(text[start : start + _CHUNK + SHORTEST - 1])
            maybe = np.flatnonzero(self._table[_hash(prefixes)])
            nearest = np.searchsorted(self._known[:-1], prefixes[maybe])
            for at in maybe[self._known[nearest] == prefixes[maybe]]:
                yield start + int(at)

    def find(self, data: bytes, *, excuse: Excuse | None = None) -> Iterator[str]:
        """Yields the identifier of every occurrence that counts.

        Args:
            data: Any bytes.
            excuse: Says of an occurrence that it is a word of our own.
        """
        text = data.lower()  # of bytes: ASCII letters only
        for start in self._positions(text):
            for length, spellings in self._by_prefix[text[start : start + SHORTEST]].items():
                end = start + length
                spelling = text[start:end]
                if spelling not in spellings:
                    continue
                if _NUMBER_LIKE.fullmatch(spelling) and not _whole_token(text, start, end):
                    continue
                if excuse is None or not excuse(text, start, end):
                    yield from spellings[spelling]
