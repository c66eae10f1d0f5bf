"""Every DICOM, PNG and NIfTI file says in itself that it is synthetic; files are known by their bytes, not by name."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsyngen.verification.dicom_elements import elements
from medsyngen.verification.findings import Unreadable

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_GZIP: Final = b"\x1f\x8b"
_NIFTI_HEADER: Final = 352
_SUFFIXES: Final = {".dcm": "DICOM", ".png": "PNG", ".nii": "NIfTI", ".nii.gz": "NIfTI"}
SYNTHETIC_DATA, PATIENT_ID, PATIENT_NAME = (0x0008001C,), (0x00100020,), (0x00100010,)
STUDY_DESCRIPTION, SERIES_DESCRIPTION = (0x00081030,), (0x0008103E,)
EQUIPMENT_CODE, CONTRIBUTION = (0x0018A001, 0x0040A170, 0x00080100), (0x0018A001, 0x0018A003)


def kind_of(name: str, data: bytes) -> str | None:
    """Returns ``DICOM``, ``PNG``, ``NIfTI`` or None, by the first bytes, and by the name where these say nothing."""
    if data[128:132] == b"DICM":
        return "DICOM"
    if data.startswith(_PNG):
        return "PNG"
    if data[344:348] in (b"n+1\x00", b"ni1\x00"):
        return "NIfTI"
    return next((kind for suffix, kind in _SUFFIXES.items() if name.lower().endswith(suffix)), None)


def dicom_problems(data: bytes, sentence: str) -> Iterator[str]:
    """Yields the marks that a DICOM file lacks (PS3.3 C.12.1, C.7.5.2; PS3.16 CID 7005).

    Args:
        data: The file.
        sentence: How its privacy sentence must begin, somewhere in the description of the synthesizing equipment.
    """
    said: dict[tuple[int, ...], str] = {}
    for element in elements(data):
        said.setdefault(element.path, element.text if len(element.value) < 4096 else "")
    wanted = {
        "Synthetic Data (0008,001C) is not YES": said.get(SYNTHETIC_DATA) == "YES",
        "its Patient ID does not begin with SYN-": said.get(PATIENT_ID, "").startswith("SYN-"),
        "its Patient's Name is not SYNTHETIC": said.get(PATIENT_NAME, "").startswith("SYNTHETIC^"),
        "its study is not described as SYNTHETIC": said.get(STUDY_DESCRIPTION, "").startswith("SYNTHETIC"),
        "its series is not described as SYNTHETIC": said.get(SERIES_DESCRIPTION, "").startswith("SYNTHETIC"),
        "no synthesizing equipment (109100, DCM) is named": said.get(EQUIPMENT_CODE) == "109100",
        "it states another guarantee than the report": sentence in said.get(CONTRIBUTION, ""),
    }
    yield from (problem for problem, holds in wanted.items() if not holds)


def png_problems(data: bytes) -> Iterator[str]:
    """Yields what a PNG file lacks: one text chunk ``Synthetic`` that says YES (PNG 11.3.3)."""
    at, texts = len(_PNG), []
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : end]
        if data[end : end + 4] != zlib.crc32(kind + content).to_bytes(4, "big"):
            raise Unreadable("a PNG file that is cut off or damaged")
        texts += [content] if kind == b"tEXt" else []
        at = end + 4
    if b"Synthetic\x00YES" not in texts:
        yield "no text chunk says Synthetic: YES"


def nifti_problems(data: bytes) -> Iterator[str]:
    """Yields what a NIfTI-1 header lacks: the word synthetic in its description."""
    if b"synthetic" not in data[148:228].lower():
        yield "its description (descrip) does not say synthetic"


def _beginning(data: bytes) -> bytes:
    """Returns the data, or the beginning of what a gzip file holds."""
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return stream.read(_NIFTI_HEADER)
    except (OSError, EOFError, zlib.error):
        raise Unreadable("a gzip file that is cut off or damaged") from None


def mark_problems(folder: Path, files: list[str], sentence: str) -> tuple[list[str], dict[str, int]]:
    """Returns what is missing in which file, and how many files of each kind there are."""
    problems: list[str] = []
    counted: dict[str, int] = {}
    for name in files:
        try:
            data = _beginning((folder / name).read_bytes())
            kind = kind_of(name, data)
            if kind is None:
                continue
            counted[kind] = counted.get(kind, 0) + 1
            found = {
                "DICOM": lambda data: dicom_problems(data, sentence),
                "PNG": png_problems,
                "NIfTI": nifti_problems,
            }[kind](data)
            problems += [f"{name}: {problem}" for problem in found]
        except (OSError, Unreadable) as error:
            problems.append(f"{name}: {error if isinstance(error, Unreadable) else 'it cannot be read'}")
    return problems, counted
