"""From what is said of a scan to its rows in the table of embeddings: a public rule on one scan alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.conditions import Attribute, first_rows
from medsyngen.cohort.labels import LABEL, LabelTable, class_index
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.errors import InputUnusable
from medsyngen.scan import PatientKey

Rows = int | tuple[int, ...]
"""The row of a scan; with several attributes one row of each."""


@dataclass(frozen=True)
class Labelling:
    """Where the values of each attribute are looked up: label file, then the ``.npz`` itself, then the DICOM header.

    Args:
        attributes: The recipe's, at least one.
        tables: The label file's column for each, None where there is none.
    """

    attributes: tuple[Attribute, ...]
    tables: tuple[LabelTable | None, ...] = field(repr=False)

    @classmethod
    def of(cls, attributes: Sequence[Attribute], table: LabelTable | None) -> Labelling:
        """Finds the columns of a label file.

        Raises:
            InputUnusable: A column is missing that nothing else can stand for, or tells two things of one scan.
        """
        tables = [None if table is None else table.of_column(attribute.source) for attribute in attributes]
        missing = [
            a.source for a, found in zip(attributes, tables, strict=True) if found is None and not a.dicom and a.values
        ]
        if table is not None and missing:
            raise InputUnusable(
                "the label file has no rows or other columns than expected",
                do=f"give it the column {' and '.join(f'`{name}`' for name in missing)}, as the recipe says, beside "
                "`patient_id` or `path` (relative to SCANS)",
            )
        return cls(tuple(attributes), tuple(tables))

    @property
    def keywords(self) -> tuple[str, ...]:
        """The DICOM attributes that may be read from a header: those that the recipe declares."""
        return tuple(attribute.dicom for attribute in self.attributes if attribute.dicom)

    @property
    def nulls(self) -> tuple[int, ...]:
        """The null row of each attribute."""
        counts = [len(attribute.values) for attribute in self.attributes]
        return tuple(first + count for first, count in zip(first_rows(counts), counts, strict=True))

    def rows(self, scan: IndexedScan) -> Rows:
        """Returns the rows of a scan; whatever is unknown or missing is its attribute's null."""
        starts = first_rows([len(attribute.values) for attribute in self.attributes])
        parts = zip(starts, self.attributes, self.tables, strict=True)
        rows = tuple(start + class_index(_text(scan, a, table), a.values) for start, a, table in parts)
        return rows[0] if len(rows) == 1 else rows

    def unlabelled(self, cohort: Cohort) -> int:
        """Returns the number of scans of which nothing is known."""
        return sum(int((self._of(cohort, p) == self.nulls).all(1).sum()) for p in cohort)

    def silent(self, cohort: Cohort) -> Iterator[Attribute]:
        """Yields the attributes of which no scan has a value."""
        for column, (attribute, null) in enumerate(zip(self.attributes, self.nulls, strict=True)):
            if attribute.values and all((self._of(cohort, p)[:, column] == null).all() for p in cohort):
                yield attribute

    def _of(self, cohort: Cohort, patient: PatientKey) -> NDArray[np.int64]:
        return cohort[patient].classes.reshape(-1, len(self.attributes))


def _text(scan: IndexedScan, attribute: Attribute, table: LabelTable | None) -> str | None:
    text = table.find(scan.locator, scan.patient.patient_id, scan.parts) if table else None
    if text is None and attribute.source == LABEL:
        text = scan.label
    return dict(scan.codes).get(attribute.dicom or "") if text is None else text
