"""From pixel data to stored values, frame by frame: every encoding that is read ends here in the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL.Image import DecompressionBombError
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from medsyngen.formats.codestream import FrameSize, check_frame, says_its_colours
from medsyngen.formats.dicom_colour import luminance
from medsyngen.formats.dicom_header import DicomHeader
from medsyngen.formats.refusal import ScanRefused


def stored_frames(dataset: pydicom.Dataset, header: DicomHeader) -> Iterator[NDArray[Any]]:
    """Yields each frame, shape (row, column): stored values (int32), or luminance (of any kind) where coloured.

    Args:
        dataset: With pixel data.
        header: Of the same file.

    Raises:
        ScanRefused: ``undecodable``, ``truncated`` or ``too-large``.
    """
    count = 0
    for frame, photometric in _encapsulated(dataset, header) if header.compressed else _native(dataset, header):
        shape = (header.rows, header.columns)
        if frame.shape not in (shape, (*shape, 3)) or frame.dtype.kind not in "ui":
            raise ScanRefused("undecodable")
        yield _without_spare_bits(frame, header) if header.samples == 1 else luminance(frame, photometric)
        count += 1
    if count < header.frames:
        raise ScanRefused("truncated")


def _without_spare_bits(array: NDArray[Any], header: DicomHeader) -> NDArray[np.int32]:
    # Bits above Bits Stored may hold overlays (PS3.5 section 8.1.1, retired): they are not part of the image.
    spare = 32 - header.bits_stored
    if header.signed:
        return (array.astype(np.int32) << spare) >> spare
    return array.astype(np.int32) & ((1 << header.bits_stored) - 1)


def _native(dataset: pydicom.Dataset, header: DicomHeader) -> Iterator[tuple[NDArray[Any], str]]:
    big = header.syntax == ExplicitVRBigEndian
    data = dataset.PixelData
    if big and header.bits_allocated <= 8 and dataset["PixelData"].VR == "OW":
        data = np.frombuffer(data[: len(data) // 2 * 2], "u2").byteswap().tobytes()
    pixels = header.rows * header.columns
    if header.bits_allocated == 1:
        yield from _packed(data, header)
        return
    kind = np.dtype(f"{'>' if big else '<'}{'i' if header.signed else 'u'}{header.bits_allocated // 8}")
    half = header.photometric == "YBR_FULL_422"
    values = pixels * (2 if half else header.samples)
    for number in range(header.frames):
        frame = np.frombuffer(data, kind, values, offset=number * values * kind.itemsize)
        if half:  # Y Y Cb Cr for every two pixels of a row: Y is all that is wanted
            frame = frame.reshape(-1, 4)[:, :2].reshape(header.rows, header.columns)
        elif header.samples == 1:
            frame = frame.reshape(header.rows, header.columns)
        elif dataset.get("PlanarConfiguration"):
            frame = np.moveaxis(frame.reshape(header.samples, header.rows, header.columns), 0, -1)
        else:
            frame = frame.reshape(header.rows, header.columns, header.samples)
        yield frame, header.photometric


def _packed(data: bytes, header: DicomHeader) -> Iterator[tuple[NDArray[Any], str]]:
    """One bit a pixel, the first in the lowest bit; frames follow each other without a gap (PS3.5 section 8.1.1)."""
    pixels = header.rows * header.columns
    for start in range(0, header.frames * pixels, pixels):
        part = np.frombuffer(data[start // 8 : -(-(start + pixels) // 8)], np.uint8)
        bits = np.unpackbits(part, bitorder="little")[start % 8 : start % 8 + pixels]
        yield bits.reshape(header.rows, header.columns), header.photometric


def _encapsulated(dataset: pydicom.Dataset, header: DicomHeader) -> Iterator[tuple[NDArray[Any], str]]:
    expected = FrameSize(header.rows, header.columns, header.samples)
    offsets = as_pixel_options(dataset).get("extended_offsets")
    jpeg = header.syntax == JPEGBaseline8Bit
    turned = []
    for data in generate_frames(dataset.PixelData, number_of_frames=header.frames, extended_offsets=offsets):
        check_frame(header.syntax, data, expected)
        turned.append(jpeg and says_its_colours(data))
    # A frame of JPEG is read by Pillow, whose word on colours is known. For RLE pydicom's own decoder is named: a
    # compiled one can end the whole process on a forged file.
    plugin = {JPEGBaseline8Bit: "pillow", RLELossless: "pydicom"}.get(UID(header.syntax), "")
    try:
        found = get_decoder(header.syntax).iter_array(dataset, raw=True, decoding_plugin=plugin)
        for (frame, said), is_rgb in zip(islice(found, header.frames), turned, strict=False):
            yield frame, "RGB" if is_rgb else str(said["photometric_interpretation"])
    except DecompressionBombError:
        raise ScanRefused("too-large") from None
