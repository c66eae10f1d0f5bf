"""Scans to cohort: all decoding and every check of a scan end here, before anything is charged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.conditions import CLASS, check_conditions, short_form
from medsyngen.cohort.identifiers import source_identifiers
from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.labelling import Labelling, Rows
from medsyngen.cohort.labels import ClassDefinition, LabelTable, check_classes
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.pictures import Wanted, read_pictures
from medsyngen.cohort.pixel_cache import ScanOfPatient, cohort_from
from medsyngen.cohort.scan_index import MEND, IndexedScan, Refusal, ScanIndex, check_privacy_unit, refusal_of
from medsyngen.cohort.transforms import ScanForm, forming
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
        cache_folder: An existing folder inside, on the disk that is to hold the pixels while this process lives
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
        slices=form.slices,
        kept=kept,
        progress=progress,
    )
    check_privacy_unit(index)
    _check_share(index, form)  # before minutes of decoding
    decoding = _Decoding(index, form, progress)
    scans_read = decoding.scans(labelling.rows)
    rooms: Counter[PatientKey] = Counter()
    for scan in index.scans:
        rooms[scan.patient] += scan.images
    cohort = cohort_from(scans_read, rooms=rooms, folder=cache_folder)
    usable, refused = tuple(decoding.usable), (*index.refusals, *decoding.refusals)
    refusals = tuple(sorted(refused, key=lambda refusal: (len(refusal.case_id), refusal.case_id)))
    index = replace(index, scans=usable, refusals=refusals)
    check_privacy_unit(index)
    _check_share(index, form)

    texts = [*index.texts, *(table.identifiers() if table else ()), *(patient_map.identifiers() if patient_map else ())]
    texts += [text for scan in usable for text in (scan.patient.patient_id, scan.issuer)]
    return Reading(
        cohort=cohort,
        accepted=len(usable),
        refusals=refusals,
        identifiers=source_identifiers(texts, public_text),
        unlabelled=labelling.unlabelled(cohort),
        notices=_notices(index, decoding.pictures, labelling, cohort),
    )


def find_labels(scans: Path) -> LabelTable | None:
    """Returns the table ``labels.csv`` of the folder of scans, or None if there is no such file.

    Raises:
        InputUnusable: If it is there and unusable.
    """
    path = scans / "labels.csv"
    return LabelTable.read(path) if path.is_file() else None


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
    """Scans in the order of their files, decoded one at a time; keeps what the reading tells of them."""

    def __init__(self, index: ScanIndex, form: ScanForm, progress: Progress) -> None:
        self._index, self._form, self._progress = index, form, progress
        self.usable: list[IndexedScan] = []
        self.refusals: list[Refusal] = []
        self.pictures = SharedPictures()

    def scans(self, label: Callable[[IndexedScan], Rows]) -> Iterator[ScanOfPatient]:
        """Yields every picture of every scan that can be decoded, with its class."""
        shape = forming(self._form)
        wanted = (
            Wanted(
                self._index.addresses(scan),
                self._form.slices if scan.parts else None,
                percentiles=self._form.window == "per-scan",
            )
            for scan in self._index.scans
        )
        with ReadingWorkers() as workers:
            answers = workers.imap(read_pictures, wanted)
            for done, (scan, answer) in enumerate(zip(self._index.scans, answers, strict=True), start=1):
                try:
                    if isinstance(answer, ScanRefused):
                        raise answer
                    images = [shape(image, answer.ends) for image in answer.images]
                except ScanRefused as refused:
                    self.refusals.append(refusal_of(refused, scan.case_id, scan.locator, scan.files))
                else:
                    self.pictures.add_digest(answer.digest, scan.patient)
                    self.usable.append(scan)
                    yield from ((scan.patient, image, label(scan)) for image in images)
                self._progress("reading scans", done, len(self._index.scans))


def _notices(index: ScanIndex, pictures: SharedPictures, labelling: Labelling, cohort: Cohort) -> tuple[str, ...]:
    notices = [finding.line() for finding in audit_unit(index, pictures)]
    for attribute in labelling.silent(cohort):
        of = "" if attribute.name == CLASS else f" for `{attribute.name}`"
        notices.append(f"no scan carries a label of the recipe{of}: all stand in the null class; check the label file")
    return tuple(notices)
