"""What an index of SCANS consists of, and whether its patients can be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.header_words import NOTHING_SAID, Looks
from medsyngen.errors import InputUnusable
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import REASONS, ScanRefused
from medsyngen.scan import PatientKey

MEND = "mend the files listed, or take them out of the folder"
"""The advice where files are refused for several reasons."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One file, or all images of one ``.npz``, that can't be used.

    Args:
        case_id: Such as ``case 00017``; counts the files of this reading, tells nothing else.
        reason: A key of :data:`medsyngen.formats.refusal.REASONS`.
        explanation: What is wrong, in fixed words.
        do: What mends it.
        scans: How many images are lost by it.
        locator: Path relative to SCANS; for the private list of cases only.
        parts: Of a series that is refused as a whole, the locators of all its files.
        sop_class: Name of the SOP class of a DICOM object, in the standard's register.
    """

    case_id: str
    reason: str
    explanation: str
    do: str
    scans: int = 1
    locator: str = field(default="", repr=False)
    parts: tuple[str, ...] = field(default=(), repr=False)
    sop_class: str = ""

    def line(self) -> str:
        """Returns the line that a list of refusals shows."""
        many = f", {self.scans} scans" if self.scans > 1 else ""
        return f"{self.case_id}: {self.reason}{many}: {self.explanation}; {self.do}"


@dataclass(frozen=True, slots=True)
class IndexedScan:
    """One image that can be used, as far as its header tells.

    Args:
        locator: Path relative to SCANS; ``file.npz#12`` for an image of an ``.npz``.
        case_id: Such as ``case 00017``.
        patient: Whose record it belongs to, after the patient map.
        modality: DICOM code; ``OT`` for an ``.npz``, which has none.
        rows: Rows as stored.
        columns: Columns as stored.
        bits: Bits stored; 0 for numbers that are not integers.
        inverted: Whether it is MONOCHROME1.
        label: The label that an ``.npz`` carries itself, or None.
        issuer: Issuer of Patient ID, for the audit of the privacy unit only.
        spacing_mm: Distance between rows, between columns; empty where unknown.
        codes: DICOM attributes that the recipe declares and that the header has a code for, each with its code.
        series: Series Instance UID; empty where there is none.
        geometry: Where the slice lies; None where the header does not say, and for anything that is not one slice.
        parts: Of a volume, the locators of its files in the order of its slices; of a picture, empty.
        images: How many images the recipe takes of it: 1, or the slices of a volume that its rule picks.
        looks: What the preflight tells beside.
        label_map: Of a volume that has one, the locator of its label map.
    """

    locator: str = field(repr=False)
    case_id: str
    patient: PatientKey
    modality: str
    rows: int
    columns: int
    bits: int
    inverted: bool = False
    label: str | None = field(default=None, repr=False)
    issuer: str = field(default="", repr=False)
    spacing_mm: tuple[float, ...] = ()
    codes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    series: str = field(default="", repr=False)
    geometry: SliceGeometry | None = None
    parts: tuple[str, ...] = field(default=(), repr=False)
    images: int = 1
    looks: Looks = NOTHING_SAID
    label_map: str = field(default="", repr=False)

    @property
    def files(self) -> int:
        """Files that it consists of, its label map among them; an image of an ``.npz`` counts as one."""
        return len(self.locators)

    @property
    def locators(self) -> tuple[str, ...]:
        """Of all its files, its label map last."""
        return (*(self.parts or (self.locator,)), *filter(None, [self.label_map]))


@dataclass(frozen=True)
class ScanIndex:
    """All that the headers tell; private.

    Args:
        root: The folder that locators are relative to.
        scans: In the order of their paths.
        refusals: Likewise.
        texts: Every text of headers and paths that may identify someone; to be iterated over, some come twice.
        shared_instances: SOP Instance UIDs that stand under more than one patient.
        files: Files that could be scans: each is in ``scans`` or in ``refusals``.
        side_files: Files that lie beside scans, such as tables.
        read_now: Files that were read, and not known from the index on disk.
        many: Locators of the files that hold many scans (``.npz``).
    """

    root: Path = field(repr=False)
    scans: Sequence[IndexedScan] = field(repr=False)
    refusals: tuple[Refusal, ...]
    texts: Iterable[str] = field(repr=False)
    shared_instances: int = 0
    files: int = 0
    side_files: int = 0
    read_now: int = 0
    many: frozenset[str] = field(default=frozenset(), repr=False)

    def address(self, scan: IndexedScan) -> str:
        """Returns where the reader finds a scan."""
        return str(self.root / scan.locator)

    def addresses(self, scan: IndexedScan) -> tuple[str, ...]:
        """Returns where the reader finds the files of a scan."""
        return tuple(str(self.root / part) for part in scan.parts or (scan.locator,))

    def map_address(self, scan: IndexedScan) -> str:
        """Returns where the reader finds the label map of a scan; "" where there is none."""
        return str(self.root / scan.label_map) if scan.label_map else ""

    @property
    def files_accepted(self) -> int:
        """Files of which at least one image can be used; the others are refused."""
        return len(self._marks(self._accepted()))

    @property
    def files_refused(self) -> int:
        """Files of which no image can be used."""
        refused = self._marks(part for each in self.refusals for part in (each.parts or (each.locator,)))
        return len(np.setdiff1d(refused, self._marks(self._accepted()), assume_unique=True))

    def _accepted(self) -> Iterator[str]:
        return (part for scan in self.scans for part in scan.locators)

    def _marks(self, locators: Iterable[str]) -> NDArray[np.int64]:
        """Returns a number of 64 bits for each file: a set of 100,000 paths would take much more memory."""
        return np.unique(np.fromiter((hash(self._file(each)) for each in locators), np.int64))

    def _file(self, locator: str) -> str:
        file, _, _ = locator.rpartition("#")
        return file if file in self.many else locator

    @property
    def skipped_share(self) -> float:
        """Refused files among all; an image of an ``.npz`` counts as one."""
        refused = sum(refusal.scans for refusal in self.refusals)
        return refused / max(1, refused + sum(scan.files for scan in self.scans))


def refusal_of(
    refused: ScanRefused,
    case_id: str,
    locator: str,
    scans: int = 1,
    *,
    parts: tuple[str, ...] = (),
    sop_class: str = "",
) -> Refusal:
    """Returns the entry of a list of refusals for an error of the reader."""
    return Refusal(case_id, refused.reason, refused.what, refused.do, scans, locator, parts, sop_class)


def check_privacy_unit(index: ScanIndex) -> None:
    """Refuses scans that can't be told apart by patient: there would be nobody to protect, or one record of everybody.

    Raises:
        InputUnusable: If no scan is usable, or all usable scans stand under one patient.
    """
    do = "give --patient-map FILE with the columns path,patient_id"
    if not index.scans:
        reasons = {refusal.reason for refusal in index.refusals}
        if reasons == {"no-patient-id"}:
            raise InputUnusable("no scan says whose it is: the patient ID is blank or absent everywhere", do=do)
        lines = [refusal.line() for refusal in index.refusals]
        what = "no scan is usable"
        raise InputUnusable(what, do=REASONS[next(iter(reasons))][1] if len(reasons) == 1 else MEND, details=lines)
    if len(index.scans) > 1 and len({scan.patient for scan in index.scans}) == 1:
        raise InputUnusable(f"all {len(index.scans)} scans carry one patient ID: patients can't be told apart", do=do)
