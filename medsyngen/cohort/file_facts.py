"""What one file says, before any rule of a recipe or word of the hospital: the same whatever else lies beside it.

Read once, kept in the index on disk as text (:mod:`medsyngen.cohort.disk_index`), read back by a later run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from medsyngen.cohort.header_words import NOTHING_SAID, Looks
from medsyngen.cohort.walking import Kind
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import REASONS, ScanRefused


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file; private.

    Args:
        kind: What it is.
        refused: Reason and detail why the reader can't use it; empty if it can.
        patient_id: As it stands there; empty where blank, or where the format has none.
        issuer: Issuer of Patient ID.
        instance: SOP Instance UID.
        series: Series Instance UID.
        sop_class: Name of its SOP class in the standard's register, or empty.
        modality: DICOM code.
        secondary_capture: Whether the SOP class is Secondary Capture.
        rows: Rows.
        columns: Columns.
        bits: Bits stored; 0 for numbers that are not integers.
        inverted: Whether it is MONOCHROME1.
        spacing_mm: Between rows, between columns; empty where unknown.
        codes: Attributes that a recipe may declare and their codes.
        geometry: Where the slice lies.
        shape: Voxels along each axis of a volume in one file; empty for a picture.
        affine: Its affine, row by row: 16 numbers, RAS+.
        looks: For the preflight.
    """

    kind: Kind
    refused: tuple[str, ...] = ()
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    instance: str = field(default="", repr=False)
    series: str = field(default="", repr=False)
    sop_class: str = ""
    modality: str = "OT"
    secondary_capture: bool = False
    rows: int = 0
    columns: int = 0
    bits: int = 0
    inverted: bool = False
    spacing_mm: tuple[float, ...] = ()
    codes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    geometry: SliceGeometry | None = None
    shape: tuple[int, ...] = ()
    affine: tuple[float, ...] = ()
    looks: Looks = NOTHING_SAID

    def check(self) -> None:
        """Raises the refusal of the reader, if there was one.

        Raises:
            ScanRefused: As the reader said.
        """
        if self.refused:
            raise ScanRefused(*self.refused)


def to_text(facts: FileFacts) -> str:
    """Returns facts as one line."""
    values = list(_VALUES(facts))
    values[0] = facts.kind.value
    for number, (_, values_of) in _NESTED.items():
        if values[number] is not None:
            values[number] = values_of(values[number])
    return _LINE.encode(values)


def from_text(text: str) -> FileFacts:
    """Returns what :func:`to_text` wrote.

    Raises:
        ValueError: It did not write this.
    """
    try:
        values: list[Any] = [_tuples(value) if type(value) is list else value for value in json.loads(text)]
        values[0] = Kind(values[0])
        for number, (kind, _) in _NESTED.items():
            if values[number] is not None:
                values[number] = kind(*values[number])
        if len(values) != len(_NAMES):
            raise ValueError("more or fewer facts")
        facts = FileFacts(*values)
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError("not the facts of a file") from error
    if facts.refused and facts.refused[0] not in REASONS:
        raise ValueError("an unknown reason")
    return facts


def _tuples(values: list[Any]) -> tuple[Any, ...]:
    return tuple([_tuples(each) if type(each) is list else each for each in values])


_LINE = json.JSONEncoder(separators=(",", ":"))
_NAMES = tuple(each.name for each in fields(FileFacts))
_VALUES = attrgetter(*_NAMES)
_NESTED: dict[int, tuple[Any, Any]] = {
    _NAMES.index(name): (kind, attrgetter(*(each.name for each in fields(kind))))
    for name, kind in (("geometry", SliceGeometry), ("looks", Looks))
}
