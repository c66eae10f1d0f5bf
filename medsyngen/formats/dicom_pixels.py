"""From stored pixels to modality values (PS3.3 C.11.1), MONOCHROME1 turned round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL.Image import DecompressionBombError
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from medsyngen.formats.dicom import DicomHeader, parse_header, read_dataset, read_header
from medsyngen.formats.guarding import guarded
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues


def read_pixels(path: Path) -> ImageValues:
    """Reads one grey single-frame image.

    Modality values are slope × stored + intercept, or the Modality LUT Sequence where there is one. MONOCHROME1 is then
    turned round within the range of the bit depth (low + high - value), so that bright means the same in every image.
    Windows of the file (VOI LUT, Window Center) are not applied: the recipe's window is.

    Args:
        path: A DICOM file.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    dataset, _ = read_dataset(path, pixels=True)
    if "PixelData" not in dataset:
        read_header(path)  # says why, if the header already tells
        raise ScanRefused("truncated")
    with guarded("undecodable"):
        header = parse_header(dataset, len(dataset.PixelData or b""))
        try:
            stored = _stored(dataset, header)
        except DecompressionBombError:
            raise ScanRefused("too-large") from None
        values, low, high = _to_modality(stored, dataset, header)
    if header.inverted:
        values = (low + high) - values
    return ImageValues(np.ascontiguousarray(values, dtype=np.float32), (low, high), header.spacing_mm)


def _stored(dataset: pydicom.Dataset, header: DicomHeader) -> NDArray[np.int32]:
    if header.syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        kind = np.dtype(f"<{'i' if header.signed else 'u'}{header.bits_allocated // 8}")
        array = np.frombuffer(dataset.PixelData, kind, header.rows * header.columns)
        array = array.reshape(header.rows, header.columns)
    else:
        # For RLE pydicom's own decoder is named: a compiled one can end the whole process on a forged file.
        dataset.pixel_array_options(decoding_plugin="pydicom" if header.syntax == RLELossless else "")
        array = np.asarray(dataset.pixel_array)
    if array.shape != (header.rows, header.columns) or array.dtype.kind not in "ui":
        raise ScanRefused("undecodable")
    # Bits above Bits Stored may hold overlays (PS3.5 section 8.1.1, retired): they are not part of the image.
    spare = 32 - header.bits_stored
    if header.signed:
        return (array.astype(np.int32) << spare) >> spare
    return array.astype(np.int32) & ((1 << header.bits_stored) - 1)


def _to_modality(
    stored: NDArray[np.int32], dataset: pydicom.Dataset, header: DicomHeader
) -> tuple[NDArray[Any], float, float]:
    if dataset.get("ModalityLUTSequence"):
        bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        if not 1 <= bits <= 16:
            raise ScanRefused("rescale")
        return apply_modality_lut(stored, dataset), 0.0, float(2**bits - 1)
    slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if slope == 0.0 or not np.isfinite([slope, intercept]).all() or abs(slope) > 1e6 or abs(intercept) > 1e9:
        raise ScanRefused("rescale")
    half = 1 << (header.bits_stored - 1)
    ends = (-half, half - 1) if header.signed else (0, 2 * half - 1)
    low, high = sorted(slope * end + intercept for end in ends)
    return stored * slope + intercept, low, high


def _number(dataset: pydicom.Dataset, keyword: str, default: float) -> float:
    value = dataset.get(keyword)
    if value is None or value == "":
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ScanRefused("rescale") from None
