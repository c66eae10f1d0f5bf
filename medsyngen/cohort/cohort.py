"""A cohort: patients, each with all of their preprocessed scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import PatientKey, Pixels


@dataclass(frozen=True, eq=False)
class PatientRecord:
    """Everything of one patient that training can see.

    Args:
        pixels: float32 in [-1, 1], shape (scans, channel, *space); at least one scan.
        classes: int64, shape (scans,): index into the recipe's classes; ``len(classes)`` of the recipe = null class.
            With several attributes (scans, attributes): a row of each in their one table
            (:func:`medsyngen.cohort.conditions.first_rows`).
    """

    pixels: Pixels = field(repr=False)
    classes: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.pixels) == 0 or self.classes.shape[:1] != (len(self.pixels),) or self.classes.ndim > 2:
            raise ValueError("a record needs at least one scan, and one class or one row of classes for each scan")
        if self.pixels.dtype != np.float32 or self.classes.dtype != np.int64:
            raise ValueError("pixels must be float32 and classes int64")


class Cohort(Mapping[PatientKey, PatientRecord]):
    """Patients and their records; ``len`` is the number of patients.

    There is no iteration over scans on purpose: whoever learns from a cohort learns patient by patient.
    The number of patients is private: it never stands in a recipe, a report or a checkpoint.

    Args:
        records: One record a patient.
    """

    def __init__(self, records: Mapping[PatientKey, PatientRecord]) -> None:
        self._records = dict(records)

    def __getitem__(self, patient: PatientKey) -> PatientRecord:
        return self._records[patient]

    def __iter__(self) -> Iterator[PatientKey]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return "Cohort(<private>)"

    def without(self, patient: PatientKey) -> Cohort:
        """Returns the neighbouring cohort in which this patient's record is absent."""
        return Cohort({key: record for key, record in self._records.items() if key != patient})
