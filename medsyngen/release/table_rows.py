"""The table of a cohort as a check reads it, so that other checks can hold their files against it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What the table says of one image.

    Args:
        patient: Its synthetic patient.
        values: Its value of each attribute, or its class.
    """

    patient: str
    values: tuple[str, ...]


def read_rows(data: bytes, formats: int) -> tuple[Row, ...]:
    """Returns the rows of cohort.csv, the first image first.

    Args:
        data: Its bytes.
        formats: Number of columns before the one of the patient.

    Raises:
        ValueError: It is no UTF-8, or no table.
        IndexError: A row is too short.
    """
    _, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
    return tuple(Row(row[formats], tuple(row[formats + 1 :])) for row in rows)
