"""From stored pixels to modality values (PS3.3 C.11.1), MONOCHROME1 turned round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_modality_lut

from medsyngen.formats.dicom import read_image
from medsyngen.formats.dicom_colour import Palette
from medsyngen.formats.dicom_frames import stored_frames
from medsyngen.formats.dicom_groups import planes_of, rescales_of
from medsyngen.formats.dicom_header import DicomHeader
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.guarding import guarded
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels


@dataclass(frozen=True, eq=False)
class FrameValues:
    """The frames of one object, in the order in which they are stored.

    Args:
        pixels: float32, shape (frame, row, column), in modality values; bright means dense tissue as in MONOCHROME2.
        value_range: Lowest and highest value that the bit depth and every frame's rescale can express.
        planes: Where each frame lies; None where the header does not say.
        spacing_mm: Distance between rows, between columns; empty where the header gives none for all frames.
    """

    pixels: Pixels = field(repr=False)
    value_range: tuple[float, float]
    planes: tuple[SliceGeometry | None, ...] = ()
    spacing_mm: tuple[float, ...] = ()


def read_pixels(path: Path) -> ImageValues:
    """Reads one single-frame image as grey values.

    Modality values are slope × stored + intercept, or the Modality LUT Sequence where there is one. MONOCHROME1 is then
    turned round within the range of the bit depth (low + high - value), so that bright means the same in every image.
    Windows of the file (VOI LUT, Window Center) are not applied: the recipe's window is. Of a coloured image the
    luminance is taken (:mod:`medsyngen.formats.dicom_colour`); a rescale does not apply to it (PS3.3 C.7.6.3.1.2).

    Args:
        path: A DICOM file.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    dataset, header = read_image(path)
    if header.frames > 1:
        raise ScanRefused("multi-frame")
    found = _read(dataset, header)
    return ImageValues(found.pixels[0], found.value_range, found.spacing_mm)


def read_frames(path: Path) -> FrameValues:
    """Reads all frames of an object, one or many, as :func:`read_pixels` does one.

    The rescale of an enhanced object is each frame's own (Pixel Value Transformation, PS3.3 C.7.6.16.2.9).

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    return _read(*read_image(path))


def _read(dataset: pydicom.Dataset, header: DicomHeader) -> FrameValues:
    with guarded("undecodable"):
        if not dataset.get("PixelData"):
            raise ScanRefused("not-an-image", "no pixel data")
        pixels: Pixels = np.empty((header.frames, header.rows, header.columns), np.float32)
        ends: list[float] = []
        for number, (values, low, high) in enumerate(_modality_values(dataset, header)):
            pixels[number] = (low + high) - values if header.inverted else values
            ends += [low, high]
        planes = planes_of(dataset, header.frames)
    spacing = header.spacing_mm or (planes[0].spacing_mm if header.frames == 1 and planes[0] else ())
    return FrameValues(pixels, (min(ends), max(ends)), planes, spacing)


def _modality_values(dataset: pydicom.Dataset, header: DicomHeader) -> Iterator[tuple[NDArray[Any], float, float]]:
    """Yields each frame with the lowest and the highest value that it could have."""
    frames = stored_frames(dataset, header)
    if header.photometric == "PALETTE COLOR":
        palette = Palette(dataset)
        yield from ((palette.look_up(stored), 0.0, palette.highest) for stored in frames)
    elif header.coloured:
        yield from ((grey, 0.0, float(2**header.bits_stored - 1)) for grey in frames)
    else:
        rescales = rescales_of(dataset, header.frames)
        for stored, rescale in zip(frames, rescales, strict=True):
            yield _to_modality(stored, rescale, header)


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
