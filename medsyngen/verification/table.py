"""cohort.csv against the files: every row names files that are there, and their own synthetic patient."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from medsyngen.verification.dicom_elements import elements
from medsyngen.verification.findings import Unreadable
from medsyngen.verification.marks import PATIENT_ID

TABLE: Final = "cohort.csv"
PATIENT: Final = "synthetic_patient_id"


def table_problems(folder: Path, files: Sequence[str]) -> Iterator[str]:
    """Yields where the table names a file that is not there, or a DICOM file of another synthetic patient.

    Args:
        folder: The cohort.
        files: Every file in it. A cell of the table names one, or the folder of a series.
    """
    try:
        header, *rows = csv.reader(io.StringIO((folder / TABLE).read_bytes().decode("utf-8"), newline=""))
        at = header.index(PATIENT)
    except (OSError, ValueError, csv.Error):
        yield f"{TABLE} can't be read, or has no column {PATIENT}"
        return
    inside = _inside(files)
    named: set[str] = set()
    for number, row in enumerate(rows, start=1):
        places = [cell.partition("#") for cell in row[:at] if cell]  # one of many in an archive: FILE#NUMBER
        cells = [place[0] for place in places]
        if len(row) != len(header) or not all(cell in inside for cell in cells):
            yield f"row {number} of {TABLE} names a file that is not there"
            continue
        own = [name for cell, shared, _ in places for name in inside[cell] if not shared]
        if named & set(own):
            yield f"row {number} of {TABLE} names a file that an earlier row names"
        named.update(own)
        if {_patient(folder / name) for name in own if name.endswith(".dcm")} - {row[at]}:
            yield f"row {number} of {TABLE} names another patient than its DICOM file"
    lost = sum(name.endswith(".dcm") for name in set(files) - named)
    if lost:
        yield f"{lost} DICOM files are in no row of {TABLE}"


def _inside(files: Sequence[str]) -> Mapping[str, list[str]]:
    """Returns, for every file and every folder, the files that it is or holds."""
    found: dict[str, list[str]] = {}
    for name in files:
        parts = name.split("/")
        for length in range(1, len(parts) + 1):
            found.setdefault("/".join(parts[:length]), []).append(name)
    return found


def _patient(path: Path) -> str | None:
    try:
        return next((element.text for element in elements(path.read_bytes()) if element.path == PATIENT_ID), None)
    except (OSError, Unreadable):
        return None
