"""What is in SCANS, told to the data team before anything is spent. Inside only: exact counts must not leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import find_labels
from medsyngen.cohort.scan_index import IndexedScan, Refusal, ScanIndex, refusal_of
from medsyngen.cohort.unit_audit import Finding, SharedPictures, audit_unit
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent


@dataclass(frozen=True)
class Preflight:
    """Figures of a folder of scans. Inside only: they are exact, so they must not leave with a release.

    Args:
        patients: Patient keys among the usable scans.
        scans: Usable scans.
        scans_per_patient: Minimum, median and maximum.
        modalities: Scans by modality.
        sizes: Scans by ``rows x columns``.
        bits: Scans by bits stored.
        photometric: Scans by photometric interpretation.
        labels: Scans by label; ``(none)`` where there is none.
        refused: Images by reason.
        refusals: Each refusal.
        findings: The audit of the privacy unit.
        suggested_patients_at_most: The number of patients rounded up to two digits.
    """

    patients: int
    scans: int
    scans_per_patient: Mapping[str, float]
    modalities: Mapping[str, int]
    sizes: Mapping[str, int]
    bits: Mapping[str, int]
    photometric: Mapping[str, int]
    labels: Mapping[str, int]
    refused: Mapping[str, int]
    refusals: tuple[Refusal, ...]
    findings: tuple[Finding, ...]
    suggested_patients_at_most: int

    def to_json(self) -> dict[str, Any]:
        """Returns all figures, marked as not for release; paths of files are left out."""
        values = asdict(self)
        values["refusals"] = [
            {name: value for name, value in asdict(refusal).items() if name != "locator"} for refusal in self.refusals
        ]
        return {"notice": "inside only: exact figures of private scans, not for release", **values}


def inspect_scans(
    scans: Path,
    *,
    modalities: Sequence[str] | None = None,
    labels: LabelTable | None = None,
    patient_map: PatientMap | None = None,
    progress: Progress = silent,
) -> Preflight:
    """Reads every file and tells what is there; changes nothing, removes nothing.

    Args:
        scans: A folder, or one ``.npz`` file.
        modalities: DICOM codes to accept; None accepts all.
        labels: The label table; None takes ``labels.csv`` of the folder if it is there.
        patient_map: The hospital's word on who is who, if it gave one.
        progress: Told after each file.

    Raises:
        InputUnusable: If SCANS isn't there, holds no file that could be a scan, or the label file is unusable.
    """
    table = labels if labels is not None else find_labels(scans)
    index = index_scans(scans, modalities=modalities, patient_map=patient_map, progress=progress)
    usable, undecoded, pictures = _decode(index, progress)
    refusals = (*index.refusals, *undecoded)
    per_patient = Counter(scan.patient for scan in usable)
    counts = sorted(per_patient.values()) or [0]
    return Preflight(
        patients=len(per_patient),
        scans=len(usable),
        scans_per_patient={"min": counts[0], "median": float(np.median(counts)), "max": counts[-1]},
        modalities=_count(scan.modality for scan in usable),
        sizes=_count(f"{scan.rows} x {scan.columns}" for scan in usable),
        bits=_count(str(scan.bits) if scan.bits else "not integer" for scan in usable),
        photometric=_count("MONOCHROME1" if scan.inverted else "MONOCHROME2" for scan in usable),
        labels=_count(_label(scan, table) for scan in usable),
        refused=_count(refusal.reason for refusal in refusals for _ in range(refusal.scans)),
        refusals=refusals,
        findings=audit_unit(replace(index, scans=tuple(usable), refusals=refusals), pictures),
        suggested_patients_at_most=round_up(len(per_patient)),
    )


def round_up(count: int) -> int:
    """Rounds up to two significant digits: 264 → 270, 1,234 → 1,300; numbers below 100 stay."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def _label(scan: IndexedScan, table: LabelTable | None) -> str:
    label = table.find(scan.locator, scan.patient.patient_id) if table else None
    return label if label is not None else scan.label or "(none)"


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _decode(index: ScanIndex, progress: Progress) -> tuple[list[IndexedScan], list[Refusal], SharedPictures]:
    """Returns the scans whose pixels can be read, the refusals of the others, and whose each picture is."""
    source = ImageSource()
    usable, refusals = [], []
    pictures = SharedPictures()
    for done, scan in enumerate(index.scans, start=1):
        try:
            pixels = source.read(index.address(scan)).pixels
            if not np.isfinite(pixels).all():
                raise ScanRefused("non-finite")
            usable.append(scan)
            pictures.add(pixels, scan.patient)
        except ScanRefused as refused:
            refusals.append(refusal_of(refused, scan.case_id, scan.locator))
        progress("reading scans", done, len(index.scans))
    return usable, refusals, pictures
