"""What a folder of scans consists of, counted: inside only, and in words of public lists alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from medsyngen.cohort.header_words import TEXT_RISKS
from medsyngen.cohort.scan_index import IndexedScan, Refusal
from medsyngen.cohort.unit_audit import Finding
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.scan import PatientKey

Counts = dict[str, int]
_PLANES: Final = ("sagittal", "coronal", "axial")
_OBLIQUE: Final = 0.94  # cosine of 20 degrees: beyond it a plane is named oblique
_FACE_SLICES: Final = 16
_FACE_MM: Final = 3.0


def counted(values: Iterable[str]) -> Counts:
    """Returns how often each value occurs, in the order of their names."""
    return dict(sorted(Counter(values).items()))


def spread(counts: Iterable[int]) -> dict[str, float]:
    """Returns minimum, median and maximum; of nothing, zeros."""
    numbers = sorted(counts) or [0]
    return {"min": numbers[0], "median": float(np.median(numbers)), "max": numbers[-1]}


def series_of(scans: Iterable[IndexedScan]) -> list[tuple[IndexedScan, int]]:
    """Returns the first scan and the number of files of each series; without a UID, a scan is a series of its own."""
    found: dict[tuple[PatientKey, str], tuple[IndexedScan, int]] = {}
    for number, scan in enumerate(scans):
        key = (scan.patient, scan.series or f"#{number}")
        first, files = found.get(key, (scan, 0))
        found[key] = (first, files + scan.files)
    return list(found.values())


def spacing_of(scan: IndexedScan) -> str:
    """Returns the spacing to two digits, such as ``0.14 x 0.14 mm``: exact ones would make a row of each device."""
    return " x ".join(f"{mm:.2g}" for mm in scan.spacing_mm) + " mm" if scan.spacing_mm else "(not said)"


def orientation_of(geometry: SliceGeometry | None) -> str:
    """Returns the plane that a slice lies in, ``oblique`` beyond 20 degrees, ``(not said)`` without geometry."""
    if geometry is None:
        return "(not said)"
    normal = np.abs(np.cross(geometry.row, geometry.column))
    axis = int(normal.argmax())
    return _PLANES[axis] if normal[axis] >= _OBLIQUE else "oblique"


def risks_in(scans: Sequence[IndexedScan]) -> Counts:
    """Returns how many scans may have text in the picture, by reason; one scan may have several."""
    found = Counter(TEXT_RISKS[risk] for scan in scans for risk in scan.looks.risks)
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def objects_in(refusals: Sequence[Refusal]) -> Counts:
    """Returns DICOM objects without an image by SOP class: reports, documents, presentation states."""
    bare = [refusal.sop_class or "(another class)" for refusal in refusals if refusal.reason == "not-an-image"]
    return counted(bare)


def faces_in(scans: Sequence[IndexedScan]) -> int:
    """Counts series of CT and MR of the head whose slices are many and thin enough to show a face when rendered."""
    return sum(_shows_a_face(first, files) for first, files in series_of(scans))


def _shows_a_face(first: IndexedScan, files: int) -> bool:
    if first.modality not in ("CT", "MR") or first.looks.body != "head":
        return False
    thickness = first.geometry.thickness_mm if first.geometry is not None else None
    return files >= _FACE_SLICES and (thickness is None or thickness <= _FACE_MM)


def advice(scans: Sequence[IndexedScan], near: int, with_text: int | None) -> Iterator[Finding]:
    """Yields what should be looked at by people before any training: the guarantee is about patients, not pictures."""
    risky = sum(bool(scan.looks.risks) for scan in scans)
    if with_text:
        what = f"text was found in {with_text} of the pictures that were searched"
        yield Finding("told", what, "mask it, or take those scans out; `private/preflight.json` lists the cases")
    if risky:
        do = "look at the contact sheet, and search them with --ocr"
        yield Finding("told", f"{risky} scans may have text in the picture", do)
    if faces := faces_in(scans):
        what = f"{faces} series of the head have slices thin enough to show a face"
        yield Finding("told", what, "deface them before training (for instance with pydeface or mri_reface)")
    if near:
        what = f"{near} pairs of pictures under different patient IDs look nearly the same"
        yield Finding("told", what, "if one person stands under several IDs, join them with --patient-map")
