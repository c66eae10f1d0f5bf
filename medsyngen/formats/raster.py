"""Reading PNG and JPEG files as grey images, without trusting what they claim. They carry no patient and no spacing."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from medsyngen.formats.allowance import allow
from medsyngen.formats.dicom_colour import luminance
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues, check_side

_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_BITS = {"1": 1, "L": 8, "LA": 8, "P": 8, "RGB": 8, "RGBA": 8, "I;16": 16, "I;16B": 16, "I": 16}
_EASY_PIXELS = 1 << 24
_MAX_RATIO = 200
"""An image may have 4096 x 4096 pixels, or this many for a byte of its file: as compressed DICOM."""
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    SyntaxError,  # what Pillow raises on a broken PNG
    TypeError,
    ValueError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class RasterHeader:
    """What the header of a usable image says.

    Args:
        rows: As shown, after the turn that a JPEG asks for.
        columns: Likewise.
        bits: 1, 8 or 16.
    """

    rows: int
    columns: int
    bits: int


def is_raster(path: Path) -> bool:
    """Returns whether the file starts like a PNG or JPEG; False where it can't be opened."""
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(_MARKS)
    except OSError:
        return False


def read_raster_header(path: Path) -> RasterHeader:
    """Reads and checks the header; no pixel is decoded.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with _opened(path) as image:
        columns, rows = image.size
        # Values 5 to 8 of the tag Orientation (Exif 2.3, 4.6.4) swap rows and columns.
        if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
            rows, columns = columns, rows
        return RasterHeader(rows, columns, _BITS[image.mode])


def read_raster(path: Path) -> ImageValues:
    """Reads one image as grey: of colours the luminance, as of coloured DICOM; what is see-through is refused.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with _opened(path) as image:
        bits = _BITS[image.mode]
        allow(4 * image.width * image.height, path.stat().st_size)
        pixels = _grey(ImageOps.exif_transpose(image))
    return ImageValues(np.ascontiguousarray(pixels, dtype=np.float32), (0.0, float(2**bits - 1)))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                _check(image, path.stat().st_size)
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ScanRefused("too-large") from None
    except _BROKEN:
        raise ScanRefused("unreadable") from None


def _check(image: Image.Image, file_bytes: int) -> None:
    columns, rows = image.size
    check_side(rows, columns)
    if rows * columns > max(_EASY_PIXELS, _MAX_RATIO * file_bytes):
        raise ScanRefused("too-large", "for so few compressed bytes")
    if image.mode not in _BITS:
        raise ScanRefused("coloured")
    if getattr(image, "n_frames", 1) != 1:
        raise ScanRefused("multi-frame")


def _grey(image: Image.Image) -> NDArray[np.float32]:
    if image.mode in ("1", "L", "I;16", "I;16B", "I"):
        pixels = np.asarray(image).astype(np.float32)
        if pixels.max(initial=0) > 2**16 - 1 or pixels.min(initial=0) < 0:
            raise ScanRefused("bit-depth")
        return pixels
    colours = np.asarray(image.convert("RGBA"))
    if colours[..., 3].min() != 255:
        raise ScanRefused("coloured", "and see-through")
    return luminance(colours[..., :3], "RGB").astype(np.float32)
