"""What is in SCANS, told to the data team before anything is spent. Inside only: exact counts must not leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from heapq import merge
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.figures import (
    advice,
    counted,
    objects_in,
    orientation_of,
    risks_in,
    series_of,
    spacing_of,
    spread,
)
from medsyngen.cohort.grids import Grid
from medsyngen.cohort.indexing import index_scans, reading_processes
from medsyngen.cohort.labels import LabelTable, find_labels
from medsyngen.cohort.looking import look_at
from medsyngen.cohort.near_duplicates import near_duplicates
from medsyngen.cohort.packed_scans import PackedScans
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.pictures import Wanted
from medsyngen.cohort.scan_index import IndexedScan, Refusal, ScanIndex, refusal_of
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.text_in_pictures import at_risk, cases_with_text, check_ocr, chosen, spread_over
from medsyngen.cohort.unit_audit import Finding, SharedPictures, audit_unit
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent

ON_THE_SHEET: Final = 60
"""Pictures on the contact sheet."""
_WORTH_ANOTHER: Final = 50  # scans: for fewer, starting another process takes longer than reading them
Case = tuple[str, str, tuple[str, ...]]
"""Its name, what became of it, and its files."""
AT_RISK: Final = " text?"
"""Stands there after the case whose picture may have text in it."""


@dataclass(frozen=True)
class Preflight:
    """Figures of a folder of scans. Inside only: they are exact, so they must not leave with a release.

    Args:
        patients: Patient keys among the usable scans.
        scans: Usable scans.
        scans_per_patient: Minimum, median and maximum.
        files: Files ``found``, ``accepted`` and ``refused`` (their sum is ``found``), and ``beside`` (tables, notes).
        series: Series among the usable scans.
        scans_per_series: Minimum, median and maximum.
        modalities: Scans by modality.
        sizes: Scans by ``rows x columns``.
        spacings: Scans by the distance of rows and of columns, to two digits.
        orientations: Scans by the plane that they lie in.
        bits: Scans by bits stored.
        photometric: Scans by photometric interpretation.
        makers: Scans by maker of the equipment, of a public list.
        body_parts: Scans by part of the body, of a public list.
        formats: Scans by transfer syntax or format.
        labels: Scans by label; ``(none)`` where there is none.
        refused: Images by reason.
        objects: DICOM objects without an image, by SOP class.
        text_risks: Scans that may have text in the picture, by reason.
        searched_for_text: Pictures that were searched for text; None if none were asked for.
        cases_with_text: The cases in which some was found.
        near_duplicates: Pairs of pictures under different patients that look nearly the same.
        refusals: Each refusal.
        findings: The audit of the privacy unit.
        advice: What people should look at.
        suggested_patients_at_most: The number of patients rounded up to two digits.
        cases: Each case and its paths; for the private list of cases only.
        pictures: Case and small picture (uint8, square) of some scans; for the private contact sheet only.
    """

    patients: int
    scans: int
    scans_per_patient: Mapping[str, float]
    files: Mapping[str, int]
    series: int
    scans_per_series: Mapping[str, float]
    modalities: Mapping[str, int]
    sizes: Mapping[str, int]
    spacings: Mapping[str, int]
    orientations: Mapping[str, int]
    bits: Mapping[str, int]
    photometric: Mapping[str, int]
    makers: Mapping[str, int]
    body_parts: Mapping[str, int]
    formats: Mapping[str, int]
    labels: Mapping[str, int]
    refused: Mapping[str, int]
    objects: Mapping[str, int]
    text_risks: Mapping[str, int]
    searched_for_text: int | None
    cases_with_text: tuple[str, ...]
    near_duplicates: int
    refusals: tuple[Refusal, ...]
    findings: tuple[Finding, ...]
    advice: tuple[Finding, ...]
    suggested_patients_at_most: int
    cases: Iterable[Case] = field(default=(), repr=False)
    pictures: tuple[tuple[str, NDArray[np.uint8]], ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """Returns all figures, marked as not for release; paths of files and pictures are left out."""
        values = asdict(replace(self, cases=(), pictures=()))
        del values["cases"], values["pictures"]
        hidden = ("locator", "parts", "sop_class")
        values["refusals"] = [
            {name: value for name, value in asdict(refusal).items() if name not in hidden} for refusal in self.refusals
        ]
        return {"notice": "inside only: exact figures of private scans, not for release", **values}


def inspect_scans(
    scans: Path,
    *,
    modalities: Sequence[str] | None = None,
    labels: LabelTable | None = None,
    patient_map: PatientMap | None = None,
    slices: Slices | Grid | None = None,
    any_volume: bool = True,
    kept: Path | None = None,
    search_text_in: int = 0,
    progress: Progress = silent,
) -> Preflight:
    """Reads every file and tells what is there; changes nothing, removes nothing.

    Args:
        scans: A folder, a ``.zip`` of one, or one ``.npz`` file.
        modalities: DICOM codes to accept; None accepts all.
        labels: The label table; None takes ``labels.csv`` of the folder if it is there.
        patient_map: The hospital's word on who is who, if it gave one.
        slices: The recipe's rule for volumes; None leaves the slices of a series single.
        any_volume: Whether volumes are usable where there is no such rule: False if there is a recipe, which has none.
        kept: The index on disk; see :func:`medsyngen.cohort.indexing.index_scans`.
        search_text_in: Pictures to search for text, those at risk first; 0 for none.
        progress: Told after each file.

    Raises:
        InputUnusable: If SCANS isn't there, holds no file that could be a scan, or the label file is unusable.
        UsageError: If text is to be searched for, and the extra is not installed.
    """
    if search_text_in:
        check_ocr()
    table = labels if labels is not None else find_labels(scans)
    index = index_scans(
        scans,
        modalities=modalities,
        patient_map=patient_map,
        owners=table.owners if table else {},
        slices=slices or (Slices() if any_volume else None),
        join=slices is not None,
        kept=kept,
        progress=progress,
    )
    looking = _Looking(index, slices if isinstance(slices, Grid) else None, progress)
    usable, refusals = looking.usable, (*index.refusals, *looking.refusals)
    index = replace(index, scans=usable, refusals=refusals)
    searched = chosen(usable, search_text_in)
    with_text = cases_with_text(index, searched, progress) if searched else []
    per_patient = Counter(scan.patient for scan in usable)
    series = series_of(usable)
    return Preflight(
        patients=len(per_patient),
        scans=len(usable),
        scans_per_patient=spread(per_patient.values()),
        files=files_of(index),
        series=len(series),
        scans_per_series=spread(files for _, files in series),
        modalities=counted(scan.modality for scan in usable),
        sizes=counted(f"{scan.rows} x {scan.columns}" for scan in usable),
        spacings=counted(map(spacing_of, usable)),
        orientations=counted(orientation_of(scan.geometry) for scan in usable),
        bits=counted(str(scan.bits) if scan.bits else "not integer" for scan in usable),
        photometric=counted("MONOCHROME1" if scan.inverted else "MONOCHROME2" for scan in usable),
        makers=counted(scan.looks.vendor or "(not said)" for scan in usable),
        body_parts=counted(scan.looks.body or "(not said)" for scan in usable),
        formats=counted(scan.looks.syntax or "npz" for scan in usable),
        labels=counted(_label(scan, table) for scan in usable),
        refused=counted(refusal.reason for refusal in refusals for _ in range(refusal.scans)),
        objects=objects_in(refusals),
        text_risks=risks_in(usable),
        searched_for_text=len(searched) if search_text_in else None,
        cases_with_text=tuple(with_text),
        near_duplicates=looking.near,
        refusals=refusals,
        findings=audit_unit(index, looking.pictures),
        advice=tuple(advice(usable, looking.near, len(with_text))),
        suggested_patients_at_most=round_up(len(per_patient)),
        cases=_Cases(index),
        pictures=tuple(looking.small),
    )


def files_of(index: ScanIndex) -> dict[str, int]:
    """Returns how many files were found, accepted, refused, and lie beside scans.

    Raises:
        ValueError: A file is neither accepted nor refused, or both; a mistake in the program.
    """
    accepted, refused = index.files_accepted, index.files_refused
    if accepted + refused != index.files:
        raise ValueError(f"{accepted} files accepted and {refused} refused, but {index.files} found")
    return {"found": index.files, "accepted": accepted, "refused": refused, "beside": index.side_files}


def round_up(count: int) -> int:
    """Rounds up to two significant digits: 264 → 270, 1,234 → 1,300; numbers below 100 stay."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def _label(scan: IndexedScan, table: LabelTable | None) -> str:
    label = table.find(scan.locator, scan.patient.patient_id, scan.parts) if table else None
    return label if label is not None else scan.label or "(none)"


