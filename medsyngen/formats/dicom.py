"""Reading a DICOM file that nobody vouched for.

A file is DICOM by its mark (``DICM`` at byte 128, PS3.10 section 7.1), not by its name. Whatever is wrong with it ends
as a :class:`ScanRefused`; warnings of pydicom are held back, because they can quote values.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

import pydicom
from pydicom.filereader import read_dataset as read_elements_from

from medsyngen.formats.allowance import allow
from medsyngen.formats.archive import open_scan
from medsyngen.formats.dicom_elements import read_parts
from medsyngen.formats.dicom_header import SECONDARY_CAPTURE, DicomHeader, parse_header
from medsyngen.formats.guarding import guarded
from medsyngen.formats.refusal import ScanRefused

__all__ = ["SECONDARY_CAPTURE", "DicomHeader", "is_dicom", "parse_header", "read_dataset", "read_header", "read_image"]
_PIXELS: Final = 0x7FE0
_UNDEFINED: Final = 0xFFFFFFFF


def is_dicom(path: Path) -> bool:
    """Returns whether the file carries the mark of PS3.10; False where it can't be opened."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_dataset(path: Path) -> tuple[pydicom.Dataset, int]:
    """Reads the elements of a file before its pixel data.

    Args:
        path: A DICOM file, or one in an archive (:mod:`medsyngen.formats.archive`).

    Returns:
        The dataset and the bytes of the file that there are for pixel data.

    Raises:
        ScanRefused: ``not-dicom``, ``transfer-syntax``, ``too-large``, ``truncated`` or ``unreadable``.
    """
    with _opened(path) as file:
        elements, remaining, _ = read_parts(file)
        return elements.dataset, remaining


def read_image(path: Path) -> tuple[pydicom.Dataset, DicomHeader]:
    """Reads a file with its pixel data, once its header is checked.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with _opened(path) as file:
        elements, remaining, rest = read_parts(file)
        header, dataset = parse_header(elements, remaining), elements.dataset
        allow(max(header.native_bytes, header.frames * header.rows * header.columns), remaining)
        with guarded("undecodable"):
            _add_pixels(dataset, rest, remaining)
        return dataset, header


def _opened(path: Path) -> BinaryIO:
    try:
        return open_scan(path)
    except OSError:
        raise ScanRefused("not-dicom") from None


def _add_pixels(dataset: pydicom.Dataset, file: BinaryIO, remaining: int) -> None:
    implicit, little = map(bool, dataset.original_encoding)
    start = file.tell()
    length = int.from_bytes(file.read(8 if implicit else 12)[-4:], "little" if little else "big")
    if length != _UNDEFINED and length > remaining:
        raise ScanRefused("truncated")  # before memory for what isn't there is asked for
    file.seek(start)
    found = read_elements_from(file, implicit, little, stop_when=lambda tag, *_: tag >> 16 != _PIXELS)
    dataset.update({tag: found.get_item(tag) for tag in list(found._dict)})


def read_header(path: Path) -> DicomHeader:
    """Reads and checks the header of one file.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with _opened(path) as file:
        elements, remaining, _ = read_parts(file)
        return parse_header(elements, remaining)
