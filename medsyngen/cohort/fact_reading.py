"""From a file to its facts. Loads no torch: it may run in a process of its own that is ended when a file misbehaves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydicom.uid import UID

from medsyngen.cohort.file_facts import FileFacts, to_text
from medsyngen.cohort.header_texts import header_identifiers
from medsyngen.cohort.header_words import Looks, looks_of
from medsyngen.cohort.source_texts import texts_to_line
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

Told = tuple[FileFacts, str]
"""What a file says, and the texts of its header that may identify someone, as one line: there are texts, too, where
the image is refused (:mod:`medsyngen.cohort.source_texts`)."""
_NO_TEXTS = texts_to_line(())


def read_batch(addresses: tuple[tuple[str, str], ...]) -> bytes:
    """Reads several files, for a reading process: two lines for each, the facts and the texts of :func:`read_facts`.

    Args:
        addresses: Path and locator of each.
    """
    told = (read_facts(Path(path), locator) for path, locator in addresses)
    return "\n".join([line for facts, texts in told for line in (to_text(facts), texts)]).encode()


def from_batch(answer: bytes, count: int) -> list[tuple[str, str]]:
    """Returns what :func:`read_batch` wrote for so many files.

    Raises:
        ValueError: It can't be an answer: a file may have taken the process over.
    """
    lines = answer.decode().split("\n")
    if len(lines) != 2 * count:
        raise ValueError("lines for more or fewer files")
    return list(zip(lines[::2], lines[1::2], strict=True))


def read_facts(path: Path, locator: str) -> Told:
    """Reads one file up to its pixels; whatever is wrong with it is one of the facts.

    Args:
        path: Where it lies, or the address of a member of an archive.
        locator: Path relative to SCANS.
    """
    with quiet_pydicom():
        return _read_facts(path, locator)


def _read_facts(path: Path, locator: str) -> Told:
    try:
        with open_scan(path) as file:
            head = file.read(HEAD_BYTES)
            if head[128:132] == b"DICM":
                file.seek(0)
                return _dicom(*read_elements(file))
    except ScanRefused as refused:
        return FileFacts(Kind.UNREADABLE, (refused.reason, refused.detail)), _NO_TEXTS
    except OSError:
        return FileFacts(Kind.UNREADABLE, ("unreadable", "")), _NO_TEXTS
    return _other(path, head, locator), _NO_TEXTS


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


def _dicom(dataset: HeaderElements, remaining: int) -> Told:
    texts = texts_to_line(sorted(header_identifiers(dataset)))
    try:
        header = parse_header(dataset, remaining)
        stacked = stack_of(dataset.dataset, header) if header.frames > 1 else None
    except ScanRefused as refused:
        return FileFacts(Kind.DICOM, (refused.reason, refused.detail), sop_class=_sop_class(dataset)), texts
    modality = header.modality or "OT"
    syntax = _uid_name(header.syntax)
    capture = header.secondary_capture
    facts = FileFacts(
        Kind.DICOM,
        (),
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
        looks=looks_of(dataset, syntax, modality, capture=capture, overlays=header.overlays),
    )
    return facts, texts


def _sop_class(dataset: HeaderElements) -> str:
    uid = _text(dataset, "SOPClassUID")
    name = _uid_name(uid)
    return name if name != uid else ""  # of another than a registered one the name is the number


@lru_cache(maxsize=256)
def _uid_name(uid: str) -> str:
    return UID(uid).name


def _text(dataset: HeaderElements, keyword: str) -> str:
    with contextlib.suppress(*BROKEN):
        return str(dataset.get(keyword) or "").strip(" \0")
    return ""


def _codes(dataset: HeaderElements) -> Iterator[tuple[str, str]]:
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
