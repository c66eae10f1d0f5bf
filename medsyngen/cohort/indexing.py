"""The index of SCANS: every file is accepted or refused with a reason, from its header alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pydicom

from medsyngen.cohort.assembling import assemble, volume_in
from medsyngen.cohort.identifiers import header_identifiers, path_identifiers
from medsyngen.cohort.patient_map import PatientMap, patient_key
from medsyngen.cohort.scan_index import IndexedScan, Refusal, ScanIndex, refusal_of
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.walking import FoundFile, Kind, find_files
from medsyngen.errors import InputUnusable
from medsyngen.formats.dicom import DicomHeader, parse_header, read_dataset
from medsyngen.formats.dicom_templates import CONDITION_CODES
from medsyngen.formats.geometry import SliceGeometry, plane_of
from medsyngen.formats.guarding import BROKEN, guarded, quiet_pydicom
from medsyngen.formats.nifti import read_nifti_header
from medsyngen.formats.npz import is_npz, read_npz_header
from medsyngen.formats.raster import read_raster_header
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent
from medsyngen.scan import PatientKey

# Codes of PS3.3 C.7.3.1.1.1 that may be named in a message; any other text of a header may be a name.
_KNOWN_MODALITIES = frozenset(
    (
        "CR",
        "DX",
        "MG",
        "CT",
        "MR",
        "US",
        "NM",
        "PT",
        "XA",
        "RF",
        "OT",
        "SC",
        "ES",
        "XC",
        "GM",
        "SM",
        "IO",
        "PX",
        "SEG",
        "SR",
    )
)


def index_scans(
    scans: Path,
    *,
    modalities: Sequence[str] | None = None,
    patient_map: PatientMap | None = None,
    codes: Sequence[str] = (),
    owners: Mapping[str, str] = MappingProxyType({}),
    slices: Slices | None = None,
    progress: Progress = silent,
) -> ScanIndex:
    """Looks at every file under SCANS.

    Whether a scan is used depends on its own patient's files and on public rules alone: within a patient the second of
    two files with one SOP Instance UID is refused, between patients nothing is removed.

    Args:
        scans: A folder, or one ``.npz`` file.
        modalities: DICOM codes to accept, ``SC`` meaning the SOP class Secondary Capture too; None accepts all.
        patient_map: The hospital's word on who is who, if it gave one.
        codes: DICOM attributes to read for the conditions of a recipe, keys of ``CONDITION_CODES``.
        owners: Patient IDs by locator, for the files of kinds that carry none.
        slices: The recipe's rule for volumes; None refuses them, and takes slices of DICOM as single images.
        progress: Told after each file.

    Raises:
        InputUnusable: If SCANS isn't there or holds no file that could be a scan.
    """
    root, files = _files(scans)
    files = [file for file in files if file.kind is not Kind.SIDE]
    if not files:
        raise InputUnusable("no scans found", do="give the folder that holds the DICOM files, or an .npz file")
    indexer = _Indexer(root, None if modalities is None else frozenset(modalities), patient_map, codes, owners, slices)
    for done, file in enumerate(files, start=1):
        indexer.add(file)
        progress("reading headers", done, len(files))
    return indexer.index()


def _files(scans: Path) -> tuple[Path, list[FoundFile]]:
    if scans.is_dir():
        return scans, find_files(scans)
    if scans.is_file() and is_npz(scans):
        return scans.parent, [FoundFile(scans.name, Kind.NPZ)]
    if scans.exists():
        raise InputUnusable("SCANS is neither a folder nor an .npz file", do="give the folder that holds the scans")
    raise InputUnusable("SCANS is not there", do="check the path")


class _Indexer:
    """Collects what the files say, one after the other."""

    def __init__(
        self,
        root: Path,
        modalities: frozenset[str] | None,
        patient_map: PatientMap | None,
        codes: Sequence[str],
        owners: Mapping[str, str],
        slices: Slices | None,
    ) -> None:
        self._root = root
        self._owners_of_files = owners
        self._slices = slices
        self._codes = codes
        self._modalities = modalities
        self._map = patient_map
        self._cases = 0
        self._scans: list[IndexedScan] = []
        self._refusals: list[Refusal] = []
        self._texts: set[str] = set()
        self._owners: dict[str, set[PatientKey]] = {}

    def index(self) -> ScanIndex:
        shared = sum(len(owners) > 1 for owners in self._owners.values())
        scans, refusals = self._scans, self._refusals
        if self._slices is not None:
            scans, refused = assemble(scans, self._slices)
            refusals += [refusal_of(why, scan.case_id, scan.locator, scan.files) for scan, why in refused]
        return ScanIndex(self._root, tuple(scans), tuple(refusals), frozenset(self._texts), shared)

    def add(self, file: FoundFile) -> None:
        self._texts |= path_identifiers(file.locator)
        readers = {Kind.DICOM: self._dicom, Kind.NPZ: self._npz, Kind.NIFTI: self._nifti, Kind.RASTER: self._raster}
        try:
            if file.kind not in readers:
                raise ScanRefused(file.kind.value)
            self._scans.extend(readers[file.kind](file.locator))
        except ScanRefused as refused:
            self._refuse(refused, file.locator)

    def _next_case(self) -> str:
        self._cases += 1
        return f"case {self._cases:05d}"

    def _refuse(self, refused: ScanRefused, locator: str, scans: int = 1) -> None:
        self._refusals.append(refusal_of(refused, self._next_case(), locator, scans))

    def _identify(self, locator: str, patient_id: str) -> PatientKey:
        return self._map.identify(locator, patient_id) if self._map else patient_key(patient_id)

    def _dicom(self, locator: str) -> Iterator[IndexedScan]:
        dataset, remaining = read_dataset(self._root / locator)
        self._texts |= header_identifiers(dataset)
        header = parse_header(dataset, remaining)
        self._check_modality(header)
        patient = self._identify(locator, header.patient_id)
        self._check_instance(header.instance, patient)
        yield IndexedScan(
            locator,
            self._next_case(),
            patient,
            header.modality or "OT",
            header.rows,
            header.columns,
            header.bits_stored,
            header.inverted,
            issuer=header.issuer,
            spacing_mm=header.spacing_mm,
            codes=tuple(_codes(dataset, self._codes)),
            series=str(dataset.get("SeriesInstanceUID") or ""),
            geometry=_plane(dataset),
        )

    def _check_modality(self, header: DicomHeader) -> None:
        if self._modalities is None or header.modality in self._modalities:
            return
        if not (header.secondary_capture and "SC" in self._modalities):
            raise ScanRefused("modality", header.modality if header.modality in _KNOWN_MODALITIES else "")

    def _check_instance(self, instance: str, patient: PatientKey) -> None:
        if instance:
            owners = self._owners.setdefault(instance, set())
            if patient in owners:
                raise ScanRefused("duplicate")
            owners.add(patient)

    def _nifti(self, locator: str) -> Iterator[IndexedScan]:
        if self._slices is None:
            raise ScanRefused("volume")
        header = read_nifti_header(self._root / locator)
        patient = self._identify(locator, self._owners_of_files.get(locator, ""))
        scan = IndexedScan(locator, self._next_case(), patient, "OT", header.shape[1], header.shape[0], header.bits)
        yield volume_in(scan, header.shape, header.affine, self._slices)

    def _raster(self, locator: str) -> Iterator[IndexedScan]:
        header = read_raster_header(self._root / locator)
        patient = self._identify(locator, self._owners_of_files.get(locator, ""))
        yield IndexedScan(locator, self._next_case(), patient, "OT", header.rows, header.columns, header.bits)

    def _npz(self, locator: str) -> Iterator[IndexedScan]:
        header = read_npz_header(self._root / locator)
        for text in header.identifying:
            self._texts |= {text} | path_identifiers(text)
        total = sum(header.counts)
        if header.patient_ids is None and self._map is None:
            self._refuse(ScanRefused("no-patient-id"), locator, total)
            return
        ids = header.patient_ids or ("",) * total
        first = 0
        for count, rows, columns, bits in zip(header.counts, header.rows, header.columns, header.bits, strict=True):
            for index in range(first, first + count):
                one = f"{locator}#{index}"
                try:
                    patient = self._identify(one, ids[index])
                except ScanRefused as refused:
                    self._refuse(refused, one)
                    continue
                label = header.labels[index] if header.labels is not None else None
                yield IndexedScan(one, self._next_case(), patient, "OT", rows, columns, bits, label=label)
            first += count


def _plane(dataset: pydicom.Dataset) -> SliceGeometry | None:
    with guarded("no-geometry"):
        return plane_of(dataset)


def _codes(dataset: pydicom.Dataset, keywords: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields attributes whose value is one of their codes; any other value could be anything, and stays unread."""
    for keyword in keywords:
        with quiet_pydicom(), contextlib.suppress(*BROKEN):
            code = str(dataset.get(keyword) or "").strip()
            if code in CONDITION_CODES[keyword]:
                yield keyword, code
