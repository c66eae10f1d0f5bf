"""Many indexed scans in little memory: 100,000 entries are kept compressed, in blocks, in the order they came in."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, overload

from medsyngen.cohort.header_words import Looks
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.scan import PatientKey

_BLOCK: Final = 256  # scans: long enough for what they have in common to be found again
Row = tuple[Any, ...]
"""A scan in plain values."""


class PackedScans(Sequence[IndexedScan]):
    """Scans that can be added to and read any number of times: about 60 bytes each, where an object takes 700.

    Reading in order is quick; so is going back and forth within a block. Private, and never written anywhere.

    Args:
        scans: To begin with.
    """

    def __init__(self, scans: Iterable[IndexedScan] = ()) -> None:
        self._blocks: list[bytes] = []
        self._open: list[Row] = []
        self._last: tuple[int, list[IndexedScan]] = (-1, [])
        self.extend(scans)

    def append(self, scan: IndexedScan) -> None:
        """Adds one."""
        self._open.append(_row(scan))
        if len(self._open) == _BLOCK:
            self._blocks.append(zlib.compress(marshal.dumps(self._open), 1))
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
        rows: list[Row] = marshal.loads(zlib.decompress(self._blocks[number]))
        return list(map(_scan, rows))


def _values(of: type, *without: str) -> Callable[[object], Row]:
    return attrgetter(*(field.name for field in fields(of) if field.name not in without))


_APART: Final = ("patient", "looks", "geometry")
_PLAIN: Final = [field.name for field in fields(IndexedScan) if field.name not in _APART]
_of_scan, _of_patient = _values(IndexedScan, *_APART), _values(PatientKey)
_of_looks, _of_plane = _values(Looks), _values(SliceGeometry)


def _row(scan: IndexedScan) -> Row:
    plane = None if scan.geometry is None else _of_plane(scan.geometry)
    return (_of_patient(scan.patient), _of_looks(scan.looks), plane, *_of_scan(scan))


def _scan(row: Row) -> IndexedScan:
    patient, looks, plane, *rest = row
    geometry = None if plane is None else SliceGeometry(*plane)
    plain = dict(zip(_PLAIN, rest, strict=True))
    return IndexedScan(patient=PatientKey(*patient), looks=Looks(*looks), geometry=geometry, **plain)
