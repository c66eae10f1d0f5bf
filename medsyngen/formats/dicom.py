"""Reading the header of a DICOM file that nobody vouched for.

A file is DICOM by its mark (``DICM`` at byte 128, PS3.10 section 7.1), not by its name. Whatever is wrong with it ends
as a :class:`ScanRefused`; warnings of pydicom are held back, because they can quote values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.filereader import read_file_meta_info
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ImplicitVRLittleEndian

from medsyngen.formats.guarding import guarded
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import check_side

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")
_GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True)
class DicomHeader:
    """What the header of a usable image says; identifying values never show in ``repr``.

    Args:
        patient_id: Patient ID (0010,0020) without trailing padding; empty where absent.
        issuer: Issuer of Patient ID (0010,0021), likewise.
        instance: SOP Instance UID (0008,0018).
        modality: Modality (0008,0060).
        secondary_capture: The SOP class is Secondary Capture Image Storage.
        syntax: Transfer syntax UID.
        rows: Rows (0028,0010).
        columns: Columns (0028,0011).
        bits_allocated: 8 or 16.
        bits_stored: 1 to ``bits_allocated``.
        signed: Pixel Representation (0028,0103) is 1.
        inverted: Photometric Interpretation (0028,0004) is MONOCHROME1.
        spacing_mm: Pixel Spacing, or Imager Pixel Spacing; empty where absent.
    """

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    instance: str = field(repr=False)
    modality: str
    secondary_capture: bool
    syntax: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    inverted: bool
    spacing_mm: tuple[float, ...] = ()

    @property
    def native_bytes(self) -> int:
        """Bytes of the pixel data when not compressed."""
        return self.rows * self.columns * (self.bits_allocated // 8)

    @property
    def compressed(self) -> bool:
        """Whether the pixel data are encapsulated (PS3.5 Annex A.4)."""
        return UID(self.syntax).is_encapsulated


def is_dicom(path: Path) -> bool:
    """Returns whether the file carries the mark of PS3.10; False where it can't be opened."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_dataset(path: Path, *, pixels: bool = False) -> tuple[pydicom.Dataset, int]:
    """Reads the elements of a file, without pixel data unless asked for.

    Args:
        path: A DICOM file.
        pixels: Read the pixel data too.

    Returns:
        The dataset and the bytes of the file that are left for pixel data (0 if they were read or there are none).

    Raises:
        ScanRefused: ``not-dicom``, ``deflated``, ``transfer-syntax`` or ``unreadable``.
    """
    if not is_dicom(path):
        raise ScanRefused("not-dicom")
    with guarded("unreadable"):
        # The meta information comes first: reading a deflated dataset would unpack it without any limit.
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax in _DEFLATED:
            raise ScanRefused("deflated")
        if not syntax:
            raise ScanRefused("transfer-syntax", "the header names none")
        with path.open("rb") as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=not pixels)
            return dataset, _remaining(file, 8 if syntax == ImplicitVRLittleEndian else 12)


def _remaining(file: BinaryIO, header: int) -> int:
    here = file.tell()
    return max(0, file.seek(0, 2) - here - header)  # tag, representation and length of the pixel data don't count


def read_header(path: Path) -> DicomHeader:
    """Reads and checks the header of one file.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    dataset, remaining = read_dataset(path)
    return parse_header(dataset, remaining)


def parse_header(dataset: pydicom.Dataset, remaining: int) -> DicomHeader:
    """Checks what the header says, before any memory for pixels is asked for.

    Args:
        dataset: From :func:`read_dataset`, without pixel data.
        remaining: Bytes that there are for pixel data.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with guarded("unreadable"):
        header = _parse(dataset)
        if remaining == 0:
            raise ScanRefused("not-an-image", "no pixel data")
        _check_pixel_data(header, remaining)
        return header


def _parse(dataset: pydicom.Dataset) -> DicomHeader:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ScanRefused("not-an-image")
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or photometric not in _GREY:
        raise ScanRefused("coloured")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise ScanRefused("multi-frame")
    check_side(rows, columns)
    allocated = int(dataset.get("BitsAllocated", 0))
    stored = int(dataset.get("BitsStored", 0))
    # PS3.5 section 8.1.1: High Bit is one less than Bits Stored.
    if (
        allocated not in (8, 16)
        or not 1 <= stored <= allocated
        or int(dataset.get("HighBit", stored - 1)) != stored - 1
    ):
        raise ScanRefused("bit-depth")
    return DicomHeader(
        patient_id=_text(dataset, "PatientID"),
        issuer=_text(dataset, "IssuerOfPatientID"),
        instance=_text(dataset, "SOPInstanceUID"),
        modality=_text(dataset, "Modality"),
        secondary_capture=_text(dataset, "SOPClassUID") == SECONDARY_CAPTURE,
        syntax=str(dataset.file_meta.TransferSyntaxUID),
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored,
        signed=int(dataset.get("PixelRepresentation", 0)) == 1,
        inverted=photometric == "MONOCHROME1",
        spacing_mm=_spacing(dataset),
    )


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None:
        return ""
    parts = [str(part) for part in value] if isinstance(value, pydicom.multival.MultiValue) else [str(value)]
    return "\\".join(parts).rstrip(" \0")


def _spacing(dataset: pydicom.Dataset) -> tuple[float, ...]:
    value = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    if not isinstance(value, pydicom.multival.MultiValue) or len(value) != 2:
        return ()
    spacing = (float(value[0]), float(value[1]))
    return spacing if all(0 < mm < 1000 for mm in spacing) else ()


def _check_pixel_data(header: DicomHeader, remaining: int) -> None:
    syntax = UID(header.syntax)
    if syntax.is_private or not syntax.is_transfer_syntax:
        raise ScanRefused("transfer-syntax", "not one of the standard's")
    try:
        usable = get_decoder(syntax).is_available
    except NotImplementedError:
        usable = False
    if not usable:
        raise ScanRefused("transfer-syntax", syntax.name)
    if not header.compressed and remaining < header.native_bytes:
        raise ScanRefused("truncated")
    # A few bytes that claim a huge image are a bomb, not a radiograph; up to 4096 x 4096 is cheap enough to try.
    if header.compressed and header.rows * header.columns > max(1 << 24, 200 * remaining):
        raise ScanRefused("too-large", "for so few compressed bytes")
