"""What is in SCANS, told to the data team before anything is spent. Inside only: exact counts must not leave."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import find_labels
from medsyngen.cohort.scan_index import IndexedScan, Refusal, ScanIndex, refusal_of
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent

MANY_SCANS = 50
"""More scans than this under one patient ID suggest that it isn't one patient."""
_MAP_IT = "join or split the IDs with --patient-map"


@dataclass(frozen=True)
class Finding:
    """Something about the privacy unit that the data team should know.

    Args:
        severity: ``blocks`` if `fit` will refuse the scans, else ``told``.
        what: What was found, with counts and without values.
        do: What to do about it.
    """

    severity: str
    what: str
    do: str


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
    usable, undecoded, owners = _decode(index, progress)
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
        findings=tuple(_audit(index, usable, refusals, owners)),
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


def _decode(index: ScanIndex, progress: Progress) -> tuple[list[IndexedScan], list[Refusal], dict[bytes, set[str]]]:
    """Returns the scans whose pixels can be read, the refusals of the others, and the patients of each picture."""
    source = ImageSource()
    usable, refusals = [], []
    owners: dict[bytes, set[str]] = {}
    for done, scan in enumerate(index.scans, start=1):
        try:
            pixels = source.read(index.address(scan)).pixels
            if not np.isfinite(pixels).all():
                raise ScanRefused("non-finite")
            usable.append(scan)
            key = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
            owners.setdefault(key, set()).add(scan.patient.patient_id)
        except ScanRefused as refused:
            refusals.append(refusal_of(refused, scan.case_id, scan.locator))
        progress("reading scans", done, len(index.scans))
    return usable, refusals, owners


def _audit(
    index: ScanIndex, usable: Sequence[IndexedScan], refusals: Sequence[Refusal], owners: Mapping[bytes, set[str]]
) -> Iterable[Finding]:
    per_patient = Counter(scan.patient.patient_id for scan in usable)
    blank = sum(refusal.scans for refusal in refusals if refusal.reason == "no-patient-id")
    if not usable:
        yield Finding("blocks", "no scan is usable", "mend or take out the files listed")
    if len(usable) > 1 and len(per_patient) == 1:
        yield Finding("blocks", "all scans carry one patient ID", "say who is who with --patient-map")
    if blank:
        severity = "told" if usable else "blocks"
        yield Finding(severity, f"{blank} scans have no patient ID", "say whose they are with --patient-map")
    told = (
        (_alike(per_patient), "groups of patient IDs differ only by case, spaces or punctuation"),
        (_issuers(usable), "patient IDs come from several issuers, or with and without one, and count as one patient"),
        (sum(count > MANY_SCANS for count in per_patient.values()), f"patients have more than {MANY_SCANS} scans"),
        (
            sum(len(ids) > 1 for ids in owners.values()),
            "pictures stand, pixel for pixel, under more than one patient ID",
        ),
        (index.shared_instances, "SOP Instance UIDs stand under more than one patient ID"),
    )
    for count, what in told:
        if count:
            yield Finding("told", f"{count} {what}; nothing was merged or removed", _MAP_IT)


def _alike(patient_ids: Iterable[str]) -> int:
    plain = Counter("".join(filter(str.isalnum, text.casefold())) for text in patient_ids)
    return sum(count > 1 for count in plain.values())


def _issuers(scans: Sequence[IndexedScan]) -> int:
    issuers: dict[str, set[str]] = {}
    for scan in scans:
        issuers.setdefault(scan.patient.patient_id, set()).add(scan.issuer)
    return sum(len(found) > 1 for found in issuers.values())
