"""What the header of a DICOM image says, checked before any memory for pixels is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import pydicom
from pydicom.uid import UID

from medsyngen.formats.dicom_checks import check_kind, check_pixel_data, check_size
from medsyngen.formats.dicom_elements import HeaderElements
from medsyngen.formats.dicom_groups import first_plane
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.guarding import guarded
from medsyngen.formats.plain_elements import tag_of
from medsyngen.formats.refusal import ScanRefused

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_COLOURED: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_PALETTE: Final = "PALETTE COLOR"
_OVERLAYS: Final = frozenset(tag_of(0x60003000 | number << 17) for number in range(16))
Elements = pydicom.Dataset | HeaderElements


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
        bits_allocated: 1, 8 or 16.
        bits_stored: 1 to ``bits_allocated``.
        signed: Pixel Representation (0028,0103) is 1.
        inverted: Photometric Interpretation (0028,0004) is MONOCHROME1.
        spacing_mm: Pixel Spacing, or Imager Pixel Spacing; empty where absent.
        samples: Samples per Pixel (0028,0002): 1, or 3 of a coloured image.
        photometric: Photometric Interpretation.
        frames: Number of Frames (0028,0008); 1 where absent.
        series: Series Instance UID (0020,000E).
        plane: Where the slice lies, or the first frame of several; None where the header does not say.
        sop_class: SOP Class UID (0008,0016).
        manufacturer: Manufacturer (0008,0070).
        burned_in: Burned In Annotation (0028,0301): ``YES``, ``NO`` or empty.
        image_type: Image Type (0008,0008), value by value.
        conversion_type: Conversion Type (0008,0064) of a secondary capture.
        body_part: Body Part Examined (0018,0015).
        overlays: Overlays (60xx,3000) beside the pixels; they are not part of the image as read.
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
    samples: int = 1
    photometric: str = "MONOCHROME2"
    frames: int = 1
    series: str = field(default="", repr=False)
    plane: SliceGeometry | None = None
    sop_class: str = ""
    manufacturer: str = ""
    burned_in: str = ""
    image_type: tuple[str, ...] = ()
    conversion_type: str = ""
    body_part: str = ""
    overlays: int = 0

    @property
    def native_bytes(self) -> int:
        """Bytes of the pixel data when not compressed."""
        pixels = self.frames * self.rows * self.columns
        if self.bits_allocated == 1:
            return -(-pixels // 8)
        # YBR_FULL_422 without compression: two pixels share their colour (PS3.3 C.7.6.3.1.2).
        halves = 4 if self.photometric == "YBR_FULL_422" and not self.compressed else 2 * self.samples
        return pixels * halves * (self.bits_allocated // 8) // 2

    @property
    def compressed(self) -> bool:
        """Whether the pixel data are encapsulated (PS3.5 Annex A.4)."""
        return _is_encapsulated(self.syntax)

    @property
    def coloured(self) -> bool:
        """Whether grey values have to be made from colours."""
        return self.photometric not in _GREY


@lru_cache(maxsize=64)
def _is_encapsulated(syntax: str) -> bool:
    return UID(syntax).is_encapsulated


def parse_header(dataset: Elements, remaining: int) -> DicomHeader:
    """Checks what the header says, before any memory for pixels is asked for.

    Args:
        dataset: Without pixel data.
        remaining: Bytes that there are for pixel data.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with guarded("unreadable"):
        if "Rows" not in dataset or "Columns" not in dataset:
            raise ScanRefused("not-an-image")
        header = _parse(dataset)
        if remaining == 0:
            raise ScanRefused("not-an-image", "no pixel data")
        pixels = header.rows * header.columns * header.frames
        check_pixel_data(header.syntax, header.bits_stored, header.native_bytes, pixels, remaining)
        return header


def _parse(dataset: Elements) -> DicomHeader:
    sop_class, image_type = _text(dataset, "SOPClassUID"), _texts(dataset, "ImageType")
    check_kind(sop_class, image_type)
    rows, columns, frames = _whole(dataset, "Rows"), _whole(dataset, "Columns"), _whole(dataset, "NumberOfFrames", 1)
    samples, photometric = _whole(dataset, "SamplesPerPixel", 1), _text(dataset, "PhotometricInterpretation")
    if (samples, photometric) not in {*((1, grey) for grey in (*_GREY, _PALETTE)), *((3, rgb) for rgb in _COLOURED)}:
        raise ScanRefused("coloured", "in a way that the standard retired, or that contradicts itself")
    check_size(rows, columns, max(1, frames))
    allocated, stored = _bits(dataset, samples)
    return DicomHeader(
        patient_id=_text(dataset, "PatientID"),
        issuer=_text(dataset, "IssuerOfPatientID"),
        instance=_text(dataset, "SOPInstanceUID"),
        modality=_text(dataset, "Modality"),
        secondary_capture=sop_class == SECONDARY_CAPTURE,
        syntax=_syntax(dataset),
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored,
        signed=_whole(dataset, "PixelRepresentation", 0) == 1,
        inverted=photometric == "MONOCHROME1",
        spacing_mm=_spacing(dataset),
        samples=samples,
        photometric=photometric,
        frames=max(1, frames),
        series=_text(dataset, "SeriesInstanceUID"),
        plane=first_plane(dataset, frames),
        sop_class=sop_class,
        manufacturer=_text(dataset, "Manufacturer"),
        burned_in=_text(dataset, "BurnedInAnnotation"),
        image_type=image_type,
        conversion_type=_text(dataset, "ConversionType"),
        body_part=_text(dataset, "BodyPartExamined"),
        overlays=_overlays(dataset),
    )


def _syntax(dataset: Elements) -> str:
    return dataset.syntax if isinstance(dataset, HeaderElements) else str(dataset.file_meta.TransferSyntaxUID)


def _overlays(dataset: Elements) -> int:
    tags = dataset.elements if isinstance(dataset, HeaderElements) else dataset._dict
    return 0 if _OVERLAYS.isdisjoint(tags) else len(_OVERLAYS.intersection(tags))


def _bits(dataset: Elements, samples: int) -> tuple[int, int]:
    allocated, stored = _whole(dataset, "BitsAllocated", 0), _whole(dataset, "BitsStored", 0)
    if allocated not in (1, 8, 16) or (allocated == 1 and samples != 1):
        raise ScanRefused("bit-depth", f"{allocated} bits allocated" if 0 <= allocated <= 64 else "")
    # PS3.5 section 8.1.1: High Bit is one less than Bits Stored; other places were retired.
    if not 1 <= stored <= allocated or _whole(dataset, "HighBit", stored - 1) != stored - 1:
        raise ScanRefused("bit-depth", "bits at a place that the standard retired")
    return allocated, stored


def _whole(dataset: Elements, keyword: str, default: int = 0) -> int:
    value = dataset.get(keyword)
    return default if value is None or value == "" else int(value)


def _text(dataset: Elements, keyword: str) -> str:
    value = dataset.get(keyword)
    if isinstance(value, str):
        return value.rstrip(" \0")
    return "\\".join(_parts(value)).rstrip(" \0")


def _texts(dataset: Elements, keyword: str) -> tuple[str, ...]:
    return _parts(dataset.get(keyword))


def _parts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(part) for part in value) if isinstance(value, pydicom.multival.MultiValue) else (str(value),)


def _spacing(dataset: Elements) -> tuple[float, ...]:
    value = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    if not isinstance(value, pydicom.multival.MultiValue) or len(value) != 2:
        return ()
    spacing = (float(value[0]), float(value[1]))
    return spacing if all(0 < mm < 1000 for mm in spacing) else ()
