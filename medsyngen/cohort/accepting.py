"""The rules by which a file becomes a scan of a patient, or is refused: applied anew to the facts at each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from sys import intern
from typing import TypeVar

import numpy as np

from medsyngen.cohort.assembling import assemble, volume_in
from medsyngen.cohort.file_facts import FileFacts
from medsyngen.cohort.grids import Grid
from medsyngen.cohort.header_words import KNOWN_MODALITIES
from medsyngen.cohort.label_maps import FoundMap, Key, LabelMaps, with_maps
from medsyngen.cohort.label_maps import Refused as MapRefused
from medsyngen.cohort.owners import Owners
from medsyngen.cohort.packed_scans import PackedScans
from medsyngen.cohort.patient_map import PatientMap, patient_key
from medsyngen.cohort.scan_index import IndexedScan, Refusal, ScanIndex, refusal_of
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.source_texts import SourceTexts
from medsyngen.cohort.walking import Kind
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.npz import read_npz_header
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

T = TypeVar("T")


@dataclass(frozen=True)
class Rules:
    """What decides beside the files themselves: the recipe and the hospital's tables.

    Args:
        root: SCANS.
        modalities: DICOM codes to accept; None accepts all.
        patient_map: Who is who.
        owners: Patient ID by path, for formats that carry none.
        codes: DICOM attributes that the recipe declares.
        slices: The rule for volumes; None refuses volumes.
        join: Whether the slices of a series are joined to a volume, too.
    """

    root: Path = field(repr=False)
    modalities: frozenset[str] | None = None
    patient_map: PatientMap | None = None
    owners: Mapping[str, str] = field(default_factory=dict, repr=False)
    codes: frozenset[str] = frozenset()
    slices: Slices | Grid | None = None
    join: bool = True

    @property
    def label_maps(self) -> LabelMaps | None:
        """Where the label maps of volumes lie."""
        return self.slices.label_maps if isinstance(self.slices, Grid) else None

    def identify(self, locator: str, patient_id: str) -> PatientKey:
        """Returns whose a scan is.

        Raises:
            ScanRefused: ``not-in-map`` or ``no-patient-id``.
        """
        return self.patient_map.identify(locator, patient_id) if self.patient_map else patient_key(patient_id)

    def check_modality(self, facts: FileFacts) -> None:
        """Refuses what the recipe doesn't ask for.

        Raises:
            ScanRefused: ``modality``.
        """
        if self.modalities is None or facts.modality in self.modalities:
            return
        if not (facts.secondary_capture and "SC" in self.modalities):
            raise ScanRefused("modality", facts.modality if facts.modality in KNOWN_MODALITIES else "")


class Accepting:
    """Collects scans and refusals, one file after the other.

    Args:
        rules: Of this run.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._cases = self._files = self._side = 0
        self._scans = PackedScans()
        self._refusals: list[Refusal] = []
        self._texts = SourceTexts()
        self._many: set[str] = set()
        self._instances = Owners()
        self._maps: dict[Key, list[FoundMap]] = {}
        self._same: dict[object, object] = {}
        self._readers: Mapping[Kind, Callable[[str, FileFacts], Iterator[IndexedScan]]] = {
            Kind.DICOM: self._dicom,
            Kind.NPZ: self._npz,
            Kind.NIFTI: self._nifti,
            Kind.RASTER: self._raster,
        }

    def add(self, locator: str, facts: FileFacts, texts: str) -> None:
        """Takes one file in.

        Args:
            locator: Path relative to SCANS.
            facts: What it says.
            texts: Those of its header that may identify someone, as a line; also of a file that is refused.
        """
        if facts.kind is Kind.SIDE:
            self._side += 1
            return
        self._files += 1
        self._texts.add_path(locator)
        self._texts.add_header(texts)
        try:
            facts.check()
            if facts.kind not in self._readers:
                raise ScanRefused("unknown-format")
            self._scans.extend(self._readers[facts.kind](locator, facts))
        except ScanRefused as refused:
            self._refuse(refused, locator, sop_class=facts.sop_class)

    def index(self, read_now: int) -> ScanIndex:
        """Returns what all the files together are; series are joined here."""
        if self._rules.slices is not None and self._rules.join:
            self._scans, refused = assemble(self._scans, self._rules.slices)
            for scan, why in refused:
                self._refusals.append(refusal_of(why, scan.case_id, scan.locator, scan.images, parts=scan.parts))
        if isinstance(self._rules.slices, Grid):
            self._keep_volumes(self._rules.slices)
        return ScanIndex(
            self._rules.root,
            self._scans,
            tuple(self._refusals),
            self._texts,
            self._instances.shared,
            self._files,
            self._side,
            read_now,
            frozenset(self._many),
        )

    def _keep_volumes(self, grid: Grid) -> None:
        refused: list[MapRefused] = [(scan, ScanRefused("not-a-volume")) for scan in self._scans if not scan.parts]
        volumes: Sequence[IndexedScan] = PackedScans(scan for scan in self._scans if scan.parts)
        if grid.label_maps is not None:
            volumes, without = with_maps(volumes, self._maps, grid.label_maps)
            refused += without
        self._scans = PackedScans(volumes)
        for each, why in refused:
            parts = each.parts if isinstance(each, IndexedScan) else ()
            self._refusals.append(refusal_of(why, each.case_id, each.locator, max(1, len(parts)), parts=parts))

    def _next_case(self) -> str:
        self._cases += 1
        return f"case {self._cases:05d}"

    def _refuse(self, refused: ScanRefused, locator: str, scans: int = 1, *, sop_class: str = "") -> None:
        self._refusals.append(refusal_of(refused, self._next_case(), locator, scans, sop_class=sop_class))

    def _one(self, value: T) -> T:
        """Returns an equal value that is there already, so that 100,000 slices share what they have in common."""
        return self._same.setdefault((type(value), value), value)  # type: ignore[return-value]

    def _dicom(self, locator: str, facts: FileFacts) -> Iterator[IndexedScan]:
        self._rules.check_modality(facts)
        patient = self._one(self._rules.identify(locator, facts.patient_id))
        if facts.shape and self._rules.slices is None:
            raise ScanRefused("volume")
        self._check_instance(facts.instance, patient)
        scan = IndexedScan(
            locator,
            self._next_case(),
            patient,
            intern(facts.modality),
            facts.rows,
            facts.columns,
            facts.bits,
            facts.inverted,
            issuer=intern(facts.issuer),
            spacing_mm=self._one(facts.spacing_mm),
            codes=self._one(tuple(code for code in facts.codes if code[0] in self._rules.codes)),
            series=intern(facts.series),
            geometry=self._plane(facts.geometry),
            looks=self._one(facts.looks),
        )
        yield self._volume(scan, facts) if facts.shape else scan

    def _plane(self, plane: SliceGeometry | None) -> SliceGeometry | None:
        """Returns an equal plane: the slices of a series share all but their position."""
        if plane is None:
            return None
        row, column, spacing = self._one(plane.row), self._one(plane.column), self._one(plane.spacing_mm)
        shared = (self._one(plane.thickness_mm), intern(plane.frame_of_reference), plane.localizer)
        return SliceGeometry(plane.position, row, column, spacing, *shared, self._one(plane.volume))

    def _volume(self, scan: IndexedScan, facts: FileFacts) -> IndexedScan:
        """Returns the entry of a volume in one file."""
        if self._rules.slices is None:
            raise ScanRefused("volume")
        shape, affine = (facts.shape[0], facts.shape[1], facts.shape[2]), np.array(facts.affine).reshape(4, 4)
        return volume_in(replace(scan, geometry=None), shape, affine, self._rules.slices)

    def _check_instance(self, instance: str, patient: PatientKey) -> None:
        if instance and not self._instances.add(instance.encode("utf-8", "surrogatepass"), patient):
            raise ScanRefused("duplicate")

    def _raster(self, locator: str, facts: FileFacts) -> Iterator[IndexedScan]:
        patient = self._rules.identify(locator, self._rules.owners.get(locator, ""))
        size = (facts.rows, facts.columns, facts.bits)
        yield IndexedScan(locator, self._next_case(), patient, "OT", *size, looks=self._one(facts.looks))

    def _is_map(self, locator: str) -> bool:
        """Takes a label map in, if the recipe's rule says that the file is one; its volume says whose it is."""
        key = self._rules.label_maps.of_map(locator) if self._rules.label_maps else None
        if key is None:
            return False
        try:
            owner: PatientKey | None = self._rules.identify(locator, self._rules.owners.get(locator, ""))
        except ScanRefused:
            owner = None
        self._maps.setdefault(key, []).append(FoundMap(locator, self._next_case(), owner))
        return True

    def _nifti(self, locator: str, facts: FileFacts) -> Iterator[IndexedScan]:
        if self._is_map(locator):
            return
        patient = self._rules.identify(locator, self._rules.owners.get(locator, ""))
        size = (facts.rows, facts.columns, facts.bits)
        scan = IndexedScan(
            locator, "", patient, "OT", *size, spacing_mm=facts.spacing_mm[:2], looks=self._one(facts.looks)
        )
        yield replace(self._volume(scan, facts), case_id=self._next_case())

    def _npz(self, locator: str, facts: FileFacts) -> Iterator[IndexedScan]:
        header = read_npz_header(self._rules.root / locator)
        for text in header.identifying:
            self._texts.add(text)
            self._texts.add_path(text)
        self._many.add(locator)
        total = sum(header.counts)
        if total == 0:
            raise ScanRefused("npz-layout", "no images")
        owners = self._rules.owners
        numbered = [f"{locator}#{index}" for index in range(total)]
        if header.patient_ids is None and self._rules.patient_map is None and not any(n in owners for n in numbered):
            self._refuse(ScanRefused("no-patient-id"), locator, total)
            return
        ids = header.patient_ids or [owners.get(one, "") for one in numbered]
        labels = header.labels or (None,) * total
        sizes = [
            (rows, columns, bits)
            for count, rows, columns, bits in zip(header.counts, header.rows, header.columns, header.bits, strict=True)
            for _ in range(count)
        ]
        for one, patient_id, label, size in zip(numbered, ids, labels, sizes, strict=True):
            try:
                patient = self._rules.identify(one, patient_id)
            except ScanRefused as refused:
                self._refuse(refused, one)
                continue
            yield IndexedScan(one, self._next_case(), patient, "OT", *size, label=label)
