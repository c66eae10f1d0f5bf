"""From a file to its facts. Loads no torch: it may run in a process of its own that is ended when a file misbehaves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import UID

from medsyngen.cohort.file_facts import FileFacts, to_text
from medsyngen.cohort.header_words import Looks, looks_of
from medsyngen.cohort.identifiers import header_identifiers
from medsyngen.cohort.walking import HEAD_BYTES, Kind, kind_of
from medsyngen.formats.archive import as_file, open_scan
from medsyngen.formats.canonical import voxel_sizes
from medsyngen.formats.dicom import parse_header
from medsyngen.formats.dicom_elements import HeaderElements, read_elements
from medsyngen.formats.dicom_templates import CONDITION_CODES
from medsyngen.formats.dicom_volume import stack_of
from medsyngen.formats.guarding import BROKEN, quiet_pydicom
from medsyngen.formats.nifti import read_nifti_header
from medsyngen.formats.raster import read_raster_header
from medsyngen.formats.refusal import ScanRefused


def read_batch(addresses: tuple[tuple[str, str], ...]) -> list[str]:
    """Reads several files, for a reading process: :func:`read_facts` of each, as text.

    Args:
        addresses: Path and locator of each.
    """
    return [to_text(read_facts(Path(path), locator)) for path, locator in addresses]


def read_facts(path: Path, locator: str) -> FileFacts:
    """Reads one file up to its pixels; whatever is wrong with it is one of the facts.

    Args:
        path: Where it lies, or the address of a member of an archive.
        locator: Path relative to SCANS.
    """
    try:
        with open_scan(path) as file:
            head = file.read(HEAD_BYTES)
            if head[128:132] == b"DICM":
                file.seek(0)
                return _dicom(*read_elements(file))
    except ScanRefused as refused:
        return FileFacts(Kind.UNREADABLE, (refused.reason, refused.detail))
    except OSError:
        return FileFacts(Kind.UNREADABLE, ("unreadable", ""))
    return _other(path, head, locator)


def _other(path: Path, head: bytes, locator: str) -> FileFacts:
    kind = Kind.UNREADABLE
    try:
        with as_file(path) as real:
            kind = kind_of(real, head, locator, member=real != path)
            readers = {Kind.NIFTI: _nifti, Kind.RASTER: _raster}
            if kind in readers:
                return readers[kind](real)
    except ScanRefused as refused:
        return FileFacts(kind, (refused.reason, refused.detail))
    usable = kind in (Kind.NPZ, Kind.ARCHIVE, Kind.SIDE)
    return FileFacts(kind, () if usable else (kind.value, ""))


def _dicom(dataset: HeaderElements, remaining: int) -> FileFacts:
    texts = tuple(sorted(header_identifiers(dataset)))
    try:
        header = parse_header(dataset, remaining)
        stacked = stack_of(dataset, header) if header.frames > 1 else None
    except ScanRefused as refused:
        return FileFacts(Kind.DICOM, (refused.reason, refused.detail), texts, sop_class=_sop_class(dataset))
    with quiet_pydicom():
        modality = header.modality or "OT"
        syntax = UID(header.syntax).name
        capture = header.secondary_capture
        return FileFacts(
            Kind.DICOM,
            (),
            texts,
            header.patient_id,
            header.issuer,
            header.instance,
            _text(dataset, "SeriesInstanceUID"),
            _sop_class(dataset),
            modality,
            capture,
            header.rows,
            header.columns,
            header.bits_stored,
            header.inverted,
            header.spacing_mm,
            tuple(_codes(dataset)),
            header.plane,
            shape=(header.columns, header.rows, header.frames) if stacked else (),
            affine=tuple(float(each) for each in stacked.affine.ravel()) if stacked else (),
            looks=looks_of(dataset, syntax, modality, capture=capture),
        )


def _sop_class(dataset: pydicom.Dataset) -> str:
    uid = UID(_text(dataset, "SOPClassUID"))
    return uid.name if uid.name != uid else ""  # of another than a registered one the name is the number


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    with quiet_pydicom(), contextlib.suppress(*BROKEN):
        return str(dataset.get(keyword) or "").strip(" \0")
    return ""


def _codes(dataset: pydicom.Dataset) -> Iterator[tuple[str, str]]:
    """Yields attributes whose value is one of their codes; any other value could be anything, and stays unread."""
    for keyword, known in CONDITION_CODES.items():
        code = _text(dataset, keyword)
        if code in known:
            yield keyword, code


def _nifti(path: Path) -> FileFacts:
    header = read_nifti_header(path)
    sizes = voxel_sizes(header.affine)
    return FileFacts(
        Kind.NIFTI,
        rows=header.shape[1],
        columns=header.shape[0],
        bits=header.bits,
        spacing_mm=tuple(round(float(each), 4) for each in sizes),
        shape=header.shape,
        affine=tuple(float(each) for each in np.asarray(header.affine).ravel()),
        looks=Looks(syntax="NIfTI"),
    )


def _raster(path: Path) -> FileFacts:
    header = read_raster_header(path)
    looks = Looks(risks=("picture",), syntax="PNG or JPEG")
    return FileFacts(Kind.RASTER, rows=header.rows, columns=header.columns, bits=header.bits, looks=looks)
