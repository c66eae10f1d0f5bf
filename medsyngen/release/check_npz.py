"""Check: the ``.npz`` holds the two arrays of the cohort, with the labels that the table says, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from medsyngen.release import names
from medsyngen.release.checks import NONE_ASKED_FOR, Problem
from medsyngen.release.draft import Draft
from medsyngen.release.table_rows import Row, read_rows
from medsyngen.release.zip_bytes import members

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_MEMBERS: Final = ("train_images.npy", "train_labels.npy")
_ALIGNED: Final = 64


def _npy_header(kind: str, shape: Sequence[int]) -> bytes:
    """Returns the header that an array of this kind has: version 1.0, spaces up to a multiple of 64."""
    sides = ", ".join(str(side) for side in shape)
    said = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sides}), }}".encode()
    # NumPy leaves room for the first side to grow to 21 digits, so that a file can be appended to.
    said += b" " * (21 - len(str(shape[0])))
    said += b" " * (-(10 + len(said) + 1) % _ALIGNED) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said


class NpzCheck:
    """Reads the archive again from its bytes.

    Args:
        draft: What the writer says that it wrote: number, shape, attributes, classes; not the files.
    """

    name = "npz members"
    read = "the .npz archive, byte by byte"
    rules: tuple[str, ...] = ("G2", "G6", "G7", "G12")

    def __init__(self, draft: Draft) -> None:
        self.read = self.read if "npz" in draft.formats else NONE_ASKED_FOR
        self._draft = draft
        self._rows: tuple[Row, ...] = ()

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads the archive, and the table before it; leaves all other files."""
        if file == names.TABLE:
            self._rows = read_rows(data, len(self._draft.columns))
        if file == names.ARRAYS:
            for reason in self._problems(data):
                yield Problem(f"{names.ARRAYS}: {reason}", _DO)

    def _problems(self, data: bytes) -> Iterator[str]:
        shape = (self._draft.count, *self._draft.shape)
        images, labels = members(data, _MEMBERS, math.prod(shape) + 1024)
        start = _npy_header("|u1", shape)
        if not images.startswith(start) or len(images) != len(start) + math.prod(shape):
            yield "its images are not those of this cohort, in number or size"
        if labels not in (self._labels("|u1"), self._labels("<u2")):
            yield "its labels are not those of the table"

    def _labels(self, kind: str) -> bytes:
        columns = list(zip(*(row.values for row in self._rows), strict=True))
        orders = [[value.name for value in each.values] for each in self._draft.attributes] or [[*self._draft.classes]]
        numbers = np.array([_numbers(c, o) for c, o in zip(columns, orders, strict=True)]).T
        return _npy_header(kind, numbers.shape) + numbers.astype(np.dtype(kind)).tobytes()

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()


def _numbers(values: Sequence[str], declared: Sequence[str]) -> list[int]:
    others = sorted(value for value in set(values) if value and value not in declared)
    order = [*declared, *others]
    return [order.index(value) if value else len(order) for value in values]
