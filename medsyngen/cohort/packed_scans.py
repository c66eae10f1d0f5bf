"""Many indexed scans in little memory: 100,000 entries are kept compressed, in blocks, in the order they came in."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Final, overload

from medsyngen.cohort.scan_index import IndexedScan

_BLOCK: Final = 256  # scans: long enough for what they have in common to be found again
_values: Final = attrgetter(*(field.name for field in fields(IndexedScan)))
Rows = list[tuple[object, ...]]


class PackedScans(Sequence[IndexedScan]):
    """Scans that can be added to and read any number of times: about 60 bytes each, where an object takes 700.

    Reading in order is quick; so is going back and forth within a block. Private, and never written anywhere.

    Args:
        scans: To begin with.
    """

    def __init__(self, scans: Iterable[IndexedScan] = ()) -> None:
        self._blocks: list[bytes] = []
        self._open: Rows = []
        self._last: tuple[int, list[IndexedScan]] = (-1, [])
        self.extend(scans)

    def append(self, scan: IndexedScan) -> None:
        """Adds one."""
        self._open.append(_values(scan))
        if len(self._open) == _BLOCK:
            self._blocks.append(zlib.compress(pickle.dumps(self._open, pickle.HIGHEST_PROTOCOL), 1))
            self._open = []

    def extend(self, scans: Iterable[IndexedScan]) -> None:
        """Adds several."""
        for scan in scans:
            self.append(scan)

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._open)

    __hash__ = None  # type: ignore[assignment]  # can be added to

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __iter__(self) -> Iterator[IndexedScan]:
        for number in range(len(self._blocks)):
            yield from self._unpacked(number)
        for row in self._open:
            yield _scan(row)

    @overload
    def __getitem__(self, place: int) -> IndexedScan: ...
    @overload
    def __getitem__(self, place: slice) -> list[IndexedScan]: ...
    def __getitem__(self, place: int | slice) -> IndexedScan | list[IndexedScan]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        block, inside = divmod(range(len(self))[place], _BLOCK)
        if block == len(self._blocks):
            return _scan(self._open[inside])
        if self._last[0] != block:
            self._last = (block, self._unpacked(block))
        return self._last[1][inside]

    def _unpacked(self, number: int) -> list[IndexedScan]:
        rows: Rows = pickle.loads(zlib.decompress(self._blocks[number]))  # our own bytes, from this very object
        return list(map(_scan, rows))


def _scan(row: tuple[object, ...]) -> IndexedScan:
    return IndexedScan(*row)  # type: ignore[arg-type]