class _Cases:
    """Every case in its order; to be iterated over."""

    def __init__(self, index: ScanIndex) -> None:
        self._index = index

    def __iter__(self) -> Iterator[Case]:
        used = ((scan.case_id, "used", scan.locators) for scan in self._index.scans)  # counted in this order
        refused = ((each.case_id, each.reason, each.parts or (each.locator,)) for each in self._index.refusals)
        return merge(used, sorted(refused, key=_in_turn), key=_in_turn)


def _in_turn(case: Case) -> tuple[int, str]:
    return len(case[0]), case[0]


def _wanted(index: ScanIndex, scan: IndexedScan, whole: Grid | None) -> Wanted:
    rule = (whole or Slices()) if scan.parts else None
    return Wanted(index.addresses(scan), rule, label_map=index.map_address(scan))


class _Looking:
    """Decodes every scan once, in processes of their own."""

    def __init__(self, index: ScanIndex, whole: Grid | None, progress: Progress) -> None:
        self.usable = PackedScans()
        self.refusals: list[Refusal] = []
        self.pictures = SharedPictures()
        self.small: list[tuple[str, NDArray[np.uint8]]] = []
        digests: list[bytes] = []
        likeness: list[NDArray[np.uint8]] = []
        shown = {scan.locator for scan in chosen_for_sheet(index.scans)}
        questions = ((_wanted(index, scan, whole), scan.locator in shown) for scan in index.scans)
        with ReadingWorkers(min(reading_processes(), 1 + len(index.scans) // _WORTH_ANOTHER)) as workers:
            answers = workers.imap(look_at, questions)
            for done, (scan, look) in enumerate(zip(index.scans, answers, strict=True), start=1):
                if isinstance(look, ScanRefused):
                    parts = scan.locators if scan.parts else ()
                    refusal = refusal_of(look, scan.case_id, scan.locator, scan.files, parts=parts)
                    self.refusals.append(refusal)
                else:
                    self.usable.append(scan)
                    self.pictures.add_digest(look.digest, scan.patient)
                    digests.append(look.digest)
                    likeness.append(look.likeness)
                    if look.small is not None:
                        self.small.append((scan.case_id + (AT_RISK if scan.looks.risks else ""), look.small))
                progress("reading scans", done, len(index.scans))
        owners = [scan.patient for scan in self.usable]
        self.near = near_duplicates(np.stack(likeness), owners, digests) if likeness else 0


def chosen_for_sheet(scans: Sequence[IndexedScan]) -> list[IndexedScan]:
    """Returns the scans that the contact sheet shows, in their order: a third at risk of text, the others spread."""
    risky = spread_over(np.flatnonzero(at_risk(scans)), ON_THE_SHEET // 3)
    others = np.setdiff1d(np.arange(len(scans)), risky, assume_unique=True)
    places = np.sort(np.concatenate([risky, spread_over(others, ON_THE_SHEET - len(risky))]))
    return [scans[int(place)] for place in places]
