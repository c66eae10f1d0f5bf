"""Scans to cohort: all decoding and every check of a scan end here, before anything is charged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.conditions import CLASS, check_conditions, short_form
from medsyngen.cohort.identifiers import source_identifiers
from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.labelling import Labelling, Rows
from medsyngen.cohort.labels import ClassDefinition, LabelTable, check_classes, find_labels
from medsyngen.cohort.packed_scans import PackedScans
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.pictures import Pictures, Wanted, read_pictures
from medsyngen.cohort.pixel_cache import Kept, PixelCache, ScanImages, cohort_in_memory
from medsyngen.cohort.plans import Plan, plan_of
from medsyngen.cohort.scan_index import MEND, IndexedScan, Refusal, ScanIndex, check_privacy_unit, refusal_of
from medsyngen.cohort.transforms import Forming, ScanForm, forming
from medsyngen.cohort.unit_audit import SharedPictures, audit_unit
from medsyngen.errors import TooManySkipped
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent
from medsyngen.scan import PatientKey


@dataclass(frozen=True, eq=False)
class Reading:
    """What came of SCANS; private.

    Args:
        cohort: The patients.
        accepted: Scans in it.
        refusals: What was left out, and why.
        identifiers: Texts of the source that must never leave.
        unlabelled: Scans in the null class; with several attributes, in the null of each.
        notices: What the audit of the privacy unit tells (as `inspect` does), and further things that the data team
            should know, without any name or path.
    """

    cohort: Cohort
    accepted: int
    refusals: tuple[Refusal, ...]
    identifiers: frozenset[str] = field(repr=False)
    unlabelled: int = 0
    notices: tuple[str, ...] = ()


def read_cohort(
    scans: Path,
    *,
    form: ScanForm,
    classes: Sequence[ClassDefinition] = (),
    labels: LabelTable | None = None,
    patient_map: PatientMap | None = None,
    public_text: str = "",
    cache_folder: Path | None = None,
    kept: Path | None = None,
    progress: Progress = silent,
) -> Reading:
    """Reads every scan, in the recipe's form, patient by patient.

    A refused scan and an unknown label (null class) are public rules on one scan alone; no number is computed over
    several scans. The share of refused scans decides only whether the reading ends in an error, inside.

    Args:
        scans: A folder, or one ``.npz`` file.
        form: What to take, the form of the images, and the attributes of each scan if there are any.
        classes: The recipe's, the short form of one attribute; may be empty.
        labels: The label table; None takes ``labels.csv`` of the folder if it is there.
        patient_map: The hospital's word on who is who, if it gave one.
        public_text: For :func:`medsyngen.cohort.identifiers.source_identifiers`.
        cache_folder: An existing folder inside, for nothing else, where the pixels in the recipe's form are kept
            (:mod:`medsyngen.cohort.pixel_cache`); None keeps them in memory.
        kept: The index on disk; see :func:`medsyngen.cohort.indexing.index_scans`.
        progress: Told after each file.

    Raises:
        ValueError: If the form has attributes and there are classes, too.
        InputUnusable: If SCANS, the label file or the privacy unit is unusable.
        TooManySkipped: If a larger share than ``form.max_skipped_share`` was refused; lists all of them.
        MedsyngenError: If the disk has no room for the pixels.
    """
    check_classes(classes)
    check_conditions(form.attributes)
    if classes and form.attributes:
        raise ValueError("classes are the short form of one attribute: give them, or attributes")
    table = labels if labels is not None else find_labels(scans)
    labelling = Labelling.of(form.attributes or short_form(classes), table)
    index = index_scans(
        scans,
        modalities=form.modalities,
        patient_map=patient_map,
        codes=labelling.keywords,
        owners=table.owners if table else {},
        slices=form.volumes,
        kept=kept,
        progress=progress,
    )
    check_privacy_unit(index)
    _check_share(index, form)  # before minutes of decoding
    plan = plan_of(index, form)
    cache = None if cache_folder is None else PixelCache(cache_folder, plan)
    decoding = _Decoding(index, form, plan, cache, progress)
    scans_read = decoding.scans(labelling.rows)
    if cache is None:
        cohort = cohort_in_memory(scans_read)
    else:
        rooms: Counter[PatientKey] = Counter()
        for scan in index.scans:
            rooms[scan.patient] += scan.images
        cohort = cache.cohort(scans_read, rooms)
    usable, refused = decoding.usable, (*index.refusals, *decoding.refusals)
    refusals = tuple(sorted(refused, key=lambda refusal: (len(refusal.case_id), refusal.case_id)))
    index = replace(index, scans=usable, refusals=refusals)
    check_privacy_unit(index)
    _check_share(index, form)

    of_tables = [*(table.identifiers() if table else ()), *(patient_map.identifiers() if patient_map else ())]
    of_patients = (text for scan in usable for text in (scan.patient.patient_id, scan.issuer))
    return Reading(
        cohort=cohort,
        accepted=len(usable),
        refusals=refusals,
        identifiers=source_identifiers(chain(index.texts, of_tables, of_patients), public_text),
        unlabelled=labelling.unlabelled(cohort),
        notices=_notices(index, decoding.pictures, labelling, cohort),
    )


def _check_share(index: ScanIndex, form: ScanForm) -> None:
    refused = sum(refusal.scans for refusal in index.refusals)
    accepted = sum(scan.files for scan in index.scans)
    share = index.skipped_share
    if share > form.max_skipped_share:
        raise TooManySkipped(
            f"{refused} of {refused + accepted} scans can't be used: {share:.1%}, "
            f"more than the recipe's max_skipped_share of {form.max_skipped_share:.1%}",
            do=f"{MEND}, or raise `scans.max_skipped_share`",
            details=[refusal.line() for refusal in index.refusals],
        )


class _Decoding:
    """Scans in the order of their files, one at a time; keeps what the reading tells of them."""

    def __init__(
        self, index: ScanIndex, form: ScanForm, plan: Plan, cache: PixelCache | None, progress: Progress
    ) -> None:
        self._index, self._form, self._plan, self._cache, self._progress = index, form, plan, cache, progress
        self.usable = PackedScans()
        self.refusals: list[Refusal] = []
        self.pictures = SharedPictures()

    def scans(self, label: Callable[[IndexedScan], Rows]) -> Iterator[ScanImages]:
        """Yields every scan with its class: as an earlier reading left it, or decoded."""
        shape, missing = forming(self._form), self._missing()
        with ExitStack() as held:
            first = next(missing, None)  # a process is started only if there is something to decode
            workers = held.enter_context(ReadingWorkers()) if first is not None else None
            answers = workers.imap(read_pictures, chain([first], missing)) if workers and first else iter(())
            for done, (scan, key) in enumerate(zip(self._index.scans, self._plan.keys, strict=True), start=1):
                kept = self._find(key)
                if kept is None:
                    kept = _formed(next(answers), shape)
                self._note(scan, kept)
                yield ScanImages(scan.patient, kept.images, label(scan), key, kept.digest, kept.refused)
                self._progress("reading scans", done, len(self._index.scans))

    def _find(self, key: str) -> Kept | None:
        return None if self._cache is None else self._cache.find(key)

    def _missing(self) -> Iterator[Wanted]:
        for scan, key in zip(self._index.scans, self._plan.keys, strict=True):
            if self._find(key) is None:
                slices = self._form.volumes if scan.parts else None
                percentiles, levels = self._form.window == "per-scan", self._index.map_address(scan)
                yield Wanted(self._index.addresses(scan), slices, percentiles=percentiles, label_map=levels)

    def _note(self, scan: IndexedScan, kept: Kept) -> None:
        if kept.refused is not None:
            parts = scan.locators if scan.parts else ()
            self.refusals.append(refusal_of(kept.refused, scan.case_id, scan.locator, scan.files, parts=parts))
        else:
            self.pictures.add_digest(kept.digest, scan.patient)
            self.usable.append(scan)


def _formed(answer: Pictures | ScanRefused, shape: Forming) -> Kept:
    """Returns a scan in the recipe's form, or why it has none."""
    try:
        if isinstance(answer, ScanRefused):
            raise answer
        levels = () if answer.levels is None else (answer.levels,)
        return Kept(np.stack([shape(image, answer.ends, *levels) for image in answer.images]), answer.digest)
    except ScanRefused as refused:
        return Kept(np.empty((0,), np.float32), b"", refused)


def _notices(index: ScanIndex, pictures: SharedPictures, labelling: Labelling, cohort: Cohort) -> tuple[str, ...]:
    notices = [finding.line() for finding in audit_unit(index, pictures)]
    for attribute in labelling.silent(cohort):
        of = "" if attribute.name == CLASS else f" for `{attribute.name}`"
        notices.append(f"no scan carries a label of the recipe{of}: all stand in the null class; check the label file")
    return tuple(notices)
