"""What is refused by its header alone: objects that are no scans, sizes beyond reason, codecs that are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000MC,
    UID,
    JPEG2000MCLossless,
    JPEG2000TransferSyntaxes,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
)

from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import check_side

MOST_FRAMES: Final = 20_000
MOST_PIXELS: Final = 1 << 30
"""In all frames together: 4 GiB in float32."""
_CHEAP_PIXELS: Final = 1 << 24  # 4096 x 4096: cheap enough to try, whatever the file pays
_HONEST_RATIO: Final = 200
_CODECS: Final = {*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes} - {JPEG2000MC, JPEG2000MCLossless}
# Storage classes of PS3.4 table B.5-1 with pixels that are not what a scanner saw.
_DERIVED: Final[Mapping[str, str]] = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose",
}


def check_kind(sop_class: str, image_type: Sequence[str]) -> None:
    """Refuses what has pixels and is no scan.

    Args:
        sop_class: SOP Class UID.
        image_type: Image Type, value by value.

    Raises:
        ScanRefused: ``derived`` or ``mosaic``.
    """
    if sop_class in _DERIVED:
        raise ScanRefused("derived", _DERIVED[sop_class])
    if "MOSAIC" in image_type:
        raise ScanRefused("mosaic")


def check_size(rows: int, columns: int, frames: int) -> None:
    """Refuses sizes that can't be a scan.

    Raises:
        ScanRefused: ``not-an-image`` below one pixel, ``too-large`` for too many rows, columns, frames or pixels.
    """
    check_side(rows, columns)
    if frames > MOST_FRAMES or rows * columns * frames > MOST_PIXELS:
        raise ScanRefused("too-large", f"more than {MOST_FRAMES} frames, or {MOST_PIXELS >> 20} million pixels")


def check_pixel_data(syntax: str, bits_stored: int, native_bytes: int, pixels: int, remaining: int) -> None:
    """Refuses pixel data that can't be decoded here, or are too few for what the header claims.

    Args:
        syntax: Transfer syntax UID.
        bits_stored: Of a pixel.
        native_bytes: Of the pixels when not compressed.
        pixels: Of all frames.
        remaining: Bytes that the file has for them.

    Raises:
        ScanRefused: ``transfer-syntax``, ``codec``, ``truncated`` or ``too-large``.
    """
    encapsulated = _encapsulated(syntax)
    if encapsulated:
        _check_codec(UID(syntax), bits_stored)
    if not encapsulated and remaining < native_bytes:
        raise ScanRefused("truncated")
    # A few bytes that claim a huge image are a bomb, not a radiograph.
    if encapsulated and pixels > max(_CHEAP_PIXELS, _HONEST_RATIO * remaining):
        raise ScanRefused("too-large", "for so few compressed bytes")


@lru_cache(maxsize=64)
def _encapsulated(syntax: str) -> bool:
    uid = UID(syntax)
    if uid.is_private or not uid.is_transfer_syntax:
        raise ScanRefused("transfer-syntax", "not one of the standard's")
    return uid.is_encapsulated


def _check_codec(syntax: UID, bits_stored: int) -> None:
    try:
        usable = set(get_decoder(syntax).available_plugins)
    except NotImplementedError:
        usable = set()
    if syntax == JPEGExtended12Bit and bits_stored > 8:
        usable.discard("pillow")  # it takes 8 bits only
    if not usable:
        raise ScanRefused("codec" if syntax in _CODECS else "transfer-syntax", syntax.name)
